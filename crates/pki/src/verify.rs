//! Checking signatures. A file that parses becomes a verified one only here.

use wire::digest::DigestId;
use wire::header::HeaderView;
use wire::signed_file::SignedFile;
use wire::trust_list::TrustList;

use crate::certificate::Certificate;
use crate::hash::message_digest;

/// What a signature check found; the labels are those of the vectors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The signature holds.
    Valid,
    /// The signer is known, the signature does not hold.
    BadSignature,
    /// No SAST record of the signer in the list.
    Untrusted,
    /// A field that the check needs is missing or cannot be read: its name and what is wrong.
    Malformed(&'static str, String),
    /// DIGESTALGORITHM is not known.
    Unsupported(DigestId),
    /// The key of the signer is of a kind that phones do not verify with, whatever the signature: RSASSA-PSS, EC, an exponent of 1.
    KeyKind(String),
}

impl Verdict {
    /// The word for machines.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::BadSignature | Self::KeyKind(_) => "bad-signature",
            Self::Untrusted => "untrusted",
            Self::Malformed(..) => "malformed",
            Self::Unsupported(_) => "unsupported",
        }
    }

    /// Whether the signature holds.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        *self == Self::Valid
    }
}

/// Checks the signature of a file against one certificate.
#[must_use]
pub fn check(header: HeaderView<'_>, certificate: &Certificate) -> Verdict {
    let Some(digest) = header.digest() else {
        return Verdict::Malformed("DIGESTALGORITHM", "is missing or not one byte".to_owned());
    };
    let (Some(signature), Some(covered)) = (header.signature(), header.covered()) else {
        return Verdict::Malformed("SIGNATURE", "is missing".to_owned());
    };
    if message_digest(digest).is_none() {
        return Verdict::Unsupported(digest);
    }
    if certificate.rsa_bits().is_none() {
        return Verdict::KeyKind(certificate.key_kind().to_string());
    }
    // A signature of another size than the key is an error of the library and a bad signature for us.
    if certificate.verifies(digest, &covered, signature) { Verdict::Valid } else { Verdict::BadSignature }
}

/// A trust list held against its own SAST record. Whether that record is to be believed is another question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelfCheck {
    /// Index from 0 of the signer's record.
    pub signer_record: Option<usize>,
    /// The verdict.
    pub verdict: Verdict,
}

/// Checks a list with the certificate of its own SAST record.
#[must_use]
pub fn check_against_itself(list: &TrustList) -> SelfCheck {
    let found = list.signer_record();
    let signer_record = found.map(|(index, _)| index);
    let verdict = || {
        let header = list.header();
        if header.serial().is_none() {
            return Verdict::Malformed("SERIALNUMBER", "is missing".to_owned());
        }
        let Some((_, record)) = found else {
            return Verdict::Untrusted;
        };
        if header.signature().is_none() {
            return Verdict::Malformed("SIGNATURE", "is missing".to_owned());
        }
        match Certificate::from_der(record.certificate().unwrap_or_default()) {
            Ok(certificate) => check(header, &certificate),
            Err(error) => Verdict::Malformed("CERTIFICATE", error.to_string()),
        }
    };
    SelfCheck { signer_record, verdict: verdict() }
}

/// A trust list whose signature holds for a certificate that the caller believes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedTrustList {
    list: TrustList,
    signer: Certificate,
}

impl VerifiedTrustList {
    /// Checks `list` with `signer`.
    ///
    /// # Errors
    /// The verdict, never [`Verdict::Valid`].
    pub fn verify(list: TrustList, signer: &Certificate) -> Result<Self, Verdict> {
        match check(list.header(), signer) {
            Verdict::Valid => Ok(Self { list, signer: signer.clone() }),
            other => Err(other),
        }
    }

    /// The list.
    #[must_use]
    pub fn list(&self) -> &TrustList {
        &self.list
    }

    /// The list, given away.
    #[must_use]
    pub fn into_list(self) -> TrustList {
        self.list
    }

    /// The certificate that verified it.
    #[must_use]
    pub fn signer(&self) -> &Certificate {
        &self.signer
    }
}

/// A signed file whose signature holds for a certificate that the caller believes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedFile {
    file: SignedFile,
}

impl VerifiedFile {
    /// Checks `file` with `signer`.
    ///
    /// # Errors
    /// The verdict, never [`Verdict::Valid`].
    pub fn verify(file: SignedFile, signer: &Certificate) -> Result<Self, Verdict> {
        match check(file.header(), signer) {
            Verdict::Valid => Ok(Self { file }),
            other => Err(other),
        }
    }

    /// The payload.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        self.file.payload()
    }

    /// The file.
    #[must_use]
    pub fn file(&self) -> &SignedFile {
        &self.file
    }
}
