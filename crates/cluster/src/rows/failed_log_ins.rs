//! Wrong passwords of late, by account and address.

/// The wrong passwords of one address for an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedLogInRow {
    /// The account, or a hash of a name that is none.
    pub account: String,
    /// From where.
    pub address: String,
    /// How many in a row.
    pub wrong: i64,
    /// The last one, milliseconds since 1970 UTC.
    pub last_at: i64,
    /// None is looked at from there before this time, milliseconds since 1970 UTC.
    pub locked_until: i64,
    /// Those that the audit log does not tell of yet.
    pub unnoted: i64,
    /// When it told of them last, milliseconds since 1970 UTC.
    pub noted_at: i64,
}
