//! Certificates of CAs: what they must be, chains of them.

use openssl::error::ErrorStack;
use openssl::x509::X509;

use crate::certificate::{Certificate, CertificateError};
use crate::profile::Usage;

/// Certificates in one file at most: a bundle of all roots of Cisco has about thirty.
pub const CHAIN_LIMIT: usize = 200;

/// Bytes of such a file at most: [`CHAIN_LIMIT`] certificates of 4 kB in PEM.
pub const CHAIN_BYTES: usize = 1 << 20;

/// CAs above a certificate at most: real ones have two.
pub const CHAIN_DEPTH: usize = 8;

/// Why a file of certificates is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// No PEM certificate in it.
    #[error("holds no certificate; give PEM with -----BEGIN CERTIFICATE-----")]
    Empty,
    /// Above a limit.
    #[error("{0}")]
    TooMuch(String),
    /// One of them does not parse.
    #[error("certificate {number}: {error}")]
    Unreadable {
        /// Which one, from 1.
        number: usize,
        /// What is wrong.
        error: CertificateError,
    },
}

/// All certificates of a PEM text, in order; or the one of a DER file.
///
/// # Errors
/// [`ChainError`]; one bad certificate refuses all.
pub fn certificates(bytes: &[u8]) -> Result<Vec<Certificate>, ChainError> {
    if bytes.len() > CHAIN_BYTES {
        return Err(ChainError::TooMuch(format!("{} bytes are above the limit of {CHAIN_BYTES}", bytes.len())));
    }
    if bytes.first() == Some(&0x30) {
        let one = Certificate::from_der(bytes).map_err(|error| ChainError::Unreadable { number: 1, error })?;
        return Ok(vec![one]);
    }
    let unreadable = |number| {
        move |error: ErrorStack| ChainError::Unreadable { number, error: CertificateError::NotPem(error.to_string()) }
    };
    let stack = X509::stack_from_pem(bytes).map_err(unreadable(1))?;
    if stack.is_empty() {
        return Err(ChainError::Empty);
    }
    if stack.len() > CHAIN_LIMIT {
        return Err(ChainError::TooMuch(format!("{} certificates, {CHAIN_LIMIT} are taken at once", stack.len())));
    }
    let read = |(number, x509): (usize, &X509)| {
        let der = x509.to_der().map_err(unreadable(number))?;
        Certificate::from_der(&der).map_err(|error| ChainError::Unreadable { number, error })
    };
    (1..).zip(&stack).map(read).collect()
}

/// Whether a certificate may sign others: BasicConstraints CA:TRUE, and keyCertSign where KeyUsage says anything.
#[must_use]
pub fn is_authority(certificate: &Certificate) -> bool {
    let said = certificate.extensions();
    said.ca == Some(true) && said.usages.is_none_or(|usages| usages.contains(Usage::KeyCertSign.name()))
}

/// Whether a certificate carries the name and the signature of an issuer.
#[must_use]
pub fn is_issued_by(certificate: &Certificate, issuer: &Certificate) -> bool {
    if certificate.x509().tbs_certificate().issuer() != issuer.x509().tbs_certificate().subject() {
        return false;
    }
    certificate.is_signed_by(issuer)
}

/// The CAs above a certificate, from those that are known: up to the root, or as far as they reach; [`CHAIN_DEPTH`] at most.
#[must_use]
pub fn chain_above<'a>(certificate: &'a Certificate, known: &'a [Certificate]) -> Vec<&'a Certificate> {
    let mut chain: Vec<&Certificate> = Vec::new();
    let mut last = certificate;
    while !last.is_self_issued() && chain.len() < CHAIN_DEPTH {
        let above = known.iter().find(|ca| *ca != last && !chain.contains(ca) && is_issued_by(last, ca));
        let Some(above) = above else { break };
        chain.push(above);
        last = above;
    }
    chain
}
