//! What clients may take.

use std::time::Duration;

use crate::places::{Limits, SILENCE, Server, Share};

/// What clients may take.
#[derive(Debug, Clone)]
pub struct CtlProviderLimits {
    /// From the TCP connection to the end of the TLS handshake. Default 10 s.
    pub handshake: Duration,
    /// For the log-in, and for each message once it has begun. Default 30 s.
    pub message: Duration,
    /// How long somebody who is logged in may say nothing: he looks for tokens meanwhile. Default 15 minutes.
    pub idle: Duration,
    /// How long a change that has begun may go on after the shutdown was asked for. Default 4 s.
    pub drain: Duration,
    /// Open connections at most. When all are taken, one that has not logged in is closed for a further one. Default 16: there is one at
    /// the desk, the others are told so.
    pub connections: usize,
    /// Open connections of one address at most. Default 4.
    pub per_address: usize,
    /// How long a connection must have been silent before it is closed for another one. Default 1 s.
    pub silence: Duration,
}

impl Default for CtlProviderLimits {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            message: Duration::from_secs(30),
            idle: Duration::from_secs(900),
            drain: Duration::from_secs(4),
            connections: 16,
            per_address: 4,
            silence: SILENCE,
        }
    }
}

impl CtlProviderLimits {
    /// No more than its share of what the process may open.
    pub(crate) fn shared(mut self, share: &Share) -> Self {
        share.limit(Server::CtlProvider, &mut self.connections, &mut self.per_address);
        self
    }

    pub(super) const fn places(&self) -> Limits {
        Limits { most: self.connections, per_address: self.per_address, silence: self.silence }
    }
}
