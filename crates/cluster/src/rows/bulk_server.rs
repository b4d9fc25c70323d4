//! Where this cluster exchanges certificates with others.

/// The one place of exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkServerRow {
    /// Name or address of the SFTP server; empty for a directory of this machine.
    pub server: String,
    /// Port.
    pub port: i64,
    /// User.
    pub user: String,
    /// Password, sealed; empty for a directory.
    pub password: String,
    /// Directory there.
    pub path: String,
    /// The host key that is expected, `SHA256:...`; empty for a directory.
    pub host_key: String,
}
