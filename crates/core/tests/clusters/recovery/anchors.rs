//! Lists that name certificates which are gone, and renewals that would take the last one away.

use cluster::certificates::regenerate::Regenerate;
use cluster::certificates::web_security::SetWebSecurity;
use cluster::nodes::SubjectParts;
use cluster::releases::release;
use cluster::releases::switch::CarriedRecovery;
use cluster::releases::switch::SwitchRelease;
use cluster::units::Unit;
use pki::listing::ListKind;
use wire::role::Role;

use crate::recovery::place::{Place, label};

/// Field notice 70613: the upgrade makes another ITLRecovery certificate, the CTL keeps the old one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_that_renews_itlrecovery() {
    let mut place = Place::mixed("11.5").await;
    let (cluster, publisher) = (place.cluster.clone(), place.publisher.clone());
    assert!(cluster.anchors().await.unwrap().is_empty());
    let (_, old) = place.own(&publisher, Unit::ItlRecovery).await.unwrap();
    let renewed = CarriedRecovery::Renewed;
    cluster
        .perform(
            &place.actor,
            &publisher,
            &SwitchRelease { name: "12.5".to_owned(), recovery: renewed },
            &mut place.clock,
        )
        .await
        .unwrap();
    let (_, new) = place.own(&publisher, Unit::ItlRecovery).await.unwrap();
    let findings = cluster.anchors().await.unwrap();
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(
        (findings[0].list, findings[0].unit, findings[0].role, findings[0].record),
        (ListKind::Ctl, Unit::ItlRecovery, Role::SAST, Some(2))
    );
    let (old, new) = (old.to_uppercase(), new.to_uppercase());
    assert_eq!(
        findings[0].to_string(),
        format!(
            "CTL of labserver1, record 2 (SAST): CN=ITLRECOVERY_labserver1.vasank.com;OU=TAC;O=Cisco;L=BGL;ST=KA;C=IN, serial \
             {old}, is not live any more; ITLRecovery is serial {new} now. Run `utils ctl reset localkey`, let all phones \
             fetch the CTL file, then `utils ctl update CTLFile`"
        )
    );
    let before = place.own(&publisher, Unit::CallManager).await;
    let refused = place.renew(Unit::CallManager).await.unwrap_err();
    assert_eq!(label(&refused), "last-anchor");
    assert!(refused.to_string().starts_with("The CallManager certificate of labserver1 is the last live anchor"));
    assert!(refused.to_string().contains("utils ctl reset localkey"), "{refused}");
    assert_eq!(place.own(&publisher, Unit::CallManager).await, before);

    cluster.reset_ctl(&place.actor, &publisher, &mut place.clock).await.unwrap();
    assert!(cluster.anchors().await.unwrap().is_empty());
    cluster.update_ctl(&place.actor, &publisher, &mut place.clock).await.unwrap();
    place.renew(Unit::CallManager).await.unwrap();
    // and the reverse: ITLRecovery is the last one now, until the CTL is updated
    let findings = cluster.anchors().await.unwrap();
    assert!(findings.iter().all(|finding| finding.unit == Unit::CallManager), "{findings:?}");
    assert_eq!(findings.len(), 2, "SAST and CCM+TFTP: {findings:?}");
    let refused = place.renew(Unit::ItlRecovery).await.unwrap_err();
    assert_eq!(label(&refused), "last-anchor");
    assert!(refused.to_string().contains("utils ctl update CTLFile"), "{refused}");
    cluster.update_ctl(&place.actor, &publisher, &mut place.clock).await.unwrap();
    place.renew(Unit::ItlRecovery).await.unwrap();
}

impl Place {
    /// `set web-security` on the publisher: its next certificates have another subject.
    async fn rename(&mut self) {
        let parts = SubjectParts {
            country: "PL".into(),
            organization: "Cisco".into(),
            unit: "TAC2".into(),
            state: "Malopolska".into(),
            locality: "Krakow".into(),
        };
        let node = self.publisher.clone();
        self.cluster
            .perform(&self.actor, &node, &SetWebSecurity { parts: parts.clone(), alternate: None }, &mut self.clock)
            .await
            .unwrap();
    }
}

/// A former certificate of a node is no token, whatever its successor is called.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_subject_does_not_hide_what_is_gone() {
    let mut place = Place::mixed("11.5").await;
    let (cluster, publisher) = (place.cluster.clone(), place.publisher.clone());
    place.rename().await;
    let renewed = CarriedRecovery::Renewed;
    cluster
        .perform(
            &place.actor,
            &publisher,
            &SwitchRelease { name: "12.5".to_owned(), recovery: renewed },
            &mut place.clock,
        )
        .await
        .unwrap();
    let findings = cluster.anchors().await.unwrap();
    let found: Vec<(Unit, Role, Option<usize>)> =
        findings.iter().map(|finding| (finding.unit, finding.role, finding.record)).collect();
    assert_eq!(found, [(Unit::ItlRecovery, Role::SAST, Some(2))], "{findings:?}");
    assert!(findings[0].to_string().contains("OU=TAC;O=Cisco;L=BGL;ST=KA;C=IN, serial "), "{}", findings[0]);
    let refused = place.renew(Unit::CallManager).await.unwrap_err();
    assert_eq!(label(&refused), "last-anchor");
    assert!(refused.to_string().contains("utils ctl reset localkey"), "{refused}");

    // the file of the key is gone, what it was for is not forgotten
    place.clock.now += 7_200_000;
    cluster.collect_unused_keys(&place.actor, &mut place.clock).await.unwrap();
    assert_eq!(label(&place.renew(Unit::CallManager).await.unwrap_err()), "last-anchor");
    cluster.reset_ctl(&place.actor, &publisher, &mut place.clock).await.unwrap();
    cluster.update_ctl(&place.actor, &publisher, &mut place.clock).await.unwrap();
    place.renew(Unit::CallManager).await.unwrap();

    // without an upgrade, and the other way round
    let mut place = Place::mixed("12.5").await;
    place.rename().await;
    place.renew(Unit::ItlRecovery).await.unwrap();
    assert_eq!(label(&place.renew(Unit::CallManager).await.unwrap_err()), "last-anchor");
    let mut place = Place::mixed("12.5").await;
    place.rename().await;
    place.renew(Unit::CallManager).await.unwrap();
    assert_eq!(label(&place.renew(Unit::ItlRecovery).await.unwrap_err()), "last-anchor");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_capf_and_a_subscriber_are_named_too() {
    let mut place = Place::mixed("10.5").await;
    place.renew(Unit::Capf).await.unwrap();
    place.clock.now += 600_000;
    let (cluster, subscriber) = (place.cluster.clone(), place.subscriber.clone());
    cluster.perform(&place.actor, &subscriber, &Regenerate::unit(Unit::CallManager), &mut place.clock).await.unwrap();
    let findings = cluster.anchors().await.unwrap();
    let found: Vec<(Unit, Role)> = findings.iter().map(|finding| (finding.unit, finding.role)).collect();
    assert_eq!(found, [(Unit::Capf, Role::CAPF), (Unit::CallManager, Role::CCM_TFTP)]);
    // one SAST only in this release: TVS vouches for the next signer, nothing is refused
    place.renew(Unit::CallManager).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ctl_that_lacks_the_second_anchor() {
    let mut place = Place::mixed("10.5").await;
    let (cluster, publisher) = (place.cluster.clone(), place.publisher.clone());
    let kept = CarriedRecovery::Kept;
    cluster
        .perform(&place.actor, &publisher, &SwitchRelease { name: "15".to_owned(), recovery: kept }, &mut place.clock)
        .await
        .unwrap();
    let findings = cluster.anchors().await.unwrap();
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert!(findings[0].to_string().contains("no record names the ITLRecovery certificate as SAST"));
    assert_eq!(label(&place.renew(Unit::CallManager).await.unwrap_err()), "last-anchor");
}

/// A release in which only tokens sign, and a CTL without any.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_downgrade_after_which_nobody_can_sign() {
    let mut place = Place::mixed("11.5").await;
    let (cluster, publisher) = (place.cluster.clone(), place.publisher.clone());
    let said = "CTL of labserver1: no Security Token stands in it, and in this release no node signs one, so nobody could sign \
                the next. Run `utils system switch-version` to a release from 10.0 on, or delete CTLFile.tlv on all nodes";
    assert_eq!(cluster.anchors_lost_by(release("10.5").unwrap()).await.unwrap(), None);
    let before = cluster.anchors_lost_by(release("9.1").unwrap()).await.unwrap().unwrap();
    assert!(before.starts_with(said), "{before}");
    let kept = CarriedRecovery::Kept;
    cluster
        .perform(&place.actor, &publisher, &SwitchRelease { name: "9.1".to_owned(), recovery: kept }, &mut place.clock)
        .await
        .unwrap();
    let findings = cluster.anchors().await.unwrap();
    assert!(findings.iter().any(|finding| finding.to_string() == before), "{findings:?}");
    cluster
        .perform(&place.actor, &publisher, &SwitchRelease { name: "11.5".to_owned(), recovery: kept }, &mut place.clock)
        .await
        .unwrap();
    assert!(cluster.anchors().await.unwrap().iter().all(|finding| finding.to_string() != before));
}
