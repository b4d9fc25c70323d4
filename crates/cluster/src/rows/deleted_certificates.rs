//! Tombstones of trust stores: what was deleted by hand does not come back by itself.

use super::Kept;

/// An entry of a trust store that was deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletedCertificateRow {
    /// SHA-256 of the DER, lower-case hexadecimal.
    pub fingerprint: String,
    /// The trust store, number of `typecertificateservice`.
    pub service: i64,
    /// The certificate, PEM.
    pub pem: Kept,
    /// The name that it had there.
    pub file: String,
    /// Friendly name.
    pub description: String,
    /// Name of the node it came from.
    pub server_name: String,
    /// Address of that node.
    pub address: String,
    /// How long phones might keep an answer about it, seconds.
    pub time_to_live: i64,
    /// When it was deleted, milliseconds since 1970 UTC.
    pub deleted_at: i64,
    /// Who deleted it.
    pub deleted_by: String,
}
