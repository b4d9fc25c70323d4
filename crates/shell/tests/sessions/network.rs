//! `set network`: a node that gets another address, host name or domain, without a phone left behind.

use crate::node::Place;
use cluster::Level;
use cluster::Surroundings;
use cluster::rows::FetchedListRow;
use cluster::units::Unit;
use ringfence_core::ListKind;
use shell::Outcome;

const PHONE: &str = crate::phones::FIRST;
const FIVE_MINUTES: i64 = 5 * 60 * 1000;

/// The phone fetches the ITL that the node gives out now.
async fn fetches(place: &Place) {
    let node = place.cluster.node(None).await.unwrap();
    let list = place.cluster.published_list(&node, ListKind::Itl).unwrap().unwrap().list;
    let row = FetchedListRow {
        device: PHONE.to_owned(),
        kind: "ITL".to_owned(),
        digest: pki::hash::hex(&pki::hash::sha256(list.bytes())),
        server_name: node.name,
        address: "10.0.0.77".to_owned(),
        fetched_at: place.clock.now(),
    };
    place.cluster.note_fetched_lists(&[row]).await.unwrap();
}

/// The certificates of the node, DER.
async fn certificates(place: &Place) -> Vec<Vec<u8>> {
    let all = place.cluster.node_certificates().await.unwrap();
    Unit::ALL.into_iter().filter_map(|unit| Some(all[0].get(unit).unwrap()?.der().to_vec())).collect()
}

/// CN of the node's certificate of a unit.
async fn name(place: &Place, unit: Unit) -> String {
    let all = place.cluster.node_certificates().await.unwrap();
    all[0].get(unit).unwrap().unwrap().common_name().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_address_renews_nothing() {
    let mut place = Place::of("15", &[("solo", "10.0.0.5")]).await;
    crate::phones::add(&mut place, &[PHONE]).await;
    let mut session = place.session(None, Level::Install).await;
    let before = certificates(&place).await;
    fetches(&place).await;
    let (shown, outcome) = place.type_in(&mut session, &["set network ip 10.0.0.9", "yes"]).await;
    assert_eq!(outcome, Outcome::Done, "{shown}");
    for said in [
        "solo (10.0.0.5) becomes solo (10.0.0.9).\n",
        "Certificates: none is renewed.\n",
        "Configs: TVS and CAPF get the new address. DHCP must name it too.\n",
        "Phones: 1 of 1 were seen with an ITL that names the current signers: they believe.\n",
        "This is the only node: no other TVS vouches for it.",
        "Phones need DHCP option 150 (or 66) with 10.0.0.9 and a boot.",
    ] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
    assert_eq!(certificates(&place).await, before);
    let itl = place.cluster.published_list(session.node(), ListKind::Itl).unwrap().unwrap().list;
    let names = |address: [u8; 4]| itl.bytes().windows(4).any(|bytes| bytes == address);
    assert!(names([10, 0, 0, 9]) && !names([10, 0, 0, 5]));
    for (wrong, reason) in [
        ("set network ip 10.0.0.9", "solo is that already"),
        ("set network ip 10.0.0", "`10.0.0` is not an IPv4 address"),
        ("set network ip 0.0.0.0", "is not an address that phones can reach"),
        ("set network hostname so_lo", "is not a host name"),
        ("set network domain example..com", "is not a host name"),
    ] {
        let (shown, outcome) = place.type_in(&mut session, &[wrong]).await;
        assert!(outcome == Outcome::Refused && shown.contains(reason), "{shown}");
    }
    // Who has never been seen is named, and a no changes nothing.
    crate::phones::add(&mut place, &[crate::phones::SECOND]).await;
    let (shown, outcome) = place.type_in(&mut session, &["set network ip 10.0.0.7", "no"]).await;
    assert!(shown.contains(&format!("so they may have to ask a TVS: {}\n", crate::phones::SECOND)), "{shown}");
    assert_eq!((outcome, session.node().address.as_str()), (Outcome::Declined, "10.0.0.9"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_name_is_renewed_step_by_step() {
    let mut place = Place::of("15", &[("solo", "10.0.0.5")]).await;
    crate::phones::add(&mut place, &[PHONE]).await;
    let mut session = place.session(None, Level::Install).await;
    fetches(&place).await;
    let rename = ["set network hostname duo", "yes"];
    let (shown, outcome) = place.type_in(&mut session, &rename).await;
    assert_eq!(outcome, Outcome::Done, "{shown}");
    assert!(shown.contains("Later, one by one, when the phones have the lists: TVS, ITLRecovery\n"), "{shown}");
    assert!(shown.contains("Not renewed yet: TVS: comes after CallManager\n"), "{shown}");
    assert_eq!((session.node().name.as_str(), name(&place, Unit::Tomcat).await.as_str()), ("duo", "duo"));
    let names = async |place: &Place| {
        [name(place, Unit::CallManager).await, name(place, Unit::Tvs).await, name(place, Unit::ItlRecovery).await]
    };
    assert_eq!(names(&place).await, ["duo", "solo", "ITLRECOVERY_solo"]);
    // The plan says what will be done, and no more; a new address is none of the business of names.
    let (shown, _) = place.type_in(&mut session, &["set network hostname duo", "no"]).await;
    for said in [
        "Certificates: none is renewed now.\n",
        "Not now: TVS: CallManager certificate was modified in the last 5 minutes.",
        "Later, one by one, when the phones have the lists: ITLRecovery\n",
    ] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
    assert!(!shown.contains("renewed now, as the guard allows"), "{shown}");
    let (shown, _) = place.type_in(&mut session, &["set network ip 10.0.0.6", "yes"]).await;
    assert!(shown.contains("Certificates: none is renewed.\n") && !shown.contains("Not renewed yet"), "{shown}");
    assert_eq!(names(&place).await, ["duo", "solo", "ITLRECOVERY_solo"]);
    let (shown, _) = place.type_in(&mut session, &["set network ip 10.0.0.6"]).await;
    assert!(shown.contains("duo is that already: its address is 10.0.0.6") && !shown.contains("name"), "{shown}");
    // Neither time nor phones alone are enough.
    let (shown, _) = place.type_in(&mut session, &rename).await;
    assert!(shown.contains("Not renewed yet: TVS: ") && names(&place).await[1] == "solo", "{shown}");
    place.clock.now += FIVE_MINUTES;
    let (shown, _) = place.type_in(&mut session, &rename).await;
    assert!(shown.contains("have not fetched an ITL file signed after the renewal of CallManager on duo"), "{shown}");
    assert_eq!(names(&place).await, ["duo", "solo", "ITLRECOVERY_solo"]);
    fetches(&place).await;
    place.type_in(&mut session, &rename).await;
    assert_eq!(names(&place).await, ["duo", "duo", "ITLRECOVERY_solo"]);
    // The way back stays until the phones have what came before.
    place.clock.now += FIVE_MINUTES;
    let (shown, _) = place.type_in(&mut session, &rename).await;
    assert!(shown.contains("signed after the renewal of TVS on duo"), "{shown}");
    fetches(&place).await;
    place.type_in(&mut session, &rename).await;
    assert_eq!(names(&place).await, ["duo", "duo", "ITLRECOVERY_duo"]);
    let (shown, outcome) = place.type_in(&mut session, &rename[..1]).await;
    assert!(outcome == Outcome::Refused && shown.contains("duo is that already"), "{shown}");
    // Renewals and evidence are known under the new name, and the keys are found.
    place.cluster.settle(&mut place.clock).await.unwrap();
    assert!(place.cluster.anchors().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriber_keeps_its_directory() {
    let mut place = Place::new("15").await;
    let mut session = place.session(Some("cucm-1051-a-sub1"), Level::Install).await;
    let (shown, _) = place.type_in(&mut session, &["set network domain example.com", "yes"]).await;
    assert!(shown.contains("cucm-1051-a-sub1.example.com (10.48.47.154) it is now.\n"), "{shown}");
    let (shown, outcome) = place.type_in(&mut session, &["set network ip 10.48.47.153"]).await;
    assert!(outcome == Outcome::Refused && shown.contains("(10.48.47.153) has this address already"), "{shown}");
    let (shown, outcome) = place.type_in(&mut session, &["set network hostname cucm-1051-a-pub"]).await;
    assert!(outcome == Outcome::Refused && shown.contains("has this name already"), "{shown}");
    place.type_in(&mut session, &["set network hostname sub2", "yes"]).await;
    let node = place.cluster.node(Some("sub2")).await.unwrap();
    assert_eq!(place.cluster.directory(&node).root(), place.folder.path().join("nodes/cucm-1051-a-sub1"));
    assert!(place.cluster.snapshot(&node).await.is_ok(), "its keys are found");
}
