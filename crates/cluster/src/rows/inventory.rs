//! A page of what was issued to phones, and what is looked for.

use super::LscState;

/// An LSC without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LscLine {
    /// Key of the row.
    pub pkid: String,
    /// Name of the device.
    pub device: String,
    /// Serial number, lower-case hexadecimal.
    pub serial: String,
    /// Subject, in the form of a row.
    pub subject: String,
    /// Issuer, in the form of a row.
    pub issuer: String,
    /// SHA-256 of the CAPF certificate that issued it, lower-case hexadecimal.
    pub issuer_fingerprint: String,
    /// First second of validity since 1970 UTC.
    pub not_before: i64,
    /// Last second of validity since 1970 UTC.
    pub not_after: i64,
    /// SHA-256, lower-case hexadecimal; `None` until it was signed.
    pub fingerprint: Option<String>,
    /// What became of it.
    pub state: LscState,
}

/// Which LSCs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LscFilter {
    /// Name of the device; empty for all.
    pub device: String,
    /// A part of the subject; empty for all. Case of ASCII letters does not matter.
    pub subject: String,
    /// A part of the issuer; empty for all.
    pub issuer: String,
    /// The last second of validity is this one or earlier, seconds since 1970 UTC.
    pub expires_by: Option<i64>,
    /// Only those that a phone may hold: signed or confirmed.
    pub held: bool,
}
