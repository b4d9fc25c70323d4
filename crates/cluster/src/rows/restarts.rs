//! What wants restarts, and which of them were done.

/// Something changed on a node that wants restarts, or a step was done there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestartRow {
    /// Key of the node.
    pub node: String,
    /// The cause: the name of a unit, or `CTL`. Of a step that was done: its name.
    pub what: String,
    /// When, milliseconds since 1970 UTC.
    pub at: i64,
}
