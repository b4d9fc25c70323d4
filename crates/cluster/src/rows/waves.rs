//! Waves: one operation for many devices, in batches, so that it can be stopped and gone on with.

/// A wave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaveRow {
    /// Number, ascending from 1.
    pub number: i64,
    /// `running`, `stopped` or `done`.
    pub state: String,
    /// Why it stopped; empty while it has not.
    pub reason: String,
    /// Devices in a batch.
    pub batch_size: i64,
    /// Failures in per cent of the finished devices above which it stops.
    pub stop_at: i64,
    /// `typeauthenticationmode`.
    pub mode: i64,
    /// Milliseconds that a device has from the start of its batch.
    pub time_allowed: i64,
    /// Milliseconds since 1970 UTC.
    pub started_at: i64,
}

/// A device of a wave, with what its own row says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaveDeviceRow {
    /// Name of the device.
    pub device: String,
    /// Number of its batch, from 1.
    pub batch: i64,
    /// `planned`, `scheduled`, `done` or `failed`.
    pub state: String,
    /// When its operation was scheduled by the wave; 0 before.
    pub scheduled_at: i64,
    /// `typecertificatestatus` of the device now; `None` when the device is gone.
    pub status: Option<i64>,
    /// When the schedule of the device was made, whoever made it.
    pub device_scheduled_at: Option<i64>,
}
