//! What the certificate monitor takes for used: the same that a deletion refuses.

use cluster::certificates::regenerate::Regenerate;
use cluster::certificates::requests::RequestChoice;
use cluster::monitor::decide::alarm_of;
use cluster::monitor::watched::Watched;
use cluster::parameters::SecurityMode;
use cluster::rollback::SetRollback;
use cluster::rows::NewLsc;
use cluster::units::Unit;
use ringfence_core::alarms::Receiver;

use crate::certificates::authority::Authority;
use crate::certificates::place::Place;

/// What the monitor says of a file of a trust store long after it has expired: its severity, and what depends on it.
async fn expired(place: &Place, file: &str) -> (u8, Vec<String>) {
    let all = place.cluster.watched().await.unwrap();
    let one: &Watched = all.iter().find(|one| one.file == file).unwrap_or_else(|| panic!("{file}: {all:#?}"));
    let schedule = place.cluster.monitor_schedule(90, 168);
    let alarm = alarm_of(one, &schedule, (one.not_after + 86_400) * 1000).unwrap();
    (alarm.severity(), one.depends.clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_root_two_levels_above_tomcat_is_used() {
    let mut place = Place::new("15").await;
    let root = Authority::root("Root One");
    let middle = root.below("Middle One");
    let stranger = Authority::root("Stranger");
    let all = [&root, &middle, &stranger].map(|authority| authority.certificate.clone());
    place.trust(&all, &["tomcat-trust"]).await;
    for file in ["Root_One.der", "Middle_One.der", "Stranger.der"] {
        assert_eq!(expired(&place, file).await, (6, Vec::new()), "{file}: nobody uses it yet");
    }
    let request = place.request(Unit::Tomcat, &RequestChoice::default()).await;
    let signed = middle.sign(&request, "");
    place.upload(Unit::Tomcat, signed.to_pem().as_bytes(), None).await.unwrap();
    for file in ["Root_One.der", "Middle_One.der"] {
        let (severity, depends) = expired(&place, file).await;
        assert_eq!((severity, depends), (0, vec!["CA above tomcat".to_owned()]), "{file}");
    }
    assert_eq!(expired(&place, "Stranger.der").await, (6, Vec::new()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_lists_name_is_used() {
    let mut place = Place::new("15").await;
    let (cluster, publisher) = (place.cluster.clone(), place.publisher.clone());
    cluster.set_security_mode(&place.actor, &publisher, SecurityMode::Mixed, &mut place.clock).await.unwrap();
    let old = place.files("CAPF-trust").await.remove(0).replace(".pem", ".der");
    cluster.perform(&place.actor, &publisher, &Regenerate::unit(Unit::Capf), &mut place.clock).await.unwrap();
    let (severity, depends) = expired(&place, &old).await;
    assert_eq!(severity, 0);
    assert!(depends.iter().any(|words| words.starts_with("named by CTL of pub, CTL of sub")), "{depends:?}");
    cluster.update_ctl(&place.actor, &publisher, &mut place.clock).await.unwrap();
    let (severity, depends) = expired(&place, &old).await;
    assert_eq!((severity, depends), (6, Vec::new()), "no list names it any more, and it issued nothing");
}

/// LSCs that end one second after the other, from `first` (seconds since 1970) on. Their PEM is none: nobody may read it here.
async fn lscs(place: &Place, count: i64, first: i64) {
    let mut transaction = place.cluster.store().begin().await.unwrap();
    for number in 0..count {
        let new = NewLsc {
            device: format!("SEP{number:012X}"),
            serial: format!("{number:016x}"),
            subject: String::new(),
            issuer: String::new(),
            issuer_fingerprint: "00".to_owned(),
            not_before: 0,
            not_after: first + number,
            to_be_signed: String::new(),
        };
        let fingerprint = pki::hash::hex(&pki::hash::sha256(new.device.as_bytes()));
        transaction.import_lsc(&new, "no certificate", &fingerprint, 0).await.unwrap();
    }
    transaction.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_lscs_are_gone_through_in_pages() {
    const LSCS: i64 = 2500;
    const DAY: i64 = 86_400;
    let mut place = Place::new("15").await;
    let (cluster, node) = (place.cluster.clone(), place.publisher.clone());
    let now = place.clock.now;
    let schedule = cluster.monitor_schedule(30, 168);
    // 2000 of them have a month or less
    lscs(&place, LSCS, schedule.horizon(now) - 1999).await;
    let look = cluster.monitor(&node, &schedule, true, &[Receiver::Mail], now).await.unwrap();
    assert_eq!((look.lscs, look.next - now), (2000, DAY * 1000));
    let off = cluster.monitor(&node, &schedule, false, &[], now).await.unwrap();
    assert_eq!(off.lscs, 0);
    // a receiver that takes nothing: the rest stands in the log
    assert_eq!(cluster.undelivered_alarms(Receiver::Mail).await.unwrap().len(), 1000);
    cluster.store().write_log_lines().await.unwrap();
    let log = std::fs::read_to_string(place.folder.path().join("log/alarms.log")).unwrap();
    assert_eq!(log.lines().filter(|line| line.contains(" Type:lsc ")).count(), 2000);
    let numbers = log.lines().map(|line| line.split(": pub.example.com: ").next().unwrap().parse().unwrap());
    assert_eq!(numbers.collect::<Vec<i64>>(), (1..=i64::try_from(log.lines().count()).unwrap()).collect::<Vec<_>>());
    assert_eq!(
        cluster.monitor(&node, &schedule, true, &[], now + 1000).await.unwrap().lscs,
        1,
        "one more has come near"
    );

    // by its key: what is known is not said again, the others are
    let digits = pki::hash::hex(&pki::hash::sha256(b"SEP000000000003"));
    let known =
        cluster.acknowledge(&place.actor, &digits[..10], "it is at the repair", &mut place.clock).await.unwrap();
    assert_eq!((known.unit.as_str(), known.fingerprint.as_str()), ("SEP000000000003", digits.as_str()));
    let later = now + 7 * DAY * 1000 + 1000;
    let again = cluster.monitor(&node, &schedule, true, &[], later).await.unwrap();
    assert_eq!(again.lscs, 2499, "all, and the rest came near");
    let mut pages = cluster.watched_lscs(i64::MAX);
    let (mut count, mut largest, mut acknowledged) = (0, 0, 0);
    while let Some(page) = pages.next().await.unwrap() {
        count += page.lscs.len();
        largest = largest.max(page.lscs.len());
        acknowledged += page.lscs.iter().filter(|one| one.acknowledged.is_some()).count();
    }
    assert_eq!((count, largest, acknowledged), (2500, 1000, 1));
    assert!(cluster.take_back_acknowledgement(&place.actor, &digits, &mut place.clock).await.unwrap());
}

/// What stands goes where all alarms go: once, however often it is looked at and for whatever reason it is raised again, and then that it is over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receivers_hear_of_what_stands_and_that_it_has_ended() {
    let mut place = Place::new("15").await;
    let (cluster, node) = (place.cluster.clone(), place.publisher.clone());
    let now = place.clock.now;
    let heard = async |receiver| {
        let rows = cluster.undelivered_alarms(receiver).await.unwrap();
        cluster.note_delivered_alarms(receiver, i64::MAX).await.unwrap();
        rows.into_iter().map(|row| (row.alarm, row.text)).collect::<Vec<_>>()
    };
    let names = async |cluster: &ringfence_core::Cluster| {
        cluster.tell_ended_alarms(now).await.unwrap();
        let by_mail = heard(Receiver::Mail).await;
        assert_eq!(by_mail, heard(Receiver::Syslog).await, "each receiver hears the same");
        by_mail.into_iter().map(|(name, text)| format!("{name} {}", text.contains("=Over: "))).collect::<Vec<_>>()
    };
    assert_eq!(names(&cluster).await, ["UC_CERT-4-ITLRecoveryCertBackup false"]);
    assert_eq!(names(&cluster).await, [""; 0]);
    for why in ["the disk is full", "the disk is gone"] {
        cluster.part_is_behind(&node, "lists", why, now).await.unwrap();
    }
    assert_eq!(names(&cluster).await, ["UC_CERT-3-NodeBehind false"]);
    cluster.part_is_behind(&node, "lists", "the disk is full again", now).await.unwrap();
    assert_eq!(names(&cluster).await, [""; 0], "the same alarm");
    cluster.part_follows(&node, "lists").await.unwrap();
    assert_eq!(names(&cluster).await, ["UC_CERT-3-NodeBehind true"]);
    assert_eq!(names(&cluster).await, [""; 0]);
    cluster.perform(&place.actor, &node, &SetRollback { on: true }, &mut place.clock).await.unwrap();
    assert_eq!(names(&cluster).await, ["UC_TVS-6-RollBackToPre8.0Enabled false"]);
    cluster.perform(&place.actor, &node, &SetRollback { on: false }, &mut place.clock).await.unwrap();
    assert_eq!(names(&cluster).await, ["UC_TVS-6-RollBackToPre8.0Disabled false"], "its end is an alarm of its own");
    let key = place.shown(false, "TVS").await.key_id();
    let key = place.folder.path().join(format!("keys/{}.pem", pki::hash::hex(&key)));
    let kept = std::fs::read(&key).unwrap();
    std::fs::remove_file(&key).unwrap();
    cluster.watch_unreadable(now).await.unwrap();
    assert_eq!(names(&cluster).await, ["UC_DB-3-RowUnreadable false"]);
    std::fs::write(&key, kept).unwrap();
    cluster.watch_unreadable(now).await.unwrap();
    assert_eq!(names(&cluster).await, ["UC_DB-3-RowUnreadable true"]);
    cluster.store().write_log_lines().await.unwrap();
    let log = std::fs::read_to_string(place.folder.path().join("log/alarms.log")).unwrap();
    assert_eq!(log.lines().filter(|line| line.contains("=Over: ")).count(), 2, "{log}");
}

/// What stood before receivers were told of such alarms: they hear of it once, by a line of the log, and they hear of its end. No number is
/// missing in the log.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receivers_hear_of_what_stood_before_they_were_told() {
    let place = Place::new("15").await;
    let (cluster, node) = (place.cluster.clone(), place.publisher.clone());
    let now = place.clock.now;
    cluster.part_is_behind(&node, "lists", "the disk is full", now).await.unwrap();
    let mut transaction = cluster.store().begin().await.unwrap();
    for alarm in cluster.store().standing_alarms().await.unwrap() {
        transaction.forget_told_alarm(&alarm.name, &alarm.subject).await.unwrap();
    }
    transaction.commit().await.unwrap();
    for receiver in Receiver::ALL {
        cluster.note_delivered_alarms(receiver, i64::MAX).await.unwrap();
    }
    cluster.store().write_log_lines().await.unwrap();
    let log = || std::fs::read_to_string(place.folder.path().join("log/alarms.log")).unwrap();
    let before = log().lines().count();
    for _ in 0..2 {
        cluster.tell_ended_alarms(now + 60_000).await.unwrap();
    }
    cluster.store().write_log_lines().await.unwrap();
    let log = log();
    assert_eq!(log.lines().count(), before + 2, "{log}");
    let numbers = log.lines().map(|line| line.split_once(": ").unwrap().0.parse::<usize>().unwrap());
    assert_eq!(numbers.collect::<Vec<_>>(), (1..=before + 2).collect::<Vec<_>>());
    for receiver in Receiver::ALL {
        let rows = cluster.undelivered_alarms(receiver).await.unwrap();
        let mut names: Vec<&str> = rows.iter().map(|row| row.alarm.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["UC_CERT-3-NodeBehind", "UC_CERT-4-ITLRecoveryCertBackup"]);
        for row in &rows {
            assert!(log.lines().any(|line| line == row.text), "{} is not in {log}", row.text);
            // The line of then has another number.
            let (_, line) = row.text.split_once(": ").unwrap();
            assert_eq!(log.matches(line).count(), 2, "{line} in {log}");
        }
        cluster.note_delivered_alarms(receiver, i64::MAX).await.unwrap();
    }
    cluster.part_follows(&node, "lists").await.unwrap();
    cluster.tell_ended_alarms(now).await.unwrap();
    let ended = cluster.undelivered_alarms(Receiver::Mail).await.unwrap();
    assert!(matches!(&ended[..], [row] if row.text.contains("=Over: lists of ")), "{}", ended.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stands_waits_in_a_limited_number_too() {
    let place = Place::new("15").await;
    let cluster = place.cluster.clone();
    let mut transaction = cluster.store().begin().await.unwrap();
    for number in 0..1001 {
        let (alarm, subject) = (&cluster::alarms::NODE_BEHIND, format!("part {number}"));
        let stood = cluster.stand(&mut transaction, &place.publisher, alarm, &subject, "it is", place.clock.now);
        stood.await.unwrap();
    }
    transaction.commit().await.unwrap();
    let waiting = cluster.undelivered_alarms(Receiver::Syslog).await.unwrap();
    assert_eq!(waiting.len(), 1000);
    assert!(waiting.last().unwrap().text.contains("it is"), "the newest stay");
}
