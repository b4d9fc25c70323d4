//! LSCs: the certificates that CAPF makes for phones, in two steps, so that what is to be signed can be put on record before
//! it is signed [sources/capf#lsc].
//!
//! * [`LscRequest::lay_out`] gives a [`ToBeSigned`]; [`ToBeSigned::sign`] the certificate
//! * [`request`]: the same for a CA that signs elsewhere
//! * [`authority`]: what a CA certificate must be, chains of certificates, requests to an external CA
//! * [`string`]: authentication strings as they lie in a database
//!
//! The issuer name is the *subject* of the CA, so a CA under another one works too. AuthorityKeyIdentifier is there, so that
//! RADIUS servers and OpenSSL find the right one of several CAs.

pub mod authority;
pub mod constraints;
pub mod request;
pub mod string;

use der::asn1::{
    Any, BitString, Ia5String, ObjectIdentifier, OctetString, PrintableStringRef, SetOfVec, Utf8StringRef,
};
use der::{Decode, Encode};
use wire::digest::DigestId;
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectAltName,
    SubjectKeyIdentifier,
};
use x509_cert::name::{RdnSequence, RelativeDistinguishedName};
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::SubjectPublicKeyInfoOwned;
use x509_cert::time::Validity;

use crate::certificate::{Certificate, KeyKind};
use crate::hash::sha1;
use crate::name::{Attribute, C, CN, L, O, OU, ST};
use crate::profile::{
    BASIC_CONSTRAINTS, EXTENDED_KEY_USAGE, KEY_USAGE, ProfileError, Purpose, SUBJECT_ALT_NAME, SUBJECT_KEY_IDENTIFIER,
    SignedCertificate, TbsCertificate, algorithm, time,
};
use crate::signer::Signer;

const AUTHORITY_KEY_IDENTIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.35");
const SERIAL_NUMBER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.5");

/// Longest common name (RFC 5280 appendix A, ub-common-name).
const COMMON_NAME_LIMIT: usize = 64;

/// What the extended key usage says.
const PURPOSES: [Purpose; 3] = [Purpose::ServerAuth, Purpose::ClientAuth, Purpose::IpsecEndSystem];

/// The form of a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubjectForm {
    /// `CN=SEP...` first, then O, OU, L, ST, C of the issuer's subject, in its order [sources/open-tools#lscs].
    CommonNameFirst,
    /// `serialNumber=PID:CP-8861 SN:..., C, O, OU, CN=CP-8861-SEP...` [sources/capf#lsc]; the serial number is taken
    /// from the MIC and left out when that is not known.
    Cucm,
}

/// What goes into an LSC.
#[derive(Debug, Clone)]
pub struct LscRequest<'a> {
    /// Name of the device, `SEP` and twelve digits as a rule.
    pub device_name: &'a str,
    /// Model, such as `8861`; the CUCM form needs it.
    pub model: &'a str,
    /// The MIC, when it is known.
    pub mic: Option<&'a Certificate>,
    /// The certificate of the CA that will sign.
    pub issuer: &'a Certificate,
    /// SubjectPublicKeyInfo of the phone, DER, checked by [`crate::capf::check_public_key`].
    pub public_key: &'a [u8],
    /// Serial number, 1 to 20 bytes.
    pub serial: &'a [u8],
    /// First second of validity since 1970 UTC.
    pub not_before: u64,
    /// Last second of validity since 1970 UTC.
    pub not_after: u64,
    /// Form of the subject.
    pub form: SubjectForm,
    /// Digest of the signature.
    pub digest: DigestId,
}

/// An LSC that lacks nothing but its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToBeSigned {
    der: Vec<u8>,
    digest: DigestId,
}

impl LscRequest<'_> {
    /// Lays the certificate out.
    ///
    /// # Errors
    /// [`ProfileError`]: a key that is not DER, a name that its string type cannot hold.
    pub fn lay_out(&self) -> Result<ToBeSigned, ProfileError> {
        let tbs = TbsCertificate {
            version: 2,
            serial_number: SerialNumber::new(self.serial)?,
            signature: algorithm(self.digest, self.issuer.spki())?,
            issuer: Any::from_der(self.issuer.parts().subject.der())?,
            validity: Validity::new(time(self.not_before)?, time(self.not_after)?),
            subject: Any::from_der(&self.subject()?.to_der()?)?,
            subject_public_key_info: SubjectPublicKeyInfoOwned::from_der(self.public_key)?,
            extensions: self.extensions()?,
        };
        Ok(ToBeSigned { der: tbs.to_der()?, digest: self.digest })
    }

    fn subject(&self) -> Result<RdnSequence, der::Error> {
        let mut sequence = RdnSequence::default();
        let issuer = &self.issuer.parts().subject;
        let taken = |wanted: &[ObjectIdentifier]| {
            let parts = issuer.iter().filter(|part| wanted.iter().any(|oid| part.oid == *oid));
            parts.map(Attribute::copy).collect::<Result<Vec<AttributeTypeAndValue>, der::Error>>()
        };
        match self.form {
            SubjectForm::CommonNameFirst => {
                push(&mut sequence, text(CN, self.device_name)?)?;
                for part in taken(&[O, OU, L, ST, C])? {
                    push(&mut sequence, part)?;
                }
            }
            SubjectForm::Cucm => {
                if let Some(serial) = self.mic.and_then(serial_number) {
                    push(&mut sequence, text(SERIAL_NUMBER, &serial)?)?;
                }
                for part in taken(&[C, O, OU])? {
                    push(&mut sequence, part)?;
                }
                push(&mut sequence, text(CN, &self.common_name())?)?;
            }
        }
        Ok(sequence)
    }

    /// `CP-8861-SEP...`; the bare name when the model is none that stands in such a name.
    fn common_name(&self) -> String {
        let model = self.model.strip_prefix("CP-").unwrap_or(self.model);
        let fits = !model.is_empty() && model.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-');
        let long = format!("CP-{model}-{}", self.device_name);
        if fits && long.len() <= COMMON_NAME_LIMIT { long } else { self.device_name.to_owned() }
    }

    fn extensions(&self) -> Result<Vec<Extension>, der::Error> {
        let mut all = Vec::with_capacity(5);
        let mut push = |extn_id, critical, value: Vec<u8>| {
            all.push(Extension { extn_id, critical, extn_value: OctetString::new(value)? });
            Ok::<(), der::Error>(())
        };
        let constraints = BasicConstraints { ca: false, path_len_constraint: None };
        push(BASIC_CONSTRAINTS, true, constraints.to_der()?)?;
        let usage = KeyUsages::DigitalSignature | KeyUsages::KeyEncipherment;
        push(KEY_USAGE, true, KeyUsage(usage).to_der()?)?;
        let purposes = PURPOSES.map(Purpose::oid).to_vec();
        push(EXTENDED_KEY_USAGE, false, ExtendedKeyUsage(purposes).to_der()?)?;
        let name = GeneralName::UniformResourceIdentifier(Ia5String::new(self.device_name)?);
        push(SUBJECT_ALT_NAME, false, SubjectAltName(vec![name]).to_der()?)?;
        let key_identifier = Some(OctetString::new(key_identifier(self.issuer))?);
        let authority = AuthorityKeyIdentifier { key_identifier, ..AuthorityKeyIdentifier::default() };
        push(AUTHORITY_KEY_IDENTIFIER, false, authority.to_der()?)?;
        Ok(all)
    }
}

impl ToBeSigned {
    /// TBSCertificate, DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The certificate.
    ///
    /// # Errors
    /// [`ProfileError`]: the key did not sign.
    pub fn sign(&self, signer: &dyn Signer) -> Result<Certificate, ProfileError> {
        let signature = signer.sign(self.digest, &[&self.der])?;
        let certificate = SignedCertificate {
            tbs: Any::from_der(&self.der)?,
            algorithm: algorithm(self.digest, signer.spki())?,
            signature: BitString::from_bytes(&signature)?,
        };
        Ok(Certificate::from_der(&certificate.to_der()?)?)
    }

    /// Subject in the form of a row, `CN=..,OU=..`.
    ///
    /// # Errors
    /// [`ProfileError`]: never for bytes that were laid out here.
    pub fn subject_row(&self) -> Result<String, ProfileError> {
        let subject = crate::x509::subject_of(&self.der).map_err(ProfileError::Encoding)?;
        Ok(crate::name::format(&subject, crate::NameForm::Row))
    }
}

fn text(oid: ObjectIdentifier, text: &str) -> Result<AttributeTypeAndValue, der::Error> {
    let value = if oid == SERIAL_NUMBER {
        Any::from(PrintableStringRef::new(text)?)
    } else {
        Any::from(Utf8StringRef::new(text)?)
    };
    Ok(AttributeTypeAndValue { oid, value })
}

fn push(sequence: &mut RdnSequence, part: AttributeTypeAndValue) -> Result<(), der::Error> {
    let mut set = SetOfVec::new();
    set.insert(part)?;
    sequence.push(RelativeDistinguishedName::from(set));
    Ok(())
}

/// `PID:... SN:...` of a MIC; nothing else is taken over.
fn serial_number(mic: &Certificate) -> Option<String> {
    let part = mic.parts().subject.iter().find(|part| part.oid == SERIAL_NUMBER)?;
    let value = part.text();
    (value.starts_with("PID:") && PrintableStringRef::new(value.as_ref()).is_ok()).then(|| value.into_owned())
}

/// The SubjectKeyIdentifier of a CA; for one without it what it would be (RFC 5280 4.2.1.2, method 1).
fn key_identifier(issuer: &Certificate) -> Vec<u8> {
    match issuer.extension(SUBJECT_KEY_IDENTIFIER).map(SubjectKeyIdentifier::from_der) {
        Some(Ok(identifier)) => identifier.0.as_bytes().to_vec(),
        _ => sha1(issuer.public_key_bits()),
    }
}

/// The public key of a certificate as the column `publickey` has it: `-----BEGIN RSA PUBLIC KEY-----` (PKCS#1) for RSA
/// [sources/capf#lsc], `-----BEGIN PUBLIC KEY-----` for EC.
#[must_use]
pub fn public_key_pem(certificate: &Certificate) -> String {
    let (title, der) = match certificate.key_kind() {
        KeyKind::Rsa(_) | KeyKind::Unsound(..) => ("RSA PUBLIC KEY", certificate.public_key_bits()),
        KeyKind::Ec(_) | KeyKind::Other(_) => ("PUBLIC KEY", certificate.spki()),
    };
    crate::pem::write(title, der)
}
