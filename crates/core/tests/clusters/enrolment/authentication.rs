//! Who is let in, with which status those are turned away that are not, and what is written about them.

use cluster::enrolment::{AuthenticationMode, Operation};
use ringfence_core::enrolment::{AuthenticationString, Schedule, Selection, StringChoice};
use wire::capf::{DeviceName, Failure, Operation as Asked, Refusal, SudiData};

use crate::enrolment::place::{DEVICE, HERE, Manufacturer, PhoneKeys, Place, RSA_2048};

const OTHER: &str = "SEP001122334455";

fn failed(failure: Failure) -> Refusal {
    Refusal::Failed(failure)
}

#[tokio::test]
async fn unknown_devices_leave_no_trace() {
    let mut place = Place::new(&[DEVICE]).await;
    let before = place.audit_count().await;
    let mut stranger = PhoneKeys::new(OTHER);
    let refused = place.session(&stranger.plain("1"), &mut stranger).await.unwrap_err();
    assert_eq!(refused.refusal, Refusal::UnknownDevice);
    assert_eq!(place.audit_count().await, before);
    // lower case is the same device
    let mut lower = PhoneKeys::new(DEVICE);
    lower.name = DeviceName::new(&DEVICE.to_lowercase()).unwrap();
    assert_eq!(place.session(&lower.plain(""), &mut lower).await, Ok(Asked::None));
}

#[tokio::test]
async fn ten_wrong_strings_cost_ten_minutes() {
    let mut place = Place::new(&[DEVICE]).await;
    let mut phone = PhoneKeys::new(DEVICE);
    let string = AuthenticationString::new("12345").unwrap();
    assert_eq!(format!("{string:?}"), "AuthenticationString(...)");
    let choice = StringChoice::Given(string);
    place.schedule_for(DEVICE, Operation::Install, AuthenticationMode::AuthenticationString, choice).await;
    let row = place.cluster.store().enrolment(DEVICE).await.unwrap().unwrap();
    assert!(!row.string.unwrap().contains("12345"), "the database does not show it");
    let read = place.cluster.authentication_string(&place.actor, DEVICE, &mut place.clock).await.unwrap();
    assert_eq!(read.unwrap().reveal(), "12345");

    let wrong = failed(Failure::InvalidAuthenticationString);
    let before = place.audit_count().await;
    for attempt in 1..=9 {
        let given = if attempt == 1 { String::new() } else { format!("{attempt}") };
        let refused = place.session(&phone.plain(&given), &mut phone).await.unwrap_err();
        assert_eq!((refused.refusal, refused.reason), (wrong, format!("wrong authentication string, {attempt} of 10")));
        assert_eq!(place.status().await, 10);
    }
    assert_eq!(place.audit_count().await, before + 1, "the cause is written once");
    assert_eq!(place.session(&phone.plain("12345"), &mut phone).await, Ok(Asked::Install(RSA_2048)));

    place.schedule(Operation::Install, AuthenticationMode::AuthenticationString).await;
    for _ in 0..10 {
        assert_eq!(place.session(&phone.plain("1234"), &mut phone).await.unwrap_err().refusal, wrong);
    }
    let locked = place.audit_count().await;
    // a restart does not help
    place.restart().await;
    for _ in 0..20 {
        assert_eq!(place.session(&phone.plain("12345"), &mut phone).await.unwrap_err().refusal, Refusal::Limit);
    }
    assert_eq!(place.audit_count().await, locked, "what is refused by a limit writes nothing");
    place.clock.now += 10 * 60 * 1000 - 1;
    assert_eq!(place.session(&phone.plain("12345"), &mut phone).await.unwrap_err().refusal, Refusal::Limit);
    place.clock.now += 1;
    assert_eq!(place.session(&phone.plain("12345"), &mut phone).await, Ok(Asked::Install(RSA_2048)));
    let all = place.cluster.store().audit(10_000).await.unwrap();
    assert!(all.iter().all(|entry| !entry.command.contains("12345") && !entry.result.contains("12345")));
}

#[tokio::test]
async fn the_eleventh_string_is_refused_before_the_tenth_session_has_ended() {
    let mut place = Place::new(&[DEVICE]).await;
    let phone = PhoneKeys::new(DEVICE);
    let choice = StringChoice::Given(AuthenticationString::new("12345").unwrap());
    place.schedule_for(DEVICE, Operation::Install, AuthenticationMode::AuthenticationString, choice).await;
    let now = place.clock.now;
    let mut open = Vec::new();
    for _ in 0..10 {
        let mut visit = place.desk.visit(1, HERE);
        let refused = place.desk.admit(&mut visit, &phone.plain("54321"), now).await.unwrap_err();
        assert_eq!(refused.refusal, failed(Failure::InvalidAuthenticationString));
        open.push(visit);
    }
    let refused = place.desk.admit(&mut place.desk.visit(1, HERE), &phone.plain("12345"), now).await.unwrap_err();
    assert_eq!(refused.refusal, Refusal::Limit);
    // killed before one of these sessions has come to its end
    place.restart().await;
    let refused = place.desk.admit(&mut place.desk.visit(1, HERE), &phone.plain("12345"), now).await.unwrap_err();
    assert_eq!(refused.refusal, Refusal::Limit);
    assert_eq!(place.status().await, 10);
}

#[tokio::test]
async fn causes_of_refusals_are_written_once_in_a_minute() {
    let mut place = Place::new(&[DEVICE]).await;
    let mut phone = PhoneKeys::new(DEVICE);
    let stranger = Manufacturer::new("Another CA", 3650);
    let key = testbed::rsa_key(2048).unwrap();
    phone.mic = Some((stranger.mic(DEVICE, &key), key));
    place.schedule(Operation::Install, AuthenticationMode::ExistingLsc).await;
    let before = place.audit_count().await;
    let (unknown_ca, nothing) = (phone.proven(1), phone.plain(""));
    for _ in 0..20 {
        let refused = place.session(&unknown_ca, &mut phone).await.unwrap_err();
        assert_eq!(refused.refusal, failed(Failure::InvalidMic));
        let refused = place.session(&nothing, &mut phone).await.unwrap_err();
        assert_eq!(refused.refusal, failed(Failure::InvalidCredentials));
    }
    assert_eq!((place.audit_count().await, place.status().await), (before + 1, 11));
    place.desk.note_refusals(place.clock.now + 59_999).await.unwrap();
    assert_eq!(place.audit_count().await, before + 1);
    // the last one comes to its turn, and once
    place.clock.now += 60_000;
    for _ in 0..2 {
        place.desk.note_refusals(place.clock.now).await.unwrap();
        assert_eq!((place.audit_count().await, place.status().await), (before + 2, 12));
    }
    // what waits goes when the phone is let in
    place.session(&unknown_ca, &mut phone).await.unwrap_err();
    place.schedule(Operation::Install, AuthenticationMode::NullString).await;
    place.session(&nothing, &mut phone).await.unwrap();
    place.desk.note_refusals(place.clock.now + 60_000).await.unwrap();
    assert_eq!(place.status().await, 3);
    // and a new schedule tells its own cause at once
    place.schedule(Operation::Install, AuthenticationMode::ExistingLsc).await;
    place.session(&nothing, &mut phone).await.unwrap_err();
    assert_eq!(place.status().await, 12);
}

#[tokio::test]
async fn an_lsc_that_was_replaced_opens_no_door() {
    let mut place = Place::new(&[DEVICE]).await;
    let mut phone = PhoneKeys::new(DEVICE);
    place.schedule(Operation::Install, AuthenticationMode::NullString).await;
    place.session(&phone.plain(""), &mut phone).await.unwrap();
    let mut thief = phone.clone();
    place.schedule(Operation::Install, AuthenticationMode::ExistingLsc).await;
    let proven = phone.proven(1);
    place.session(&proven, &mut phone).await.unwrap();
    let current = place.enrolment().await.lsc.unwrap();
    for mode in [AuthenticationMode::ExistingLsc, AuthenticationMode::ExistingMic] {
        place.schedule(Operation::Install, mode).await;
        let stolen = thief.proven(1);
        let refused = place.session(&stolen, &mut thief).await.unwrap_err();
        assert_eq!((refused.refusal, place.status().await), (failed(Failure::InvalidLsc), 9), "{}", refused.reason);
        assert!(refused.reason.contains("replaced by a later one"), "{}", refused.reason);
        assert_eq!(place.enrolment().await.lsc.as_ref(), Some(&current));
    }
    let proven = phone.proven(1);
    place.session(&proven, &mut phone).await.unwrap();
}

#[tokio::test]
async fn strings_are_digits_and_one_is_needed() {
    let mut place = Place::new(&[DEVICE, OTHER]).await;
    for bad in ["", "123", "12345678901", "12a4", "１２３４"] {
        assert!(AuthenticationString::new(bad).is_err(), "{bad}");
    }
    let mode = AuthenticationMode::AuthenticationString;
    let schedule = |string| Schedule { operation: Operation::Install, mode, string, completes_by: None };
    let keep = schedule(StringChoice::Keep);
    let none = place.cluster.schedule(&place.actor, &Selection::All, &keep, &mut place.clock).await;
    assert!(none.unwrap_err().to_string().contains("has no authentication string"));
    assert_eq!(place.status().await, 1, "all or none");
    let made = schedule(StringChoice::Generate(10));
    let made = place.cluster.schedule(&place.actor, &Selection::All, &made, &mut place.clock).await.unwrap();
    assert!(made.capf_runs);
    assert_eq!(made.strings.len(), 2);
    assert!(made.strings.iter().all(|(_, string)| string.reveal().len() == 10));
    assert_ne!(made.strings[0].1, made.strings[1].1);
    let mut phone = PhoneKeys::new(DEVICE);
    let of = |device: &str| made.strings.iter().find(|(name, _)| name == device).unwrap().1.reveal().to_owned();
    let refused = place.session(&phone.plain(&of(OTHER)), &mut phone).await.unwrap_err();
    assert_eq!(refused.refusal, failed(Failure::InvalidAuthenticationString), "the string of another device");
    place.session(&phone.plain(&of(DEVICE)), &mut phone).await.unwrap();
}

#[tokio::test]
async fn who_comes_too_late_is_told_so() {
    let mut place = Place::new(&[DEVICE]).await;
    let mut phone = PhoneKeys::new(DEVICE);
    for (operation, status) in [(Operation::Install, 17), (Operation::Delete, 26), (Operation::Troubleshoot, 33)] {
        place.schedule(operation, AuthenticationMode::NullString).await;
        assert_eq!(place.enrolment().await.completes_by, Some(place.clock.now + 10 * 86_400_000), "ten days");
        place.clock.now += 10 * 86_400_000 + 1;
        let refused = place.session(&phone.plain(""), &mut phone).await.unwrap_err();
        assert_eq!(refused.refusal, failed(Failure::Late));
        assert_eq!((place.status().await, place.enrolment().await.operation), (status, Operation::None));
        // without a phone the clock alone does it
        place.schedule(operation, AuthenticationMode::NullString).await;
        place.clock.now += 10 * 86_400_000 + 1;
        assert_eq!(place.cluster.expire_operations(place.clock.now).await.unwrap(), [DEVICE]);
        assert_eq!(place.status().await, status);
    }
}

#[tokio::test]
async fn a_mic_opens_the_door_when_its_root_is_trusted() {
    let mut place = Place::new(&[DEVICE]).await;
    let maker = Manufacturer::new("Test Manufacturing CA", 3650);
    let stranger = Manufacturer::new("Another CA", 3650);
    let mut phone = PhoneKeys::new(DEVICE);
    let key = testbed::rsa_key(2048).unwrap();
    phone.mic = Some((maker.mic(DEVICE, &key), key.clone()));
    place.schedule(Operation::Install, AuthenticationMode::ExistingMic).await;
    let auth = phone.proven(1);
    assert_eq!(place.session(&auth, &mut phone).await.unwrap_err().refusal, failed(Failure::InvalidMic));
    assert_eq!(place.status().await, 11);

    let pem = [maker.certificate.to_pem(), String::new()].join("\n");
    let loaded = place.cluster.import_phone_cas(&place.actor, &place.node, pem.as_bytes(), &mut place.clock).await;
    assert_eq!(loaded.unwrap(), std::slice::from_ref(&maker.certificate));
    let listed = place.cluster.list_certificates(&place.node, true).await.unwrap();
    for store in ["CAPF-trust", "CallManager-trust"] {
        assert!(
            listed.iter().any(|line| line.starts_with(&format!("{store}/Test_Manufacturing_CA.pem"))),
            "{listed:?}"
        );
    }
    place.desk.reload().await.unwrap();

    // another device, another CA, another key, no proof, a proof of another session
    let other_device = {
        let mut other = phone.clone();
        other.mic = Some((maker.mic(OTHER, &key), key.clone()));
        other.proven(1)
    };
    let other_ca = {
        let mut other = phone.clone();
        other.mic = Some((stranger.mic(DEVICE, &key), key.clone()));
        other.proven(1)
    };
    let other_key = {
        let mut other = phone.clone();
        other.mic.as_mut().unwrap().1 = testbed::rsa_key(2048).unwrap();
        other.proven(1)
    };
    let mut no_proof = phone.proven(1);
    no_proof.sha2_signed_data = None;
    let mut no_certificate = phone.proven(1);
    no_certificate.certificate = None;
    let mut garbage = phone.proven(1);
    garbage.certificate = Some(b"garbage".to_vec());
    let mut bad_sudi = phone.proven(1);
    bad_sudi.sudi_data = Some(SudiData { certificate: vec![0x30, 0], sha1: None, sha512: None });
    for (name, auth, failure, status) in [
        ("another device", other_device, Failure::InvalidMic, 11),
        ("another CA", other_ca, Failure::InvalidMic, 11),
        ("another key", other_key, Failure::InvalidCredentials, 12),
        ("no proof with SHA-512", no_proof, Failure::InvalidCredentials, 12),
        ("no certificate", no_certificate, Failure::InvalidCredentials, 12),
        ("garbage", garbage, Failure::InvalidCredentials, 12),
        ("session id", phone.proven(2), Failure::InvalidMic, 11),
        ("bad SUDI_DATA", bad_sudi, Failure::InvalidMic, 11),
    ] {
        // a cause is written once in a minute
        place.clock.now += 60_000;
        let refused = place.session(&auth, &mut phone.clone()).await.unwrap_err();
        assert_eq!((refused.refusal, place.status().await), (failed(failure), status), "{name}: {}", refused.reason);
    }
    assert_eq!(place.session(&phone.proven(1), &mut phone).await, Ok(Asked::Install(RSA_2048)));
    assert_eq!(place.enrolment().await.mic.as_ref(), Some(&phone.mic.as_ref().unwrap().0), "it is known from now on");

    // the LSC opens it too, and an LSC that was deleted does not
    place.schedule(Operation::Delete, AuthenticationMode::ExistingLsc).await;
    let proven = phone.proven(1);
    place.session(&proven, &mut phone.clone()).await.unwrap();
    place.schedule(Operation::Install, AuthenticationMode::ExistingLsc).await;
    let refused = place.session(&proven, &mut phone.clone()).await.unwrap_err();
    assert_eq!((refused.refusal, place.status().await), (failed(Failure::InvalidLsc), 9));
    // the MIC still does
    phone.lsc = None;
    place.session(&phone.proven(1), &mut phone).await.unwrap();
    assert_eq!(place.status().await, 3);
}

#[tokio::test]
async fn dates_of_issuers_count() {
    let mut place = Place::new(&[DEVICE]).await;
    let maker = Manufacturer::new("Test Manufacturing CA", 3);
    place
        .cluster
        .import_phone_cas(&place.actor, &place.node, maker.certificate.to_pem().as_bytes(), &mut place.clock)
        .await
        .unwrap();
    place.desk.reload().await.unwrap();
    let mut phone = PhoneKeys::new(DEVICE);
    let key = testbed::rsa_key(2048).unwrap();
    phone.mic = Some((maker.mic(DEVICE, &key), key));
    place.schedule(Operation::Install, AuthenticationMode::ExistingMic).await;
    place.clock.now += 3 * 86_400_000;
    let refused = place.session(&phone.proven(1), &mut phone).await.unwrap_err();
    assert_eq!(refused.refusal, failed(Failure::InvalidMic));
    assert!(refused.reason.contains("Test Manufacturing CA"), "{}", refused.reason);
    // and such a CA is not loaded any more, nor is a certificate that is none
    for (pem, says) in [
        (maker.certificate.to_pem(), "has expired on"),
        (phone.mic.as_ref().unwrap().0.to_pem(), "is no CA"),
        ("nothing".to_owned(), "holds no certificate"),
    ] {
        let refused = place.cluster.import_phone_cas(&place.actor, &place.node, pem.as_bytes(), &mut place.clock).await;
        let text = refused.unwrap_err().to_string();
        assert!(text.contains(says), "{text}");
    }
}
