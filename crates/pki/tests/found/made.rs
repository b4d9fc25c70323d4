//! Certificates that nobody issues: made value by value.

use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::sign::Signer;

/// A value with its tag and the shortest length.
pub fn value(tag: u8, inside: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match inside.len() {
        short @ ..0x80 => out.push(u8::try_from(short).unwrap()),
        long => {
            let bytes = long.to_be_bytes();
            let bytes: Vec<u8> = bytes.into_iter().skip_while(|byte| *byte == 0).collect();
            out.push(0x80 | u8::try_from(bytes.len()).unwrap());
            out.extend(bytes);
        }
    }
    out.extend_from_slice(inside);
    out
}

pub fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    value(0x30, &parts.concat())
}

/// A name of attributes: the last number of their OID below 2.5.4, the tag and the bytes of the value.
pub fn name(parts: &[(u8, u8, &[u8])]) -> Vec<u8> {
    let sets: Vec<Vec<u8>> = parts
        .iter()
        .map(|(kind, tag, text)| value(0x31, &sequence(&[&value(0x06, &[0x55, 4, *kind]), &value(*tag, text)])))
        .collect();
    value(0x30, &sets.concat())
}

/// What stands in a certificate; the rest is right.
pub struct Made<'a> {
    pub serial: &'a [u8],
    pub issuer: Vec<u8>,
    pub subject: Vec<u8>,
    pub spki: Vec<u8>,
    pub extensions: Vec<Vec<u8>>,
}

/// `sha256WithRSAEncryption` with NULL.
fn algorithm() -> Vec<u8> {
    sequence(&[&value(0x06, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 0x0b]), &value(0x05, &[])])
}

impl Made<'_> {
    pub fn sign(&self, key: &PKey<Private>) -> Vec<u8> {
        let validity = sequence(&[&value(0x17, b"240101000000Z"), &value(0x17, b"490101000000Z")]);
        let mut parts = vec![value(0xa0, &value(0x02, &[2])), value(0x02, self.serial), algorithm()];
        parts.extend([self.issuer.clone(), validity, self.subject.clone(), self.spki.clone()]);
        if !self.extensions.is_empty() {
            parts.push(value(0xa3, &value(0x30, &self.extensions.concat())));
        }
        let signed = value(0x30, &parts.concat());
        let mut signer = Signer::new(MessageDigest::sha256(), key).unwrap();
        let mut signature = vec![0];
        signature.extend(signer.sign_oneshot_to_vec(&signed).unwrap());
        sequence(&[&signed, &algorithm(), &value(0x03, &signature)])
    }
}

/// The key of `found/chaining/leaf.key`.
pub fn key() -> PKey<Private> {
    PKey::private_key_from_pem(&crate::file("chaining/leaf.key")).unwrap()
}

pub fn made(issuer: Vec<u8>, subject: Vec<u8>) -> Made<'static> {
    Made { serial: &[1], issuer, subject, spki: key().public_key_to_der().unwrap(), extensions: Vec::new() }
}

/// basicConstraints CA:TRUE, critical.
pub fn authority() -> Vec<u8> {
    let constraints = sequence(&[&value(0x01, &[0xff])]);
    sequence(&[&value(0x06, &[0x55, 0x1d, 0x13]), &value(0x01, &[0xff]), &value(0x04, &constraints)])
}

/// A certificate with this CN.
pub fn with_common_name(text: &str) -> Vec<u8> {
    made(name(&[(3, 0x0c, b"CA")]), name(&[(3, 0x0c, text.as_bytes())])).sign(&key())
}
