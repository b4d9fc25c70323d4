//! What phones did, for metrics and tests.

use std::sync::atomic::{AtomicU64, Ordering};

use wire::capf::{Cause, Ended, Failure, Refusal, Tolerance, Tolerated};

/// Counts since the server started. Reading them costs nothing and blocks nobody; they are not a consistent picture of
/// one moment.
#[derive(Debug, Default)]
pub struct CapfCounters {
    pub(super) connections: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) made_room: AtomicU64,
    pub(super) handshakes: AtomicU64,
    pub(super) handshakes_failed: AtomicU64,
    installed: AtomicU64,
    deleted: AtomicU64,
    fetched: AtomicU64,
    nothing_pending: AtomicU64,
    waiting: AtomicU64,
    unknown_device: AtomicU64,
    limited: AtomicU64,
    internal: AtomicU64,
    phone_failed: AtomicU64,
    timed_out: AtomicU64,
    closed: AtomicU64,
    malformed: AtomicU64,
    failures: [AtomicU64; Failure::ALL.len()],
    tolerated: [AtomicU64; Tolerance::ALL.len()],
}

macro_rules! readers {
    ($($(#[$text:meta])* $name:ident),+ $(,)?) => {
        $($(#[$text])* #[must_use] pub fn $name(&self) -> u64 { read(&self.$name) })+
    };
}

impl CapfCounters {
    readers! {
        /// Connections taken, those refused by a limit not among them.
        connections,
        /// Connections closed because of a limit, before anything was read.
        refused,
        /// Connections closed before their first message because others needed their places.
        made_room,
        /// Handshakes that succeeded.
        handshakes,
        /// Handshakes that failed or took too long.
        handshakes_failed,
        /// Sessions after which a phone has a new LSC.
        installed,
        /// Sessions after which a phone has none.
        deleted,
        /// Sessions in which a phone has shown its certificate.
        fetched,
        /// Sessions without anything to do.
        nothing_pending,
        /// Sessions of phones whose key waits for the certificate of an offline CA.
        waiting,
        /// Sessions of devices that are not known.
        unknown_device,
        /// Sessions refused by a limit of the device: another session, too many wrong strings.
        limited,
        /// Sessions refused by our own fault.
        internal,
        /// Sessions in which the phone said that it could not.
        phone_failed,
        /// Sessions in which the phone did not answer in time.
        timed_out,
        /// Sessions that the phone broke off.
        closed,
        /// Sessions that ended by bytes that may not come.
        malformed,
    }

    /// Sessions refused for this cause.
    #[must_use]
    pub fn failed(&self, failure: Failure) -> u64 {
        self.failures.get(failure as usize).map_or(0, read)
    }

    /// Sessions with this deviation that went on all the same.
    #[must_use]
    pub fn tolerated(&self, tolerance: Tolerance) -> u64 {
        self.tolerated.get(tolerance as usize).map_or(0, read)
    }

    pub(super) fn add(&self, ended: &Ended, tolerated: Tolerated) {
        let counter = match &ended.cause {
            Cause::Installed => Some(&self.installed),
            Cause::Deleted => Some(&self.deleted),
            Cause::Fetched => Some(&self.fetched),
            Cause::NothingPending => Some(&self.nothing_pending),
            Cause::Refused(Refusal::UnknownDevice) => Some(&self.unknown_device),
            Cause::Refused(Refusal::Waits) => Some(&self.waiting),
            Cause::Refused(Refusal::Limit) => Some(&self.limited),
            Cause::Refused(Refusal::Internal) | Cause::Misused(_) => Some(&self.internal),
            Cause::Refused(Refusal::Failed(failure)) => self.failures.get(*failure as usize),
            Cause::PhoneFailed(_) => Some(&self.phone_failed),
            Cause::TimedOut => Some(&self.timed_out),
            Cause::Closed => Some(&self.closed),
            Cause::Protocol(_) => Some(&self.malformed),
        };
        counter.into_iter().for_each(one);
        for tolerance in tolerated.iter() {
            self.tolerated.get(tolerance as usize).into_iter().for_each(one);
        }
    }
}

pub(super) fn one(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
