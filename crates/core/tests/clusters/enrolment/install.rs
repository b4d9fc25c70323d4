//! Install, troubleshoot, delete; what is on record at each point; what OpenSSL says of the certificates.

use cluster::enrolment::{AuthenticationMode, KeyOrder, KeyPlan, Operation};
use pki::signer::Signer;
use ringfence_core::enrolment::{LscState, Selection};
use testbed::openssl;
use wire::capf::{Cause, Curve, Done, Failure, KeySpec, Operation as Asked, Reason, Refusal, RsaSize, Stage};

use crate::enrolment::place::{DEVICE, HERE, PhoneKeys, Place, RSA_2048, ended, file};

#[tokio::test]
async fn an_lsc_comes_to_be_in_three_steps() {
    let mut place = Place::new(&[DEVICE]).await;
    assert_eq!(place.status().await, 1);
    place.schedule(Operation::Install, AuthenticationMode::NullString).await;
    assert_eq!(place.status().await, 2);
    let mut phone = PhoneKeys::new(DEVICE);
    let key = phone.make(RSA_2048);

    let mut visit = place.desk.visit(7, HERE);
    let asked = place.desk.admit(&mut visit, &phone.plain(""), place.clock.now).await.unwrap();
    assert_eq!(asked, Asked::Install(RSA_2048));
    let lsc = place.desk.issue(&mut visit, key.spki(), RSA_2048, &mut place.clock).await.unwrap();
    let signed = place.enrolment().await;
    assert_eq!((signed.status.number(), signed.operation), (2, Operation::Install), "nothing is believed yet");
    assert!(signed.lsc.is_none());
    let row = signed.unconfirmed.unwrap();
    assert_eq!(row.state, LscState::Signed);
    assert!(row.pem.is_some_and(|pem| pem == lsc.to_pem()));
    assert_eq!(row.serial, pki::hash::hex(lsc.serial()));

    place.desk.record(&mut visit, &Done::Stored, place.clock.now).await.unwrap();
    place.desk.ended(&visit, &ended(Stage::Store, Cause::Installed), place.clock.now).await.unwrap();
    let done = place.enrolment().await;
    assert_eq!((done.status.number(), done.operation, done.completes_by), (3, Operation::None, None));
    assert_eq!(done.lsc.unwrap().serial, row.serial);
    assert!(done.unconfirmed.is_none());

    // the query of [sources/database#output]
    let sql = "select name,tkcertificatestatus,publickey from device where name like 'SEP%'";
    let table = place.cluster.run_sql(&place.actor, sql, 0).await.unwrap();
    assert_eq!(table.columns, ["name", "tkcertificatestatus", "publickey"]);
    let public_key = table.rows[0][2].clone().unwrap();
    assert_eq!(table.rows[0][..2], [Some(DEVICE.to_owned()), Some("3".to_owned())]);
    let body = pki::hash::base64(lsc.public_key_bits());
    let printed: String = public_key.lines().filter(|line| !line.starts_with('-')).collect();
    assert!(public_key.starts_with("-----BEGIN RSA PUBLIC KEY-----\nMIIBCgKCAQEA"), "{public_key}");
    assert_eq!(printed, body);

    // nothing is pending any more
    assert_eq!(place.session(&phone.plain(""), &mut phone.clone()).await, Ok(Asked::None));
    let audit = place.cluster.store().audit(5).await.unwrap();
    let said: Vec<&str> = audit.iter().map(|entry| entry.result.split(',').next().unwrap()).collect();
    assert_eq!(said, [format!("1 device: {DEVICE}").as_str(), "intended", "signed", "stored by the phone", "allowed"]);
}

#[tokio::test]
async fn openssl_takes_the_certificates_of_both_releases() {
    for release in ["10.5", "15"] {
        let mut place = Place::of_release(release, &[DEVICE]).await;
        let mut phone = PhoneKeys::new(DEVICE);
        place.schedule(Operation::Install, AuthenticationMode::NullString).await;
        place.session(&phone.plain(""), &mut phone).await.unwrap();
        let (lsc, _) = phone.lsc.clone().unwrap();
        let folder = place.folder.path();
        let capf = file(folder, "capf.pem", place.capf().to_pem().as_bytes());
        let pem = file(folder, "lsc.pem", lsc.to_pem().as_bytes());
        let at = (place.clock.now / 1000 + 60).to_string();
        // the CAPF of 10.5 has no BasicConstraints, so it is an anchor only
        openssl(&["verify", "-partial_chain", "-attime", &at, "-auth_level", "0", "-trusted", &capf, &pem]);
        let text = String::from_utf8(openssl(&["x509", "-in", &pem, "-noout", "-text"])).unwrap();
        let subject = String::from_utf8(openssl(&["x509", "-in", &pem, "-noout", "-subject", "-nameopt", "RFC2253"]));
        let capf_name = place.capf().common_name().unwrap();
        for wanted in [
            "Signature Algorithm: sha256WithRSAEncryption",
            "CA:FALSE",
            "Digital Signature, Key Encipherment",
            "TLS Web Server Authentication, TLS Web Client Authentication, IPSec End System",
            &format!("URI:{DEVICE}"),
            "X509v3 Authority Key Identifier",
            &format!("CN = {capf_name}"),
        ] {
            assert!(text.contains(wanted), "{release}: {wanted} in {text}");
        }
        // RFC 2253 prints the last part first
        let subject = subject.unwrap();
        let wanted = match release {
            "10.5" => format!("subject=L=Krakow,ST=Malopolska,OU=TAC,O=Cisco,C=PL,CN={DEVICE}\n"),
            _ => format!("subject=CN=CP-8861-{DEVICE},OU=TAC,O=Cisco,C=PL\n"),
        };
        assert_eq!(subject, wanted);
        let identifier = |what: &str| {
            let at = text.find(what).unwrap() + what.len();
            text[at..].lines().nth(1).unwrap().trim().trim_start_matches("keyid:").to_owned()
        };
        let ca = String::from_utf8(openssl(&["x509", "-in", &capf, "-noout", "-text"])).unwrap();
        assert!(ca.contains(&identifier("X509v3 Authority Key Identifier:")), "AKI is the SKI of CAPF");
        // five years, but not longer than CAPF itself
        assert_eq!(lsc.validity().1, place.capf().validity().1);
    }
}

#[tokio::test]
async fn keys_of_every_kind_and_no_other_than_asked_for() {
    let mut place = Place::new(&[DEVICE]).await;
    let mut phone = PhoneKeys::new(DEVICE);
    let mut plans: Vec<KeyPlan> =
        Curve::ALL.into_iter().map(|ec| KeyPlan { order: KeyOrder::EcOnly, ec, ..KeyPlan::default() }).collect();
    plans.extend(
        [RsaSize::Bits512, RsaSize::Bits1024, RsaSize::Bits3072].map(|rsa| KeyPlan { rsa, ..KeyPlan::default() }),
    );
    for plan in plans {
        place.set_keys(plan).await;
        place.schedule(Operation::Install, AuthenticationMode::NullString).await;
        place.session(&phone.plain(""), &mut phone).await.unwrap();
        let (lsc, key) = phone.lsc.clone().unwrap();
        assert_eq!(lsc.spki(), key.spki());
        let row = place.cluster.store().enrolment(DEVICE).await.unwrap().unwrap();
        let title = if plan.order == KeyOrder::EcOnly {
            "-----BEGIN PUBLIC KEY-----"
        } else {
            "-----BEGIN RSA PUBLIC KEY-----"
        };
        assert!(row.public_key.unwrap().starts_with(title));
    }
    // another size, another kind, garbage
    let rsa_1024 = KeySpec::Rsa(RsaSize::Bits1024);
    for (wanted, given) in [(RSA_2048, rsa_1024), (RSA_2048, KeySpec::Ec(Curve::Secp256r1))] {
        place.set_keys(KeyPlan::default()).await;
        place.schedule(Operation::Install, AuthenticationMode::NullString).await;
        let before = place.cluster.store().lscs().await.unwrap().len();
        let mut visit = place.desk.visit(1, HERE);
        place.desk.admit(&mut visit, &phone.plain(""), place.clock.now).await.unwrap();
        let key = phone.make(given);
        let refused = place.desk.issue(&mut visit, key.spki(), wanted, &mut place.clock).await.unwrap_err();
        assert_eq!(refused.refusal, Refusal::Failed(Failure::KeyGeneration));
        let cause = Cause::Refused(refused.refusal);
        place.desk.ended(&visit, &ended(Stage::KeyGeneration, cause), place.clock.now).await.unwrap();
        assert_eq!(place.status().await, 14, "Upgrade Failed: Key Generation Failed/Timeout");
        assert_eq!(place.cluster.store().lscs().await.unwrap().len(), before, "nothing was issued");
    }
}

#[tokio::test]
async fn a_phone_that_makes_no_ec_key_is_asked_for_rsa_next() {
    let mut place = Place::new(&[DEVICE]).await;
    let mut phone = PhoneKeys::new(DEVICE);
    place.set_keys(KeyPlan { order: KeyOrder::EcPreferred, ..KeyPlan::default() }).await;
    place.schedule(Operation::Install, AuthenticationMode::NullString).await;
    let mut visit = place.desk.visit(1, HERE);
    let asked = place.desk.admit(&mut visit, &phone.plain(""), place.clock.now).await.unwrap();
    assert_eq!(asked, Asked::Install(KeySpec::Ec(Curve::Secp384r1)));
    let cause = Cause::PhoneFailed(Reason::FAILURE);
    place.desk.ended(&visit, &ended(Stage::KeyGeneration, cause.clone()), place.clock.now).await.unwrap();
    assert_eq!(place.status().await, 2, "Operation Pending: RSA is still to come");
    assert_eq!(place.session(&phone.plain(""), &mut phone).await, Ok(Asked::Install(RSA_2048)));
    assert_eq!(place.status().await, 3);
    // the next schedule does not try in vain again
    place.schedule(Operation::Install, AuthenticationMode::NullString).await;
    let mut visit = place.desk.visit(1, HERE);
    let asked = place.desk.admit(&mut visit, &phone.plain(""), place.clock.now).await.unwrap();
    assert_eq!(asked, Asked::Install(RSA_2048));
    // no RSA key either: that is a failure
    place.desk.ended(&visit, &ended(Stage::KeyGeneration, cause), place.clock.now).await.unwrap();
    assert_eq!(place.status().await, 14);
    // EC is tried again when it is said anew what keys it makes
    place.set_keys(KeyPlan { order: KeyOrder::EcPreferred, ..KeyPlan::default() }).await;
    place.schedule(Operation::Install, AuthenticationMode::NullString).await;
    let asked = place.session(&phone.plain(""), &mut phone).await;
    assert_eq!(asked, Ok(Asked::Install(KeySpec::Ec(Curve::Secp384r1))));
}

#[tokio::test]
async fn a_device_that_comes_back_has_the_lsc_it_had() {
    let mut place = Place::new(&[DEVICE]).await;
    let mut phone = PhoneKeys::new(DEVICE);
    place.schedule(Operation::Install, AuthenticationMode::NullString).await;
    place.session(&phone.plain(""), &mut phone).await.unwrap();
    let before = place.enrolment().await;
    let row = place.cluster.store().enrolment(DEVICE).await.unwrap().unwrap();
    let devices = [testbed::phone(DEVICE)];
    place.cluster.remove_device(&place.actor, DEVICE, &mut place.clock).await.unwrap();
    place.cluster.put_devices(&place.actor, &devices, &mut place.clock).await.unwrap();
    let after = place.enrolment().await;
    assert_eq!((&after.lsc, after.status.number()), (&before.lsc, 3));
    let again = place.cluster.store().enrolment(DEVICE).await.unwrap().unwrap();
    assert_eq!((again.public_key.is_some(), again.public_key), (true, row.public_key));
    // one that was given up meanwhile does not come back
    place.cluster.remove_device(&place.actor, DEVICE, &mut place.clock).await.unwrap();
    place.cluster.delete_stale_lscs(&place.actor, &mut place.clock).await.unwrap();
    place.cluster.put_devices(&place.actor, &devices, &mut place.clock).await.unwrap();
    let gone = place.cluster.store().enrolment(DEVICE).await.unwrap().unwrap();
    assert_eq!((place.enrolment().await.lsc, gone.public_key, gone.status), (None, None, 1));
}

#[tokio::test]
async fn troubleshoot_shows_and_delete_forgets() {
    let mut place = Place::new(&[DEVICE]).await;
    let mut phone = PhoneKeys::new(DEVICE);
    place.schedule(Operation::Install, AuthenticationMode::NullString).await;
    place.session(&phone.plain(""), &mut phone).await.unwrap();
    place.schedule(Operation::Troubleshoot, AuthenticationMode::NullString).await;
    assert_eq!(place.session(&phone.plain(""), &mut phone).await, Ok(Asked::Fetch));
    assert_eq!(place.status().await, 5);
    let shown = place.cluster.store().certificates_shown_by(DEVICE).await.unwrap();
    assert_eq!(shown[0].pem, phone.lsc.as_ref().unwrap().0.to_pem());

    place.schedule(Operation::Delete, AuthenticationMode::NullString).await;
    let before = place.enrolment().await.lsc.unwrap();
    assert_eq!(place.session(&phone.plain(""), &mut phone).await, Ok(Asked::Delete));
    let after = place.enrolment().await;
    assert_eq!((after.status.number(), after.lsc), (4, None));
    let row = place.cluster.store().enrolment(DEVICE).await.unwrap().unwrap();
    assert_eq!(row.public_key, None);
    let lscs = place.cluster.store().lscs_of(DEVICE).await.unwrap();
    assert_eq!((lscs.len(), lscs[0].state, &lscs[0].serial), (1, LscState::Deleted, &before.serial));

    // a phone that had none: the operation stays
    place.schedule(Operation::Delete, AuthenticationMode::NullString).await;
    let mut visit = place.desk.visit(1, HERE);
    place.desk.admit(&mut visit, &phone.plain(""), place.clock.now).await.unwrap();
    let cause = Cause::PhoneFailed(Reason::FAILURE);
    place.desk.ended(&visit, &ended(Stage::Delete, cause), place.clock.now).await.unwrap();
    let vain = place.enrolment().await;
    assert_eq!((vain.status.number(), vain.operation), (7, Operation::Delete));

    // taken back
    let cancelled = place.cluster.cancel_operation(&place.actor, &Selection::All, &mut place.clock).await.unwrap();
    assert_eq!(cancelled, [DEVICE]);
    assert_eq!((place.status().await, place.enrolment().await.operation), (1, Operation::None));
}
