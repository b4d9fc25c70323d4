//! Keys that sign for phones: RSA with PKCS#1 v1.5, sound numbers, the key of the certificate.

use openssl::bn::BigNum;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use pki::certificate::KeyKind;
use pki::sign::{FileSpec, SigningIdentity, sign_file};
use pki::signer::{SignError, Signer};
use pki::verify::{Verdict, VerifiedFile};
use pki::{Certificate, SoftKey};
use wire::digest::DigestId;
use wire::header::Layout;
use wire::signed_file::SignedFile;

use crate::file;
use crate::made::{key, made, name};

fn soft(key: &PKey<openssl::pkey::Private>) -> SoftKey {
    SoftKey::from_pem(&key.private_key_to_pem_pkcs8().unwrap()).unwrap()
}

#[test]
fn a_pss_key_is_no_rsa_key() {
    for name in ["pss/pss.pem", "pss/CallManager-pss.pem"] {
        let certificate = Certificate::from_pem(&file(name)).unwrap();
        assert_eq!(certificate.rsa_bits(), None, "{name}");
        assert_eq!(certificate.key_kind().to_string(), "RSASSA-PSS", "{name}");
        let pss = SoftKey::from_pem(&file("pss/pss.key")).unwrap();
        let error = SigningIdentity::new(&certificate, &pss).err().unwrap();
        let words = "this key (RSASSA-PSS) cannot sign for phones: they verify RSA with PKCS#1 v1.5";
        assert!(error.to_string().starts_with(words), "{error}");
    }
}

/// Signs what the identity of another key laid out: the way to a PSS signature that names a certificate.
struct Stranger<'a> {
    claims: &'a [u8],
    key: &'a SoftKey,
}

impl Signer for Stranger<'_> {
    fn spki(&self) -> &[u8] {
        self.claims
    }

    fn sign(&self, digest: DigestId, parts: &[&[u8]]) -> Result<Vec<u8>, SignError> {
        self.key.sign(digest, parts)
    }
}

#[test]
fn a_pss_signature_is_not_valid() {
    let pss = SoftKey::from_pem(&file("pss/pss.key")).unwrap();
    let certificate = Certificate::from_pem(&file("pss/pss.pem")).unwrap();
    // The same numbers as a plain RSA key: what a phone would read out of such a certificate if it did not look at the algorithm.
    let rsa = pss.openssl().rsa().unwrap();
    let public = Rsa::from_public_components(rsa.n().to_owned().unwrap(), rsa.e().to_owned().unwrap()).unwrap();
    let subject = name(&[(3, 0x0c, b"plain")]);
    let mut plain = made(subject.clone(), subject);
    plain.spki = PKey::from_rsa(public).unwrap().public_key_to_der().unwrap();
    let plain = Certificate::from_der(&plain.sign(&key())).unwrap();
    let stranger = Stranger { claims: plain.spki(), key: &pss };
    let identity = SigningIdentity::new(&plain, &stranger).unwrap();
    let spec = FileSpec { layout: Layout::Cucm, digest: DigestId::SHA512, file_name: "a.cnf.xml.sgn", timestamp: 1 };
    let bytes = sign_file(&spec, b"<device/>".to_vec(), &identity).unwrap();
    let judge = |with: &Certificate| VerifiedFile::verify(SignedFile::decode(bytes.clone()).unwrap(), with).err();
    assert_eq!(judge(&certificate), Some(Verdict::KeyKind("RSASSA-PSS".to_owned())));
    assert_eq!(judge(&plain), Some(Verdict::BadSignature));
    assert_eq!(judge(&certificate).unwrap().label(), "bad-signature");
}

#[test]
fn other_keys_do_not_sign_for_phones() {
    let subject = || name(&[(3, 0x0c, b"other")]);
    let with = |spki: Vec<u8>| {
        let mut other = made(subject(), subject());
        other.spki = spki;
        Certificate::from_der(&other.sign(&key())).unwrap()
    };
    let rsa = key().rsa().unwrap();
    let numbers = |modulus: &openssl::bn::BigNumRef, exponent: u32| {
        let public =
            Rsa::from_public_components(modulus.to_owned().unwrap(), BigNum::from_u32(exponent).unwrap()).unwrap();
        with(PKey::from_rsa(public).unwrap().public_key_to_der().unwrap())
    };
    let mut even = rsa.n().to_owned().unwrap();
    even.sub_word(1).unwrap();
    let curve = SoftKey::generate_ec(256).unwrap();
    let edwards = PKey::generate_ed25519().unwrap();
    let table = [
        (numbers(rsa.n(), 1), "RSA-2048 with the exponent 1"),
        (numbers(rsa.n(), 65_536), "RSA-2048 with an even exponent"),
        (numbers(&even, 65_537), "RSA-2048 with an even modulus"),
        (with(curve.spki().to_vec()), "EC-secp256r1"),
        (with(edwards.public_key_to_der().unwrap()), "Ed25519"),
    ];
    for (certificate, kind) in table {
        assert_eq!(certificate.key_kind().to_string(), kind);
        assert_eq!(certificate.rsa_bits(), None, "{kind}");
        let stranger = Stranger { claims: certificate.spki(), key: &curve };
        let error = SigningIdentity::new(&certificate, &stranger).err().unwrap().to_string();
        assert!(error.starts_with(&format!("this key ({kind}) cannot sign for phones")), "{error}");
    }
    assert_eq!(numbers(rsa.n(), 3).key_kind(), &KeyKind::Rsa(2048));
}

#[test]
fn a_key_file_has_one_key() {
    let one = file("chaining/leaf.key");
    let two = [one.clone(), file("pss/pss.key")].concat();
    assert_eq!(
        SoftKey::from_pem(&two).unwrap_err().to_string(),
        "holds 2 private keys; give a file with the one that belongs to the certificate"
    );
    let certificate = Certificate::from_pem(&file("chaining/leaf-issuer-same.pem")).unwrap();
    let key = SoftKey::from_pem(&[certificate.to_pem().into_bytes(), one].concat()).unwrap();
    assert!(SigningIdentity::new(&certificate, &key).is_ok());
    let other = soft(&PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap());
    let error = SigningIdentity::new(&certificate, &other).err().unwrap().to_string();
    assert!(error.starts_with("the key does not belong to the certificate"), "{error}");
    for (name, words) in
        [("pem/pkcs12", "is PKCS#12 and no private key"), ("pem/utf16-from-powershell", "is UTF-16 and no private key")]
    {
        let error = SoftKey::from_pem(&file(name)).unwrap_err().to_string();
        assert!(error.starts_with(words), "{error}");
    }
}
