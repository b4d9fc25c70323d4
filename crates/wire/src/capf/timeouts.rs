//! How long a phone may take.

use std::time::Duration;

/// Longest time of a stage or of a silence; keeps sums of instants in range whatever a setting says.
pub(super) const LONGEST: Duration = Duration::from_secs(86_400);

/// How long a phone may take for its part of a stage, from the request to the last byte of the answer. Bytes that
/// trickle in do not make it longer. What the caller takes for its answers does not count. More than a day counts as a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// From AUTH_REQUEST to AUTH_RESPONSE.
    pub authentication: Duration,
    /// From KEY_GENERATE_REQUEST to KEY_GENERATE_RESPONSE, however many REQUEST_IN_PROGRESS come between.
    pub key_generation: Duration,
    /// From any other request to its response.
    pub answer: Duration,
}

impl Default for Timeouts {
    /// 60 s, 10 minutes, 30 s: old phones need minutes for a long RSA key; nothing else takes more than writing some
    /// kilobytes to flash memory.
    fn default() -> Self {
        Self {
            authentication: Duration::from_secs(60),
            key_generation: Duration::from_secs(600),
            answer: Duration::from_secs(30),
        }
    }
}
