//! Renewals in their order, the lists that tell of them, and the phones that have fetched those.

/// An own certificate took the place of another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenewalRow {
    /// Number, ascending.
    pub seq: i64,
    /// When, milliseconds since 1970 UTC.
    pub at: i64,
    /// Name of the node.
    pub server_name: String,
    /// The unit, number of `typecertificateservice`.
    pub service: i64,
}

/// A list that a phone fetched to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedListRow {
    /// Name of the phone.
    pub device: String,
    /// `CTL` or `ITL`.
    pub kind: String,
    /// SHA-256 of its bytes, lower-case hexadecimal.
    pub digest: String,
    /// Name of the node that gave it.
    pub server_name: String,
    /// Where the phone asked from.
    pub address: String,
    /// When, milliseconds since 1970 UTC.
    pub fetched_at: i64,
}

/// A phone that nobody added has fetched a list, and then a config.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StrangerListRow {
    /// The list.
    pub list: FetchedListRow,
    /// Whether the config is its own, which names TVS for it; else it is `XMLDefault.cnf.xml`.
    pub tvs: bool,
    /// Whether the phone can check the list with the one that it held before; else it holds that one still.
    pub believed: bool,
}

/// A phone, and what is known of its list of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldListRow {
    /// Name of the phone.
    pub device: String,
    /// Whether it is a device of the cluster; else nobody added it.
    pub known: bool,
    /// Whether the config that it fetched last is known to name TVS for it.
    pub tvs: bool,
    /// What it fetched last; `None` when it was never seen to fetch one.
    pub fetched: Option<FetchedListRow>,
    /// Whether a node gives out this very list now.
    pub current: bool,
    /// The last renewal that the list tells of; -1 for a list that no node here has made, and for none.
    pub renewal: i64,
}
