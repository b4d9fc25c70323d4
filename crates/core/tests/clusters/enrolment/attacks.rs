//! Strangers who guess, repeat and crowd: what they get, and that the phone gets its certificate beside them.

use std::net::{IpAddr, Ipv4Addr};

use cluster::enrolment::guesses::UNTIL_SCHEDULED;
use cluster::enrolment::{AuthenticationMode, Operation};
use pki::SoftKey;
use pki::signer::Signer;
use ringfence_core::enrolment::{AuthenticationString, LscState, SECOND_KEY, STRINGS_LOCKED, StringChoice};
use wire::capf::{Cause, Done, Failure, Operation as Asked, Refusal, Stage, SudiData};

use crate::enrolment::place::{DEVICE, HERE, Manufacturer, PhoneKeys, Place, RSA_2048, ended};

const RIGHT: &str = "48291375";

/// A stranger.
fn there(number: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 9, 9, number))
}

async fn by_string(place: &mut Place) {
    let choice = StringChoice::Given(AuthenticationString::new(RIGHT).unwrap());
    place.schedule_for(DEVICE, Operation::Install, AuthenticationMode::AuthenticationString, choice).await;
}

async fn guess(place: &Place, phone: &PhoneKeys, from: IpAddr, string: &str) -> Result<Asked, Refusal> {
    let mut visit = place.desk.visit(1, from);
    let asked = place.desk.admit(&mut visit, &phone.plain(string), place.clock.now).await;
    let cause = asked.as_ref().err().map_or(Cause::Closed, |refused| Cause::Refused(refused.refusal));
    place.desk.ended(&visit, &ended(Stage::Authentication, cause), place.clock.now).await.unwrap();
    asked.map_err(|refused| refused.refusal)
}

async fn alarms(place: &Place, name: &str) -> Vec<String> {
    let all = place.cluster.standing_alarms().await.unwrap().into_iter();
    all.filter(|alarm| alarm.name == name).map(|alarm| alarm.text).collect()
}

#[tokio::test]
async fn a_stranger_who_guesses_locks_out_himself() {
    let mut place = Place::new(&[DEVICE]).await;
    let mut phone = PhoneKeys::new(DEVICE);
    by_string(&mut place).await;
    let wrong = Err(Refusal::Failed(Failure::InvalidAuthenticationString));
    for _ in 0..10 {
        assert_eq!(guess(&place, &phone, there(1), "1111").await, wrong);
    }
    place.restart().await;
    assert_eq!(
        guess(&place, &phone, there(1), RIGHT).await,
        Err(Refusal::Limit),
        "also the right one, also after a restart"
    );
    assert_eq!(place.enrolment().await.locked_addresses, [("10.9.9.1".to_owned(), place.clock.now + 600_000)]);
    assert_eq!(place.session(&phone.plain(RIGHT), &mut phone).await, Ok(Asked::Install(RSA_2048)));
    assert_eq!(alarms(&place, STRINGS_LOCKED.name).await, [""; 0]);
}

#[tokio::test]
async fn fifty_wrong_strings_in_a_day_end_it_until_it_is_scheduled_anew() {
    let mut place = Place::new(&[DEVICE]).await;
    let mut phone = PhoneKeys::new(DEVICE);
    by_string(&mut place).await;
    let wrong = Err(Refusal::Failed(Failure::InvalidAuthenticationString));
    // a few from each of many, killed in the middle
    for number in 0..50_u8 {
        if number == 40 {
            place.restart().await;
        }
        place.clock.now += 60_000;
        assert_eq!(guess(&place, &phone, there(number % 25), "1111").await, wrong, "{number}");
    }
    let said = alarms(&place, STRINGS_LOCKED.name).await;
    assert_eq!(said.len(), 1);
    for number in 0..25 {
        assert!(said[0].contains(&format!("10.9.9.{number} (")), "{}", said[0]);
    }
    for restart in [false, true] {
        if restart {
            place.restart().await;
        }
        place.clock.now += 2 * 86_400_000;
        let refused = place.session(&phone.plain(RIGHT), &mut phone).await.unwrap_err();
        assert_eq!(refused.refusal, Refusal::Limit, "{}", refused.reason);
    }
    assert_eq!(place.enrolment().await.locked_until, UNTIL_SCHEDULED);
    place.schedule(Operation::Install, AuthenticationMode::AuthenticationString).await;
    assert_eq!(alarms(&place, STRINGS_LOCKED.name).await, [""; 0], "the alarm ends by itself");
    assert_eq!(place.session(&phone.plain(RIGHT), &mut phone).await, Ok(Asked::Install(RSA_2048)));
}

/// Six sessions of a stranger at any time, all with a wrong string of the same device.
#[tokio::test]
async fn a_crowd_of_strangers_makes_no_try_of_the_phone_fail() {
    let mut place = Place::new(&[DEVICE]).await;
    let phone = PhoneKeys::new(DEVICE);
    for round in 0..4_u8 {
        by_string(&mut place).await;
        let strangers = (0..6_u8).map(|_| guess(&place, &phone, there(round), "1111"));
        let crowd = futures_all(strangers.collect());
        let (phones, crowd) = tokio::join!(guess(&place, &phone, HERE, RIGHT), crowd);
        assert_eq!(phones, Ok(Asked::Install(RSA_2048)), "round {round}");
        let counted = Err(Refusal::Failed(Failure::InvalidAuthenticationString));
        assert!(crowd.iter().all(|asked| *asked == counted), "{crowd:?}");
    }
}

/// All of them at once, in one task.
async fn futures_all<T>(futures: Vec<impl Future<Output = T>>) -> Vec<T> {
    let mut futures: Vec<_> = futures.into_iter().map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        for (future, done) in futures.iter_mut().filter(|(_, done)| done.is_none()) {
            if let std::task::Poll::Ready(value) = future.as_mut().poll(context) {
                *done = Some(value);
            }
        }
        let all = futures.iter().all(|(_, done)| done.is_some());
        if all { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    futures.into_iter().filter_map(|(_, done)| done).collect()
}

/// The protocol signs no session [sources/capf#proofs]: who has recorded what a phone said gets an LSC for a key of his
/// own, unless SUDI_DATA stands in it, which is made over the session.
#[tokio::test]
async fn a_recorded_proof_opens_the_door_and_is_told_of() {
    let mut place = Place::new(&[DEVICE]).await;
    let maker = Manufacturer::new("Test Manufacturing CA", 3650);
    let pem = maker.certificate.to_pem();
    place.cluster.import_phone_cas(&place.actor, &place.node, pem.as_bytes(), &mut place.clock).await.unwrap();
    place.desk.reload().await.unwrap();
    let mut phone = PhoneKeys::new(DEVICE);
    let key = SoftKey::generate_rsa(2048).unwrap();
    phone.mic = Some((maker.mic(DEVICE, &key), key));
    place.schedule(Operation::Install, AuthenticationMode::ExistingMic).await;
    let recorded = phone.proven(1);
    place.session_with_id(&recorded, &mut phone, 1).await.unwrap();
    let invalid = Refusal::Failed(Failure::InvalidMic);
    place.schedule(Operation::Install, AuthenticationMode::ExistingMic).await;
    let mut thief = PhoneKeys::new(DEVICE);
    let refused = place.session_with_id(&recorded, &mut thief, 2).await.unwrap_err();
    assert_eq!(refused.refusal, invalid, "SUDI_DATA of another session");
    // it must hold in the other modes too, where it is sent
    for mode in [AuthenticationMode::NullString, AuthenticationMode::AuthenticationString] {
        let choice = StringChoice::Given(AuthenticationString::new(RIGHT).unwrap());
        place.schedule_for(DEVICE, Operation::Install, mode, choice).await;
        let string = phone.plain(RIGHT);
        for sudi in
            [recorded.sudi_data.clone(), Some(SudiData { certificate: vec![0x30, 0], sha1: None, sha512: None })]
        {
            let with = wire::capf::AuthResponse { sudi_data: sudi, ..string.clone() };
            let refused = place.session_with_id(&with, &mut thief, 2).await.unwrap_err();
            assert_eq!(refused.refusal, invalid, "{mode:?}");
        }
        let with = wire::capf::AuthResponse { sudi_data: phone.proven(3).sudi_data, ..string };
        assert_eq!(place.session_with_id(&with, &mut phone.clone(), 3).await, Ok(Asked::Install(RSA_2048)), "{mode:?}");
    }

    // without SUDI_DATA nothing tells the two apart
    place.schedule(Operation::Install, AuthenticationMode::ExistingMic).await;
    let recorded = wire::capf::AuthResponse {
        sudi_data: None,
        ..{
            phone.lsc = None;
            phone.proven(1)
        }
    };
    let issue = async |place: &mut Place, keys: &mut PhoneKeys| {
        let key = keys.make(RSA_2048);
        let mut visit = place.desk.visit(4, there(7));
        place.desk.admit(&mut visit, &recorded, place.clock.now).await.unwrap();
        place.desk.issue(&mut visit, key.spki(), RSA_2048, &mut place.clock).await.unwrap();
        visit
    };
    issue(&mut place, &mut phone).await;
    issue(&mut place, &mut phone).await;
    assert_eq!(alarms(&place, SECOND_KEY.name).await, [""; 0], "a phone that comes again with its key");
    let visit = issue(&mut place, &mut thief).await;
    let said = alarms(&place, SECOND_KEY.name).await;
    assert!(said.len() == 1 && said[0].starts_with(DEVICE) && said[0].contains("10.9.9.7"), "{said:?}");
    place.desk.record(&mut { visit }, &Done::Stored, place.clock.now).await.unwrap();
    place.schedule(Operation::Install, AuthenticationMode::ExistingMic).await;
    assert_eq!(alarms(&place, SECOND_KEY.name).await, [""; 0], "scheduled anew");
}

/// Killed at any point: who got a second key certified is told of.
#[tokio::test]
async fn no_kill_lies_between_a_second_certificate_and_its_alarm() {
    let mut place = Place::new(&[DEVICE]).await;
    let (mut phone, mut thief) = (PhoneKeys::new(DEVICE), PhoneKeys::new(DEVICE));
    let (key, other) = (phone.make(RSA_2048), thief.make(RSA_2048));
    let (mut seen, mut polls) = (0, 0);
    loop {
        place.schedule(Operation::Install, AuthenticationMode::NullString).await;
        let scheduled_at = place.clock.now;
        let mut visit = place.desk.visit(1, HERE);
        place.desk.admit(&mut visit, &phone.plain(""), scheduled_at).await.unwrap();
        place.desk.issue(&mut visit, key.spki(), RSA_2048, &mut place.clock).await.unwrap();
        let mut visit = place.desk.visit(2, there(7));
        place.desk.admit(&mut visit, &thief.plain(""), scheduled_at).await.unwrap();
        let issue = place.desk.issue(&mut visit, other.spki(), RSA_2048, &mut place.clock);
        let whole = polled(issue, polls).await;
        let lscs = place.cluster.store().lscs_of(DEVICE).await.unwrap().into_iter();
        let given = lscs.filter(|lsc| lsc.created_at >= scheduled_at && lsc.state == LscState::Signed).count();
        let told = alarms(&place, SECOND_KEY.name).await.len();
        assert!(given < 2 || told == 1, "after {polls} polls: {given} certificates, {told} alarms");
        seen += usize::from(given == 2);
        if whole {
            break;
        }
        polls += 1;
    }
    assert!(polls > 3 && seen > 0, "{polls} polls, {seen} with both certificates");
}

/// The request for an offline CA names a key too.
#[tokio::test]
async fn a_second_key_that_waits_for_an_offline_ca_is_told_of() {
    let mut place = Place::new(&[DEVICE]).await;
    let (mut phone, mut thief) = (PhoneKeys::new(DEVICE), PhoneKeys::new(DEVICE));
    let (key, other) = (phone.make(RSA_2048), thief.make(RSA_2048));
    place.schedule(Operation::Install, AuthenticationMode::NullString).await;
    let mut visit = place.desk.visit(1, HERE);
    place.desk.admit(&mut visit, &phone.plain(""), place.clock.now).await.unwrap();
    place.desk.issue(&mut visit, key.spki(), RSA_2048, &mut place.clock).await.unwrap();
    let issuer =
        place.cluster.set_parameter(&place.actor, "CertificateIssuerToEndpoint", "Offline CA", &mut place.clock);
    issuer.await.unwrap();
    place.desk.reload().await.unwrap();
    let mut visit = place.desk.visit(2, there(7));
    place.desk.admit(&mut visit, &thief.plain(""), place.clock.now).await.unwrap();
    let waits = place.desk.issue(&mut visit, other.spki(), RSA_2048, &mut place.clock).await.unwrap_err();
    assert_eq!(waits.refusal, Refusal::Waits);
    let said = alarms(&place, SECOND_KEY.name).await;
    assert!(said.len() == 1 && said[0].contains("10.9.9.7"), "{said:?}");
}

/// Drops a future after so many polls that came to nothing; whether it was done before.
async fn polled<T>(future: impl Future<Output = T>, most: usize) -> bool {
    let mut future = Box::pin(future);
    let mut count = 0;
    std::future::poll_fn(|context| {
        if future.as_mut().poll(context).is_ready() {
            return std::task::Poll::Ready(true);
        }
        count += 1;
        if count > most { std::task::Poll::Ready(false) } else { std::task::Poll::Pending }
    })
    .await
}

/// Of sessions of several addresses the later one waits for the end of the earlier one.
#[tokio::test]
async fn the_end_of_a_session_of_another_address_can_be_waited_for() {
    let mut place = Place::new(&[DEVICE]).await;
    let phone = PhoneKeys::new(DEVICE);
    place.schedule(Operation::Install, AuthenticationMode::NullString).await;
    let now = place.clock.now;
    let mut first = place.desk.visit(1, HERE);
    place.desk.admit(&mut first, &phone.plain(""), now).await.unwrap();
    assert!(place.desk.another_at_work(DEVICE, HERE).is_none(), "a phone that starts anew does not wait for itself");
    let mapped = IpAddr::V6(Ipv4Addr::new(10, 0, 0, 1).to_ipv6_mapped());
    assert!(place.desk.another_at_work(DEVICE, mapped).is_none());
    let waits = place.desk.another_at_work(&DEVICE.to_lowercase(), there(1)).unwrap();
    let ends = async {
        place.desk.ended(&first, &ended(Stage::KeyGeneration, Cause::Closed), now).await.unwrap();
    };
    tokio::join!(waits, ends);
    assert!(place.desk.another_at_work(DEVICE, there(1)).is_none());
}

/// Which certificate a phone shows when it has both is its own affair ("precedence"); CAPF takes either in both modes: a phone that
/// lost its LSC has the MIC only, and one whose maker's root is not loaded the LSC only [sources/capf#authentication].
#[tokio::test]
async fn both_certificate_modes_take_either_kind() {
    let mut place = Place::new(&[DEVICE]).await;
    let maker = Manufacturer::new("Test Manufacturing CA", 3650);
    let pem = maker.certificate.to_pem();
    place.cluster.import_phone_cas(&place.actor, &place.node, pem.as_bytes(), &mut place.clock).await.unwrap();
    place.desk.reload().await.unwrap();
    let key = SoftKey::generate_rsa(2048).unwrap();
    let mic = (maker.mic(DEVICE, &key), key);
    let mut phone = PhoneKeys::new(DEVICE);
    place.schedule(Operation::Install, AuthenticationMode::NullString).await;
    place.session(&phone.plain(""), &mut phone).await.unwrap();
    for mode in [AuthenticationMode::ExistingLsc, AuthenticationMode::ExistingMic] {
        for shows_mic in [false, true] {
            place.schedule(Operation::Install, mode).await;
            let mut shown = phone.clone();
            if shows_mic {
                (shown.lsc, shown.mic) = (None, Some(mic.clone()));
            }
            let asked = place.session(&shown.proven(1), &mut phone).await;
            assert_eq!(asked, Ok(Asked::Install(RSA_2048)), "{mode:?}, MIC {shows_mic}");
        }
    }
}
