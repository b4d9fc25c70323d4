//! The CTL of the cluster, as a CTL client or the publisher signed it.

use super::Kept;

/// A CTL that the provider took, or that the publisher signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CtlFileRow {
    /// The file.
    pub file: Kept,
    /// The value that `ClusterSecurityMode` gets with it.
    pub security_mode: String,
    /// Who brought it, and from where.
    pub taken_from: String,
    /// Milliseconds since 1970 UTC.
    pub taken_at: i64,
    /// The last renewal that it tells of; 0 when that is not known.
    pub renewal: i64,
    /// Whether every node has it.
    pub on_all_nodes: bool,
}
