//! Renewals wait for the phones; phones are reset once for all of them (CSCup28852 of the original: a multi-server certificate reset
//! the same phones every seven minutes); a wrong clock.

use cluster::certificates::regenerate::Regenerate;
use cluster::service_control::Act;
use cluster::service_control::ControlService;
use std::net::IpAddr;

use bytes::Bytes;
use cluster::certificates::requests::RequestChoice;
use cluster::certificates::upload::Upload;
use cluster::devices::Device;
use cluster::held::{ListStatus, status};
use cluster::parameters::SecurityMode;
use cluster::rows::NodeRow;
use cluster::services::CHANGE_NOTIFICATION;
use cluster::units::Unit;
use pki::listing::ListKind;
use ringfence_core::change_notification::{LONGEST, QUIET};
use ringfence_core::files::NodeFiles;
use ringfence_core::{Cluster, CoreError};
use wire::file_name::FileName;

use crate::certificates::authority::Authority;
use crate::certificates::place::Place;

const MINUTE: i64 = 60_000;
const YEAR: i64 = 365 * 24 * 60 * MINUTE;
const PHONES: [&str; 5] =
    ["SEP000000000001", "SEP000000000002", "SEP000000000003", "SEP000000000004", "SEP000000000005"];

/// Five phones; the first two use the subscriber only.
async fn phones(place: &mut Place) {
    let device = |(index, name): (usize, &&str)| Device {
        nodes: if index < 2 { vec!["sub".to_owned()] } else { vec!["pub".to_owned(), "sub".to_owned()] },
        ..testbed::phone(name)
    };
    let devices: Vec<Device> = PHONES.iter().enumerate().map(device).collect();
    place.cluster.put_devices(&place.actor, &devices, &mut place.clock).await.unwrap();
}

/// These phones fetch a list of a node to its end.
async fn fetch(place: &Place, node: &NodeRow, kind: ListKind, names: &[&str]) {
    let files = NodeFiles::new(place.cluster.snapshot(node).await.unwrap(), None);
    let address: IpAddr = [127, 0, 0, 9].into();
    for name in names {
        let file = FileName::from_bytes(format!("{}{name}.tlv", kind.word()).as_bytes()).unwrap();
        let bytes: Bytes = files.fetch(&file, address, place.clock.now).unwrap();
        files.sent(&file, address, &bytes, place.clock.now);
    }
    place.cluster.note_fetched_lists(&files.fetched().take(node)).await.unwrap();
}

async fn renew(place: &mut Place, node: &NodeRow, unit: Unit) -> Result<(), (&'static str, String)> {
    let cluster = place.cluster.clone();
    match cluster.perform(&place.actor, node, &Regenerate::unit(unit), &mut place.clock).await {
        Ok(_) => Ok(()),
        Err(CoreError::Refused { label, text }) => Err((label, text)),
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_renewal_waits_for_the_phones() {
    let mut place = Place::new("15").await;
    let (publisher, subscriber) = (place.publisher.clone(), place.subscriber.clone());
    phones(&mut place).await;
    renew(&mut place, &publisher, Unit::CallManager).await.unwrap();
    fetch(&place, &publisher, ListKind::Itl, &PHONES[..1]).await;
    let refused = renew(&mut place, &subscriber, Unit::Tvs).await.unwrap_err();
    assert_eq!(refused.0, "guard-five-minutes");
    place.clock.now += 5 * MINUTE;
    let (label, text) = renew(&mut place, &subscriber, Unit::Tvs).await.unwrap_err();
    assert_eq!(label, "phones-hold-old-list");
    assert!(
        text.starts_with(
            "4 of 5 phones have not fetched an ITL file signed after the renewal of CallManager on pub: SEP000000000002, \
             SEP000000000003, SEP000000000004 and 1 more. "
        ),
        "{text}"
    );
    // The list of the subscriber was right before the renewal on the publisher and is so after it.
    fetch(&place, &subscriber, ListKind::Itl, &PHONES[1..4]).await;
    // A list that no node has made is no evidence.
    let address: IpAddr = [127, 0, 0, 9].into();
    let files = NodeFiles::new(place.cluster.snapshot(&publisher).await.unwrap(), None);
    let name = FileName::from_bytes(b"ITLSEP000000000005.tlv").unwrap();
    files.sent(&name, address, &Bytes::from_static(b"made up"), place.clock.now);
    place.cluster.note_fetched_lists(&files.fetched().take(&publisher)).await.unwrap();
    assert_eq!(renew(&mut place, &subscriber, Unit::Tvs).await.unwrap_err().0, "phones-hold-old-list");
    let held = place.cluster.held_lists(ListKind::Itl).await.unwrap();
    let states: Vec<ListStatus> = held.iter().map(status).collect();
    use ListStatus::{Match, MisMatch};
    assert_eq!(states, [Match, Match, Match, Match, MisMatch]);
    fetch(&place, &publisher, ListKind::Itl, &PHONES[4..]).await;
    renew(&mut place, &subscriber, Unit::Tvs).await.unwrap();

    // And now the other way round: the ITL of every node is new.
    place.clock.now += 5 * MINUTE;
    let (label, text) = renew(&mut place, &publisher, Unit::CallManager).await.unwrap_err();
    assert_eq!((label, text.starts_with("5 of 5 phones")), ("phones-hold-old-list", true), "{text}");
    let (cluster, reason) = (place.cluster.clone(), "all five are on a shelf");
    let blank = cluster
        .perform(&place.actor, &publisher, &Regenerate::unit(Unit::CallManager).forced(" "), &mut place.clock)
        .await;
    assert!(matches!(blank, Err(CoreError::BadInput(_))), "{blank:?}");
    cluster
        .perform(&place.actor, &publisher, &Regenerate::unit(Unit::CallManager).forced(reason), &mut place.clock)
        .await
        .unwrap();
    let audit = cluster.store().audit(20).await.unwrap();
    let forced = "; forced against phones-hold-old-list: all five are on a shelf";
    assert!(audit.iter().any(|entry| entry.result.ends_with(forced)), "{audit:?}");
    // five minutes are not forced
    let early =
        cluster.perform(&place.actor, &publisher, &Regenerate::unit(Unit::Tvs).forced(reason), &mut place.clock).await;
    assert!(matches!(early, Err(CoreError::Refused { label: "guard-five-minutes", .. })), "{early:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_waits_for_the_phones_too() {
    let mut place = Place::new("15").await;
    let (cluster, publisher) = (place.cluster.clone(), place.publisher.clone());
    let root = Authority::root("Company Root");
    place.trust(std::slice::from_ref(&root.certificate), &["TVS-trust"]).await;
    phones(&mut place).await;
    renew(&mut place, &publisher, Unit::CallManager).await.unwrap();
    place.clock.now += 5 * MINUTE;
    let signed = root.sign(&place.request(Unit::Tvs, &RequestChoice::default()).await, "");
    let (label, text) = place.refused(Unit::Tvs, signed.der(), None).await;
    assert_eq!(label, "phones-hold-old-list");
    assert!(text.ends_with(". `set cert import own force TVS FILE REASON` does it all the same"), "{text}");
    // a clock that is years wrong shows by the dates of the certificate, whatever is forced
    let reason = "the phones are on a shelf";
    for (force, ahead, wanted) in [
        (None, -2 * YEAR, "is valid from "),
        (Some(reason), -2 * YEAR, "is valid from "),
        (Some(reason), 3 * YEAR, "has expired on "),
        (Some(" "), 0, "force needs a reason"),
    ] {
        let upload = Upload { force: force.map(str::to_owned), ..Upload::new(Unit::Tvs, signed.der()) };
        place.clock.now += ahead;
        let refused = cluster.plan_upload(&place.actor, &publisher, upload, &mut place.clock).await;
        place.clock.now -= ahead;
        let text = refused.unwrap_err().to_string();
        assert!(text.contains(wanted), "{text}");
    }
    let upload = Upload::new(Unit::Tvs, signed.der()).forced(reason);
    let plan = cluster.plan_upload(&place.actor, &publisher, upload, &mut place.clock).await.unwrap();
    assert_ne!(place.shown(false, "TVS").await, signed, "a plan changes nothing");
    cluster.perform(&place.actor, &plan.at, &plan.upload, &mut place.clock).await.unwrap();
    assert_eq!(place.shown(false, "TVS").await, signed);
    let audit = cluster.store().audit(20).await.unwrap();
    let forced = format!("; forced against phones-hold-old-list: {reason}");
    assert!(
        audit.iter().any(|entry| entry.command == "set cert import own TVS on pub" && entry.result.ends_with(&forced))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_signers_do_not_change_behind_the_ctl() {
    let mut place = Place::new("15").await;
    let (cluster, publisher) = (place.cluster.clone(), place.publisher.clone());
    cluster.set_security_mode(&place.actor, &publisher, SecurityMode::Mixed, &mut place.clock).await.unwrap();
    phones(&mut place).await;
    renew(&mut place, &publisher, Unit::CallManager).await.unwrap();
    assert_eq!(renew(&mut place, &publisher, Unit::ItlRecovery).await.unwrap_err().0, "last-anchor");
    cluster.update_ctl(&place.actor, &publisher, &mut place.clock).await.unwrap();
    let (label, text) = renew(&mut place, &publisher, Unit::ItlRecovery).await.unwrap_err();
    assert_eq!(label, "phones-hold-old-list");
    assert!(text.starts_with("5 of 5 phones have not fetched the CTL file with the new CallManager"), "{text}");
    fetch(&place, &publisher, ListKind::Ctl, &PHONES).await;
    renew(&mut place, &publisher, Unit::ItlRecovery).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_reset_for_all_changes() {
    let mut place = Place::new("15").await;
    let (cluster, publisher, subscriber) = (place.cluster.clone(), place.publisher.clone(), place.subscriber.clone());
    phones(&mut place).await;
    assert_eq!(cluster.send_resets(place.clock.now).await.unwrap(), None);
    // tomcat resets nobody
    renew(&mut place, &publisher, Unit::Tomcat).await.unwrap();
    let nobody = cluster.send_resets(place.clock.now + QUIET).await.unwrap().unwrap();
    assert!(nobody.devices.is_empty() && nobody.reasons.is_empty(), "{nobody:?}");
    // TVS of the publisher: the phones of its groups
    renew(&mut place, &publisher, Unit::Tvs).await.unwrap();
    assert_eq!(cluster.send_resets(place.clock.now + QUIET - 1).await.unwrap(), None, "others may follow");
    let some = cluster.send_resets(place.clock.now + QUIET).await.unwrap().unwrap();
    assert_eq!(
        (some.devices.as_slice(), some.reasons.as_slice()),
        (&PHONES.map(str::to_owned)[2..], &["TVS of pub".to_owned()][..])
    );
    // a plan over both nodes: each phone once
    place.clock.now += 6 * MINUTE;
    fetch(&place, &publisher, ListKind::Itl, &PHONES).await;
    renew(&mut place, &publisher, Unit::CallManager).await.unwrap();
    place.clock.now += QUIET / 2;
    renew(&mut place, &subscriber, Unit::CallManager).await.unwrap();
    place.clock.now += QUIET / 2;
    renew(&mut place, &publisher, Unit::Capf).await.unwrap();
    assert_eq!(cluster.send_resets(place.clock.now).await.unwrap(), None);
    let all = cluster.send_resets(place.clock.now + QUIET).await.unwrap().unwrap();
    assert_eq!(all.devices, PHONES);
    assert_eq!(all.reasons, ["CallManager of pub", "CallManager of sub", "CAPF of pub"]);
    for minutes in 1..30 {
        let again = cluster.send_resets(place.clock.now + minutes * 7 * MINUTE).await.unwrap();
        assert_eq!(again, None, "nobody is reset again");
    }
    let changes = cluster.store().changes_after(0).await.unwrap();
    let resets: Vec<&str> =
        changes.iter().filter(|change| change.kind == "reset").map(|change| change.subject.as_str()).collect();
    assert_eq!(resets, ["3 phones (TVS of pub)", "5 phones (CallManager of pub, CallManager of sub, CAPF of pub)"]);

    cluster.store().write_log_lines().await.unwrap();
    let log = std::fs::read_to_string(place.folder.path().join("log/certCN.log")).unwrap();
    for name in PHONES {
        let count = log.lines().filter(|line| line.contains(&format!(", name={name}, "))).count();
        assert_eq!(count, if PHONES[..2].contains(&name) { 1 } else { 2 }, "{name}");
    }
    // The number of a certificate is its own, whichever step it was written in, and goes on behind the last one.
    let numbers: Vec<(u32, u32)> = log
        .lines()
        .map(|line| line.split_once(" |").unwrap().0.split_once('.').unwrap())
        .map(|(number, line)| (number.parse().unwrap(), line.parse().unwrap()))
        .collect();
    assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{log}");
    let mut certificates: Vec<u32> = numbers.iter().map(|(number, _)| *number).collect();
    certificates.dedup();
    assert_eq!(certificates, [1, 2, 3, 4, 5], "{log}");
    // Each certificate ends with its line, and each phone that is reset is a row that was moved to.
    let count = |text: &str| log.lines().filter(|line| line.contains(text)).count();
    assert_eq!(count("|finish cnf on table certificate"), count("|Cnf Received: "), "{log}");
    assert_eq!(count("|DB: MoveNext(): FALSE"), count("|Sending device reset(2)"), "{log}");
    assert_eq!(count("|DB: MoveNext(): TRUE"), count("|DB: CFastAccess(Group Reset)"), "{log}");
    let tvs = cluster.find_certificate(&publisher, false, "TVS").await.unwrap();
    let row = cluster.store().certificates().await.unwrap().into_iter().find(|row| row.pem == tvs.to_pem()).unwrap();
    for wanted in [
        "|AppInfo |DB: CFastAccess(certificate)".to_owned(),
        format!("|AppInfo |DB: SQL1[select * from certificate where pkid = '{}'];]", row.pkid),
        format!("|AppInfo |DB: SQL2[select * from certificate where pkid = '{}'];]", row.pkid),
        "|AppInfo |DB: ~CFastAccess(certificate)".to_owned(),
        format!("|AppInfo |Cnf Received: certificate U {}, size(", row.pkid),
        format!("|AppInfo |ProcessCnf Y: certificate U {}, size(", row.pkid),
        "|AppInfo |DB: CFastAccess(Group Reset)".to_owned(),
        format!("|AppInfo |DB: SQL2[execute procedure dbSelectAllRelatedDevices('CALLMANAGER', '{}')]", publisher.pkid),
        format!("')], ccmPkid[{}]", publisher.pkid),
        format!(
            "|AppInfo |Certificate CNF. ProcessDbChangeNotify - (certificate, action=2) Cert pkid={}. DEBOUNCED (:2320)",
            row.pkid
        ),
        format!(
            "Cert pkid={}, serverName=pub, IPv4=127.0.0.1, IPv6=, issuerName=L=Krakow,ST=Malopolska,CN=pub.example.com,OU=TAC,\
             O=Cisco,C=PL. Process it. (:1318)",
            row.pkid
        ),
        format!("tkcertificateservice=11/ fkCert={}. (:1413)", row.pkid),
        format!("|AppInfo |Certificate CNF. Leads to CallManager pkid={}. Name=CM_pub. (:1197)", publisher.pkid),
        "Certificate CNF. isITLRelatedRole=SERVICE_CALLMANAGER leads to an active TFTP node (:1260)".to_owned(),
        format!("SQL1[execute procedure dbSelectAllRelatedDevices('CALLMANAGER', '{}')]", publisher.pkid),
        format!("tkmodel=8861 cache=Y fk1=<{}> fk2=<{}>", publisher.pkid, subscriber.pkid),
        "|AppInfo |finish cnf on table certificate".to_owned(),
    ] {
        assert!(log.contains(&wanted), "{wanted}\n{log}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_two_years_wrong() {
    let mut place = Place::new("15").await;
    let (cluster, publisher) = (place.cluster.clone(), place.publisher.clone());
    let stamp = |node: &NodeRow| {
        let list = cluster.published_list(node, ListKind::Itl).unwrap().unwrap().list;
        assert!(pki::verify::check_against_itself(&list).verdict.is_valid());
        list.header().timestamp().unwrap()
    };
    let first = stamp(&publisher);
    // back: certificates are refused, the list that a parameter changes is still newer than the one before
    place.clock.now -= 2 * YEAR;
    let (label, text) = renew(&mut place, &publisher, Unit::CallManager).await.unwrap_err();
    assert_eq!(label, "clock-behind");
    assert!(text.contains("set the clock first"), "{text}");
    cluster.set_parameter(&place.actor, "TFTPFileSignatureAlgorithm", "SHA-512", &mut place.clock).await.unwrap();
    let second = stamp(&publisher);
    assert!(second > first);
    // ahead, a renewal, and right again: nothing waits for two years
    place.clock.now += 4 * YEAR;
    renew(&mut place, &publisher, Unit::CallManager).await.unwrap();
    let third = stamp(&publisher);
    assert!(third > second);
    place.clock.now -= 2 * YEAR;
    assert_eq!(renew(&mut place, &publisher, Unit::Tvs).await.unwrap_err().0, "clock-behind");
    let reason = "the clock was two years ahead";
    cluster
        .perform(&place.actor, &publisher, &Regenerate::unit(Unit::CallManager).forced(reason), &mut place.clock)
        .await
        .unwrap();
    assert!(stamp(&publisher) > third);
    let told = cluster.last_audit(&place.actor, 5).await.unwrap().into_iter().map(|row| row.result);
    let told: Vec<String> = told.filter(|result| result.contains("new certificate")).collect();
    assert!(told.iter().any(|one| one.ends_with(&format!("; forced against clock-behind: {reason}"))), "{told:?}");
    place.clock.now += 5 * MINUTE;
    renew(&mut place, &publisher, Unit::Tvs).await.unwrap();
    assert!(cluster.send_resets(place.clock.now - 3 * MINUTE).await.unwrap().is_some(), "resets do not wait either");
}

/// Another process renames a node while a shell is open: what the shell does is done to the node as it is now.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_was_renamed_since() {
    let mut place = Place::new("15").await;
    let (cluster, old) = (place.cluster.clone(), place.subscriber.clone());
    let change = cluster::network::NetworkChange::Hostname("moved".to_owned());
    cluster.set_network(&place.actor, &old, &change, &mut place.clock).await.unwrap();
    place.clock.now += 10 * MINUTE;
    let renewed = cluster
        .perform(&place.actor, &old, &Regenerate::unit(Unit::Ipsec).forced("a test"), &mut place.clock)
        .await
        .unwrap();
    assert_eq!(renewed.certificate.common_name().unwrap().split('.').next(), Some("moved"));
    let told = cluster.last_audit(&place.actor, 3).await.unwrap();
    assert!(told.iter().any(|row| row.command == "set cert regen ipsec on moved"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_service_resets_nobody_and_forgets_nothing() {
    let mut place = Place::new("15").await;
    let (cluster, publisher, subscriber) = (place.cluster.clone(), place.publisher.clone(), place.subscriber.clone());
    phones(&mut place).await;
    cluster
        .perform(&place.actor, &publisher, &ControlService::new(CHANGE_NOTIFICATION, Act::Stop), &mut place.clock)
        .await
        .unwrap();
    renew(&mut place, &subscriber, Unit::CallManager).await.unwrap();
    assert_eq!(cluster.send_resets(place.clock.now + LONGEST).await.unwrap(), None);
    cluster.store().write_log_lines().await.unwrap();
    let log = place.folder.path().join("log/certCN.log");
    assert!(!log.exists(), "nobody is told to be reset");
    // The log cannot be written, as when the node is killed behind the step: the rows have the names.
    std::fs::create_dir(&log).unwrap();
    cluster
        .perform(&place.actor, &publisher, &ControlService::new(CHANGE_NOTIFICATION, Act::Start), &mut place.clock)
        .await
        .unwrap();
    let all = cluster.send_resets(place.clock.now + LONGEST).await.unwrap().unwrap();
    assert_eq!(all.devices, PHONES);
    let named = async |cluster: &Cluster| {
        let changes = cluster.store().changes_after(0).await.unwrap();
        let seq = changes.iter().rfind(|change| change.kind == "reset").unwrap().seq;
        cluster.store().device_resets(seq).await.unwrap()
    };
    assert_eq!(named(&cluster).await, PHONES);
    // the next one has its own
    place.clock.now += 6 * MINUTE;
    fetch(&place, &subscriber, ListKind::Itl, &PHONES).await;
    fetch(&place, &publisher, ListKind::Itl, &PHONES).await;
    renew(&mut place, &publisher, Unit::Tvs).await.unwrap();
    cluster.send_resets(place.clock.now + QUIET).await.unwrap().unwrap();
    assert_eq!(named(&cluster).await, PHONES[2..]);
}
