//! What a token is for.

use std::net::Ipv4Addr;
use std::process::Command;

use pki::sign::{ListSpec, SigningIdentity, sign_list};
use pki::token::PinState;
use pki::verify::check_against_itself;
use pki::{NameForm, Signer};
use wire::digest::DigestId;
use wire::header::{CTL_FILE_NAME, Layout};
use wire::role::Role;
use wire::trust_list::{RecordSpec, TrustList};

use crate::softhsm::{init, open, pin, preparation, prepared, with_tokens};

#[test]
fn a_token_is_found_by_label_and_serial_number_and_signs_what_openssl_verifies() {
    with_tokens("signs::a_token_is_found_by_label_and_serial_number_and_signs_what_openssl_verifies", &[], |folder| {
        for (label, bits) in [("one", 1024), ("two", 2048)] {
            init(label);
            let module = open();
            let (token, certificate) = prepared(&module, label, &preparation(bits));
            assert_eq!(module.find(&token.serial).unwrap(), token);
            assert_eq!((token.label.as_str(), token.pin), (label, PinState::Fine));
            // Without the PIN: the certificate, not the key.
            let shown = module.open_token(&token).unwrap().certificates().unwrap();
            assert_eq!(shown.len(), 1);
            assert_eq!((&shown[0].certificate, shown[0].label.as_str()), (&certificate, "SAST-ADN008580ef"));

            let identity = module.log_in(&token, &pin()).unwrap().identity(None).unwrap();
            assert_eq!(identity.spki(), certificate.spki());
            for (digest, name) in
                [(DigestId::SHA1, "-sha1"), (DigestId::SHA256, "-sha256"), (DigestId::SHA512, "-sha512")]
            {
                let signature = identity.sign(digest, &[b"two", b" parts"]).unwrap();
                assert_eq!(signature.len() * 8, usize::try_from(bits).unwrap());
                let file = |name: &str| folder.join(name);
                std::fs::write(file("text"), b"two parts").unwrap();
                std::fs::write(file("signature"), &signature).unwrap();
                std::fs::write(file("certificate"), certificate.to_pem()).unwrap();
                let public = Command::new("openssl")
                    .args(["x509", "-noout", "-pubkey", "-in"])
                    .arg(file("certificate"))
                    .output()
                    .unwrap();
                std::fs::write(file("public"), public.stdout).unwrap();
                let verified = Command::new("openssl")
                    .args(["dgst", name, "-verify"])
                    .arg(file("public"))
                    .arg("-signature")
                    .args([file("signature"), file("text")])
                    .output()
                    .unwrap();
                assert_eq!(String::from_utf8_lossy(&verified.stdout), "Verified OK\n");
            }
        }
    });
}

/// The record of [sources/trust-lists#sizes]: its name, its size, the serial number in reverse.
#[test]
fn a_list_signed_by_a_token_has_the_layout_of_the_sources() {
    with_tokens("signs::a_list_signed_by_a_token_has_the_layout_of_the_sources", &[], |_| {
        init("ADN008580ef");
        let module = open();
        let what = pki::token::prepare::Preparation { size: Some(902), ..preparation(1024) };
        let (token, certificate) = prepared(&module, "ADN008580ef", &what);
        assert_eq!(certificate.der().len(), 902);
        let subject = r#"cn="SAST-ADN008580ef        ";ou=IPCBU;o="Cisco Systems"#;
        assert_eq!(certificate.subject(NameForm::CtlClient), subject);
        assert_eq!(certificate.issuer(NameForm::CtlClient), "cn=Cisco Manufacturing CA;o=Cisco Systems");

        let token = module.log_in(&token, &pin()).unwrap().identity(None).unwrap();
        let identity = SigningIdentity::new(token.certificate(), &token).unwrap();
        let record = certificate.with_fields(NameForm::CtlClient, |fields| {
            RecordSpec::ctl_client(Role::SAST, fields, "", Ipv4Addr::UNSPECIFIED)
        });
        assert_eq!(record.length(), 1186);
        let spec = ListSpec {
            layout: Layout::Cucm,
            signer_form: Some(NameForm::CtlClient),
            signer_version: None,
            digest: DigestId::SHA1,
            file_name: CTL_FILE_NAME,
            timestamp: 1_425_682_413,
        };
        let list = TrustList::decode(sign_list(&spec, &[record], &identity).unwrap()).unwrap();
        assert_eq!(list.header().length(), 304);
        assert!(check_against_itself(&list).verdict.is_valid());
        let serial = [0x83, 0xE9, 0x08, 0x00, 0x00, 0x00, 0x55, 0x45, 0xAF, 0x31];
        assert_eq!(list.header().serial().unwrap(), serial);
    });
}
