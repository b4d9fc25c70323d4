//! *Troubleshoot*: what a phone shows is looked at before it is believed, and can be looked at afterwards.

use cluster::enrolment::{AuthenticationMode, Operation};
use jiff::tz::TimeZone;
use ringfence_core::enrolment::{LscState, StringChoice};
use wire::capf::{Done, Failure, Operation as Asked, Refusal};

use crate::enrolment::place::{DEVICE, HERE, Manufacturer, PhoneKeys, Place};

const OTHER: &str = "SEP001122334455";

#[tokio::test]
async fn what_does_not_hold_is_troubleshoot_failed() {
    let mut place = Place::new(&[DEVICE, OTHER]).await;
    let (mut phone, mut other) = (PhoneKeys::new(DEVICE), PhoneKeys::new(OTHER));
    let null = AuthenticationMode::NullString;
    for keys in [&mut phone, &mut other] {
        let name = keys.name.as_str().to_owned();
        place.schedule_for(&name, Operation::Install, null, StringChoice::Keep).await;
        place.session(&keys.plain(""), keys).await.unwrap();
    }
    let stranger = Manufacturer::new("SEPDEADBEEF0000", 3650);
    let maker = Manufacturer::new("Unknown Manufacturing CA", 3650);
    let key = testbed::rsa_key(2048).unwrap();
    for (name, shown, failure, status) in [
        ("self-signed, another name", (stranger.certificate, stranger.key), Failure::InvalidMic, 29),
        ("a MIC of an unknown CA", (maker.mic(DEVICE, &key), key), Failure::InvalidMic, 29),
        ("the LSC of another device", other.lsc.clone().unwrap(), Failure::InvalidLsc, 27),
    ] {
        place.schedule(Operation::Troubleshoot, null).await;
        let mut shows = phone.clone();
        shows.lsc = Some(shown);
        let refused = place.session(&phone.plain(""), &mut shows).await.unwrap_err();
        assert_eq!((refused.refusal, place.status().await), (Refusal::Failed(failure), status), "{name}");
        let it = place.enrolment().await;
        assert_eq!((it.operation, it.fetched), (Operation::Troubleshoot, None), "{name}: it stays scheduled");
    }
    let mut visit = place.desk.visit(1, HERE);
    assert_eq!(place.desk.admit(&mut visit, &phone.plain(""), place.clock.now).await, Ok(Asked::Fetch));
    let garbage = Done::Fetched(b"garbage".to_vec());
    let refused = place.desk.record(&mut visit, &garbage, place.clock.now).await.unwrap_err();
    assert_eq!(refused.refusal, Refusal::Failed(Failure::InvalidLsc));
    // dates count, of the CA too
    place.clock.now += 6 * 365 * 86_400_000;
    place.schedule(Operation::Troubleshoot, null).await;
    let refused = place.session(&phone.plain(""), &mut phone).await.unwrap_err();
    assert_eq!(refused.refusal, Refusal::Failed(Failure::InvalidLsc), "{}", refused.reason);
}

#[tokio::test]
async fn what_was_fetched_is_told() {
    let mut place = Place::new(&[DEVICE]).await;
    let mut phone = PhoneKeys::new(DEVICE);
    let null = AuthenticationMode::NullString;
    place.schedule(Operation::Install, null).await;
    place.session(&phone.plain(""), &mut phone).await.unwrap();
    place.schedule(Operation::Troubleshoot, null).await;
    place.session(&phone.plain(""), &mut phone).await.unwrap();
    let it = place.enrolment().await;
    let fetched = it.fetched.unwrap();
    assert_eq!((it.status.number(), fetched.lsc), (5, Some(LscState::Confirmed)));
    assert_eq!((&fetched.certificate, fetched.seen_at), (&phone.lsc.as_ref().unwrap().0, place.clock.now));
    let text = fetched.text(&TimeZone::UTC);
    assert!(text.starts_with(&pki::hash::hex(fetched.certificate.serial())), "{text}");
    assert!(text.contains("; the LSC that counts; shown on Fri Jan 02 03:04:05 UTC 2026 without a proof"), "{text}");
    place.schedule(Operation::Install, null).await;
    place.session(&phone.plain(""), &mut phone).await.unwrap();
    let all = place.cluster.enrolments().await.unwrap();
    assert_eq!(all[0].fetched.as_ref().unwrap().lsc, Some(LscState::Superseded));
}
