//! One certificate for all nodes.

use cluster::certificates::regenerate::Regenerate;
use cluster::certificates::requests::RequestChoice;
use cluster::certificates::upload::Upload;
use cluster::parameters::SecurityMode;
use cluster::units::Unit;
use pki::listing::ListKind;
use pki::verify::check_against_itself;
use wire::role::Role;

use crate::certificates::authority::Authority;
use crate::certificates::place::Place;

/// CSCur97909 of the original: the self-signed certificates stayed in the stores of the nodes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_nodes_had_before_is_gone_everywhere() {
    let mut place = Place::new("15").await;
    let (cluster, publisher, subscriber) = (place.cluster.clone(), place.publisher.clone(), place.subscriber.clone());
    let actor = place.actor.clone();
    cluster.set_security_mode(&actor, &publisher, SecurityMode::Mixed, &mut place.clock).await.unwrap();
    let mut old = Vec::new();
    for node in [&publisher, &subscriber] {
        old.push(cluster.find_certificate(node, false, "CallManager").await.unwrap());
    }
    let root = Authority::root("Company Root");
    place.trust(std::slice::from_ref(&root.certificate), &["CallManager-trust"]).await;
    let request = place.request(Unit::CallManager, &RequestChoice { multi_server: true, ..Default::default() }).await;
    let signed = root.sign(&request, "");

    // from the other node than the one that made the request; first only said, then done
    let file = signed.to_pem();
    let upload = Upload::new(Unit::CallManager, file.as_bytes());
    let plan = cluster.plan_upload(&actor, &subscriber, upload, &mut place.clock).await.unwrap();
    let lines = plan.lines().join("\n");
    assert!(lines.starts_with("pub: CallManager becomes CN=pub-ms.example.com;"), "{lines}");
    assert!(lines.contains("\nsub: CallManager becomes ") && lines.contains("in the place of CN=sub.example.com;"));
    assert!(lines.ends_with("the key travels from pub to the key stores of pub, sub"), "{lines}");
    assert_eq!(place.shown(false, "CallManager").await, old[0], "a plan changes nothing");
    let before = cluster.store().changes_after(0).await.unwrap().last().unwrap().seq;
    cluster.perform(&actor, &plan.at, &plan.upload, &mut place.clock).await.unwrap();

    cluster.store().write_log_lines().await.unwrap();
    for log in ["log/CertMgmt.log", "nodes/sub/log/CertMgmt.log"] {
        let log = std::fs::read_to_string(place.folder.path().join(log)).unwrap();
        assert!(log.contains(" INFO [main] - op:upload\n") && log.contains(" - unit:CallManager\n"), "{log}");
    }
    for (node, directory) in [(&publisher, "keys"), (&subscriber, "nodes/sub/keys")] {
        assert_eq!(cluster.find_certificate(node, false, "CallManager").await.unwrap(), signed);
        let key = place.folder.path().join(directory).join(format!("{}.pem", pki::hash::hex(&signed.key_id())));
        assert!(key.exists(), "{}", key.display());
        let itl = cluster.published_list(node, ListKind::Itl).unwrap().unwrap().list;
        assert!(check_against_itself(&itl).verdict.is_valid());
        let inside = |certificate: &[u8]| itl.records().any(|record| record.certificate() == Some(certificate));
        assert!(inside(signed.der()) && !old.iter().any(|old| inside(old.der())));
    }
    let rows = cluster.store().certificates().await.unwrap();
    for old in &old {
        let fingerprint = pki::hash::hex(&old.sha256());
        assert!(!rows.iter().any(|row| row.fingerprint == fingerprint), "{old:?} is still there");
    }
    assert_eq!(rows.iter().filter(|row| row.fingerprint == pki::hash::hex(&signed.sha256())).count(), 1);
    // CSCup28852: phones of both nodes are reset once, for all changes together
    let changes = cluster.store().changes_after(before).await.unwrap();
    assert!(!changes.iter().any(|change| change.kind == "reset"), "{changes:?}");
    assert!(cluster.send_resets(place.clock.now + 10_000).await.unwrap().is_some());
    assert_eq!(cluster.send_resets(place.clock.now + 20_000).await.unwrap(), None);
    assert!(cluster.requests(&publisher).await.unwrap().is_empty());

    // in the CTL it stands once, as that of the publisher
    cluster.update_ctl(&actor, &publisher, &mut place.clock).await.unwrap();
    let ctl = cluster.published_list(&subscriber, ListKind::Ctl).unwrap().unwrap().list;
    assert_eq!(ctl.records().filter(|record| record.role() == Some(Role::CCM_TFTP)).count(), 1);

    // one node leaves it: the other one keeps certificate, copies and key
    place.clock.now += 10 * 60_000;
    cluster.perform(&actor, &publisher, &Regenerate::unit(Unit::CallManager), &mut place.clock).await.unwrap();
    assert_eq!(cluster.find_certificate(&subscriber, false, "CallManager").await.unwrap(), signed);
    assert!(place.files("CallManager-trust").await.contains(&"pub-ms.example.com.pem".to_owned()));
    assert!(place.files("Phone-SAST-trust").await.contains(&"pub-ms.example.com.pem".to_owned()));
    assert!(place.shown(false, "CallManager").await.is_self_issued());
    cluster.perform(&actor, &subscriber, &Regenerate::unit(Unit::CallManager), &mut place.clock).await.unwrap();
    assert!(!place.files("CallManager-trust").await.contains(&"pub-ms.example.com.pem".to_owned()));
}
