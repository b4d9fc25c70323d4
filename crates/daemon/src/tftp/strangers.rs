//! What is sent to addresses of which nobody knows whether they are real: the sender of a request is what the request says.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use cluster::origin::Origin;

/// Counters: addresses share them when there are more, so that forged ones take no memory. 256 KiB.
const COUNTERS: usize = 65_536;

/// Addresses that are known for having acknowledged something: those of the largest cluster; twice this when they change.
const KNOWN: usize = 65_536;

/// How long an address stays known at least: longer than a phone takes to boot, shorter than a lease of DHCP.
const KNOWN_FOR: Duration = Duration::from_secs(3600);

const MINUTE: Duration = Duration::from_secs(60);

/// Bytes to addresses that have never acknowledged anything, and those that have.
pub(super) struct Strangers {
    /// Bytes a minute.
    limit: u32,
    hasher: RandomState,
    minute: Instant,
    bytes: Vec<u32>,
    /// Young and old: when the young ones are too many or an hour old they become the old ones.
    known: [HashSet<Origin>; 2],
    since: Instant,
    /// Lots that were drawn.
    lots: u64,
}

impl Strangers {
    pub fn new(limit: u32, now: Instant) -> Self {
        let known = [HashSet::new(), HashSet::new()];
        Self { limit, hasher: RandomState::new(), minute: now, bytes: vec![0; COUNTERS], known, since: now, lots: 0 }
    }

    /// The address acknowledged something that was sent to it: it is real, and listens.
    pub fn acknowledged(&mut self, address: IpAddr, now: Instant) {
        let [young, old] = &mut self.known;
        if young.len() >= KNOWN || now.saturating_duration_since(self.since) >= KNOWN_FOR {
            *old = std::mem::take(young);
            self.since = now;
        }
        young.insert(Origin::of(address));
    }

    /// Whether the address has acknowledged something in the last hour.
    pub fn knows(&self, address: IpAddr) -> bool {
        let from = Origin::of(address);
        self.known.iter().any(|known| known.contains(&from))
    }

    /// A number below this one that nobody foretells.
    pub fn lot(&mut self, below: usize) -> usize {
        self.lots = self.lots.wrapping_add(1);
        let drawn = self.hasher.hash_one(self.lots).checked_rem(below as u64).unwrap_or(0);
        usize::try_from(drawn).unwrap_or(0)
    }

    /// Whether this many bytes may go to the address; they count as sent then.
    pub fn may_send(&mut self, address: IpAddr, bytes: usize, now: Instant) -> bool {
        if self.knows(address) {
            return true;
        }
        let from = Origin::of(address);
        if now.saturating_duration_since(self.minute) >= MINUTE {
            self.bytes.fill(0);
            self.minute = now;
        }
        let place = usize::try_from(self.hasher.hash_one(from) % COUNTERS as u64).unwrap_or(0);
        let Some(sent) = self.bytes.get_mut(place) else { return false };
        let sum = sent.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
        if sum > self.limit {
            return false;
        }
        *sent = sum;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::disallowed_methods)] // any origin of time will do
    fn a_host_of_ipv6_is_one_stranger_whichever_address_it_takes() {
        let start = Instant::now();
        let mut strangers = Strangers::new(1000, start);
        let host = |network, last| IpAddr::from([0x2001, 0xdb8, 0, network, 0, 0, 0, last]);
        assert!(strangers.may_send(host(0, 1), 1000, start) && !strangers.may_send(host(0, 2), 1, start));
        for last in 0..1000 {
            strangers.acknowledged(host(1, last), start);
        }
        assert_eq!(strangers.known.iter().map(HashSet::len).sum::<usize>(), 1);
    }

    #[test]
    #[allow(clippy::disallowed_methods)] // any origin of time will do
    fn a_stranger_gets_so_much_a_minute_and_a_known_one_all() {
        let start = Instant::now();
        let mut strangers = Strangers::new(1000, start);
        let [one, two] = [1, 2].map(|last| IpAddr::from([192, 0, 2, last]));
        assert!(strangers.may_send(one, 600, start));
        assert!(!strangers.may_send(one, 600, start));
        assert!(strangers.may_send(one, 400, start) && !strangers.may_send(one, 1, start));
        assert!(strangers.may_send(two, 1000, start), "another address");
        assert!(strangers.may_send(one, 1000, start + MINUTE), "another minute");
        strangers.acknowledged(one, start + MINUTE);
        assert!((0..100).all(|_| strangers.may_send(one, 1000, start + MINUTE)));
        // Known for an hour at least, and no more when others have come.
        let later = start + MINUTE + KNOWN_FOR;
        strangers.acknowledged(two, later);
        assert!(strangers.may_send(one, 5000, later) && strangers.may_send(two, 5000, later));
        strangers.acknowledged(two, later + KNOWN_FOR);
        assert!(!strangers.may_send(one, 5000, later + KNOWN_FOR));
        for number in 0..3 * KNOWN as u32 {
            strangers.acknowledged(IpAddr::from(number.to_be_bytes()), later);
        }
        assert!(strangers.known.iter().all(|known| known.len() <= KNOWN));
    }
}
