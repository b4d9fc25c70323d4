//! Alarms that stand, ITLs that were reset, ITLRecovery keys that were backed up.

/// An alarm that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandingAlarmRow {
    /// Its name, such as `UC_CERT-4-ITLRecoveryCertBackup`.
    pub name: String,
    /// What it is about; may be empty.
    pub subject: String,
    /// What happened, in words.
    pub text: String,
    /// When it was raised, milliseconds since 1970 UTC.
    pub raised_at: i64,
}
