//! What CAs were allowed to sign (RFC 5280 4.2.1.9, 4.2.1.10): chains that OpenSSL has made, with the whole of it known and with parts.

use openssl::asn1::{Asn1Object, Asn1OctetString, Asn1Time};
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::extension::BasicConstraints;
use openssl::x509::{X509, X509Builder, X509Extension, X509NameBuilder};
use pki::Certificate;
use pki::lsc::authority::chain_above;
use pki::lsc::constraints::check_constraints;

use crate::made::{name, sequence, value};

/// A CA and its key.
struct Made {
    x509: X509,
    key: PKey<Private>,
}

impl Made {
    fn certificate(&self) -> Certificate {
        Certificate::from_der(&self.x509.to_der().unwrap()).unwrap()
    }
}

/// `O=organization, CN=common_name`, signed by `by` or by itself; `pathlen` for a CA; the DER of `constraints` when there is one.
fn make(
    common_name: &str,
    by: Option<&Made>,
    ca: Option<Option<u32>>,
    constraints: &[u8],
    key: &PKey<Private>,
) -> Made {
    let mut subject = X509NameBuilder::new().unwrap();
    subject.append_entry_by_text("O", if common_name.starts_with("CP-") { "Test Systems" } else { "CAs" }).unwrap();
    subject.append_entry_by_text("CN", common_name).unwrap();
    let subject = subject.build();
    let mut builder = X509Builder::new().unwrap();
    builder.set_version(2).unwrap();
    builder.set_subject_name(&subject).unwrap();
    builder.set_issuer_name(by.map_or(&*subject, |by| by.x509.subject_name())).unwrap();
    builder.set_pubkey(key).unwrap();
    builder.set_serial_number(&BigNum::from_u32(77).unwrap().to_asn1_integer().unwrap()).unwrap();
    builder.set_not_before(&Asn1Time::from_unix(1_700_000_000).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::from_unix(1_700_000_060).unwrap()).unwrap();
    if let Some(length) = ca {
        let mut basic = BasicConstraints::new();
        basic.critical().ca();
        if let Some(length) = length {
            basic.pathlen(length);
        }
        builder.append_extension(basic.build().unwrap()).unwrap();
    }
    if !constraints.is_empty() {
        let oid = Asn1Object::from_str("2.5.29.30").unwrap();
        let extension =
            X509Extension::new_from_der(&oid, true, &Asn1OctetString::new_from_bytes(constraints).unwrap()).unwrap();
        builder.append_extension(extension).unwrap();
    }
    builder.sign(by.map_or(key, |by| &by.key), MessageDigest::sha256()).unwrap();
    Made { x509: builder.build(), key: key.clone() }
}

/// What the CAs that are known say of a certificate.
fn said(certificate: &Made, known: &[&Made]) -> Result<(), String> {
    let known: Vec<Certificate> = known.iter().map(|made| made.certificate()).collect();
    let own = certificate.certificate();
    check_constraints(&own, &chain_above(&own, &known))
}

#[test]
fn the_path_is_as_long_as_each_ca_allows_and_a_root_that_is_not_there_refuses_nothing() {
    let key = PKey::from_rsa(Rsa::generate(1024).unwrap()).unwrap();
    let root = make("Root", None, Some(Some(0)), &[], &key);
    let middle = make("Middle", Some(&root), Some(None), &[], &key);
    let mic = make("CP-8861-SEP001122334455", Some(&middle), None, &[], &key);
    let refused = said(&mic, &[&middle, &root]).unwrap_err();
    assert!(refused.contains("CN=Root") && refused.contains("pathlen"), "{refused}");
    assert_eq!(said(&mic, &[&middle]), Ok(()), "people import the manufacturing CA only");
    assert_eq!(said(&mic, &[]), Ok(()));
    let root = make("Root", None, Some(Some(1)), &[], &key);
    let middle = make("Middle", Some(&root), Some(Some(0)), &[], &key);
    let mic = make("CP-8861-SEP001122334455", Some(&middle), None, &[], &key);
    assert_eq!(said(&mic, &[&middle, &root]), Ok(()));
    // one CA too many, made by the middle one
    let rogue = make("Rogue", Some(&middle), Some(None), &[], &key);
    let mic = make("CP-8861-SEP001122334455", Some(&rogue), None, &[], &key);
    assert!(said(&mic, &[&rogue, &middle, &root]).is_err());
    assert!(said(&mic, &[&rogue, &middle]).is_err());
    assert_eq!(said(&mic, &[&rogue]), Ok(()));
}

/// NameConstraints with one subtree: 0xa0 permitted, 0xa1 excluded (RFC 5280 4.2.1.10).
fn constraint(which: u8, base: &[u8]) -> Vec<u8> {
    sequence(&[&value(which, &sequence(&[base]))])
}

/// The base `O=organization`.
fn organization(text: &str) -> Vec<u8> {
    value(0xa4, &name(&[(10, 0x0c, text.as_bytes())]))
}

#[test]
fn a_ca_vouches_for_its_names_only() {
    let key = PKey::from_rsa(Rsa::generate(1024).unwrap()).unwrap();
    let dns = value(0x82, b"example.com");
    for (constraints, allowed) in [
        (constraint(0xa0, &organization("Test Systems")), true),
        (constraint(0xa0, &organization("Somebody else")), false),
        (constraint(0xa1, &organization("Test Systems")), false),
        (constraint(0xa1, &organization("Somebody else")), true),
        (constraint(0xa0, &dns), true),
        (b"no constraints".to_vec(), false),
    ] {
        let ca = make("Company", None, Some(None), &constraints, &key);
        let mic = make("CP-8861-SEP001122334455", Some(&ca), None, &[], &key);
        let said = said(&mic, &[&ca]);
        assert_eq!(said.is_ok(), allowed, "{constraints:02x?}: {said:?}");
        assert!(said.err().is_none_or(|reason| reason.contains("CN=Company")));
    }
    // two steps above, and not known
    let root = make("Root", None, Some(None), &constraint(0xa1, &organization("Test Systems")), &key);
    let middle = make("Middle", Some(&root), Some(None), &[], &key);
    let mic = make("CP-8861-SEP001122334455", Some(&middle), None, &[], &key);
    assert!(said(&mic, &[&middle, &root]).is_err());
    assert_eq!(said(&mic, &[&middle]), Ok(()));
}
