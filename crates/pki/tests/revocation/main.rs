//! What lists and responses of OpenSSL say of certificates.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // tests may stop at the first surprise

mod authority;
mod lists;
mod responses;

use pki::Certificate;
use pki::revocation::RevocationStatus;

/// Seconds of a day.
pub const DAY: u64 = 86_400;

/// A minute after a certificate begins: OpenSSL dates by the clock of the machine.
pub fn soon(certificate: &Certificate) -> u64 {
    certificate.validity().0 + 60
}

/// Why nothing is known.
pub fn unknown(status: RevocationStatus) -> String {
    match status {
        RevocationStatus::Unknown(reason) => reason,
        other => panic!("{other:?}"),
    }
}
