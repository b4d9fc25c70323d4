//! Keys in memory: read, kept apart from other certificates, never shown.

use pki::sign::SigningIdentity;
use pki::{SignError, Signer, SoftKey};
use wire::digest::DigestId;

use crate::vectors::{certificate, key, read};

#[test]
fn a_key_survives_its_pem_form() {
    for name in ["tiny-512", "ccm-pub-1024", "itlrecovery-4096", "ec-p256", "ec-p521"] {
        let first = key(name);
        let again = SoftKey::from_pem(&first.to_pem().unwrap()).unwrap();
        assert_eq!(first.key_id(), again.key_id(), "{name}");
        assert_eq!(first.key_id(), certificate(name).key_id(), "{name}");
        assert_eq!(first.spki(), certificate(name).spki(), "{name}");
    }
}

#[test]
fn a_key_of_another_certificate_does_not_sign_for_it() {
    let (certificate, key) = (certificate("ccm-pub-1024"), key("ccm-sub-1024"));
    let refused = SigningIdentity::new(&certificate, &key).map(|_| ()).unwrap_err();
    assert!(matches!(refused, SignError::KeyOfAnother(ref name) if name.contains("cucm-1051-a-pub")), "{refused}");
}

#[test]
fn an_ec_key_does_not_sign_for_phones() {
    let (certificate, key) = (certificate("ec-p256"), key("ec-p256"));
    let refused = SigningIdentity::new(&certificate, &key).map(|_| ()).unwrap_err();
    assert!(matches!(refused, SignError::Unsuitable(_)), "{refused}");
}

#[test]
fn rsa_3072_has_no_place_in_a_header() {
    let key = SoftKey::generate_rsa(3072).unwrap();
    let made = crate::certificates::publisher(&key);
    let refused = SigningIdentity::new(&made, &key).map(|_| ()).unwrap_err();
    assert_eq!(refused, SignError::Unsuitable("RSA-3072".to_owned()));
}

#[test]
fn what_is_no_key_is_refused_and_nothing_asks_for_a_pass_phrase() {
    assert!(SoftKey::from_pem(b"").is_err());
    assert!(SoftKey::from_pem(&read("certs/ccm-pub-1024.crt.pem")).is_err());
    let locked = key("ccm-pub-1024")
        .openssl()
        .private_key_to_pem_pkcs8_passphrase(openssl::symm::Cipher::aes_128_cbc(), b"secret")
        .unwrap();
    assert!(SoftKey::from_pem(&locked).is_err());
}

#[test]
fn a_key_does_not_print_itself() {
    let key = key("ccm-pub-1024");
    let shown = format!("{key:?}");
    assert_eq!(shown, format!("SoftKey({})", pki::hash::hex(&key.key_id())));
}

#[test]
fn signing_is_deterministic() {
    let key = key("ccm-pub-2048");
    let parts: [&[u8]; 3] = [b"one", b"", b"two"];
    let joined: [&[u8]; 1] = [b"onetwo"];
    for digest in [DigestId::SHA1, DigestId::SHA512] {
        assert_eq!(key.sign(digest, &parts).unwrap(), key.sign(digest, &joined).unwrap());
    }
    assert!(matches!(key.sign(DigestId(7), &parts), Err(SignError::Digest(DigestId(7)))));
}
