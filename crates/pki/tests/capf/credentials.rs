//! Phones that show a certificate.

use openssl::asn1::Asn1Time;
use openssl::hash::MessageDigest;
use openssl::x509::extension::BasicConstraints;
use openssl::x509::{X509Builder, X509NameBuilder};
use pki::Certificate;
use pki::capf::{Sha2Proof, Unproven, check, names_device, signed_data, sudi_data};
use wire::capf::{AuthResponse, DeviceName, Password};
use wire::digest::DigestId;

use crate::{DEVICE, certificate, device, key, now};

const SESSION: u32 = 0x0102_0304;

fn issuers() -> Vec<Certificate> {
    vec![certificate("capf-2048"), certificate("mfg-ca")]
}

/// What a phone with this certificate sends.
fn phone(name: &str) -> AuthResponse {
    let (certificate, key) = (certificate(name), key(name));
    let (signed, sha2) = signed_data(&key, &device(), certificate.der()).unwrap();
    AuthResponse {
        certificate: Some(certificate.der().to_vec()),
        signed_data: Some(signed),
        sha2_signed_data: Some(sha2),
        ..AuthResponse::with_password(device(), Password::new(b"").unwrap())
    }
}

fn with_sudi(name: &str, mic: &str) -> AuthResponse {
    let sudi = sudi_data(&key(mic), SESSION, certificate(mic).der()).unwrap();
    AuthResponse { sudi_data: Some(sudi), ..phone(name) }
}

/// Label of the refusal, or `proven`.
fn outcome(auth: &AuthResponse) -> &'static str {
    check(auth, SESSION, &issuers(), now(), Sha2Proof::Required).map_or_else(|error| error.label(), |_| "proven")
}

#[test]
fn lsc_and_mic_open_the_door() {
    let issuers = issuers();
    for (name, issuer) in [("lsc-2048", 0), ("lsc-p256", 0), ("mic-2048", 1)] {
        let auth = with_sudi(name, "mic-2048");
        let proven = check(&auth, SESSION, &issuers, now(), Sha2Proof::Required).unwrap();
        assert_eq!(proven.certificate, certificate(name));
        assert_eq!(proven.issuer, &issuers[issuer], "LSC or MIC is told by the issuer");
        let sudi = proven.sudi.unwrap();
        assert_eq!((sudi.certificate, sudi.issuer), (certificate("mic-2048"), &issuers[1]));
        let proven = check(&phone(name), SESSION, &issuers, now(), Sha2Proof::Required).unwrap();
        assert!(proven.sudi.is_none());
    }
    // an EC key there proves nothing, and breaks nothing
    let mut auth = phone("lsc-2048");
    auth.sudi_data = Some(sudi_data(&key("lsc-p256"), SESSION, certificate("lsc-p256").der()).unwrap());
    assert!(check(&auth, SESSION, &issuers, now(), Sha2Proof::Required).unwrap().sudi.is_none());
}

#[test]
fn older_phones_by_tolerance_only() {
    let issuers = issuers();
    let mut auth = with_sudi("lsc-2048", "mic-2048");
    auth.sha2_signed_data = None;
    assert_eq!(outcome(&auth), "missing");
    assert!(check(&auth, SESSION, &issuers, now(), Sha2Proof::Optional).is_ok());
    let mut auth = with_sudi("lsc-2048", "mic-2048");
    auth.sudi_data.as_mut().unwrap().sha512 = None;
    assert_eq!(outcome(&auth), "missing");
    assert!(check(&auth, SESSION, &issuers, now(), Sha2Proof::Optional).is_ok());
    // what is there is checked all the same
    let mut auth = with_sudi("lsc-2048", "mic-2048");
    auth.sha2_signed_data.as_mut().unwrap().proof[9] ^= 1;
    let error = check(&auth, SESSION, &issuers, now(), Sha2Proof::Optional).unwrap_err();
    assert_eq!(error, Unproven::Proof("SHA2_SIGNED_DATA"));
}

#[test]
fn everything_else_is_refused() {
    type Change = fn(&mut AuthResponse);
    let changes: [(&str, Change); 19] = [
        ("missing", |auth| auth.certificate = None),
        ("missing", |auth| auth.signed_data = None),
        ("hash", |auth| auth.sha2_signed_data.as_mut().unwrap().hash = DigestId::SHA256),
        ("hash", |auth| auth.sha2_signed_data.as_mut().unwrap().hash = DigestId::SHA1),
        ("unreadable", |auth| auth.certificate = Some(b"nonsense".to_vec())),
        ("unreadable", |auth| auth.certificate.as_mut().unwrap().push(0)),
        ("unreadable", |auth| auth.sudi_data.as_mut().unwrap().certificate.truncate(100)),
        ("other-device", |auth| auth.device_name = DeviceName::new("SEP0000DEADBEEF").unwrap()),
        ("other-device", |auth| auth.certificate = Some(certificate("ccm-pub-2048").der().to_vec())),
        ("unknown-issuer", |auth| auth.certificate = Some(certificate("lsc-foreign").der().to_vec())),
        ("unknown-issuer", |auth| {
            auth.sudi_data.as_mut().unwrap().certificate = certificate("lsc-foreign").der().to_vec()
        }),
        // a certificate whose signature does not hold
        ("unknown-issuer", |auth| *auth.certificate.as_mut().unwrap().last_mut().unwrap() ^= 1),
        // proofs of another key, another session, or swapped
        ("proof", |auth| auth.certificate = Some(certificate("lsc-p256").der().to_vec())),
        ("proof", |auth| auth.signed_data.as_mut().unwrap()[0] ^= 1),
        ("proof", |auth| auth.sha2_signed_data.as_mut().unwrap().proof[0] ^= 1),
        ("proof", |auth| auth.signed_data = auth.sha2_signed_data.clone().map(|sha2| sha2.proof)),
        ("proof", |auth| {
            auth.sudi_data = with_sudi("lsc-2048", "mic-2048").sudi_data.map(|mut sudi| {
                std::mem::swap(&mut sudi.sha1, &mut sudi.sha512);
                sudi
            })
        }),
        ("proof", |auth| {
            let mic = certificate("mic-2048");
            auth.sudi_data = Some(sudi_data(&key("mic-2048"), SESSION + 1, mic.der()).unwrap());
        }),
        ("proof", |auth| {
            let mic = certificate("mic-2048");
            auth.sudi_data = Some(sudi_data(&key("mic-2048"), SESSION.swap_bytes(), mic.der()).unwrap());
        }),
    ];
    for (index, (label, change)) in changes.into_iter().enumerate() {
        let mut auth = with_sudi("lsc-2048", "mic-2048");
        assert_eq!(outcome(&auth), "proven");
        change(&mut auth);
        assert_eq!(outcome(&auth), label, "change {index}");
    }
    // the proof of the MIC with SHA-1 is needed whatever the tolerance
    let mut auth = with_sudi("lsc-2048", "mic-2048");
    auth.sudi_data.as_mut().unwrap().sha1 = None;
    assert!(check(&auth, SESSION, &issuers(), now(), Sha2Proof::Optional).is_err());
}

#[test]
fn dates_count_for_the_certificate_and_its_issuer() {
    let (auth, issuers) = (phone("lsc-2048"), issuers());
    let (first, last) = certificate("lsc-2048").validity();
    let at = |now| check(&auth, SESSION, &issuers, now, Sha2Proof::Required).map(|_| ());
    let (_, issuer_last) = issuers[0].validity();
    assert!(at(first.max(issuers[0].validity().0)).is_ok() && at(last.min(issuer_last)).is_ok());
    for now in [0, first - 1, last + 1, u64::MAX] {
        let refused = at(now).unwrap_err();
        assert!(matches!(refused, Unproven::Dates { what: "CERTIFICATE", now: seen, .. } if seen == now), "{refused}");
    }
}

/// A certificate for `subject`, signed by the key of `issuer`, with BasicConstraints that say this about a CA.
fn made(subject: &str, key_name: &str, issuer: &str, issuer_key: &str, ca: Option<bool>) -> Certificate {
    let name = |common_name: &str| {
        let mut name = X509NameBuilder::new().unwrap();
        name.append_entry_by_text("CN", common_name).unwrap();
        name.build()
    };
    let mut builder = X509Builder::new().unwrap();
    builder.set_version(2).unwrap();
    builder.set_subject_name(&name(subject)).unwrap();
    builder.set_issuer_name(&name(issuer)).unwrap();
    builder.set_pubkey(key(key_name).openssl()).unwrap();
    let at = |seconds: u64| Asn1Time::from_unix(i64::try_from(seconds).unwrap()).unwrap();
    builder.set_not_before(&at(now() - 10)).unwrap();
    builder.set_not_after(&at(now() + 10)).unwrap();
    let mut constraints = BasicConstraints::new();
    match ca {
        Some(true) => builder.append_extension(constraints.ca().build().unwrap()).unwrap(),
        Some(false) => builder.append_extension(constraints.build().unwrap()).unwrap(),
        None => {}
    }
    builder.sign(key(issuer_key).openssl(), MessageDigest::sha256()).unwrap();
    Certificate::from_der(&builder.build().to_der().unwrap()).unwrap()
}

#[test]
fn only_a_ca_may_vouch() {
    let lsc = made(DEVICE, "lsc-2048", "old CAPF", "capf-1024", None);
    let (signed, sha2) = signed_data(&key("lsc-2048"), &device(), lsc.der()).unwrap();
    let auth = AuthResponse {
        certificate: Some(lsc.der().to_vec()),
        signed_data: Some(signed),
        sha2_signed_data: Some(sha2),
        ..AuthResponse::with_password(device(), Password::new(b"").unwrap())
    };
    let with = |issuer: Certificate| {
        let issuers = [certificate("mfg-ca"), issuer];
        check(&auth, SESSION, &issuers, now(), Sha2Proof::Required).map(|_| ()).map_err(|error| error.label())
    };
    let issuer = |key: &str, ca| made("old CAPF", key, "old CAPF", key, ca);
    assert_eq!(with(issuer("capf-1024", Some(true))), Ok(()));
    assert_eq!(with(issuer("capf-1024", None)), Ok(()), "CAPF certificates of older releases do not say it");
    assert_eq!(with(issuer("capf-1024", Some(false))), Err("unknown-issuer"));
    assert_eq!(with(issuer("capf-2048", Some(true))), Err("unknown-issuer"), "the name alone");
    assert_eq!(with(made("another CAPF", "capf-1024", "x", "capf-1024", None)), Err("unknown-issuer"), "the key alone");
    assert_eq!(with(lsc.clone()), Err("unknown-issuer"), "itself");
    let refused = check(&auth, SESSION, &[], now(), Sha2Proof::Required).unwrap_err();
    assert!(refused.to_string().contains("CAPF-trust"), "{refused}");
}

#[test]
fn a_certificate_is_for_the_device_that_it_names() {
    let (lsc, mic) = (certificate("lsc-2048"), certificate("mic-2048"));
    for good in [DEVICE, "SEPb000b4ba0aee"] {
        assert!(names_device(&lsc, good) && names_device(&mic, good), "{good}");
    }
    for bad in ["", "E", "A0AEE", "B000B4BA0AEE", "SEPB000B4BA0AEF", "8861-SEPB000B4BA0AEE-", "xxSEPB000B4BA0AEE"] {
        assert!(!names_device(&lsc, bad) && !names_device(&mic, bad), "{bad}");
    }
}

#[test]
fn a_signature_that_is_wrong_leaves_no_error_behind_for_the_next_connection() {
    let namesake = |days| {
        let key = openssl::pkey::PKey::from_rsa(openssl::rsa::Rsa::generate(2048).unwrap()).unwrap();
        let mut name = openssl::x509::X509Name::builder().unwrap();
        name.append_entry_by_text("CN", "CAPF-01234567").unwrap();
        let (name, mut made) = (name.build(), openssl::x509::X509::builder().unwrap());
        made.set_subject_name(&name).unwrap();
        made.set_issuer_name(&name).unwrap();
        made.set_not_before(&openssl::asn1::Asn1Time::days_from_now(0).unwrap()).unwrap();
        made.set_not_after(&openssl::asn1::Asn1Time::days_from_now(days).unwrap()).unwrap();
        made.set_pubkey(&key).unwrap();
        made.sign(&key, openssl::hash::MessageDigest::sha256()).unwrap();
        Certificate::from_der(&made.build().to_der().unwrap()).unwrap()
    };
    let (own, namesake) = (namesake(1), namesake(2));
    assert!(pki::lsc::authority::is_issued_by(&own, &own));
    assert!(!pki::lsc::authority::is_issued_by(&own, &namesake));
    assert!(openssl::error::ErrorStack::get().errors().is_empty());
}
