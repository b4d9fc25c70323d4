//! Devices, groups of nodes, phones that are not known.

/// A phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceRow {
    /// Name, `SEP` and twelve digits as a rule.
    pub name: String,
    /// Text for people.
    pub description: String,
    /// Model, such as `8861`.
    pub model: String,
    /// Protocol: the number that the config writes.
    pub protocol: i64,
    /// Device security mode 1, 2 or 3.
    pub security_mode: i64,
    /// `typecertificatestatus`.
    pub certificate_status: i64,
    /// Name of its group of nodes.
    pub group: String,
    /// `versionStamp` of its config.
    pub version_stamp: String,
}

/// A group of up to three nodes, in the order in which phones use them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRow {
    /// Name.
    pub name: String,
    /// Names of the nodes.
    pub nodes: Vec<String>,
}

/// A phone that asked and is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownDeviceRow {
    /// Name, from the file it asked for.
    pub name: String,
    /// The last file it asked for.
    pub last_file: String,
    /// Where from.
    pub last_address: String,
    /// First request, milliseconds since 1970 UTC.
    pub first_seen: i64,
    /// Last request, milliseconds since 1970 UTC.
    pub last_seen: i64,
    /// How often it asked.
    pub requests: i64,
}
