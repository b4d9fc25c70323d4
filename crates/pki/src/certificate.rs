//! An X.509 certificate, parsed once: the parts that trust lists, TVS and people ask for.

use std::sync::Arc;

use der::asn1::ObjectIdentifier;
use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Public};
use openssl::rsa::{Rsa, RsaRef};
use openssl::x509::X509;
use wire::digest::DigestId;
use wire::trust_list::CertificateFields;

use crate::name::{self, NameForm};
use crate::tlv::Oid;
use crate::x509::Structure;
use crate::{bundle, hash};

/// rsaEncryption (RFC 8017 A.1).
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// Algorithms of keys that are none of the two kinds with a name of their own (RFC 4055, RFC 3279, RFC 8410).
const OTHER_KEYS: [(&str, &str); 8] = [
    ("1.2.840.113549.1.1.10", "RSASSA-PSS"),
    ("1.2.840.113549.1.1.7", "RSAES-OAEP"),
    ("1.2.840.10040.4.1", "DSA"),
    ("1.2.840.10046.2.1", "DH"),
    ("1.3.101.110", "X25519"),
    ("1.3.101.111", "X448"),
    ("1.3.101.112", "Ed25519"),
    ("1.3.101.113", "Ed448"),
];

/// Signatures that somebody should know of (RFC 8017 A.2.4, RFC 3279 2.2.3, RFC 4055 3.1).
const WEAK_SIGNATURES: [(ObjectIdentifier, &str); 6] = [
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.2"), "MD2"),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.4"), "MD5"),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.5"), "SHA-1"),
    (ObjectIdentifier::new_unwrap("1.3.14.3.2.29"), "SHA-1"),
    (ObjectIdentifier::new_unwrap("1.2.840.10045.4.1"), "SHA-1"),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10"), "RSASSA-PSS"),
];

/// Largest certificate taken, in bytes: what the 16-bit length of a TLV field can carry.
pub const CERTIFICATE_LIMIT: usize = 65_535;

/// A certificate that parses, and that every reader behind us takes. Nothing is said about its signature or dates.
#[derive(Clone)]
pub struct Certificate {
    der: Arc<[u8]>,
    parts: Arc<Structure>,
    key: PublicKey,
}

/// Kind and size of a public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA by the OID rsaEncryption, with sound numbers: bits. A key for PSS alone is another kind: no phone checks that.
    Rsa(usize),
    /// RSA with numbers that make signatures worthless: bits, and what is wrong with them.
    Unsound(usize, &'static str),
    /// Elliptic curve, its OpenSSL name (`secp256r1` for P-256).
    Ec(String),
    /// Something else, by its OID.
    Other(String),
}

impl std::fmt::Display for KeyKind {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Rsa(bits) => write!(out, "RSA-{bits}"),
            Self::Unsound(bits, what) => write!(out, "RSA-{bits} with {what}"),
            Self::Ec(curve) => write!(out, "EC-{curve}"),
            Self::Other(oid) => match OTHER_KEYS.iter().find(|(known, _)| known == oid) {
                Some((_, name)) => out.write_str(name),
                None => write!(out, "key {oid}"),
            },
        }
    }
}

/// A public key of a certificate.
#[derive(Clone)]
struct PublicKey {
    kind: KeyKind,
    /// The key as OpenSSL holds it, decoded once: its decoder takes longer than a verification. A certificate whose key
    /// the library does not take can still be shown and listed.
    openssl: Result<PKey<Public>, ErrorStack>,
}

/// Why bytes are not a certificate that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Not DER X.509.
    #[error("not a certificate that can be used: {0}")]
    NotX509(String),
    /// No certificate in the file, or it cannot be read.
    #[error(transparent)]
    File(#[from] Box<bundle::FileError>),
    /// More than [`CERTIFICATE_LIMIT`] bytes.
    #[error("a certificate of {0} bytes is above the limit of {CERTIFICATE_LIMIT}")]
    TooLarge(usize),
}

impl CertificateError {
    /// What is wrong, to be read behind what says which certificate it is.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::NotX509(reason) => reason.clone(),
            other => other.to_string(),
        }
    }
}

impl Certificate {
    /// Parses DER.
    ///
    /// # Errors
    /// [`CertificateError`]: too large, or not X.509 to the last byte.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        if der.len() > CERTIFICATE_LIMIT {
            return Err(CertificateError::TooLarge(der.len()));
        }
        let parts = Structure::read(der).map_err(CertificateError::NotX509)?;
        let openssl = openssl_key(&parts);
        // What is no key leaves its reasons in the error queue of the thread, where the next TLS connection would find them.
        drop(ErrorStack::get());
        let key = PublicKey { kind: key_kind(&openssl, &parts.key_algorithm), openssl };
        Ok(Self { der: der.into(), parts: Arc::new(parts), key })
    }

    /// Parses the first certificate of a PEM text; keys and other blocks around it are passed over. This is how a row is read.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn from_pem(pem: &[u8]) -> Result<Self, CertificateError> {
        bundle::first_of_pem(pem).map_err(|error| Box::new(error).into())
    }

    /// The first certificate of a file: PEM or DER.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn from_pem_or_der(bytes: &[u8]) -> Result<Self, CertificateError> {
        bundle::first(bytes).map_err(|error| Box::new(error).into())
    }

    /// The DER bytes.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The DER bytes, shared.
    #[must_use]
    pub fn der_shared(&self) -> Arc<[u8]> {
        Arc::clone(&self.der)
    }

    /// PEM with lines of 64 characters.
    #[must_use]
    pub fn to_pem(&self) -> String {
        crate::pem::write("CERTIFICATE", &self.der)
    }

    /// Subject name.
    #[must_use]
    pub fn subject(&self, form: NameForm) -> String {
        name::format(&self.parts.subject, form)
    }

    /// Issuer name.
    #[must_use]
    pub fn issuer(&self, form: NameForm) -> String {
        name::format(&self.parts.issuer, form)
    }

    /// The first CN of the subject.
    #[must_use]
    pub fn common_name(&self) -> Option<String> {
        name::common_name(&self.parts.subject)
    }

    /// The first CN of the issuer.
    #[must_use]
    pub fn issuer_common_name(&self) -> Option<String> {
        name::common_name(&self.parts.issuer)
    }

    /// Whether subject and issuer are the same name (RFC 5280 7.1).
    #[must_use]
    pub fn is_self_issued(&self) -> bool {
        self.parts.subject.means(&self.parts.issuer)
    }

    /// Whether this has the subject of another certificate (RFC 5280 7.1).
    #[must_use]
    pub fn has_subject_of(&self, other: &Self) -> bool {
        self.parts.subject.means(&other.parts.subject)
    }

    /// Whether this names the subject of another certificate as its issuer (RFC 5280 7.1).
    #[must_use]
    pub fn names_as_issuer(&self, issuer: &Self) -> bool {
        self.parts.issuer.means(&issuer.parts.subject)
    }

    /// Serial number: big endian, as few bytes as possible, no leading 00 [sources/trust-lists#serial-numbers]. A
    /// negative one keeps the bytes that it has: in text it is [`Self::serial_hex`].
    #[must_use]
    pub fn serial(&self) -> &[u8] {
        match &*self.parts.serial {
            [0, rest @ ..] if !rest.is_empty() => rest,
            all => all,
        }
    }

    /// The serial number in lower-case hexadecimal digits, with its sign: 80 and -80 are two numbers with the same bytes in a list.
    #[must_use]
    pub fn serial_hex(&self) -> String {
        self.serial_text("", false)
    }

    /// The serial number in hexadecimal digits with a separator, with its sign.
    #[must_use]
    pub fn serial_text(&self, separator: &str, upper: bool) -> String {
        let bytes = &*self.parts.serial;
        if bytes.first().is_none_or(|first| *first < 0x80) {
            return hash::spell(self.serial(), separator, upper);
        }
        let mut carry = true;
        let mut magnitude: Vec<u8> = Vec::with_capacity(bytes.len());
        for byte in bytes.iter().rev() {
            let (digit, more) = (!byte).overflowing_add(u8::from(carry));
            carry = more;
            magnitude.push(digit);
        }
        magnitude.reverse();
        let shortest = magnitude.iter().position(|byte| *byte != 0).and_then(|first| magnitude.get(first..));
        format!("-{}", hash::spell(shortest.unwrap_or_default(), separator, upper))
    }

    /// The bytes of the INTEGER, with a leading 00 where it has one.
    pub(crate) fn serial_integer(&self) -> &[u8] {
        &self.parts.serial
    }

    /// The serial number byte-reversed, as the CTL client writes that of a token.
    #[must_use]
    pub fn serial_reversed(&self) -> Vec<u8> {
        self.serial().iter().rev().copied().collect()
    }

    /// Kind and size of the key.
    #[must_use]
    pub fn key_kind(&self) -> &KeyKind {
        &self.key.kind
    }

    /// Size of an RSA key in bits; `None` for other keys.
    #[must_use]
    pub fn rsa_bits(&self) -> Option<usize> {
        match self.key.kind {
            KeyKind::Rsa(bits) => Some(bits),
            _ => None,
        }
    }

    /// PKCS#1 RSAPublicKey, or the uncompressed EC point: the PUBLICKEY of a record.
    #[must_use]
    pub fn public_key_bits(&self) -> &[u8] {
        &self.parts.key_bits
    }

    /// SubjectPublicKeyInfo, DER.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.parts.spki
    }

    /// SHA-256 of the SubjectPublicKeyInfo: the name of its key in a key store.
    #[must_use]
    pub fn key_id(&self) -> [u8; 32] {
        hash::sha256(&self.parts.spki)
    }

    /// The signature bits of the certificate.
    #[must_use]
    pub fn signature_bits(&self) -> &[u8] {
        &self.parts.signature
    }

    /// First and last second of validity, seconds since 1970 UTC; 0 for what lies before.
    #[must_use]
    pub fn validity(&self) -> (u64, u64) {
        let seconds = |at: i64| u64::try_from(at).unwrap_or_default();
        (seconds(self.parts.validity.0), seconds(self.parts.validity.1))
    }

    /// First and last second of validity, seconds since 1970 UTC, for those who show them: devices without a clock begin before it.
    #[must_use]
    pub fn dates(&self) -> (i64, i64) {
        self.parts.validity
    }

    /// With what its issuer signed it, when that is something to be told: MD5, SHA-1, RSASSA-PSS.
    #[must_use]
    pub fn weak_signature(&self) -> Option<&'static str> {
        WEAK_SIGNATURES.iter().find(|(oid, _)| self.parts.signature_algorithm == *oid).map(|(_, name)| *name)
    }

    /// SHA-1 of the DER: what `show ctl` prints.
    #[must_use]
    pub fn sha1(&self) -> Vec<u8> {
        hash::sha1(&self.der)
    }

    /// SHA-256 of the DER: what a certificate is known by.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        hash::sha256(&self.der)
    }

    /// MD5 of the DER: `certHash` of a config.
    #[must_use]
    pub fn md5(&self) -> Vec<u8> {
        hash::md5(&self.der)
    }

    /// Its parts, for the modules that print and copy them.
    pub(crate) fn parts(&self) -> &Structure {
        &self.parts
    }

    /// The DER of an extension.
    pub(crate) fn extension(&self, oid: ObjectIdentifier) -> Option<&[u8]> {
        self.parts.extensions.iter().find(|one| one.oid == oid).map(|one| &*one.value)
    }

    /// The public key for OpenSSL.
    ///
    /// # Errors
    /// A key that the library does not take.
    pub(crate) fn openssl_key(&self) -> Result<&PKey<Public>, &ErrorStack> {
        self.key.openssl.as_ref()
    }

    /// Whether the key is RSA with this modulus (big endian; leading zeros do not count).
    pub(crate) fn has_modulus(&self, modulus: &[u8]) -> bool {
        let wanted = modulus.iter().skip_while(|byte| **byte == 0);
        let own = self.openssl_key().ok().and_then(|key| key.rsa().ok());
        own.is_some_and(|rsa| rsa.n().to_vec().iter().eq(wanted))
    }

    /// Whether the key of an issuer made the signature of this certificate. Names and dates are not looked at.
    pub(crate) fn is_signed_by(&self, issuer: &Self) -> bool {
        let (Ok(x509), Ok(key)) = (X509::from_der(self.der()), issuer.openssl_key()) else { return false };
        answered_yes(&x509.verify(key))
    }

    /// Whether this is the signature of the key over the joined parts, PKCS#1 v1.5.
    pub(crate) fn verifies(&self, digest: DigestId, parts: &[&[u8]], signature: &[u8]) -> bool {
        let (Some(algorithm), Ok(key)) = (hash::message_digest(digest), self.openssl_key()) else { return false };
        let run = || {
            let mut verifier = openssl::sign::Verifier::new(algorithm, key)?;
            for part in parts {
                verifier.update(part)?;
            }
            verifier.verify(signature)
        };
        let outcome: Result<bool, ErrorStack> = run();
        matches!(outcome, Ok(true))
    }

    /// The parts of a trust-list record, in a form of names; calls `with` with borrowed parts.
    pub fn with_fields<T>(&self, form: NameForm, with: impl FnOnce(&CertificateFields<'_>) -> T) -> T {
        let subject = self.subject(form);
        let issuer = self.issuer(form);
        let reversed;
        let serial = if form == NameForm::CtlClient {
            reversed = self.serial_reversed();
            &reversed
        } else {
            self.serial()
        };
        with(&CertificateFields {
            subject: &subject,
            issuer: &issuer,
            serial,
            public_key: self.public_key_bits(),
            signature: self.signature_bits(),
            der: &self.der,
        })
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for Certificate {}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Certificate({}, serial {})", self.subject(NameForm::Cucm), self.serial_hex())
    }
}

/// SubjectPublicKeyInfo, DER, of an RSA key from its numbers (big endian).
pub(crate) fn rsa_spki(modulus: &[u8], exponent: &[u8]) -> Result<Vec<u8>, ErrorStack> {
    let number = openssl::bn::BigNum::from_slice;
    PKey::from_rsa(Rsa::from_public_components(number(modulus)?, number(exponent)?)?)?.public_key_to_der()
}

/// RSA keys are read by the PKCS#1 reader: the one for any SubjectPublicKeyInfo takes a hundred times as long.
fn openssl_key(parts: &Structure) -> Result<PKey<Public>, ErrorStack> {
    if parts.key_algorithm == RSA_ENCRYPTION {
        PKey::from_rsa(Rsa::public_key_from_der_pkcs1(&parts.key_bits)?)
    } else {
        PKey::public_key_from_der(&parts.spki)
    }
}

/// What makes an RSA key worthless: with the exponent 1 everybody signs for it, an even number is no key at all.
pub(crate) fn unsound(rsa: &RsaRef<Public>) -> Option<&'static str> {
    let (modulus, exponent) = (rsa.n(), rsa.e());
    match () {
        () if modulus.is_negative() || exponent.is_negative() => Some("a negative number"),
        () if !exponent.is_bit_set(0) => Some("an even exponent"),
        () if exponent.num_bits() < 2 => Some("the exponent 1"),
        () if !modulus.is_bit_set(0) => Some("an even modulus"),
        () => None,
    }
}

fn key_kind(key: &Result<PKey<Public>, ErrorStack>, oid: &Oid) -> KeyKind {
    let other = || KeyKind::Other(oid.to_string());
    let Ok(key) = key else {
        return other();
    };
    if *oid == RSA_ENCRYPTION
        && let Ok(rsa) = key.rsa()
    {
        let bits = usize::try_from(rsa.n().num_bits()).unwrap_or_default();
        return unsound(&rsa).map_or(KeyKind::Rsa(bits), |what| KeyKind::Unsound(bits, what));
    }
    let Ok(ec) = key.ec_key() else { return other() };
    match ec.group().curve_name() {
        Some(openssl::nid::Nid::X9_62_PRIME256V1) => KeyKind::Ec("secp256r1".to_owned()),
        Some(nid) => match nid.short_name() {
            Ok(name) => KeyKind::Ec(name.to_owned()),
            Err(_) => other(),
        },
        None => other(),
    }
}

/// The answer of OpenSSL to whether a signature is right. With a *no* it leaves its reasons in the error queue of the thread, where
/// the next TLS connection of that thread would find them and take them for its own: so they are taken away.
pub(crate) fn answered_yes(answer: &Result<bool, ErrorStack>) -> bool {
    drop(ErrorStack::get());
    matches!(answer, Ok(true))
}
