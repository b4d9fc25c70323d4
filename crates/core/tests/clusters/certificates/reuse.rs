//! One certificate for tomcat and CallManager.

use cluster::certificates::regenerate::Regenerate;
use cluster::certificates::requests::RequestChoice;
use cluster::units::Unit;
use pki::listing::ListKind;
use pki::verify::check_against_itself;
use ringfence_core::CoreError;
use wire::role::Role;

use crate::certificates::authority::Authority;
use crate::certificates::place::Place;

async fn refused(place: &mut Place, from: Unit) -> &'static str {
    match place.cluster.plan_reuse(&place.actor, &place.subscriber, from, None, &mut place.clock).await {
        Err(CoreError::Refused { label, .. }) => label,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_certificate_of_all_nodes() {
    let mut place = Place::new("15").await;
    let (cluster, publisher, subscriber) = (place.cluster.clone(), place.publisher.clone(), place.subscriber.clone());
    assert_eq!(refused(&mut place, Unit::Tvs).await, "no-reuse");
    assert_eq!(refused(&mut place, Unit::Tomcat).await, "not-multi-server");
    let root = Authority::root("Company Root");
    place.trust(std::slice::from_ref(&root.certificate), &["tomcat-trust"]).await;
    let choice = RequestChoice { multi_server: true, ..Default::default() };
    let signed = root.sign(&place.request(Unit::Tomcat, &choice).await, "");
    place.upload(Unit::Tomcat, signed.der(), None).await.unwrap();
    assert_eq!(refused(&mut place, Unit::Tomcat).await, "no-chain");
    place.trust(std::slice::from_ref(&root.certificate), &["CallManager-trust"]).await;

    let plan = cluster.plan_reuse(&place.actor, &subscriber, Unit::Tomcat, None, &mut place.clock).await.unwrap();
    place.clock.now += 10 * 60_000;
    cluster.perform(&place.actor, &plan.at, &plan.upload, &mut place.clock).await.unwrap();
    // the certificate is older than five minutes, its use for CallManager is not
    let early = cluster.perform(&place.actor, &publisher, &Regenerate::unit(Unit::Tvs), &mut place.clock).await;
    assert!(matches!(early, Err(CoreError::Refused { label: "guard-five-minutes", .. })), "{early:?}");
    for node in [&publisher, &subscriber] {
        assert_eq!(cluster.find_certificate(node, false, "CallManager").await.unwrap(), signed);
        let own = cluster.list_certificates(node, false).await.unwrap();
        assert!(own.iter().any(|line| line.starts_with("tomcat/")), "{own:?}");
        assert!(!own.iter().any(|line| line.starts_with("CallManager/")), "hidden: {own:?}");
        let itl = cluster.published_list(node, ListKind::Itl).unwrap().unwrap().list;
        assert!(check_against_itself(&itl).verdict.is_valid());
        let mut records = itl.records().filter(|record| record.certificate() == Some(signed.der()));
        assert!(records.any(|record| record.role() == Some(Role::TFTP)), "it signs configs");
    }
    let pending = cluster.pending_restarts().await.unwrap();
    for node in ["pub", "sub"] {
        let of_node = |cause: &String| *cause == format!("CallManager of {node}");
        assert!(pending.iter().any(|it| it.step == "Cisco HAProxy" && it.causes.iter().any(of_node)), "{pending:?}");
    }
    let audit = cluster.store().audit(5).await.unwrap();
    assert!(audit.iter().any(|entry| entry.command == "set cert reuse tomcat on pub, sub"), "{audit:?}");
    assert_eq!(refused(&mut place, Unit::Tomcat).await, "already-there");

    // tomcat goes its own way again: CallManager keeps what phones know, and is listed
    cluster.perform(&place.actor, &publisher, &Regenerate::unit(Unit::Tomcat), &mut place.clock).await.unwrap();
    assert_eq!(place.shown(false, "CallManager").await, signed);
    let own = cluster.list_certificates(&publisher, false).await.unwrap();
    assert!(own.contains(&"CallManager/CallManager.pem: Certificate Signed by Company Root".to_owned()), "{own:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn not_before_14() {
    let mut place = Place::new("12.5").await;
    assert_eq!(refused(&mut place, Unit::Tomcat).await, "no-reuse");
}
