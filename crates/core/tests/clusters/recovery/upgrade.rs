//! Upgrades and downgrades.

use cluster::parameters::SecurityMode;
use cluster::releases::switch::CarriedRecovery;
use cluster::releases::switch::SwitchRelease;
use cluster::units::Unit;
use cluster::{Actor, Level};
use pki::listing::ListKind;
use ringfence_core::{Cluster, CoreError};

use crate::recovery::place::{Place, label};

async fn switch(place: &mut Place, to: &str, recovery: CarriedRecovery) -> Result<(), CoreError> {
    place.clock.now += 60_000;
    let node = place.publisher.clone();
    let from = place
        .cluster
        .perform(&place.actor, &node, &SwitchRelease { name: to.to_owned(), recovery }, &mut place.clock)
        .await?;
    assert_ne!(from.name, to);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn up_and_down_again_carries_the_ctl_to_the_byte() {
    let mut place = Place::mixed("10.5").await;
    let (publisher, subscriber) = (place.publisher.clone(), place.subscriber.clone());
    let ctl = place.list(&publisher, ListKind::Ctl).into_bytes();
    let recovery = place.own(&publisher, Unit::ItlRecovery).await;
    assert!(place.own(&subscriber, Unit::ItlRecovery).await.is_some(), "each node has one before 12.5");
    switch(&mut place, "15", CarriedRecovery::Kept).await.unwrap();
    assert_eq!(place.list(&publisher, ListKind::Ctl).into_bytes(), ctl);
    assert_eq!(place.own(&publisher, Unit::ItlRecovery).await, recovery, "the certificate of the publisher is kept");
    assert_eq!(place.own(&subscriber, Unit::ItlRecovery).await, None);
    for node in [&publisher, &subscriber] {
        assert!(place.signer(node, ListKind::Itl).starts_with("CN=ITLRECOVERY_labserver1."));
    }
    // another process that has the cluster open follows too
    let other = Cluster::open(place.folder.path(), jiff::tz::TimeZone::UTC).await.unwrap().unwrap();
    assert_eq!(other.release().name, "15");
    switch(&mut place, "10.5", CarriedRecovery::Kept).await.unwrap();
    assert_eq!(other.release().name, "15");
    other.parameters().await.unwrap();
    assert_eq!(other.release().name, "10.5");
    assert_eq!(place.list(&publisher, ListKind::Ctl).into_bytes(), ctl);
    assert!(place.signer(&subscriber, ListKind::Itl).starts_with("CN=labserver2."));
    assert!(place.own(&subscriber, Unit::ItlRecovery).await.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_9_1_a_cluster_gets_its_first_itlrecovery() {
    let mut place = Place::new("9.1").await;
    let publisher = place.publisher.clone();
    assert_eq!(place.own(&publisher, Unit::ItlRecovery).await, None);
    assert_eq!(place.list(&publisher, ListKind::Itl).record_count(), 5);
    let cluster = place.cluster.clone();
    let refused = cluster.set_security_mode(&place.actor, &publisher, SecurityMode::Mixed, &mut place.clock).await;
    let refused = refused.unwrap_err();
    assert_eq!(label(&refused), "no-tokenless-ctl");
    assert!(refused.to_string().starts_with("Release 9.1 has no CTL file without tokens"), "{refused}");
    assert_eq!(cluster.parameters().await.unwrap().security_mode(), SecurityMode::NonSecure);
    switch(&mut place, "11.5", CarriedRecovery::Kept).await.unwrap();
    assert!(place.own(&publisher, Unit::ItlRecovery).await.is_some());
    assert_eq!(place.list(&publisher, ListKind::Itl).record_count(), 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_12_5_renews_the_recovery_certificate() {
    let mut place = Place::mixed("11.5").await;
    let publisher = place.publisher.clone();
    let before = place.own(&publisher, Unit::ItlRecovery).await;
    let refused = switch(&mut place, "15", CarriedRecovery::Renewed).await.unwrap_err();
    assert_eq!(label(&refused), "recovery-is-kept");
    assert_eq!(place.cluster.release().name, "11.5");
    switch(&mut place, "12.5", CarriedRecovery::Renewed).await.unwrap();
    assert_ne!(place.own(&publisher, Unit::ItlRecovery).await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_upgrade() {
    let mut place = Place::new("15").await;
    let (publisher, subscriber) = (place.publisher.clone(), place.subscriber.clone());
    assert_eq!(label(&switch(&mut place, "15", CarriedRecovery::Kept).await.unwrap_err()), "same-release");
    let unknown = switch(&mut place, "8.6", CarriedRecovery::Kept).await.unwrap_err().to_string();
    assert_eq!(unknown, "no release 8.6; there are 9.1, 10.5, 11.5, 12.5, 14, 15");
    let cluster = place.cluster.clone();
    let reader = Actor::new("reader", Level::Read);
    let kept = CarriedRecovery::Kept;
    let refused = cluster
        .perform(&reader, &publisher, &SwitchRelease { name: "14".to_owned(), recovery: kept }, &mut place.clock)
        .await;
    assert!(matches!(refused, Err(CoreError::NotPermitted { .. })));
    let refused = cluster
        .perform(&place.actor, &subscriber, &SwitchRelease { name: "14".to_owned(), recovery: kept }, &mut place.clock)
        .await;
    assert_eq!(label(&refused.unwrap_err()), "not-publisher");
}
