//! A new CAPF: old LSCs are listed, issued again in batches, and the old CA goes only when nothing hangs on it.

use cluster::certificates::regenerate::Regenerate;
use cluster::certificates::trusted::DeleteTrusted;
use cluster::enrolment::{AuthenticationMode, KeyOrder, KeyPlan, Operation};
use cluster::units::Unit;
use ringfence_core::CoreError;
use ringfence_core::enrolment::{Schedule, Selection, StringChoice, WavePlan, WaveState, Which};
use wire::capf::{Cause, Reason, Stage};

use crate::enrolment::place::{HERE, PhoneKeys, Place, ended};

fn name(index: usize) -> String {
    format!("SEP0000000000{index:02X}")
}

struct Fleet {
    place: Place,
    phones: Vec<PhoneKeys>,
}

impl Fleet {
    /// All with an LSC of a CAPF that is not in use any more. The name of that one.
    async fn with_old_lscs(count: usize) -> (Self, String) {
        let names: Vec<String> = (0..count).map(name).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut place = Place::new(&names).await;
        let mut phones = Vec::new();
        for name in names {
            let mut phone = PhoneKeys::new(name);
            place.schedule_for(name, Operation::Install, AuthenticationMode::NullString, StringChoice::Keep).await;
            place.session(&phone.plain(""), &mut phone).await.unwrap();
            phones.push(phone);
        }
        let old = place.capf().common_name().unwrap();
        place
            .cluster
            .perform(&place.actor, &place.node, &Regenerate::unit(Unit::Capf), &mut place.clock)
            .await
            .unwrap();
        place.desk.reload().await.unwrap();
        assert_ne!(place.capf().common_name().unwrap(), old, "a new unique name");
        (Self { place, phones }, old)
    }

    /// The phones that are scheduled come; those with these numbers fail.
    async fn come(&mut self, failing: &[usize]) {
        for (index, phone) in self.phones.iter_mut().enumerate() {
            let enrolment = self.place.cluster.enrolment(&name(index)).await.unwrap();
            if enrolment.operation != Operation::Install {
                continue;
            }
            let auth = phone.proven(1);
            if failing.contains(&index) {
                let mut visit = self.place.desk.visit(1, HERE);
                self.place.desk.admit(&mut visit, &auth, self.place.clock.now).await.unwrap();
                let cause = Cause::PhoneFailed(Reason::FAILURE);
                let end = ended(Stage::KeyGeneration, cause);
                self.place.desk.ended(&visit, &end, self.place.clock.now).await.unwrap();
            } else {
                self.place.session(&auth, phone).await.unwrap();
            }
        }
    }

    async fn stale(&self) -> usize {
        self.place.cluster.stale_lscs(self.place.clock.now).await.unwrap().len()
    }
}

fn plan() -> WavePlan {
    WavePlan {
        which: Which::Stale,
        batch: 3,
        stop_at: 34,
        mode: AuthenticationMode::ExistingLsc,
        time_allowed: 3_600_000,
    }
}

#[tokio::test]
async fn a_wave_goes_through_in_batches_and_then_the_old_ca_may_go() {
    let (mut fleet, old) = Fleet::with_old_lscs(7).await;
    assert_eq!(fleet.stale().await, 7);
    let file = format!("{old}.pem");
    let place = &mut fleet.place;
    for store in ["CAPF-trust", "CallManager-trust"] {
        let refused = place
            .cluster
            .delete_trusted(&place.actor, &place.node, &DeleteTrusted::new(store, &file), &mut place.clock)
            .await;
        let Err(CoreError::Refused { label, text }) = refused else { panic!("{refused:?}") };
        assert_eq!(label, "lscs-hang-on-it");
        assert!(text.starts_with(&format!("7 LSCs hang on {old}:")), "{text}");
    }
    let own = format!("{}.pem", place.capf().common_name().unwrap());
    let refused = place
        .cluster
        .delete_trusted(&place.actor, &place.node, &DeleteTrusted::new("CAPF-trust", &own), &mut place.clock)
        .await;
    assert!(matches!(refused, Err(CoreError::Refused { label: "own-certificate", .. })), "{refused:?}");

    let wave = place.cluster.start_wave(&place.actor, &plan(), &mut place.clock).await.unwrap();
    assert_eq!((wave.total, wave.batch, wave.batches, wave.pending.len()), (7, 1, 3, 3));
    let second = place.cluster.start_wave(&place.actor, &plan(), &mut place.clock).await.unwrap_err();
    assert!(matches!(second, CoreError::Refused { label: "wave-exists", .. }));
    let mut seen = Vec::new();
    for _ in 0..3 {
        fleet.come(&[]).await;
        fleet.place.clock.now += 1000;
        // a restart in the middle changes nothing
        fleet.place.restart().await;
        let wave = fleet.place.cluster.step_wave(fleet.place.clock.now).await.unwrap().unwrap();
        seen.push((wave.done, wave.batch, wave.state));
    }
    let running = WaveState::Running;
    assert_eq!(seen, [(3, 2, running.clone()), (6, 3, running), (7, 3, WaveState::Done)]);
    assert_eq!(fleet.stale().await, 0);
    let place = &mut fleet.place;
    for store in ["CAPF-trust", "CallManager-trust"] {
        place
            .cluster
            .delete_trusted(&place.actor, &place.node, &DeleteTrusted::new(store, &file), &mut place.clock)
            .await
            .unwrap();
    }
    let listed = place.cluster.list_certificates(&place.node, true).await.unwrap();
    assert!(listed.iter().all(|line| !line.contains(&old)), "{listed:?}");
}

#[tokio::test]
async fn a_wave_stops_when_too_many_fail_and_goes_on_when_told_to() {
    let (mut fleet, _) = Fleet::with_old_lscs(7).await;
    let place = &mut fleet.place;
    place.cluster.start_wave(&place.actor, &plan(), &mut place.clock).await.unwrap();
    fleet.come(&[0, 1]).await;
    let place = &mut fleet.place;
    let wave = place.cluster.step_wave(place.clock.now).await.unwrap().unwrap();
    assert_eq!(wave.state, WaveState::Stopped("2 of 3 devices failed, more than 34 %".to_owned()));
    assert_eq!(wave.failed, [name(0), name(1)]);
    fleet.come(&[1]).await;
    let place = &mut fleet.place;
    let wave = place.cluster.step_wave(place.clock.now).await.unwrap().unwrap();
    assert!(matches!(wave.state, WaveState::Stopped(_)), "it stays stopped");
    assert_eq!((wave.batch, wave.done, wave.failed), (1, 2, vec![name(1)]), "one has made up for it");

    place.clock.now += 1;
    let wave = place.cluster.resume_wave(&place.actor, &mut place.clock).await.unwrap();
    assert_eq!((wave.state, wave.batch, wave.batches), (WaveState::Running, 2, 4), "the failed one comes last");
    let first = place.cluster.enrolment(&name(0)).await.unwrap();
    assert_eq!(first.operation, Operation::None, "who has made up for it is left alone");
    for _ in 0..3 {
        fleet.come(&[]).await;
        fleet.place.clock.now += 1;
        fleet.place.cluster.step_wave(fleet.place.clock.now).await.unwrap();
    }
    let wave = fleet.place.cluster.wave().await.unwrap().unwrap();
    assert_eq!((wave.state, wave.done, wave.failed.len()), (WaveState::Done, 7, 0));
}

#[tokio::test]
async fn a_wave_waits_for_the_rsa_keys_of_phones_that_make_no_ec_keys() {
    let (mut fleet, _) = Fleet::with_old_lscs(3).await;
    let place = &mut fleet.place;
    place.set_keys(KeyPlan { order: KeyOrder::EcPreferred, ..KeyPlan::default() }).await;
    place.cluster.start_wave(&place.actor, &plan(), &mut place.clock).await.unwrap();
    fleet.come(&[0, 1, 2]).await;
    let place = &mut fleet.place;
    let wave = place.cluster.step_wave(place.clock.now).await.unwrap().unwrap();
    assert_eq!((wave.state, wave.failed.len(), wave.pending.len()), (WaveState::Running, 0, 3));
    // one of them makes no RSA key either
    fleet.come(&[2]).await;
    let place = &mut fleet.place;
    let wave = place.cluster.step_wave(place.clock.now).await.unwrap().unwrap();
    assert_eq!((wave.done, wave.failed, wave.state), (2, vec![name(2)], WaveState::Done));
    // the next one asks for RSA at once
    let again = WavePlan { which: Which::These(Selection::All), ..plan() };
    place.clock.now += 1;
    place.cluster.start_wave(&place.actor, &again, &mut place.clock).await.unwrap();
    fleet.come(&[]).await;
    let wave = fleet.place.cluster.step_wave(fleet.place.clock.now).await.unwrap().unwrap();
    assert_eq!((wave.done, wave.state), (3, WaveState::Done));
    assert!(fleet.phones.iter().all(|phone| phone.lsc.as_ref().unwrap().0.rsa_bits().is_some()));
}

#[tokio::test]
async fn nobody_takes_its_phones_from_a_running_wave() {
    let (mut fleet, _) = Fleet::with_old_lscs(4).await;
    let place = &mut fleet.place;
    place.cluster.start_wave(&place.actor, &plan(), &mut place.clock).await.unwrap();
    let schedule = Schedule {
        operation: Operation::Troubleshoot,
        mode: AuthenticationMode::NullString,
        string: StringChoice::Keep,
        completes_by: None,
    };
    let refused = |outcome: CoreError| {
        let CoreError::Refused { label, text } = outcome else { panic!("{outcome}") };
        assert_eq!(label, "wave-waits");
        assert!(text.starts_with("wave 1 waits for 3 devices: SEP000000000000, "), "{text}");
    };
    refused(place.cluster.schedule(&place.actor, &Selection::All, &schedule, &mut place.clock).await.unwrap_err());
    refused(place.cluster.cancel_operation(&place.actor, &Selection::All, &mut place.clock).await.unwrap_err());
    // the one of the next batch is free
    let last = Selection::one(name(3));
    place.cluster.schedule(&place.actor, &last, &schedule, &mut place.clock).await.unwrap();
    let wave = place.cluster.step_wave(place.clock.now).await.unwrap().unwrap();
    assert_eq!((wave.pending.len(), wave.failed.len()), (3, 0));
    place.cluster.stop_wave(&place.actor, false, &mut place.clock).await.unwrap();
    place.cluster.schedule(&place.actor, &Selection::All, &schedule, &mut place.clock).await.unwrap();
}

#[tokio::test]
async fn phones_that_never_come_are_failures_when_their_time_is_over() {
    let (mut fleet, old) = Fleet::with_old_lscs(3).await;
    let place = &mut fleet.place;
    place.cluster.start_wave(&place.actor, &plan(), &mut place.clock).await.unwrap();
    place.clock.now += 3_600_001;
    let wave = place.cluster.step_wave(place.clock.now).await.unwrap().unwrap();
    assert_eq!(wave.state, WaveState::Stopped("3 of 3 devices failed, more than 34 %".to_owned()));
    place.cluster.stop_wave(&place.actor, true, &mut place.clock).await.unwrap();
    assert_eq!(place.cluster.wave().await.unwrap().unwrap().state, WaveState::Done);

    // giving them up lets the old CA go, and says so of the phones
    let given_up = place.cluster.delete_stale_lscs(&place.actor, &mut place.clock).await.unwrap();
    assert_eq!(given_up.len(), 3);
    assert_eq!(given_up[0].reason(), "not by the issuer in use");
    assert_eq!(place.cluster.store().enrolment(&name(0)).await.unwrap().unwrap().public_key, None);
    place
        .cluster
        .delete_trusted(
            &place.actor,
            &place.node,
            &DeleteTrusted::new("CAPF-trust", &format!("{old}.pem")),
            &mut place.clock,
        )
        .await
        .unwrap();
    let none = WavePlan { which: Which::Stale, ..plan() };
    assert!(place.cluster.start_wave(&place.actor, &none, &mut place.clock).await.is_err());
    let these = WavePlan { which: Which::These(Selection::All), ..plan() };
    place.cluster.start_wave(&place.actor, &these, &mut place.clock).await.unwrap();
}
