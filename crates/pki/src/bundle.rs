//! The door for files of certificates: bytes in any encoding in, certificates out. Who takes a file takes it here.
//!
//! What comes out can be written as a row and read back, and is read by OpenSSL too, which the servers hand it to.

use openssl::x509::X509;

use crate::certificate::{Certificate, CertificateError};
use crate::file_kind::{FileKind, is_der};
use crate::pem::{self, Block, PemError};
use crate::tlv::{Reader, SEQUENCE};

/// Certificates in one file at most: a bundle of all roots of Cisco has about thirty.
pub const CHAIN_LIMIT: usize = 200;

/// Bytes of such a file at most: [`CHAIN_LIMIT`] certificates of 4 kB in PEM.
pub const CHAIN_BYTES: usize = 1 << 20;

/// Bytes of a subject or issuer at most. RFC 5280 (A.1) allows 64 to 128 letters in each of a handful of attributes; a record of a list has
/// to hold both names \[inferred\].
pub const NAME_LIMIT: usize = 4096;

/// Cisco's words for a PKCS#7 chain in PEM, and what to do [sources/certificates#upload].
pub const PKCS7_IN_PEM: &str = "The system does not support PEM format of PKCS#7 Certificate Chain. Write it as DER, `openssl pkcs7 \
                                -outform DER`, or give the certificate alone as PEM";

/// Why a file of certificates is not taken; to be read behind the name of the file, or behind *It*.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// No certificate in it.
    #[error("holds no certificate; give PEM with -----BEGIN CERTIFICATE-----")]
    Empty,
    /// It is something else.
    #[error("{0}")]
    Kind(FileKind),
    /// Above a limit.
    #[error("{0}")]
    TooMuch(String),
    /// The lines around the bytes are wrong.
    #[error("cannot be read: {}{error}", if *.number > 1 { format!("certificate {number}: ") } else { String::new() })]
    Lines {
        /// Which certificate it would be, from 1.
        number: usize,
        /// What is wrong.
        error: PemError,
    },
    /// One of them does not parse.
    #[error("cannot be read: certificate {number}: {}", error.reason())]
    Unreadable {
        /// Which one, from 1.
        number: usize,
        /// What is wrong.
        error: CertificateError,
    },
}

/// All certificates of a file in their order, each once: PEM, or one in DER. One bad certificate refuses all.
///
/// # Errors
/// [`FileError`].
pub fn certificates(bytes: &[u8]) -> Result<Vec<Certificate>, FileError> {
    let mut all: Vec<Certificate> = Vec::new();
    for (number, one) in (1..).zip(read(bytes)?) {
        if number > CHAIN_LIMIT {
            let text = format!("holds more than {CHAIN_LIMIT} certificates, which are taken at once");
            return Err(FileError::TooMuch(text));
        }
        let one = admit(number, one?)?;
        if !all.contains(&one) {
            all.push(one);
        }
    }
    if all.is_empty() { Err(nothing(bytes)) } else { Ok(all) }
}

/// The first certificate of a file; others behind it are not looked at.
///
/// # Errors
/// [`FileError`].
pub fn first(bytes: &[u8]) -> Result<Certificate, FileError> {
    let found = read(bytes)?.next().unwrap_or_else(|| Err(nothing(bytes)))?;
    admit(1, found)
}

/// The first certificate of a PEM text, without the limits of the door: what has passed it once is read for ever.
pub(crate) fn first_of_pem(text: &[u8]) -> Result<Certificate, FileError> {
    in_pem(text).next().unwrap_or_else(|| Err(nothing(text)))
}

/// The certificates of PKCS#7 come through here too.
pub(crate) fn admit(number: usize, found: Certificate) -> Result<Certificate, FileError> {
    let parts = found.parts();
    for (what, name) in [("subject", &parts.subject), ("issuer", &parts.issuer)] {
        let size = name.der().len();
        if size > NAME_LIMIT {
            let text =
                format!("has a certificate {number} whose {what} of {size} bytes is above the limit of {NAME_LIMIT}");
            return Err(FileError::TooMuch(text));
        }
    }
    // Our reader takes nothing that OpenSSL does not; should another version of it be stricter, the file is refused here and not
    // when a server wants to show the certificate.
    match X509::from_der(found.der()) {
        Ok(_) => Ok(found),
        Err(error) => {
            let error = CertificateError::NotX509(format!("OpenSSL does not read it ({error})"));
            Err(FileError::Unreadable { number, error })
        }
    }
}

type Found<'a> = Box<dyn Iterator<Item = Result<Certificate, FileError>> + 'a>;

fn read(bytes: &[u8]) -> Result<Found<'_>, FileError> {
    if bytes.len() > CHAIN_BYTES {
        return Err(FileError::TooMuch(format!(
            "has {} bytes, which are above the limit of {CHAIN_BYTES}",
            bytes.len()
        )));
    }
    if !is_der(bytes) {
        return Ok(Box::new(in_pem(bytes)));
    }
    let one = Certificate::from_der(bytes).map_err(|error| match FileKind::of(bytes) {
        // Only one that looks like a certificate has a reason of its own.
        FileKind::Certificate | FileKind::Der => FileError::Unreadable { number: 1, error },
        other => FileError::Kind(other),
    });
    Ok(Box::new(std::iter::once(one)))
}

fn in_pem(text: &[u8]) -> impl Iterator<Item = Result<Certificate, FileError>> {
    let mut number = 0;
    pem::blocks(text).filter_map(move |block| match block {
        Ok(block) if is_certificate(block.label) => {
            number += 1;
            Some(in_block(number, &block))
        }
        Ok(_) => None,
        Err(error) => Some(Err(FileError::Lines { number: number + 1, error })),
    })
}

/// The labels that `PEM_read_bio_X509_AUX` takes.
fn is_certificate(label: &str) -> bool {
    matches!(label, "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE")
}

fn in_block(number: usize, block: &Block<'_>) -> Result<Certificate, FileError> {
    let bytes = block.decode().map_err(|error| FileError::Lines { number, error })?;
    let mut rest = Reader(&bytes);
    let der = match rest.any("the certificate") {
        // Behind it `openssl x509 -trustout` writes for what it is trusted: one more SEQUENCE, which says nothing here.
        Ok(value) if value.tag == SEQUENCE && rest.take(SEQUENCE, "").is_ok() && rest.peek().is_none() => value.whole,
        _ => bytes.as_slice(),
    };
    Certificate::from_der(der).map_err(|error| match FileKind::of(der) {
        FileKind::Certificate | FileKind::Der | FileKind::Unknown => FileError::Unreadable { number, error },
        // Certificate services of Windows have written chains under this label.
        FileKind::Pkcs7 => FileError::Kind(FileKind::Pem("PKCS7".to_owned())),
        other => FileError::Kind(other),
    })
}

/// Why there is no certificate in a file without a broken one.
fn nothing(bytes: &[u8]) -> FileError {
    match FileKind::of(bytes) {
        FileKind::Text | FileKind::Unknown | FileKind::Empty | FileKind::Certificate | FileKind::Der => {
            pem::why_none(bytes).map_or(FileError::Empty, |error| FileError::Lines { number: 1, error })
        }
        other => FileError::Kind(other),
    }
}
