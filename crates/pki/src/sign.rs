//! Signing trust lists and config files: lay out, sign, attach.

use wire::digest::{DigestId, Modulus};
use wire::header::{Encryption, HeaderSpec, Layout, SignerId, Unsigned, Version};
use wire::trust_list::{RecordSpec, TrustList, write_records};

use crate::certificate::Certificate;
use crate::name::NameForm;
use crate::signer::{SignError, Signer};

/// Who signs: a certificate and the key that belongs to it.
#[derive(Clone, Copy)]
pub struct SigningIdentity<'a> {
    certificate: &'a Certificate,
    signer: &'a dyn Signer,
    modulus: Modulus,
}

impl<'a> SigningIdentity<'a> {
    /// Puts certificate and key together.
    ///
    /// # Errors
    /// [`SignError`]: not an RSA key for PKCS#1 v1.5 of a size that a header can announce, or the key is of another certificate.
    pub fn new(certificate: &'a Certificate, signer: &'a dyn Signer) -> Result<Self, SignError> {
        let unsuitable = || SignError::Unsuitable(certificate.key_kind().to_string());
        let modulus = certificate.rsa_bits().and_then(Modulus::from_bits).ok_or_else(unsuitable)?;
        if certificate.spki() != signer.spki() {
            return Err(SignError::KeyOfAnother(certificate.subject(NameForm::Cucm)));
        }
        Ok(Self { certificate, signer, modulus })
    }

    /// The certificate.
    #[must_use]
    pub fn certificate(&self) -> &'a Certificate {
        self.certificate
    }

    /// SIGNERID in a form of names. The serial number of a token ([`NameForm::CtlClient`]) is reversed.
    #[must_use]
    pub fn signer_id(&self, form: NameForm) -> SignerId {
        self.certificate.with_fields(form, |fields| SignerId {
            name: fields.subject.as_bytes().to_vec(),
            serial: fields.serial.to_vec(),
            issuer: fields.issuer.as_bytes().to_vec(),
            modulus: self.modulus,
        })
    }

    /// Signs what was laid out.
    ///
    /// # Errors
    /// [`SignError`].
    pub fn sign(&self, unsigned: Unsigned) -> Result<Vec<u8>, SignError> {
        let signature = self.signer.sign(unsigned.digest(), &unsigned.to_be_signed())?;
        Ok(unsigned.attach(&signature)?)
    }
}

/// The form of names that goes with a layout.
#[must_use]
pub fn name_form(layout: Layout) -> NameForm {
    match layout {
        Layout::Cucm => NameForm::Cucm,
        Layout::Peer => NameForm::Peer,
    }
}

/// What a trust list says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListSpec<'a> {
    /// Order of fields and form of the signer's names.
    pub layout: Layout,
    /// Form of the signer's names, when it is not the one of the layout (a token).
    pub signer_form: Option<NameForm>,
    /// SIGNERVERSION.
    pub signer_version: Option<Version>,
    /// Digest of the signature.
    pub digest: DigestId,
    /// FILENAME: `CTLFile.tlv` or `ITLFile.tlv`, whatever the name it is served under.
    pub file_name: &'a str,
    /// TIMESTAMP, seconds since 1970 UTC.
    pub timestamp: u32,
}

/// Lays out a trust list; the records keep their order.
///
/// # Errors
/// [`SignError::Unwritable`].
pub fn lay_out_list(
    spec: &ListSpec<'_>,
    records: &[RecordSpec],
    identity: &SigningIdentity<'_>,
) -> Result<Unsigned, SignError> {
    let header = HeaderSpec {
        layout: spec.layout,
        version: Version::TRUST_LIST,
        signer_version: spec.signer_version,
        signer: identity.signer_id(spec.signer_form.unwrap_or_else(|| name_form(spec.layout))),
        digest: spec.digest,
        file_name: Some(spec.file_name.as_bytes().to_vec()),
        timestamp: Some(spec.timestamp),
        encryption: None,
        older_header: Vec::new(),
    };
    Ok(header.lay_out(write_records(records)?)?)
}

/// Builds and signs a trust list.
///
/// # Errors
/// [`SignError`].
pub fn sign_list(
    spec: &ListSpec<'_>,
    records: &[RecordSpec],
    identity: &SigningIdentity<'_>,
) -> Result<Vec<u8>, SignError> {
    identity.sign(lay_out_list(spec, records, identity)?)
}

/// The reset file of 10.x and 11.x: a second header, signed with a recovery key, in front of a whole trust list. Phones skip the
/// old header as padding [sources/trust-lists#reset-file]. The digest is that of the list.
///
/// # Errors
/// [`SignError`].
pub fn reset_list(list: &TrustList, identity: &SigningIdentity<'_>) -> Result<Vec<u8>, SignError> {
    let (old_header, records) = list.bytes().split_at(list.header().length().min(list.bytes().len()));
    let header = HeaderSpec {
        layout: Layout::Cucm,
        version: Version::TRUST_LIST,
        signer_version: None,
        signer: identity.signer_id(NameForm::Cucm),
        digest: list.header().digest().unwrap_or(DigestId::SHA1),
        file_name: None,
        timestamp: None,
        encryption: None,
        older_header: old_header.to_vec(),
    };
    identity.sign(header.lay_out(records.to_vec())?)
}

/// What a signed file says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSpec<'a> {
    /// Order of fields and form of names.
    pub layout: Layout,
    /// Digest of the signature.
    pub digest: DigestId,
    /// FILENAME: the name the phone asks for, with `.sgn`, with its folder if it asks with one.
    pub file_name: &'a str,
    /// TIMESTAMP, seconds since 1970 UTC.
    pub timestamp: u32,
}

/// Puts a signed header in front of a payload: a `.sgn` file.
///
/// # Errors
/// [`SignError`].
pub fn sign_file(spec: &FileSpec<'_>, payload: Vec<u8>, identity: &SigningIdentity<'_>) -> Result<Vec<u8>, SignError> {
    sign_payload(spec, Version::SIGNED, None, payload, identity)
}

/// The signed header alone, for a payload that comes in pieces and is not held in memory: with the payload behind it this is what
/// [`sign_file`] makes.
///
/// # Errors
/// [`SignError`], the first of a piece included.
pub fn sign_header(
    spec: &FileSpec<'_>,
    payload: &mut dyn Iterator<Item = Result<Vec<u8>, SignError>>,
    identity: &SigningIdentity<'_>,
) -> Result<Vec<u8>, SignError> {
    let unsigned = header(spec, Version::SIGNED, None, identity).lay_out(Vec::new())?;
    let head = unsigned.to_be_signed().concat();
    let mut pieces = std::iter::once(Ok(head)).chain(payload);
    let signature = identity.signer.sign_pieces(unsigned.digest(), &mut pieces)?;
    Ok(unsigned.attach(&signature)?)
}

pub(crate) fn sign_payload(
    spec: &FileSpec<'_>,
    version: Version,
    encryption: Option<Encryption>,
    payload: Vec<u8>,
    identity: &SigningIdentity<'_>,
) -> Result<Vec<u8>, SignError> {
    identity.sign(header(spec, version, encryption, identity).lay_out(payload)?)
}

fn header(
    spec: &FileSpec<'_>,
    version: Version,
    encryption: Option<Encryption>,
    identity: &SigningIdentity<'_>,
) -> HeaderSpec {
    HeaderSpec {
        layout: spec.layout,
        version,
        signer_version: None,
        signer: identity.signer_id(name_form(spec.layout)),
        digest: spec.digest,
        file_name: Some(spec.file_name.as_bytes().to_vec()),
        timestamp: Some(spec.timestamp),
        encryption,
        older_header: Vec::new(),
    }
}
