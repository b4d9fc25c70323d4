//! Certificates of CAs: what they must be, chains of them.

use crate::certificate::Certificate;
use crate::profile::Usage;

/// CAs above a certificate at most: real ones have two.
pub const CHAIN_DEPTH: usize = 8;

/// Whether a certificate may sign others: BasicConstraints CA:TRUE, and keyCertSign where KeyUsage says anything.
#[must_use]
pub fn is_authority(certificate: &Certificate) -> bool {
    let said = certificate.extensions();
    said.ca == Some(true) && said.usages.is_none_or(|usages| usages.contains(Usage::KeyCertSign.name()))
}

/// Whether a certificate carries the name (RFC 5280 7.1) and the signature of an issuer.
#[must_use]
pub fn is_issued_by(certificate: &Certificate, issuer: &Certificate) -> bool {
    certificate.names_as_issuer(issuer) && certificate.is_signed_by(issuer)
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
