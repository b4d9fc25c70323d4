//! Alarms on their way: the number of a line, and what a receiver has not taken yet.

/// An alarm that stands or stood, and that receivers were told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldAlarmRow {
    /// Name of the alarm.
    pub name: String,
    /// What it is about; may be empty.
    pub subject: String,
    /// The node that raised it: key of its row.
    pub node: String,
    /// What happened, in words.
    pub message: String,
}

/// An alarm that waits for a receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UndeliveredRow {
    /// Number, ascending.
    pub seq: i64,
    /// Name of the alarm.
    pub alarm: String,
    /// Severity of syslog, 0 to 7.
    pub severity: u8,
    /// Its line in `alarms.log`.
    pub text: String,
    /// When it was raised, milliseconds since 1970 UTC.
    pub at: i64,
}
