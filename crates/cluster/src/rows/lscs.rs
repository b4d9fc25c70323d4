//! LSCs: every certificate that was ever to be signed for a device, and what became of it.

use super::Kept;

/// What became of an LSC: `typelscstate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(i64)]
pub enum LscState {
    /// The to-be-signed bytes are on record. No certificate was given to anybody.
    Intended = 1,
    /// Signed, and sent to the phone, which may have stored it or not.
    Signed = 2,
    /// The phone has stored it: the current one.
    Confirmed = 3,
    /// A later one took its place, or an intent that came to nothing.
    Superseded = 4,
    /// The phone has deleted it, or an administrator gave it up.
    Deleted = 5,
}

impl LscState {
    pub const fn from_number(number: i64) -> Option<Self> {
        Some(match number {
            1 => Self::Intended,
            2 => Self::Signed,
            3 => Self::Confirmed,
            4 => Self::Superseded,
            5 => Self::Deleted,
            _ => return None,
        })
    }
}

/// An LSC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LscRow {
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
    /// TBSCertificate, base64 of the DER; empty for one that another program issued.
    pub to_be_signed: String,
    /// The certificate, PEM; `None` until it was signed.
    pub pem: Option<Kept>,
    /// What became of it.
    pub state: LscState,
    /// When it was intended, milliseconds since 1970 UTC.
    pub created_at: i64,
    /// When its state changed, milliseconds since 1970 UTC.
    pub changed_at: i64,
}

/// An LSC to be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLsc {
    /// Name of the device.
    pub device: String,
    /// Serial number, lower-case hexadecimal.
    pub serial: String,
    /// Subject, in the form of a row.
    pub subject: String,
    /// Issuer, in the form of a row.
    pub issuer: String,
    /// SHA-256 of the CAPF certificate that will sign it, lower-case hexadecimal.
    pub issuer_fingerprint: String,
    /// First second of validity since 1970 UTC.
    pub not_before: i64,
    /// Last second of validity since 1970 UTC.
    pub not_after: i64,
    /// TBSCertificate, base64 of the DER.
    pub to_be_signed: String,
}
