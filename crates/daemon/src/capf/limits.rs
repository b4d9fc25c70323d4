//! What a phone may take of the server.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use wire::capf::Timeouts;

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
    /// Open connections at most. Default 2048, some 40 kB each in OpenSSL: a phone that makes a key stays for minutes.
    pub connections: usize,
    /// Open connections of one address at most. Default 256: a phone has one, but a branch may sit behind one address. More would
    /// let one host take all places; a larger branch is a setting (`[capf] per_address`).
    pub per_address: usize,
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
        }
    }
}

/// How often the log says that connections of an address are turned away.
const SAY_EVERY: Duration = Duration::from_secs(60);

/// Addresses that are kept in mind for that, some 100 bytes each. Beyond it the counter alone tells.
const ADDRESSES: usize = 1024;

/// When the log said for an address that its connections are turned away, and how many have been since.
#[derive(Debug, Default)]
pub(super) struct TurnedAway {
    said: HashMap<IpAddr, (Instant, u64)>,
}

impl TurnedAway {
    /// Counts one. How many were turned away since the last line, when another line is due.
    pub(super) fn count(&mut self, address: IpAddr, now: Instant) -> Option<u64> {
        if let Some((at, count)) = self.said.get_mut(&address) {
            *count += 1;
            if now.saturating_duration_since(*at) < SAY_EVERY {
                return None;
            }
            *at = now;
            return Some(std::mem::take(count));
        }
        if self.said.len() >= ADDRESSES {
            self.said.retain(|_, (at, _)| now.saturating_duration_since(*at) < SAY_EVERY);
            if self.said.len() >= ADDRESSES {
                return None;
            }
        }
        self.said.insert(address, (now, 0));
        Some(1)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn a_line_for_each_address_and_minute() {
        let (mut turned_away, start) = (TurnedAway::default(), Instant::now());
        let address = |number: u32| IpAddr::from(Ipv4Addr::from(number));
        assert_eq!(turned_away.count(address(1), start), Some(1));
        for _ in 0..40 {
            assert_eq!(turned_away.count(address(1), start + SAY_EVERY / 2), None);
        }
        assert_eq!(turned_away.count(address(2), start + SAY_EVERY / 2), Some(1), "each has its own");
        assert_eq!(turned_away.count(address(1), start + SAY_EVERY), Some(41));
        assert_eq!(turned_away.count(address(1), start + SAY_EVERY), None);
        // a crowd takes no memory without end, and makes room when it is quiet again
        for number in 0..5000 {
            turned_away.count(address(100 + number), start + SAY_EVERY);
        }
        assert_eq!(turned_away.said.len(), ADDRESSES);
        assert_eq!(turned_away.count(address(99), start + SAY_EVERY), None);
        assert_eq!(turned_away.count(address(99), start + SAY_EVERY * 3), Some(1));
    }
}
