//! A token as Cisco's are prepared: for labs and tests.
//!
//! The key is made on the token; its certificate is issued by a manufacturing CA and looks like theirs
//! [sources/ctl-client#tokens], [sources/trust-lists#names]: the serial number of the token in its CN, filled with
//! blanks.

use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, CertificateType, ObjectClass};
use der::asn1::{Any, BitString, Ia5StringRef, ObjectIdentifier, OctetString, Utf8StringRef};
use der::{Decode, Encode};
use wire::digest::{DigestId, Modulus};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{ExtendedKeyUsage, KeyUsage, KeyUsages};
use x509_cert::name::{RdnSequence, RelativeDistinguishedName};
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::SubjectPublicKeyInfoOwned;
use x509_cert::time::Validity;
use zeroize::Zeroizing;

use super::error::TokenError;
use super::find::{self, TokenCertificate};
use super::module::{TokenInfo, TokenModule};
use super::signer::Token;
use crate::certificate::Certificate;
use crate::hash::sha1;
use crate::name::{CN, NameForm, O, OU};
use crate::profile::{
    EXTENDED_KEY_USAGE, KEY_USAGE, ProfileError, Purpose, SUBJECT_KEY_IDENTIFIER, SignedCertificate, TbsCertificate,
    algorithm, time,
};
use crate::signer::Signer;

/// Netscape Comment: phones ignore it, so it can fill a certificate to a size.
const COMMENT: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.113730.1.13");

/// Bytes of a name at most: with its blanks it fits in a common name (X.520, ub-common-name 64).
const NAME_LIMIT: usize = 56;

/// Blanks behind the name in the CN of a token [sources/ctl-client#tokens: 56 bytes with the quotes and the NUL].
const BLANKS: &str = "        ";

/// What a token is to be.
#[derive(Debug, Clone)]
pub struct Preparation<'a> {
    /// Name of the token, `SAST-ADN008580ef`: 1 to 56 printable bytes.
    pub name: &'a str,
    /// Size of its RSA key: 1024 on Cisco's; one that phones verify.
    pub bits: u32,
    /// Serial number of its certificate, 1 to 20 bytes.
    pub serial: &'a [u8],
    /// First and last second of validity since 1970 UTC.
    pub validity: (u64, u64),
    /// Size of the certificate in bytes, filled up with a comment; `None` for as large as it gets. 902 on Cisco's.
    pub size: Option<usize>,
}

/// Why a token was not prepared.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// The token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The certificate.
    #[error(transparent)]
    Certificate(#[from] ProfileError),
    /// The name.
    #[error("`{}` is no name for a token: it has 1 to {NAME_LIMIT} printable ASCII letters, such as SAST-ADN008580ef", .0.escape_default())]
    Name(String),
    /// The size of the key.
    #[error("phones verify lists with RSA of 512, 1024, 2048 and 4096 bits only, not {0}")]
    Bits(u32),
    /// Certificate and key of the CA are none of a pair.
    #[error(
        "the key is not that of the CA `{0}`: phones and TVS would find no issuer; give the key of this certificate"
    )]
    Issuer(String),
    /// Something has this name already, and the token would be ambiguous.
    #[error(
        "token {token} has a key or a certificate `{name}` already; give another name, or initialise the token again"
    )]
    Occupied {
        /// The token.
        token: String,
        /// The name that was asked for.
        name: String,
    },
    /// It does not come out in the size that was asked for.
    #[error("a certificate of {0} bytes cannot be made from these names and keys; leave the size out")]
    Size(usize),
}

/// Makes a key on a token, has `issuer` certify it and writes the certificate beside it.
///
/// # Errors
/// [`PrepareError`].
pub fn prepare(
    module: &TokenModule,
    token: &TokenInfo,
    pin: &Zeroizing<String>,
    what: &Preparation<'_>,
    issuer: (&Certificate, &dyn Signer),
) -> Result<Certificate, PrepareError> {
    if what.name.trim().is_empty()
        || what.name.len() > NAME_LIMIT
        || !what.name.bytes().all(|letter| letter.is_ascii_graphic() || letter == b' ')
    {
        return Err(PrepareError::Name(what.name.to_owned()));
    }
    let fits = usize::try_from(what.bits).ok().and_then(Modulus::from_bits);
    fits.ok_or(PrepareError::Bits(what.bits))?;
    if issuer.0.spki() != issuer.1.spki() {
        return Err(PrepareError::Issuer(issuer.0.subject(NameForm::Cucm)));
    }
    let open = module.log_in_to(token, pin, true)?;
    let id = sha1(what.name.as_bytes());
    let label = what.name.as_bytes().to_vec();
    let (bits, key_id, key_label) = (what.bits, id.clone(), label.clone());
    let keys = open.with("reading the keys", find::keys)?;
    let named = |one: &TokenCertificate| one.id == id || one.label == what.name;
    if keys.iter().any(|key| key.id == id) || open.certificates()?.iter().any(named) {
        return Err(PrepareError::Occupied { token: token.name(), name: what.name.to_owned() });
    }
    let (pair, modulus) = open.with("making a key", move |session| {
        let both = [Attribute::Token(true), Attribute::Id(key_id), Attribute::Label(key_label)];
        let mut public = both.to_vec();
        public.extend([
            Attribute::ModulusBits(u64::from(bits).into()),
            Attribute::PublicExponent(vec![1, 0, 1]),
            Attribute::Verify(true),
        ]);
        let mut private = both.to_vec();
        private.extend([
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Sign(true),
        ]);
        let pair = session.generate_key_pair(&Mechanism::RsaPkcsKeyPairGen, &public, &private)?;
        Ok((pair, session.get_attributes(pair.0, &[AttributeType::Modulus])?))
    })?;
    let modulus = modulus.into_iter().find_map(|attribute| match attribute {
        Attribute::Modulus(modulus) => Some(modulus),
        _ => None,
    });
    let certify = || {
        let spki = crate::certificate::rsa_spki(&modulus.unwrap_or_default(), &[1, 0, 1])
            .map_err(|error| ProfileError::Encoding(error.to_string()))?;
        let certificate = sized(what, &spki, issuer)?;
        store(&open, what.name, id, &certificate)?;
        Ok(certificate)
    };
    let certified: Result<Certificate, PrepareError> = certify();
    if certified.is_err() {
        // A key without a certificate would stand in the way of the next try.
        open.with("removing the key", move |session| {
            session.destroy_object(pair.0)?;
            session.destroy_object(pair.1)
        })?;
    }
    certified
}

/// Writes a certificate on a token, under the id of a key that is on it (or comes later).
///
/// # Errors
/// [`PrepareError`].
pub fn write_certificate(
    module: &TokenModule,
    token: &TokenInfo,
    pin: &Zeroizing<String>,
    (label, id): (&str, Vec<u8>),
    certificate: &Certificate,
) -> Result<(), PrepareError> {
    store(&module.log_in_to(token, pin, true)?, label, id, certificate)
}

fn store(open: &Token, label: &str, id: Vec<u8>, certificate: &Certificate) -> Result<(), PrepareError> {
    let subject = certificate.parts().subject.der().to_vec();
    let object = vec![
        Attribute::Class(ObjectClass::CERTIFICATE),
        Attribute::CertificateType(CertificateType::X_509),
        Attribute::Token(true),
        Attribute::Private(false),
        Attribute::Id(id),
        Attribute::Label(label.as_bytes().to_vec()),
        Attribute::Subject(subject),
        Attribute::Value(certificate.der().to_vec()),
    ];
    open.with("writing the certificate", move |session| session.create_object(&object))?;
    Ok(())
}

/// The certificate in the size that was asked for: the comment grows by what is missing until it fits.
fn sized(
    what: &Preparation<'_>,
    spki: &[u8],
    issuer: (&Certificate, &dyn Signer),
) -> Result<Certificate, PrepareError> {
    let bare = issue(what, spki, issuer, None)?;
    let Some(size) = what.size else { return Ok(bare) };
    if bare.der().len() == size {
        return Ok(bare);
    }
    let mut comment = size.saturating_sub(bare.der().len());
    // Lengths of lengths change on the way: a few rounds settle it, or nothing does.
    for _ in 0..8 {
        let made = issue(what, spki, issuer, Some(comment))?;
        if made.der().len() == size {
            return Ok(made);
        }
        comment = (comment + size).saturating_sub(made.der().len());
    }
    Err(PrepareError::Size(size))
}

fn issue(
    what: &Preparation<'_>,
    spki: &[u8],
    (issuer, key): (&Certificate, &dyn Signer),
    comment: Option<usize>,
) -> Result<Certificate, ProfileError> {
    let digest = DigestId::SHA1;
    let spki = SubjectPublicKeyInfoOwned::from_der(spki)?;
    let (first, last) = what.validity;
    let tbs = TbsCertificate {
        version: 2,
        serial_number: SerialNumber::new(what.serial)?,
        signature: algorithm(digest, key.spki())?,
        issuer: Any::from_der(issuer.parts().subject.der())?,
        validity: Validity::new(time(first)?, time(last)?),
        subject: Any::from_der(&subject(what.name)?.to_der()?)?,
        extensions: extensions(spki.subject_public_key.raw_bytes(), comment)?,
        subject_public_key_info: spki,
    };
    let tbs = tbs.to_der()?;
    let signature = key.sign(digest, &[&tbs])?;
    let signed = SignedCertificate {
        tbs: Any::from_der(&tbs)?,
        algorithm: algorithm(digest, key.spki())?,
        signature: BitString::from_bytes(&signature)?,
    };
    Ok(Certificate::from_der(&signed.to_der()?)?)
}

/// `O=Cisco Systems, Inc.`, `OU=IPCBU`, `CN=SAST-...` with its blanks.
fn subject(name: &str) -> Result<RdnSequence, der::Error> {
    let mut sequence = RdnSequence::default();
    for (oid, text) in [(O, "Cisco Systems, Inc."), (OU, "IPCBU"), (CN, &format!("{name}{BLANKS}"))] {
        let mut set = der::asn1::SetOfVec::new();
        set.insert(AttributeTypeAndValue { oid, value: Any::from(Utf8StringRef::new(text)?) })?;
        sequence.push(RelativeDistinguishedName::from(set));
    }
    Ok(sequence)
}

fn extensions(public_key: &[u8], comment: Option<usize>) -> Result<Vec<Extension>, der::Error> {
    let mut all = Vec::with_capacity(4);
    let mut push = |extn_id, value: Vec<u8>| {
        all.push(Extension { extn_id, critical: false, extn_value: OctetString::new(value)? });
        Ok::<(), der::Error>(())
    };
    push(KEY_USAGE, KeyUsage(KeyUsages::DigitalSignature | KeyUsages::KeyEncipherment).to_der()?)?;
    push(EXTENDED_KEY_USAGE, ExtendedKeyUsage(vec![Purpose::ClientAuth.oid()]).to_der()?)?;
    push(SUBJECT_KEY_IDENTIFIER, OctetString::new(sha1(public_key))?.to_der()?)?;
    if let Some(length) = comment {
        push(COMMENT, Ia5StringRef::new(&"x".repeat(length))?.to_der()?)?;
    }
    Ok(all)
}
