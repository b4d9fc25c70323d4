//! The steps of a session of CAPF, as they are written.

use super::NewLsc;

/// An intent with the schedule that it belongs to.
#[derive(Debug, Clone, Copy)]
pub struct Intent<'a> {
    /// What is to be signed.
    pub new: &'a NewLsc,
    /// When the operation of the device was scheduled.
    pub scheduled_at: i64,
    /// Now, milliseconds since 1970 UTC.
    pub now: i64,
}

/// A certificate that was signed.
#[derive(Debug, Clone, Copy)]
pub struct Attachment<'a> {
    /// Key of the row of its intent.
    pub key: &'a str,
    /// The certificate, PEM.
    pub pem: &'a str,
    /// SHA-256 of the DER, lower-case hexadecimal.
    pub fingerprint: &'a str,
    /// Now, milliseconds since 1970 UTC.
    pub now: i64,
}

/// A certificate that the phone has stored.
#[derive(Debug, Clone, Copy)]
pub struct Confirmation<'a> {
    /// Key of its row.
    pub key: &'a str,
    /// Name of the device.
    pub device: &'a str,
    /// Its public key, PEM.
    pub public_key: &'a str,
    /// When the operation that it ends was scheduled; -1: it ends none.
    pub scheduled_at: i64,
    /// `typecertificatestatus` of the device when it ends its operation.
    pub status: i64,
    /// The new `versionStamp` of the config.
    pub version_stamp: &'a str,
    /// Now, milliseconds since 1970 UTC.
    pub now: i64,
}
