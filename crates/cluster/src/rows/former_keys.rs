//! Keys whose certificates were replaced: what a file in `keys/` was for, and which record of a CTL was once a node's.

/// A key that was replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormerKeyRow {
    /// Name of its file, lower-case hexadecimal.
    pub key_id: String,
    /// Name of the node.
    pub server_name: String,
    /// The unit, number of `typecertificateservice`.
    pub service: i64,
    /// Subject of its last certificate.
    pub subject: String,
    /// Serial number of its last certificate, lower-case hexadecimal.
    pub serial: String,
    /// When it was replaced, milliseconds since 1970 UTC.
    pub replaced_at: i64,
}
