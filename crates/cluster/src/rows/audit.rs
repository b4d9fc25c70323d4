//! An entry of the audit log.

/// Somebody did something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// Number, ascending from 1 without gaps.
    pub seq: i64,
    /// When, milliseconds since 1970 UTC.
    pub at: i64,
    /// Who.
    pub actor: String,
    /// What, as a command.
    pub command: String,
    /// How it ended.
    pub result: String,
    /// SHA-256 over the hash before it and all fields, lower-case hexadecimal.
    pub hash: String,
}
