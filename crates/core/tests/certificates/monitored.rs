//! What the certificate monitor takes for used: the same that a deletion refuses.

use ringfence_core::certificates::requests::RequestChoice;
use ringfence_core::monitor::{Watched, alarm_of};
use ringfence_core::parameters::SecurityMode;
use ringfence_core::units::Unit;

use crate::authority::Authority;
use crate::place::Place;

/// What the monitor says of a file of a trust store long after it has expired: its severity, and what depends on it.
async fn expired(place: &Place, file: &str) -> (u8, Vec<String>) {
    let all = place.cluster.watched(false).await.unwrap();
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
    cluster.regenerate(&place.actor, &publisher, Unit::Capf, &mut place.clock).await.unwrap();
    let (severity, depends) = expired(&place, &old).await;
    assert_eq!(severity, 0);
    assert!(depends.iter().any(|words| words.starts_with("named by CTL of pub, CTL of sub")), "{depends:?}");
    cluster.update_ctl(&place.actor, &publisher, &mut place.clock).await.unwrap();
    let (severity, depends) = expired(&place, &old).await;
    assert_eq!((severity, depends), (6, Vec::new()), "no list names it any more, and it issued nothing");
}
