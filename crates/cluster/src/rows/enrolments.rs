//! The CAPF block of a device: what is scheduled for it and how that ended.

use super::Kept;

/// `typecertificateoperation`: nothing is scheduled.
pub const NO_OPERATION: i64 = 1;

/// What CAPF knows of a device. Numbers are those of the type tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnrolmentRow {
    /// Name of the device.
    pub device: String,
    /// Model of the device, such as `8861`.
    pub model: String,
    /// `typecertificateoperation`.
    pub operation: i64,
    /// `typeauthenticationmode`.
    pub mode: i64,
    /// The authentication string, sealed; `None` when there is none.
    pub string: Option<String>,
    /// `typekeyorder`.
    pub key_order: i64,
    /// RSA size in bits.
    pub rsa_bits: i64,
    /// EC size in bits.
    pub ec_bits: i64,
    /// When the operation must be done, milliseconds since 1970 UTC.
    pub completes_by: Option<i64>,
    /// When it was scheduled: tells one schedule from another.
    pub scheduled_at: i64,
    /// Sessions that began to issue under this schedule.
    pub attempts: i64,
    /// No strings are taken before this time, milliseconds since 1970 UTC.
    pub locked_until: i64,
    /// The phone failed to make an EC key since it was said what keys it makes.
    pub ec_failed: bool,
    /// `typecertificatestatus`.
    pub status: i64,
    /// Public key of the current LSC, PEM.
    pub public_key: Option<String>,
    /// TFTP Encrypted Config.
    pub encrypted: bool,
    /// The MIC, PEM, when the phone has proven it.
    pub mic: Option<Kept>,
    /// An LSC that an offline CA signed under this schedule waits for the phone.
    pub resting: bool,
}

/// A schedule to be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleRow {
    /// `typecertificateoperation`.
    pub operation: i64,
    /// `typeauthenticationmode`.
    pub mode: i64,
    /// When it must be done, milliseconds since 1970 UTC; `None` when nothing is scheduled.
    pub completes_by: Option<i64>,
    /// When it was made, milliseconds since 1970 UTC.
    pub scheduled_at: i64,
    /// `typecertificatestatus`.
    pub status: i64,
    /// The new `versionStamp` of the config.
    pub version_stamp: String,
}

/// How an operation ended well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompletedRow<'a> {
    /// Name of the device.
    pub device: &'a str,
    /// `typecertificatestatus`.
    pub status: i64,
    /// `None`: stays as it is. `Some(None)`: there is none any more.
    pub public_key: Option<Option<&'a str>>,
    /// The new `versionStamp` of the config.
    pub version_stamp: &'a str,
}
