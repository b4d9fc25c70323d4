//! Lines of the log that a stranger can cause at will: one a minute for an address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// How often the log says the same of an address.
const SAY_EVERY: Duration = Duration::from_secs(60);

/// Addresses that are kept in mind for that, some 100 bytes each. Beyond it nothing is said of further ones.
const ADDRESSES: usize = 1024;

/// When the log said it of an address, and how often it has happened since.
#[derive(Debug, Default)]
pub(crate) struct OnceAMinute {
    said: HashMap<IpAddr, (Instant, u64)>,
}

impl OnceAMinute {
    /// Counts one. How many there were since the last line, when another line is due.
    pub(crate) fn count(&mut self, address: IpAddr, now: Instant) -> Option<u64> {
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
        let (mut said, start) = (OnceAMinute::default(), Instant::now());
        let address = |number: u32| IpAddr::from(Ipv4Addr::from(number));
        assert_eq!(said.count(address(1), start), Some(1));
        for _ in 0..40 {
            assert_eq!(said.count(address(1), start + SAY_EVERY / 2), None);
        }
        assert_eq!(said.count(address(2), start + SAY_EVERY / 2), Some(1), "each has its own");
        assert_eq!(said.count(address(1), start + SAY_EVERY), Some(41));
        assert_eq!(said.count(address(1), start + SAY_EVERY), None);
        // a crowd takes no memory without end, and makes room when it is quiet again
        for number in 0..5000 {
            said.count(address(100 + number), start + SAY_EVERY);
        }
        assert_eq!(said.said.len(), ADDRESSES);
        assert_eq!(said.count(address(99), start + SAY_EVERY), None);
        assert_eq!(said.count(address(99), start + SAY_EVERY * 3), Some(1));
    }
}
