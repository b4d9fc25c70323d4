//! How the thread of the transfers is told to end.

use std::io;
use std::sync::atomic::{AtomicU8, Ordering};

use nix::sys::eventfd::{EfdFlags, EventFd};

/// Tells the thread to stop, and wakes it.
pub(super) struct Stop {
    state: AtomicU8,
    pub(super) wake: EventFd,
}

impl Stop {
    pub(super) const RUN: u8 = 0;
    /// No new transfers.
    pub(super) const DRAIN: u8 = 1;
    /// No transfers.
    pub(super) const NOW: u8 = 2;

    pub(super) fn new() -> io::Result<Self> {
        let wake = EventFd::from_flags(EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC)?;
        Ok(Self { state: AtomicU8::new(Self::RUN), wake })
    }

    pub(super) fn signal(&self, state: u8) {
        self.state.fetch_max(state, Ordering::SeqCst);
        self.wake();
    }

    /// Makes the thread look at what is new.
    pub(super) fn wake(&self) {
        if let Err(error) = self.wake.write(1) {
            // full means that a wake-up is under way
            tracing::trace!(target: "tftp", %error, "not woken");
        }
    }

    pub(super) fn state(&self) -> u8 {
        self.state.load(Ordering::SeqCst)
    }
}
