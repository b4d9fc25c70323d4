//! Resets that are owed to phones because a certificate changed.

/// A change that phones have to be reset for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingResetRow {
    /// Number, ascending.
    pub seq: i64,
    /// When it changed, milliseconds since 1970 UTC.
    pub at: i64,
    /// Name of the node.
    pub server_name: String,
    /// The unit, number of `typecertificateservice`.
    pub service: i64,
    /// The new certificate: SHA-256 of the DER, lower-case hexadecimal.
    pub fingerprint: String,
    /// Serial number of the one before, lower-case hexadecimal; empty when there was none.
    pub old_serial: String,
}
