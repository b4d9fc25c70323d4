//! Tokens that cannot sign a list, each refused with its reason.

use pki::profile::{CertificateProfile, SelfSigned, self_signed};
use pki::token::prepare::{Preparation, prepare, write_certificate};
use pki::token::{CALL_LIMIT, PinState, TokenError, TokenModule};
use pki::{Certificate, Signer, SoftKey};
use wire::digest::DigestId;
use zeroize::Zeroizing;

use crate::softhsm::{NOW, import_key, init, manufacturing_ca, open, pin, preparation, prepared, with_tokens};

fn choice(module: &TokenModule, label: &str, wanted: Option<&str>, now: u64) -> TokenError {
    let token = module.find(label).unwrap();
    let chosen = module.log_in(&token, &pin()).unwrap().identity(wanted);
    chosen.and_then(|chosen| token.check_date(chosen.certificate(), now)).unwrap_err()
}

#[test]
fn files_that_are_no_modules() {
    let folder = tempfile::tempdir().unwrap();
    let missing = TokenModule::open(&folder.path().join("nothing.so"), CALL_LIMIT).unwrap_err();
    assert!(matches!(missing, TokenError::NoModule { .. }), "{missing}");
    let directory = TokenModule::open(folder.path(), CALL_LIMIT).unwrap_err();
    assert!(matches!(directory, TokenError::NoModule { .. }), "{directory}");
    let text = folder.path().join("text.so");
    std::fs::write(&text, "not a library").unwrap();
    let text = TokenModule::open(&text, CALL_LIMIT).unwrap_err();
    assert!(matches!(text, TokenError::NotAModule { .. }), "{text}");
}

#[test]
fn no_token_no_such_token_two_of_one_label() {
    with_tokens("refusals::no_token_no_such_token_two_of_one_label", &[], |_| {
        assert_eq!(open().find("one").unwrap_err(), TokenError::NoToken);
        // SoftHSM sees new tokens when it is asked for its slots again.
        init("one");
        init("one");
        let module = open();
        let other = module.find("two").unwrap_err().to_string();
        assert!(other.contains("`two`; inserted are: one (serial number "), "{other}");
        assert!(matches!(module.find("one").unwrap_err(), TokenError::AmbiguousToken { count: 2, .. }));
    });
}

#[test]
fn a_wrong_pin() {
    with_tokens("refusals::a_wrong_pin", &[], |_| {
        init("one");
        let module = open();
        let (token, _) = prepared(&module, "one", &preparation(1024));
        let wrong = module.log_in(&token, &Zeroizing::new("Cisco124".to_owned())).unwrap_err();
        assert_eq!(wrong, TokenError::WrongPin { token: "one".to_owned(), state: PinState::FewerLeft });
        assert_eq!(module.find("one").unwrap().pin, PinState::FewerLeft);
        // The right one sets it back.
        module.log_in(&token, &pin()).unwrap();
        assert_eq!(module.find("one").unwrap().pin, PinState::Fine);
    });
}

#[test]
fn a_certificate_out_of_its_days() {
    with_tokens("refusals::a_certificate_out_of_its_days", &[], |_| {
        init("one");
        let module = open();
        prepared(&module, "one", &preparation(1024));
        let early = choice(&module, "one", None, 1_337_212_799).to_string();
        assert!(early.contains("is not valid before 2012-05-17; set the clock of this machine right"), "{early}");
        let late = choice(&module, "one", None, 1_652_745_601).to_string();
        assert!(late.contains("expired on 2022-05-17; use another token") && !late.contains("clock"), "{late}");
        assert_eq!(module.find("one").unwrap().check_date(&prepared_certificate(&module), NOW), Ok(()));
    });
}

#[test]
fn several_certificates_and_several_keys() {
    with_tokens("refusals::several_certificates_and_several_keys", &[], |folder| {
        init("one");
        let module = open();
        assert!(matches!(choice(&module, "one", None, NOW), TokenError::NoCertificate { .. }));
        let (token, first) = prepared(&module, "one", &preparation(1024));
        prepared(&module, "one", &Preparation { name: "SAST-ADN0054f509", ..preparation(1024) });
        let both = choice(&module, "one", None, NOW);
        assert!(matches!(&both, TokenError::SeveralCertificates { certificates, .. }
            if certificates.contains("SAST-ADN008580ef") && certificates.contains("SAST-ADN0054f509")));
        let none = choice(&module, "one", Some("SAST"), NOW);
        assert!(matches!(none, TokenError::NoSuchCertificate { .. }), "{none}");
        let chosen = module.log_in(&token, &pin()).unwrap().identity(Some("SAST-ADN008580ef")).unwrap();
        assert_eq!(chosen.certificate(), &first);

        // The same without a password. The serial number names one too, where it is of one only.
        let public = |wanted| module.open_token(&token).unwrap().certificate(wanted);
        assert!(matches!(public(None).unwrap_err(), TokenError::SeveralCertificates { .. }));
        assert_eq!(public(Some("SAST-ADN008580ef")).unwrap(), first);
        let serial = "31AF455500000008E983";
        assert!(matches!(public(Some(serial)).unwrap_err(), TokenError::SeveralCertificates { .. }));
        write_certificate(
            &module,
            &token,
            &pin(),
            ("SAST-ADN008580ef", vec![1]),
            &certificate(&SoftKey::generate_rsa(1024).unwrap()),
        )
        .unwrap();
        assert!(matches!(public(Some("SAST-ADN008580ef")).unwrap_err(), TokenError::SeveralCertificates { .. }));
        assert_eq!(public(Some("07")).unwrap().serial(), [7]);
        let (found, wanted) = module.find_named("one/SAST-ADN008580ef").unwrap();
        assert_eq!((found.label.as_str(), wanted), ("one", Some("SAST-ADN008580ef")));
        assert!(matches!(module.find_named("two/SAST").unwrap_err(), TokenError::NoSuchToken { .. }));

        // Another key under the id of the first certificate.
        let id = hex::encode(pki::hash::sha1(b"SAST-ADN008580ef"));
        drop((chosen, module));
        import_key("one", &id, folder, &SoftKey::generate_rsa(1024).unwrap().to_pem().unwrap());
        let doubled = choice(&open(), "one", Some("SAST-ADN008580ef"), NOW);
        assert!(matches!(doubled, TokenError::SeveralKeys { count: 2, .. }), "{doubled}");
    });
}

#[test]
fn certificates_of_a_ca_beside_and_alone() {
    with_tokens("refusals::certificates_of_a_ca_beside_and_alone", &[], |folder| {
        init("one");
        init("with/stroke");
        let module = open();
        let (ca, ca_key) = manufacturing_ca();
        let token = module.find("one").unwrap();
        write_certificate(&module, &token, &pin(), ("CA", vec![9]), &ca).unwrap();
        let alone = module.log_in(&token, &pin()).unwrap().identity(None).err().unwrap();
        assert!(
            matches!(&alone, TokenError::Authority { certificates, .. } if certificates.contains("Manufacturing CA"))
        );
        let (token, own) = prepared(&module, "one", &preparation(1024));
        assert_eq!(module.open_token(&token).unwrap().certificate(None).unwrap(), own);
        assert_eq!(module.log_in(&token, &pin()).unwrap().identity(None).unwrap().certificate(), &own);
        assert!(matches!(choice(&module, "one", Some("CA"), NOW), TokenError::Authority { .. }));
        assert_eq!(module.find_named("with/stroke").unwrap().1, None);

        // CA:TRUE says nothing against one whose key is in the token.
        let token = module.find("with/stroke").unwrap();
        write_certificate(&module, &token, &pin(), ("CA", vec![9]), &ca).unwrap();
        drop(module);
        import_key("with/stroke", "09", folder, &ca_key.to_pem().unwrap());
        let module = open();
        let token = module.find("with/stroke").unwrap();
        let identity = module.log_in(&token, &pin()).unwrap().identity(None).unwrap();
        assert_eq!(identity.certificate(), &ca);
        assert_eq!(identity.sign(DigestId::SHA1, &[b"a list"]).unwrap().len(), 256);
    });
}

#[test]
fn what_is_not_prepared() {
    with_tokens("refusals::what_is_not_prepared", &[], |_| {
        init("one");
        let module = open();
        let (ca, key) = manufacturing_ca();
        let token = module.find("one").unwrap();
        let wrong = |what: &Preparation<'_>, key: &SoftKey| {
            prepare(&module, &token, &pin(), what, (&ca, key)).unwrap_err().to_string()
        };
        let said = wrong(&Preparation { name: " ", ..preparation(1024) }, &key);
        assert!(said.contains("no name for a token"), "{said}");
        for bits in [1000, 3072, u32::MAX] {
            let said = wrong(&preparation(bits), &key);
            assert!(said.contains(&format!("512, 1024, 2048 and 4096 bits only, not {bits}")), "{said}");
        }
        let said = wrong(&preparation(1024), &SoftKey::generate_rsa(1024).unwrap());
        assert!(said.contains("the key is not that of the CA `CN=Cisco Manufacturing CA"), "{said}");
        // A size that cannot be leaves nothing behind.
        let said = wrong(&Preparation { size: Some(300), ..preparation(1024) }, &key);
        assert!(said.contains("of 300 bytes cannot be made"), "{said}");
        let (_, first) = prepared(&module, "one", &preparation(1024));
        let said = wrong(&preparation(1024), &key);
        assert!(said.contains("token one has a key or a certificate `SAST-ADN008580ef` already"), "{said}");
        assert_eq!(module.log_in(&token, &pin()).unwrap().identity(None).unwrap().certificate(), &first);
    });
}

/// The certificate of the only token.
fn prepared_certificate(module: &TokenModule) -> Certificate {
    module.open_token(&module.find("one").unwrap()).unwrap().certificate(None).unwrap()
}

/// A self-signed certificate of RSA in memory.
fn certificate(key: &SoftKey) -> Certificate {
    let profile = CertificateProfile {
        digest: DigestId::SHA256,
        days: 3650,
        usage: &[],
        purposes: &[],
        ca_path_length: None,
        alt_names: false,
    };
    let subject = pki::name::Subject {
        country: String::new(),
        organization: String::new(),
        unit: String::new(),
        common_name: "stray".to_owned(),
        state: String::new(),
        locality: String::new(),
    };
    let request = SelfSigned { subject, serial: vec![7], not_before: 1_337_212_800, dns_names: Vec::new() };
    self_signed(&profile, &request, key).unwrap()
}

#[test]
fn keys_that_cannot_sign_or_belong_to_something_else() {
    with_tokens("refusals::keys_that_cannot_sign_or_belong_to_something_else", &[], |folder| {
        let vectors = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/vectors/certs");
        let read = |name: &str| std::fs::read(vectors.join(name)).unwrap();
        init("ec");
        import_key("ec", "0e", folder, &read("ec-p256.key.pem"));
        let module = open();
        let token = module.find("ec").unwrap();
        let ec = Certificate::from_pem(&read("ec-p256.crt.pem")).unwrap();
        write_certificate(&module, &token, &pin(), ("ec", vec![0x0e]), &ec).unwrap();
        let refused = choice(&module, "ec", None, NOW).to_string();
        assert!(refused.contains("has a EC-secp256r1 key: phones verify lists with RSA"), "{refused}");
        drop(module);

        init("alone");
        let (own, other) = (SoftKey::generate_rsa(1024).unwrap(), SoftKey::generate_rsa(1024).unwrap());
        let module = open();
        let token = module.find("alone").unwrap();
        write_certificate(&module, &token, &pin(), ("stray", vec![0x0a]), &certificate(&own)).unwrap();
        let refused = choice(&module, "alone", None, NOW);
        assert!(matches!(refused, TokenError::NoKey { reason: "no key has its CKA_ID", .. }), "{refused}");
        drop(module);
        import_key("alone", "0a", folder, &other.to_pem().unwrap());
        let refused = choice(&open(), "alone", None, NOW);
        let reason = "the key with its CKA_ID belongs to something else";
        assert!(matches!(&refused, TokenError::NoKey { reason: said, .. } if *said == reason), "{refused}");
    });
}
