//! Sessions that break off, at every point at which they can: what was issued stays known, one certificate at most is current, and the
//! next session ends well.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use cluster::enrolment::{AuthenticationMode, Operation};
use pki::signer::Signer;
use ringfence_core::enrolment::{AuthenticationString, LscState, Selection, StringChoice};
use wire::capf::{Cause, Done, Failure, Operation as Asked, Reason, Refusal, Stage};

use crate::enrolment::place::{DEVICE, HERE, PhoneKeys, Place, RSA_2048, ended};

/// What must hold whatever happened.
async fn check(place: &Place) {
    let lscs = place.cluster.store().lscs_of(DEVICE).await.unwrap();
    let current = lscs.iter().filter(|lsc| lsc.state == LscState::Confirmed).count();
    assert!(current <= 1, "{current} certificates are believed current");
    for lsc in &lscs {
        assert!(!lsc.to_be_signed.is_empty(), "the bytes to be signed are on record");
        let signed = matches!(lsc.state, LscState::Signed | LscState::Confirmed);
        assert!(!signed || lsc.pem.is_some(), "a certificate that is out is on record");
    }
}

/// Lets a future run for so many turns of the runtime, then drops it: whoever waited is killed there. Its value when it was done
/// before.
async fn cut<T>(turns: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    for _ in 0..turns {
        let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        if let Poll::Ready(value) = polled {
            return Some(value);
        }
        // the threads of the database get their time
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        tokio::task::spawn_blocking(|| ()).await.unwrap();
    }
    None
}

#[tokio::test]
async fn killed_between_any_two_steps_the_next_boot_ends_well() {
    let mut place = Place::new(&[DEVICE]).await;
    let mut phone = PhoneKeys::new(DEVICE);
    let key = phone.make(RSA_2048);
    let mut whole = 0;
    let mut states = std::collections::HashSet::new();
    for turns in 0..400 {
        place.schedule(Operation::Install, AuthenticationMode::NullString).await;
        let mut visit = place.desk.visit(1, HERE);
        let now = place.clock.now;
        let auth = phone.plain("");
        let session = async {
            place.desk.admit(&mut visit, &auth, now).await.unwrap();
            place.desk.issue(&mut visit, key.spki(), RSA_2048, &mut place.clock).await.unwrap();
            place.desk.record(&mut visit, &Done::Stored, now).await.unwrap();
        };
        let done = cut(turns, session).await.is_some();
        let last = place.cluster.store().lscs_of(DEVICE).await.unwrap();
        states.insert(last.last().map(|lsc| lsc.state));
        place.restart().await;
        check(&place).await;
        // cut behind the last commit, the phone finds that nothing is left to do
        let confirmed = place.status().await == 3;
        assert!(confirmed || !done);
        let wanted = if confirmed { Asked::None } else { Asked::Install(RSA_2048) };
        assert_eq!(place.session(&phone.plain(""), &mut phone).await, Ok(wanted), "turn {turns}");
        assert_eq!(place.status().await, 3);
        check(&place).await;
        whole += usize::from(done);
        if whole > 2 {
            break;
        }
    }
    assert!(whole > 2, "the session comes to its end when it may");
    for state in [LscState::Intended, LscState::Signed, LscState::Confirmed] {
        assert!(states.contains(&Some(state)), "{state:?} was never cut: {states:?}");
    }
}

#[tokio::test]
async fn a_confirmation_that_was_lost_is_made_up_by_the_next_proof() {
    let mut place = Place::new(&[DEVICE]).await;
    let mut phone = PhoneKeys::new(DEVICE);
    place.schedule(Operation::Install, AuthenticationMode::NullString).await;
    place.session(&phone.plain(""), &mut phone).await.unwrap();
    let first = place.enrolment().await.lsc.unwrap();

    place.schedule(Operation::Install, AuthenticationMode::ExistingLsc).await;
    let mut visit = place.desk.visit(1, HERE);
    place.desk.admit(&mut visit, &phone.proven(1), place.clock.now).await.unwrap();
    let key = phone.make(RSA_2048);
    let second = place.desk.issue(&mut visit, key.spki(), RSA_2048, &mut place.clock).await.unwrap();
    place.desk.ended(&visit, &ended(Stage::Store, Cause::Closed), place.clock.now).await.unwrap();
    let lost = place.enrolment().await;
    assert_eq!(lost.status.number(), 13, "Upgrade Failed: Phone Communication Failure");
    assert_eq!(lost.lsc.as_ref(), Some(&first), "nothing new is believed");
    assert_eq!(lost.operation, Operation::Install, "the phone shall come again");
    let unconfirmed = lost.unconfirmed.unwrap();
    // one that never got it still has the first, which still opens the door
    let mut visit = place.desk.visit(1, HERE);
    let asked = place.desk.admit(&mut visit, &phone.proven(1), place.clock.now).await;
    assert_eq!(asked, Ok(Asked::Install(RSA_2048)));
    place.desk.ended(&visit, &ended(Stage::KeyGeneration, Cause::Closed), place.clock.now).await.unwrap();

    // the phone stored it all the same, and shows it; an administrator has taken the operation back meanwhile
    place.cluster.cancel_operation(&place.actor, &Selection::All, &mut place.clock).await.unwrap();
    phone.lsc = Some((second, key));
    assert_eq!(place.session(&phone.proven(1), &mut phone).await, Ok(Asked::None));
    let found = place.enrolment().await;
    assert_eq!(found.lsc.unwrap().pkid, unconfirmed.pkid);
    assert_eq!(found.status.number(), 1);
    let states: Vec<LscState> =
        place.cluster.store().lscs_of(DEVICE).await.unwrap().iter().map(|lsc| lsc.state).collect();
    assert_eq!(states, [LscState::Superseded, LscState::Confirmed]);
}

#[tokio::test]
async fn a_phone_that_shows_what_nobody_confirmed_is_believed_when_it_proves_it() {
    for mode in [AuthenticationMode::NullString, AuthenticationMode::AuthenticationString] {
        let mut place = Place::new(&[DEVICE]).await;
        let mut phone = PhoneKeys::new(DEVICE);
        place.schedule(Operation::Install, AuthenticationMode::NullString).await;
        place.session(&phone.plain(""), &mut phone).await.unwrap();
        let first = place.enrolment().await.lsc.unwrap();

        let string = StringChoice::Given(AuthenticationString::new("04711").unwrap());
        place.schedule_for(DEVICE, Operation::Install, mode, string).await;
        let mut visit = place.desk.visit(1, HERE);
        place.desk.admit(&mut visit, &phone.plain("04711"), place.clock.now).await.unwrap();
        let key = phone.make(RSA_2048);
        let second = place.desk.issue(&mut visit, key.spki(), RSA_2048, &mut place.clock).await.unwrap();
        place.desk.ended(&visit, &ended(Stage::Store, Cause::Closed), place.clock.now).await.unwrap();
        let unconfirmed = place.enrolment().await.unconfirmed.unwrap();
        let one = Selection::one(DEVICE);
        place.cluster.cancel_operation(&place.actor, &one, &mut place.clock).await.unwrap();

        // Its config is encrypted for the first one, which it has no more: so it comes with what it has. Without a proof that is
        // no reason to believe anything.
        phone.lsc = Some((second, key));
        let mut unproven = phone.proven(1);
        let last = unproven.sha2_signed_data.as_mut().unwrap().proof.last_mut().unwrap();
        *last ^= 1;
        let wrong = mode == AuthenticationMode::AuthenticationString;
        assert_eq!(place.session(&unproven, &mut phone).await.is_err(), wrong);
        assert_eq!(place.enrolment().await.lsc.unwrap().pkid, first.pkid, "{mode:?}");
        assert_eq!(place.session(&phone.proven(1), &mut phone).await.is_err(), wrong);
        let found = place.enrolment().await;
        assert_eq!((found.lsc.unwrap().pkid, found.unconfirmed), (unconfirmed.pkid, None), "{mode:?}");
        check(&place).await;
    }
}

#[tokio::test]
async fn the_session_that_was_let_in_last_counts() {
    let mut place = Place::new(&[DEVICE]).await;
    let mut phone = PhoneKeys::new(DEVICE);
    let key = phone.make(RSA_2048);
    place.schedule(Operation::Install, AuthenticationMode::NullString).await;
    let now = place.clock.now;
    let (mut old, mut new) = (place.desk.visit(1, HERE), place.desk.visit(2, HERE));
    place.desk.admit(&mut old, &phone.plain(""), now).await.unwrap();
    place.desk.issue(&mut old, key.spki(), RSA_2048, &mut place.clock).await.unwrap();
    place.desk.admit(&mut new, &phone.plain(""), now).await.unwrap();
    let refused = place.desk.record(&mut old, &Done::Stored, now).await.unwrap_err();
    assert_eq!(refused.refusal, Refusal::Limit);
    place.desk.ended(&old, &ended(Stage::Store, Cause::TimedOut), now).await.unwrap();
    assert_eq!(place.status().await, 2, "the end of the old one says nothing");
    place.desk.issue(&mut new, key.spki(), RSA_2048, &mut place.clock).await.unwrap();
    place.desk.record(&mut new, &Done::Stored, now).await.unwrap();
    check(&place).await;
    assert_eq!(place.status().await, 3);
}

#[tokio::test]
async fn an_operation_that_was_taken_back_issues_nothing() {
    let mut place = Place::new(&[DEVICE]).await;
    let mut phone = PhoneKeys::new(DEVICE);
    let key = phone.make(RSA_2048);
    place.schedule(Operation::Install, AuthenticationMode::NullString).await;
    let mut visit = place.desk.visit(1, HERE);
    place.desk.admit(&mut visit, &phone.plain(""), place.clock.now).await.unwrap();
    place.clock.now += 1;
    place.cluster.cancel_operation(&place.actor, &Selection::one(DEVICE), &mut place.clock).await.unwrap();
    let refused = place.desk.issue(&mut visit, key.spki(), RSA_2048, &mut place.clock).await.unwrap_err();
    assert_eq!(refused.refusal, Refusal::Limit);
    place
        .desk
        .ended(&visit, &ended(Stage::KeyGeneration, Cause::Refused(refused.refusal)), place.clock.now)
        .await
        .unwrap();
    assert_eq!(place.status().await, 1);
    assert!(place.cluster.store().lscs().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_a_phone_could_not_do_stays_scheduled_with_its_cause() {
    let mut place = Place::new(&[DEVICE]).await;
    let mut phone = PhoneKeys::new(DEVICE);
    let key = phone.make(RSA_2048);
    place.schedule(Operation::Install, AuthenticationMode::NullString).await;
    for (stage, cause, status) in [
        (Stage::KeyGeneration, Cause::TimedOut, 14),
        (Stage::KeyGeneration, Cause::PhoneFailed(Reason::FAILURE), 14),
        (Stage::KeyGeneration, Cause::Closed, 13),
        (Stage::Store, Cause::PhoneFailed(Reason::FAILURE), 6),
        (Stage::Store, Cause::TimedOut, 13),
        (Stage::KeyGeneration, Cause::Refused(Refusal::Internal), 6),
        (Stage::KeyGeneration, Cause::Refused(Refusal::Failed(Failure::CaRejected)), 16),
    ] {
        let mut visit = place.desk.visit(1, HERE);
        place.desk.admit(&mut visit, &phone.plain(""), place.clock.now).await.unwrap();
        if stage == Stage::Store {
            place.desk.issue(&mut visit, key.spki(), RSA_2048, &mut place.clock).await.unwrap();
        }
        place.desk.ended(&visit, &ended(stage, cause.clone()), place.clock.now).await.unwrap();
        assert_eq!(
            (place.status().await, place.enrolment().await.operation),
            (status, Operation::Install),
            "{cause:?}"
        );
        check(&place).await;
    }
    assert!(place.enrolment().await.attempts >= 2);
    place.session(&phone.plain(""), &mut phone).await.unwrap();
    assert_eq!(place.status().await, 3);
    check(&place).await;
}

#[tokio::test]
async fn a_deletion_that_nobody_heard_of_ends_well() {
    let mut place = Place::new(&[DEVICE]).await;
    let mut phone = PhoneKeys::new(DEVICE);
    let none_there = || ended(Stage::Delete, Cause::PhoneFailed(Reason::FAILURE));
    let (null, lsc) = (AuthenticationMode::NullString, AuthenticationMode::ExistingLsc);
    for mode in [null, lsc] {
        place.schedule(Operation::Install, null).await;
        place.session(&phone.plain(""), &mut phone).await.unwrap();
        place.schedule(Operation::Delete, mode).await;
        let mut visit = place.desk.visit(1, HERE);
        assert_eq!(place.desk.admit(&mut visit, &phone.proven(1), place.clock.now).await, Ok(Asked::Delete));
        place.desk.ended(&visit, &ended(Stage::Delete, Cause::Closed), place.clock.now).await.unwrap();
        let lost = place.enrolment().await;
        assert_eq!((lost.status.number(), lost.operation), (22, Operation::Delete), "Phone Communication Failure");
        assert!(lost.lsc.is_some() && lost.way_back().is_none());
        // the phone has done it all the same
        phone.lsc = None;
        if mode == lsc {
            let refused = place.session(&phone.plain(""), &mut phone).await.unwrap_err();
            assert_eq!(refused.refusal, Refusal::Failed(Failure::InvalidCredentials));
            let way_back = place.enrolment().await.way_back().unwrap();
            assert!(way_back.ends_with(&format!(": utils capf device schedule {DEVICE} delete null")), "{way_back}");
            place.schedule(Operation::Delete, null).await;
        }
        let mut visit = place.desk.visit(1, HERE);
        assert_eq!(place.desk.admit(&mut visit, &phone.plain(""), place.clock.now).await, Ok(Asked::Delete));
        place.desk.ended(&visit, &none_there(), place.clock.now).await.unwrap();
        let done = place.enrolment().await;
        assert_eq!((done.status.number(), done.operation, &done.lsc), (4, Operation::None, &None));
        assert_eq!(done.way_back(), None);
    }
    // with none on record nothing was lost
    place.schedule(Operation::Delete, null).await;
    let mut visit = place.desk.visit(1, HERE);
    place.desk.admit(&mut visit, &phone.plain(""), place.clock.now).await.unwrap();
    place.desk.ended(&visit, &none_there(), place.clock.now).await.unwrap();
    assert_eq!((place.status().await, place.enrolment().await.operation), (7, Operation::Delete));
}
