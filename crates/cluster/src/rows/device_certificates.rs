//! Certificates that phones have shown.

use super::Kept;

/// A certificate that a phone has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceCertificateRow {
    /// Name of the device.
    pub device: String,
    /// What it is.
    pub kind: ShownKind,
    /// The certificate, PEM.
    pub pem: Kept,
    /// SHA-256 of the DER, lower-case hexadecimal.
    pub fingerprint: String,
    /// Last second of validity since 1970 UTC.
    pub not_after: i64,
    /// When it was shown last, milliseconds since 1970 UTC.
    pub seen_at: i64,
}

/// How a certificate was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ShownKind {
    /// The MIC, with a proof of its key.
    Mic,
    /// By a troubleshoot operation, without a proof: to be looked at, never to be relied on.
    Fetched,
}

impl ShownKind {
    /// The word of the row.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Mic => "MIC",
            Self::Fetched => "FETCHED",
        }
    }
}
