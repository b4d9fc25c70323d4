//! Certificates in a PKCS#7 bundle (RFC 2315 9.1, "certs only"), DER.

use openssl::pkcs7::Pkcs7;

use crate::certificate::{Certificate, CertificateError};
use crate::lsc::authority::{CHAIN_BYTES, CHAIN_LIMIT, ChainError};

/// The certificates of a PKCS#7 bundle in their order. Nothing is said about signatures, neither theirs nor the bundle's.
///
/// # Errors
/// [`ChainError`]: not PKCS#7 signed data, above a limit, no certificate in it, one that does not parse.
pub fn certificates(der: &[u8]) -> Result<Vec<Certificate>, ChainError> {
    let unreadable =
        |number: usize, reason: String| ChainError::Unreadable { number, error: CertificateError::NotX509(reason) };
    if der.len() > CHAIN_BYTES {
        return Err(ChainError::TooMuch(format!("{} bytes are above the limit of {CHAIN_BYTES}", der.len())));
    }
    let bundle = Pkcs7::from_der(der).map_err(|error| unreadable(1, error.to_string()))?;
    let Some(stack) = bundle.signed().and_then(|signed| signed.certificates()) else {
        return Err(ChainError::Empty);
    };
    if stack.len() > CHAIN_LIMIT {
        return Err(ChainError::TooMuch(format!("{} certificates, {CHAIN_LIMIT} are taken at once", stack.len())));
    }
    let mut all = Vec::with_capacity(stack.len());
    for (number, x509) in (1..).zip(stack) {
        let der = x509.to_der().map_err(|error| unreadable(number, error.to_string()))?;
        all.push(Certificate::from_der(&der).map_err(|error| ChainError::Unreadable { number, error })?);
    }
    if all.is_empty() { Err(ChainError::Empty) } else { Ok(all) }
}
