//! What a phone may take of the server.

use std::time::Duration;

use wire::capf::Timeouts;

use crate::places::{Limits, SILENCE, Server, Share};

/// Limits of a CAPF server.
#[derive(Debug, Clone)]
pub struct CapfLimits {
    /// From the TCP connection to the end of the TLS handshake. Default 30 s: a 7900 takes some seconds for RSA, and a
    /// thousand phones at once wait for each other.
    pub handshake: Duration,
    /// What a phone may take for each stage of a session. Default 60 s to authenticate, 10 minutes to make a key, 30 s for the
    /// rest.
    pub stages: Timeouts,
    /// For writing one message. Default 10 s.
    pub write: Duration,
    /// How long sessions whose phone may just be storing a certificate go on after the shutdown was asked for. Default 4 s.
    pub drain: Duration,
    /// Open connections at most. When all are taken, one that has not sent its first message is closed for a further one. Default 2048, some 40 kB each in OpenSSL: a phone that makes a key stays for minutes.
    pub connections: usize,
    /// Open connections of one address at most. Default 256: a phone has one, but a branch may sit behind one address. More would
    /// let one host take all places; a larger branch is a setting (`[capf] per_address`).
    pub per_address: usize,
    /// How long a connection must have been silent before it is closed for another one. Default 1 s.
    pub silence: Duration,
}

impl CapfLimits {
    /// No more than its share of what the process may open.
    pub(crate) fn shared(mut self, share: &Share) -> Self {
        share.limit(Server::Capf, &mut self.connections, &mut self.per_address);
        self
    }

    pub(super) const fn places(&self) -> Limits {
        Limits { most: self.connections, per_address: self.per_address, silence: self.silence }
    }
}

impl Default for CapfLimits {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(30),
            stages: Timeouts::default(),
            write: Duration::from_secs(10),
            drain: Duration::from_secs(4),
            connections: 2048,
            per_address: 256,
            silence: SILENCE,
        }
    }
}
