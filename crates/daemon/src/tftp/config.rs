//! How to serve.

use std::net::SocketAddr;
use std::time::Duration;

use wire::tftp::{Caps, Pace};

use crate::places::{Server as Sharer, Share};

/// How to serve.
#[derive(Debug, Clone)]
pub struct Config {
    /// Addresses to listen on; port 0 lets the system choose.
    pub listen: Vec<SocketAddr>,
    /// Largest block and window that are granted. A block is cut further to what crosses the way in one packet (IPv4).
    pub caps: Caps,
    /// Waits and retransmissions.
    pub pace: Pace,
    /// Most transfers at a time. Each takes a file descriptor; 1024 is the usual limit of a process. When there are more, one
    /// makes room that has no acknowledgement yet, or has waited for one too long; if there is none the request is not
    /// answered, so that the client asks again.
    pub max_transfers: usize,
    /// Most transfers of one client address at a time; phones behind a router share one.
    pub max_per_address: usize,
    /// A transfer that has waited so long for an acknowledgement ends when its client asks anew.
    pub anew_after: Duration,
    /// Bytes a minute to an address that has not acknowledged anything for an hour.
    pub stranger_bytes: u32,
    /// How long running transfers may go on after the shutdown signal.
    pub drain: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            caps: Caps::default(),
            pace: Pace::default(),
            max_transfers: 512,
            max_per_address: 256,
            anew_after: Duration::from_secs(1),
            stranger_bytes: 64 * 1024,
            drain: Duration::from_secs(4),
        }
    }
}

impl Config {
    /// No more than its share of what the process may open.
    pub(crate) fn shared(mut self, share: &Share) -> Self {
        share.limit(Sharer::Tftp, &mut self.max_transfers, &mut self.max_per_address);
        self
    }
}
