//! An X.509 certificate, parsed once: the parts that trust lists, TVS and people ask for.

use std::sync::Arc;

use der::{Decode, Encode};
use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Public};
use openssl::rsa::Rsa;
use openssl::x509::X509;
use wire::digest::DigestId;
use wire::trust_list::CertificateFields;

use crate::hash;
use crate::name::{self, NameForm};

/// rsaEncryption (RFC 8017 A.1).
const RSA_ENCRYPTION: der::asn1::ObjectIdentifier = der::asn1::ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// Largest certificate taken, in bytes: what the 16-bit length of a TLV field can carry.
pub const CERTIFICATE_LIMIT: usize = 65_535;

/// A certificate that parses. Nothing is said about its signature or dates.
#[derive(Clone)]
pub struct Certificate {
    der: Arc<[u8]>,
    parsed: Arc<x509_cert::Certificate>,
    key: PublicKey,
}

/// Kind and size of a public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA, bits.
    Rsa(usize),
    /// Elliptic curve, its OpenSSL name (`secp256r1` for P-256).
    Ec(String),
    /// Something else, by its OID.
    Other(String),
}

impl std::fmt::Display for KeyKind {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Rsa(bits) => write!(out, "RSA-{bits}"),
            Self::Ec(curve) => write!(out, "EC-{curve}"),
            Self::Other(oid) => write!(out, "key {oid}"),
        }
    }
}

/// A public key of a certificate.
#[derive(Clone)]
struct PublicKey {
    kind: KeyKind,
    /// SubjectPublicKeyInfo, DER.
    spki: Vec<u8>,
    /// PKCS#1 RSAPublicKey, EC point, or the raw bits of another key.
    bits: Vec<u8>,
    /// The key as OpenSSL holds it, decoded once: its decoder takes longer than a verification. A certificate whose key
    /// the library does not take can still be shown and listed.
    openssl: Result<PKey<Public>, ErrorStack>,
}

/// Why bytes are not a certificate that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Not DER X.509.
    #[error("not a certificate: {0}")]
    NotX509(String),
    /// No `BEGIN CERTIFICATE` block, or a broken one.
    #[error("no certificate in the PEM text: {0}")]
    NotPem(String),
    /// More than [`CERTIFICATE_LIMIT`] bytes.
    #[error("a certificate of {0} bytes is above the limit of {CERTIFICATE_LIMIT}")]
    TooLarge(usize),
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
        let bad = |error: der::Error| CertificateError::NotX509(error.to_string());
        let parsed = x509_cert::Certificate::from_der(der).map_err(bad)?;
        let spki = parsed.tbs_certificate().subject_public_key_info();
        let bits = spki.subject_public_key.raw_bytes().to_vec();
        let spki_der = spki.to_der().map_err(bad)?;
        let openssl = openssl_key(&spki_der, &spki.algorithm.oid, &bits);
        let key = PublicKey { kind: key_kind(&openssl, &spki.algorithm.oid), spki: spki_der, bits, openssl };
        Ok(Self { der: der.into(), parsed: Arc::new(parsed), key })
    }

    /// Parses the first certificate of a PEM text; keys and other blocks around it are passed over.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn from_pem(pem: &[u8]) -> Result<Self, CertificateError> {
        let x509 = openssl::x509::X509::from_pem(pem).map_err(|error| CertificateError::NotPem(error.to_string()))?;
        let der = x509.to_der().map_err(|error| CertificateError::NotPem(error.to_string()))?;
        Self::from_der(&der)
    }

    /// Parses PEM or DER, told apart by the text `-----BEGIN`.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn from_pem_or_der(bytes: &[u8]) -> Result<Self, CertificateError> {
        if bytes.windows(10).any(|window| window == b"-----BEGIN") {
            Self::from_pem(bytes)
        } else {
            Self::from_der(bytes)
        }
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
        let body = openssl::base64::encode_block(&self.der);
        let mut out = String::from("-----BEGIN CERTIFICATE-----\n");
        let mut rest = body.as_str();
        while !rest.is_empty() {
            let (line, tail) = rest.split_at(rest.len().min(64));
            out.push_str(line);
            out.push('\n');
            rest = tail;
        }
        out.push_str("-----END CERTIFICATE-----\n");
        out
    }

    /// Subject name.
    #[must_use]
    pub fn subject(&self, form: NameForm) -> String {
        name::format(self.parsed.tbs_certificate().subject(), form)
    }

    /// Issuer name.
    #[must_use]
    pub fn issuer(&self, form: NameForm) -> String {
        name::format(self.parsed.tbs_certificate().issuer(), form)
    }

    /// The first CN of the subject.
    #[must_use]
    pub fn common_name(&self) -> Option<String> {
        name::common_name(self.parsed.tbs_certificate().subject())
    }

    /// The first CN of the issuer.
    #[must_use]
    pub fn issuer_common_name(&self) -> Option<String> {
        name::common_name(self.parsed.tbs_certificate().issuer())
    }

    /// Whether subject and issuer are the same name.
    #[must_use]
    pub fn is_self_issued(&self) -> bool {
        let tbs = self.parsed.tbs_certificate();
        tbs.subject() == tbs.issuer()
    }

    /// Serial number: big endian, as few bytes as possible, no leading 00 [trustlist.md 6].
    #[must_use]
    pub fn serial(&self) -> &[u8] {
        match self.parsed.tbs_certificate().serial_number().as_bytes() {
            [0, rest @ ..] if !rest.is_empty() => rest,
            all => all,
        }
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
        &self.key.bits
    }

    /// SubjectPublicKeyInfo, DER.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.key.spki
    }

    /// SHA-256 of the SubjectPublicKeyInfo: the name of its key in a key store.
    #[must_use]
    pub fn key_id(&self) -> [u8; 32] {
        hash::sha256(&self.key.spki)
    }

    /// The signature bits of the certificate.
    #[must_use]
    pub fn signature_bits(&self) -> &[u8] {
        self.parsed.signature().raw_bytes()
    }

    /// First and last second of validity, seconds since 1970 UTC.
    #[must_use]
    pub fn validity(&self) -> (u64, u64) {
        let validity = self.parsed.tbs_certificate().validity();
        (validity.not_before.to_unix_duration().as_secs(), validity.not_after.to_unix_duration().as_secs())
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

    /// The parsed form, for the modules that print it.
    pub(crate) fn x509(&self) -> &x509_cert::Certificate {
        &self.parsed
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
        write!(out, "Certificate({}, serial {})", self.subject(NameForm::Cucm), hash::hex(self.serial()))
    }
}

/// SubjectPublicKeyInfo, DER, of an RSA key from its numbers (big endian).
pub(crate) fn rsa_spki(modulus: &[u8], exponent: &[u8]) -> Result<Vec<u8>, ErrorStack> {
    let number = openssl::bn::BigNum::from_slice;
    PKey::from_rsa(Rsa::from_public_components(number(modulus)?, number(exponent)?)?)?.public_key_to_der()
}

/// RSA keys are read by the PKCS#1 reader: the one for any SubjectPublicKeyInfo takes a hundred times as long.
fn openssl_key(spki: &[u8], oid: &der::asn1::ObjectIdentifier, bits: &[u8]) -> Result<PKey<Public>, ErrorStack> {
    if *oid == RSA_ENCRYPTION {
        PKey::from_rsa(Rsa::public_key_from_der_pkcs1(bits)?)
    } else {
        PKey::public_key_from_der(spki)
    }
}

fn key_kind(key: &Result<PKey<Public>, ErrorStack>, oid: &der::asn1::ObjectIdentifier) -> KeyKind {
    let other = || KeyKind::Other(oid.to_string());
    let Ok(key) = key else {
        return other();
    };
    if let Ok(rsa) = key.rsa() {
        return KeyKind::Rsa(usize::try_from(rsa.n().num_bits()).unwrap_or_default());
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
