//! What a phone may take of the server.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Limits of a TVS server.
#[derive(Debug, Clone)]
pub struct TvsLimits {
    /// From the TCP connection to the end of the TLS handshake. Default 10 s [reference tvs.md 1].
    pub handshake: Duration,
    /// From the handshake or the last answer to the whole next request, and for writing an answer. Default 10 s, the
    /// time-out of the peer.
    pub request: Duration,
    /// How long open connections may take to end after the shutdown was asked for. Default 4 s: `serve` has 5.
    pub drain: Duration,
    /// Open connections at most; a further one is closed without a word, as the peer does. Default 1024: some 40 kB
    /// each in OpenSSL.
    pub connections: usize,
    /// Open connections of one address at most. Default 256: a phone has one or two, but a branch may sit behind one
    /// address.
    pub per_address: usize,
}

impl Default for TvsLimits {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            request: Duration::from_secs(10),
            drain: Duration::from_secs(4),
            connections: 1024,
            per_address: 256,
        }
    }
}

/// Counts the connections of each address.
#[derive(Debug, Default)]
pub(crate) struct Addresses {
    open: Mutex<HashMap<IpAddr, usize>>,
}

impl Addresses {
    /// A place for one more connection, or `None` when the address has `limit` already. The place is given back when
    /// it is dropped.
    pub(crate) fn enter(self: &Arc<Self>, address: IpAddr, limit: usize) -> Option<Place> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(address).or_insert(0);
        if *count >= limit {
            return None;
        }
        *count += 1;
        drop(open);
        Some(Place { addresses: Arc::clone(self), address })
    }
}

/// One connection of an address.
#[derive(Debug)]
pub(crate) struct Place {
    addresses: Arc<Addresses>,
    address: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.addresses.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut entry) = open.entry(self.address) {
            if *entry.get() <= 1 {
                entry.remove();
            } else {
                *entry.get_mut() -= 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_come_back_and_addresses_are_forgotten() {
        let addresses = Arc::new(Addresses::default());
        let (one, two) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2]));
        let first = addresses.enter(one, 2).unwrap();
        let second = addresses.enter(one, 2).unwrap();
        assert!(addresses.enter(one, 2).is_none(), "the third is one too many");
        let other = addresses.enter(two, 2).unwrap();
        drop(first);
        let third = addresses.enter(one, 2).unwrap();
        drop((second, third, other));
        assert!(addresses.open.lock().unwrap().is_empty());
    }

    #[test]
    fn a_limit_of_none_lets_nobody_in() {
        let addresses = Arc::new(Addresses::default());
        assert!(addresses.enter(IpAddr::from([127, 0, 0, 1]), 0).is_none());
    }
}
