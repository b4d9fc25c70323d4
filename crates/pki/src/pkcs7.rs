//! Certificates in a PKCS#7 bundle (RFC 2315 9.1, "certs only"), DER.

use openssl::pkcs7::Pkcs7;

use crate::bundle::{CHAIN_BYTES, CHAIN_LIMIT, FileError, admit};
use crate::certificate::{Certificate, CertificateError};
use crate::file_kind::FileKind;

/// The certificates of a PKCS#7 bundle in their order. Nothing is said about signatures, neither theirs nor the bundle's.
///
/// # Errors
/// [`FileError`]: not PKCS#7 signed data, above a limit, no certificate in it, one that does not parse.
pub fn certificates(der: &[u8]) -> Result<Vec<Certificate>, FileError> {
    let unreadable =
        |number: usize, reason: String| FileError::Unreadable { number, error: CertificateError::NotX509(reason) };
    if der.len() > CHAIN_BYTES {
        return Err(FileError::TooMuch(format!("has {} bytes, which are above the limit of {CHAIN_BYTES}", der.len())));
    }
    let bundle = Pkcs7::from_der(der).map_err(|error| match FileKind::of(der) {
        FileKind::Pkcs7 => unreadable(1, error.to_string()),
        other => FileError::Kind(other),
    })?;
    let Some(stack) = bundle.signed().and_then(|signed| signed.certificates()) else {
        return Err(FileError::Empty);
    };
    if stack.len() > CHAIN_LIMIT {
        return Err(FileError::TooMuch(format!("holds {} certificates, {CHAIN_LIMIT} are taken at once", stack.len())));
    }
    let mut all = Vec::with_capacity(stack.len());
    for (number, x509) in (1..).zip(stack) {
        let der = x509.to_der().map_err(|error| unreadable(number, error.to_string()))?;
        let read = Certificate::from_der(&der).map_err(|error| FileError::Unreadable { number, error })?;
        all.push(admit(number, read)?);
    }
    if all.is_empty() { Err(FileError::Empty) } else { Ok(all) }
}
