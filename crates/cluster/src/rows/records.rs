//! Changes for those who listen.

/// Something changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeRow {
    /// Number, ascending.
    pub seq: i64,
    /// When, milliseconds since 1970 UTC.
    pub at: i64,
    /// What kind of thing: `certificate`, `parameter`, `device`, `service`, `list`, `reset`.
    pub kind: String,
    /// Which one.
    pub subject: String,
}
