//! Requests to a CA (PKCS#10, RFC 2986) [sources/certificates#requests].

use der::asn1::ObjectIdentifier;
use der::{Decode, Encode};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::stack::Stack;
use openssl::x509::extension::{BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName};
use openssl::x509::{X509Name, X509Req, X509ReqBuilder};
use x509_cert::ext::Extension;
use x509_cert::request::CertReq;

use crate::certificate::answered_yes;
use crate::extensions::{AltName, Extensions};
use crate::hash;
use crate::key::SoftKey;
use crate::name::{self, DistinguishedName, NameForm, Subject};
use crate::profile::{ProfileError, Purpose, Usage};

/// Bytes of a request at most: a hundred names of 255 bytes and a key of 4096 bits stay far below.
pub const REQUEST_LIMIT: usize = 65_536;

/// extensionRequest (RFC 2985 5.4.2).
const EXTENSION_REQUEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.14");

/// Digest of a request's signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RequestDigest {
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl RequestDigest {
    /// All, the weakest first.
    pub const ALL: [Self; 4] = [Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512];

    /// As the page of the original offers it: `SHA256`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
            Self::Sha384 => "SHA384",
            Self::Sha512 => "SHA512",
        }
    }

    /// Size of the hash in bits.
    #[must_use]
    pub const fn bits(self) -> u32 {
        match self {
            Self::Sha1 => 160,
            Self::Sha256 => 256,
            Self::Sha384 => 384,
            Self::Sha512 => 512,
        }
    }

    fn openssl(self) -> MessageDigest {
        match self {
            Self::Sha1 => MessageDigest::sha1(),
            Self::Sha256 => MessageDigest::sha256(),
            Self::Sha384 => MessageDigest::sha384(),
            Self::Sha512 => MessageDigest::sha512(),
        }
    }
}

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestSpec<'a> {
    /// The subject.
    pub subject: &'a Subject,
    /// Names for the subjectAltName, in order; no extension when there are none.
    pub names: &'a [AltName],
    /// Key usage.
    pub usages: &'a [Usage],
    /// Extended key usage.
    pub purposes: &'a [Purpose],
    /// BasicConstraints CA:TRUE with this path length; no BasicConstraints when `None`.
    pub ca_path_length: Option<u8>,
    /// Digest of the signature.
    pub digest: RequestDigest,
}

/// A request that parses and whose signature is by its own key.
#[derive(Debug, Clone)]
pub struct CertificateRequest {
    parsed: CertReq,
    subject: DistinguishedName,
    spki: Vec<u8>,
    pem: String,
    der: Vec<u8>,
}

/// Why a text is no request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// It does not parse.
    #[error("not a certificate request: {0}")]
    Unreadable(String),
    /// The signature is not by the key in it.
    #[error("the request is not signed with its own key")]
    Signature,
}

/// Makes a request for a key.
///
/// # Errors
/// [`ProfileError`]: a name that its string type cannot hold, a digest that the library forbids.
pub fn request(spec: &RequestSpec<'_>, key: &SoftKey) -> Result<CertificateRequest, ProfileError> {
    let name = spec.subject.to_rdn_sequence()?.to_der()?;
    let pem = build(spec, key, &name).map_err(|error| ProfileError::Encoding(error.to_string()))?;
    CertificateRequest::from_pem(&pem).map_err(|error| ProfileError::Encoding(error.to_string()))
}

fn build(spec: &RequestSpec<'_>, key: &SoftKey, name: &[u8]) -> Result<Vec<u8>, ErrorStack> {
    let mut builder = X509ReqBuilder::new()?;
    builder.set_version(0)?;
    let name = X509Name::from_der(name)?;
    builder.set_subject_name(&name)?;
    builder.set_pubkey(key.openssl())?;
    let mut extensions = Stack::new()?;
    if let Some(length) = spec.ca_path_length {
        extensions.push(BasicConstraints::new().critical().ca().pathlen(length.into()).build()?)?;
    }
    let mut purposes = ExtendedKeyUsage::new();
    for purpose in spec.purposes {
        purposes.other(purpose.name());
    }
    extensions.push(purposes.build()?)?;
    let mut usages = KeyUsage::new();
    for usage in spec.usages {
        match usage {
            Usage::DigitalSignature => usages.digital_signature(),
            Usage::KeyEncipherment => usages.key_encipherment(),
            Usage::DataEncipherment => usages.data_encipherment(),
            Usage::KeyAgreement => usages.key_agreement(),
            Usage::KeyCertSign => usages.key_cert_sign(),
        };
    }
    extensions.push(usages.build()?)?;
    let mut names = SubjectAlternativeName::new();
    let mut any = false;
    for name in spec.names {
        any = true;
        match name {
            AltName::Dns(name) | AltName::Other(name) => names.dns(name),
            AltName::Ip(address) => names.ip(&address.to_string()),
        };
    }
    if any {
        extensions.push(names.build(&builder.x509v3_context(None))?)?;
    }
    builder.add_extensions(&extensions)?;
    builder.sign(key.openssl(), spec.digest.openssl())?;
    builder.build().to_pem()
}

impl CertificateRequest {
    /// Reads PEM and checks the signature with the key in it.
    ///
    /// # Errors
    /// [`RequestError`].
    pub fn from_pem(pem: &[u8]) -> Result<Self, RequestError> {
        Self::read(pem, true)
    }

    /// Reads PEM of a request that CAPF has signed in the place of a phone, which signs none: the key in it proves nothing.
    ///
    /// # Errors
    /// [`RequestError::Unreadable`].
    pub fn of_a_phone(pem: &[u8]) -> Result<Self, RequestError> {
        Self::read(pem, false)
    }

    fn read(pem: &[u8], by_its_own_key: bool) -> Result<Self, RequestError> {
        let bad = |error: &dyn std::fmt::Display| RequestError::Unreadable(error.to_string());
        if pem.len() > REQUEST_LIMIT {
            return Err(RequestError::Unreadable(format!(
                "{} bytes are above the limit of {REQUEST_LIMIT}",
                pem.len()
            )));
        }
        let read = X509Req::from_pem(pem).map_err(|error| bad(&error))?;
        let key = read.public_key().map_err(|error| bad(&error))?;
        if by_its_own_key && !answered_yes(&read.verify(&key)) {
            return Err(RequestError::Signature);
        }
        let der = read.to_der().map_err(|error| bad(&error))?;
        let parsed = CertReq::from_der(&der).map_err(|error| bad(&error))?;
        let spki = parsed.info.public_key.to_der().map_err(|error| bad(&error))?;
        let pem = String::from_utf8(read.to_pem().map_err(|error| bad(&error))?).map_err(|error| bad(&error))?;
        let subject = parsed.info.subject.to_der().map_err(|error| bad(&error))?;
        let subject = DistinguishedName::from_der(&subject, "its subject").map_err(|error| bad(&error))?;
        Ok(Self { parsed, subject, spki, pem, der })
    }

    /// PEM with the title of RFC 7468, which every CA reads.
    #[must_use]
    pub fn to_pem(&self) -> &str {
        &self.pem
    }

    /// DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// SubjectPublicKeyInfo, DER.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// SHA-256 of the SubjectPublicKeyInfo: the name of its key in a key store.
    #[must_use]
    pub fn key_id(&self) -> [u8; 32] {
        hash::sha256(&self.spki)
    }

    /// Subject name.
    #[must_use]
    pub fn subject(&self, form: NameForm) -> String {
        name::format(&self.subject, form)
    }

    /// The first CN of the subject.
    #[must_use]
    pub fn common_name(&self) -> Option<String> {
        name::common_name(&self.subject)
    }

    /// What its extensions ask for.
    #[must_use]
    pub fn extensions(&self) -> Extensions {
        let mut all: Vec<Extension> = Vec::new();
        let asked = self.parsed.info.attributes.iter().filter(|attribute| attribute.oid == EXTENSION_REQUEST);
        for value in asked.flat_map(|attribute| attribute.values.iter()) {
            all.extend(value.decode_as::<Vec<Extension>>().unwrap_or_default());
        }
        Extensions::read(|oid| all.iter().find(|one| one.extn_id == oid).map(|one| one.extn_value.as_bytes()))
    }
}
