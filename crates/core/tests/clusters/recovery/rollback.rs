//! *Prepare Cluster for Rollback to pre 8.0*.

use cluster::releases::switch::CarriedRecovery;
use cluster::releases::switch::SwitchRelease;
use cluster::rollback::SetRollback;
use cluster::rows::FetchedListRow;
use cluster::units::Unit;
use pki::listing::ListKind;
use ringfence_core::CoreError;
use trust::{Belief, Model};
use wire::role::Role;

use crate::recovery::place::{Place, label};

impl Place {
    async fn rollback(&mut self, on: bool) -> Result<bool, CoreError> {
        let node = self.publisher.clone();
        self.cluster.perform(&self.actor, &node, &SetRollback { on }, &mut self.clock).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blanks_the_itl_and_restores_it() {
    for release in ["9.1", "10.5", "15"] {
        let mut place = Place::new(release).await;
        let publisher = place.publisher.clone();
        let ordinary = place.list(&publisher, ListKind::Itl);
        assert!(place.rollback(true).await.unwrap());
        assert!(!place.rollback(true).await.unwrap(), "it is on already");
        let blank = place.list(&publisher, ListKind::Itl);
        assert!(pki::verify::check_against_itself(&blank).verdict.is_valid());
        for record in blank.records() {
            let role = record.role().unwrap();
            let named = record.certificate().is_some() || record.certificate_hash().is_some();
            assert_eq!(named, role == Role::SAST || role == Role::CAPF, "{release}: {role}");
        }
        let belief = Belief::holding(Model::find("8861").unwrap(), None, Some(blank));
        assert!(belief.itl_is_blank() && !belief.wants_signed_configs());
        let alarms = place.cluster.standing_alarms().await.unwrap();
        assert!(alarms.iter().any(|alarm| alarm.name == "UC_TVS-6-RollBackToPre8.0Enabled"));
        let refused = place.renew(Unit::Tomcat).await.unwrap_err();
        assert_eq!(label(&refused), "rollback-on");
        assert!(place.cluster.anchors().await.unwrap().is_empty(), "a blank list names nothing that is gone");

        assert!(place.rollback(false).await.unwrap());
        let restored = place.list(&publisher, ListKind::Itl);
        assert_eq!(restored.bytes()[restored.header().length()..], ordinary.bytes()[ordinary.header().length()..]);
        let alarms = place.cluster.standing_alarms().await.unwrap();
        assert!(alarms.iter().all(|alarm| !alarm.name.contains("RollBack")));
        place.cluster.store().write_log_lines().await.unwrap();
        let log = place.cluster.directory(&publisher).log().join("alarms.log");
        let log = std::fs::read_to_string(log).unwrap();
        assert!(log.lines().any(|line| line.contains("%UC_TVS-6-RollBackToPre8.0Disabled: %[")), "{log}");
        place.renew(Unit::Tomcat).await.unwrap();
    }
}

/// What the refusal promises: until all phones have fetched their ITL again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn renewals_wait_for_the_phones_afterwards() {
    let mut place = Place::new("11.5").await;
    let (cluster, publisher) = (place.cluster.clone(), place.publisher.clone());
    let phone = testbed::phone("SEP001122334455");
    cluster.put_devices(&place.actor, &[phone], &mut place.clock).await.unwrap();
    let fetch = async |place: &Place| {
        let row = FetchedListRow {
            device: "SEP001122334455".into(),
            kind: "ITL".into(),
            digest: pki::hash::hex(&pki::hash::sha256(place.list(&publisher, ListKind::Itl).bytes())),
            server_name: publisher.name.clone(),
            address: "10.106.97.200".into(),
            fetched_at: place.clock.now,
        };
        place.cluster.note_fetched_lists(&[row]).await.unwrap();
    };
    fetch(&place).await;
    place.renew(Unit::Tomcat).await.unwrap();
    place.rollback(true).await.unwrap();
    place.clock.now += 60_000;
    fetch(&place).await;
    place.clock.now += 60_000;
    place.rollback(false).await.unwrap();
    for unit in [Unit::CallManager, Unit::Tvs, Unit::Tomcat] {
        let refused = place.renew(unit).await.unwrap_err();
        assert_eq!(label(&refused), "phones-hold-blank-list");
        let text = "1 of 1 phones have not fetched their ITL file since Prepare Cluster for Rollback to pre 8.0 was turned off: \
                    SEP001122334455.";
        assert!(refused.to_string().starts_with(text), "{refused}");
    }
    let renewed = CarriedRecovery::Renewed;
    let refused = cluster
        .perform(
            &place.actor,
            &publisher,
            &SwitchRelease { name: "12.5".to_owned(), recovery: renewed },
            &mut place.clock,
        )
        .await
        .unwrap_err();
    assert_eq!(label(&refused), "phones-hold-blank-list");
    fetch(&place).await;
    place.renew(Unit::CallManager).await.unwrap();
}

/// An upgrade that renews ITLRecovery is a renewal too; one that keeps it is none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_upgrade_renews_meanwhile() {
    let mut place = Place::new("11.5").await;
    let (cluster, publisher) = (place.cluster.clone(), place.publisher.clone());
    place.rollback(true).await.unwrap();
    let before = place.own(&publisher, Unit::ItlRecovery).await;
    let renewed = CarriedRecovery::Renewed;
    let refused = cluster
        .perform(
            &place.actor,
            &publisher,
            &SwitchRelease { name: "12.5".to_owned(), recovery: renewed },
            &mut place.clock,
        )
        .await
        .unwrap_err();
    assert_eq!(label(&refused), "rollback-on");
    assert_eq!((cluster.release().name, place.own(&publisher, Unit::ItlRecovery).await), ("11.5", before.clone()));
    cluster.perform(&place.actor, &publisher, &SwitchRelease::to("12.5"), &mut place.clock).await.unwrap();
    assert_eq!(place.own(&publisher, Unit::ItlRecovery).await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ctl_is_not_touched() {
    let mut place = Place::mixed("15").await;
    let publisher = place.publisher.clone();
    let ctl = place.list(&publisher, ListKind::Ctl);
    place.rollback(true).await.unwrap();
    assert_eq!(place.list(&publisher, ListKind::Ctl), ctl);
    let blank = place.list(&publisher, ListKind::Itl);
    let belief = Belief::holding(Model::find("8861").unwrap(), Some(ctl), Some(blank));
    assert!(belief.wants_signed_configs(), "a phone with a CTL still checks by it");
    let sql = "select paramname,paramvalue from processconfig where paramname='RollBackToPreGrayback'";
    let table = place.cluster.run_sql(&place.actor, sql, 0).await.unwrap();
    assert_eq!(table.rows[0][1].as_deref(), Some("T"));
}
