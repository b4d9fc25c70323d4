//! Phones that nobody added: they fetch a list, then `XMLDefault.cnf.xml` or a config by hand, and renewals wait for them.

use cluster::certificates::regenerate::Regenerate;
use std::net::IpAddr;

use bytes::Bytes;
use cluster::held::{ListStatus, STRANGERS_FOR, status};
use cluster::rows::{FetchedListRow, NodeRow, StrangerListRow};
use cluster::units::Unit;
use cluster::{Actor, Level};
use pki::listing::ListKind;
use ringfence_core::CoreError;
use ringfence_core::files::{FileError, FolderSettings, NodeFiles};
use ringfence_core::recovery::itl_reset::ResetKey;
use trust::{Belief, Decision, Model, Offer, Verdict};
use wire::file_name::FileName;

use crate::certificates::place::Place;

const MINUTE: i64 = 60_000;
const STRANGER: &str = "SEP0000000000AA";
const BY_HAND: &str = "SEP0000000000BB";

fn address(last: u8) -> IpAddr {
    [10, 0, 0, last].into()
}

/// A phone boots against the files of a node, in the order of a real one; what it fetched is written down.
async fn boot(place: &Place, files: &NodeFiles, name: &str, from: IpAddr) {
    let now = place.clock.now;
    let fetch = |file: &str| -> Option<Bytes> {
        let file = FileName::from_bytes(file.as_bytes()).unwrap();
        match files.fetch(&file, from, now) {
            Ok(bytes) => {
                files.sent(&file, from, &bytes, now);
                Some(bytes)
            }
            Err(FileError::NotFound) => None,
            Err(error) => panic!("{error}"),
        }
    };
    fetch(&format!("CTL{name}.tlv"));
    assert!(fetch(&format!("ITL{name}.tlv")).is_some());
    if fetch(&format!("{name}.cnf.xml.sgn")).is_none() {
        assert!(fetch("XMLDefault.cnf.xml.sgn").is_some());
    }
    let fetched = files.fetched();
    place.cluster.note_fetched_lists(&fetched.take(&place.publisher)).await.unwrap();
    place.cluster.note_stranger_lists(&fetched.take_strangers(&place.publisher)).await.unwrap();
}

async fn files(place: &Place) -> NodeFiles {
    NodeFiles::new(place.cluster.snapshot(&place.publisher).await.unwrap(), None)
}

async fn renew(place: &mut Place, node: &NodeRow, unit: Unit) -> Result<(), (&'static str, String)> {
    let cluster = place.cluster.clone();
    match cluster.perform(&place.actor, node, &Regenerate::unit(unit), &mut place.clock).await {
        Ok(_) => Ok(()),
        Err(CoreError::Refused { label, text }) => Err((label, text)),
        Err(other) => panic!("{other}"),
    }
}

async fn add(place: &mut Place, name: &str) {
    place.cluster.put_devices(&place.actor, &[testbed::phone(name)], &mut place.clock).await.unwrap();
}

/// It lives by XMLDefault.cnf.xml, so the first renewal of the signer waits until it has a config of its own, or is given up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_renewal_waits_for_a_phone_without_a_config() {
    for release in ["9.1", "10.5", "11.5"] {
        let mut place = Place::new(release).await;
        let publisher = place.publisher.clone();
        boot(&place, &files(&place).await, STRANGER, address(1)).await;
        let (label, text) = renew(&mut place, &publisher, Unit::CallManager).await.unwrap_err();
        assert_eq!(label, "phones-without-tvs", "{release}");
        for said in [
            "1 of 1 phones have no config of their own yet and live by XMLDefault.cnf.xml: SEP0000000000AA. ",
            ". 1 of them nobody added (SEP0000000000AA): `ringfence device add` makes them phones of the cluster, \
             `ringfence device forget NAME` (or `all`) says that they are none. `",
            " does it all the same",
        ] {
            assert!(text.contains(said), "{said}\n{text}");
        }
        // Added, but still with the config of before
        add(&mut place, STRANGER).await;
        let (label, text) = renew(&mut place, &publisher, Unit::CallManager).await.unwrap_err();
        assert_eq!((label, text.contains("nobody added")), ("phones-without-tvs", false), "{text}");
        boot(&place, &files(&place).await, STRANGER, address(1)).await;
        renew(&mut place, &publisher, Unit::CallManager).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_12_0_on_a_new_callmanager_does_not_touch_the_signer() {
    let mut place = Place::new("15").await;
    let publisher = place.publisher.clone();
    boot(&place, &files(&place).await, STRANGER, address(1)).await;
    renew(&mut place, &publisher, Unit::CallManager).await.unwrap();
    // but the second renewal waits for it as for any phone
    place.clock.now += 5 * MINUTE;
    let (label, text) = renew(&mut place, &publisher, Unit::Tvs).await.unwrap_err();
    assert_eq!(label, "phones-hold-old-list");
    assert!(
        text.starts_with("1 of 1 phones have not fetched an ITL file signed after the renewal of CallManager"),
        "{text}"
    );
    assert!(text.contains("1 of them nobody added (SEP0000000000AA)"), "{text}");
    boot(&place, &files(&place).await, STRANGER, address(1)).await;
    renew(&mut place, &publisher, Unit::Tvs).await.unwrap();
}

/// What a phone without TVS believes of the ITL that the publisher gives out now.
fn takes(place: &Place, belief: &mut Belief) -> bool {
    let list = place.cluster.published_list(&place.publisher, ListKind::Itl).unwrap().unwrap().list;
    match trust::judge(belief, &Offer::Itl(list.bytes())) {
        Decision::Final(Verdict::Accepted(accepted)) => {
            belief.apply(&accepted);
            true
        }
        _ => false,
    }
}

/// From 12.0 on ITLRecovery signs the ITL, and CallManager what `utils itl reset localkey` makes: a phone without TVS has no third.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_12_0_on_one_of_the_two_signers_stays() {
    for (release, first) in [
        ("12.5", Unit::ItlRecovery),
        ("14", Unit::ItlRecovery),
        ("15", Unit::ItlRecovery),
        ("12.5", Unit::CallManager),
        ("15", Unit::CallManager),
    ] {
        let mut place = Place::new(release).await;
        let publisher = place.publisher.clone();
        let second = if first == Unit::CallManager { Unit::ItlRecovery } else { Unit::CallManager };
        let mut belief = Belief::new(Model::find("8861").unwrap());
        belief.boot_begins();
        boot(&place, &files(&place).await, STRANGER, address(1)).await;
        assert!(takes(&place, &mut belief));
        belief.boot_begins();
        renew(&mut place, &publisher, first).await.unwrap();
        let (label, text) = renew(&mut place, &publisher, second).await.unwrap_err();
        assert_eq!(label, "phones-without-tvs", "{release} {first:?}: {text}");
        assert!(text.contains("`ringfence device add`") && text.contains("does it all the same"), "{text}");
        if first == Unit::ItlRecovery {
            assert!(text.contains("`utils itl reset localkey`"), "{text}");
            // It fetches what it cannot check: that is no evidence.
            boot(&place, &files(&place).await, STRANGER, address(1)).await;
            assert!(!takes(&place, &mut belief));
            assert_eq!(renew(&mut place, &publisher, second).await.unwrap_err().0, "phones-without-tvs");
            let cluster = place.cluster.clone();
            let actor = Actor::new("admin", Level::Install);
            cluster.reset_itl(&actor, &publisher, &ResetKey::Local, &mut place.clock).await.unwrap();
            // As a running node does.
            cluster.settle(&mut place.clock).await.unwrap();
        }
        boot(&place, &files(&place).await, STRANGER, address(1)).await;
        assert!(takes(&place, &mut belief), "{release} {first:?}: the way back");
        place.clock.now += 5 * MINUTE;
        renew(&mut place, &publisher, second).await.unwrap();
        if second == Unit::ItlRecovery {
            assert!(!takes(&place, &mut belief));
            let actor = Actor::new("admin", Level::Install);
            place.cluster.clone().reset_itl(&actor, &publisher, &ResetKey::Local, &mut place.clock).await.unwrap();
        }
        assert!(takes(&place, &mut belief), "{release} {first:?}: it knows a signer of now");
    }
}

/// A config by hand has TVS merged in; without the merge nobody knows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_config_by_hand_is_a_config() {
    for merge in [true, false] {
        let mut place = Place::new("10.5").await;
        let publisher = place.publisher.clone();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(format!("{BY_HAND}.cnf.xml")), "<device></device>").unwrap();
        let settings = FolderSettings::open(folder.path(), merge).unwrap();
        let files = NodeFiles::new(place.cluster.snapshot(&publisher).await.unwrap(), Some(settings));
        boot(&place, &files, BY_HAND, address(2)).await;
        let held = place.cluster.held_lists(ListKind::Itl).await.unwrap();
        assert_eq!(held.len(), 1);
        assert_eq!((held[0].known, held[0].tvs, status(&held[0])), (false, merge, ListStatus::Match));
        let renewed = renew(&mut place, &publisher, Unit::CallManager).await;
        assert_eq!(renewed.map_err(|(label, _)| label), if merge { Ok(()) } else { Err("phones-without-tvs") });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn how_the_wait_ends() {
    // by time
    let mut place = Place::new("10.5").await;
    let publisher = place.publisher.clone();
    boot(&place, &files(&place).await, STRANGER, address(1)).await;
    place.clock.now += STRANGERS_FOR - 1;
    assert_eq!(renew(&mut place, &publisher, Unit::CallManager).await.unwrap_err().0, "phones-without-tvs");
    place.clock.now += 1;
    renew(&mut place, &publisher, Unit::CallManager).await.unwrap();

    // by name, and for all
    let mut place = Place::new("10.5").await;
    let (cluster, publisher) = (place.cluster.clone(), place.publisher.clone());
    let alarm = async || {
        let alarms = cluster.standing_alarms().await.unwrap();
        alarms.into_iter().find(|alarm| alarm.name == "UC_TFTP-5-PhonesNotAdded").map(|alarm| alarm.text)
    };
    assert_eq!(alarm().await, None);
    let nobodys = files(&place).await;
    for (last, name) in [(1, STRANGER), (2, "SEP0000000000CC"), (3, "SEP0000000000DD")] {
        boot(&place, &nobodys, name, address(last)).await;
    }
    let text = alarm().await.unwrap();
    assert!(
        text.starts_with("3 phones hold trust lists: SEP0000000000AA, SEP0000000000CC, SEP0000000000DD. "),
        "{text}"
    );
    let forget = async |place: &mut Place, name: Option<&str>| {
        place.cluster.clone().forget_strangers(&place.actor, name, &mut place.clock).await.unwrap()
    };
    assert_eq!(forget(&mut place, Some("sep0000000000aa")).await, 1);
    assert_eq!(forget(&mut place, Some(STRANGER)).await, 0);
    let (_, text) = renew(&mut place, &publisher, Unit::CallManager).await.unwrap_err();
    assert!(text.starts_with("2 of 2 phones"), "{text}");
    assert_eq!(forget(&mut place, None).await, 2);
    assert_eq!((alarm().await, forget(&mut place, None).await), (None, 0));
    let audit = place.cluster.store().audit(20).await.unwrap();
    assert!(audit.iter().any(|entry| entry.command == "device forget" && entry.result == "all (2)"), "{audit:?}");
    renew(&mut place, &publisher, Unit::CallManager).await.unwrap();

    // by force, whatever a stranger does
    let mut place = Place::new("10.5").await;
    let (cluster, publisher) = (place.cluster.clone(), place.publisher.clone());
    boot(&place, &files(&place).await, STRANGER, address(1)).await;
    let reason = "names that somebody made up";
    cluster
        .perform(&place.actor, &publisher, &Regenerate::unit(Unit::CallManager).forced(reason), &mut place.clock)
        .await
        .unwrap();
    let audit = cluster.store().audit(20).await.unwrap();
    let forced = format!("; forced against phones-without-tvs: {reason}");
    assert!(audit.iter().any(|entry| entry.result.ends_with(&forced)), "{audit:?}");
}

/// Rows of names have an end, and whoever makes up names pushes out his own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_without_end() {
    let place = Place::new("15").await;
    let row = |name: String, address: &str, at: i64| StrangerListRow {
        list: FetchedListRow {
            device: name,
            kind: "ITL".to_owned(),
            digest: String::new(),
            server_name: "pub".to_owned(),
            address: address.to_owned(),
            fetched_at: at,
        },
        tvs: false,
        believed: true,
    };
    // long ago, at addresses of their own
    let quiet: Vec<_> = (1..=50).map(|n| row(format!("SEPQUIET{n}"), &format!("10.0.1.{n}"), 1)).collect();
    place.cluster.note_stranger_lists(&quiet).await.unwrap();
    let loud: Vec<_> = (0..10_500).map(|n| row(format!("SEPLOUD{n}"), "10.0.0.66", 1000 + n)).collect();
    place.cluster.note_stranger_lists(&loud).await.unwrap();
    let held = place.cluster.held_lists(ListKind::Itl).await.unwrap();
    assert_eq!(held.len(), 10_000);
    assert_eq!(held.iter().filter(|held| held.device.starts_with("SEPQUIET")).count(), 50);
}
