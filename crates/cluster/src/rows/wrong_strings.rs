//! Wrong authentication strings, by device and address.

/// The wrong strings of one address for a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongStringsRow {
    /// Name of the device.
    pub device: String,
    /// From where.
    pub address: String,
    /// The schedule of the device that they were for.
    pub scheduled_at: i64,
    /// How many in the last day.
    pub wrong: i64,
    /// The last one, milliseconds since 1970 UTC.
    pub last_at: i64,
    /// No string is taken from there before this time, milliseconds since 1970 UTC.
    pub locked_until: i64,
}
