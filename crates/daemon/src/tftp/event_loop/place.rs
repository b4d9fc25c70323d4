//! One request that is being answered.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use wire::file_name::FileName;
use wire::tftp::{Failure, Transfer};

use crate::tftp::listener::Incoming;
use crate::tftp::pieces::Pieces;
use crate::tftp::socket::TransferSocket;

/// Client and the address it asked: one transfer at a time for each pair.
pub(super) type Pair = (SocketAddr, IpAddr);

/// One request that is being answered.
pub(super) struct Place {
    /// Tells this use of the place from earlier ones.
    pub(super) id: u64,
    pub(super) pair: Pair,
    pub(super) listener: usize,
    pub(super) request: Vec<u8>,
    pub(super) name: FileName,
    pub(super) since: Instant,
    pub(super) state: State,
}

pub(super) enum State {
    /// The file is being made.
    Fetching,
    Sending(Box<Sending>),
}

pub(super) struct Sending {
    pub(super) socket: TransferSocket,
    pub(super) transfer: Transfer<Pieces>,
    /// A piece of the file is being read.
    pub(super) reading: bool,
    /// When its one entry among the timers comes up; others of it count for nothing.
    pub(super) timer: Instant,
    /// What the client asked for after it had ended this transfer, as far as anybody knows: begun when that is sure.
    pub(super) next: Option<(usize, Incoming)>,
}

impl Place {
    /// How long it has waited for its acknowledgement, or for its file.
    pub(super) fn waits_for(&self, now: Instant) -> Duration {
        let since = match &self.state {
            State::Fetching => self.since,
            State::Sending(sending) => sending.transfer.waits_since(),
        };
        now.saturating_duration_since(since)
    }

    /// What its transfer was told to end for.
    pub(super) fn told_to_end(&self) -> Option<&Failure> {
        match &self.state {
            State::Fetching => None,
            State::Sending(sending) => sending.transfer.told_to_end(),
        }
    }

    pub(super) fn all_sent(&self) -> bool {
        matches!(&self.state, State::Sending(sending) if sending.transfer.all_sent())
    }
}
