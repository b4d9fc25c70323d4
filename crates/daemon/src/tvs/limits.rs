//! What a phone may take of the server.

use std::time::Duration;

use crate::places::{Limits, SILENCE, Server, Share};

/// Limits of a TVS server.
#[derive(Debug, Clone)]
pub struct TvsLimits {
    /// From the TCP connection to the end of the TLS handshake. Default 10 s [sources/tvs#transport].
    pub handshake: Duration,
    /// From the handshake or the last answer to the whole next request, and for writing an answer. Default 10 s, the
    /// time-out of the peer.
    pub request: Duration,
    /// How long open connections may take to end after the shutdown was asked for. Default 4 s: `serve` has 5.
    pub drain: Duration,
    /// Open connections at most. When all are taken, a silent one is closed for a further one, without a word, as the peer does. Default
    /// 1024: some 40 kB each in OpenSSL.
    pub connections: usize,
    /// Open connections of one address at most. Default 256: a phone has one or two, but a branch may sit behind one
    /// address.
    pub per_address: usize,
    /// How long a connection must have been silent before it is closed for another one. Default 1 s.
    pub silence: Duration,
}

impl Default for TvsLimits {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            request: Duration::from_secs(10),
            drain: Duration::from_secs(4),
            connections: 1024,
            per_address: 256,
            silence: SILENCE,
        }
    }
}

impl TvsLimits {
    /// No more than its share of what the process may open.
    pub(crate) fn shared(mut self, share: &Share) -> Self {
        share.limit(Server::Tvs, &mut self.connections, &mut self.per_address);
        self
    }

    pub(super) const fn places(&self) -> Limits {
        Limits { most: self.connections, per_address: self.per_address, silence: self.silence }
    }
}
