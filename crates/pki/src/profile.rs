//! Self-signed certificates to the byte of a release [sources/certificates#self-signed-profile].

use std::net::IpAddr;
use std::time::Duration;

use der::asn1::{Any, BitString, GeneralizedTime, Ia5String, ObjectIdentifier, OctetString, UtcTime};
use der::{Decode, Encode, Sequence};
use wire::digest::DigestId;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectAltName};
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::time::{Time, Validity};

use crate::certificate::{Certificate, CertificateError};
use crate::hash::sha1;
use crate::name::Subject;
use crate::signer::{SignError, Signer};

pub(crate) const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
pub(crate) const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
pub(crate) const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
pub(crate) const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
pub(crate) const SUBJECT_KEY_IDENTIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.14");

/// id-ecPublicKey (RFC 5480 2.1.1).
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");

/// First second of 2050: from here on dates are GeneralizedTime (RFC 5280 4.1.2.5).
const YEAR_2050: u64 = 2_524_608_000;

/// A purpose in the extended key usage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// TLS server.
    ServerAuth,
    /// TLS client.
    ClientAuth,
    /// IPsec end system.
    IpsecEndSystem,
}

impl Purpose {
    /// All that are known.
    pub const ALL: [Self; 3] = [Self::ServerAuth, Self::ClientAuth, Self::IpsecEndSystem];

    /// The name of RFC 5280 4.2.1.12 and of OpenSSL.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ServerAuth => "serverAuth",
            Self::ClientAuth => "clientAuth",
            Self::IpsecEndSystem => "ipsecEndSystem",
        }
    }

    pub(crate) const fn oid(self) -> ObjectIdentifier {
        match self {
            Self::ServerAuth => ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1"),
            Self::ClientAuth => ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2"),
            Self::IpsecEndSystem => ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.5"),
        }
    }
}

/// A bit of the key usage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usage {
    /// digitalSignature.
    DigitalSignature,
    /// keyEncipherment.
    KeyEncipherment,
    /// dataEncipherment.
    DataEncipherment,
    /// keyAgreement.
    KeyAgreement,
    /// keyCertSign.
    KeyCertSign,
}

impl Usage {
    /// The name of RFC 5280 4.2.1.3.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DigitalSignature => "digitalSignature",
            Self::KeyEncipherment => "keyEncipherment",
            Self::DataEncipherment => "dataEncipherment",
            Self::KeyAgreement => "keyAgreement",
            Self::KeyCertSign => "keyCertSign",
        }
    }
}

/// What a release writes into the certificates of a unit. No extension is critical.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CertificateProfile {
    /// Digest of the signature.
    pub digest: DigestId,
    /// Validity in days; the last second is left out.
    pub days: u32,
    /// Key usage.
    pub usage: &'static [Usage],
    /// Extended key usage.
    pub purposes: &'static [Purpose],
    /// BasicConstraints CA:TRUE with this path length; no BasicConstraints when `None`.
    pub ca_path_length: Option<u8>,
    /// Whether the names given go into a subjectAltName.
    pub alt_names: bool,
}

/// What is different for each certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelfSigned {
    /// Subject and issuer.
    pub subject: Subject,
    /// Serial number, 1 to 20 bytes.
    pub serial: Vec<u8>,
    /// First second of validity, since 1970 UTC.
    pub not_before: u64,
    /// DNS names, and addresses as text, for the subjectAltName, if the profile has one.
    pub dns_names: Vec<String>,
}

/// Why a certificate was not made.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// A value cannot be encoded.
    #[error("the certificate cannot be encoded: {0}")]
    Encoding(String),
    /// The key did not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// What came out does not parse.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

impl From<der::Error> for ProfileError {
    fn from(error: der::Error) -> Self {
        Self::Encoding(error.to_string())
    }
}

/// TBSCertificate (RFC 5280 4.1): spelled out here because the one of `x509-cert` can only be built by its builder,
/// which wants the key in memory.
#[derive(Sequence)]
pub(crate) struct TbsCertificate {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    pub(crate) version: u8,
    pub(crate) serial_number: SerialNumber,
    pub(crate) signature: AlgorithmIdentifierOwned,
    pub(crate) issuer: Any,
    pub(crate) validity: Validity,
    pub(crate) subject: Any,
    pub(crate) subject_public_key_info: SubjectPublicKeyInfoOwned,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT")]
    pub(crate) extensions: Vec<Extension>,
}

#[derive(Sequence)]
pub(crate) struct SignedCertificate {
    pub(crate) tbs: Any,
    pub(crate) algorithm: AlgorithmIdentifierOwned,
    pub(crate) signature: BitString,
}

/// Makes a self-signed certificate for the key of `signer`.
///
/// # Errors
/// [`ProfileError`].
pub fn self_signed(
    profile: &CertificateProfile,
    request: &SelfSigned,
    signer: &dyn Signer,
) -> Result<Certificate, ProfileError> {
    let name = Any::from_der(&request.subject.to_rdn_sequence()?.to_der()?)?;
    let key = SubjectPublicKeyInfoOwned::from_der(signer.spki())?;
    let algorithm = algorithm(profile.digest, signer.spki())?;
    let last = request.not_before + u64::from(profile.days) * 86_400 - 1;
    let tbs = TbsCertificate {
        version: 2,
        serial_number: SerialNumber::new(&request.serial)?,
        signature: algorithm.clone(),
        issuer: name.clone(),
        validity: Validity::new(time(request.not_before)?, time(last)?),
        subject: name,
        extensions: extensions(profile, request, key.subject_public_key.raw_bytes())?,
        subject_public_key_info: key,
    };
    let tbs = tbs.to_der()?;
    let signature = signer.sign(profile.digest, &[&tbs])?;
    let certificate =
        SignedCertificate { tbs: Any::from_der(&tbs)?, algorithm, signature: BitString::from_bytes(&signature)? };
    Ok(Certificate::from_der(&certificate.to_der()?)?)
}

/// The algorithm of a signature with a digest by a key, given by its SubjectPublicKeyInfo (RFC 8017 A.2, RFC 5758 3.2).
pub(crate) fn algorithm(digest: DigestId, spki: &[u8]) -> Result<AlgorithmIdentifierOwned, ProfileError> {
    let key = SubjectPublicKeyInfoOwned::from_der(spki)?;
    let ec = key.algorithm.oid == EC_PUBLIC_KEY;
    let oid = match (digest, ec) {
        (DigestId::SHA1, false) => "1.2.840.113549.1.1.5",
        (DigestId::SHA256, false) => "1.2.840.113549.1.1.11",
        (DigestId::SHA512, false) => "1.2.840.113549.1.1.13",
        (DigestId::SHA256, true) => "1.2.840.10045.4.3.2",
        (DigestId::SHA512, true) => "1.2.840.10045.4.3.4",
        (other, _) => return Err(SignError::Digest(other).into()),
    };
    let oid = ObjectIdentifier::new(oid).map_err(|error| ProfileError::Encoding(error.to_string()))?;
    Ok(AlgorithmIdentifierOwned { oid, parameters: (!ec).then(Any::null) })
}

pub(crate) fn time(seconds: u64) -> Result<Time, der::Error> {
    let since_1970 = Duration::from_secs(seconds);
    Ok(if seconds < YEAR_2050 {
        Time::UtcTime(UtcTime::from_unix_duration(since_1970)?)
    } else {
        Time::GeneralTime(GeneralizedTime::from_unix_duration(since_1970)?)
    })
}

fn extensions(
    profile: &CertificateProfile,
    request: &SelfSigned,
    public_key: &[u8],
) -> Result<Vec<Extension>, der::Error> {
    let mut all = Vec::with_capacity(5);
    let mut push = |extn_id, value: Vec<u8>| {
        all.push(Extension { extn_id, critical: false, extn_value: OctetString::new(value)? });
        Ok::<(), der::Error>(())
    };
    let mut bits = der::flagset::FlagSet::<KeyUsages>::default();
    for usage in profile.usage {
        bits |= match usage {
            Usage::DigitalSignature => KeyUsages::DigitalSignature,
            Usage::KeyEncipherment => KeyUsages::KeyEncipherment,
            Usage::DataEncipherment => KeyUsages::DataEncipherment,
            Usage::KeyAgreement => KeyUsages::KeyAgreement,
            Usage::KeyCertSign => KeyUsages::KeyCertSign,
        };
    }
    push(KEY_USAGE, KeyUsage(bits).to_der()?)?;
    let purposes = profile.purposes.iter().map(|purpose| purpose.oid()).collect();
    push(EXTENDED_KEY_USAGE, ExtendedKeyUsage(purposes).to_der()?)?;
    push(SUBJECT_KEY_IDENTIFIER, OctetString::new(sha1(public_key))?.to_der()?)?;
    if let Some(length) = profile.ca_path_length {
        let constraints = BasicConstraints { ca: true, path_len_constraint: Some(length) };
        push(BASIC_CONSTRAINTS, constraints.to_der()?)?;
    }
    if profile.alt_names && !request.dns_names.is_empty() {
        let names = request.dns_names.iter().map(|name| {
            Ok(match name.parse::<IpAddr>() {
                Ok(IpAddr::V4(address)) => GeneralName::IpAddress(OctetString::new(address.octets())?),
                Ok(IpAddr::V6(address)) => GeneralName::IpAddress(OctetString::new(address.octets())?),
                Err(_) => GeneralName::DnsName(Ia5String::new(name)?),
            })
        });
        push(SUBJECT_ALT_NAME, SubjectAltName(names.collect::<Result<_, der::Error>>()?).to_der()?)?;
    }
    Ok(all)
}
