//! Configs by hand that do not fit.

/// A config that somebody wrote by hand, and what keeps it from saying what it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfit {
    /// Name of the device.
    pub device: String,
    /// The file and the reason, one sentence.
    pub reason: String,
}
