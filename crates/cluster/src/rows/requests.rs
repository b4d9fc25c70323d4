//! Requests to external CAs: one waits per node and unit, those before it are kept.

use super::Kept;

/// A certificate request of a node and unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestRow {
    /// Key of the node.
    pub node: String,
    /// Number of the unit in `typecertificateservice`.
    pub service: i64,
    /// The request, PEM.
    pub pem: Kept,
    /// Name of its key in the key store of the node, lower-case hexadecimal.
    pub key_id: String,
    /// Whether the certificate is for this unit of all nodes.
    pub multi_server: bool,
    /// Where it stands.
    pub state: RequestState,
    /// Milliseconds since 1970 UTC.
    pub created_at: i64,
}

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestState {
    /// It waits for its certificate.
    Waiting,
    /// Another one was made after it. Its key is still there.
    Replaced,
    /// Its certificate was uploaded.
    Used,
}

impl RequestState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Waiting, Self::Replaced, Self::Used];

    /// The word of the row.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Replaced => "replaced",
            Self::Used => "used",
        }
    }
}
