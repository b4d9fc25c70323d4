//! What `set web-security` has set for a node, and the default CAs that are switched off.

/// The parts of the subjects of a node's certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebSecurityRow {
    /// Key of the node.
    pub node: String,
    /// OU.
    pub org_unit: String,
    /// O.
    pub org_name: String,
    /// L.
    pub locality: String,
    /// ST.
    pub state: String,
    /// C.
    pub country: String,
    /// Another name, or an address, for the subjectAltName; empty for none.
    pub alternate_host_name: String,
}
