//! Nodes, their services, the parameters of the cluster.

/// A node: one server of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeRow {
    /// Key of the row.
    pub pkid: String,
    /// Host name without domain.
    pub name: String,
    /// Domain behind the host name; empty when there is none.
    pub domain: String,
    /// IPv4 address as text.
    pub address: String,
    /// Number of the node, 1 for the publisher.
    pub number: i64,
    /// Whether it is the publisher.
    pub publisher: bool,
    /// Its directory below `nodes/`, for a subscriber: the name that it had at first.
    pub directory: String,
}

/// A service on a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceRow {
    /// Key of the node.
    pub node: String,
    /// Name of the service, as `utils service list` prints it.
    pub name: String,
    /// Whether it runs.
    pub started: bool,
    /// Whether it is activated.
    pub activated: bool,
    /// When it was last started, milliseconds since 1970 UTC.
    pub started_at: i64,
}
