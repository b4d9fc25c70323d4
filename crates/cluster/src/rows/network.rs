//! Another name, domain or address for a node, and the values that settings had before.

/// A value that a command has put another one in place of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormerSettingRow {
    /// `address`, `hostname`, `domain`, `release`, or the name of a parameter.
    pub setting: String,
    /// Key of the node; empty for what is the same on all nodes.
    pub node: String,
    /// The value.
    pub value: String,
}
