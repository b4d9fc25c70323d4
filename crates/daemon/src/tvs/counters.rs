//! What phones did, for metrics and tests.

use std::sync::atomic::{AtomicU64, Ordering};

use wire::tvs::{Tolerance, Tolerated};

/// Counts since the server started. Reading them costs nothing and blocks nobody; they are not a consistent picture of
/// one moment.
#[derive(Debug, Default)]
pub struct TvsCounters {
    pub(super) connections: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) made_room: AtomicU64,
    pub(super) handshakes: AtomicU64,
    pub(super) resumed: AtomicU64,
    pub(super) handshakes_failed: AtomicU64,
    pub(super) verify: AtomicU64,
    pub(super) query: AtomicU64,
    pub(super) not_valid: AtomicU64,
    pub(super) timed_out: AtomicU64,
    pub(super) malformed: AtomicU64,
    tolerated: [AtomicU64; Tolerance::ALL.len()],
}

impl TvsCounters {
    /// Connections taken, those refused by a limit not among them.
    #[must_use]
    pub fn connections(&self) -> u64 {
        read(&self.connections)
    }

    /// Connections closed because of a limit.
    #[must_use]
    pub fn refused(&self) -> u64 {
        read(&self.refused)
    }

    /// Silent connections closed because others needed their places.
    #[must_use]
    pub fn made_room(&self) -> u64 {
        read(&self.made_room)
    }

    /// Handshakes that succeeded, resumed ones among them.
    #[must_use]
    pub fn handshakes(&self) -> u64 {
        read(&self.handshakes)
    }

    /// Handshakes that resumed a session: no private-key operation.
    #[must_use]
    pub fn resumed(&self) -> u64 {
        read(&self.resumed)
    }

    /// Handshakes that failed or took too long.
    #[must_use]
    pub fn handshakes_failed(&self) -> u64 {
        read(&self.handshakes_failed)
    }

    /// VERIFY requests answered.
    #[must_use]
    pub fn verify(&self) -> u64 {
        read(&self.verify)
    }

    /// QUERY requests answered.
    #[must_use]
    pub fn query(&self) -> u64 {
        read(&self.query)
    }

    /// Of both, those answered with "not valid".
    #[must_use]
    pub fn not_valid(&self) -> u64 {
        read(&self.not_valid)
    }

    /// Connections closed because no whole request came, or the answer was not taken, in time.
    #[must_use]
    pub fn timed_out(&self) -> u64 {
        read(&self.timed_out)
    }

    /// Connections closed because of bytes that are no request.
    #[must_use]
    pub fn malformed(&self) -> u64 {
        read(&self.malformed)
    }

    /// Requests with this deviation that were answered all the same.
    #[must_use]
    pub fn tolerated(&self, tolerance: Tolerance) -> u64 {
        self.tolerated.get(tolerance as usize).map_or(0, read)
    }

    pub(super) fn add_tolerated(&self, tolerated: Tolerated) {
        for tolerance in tolerated.iter() {
            if let Some(counter) = self.tolerated.get(tolerance as usize) {
                one(counter);
            }
        }
    }
}

pub(super) fn one(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
