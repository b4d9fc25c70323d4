//! Lines of the log that a stranger can cause at will: of one kind one a minute for an address. What was left out is said with the next
//! line, else when the server ends.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cluster::origin::Origin;

/// How often the log says the same of an address.
const SAY_EVERY: Duration = Duration::from_secs(60);

/// Addresses that are kept in mind for that of each kind, some 100 bytes each. Beyond it nothing is said of further ones, but counted.
/// Each kind has its own, so that what strangers cause takes nothing from the faults of the node.
const KEPT: usize = 1024;

/// When the log said it of an address, and how often it was left out since, by kind.
#[derive(Debug, Default)]
pub(crate) struct OnceAMinute(Mutex<BTreeMap<&'static str, Said>>);

#[derive(Debug, Default)]
struct Said {
    of: HashMap<Origin, (Instant, u64)>,
    /// Left out of addresses that there was no room for.
    others: u64,
}

/// What was left out before a line; as text it follows the line's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct More {
    /// Of this address.
    same: u64,
    /// Of others, about whom nothing could be said.
    others: u64,
}

impl More {
    /// How often since the last line, with the one that is said now.
    pub(crate) const fn times(self) -> u64 {
        self.same.saturating_add(1)
    }
}

impl std::fmt::Display for More {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.same > 0 {
            write!(f, ", and {} more", self.same)?;
        }
        if self.others > 0 {
            write!(f, ", and {} more of other addresses", self.others)?;
        }
        Ok(())
    }
}

impl OnceAMinute {
    fn said(&self) -> MutexGuard<'_, BTreeMap<&'static str, Said>> {
        // counts are whole between any two statements, also after a panic
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one. What was left out since the last line, when another line is due.
    pub(crate) fn count(&self, kind: &'static str, address: IpAddr, now: Instant) -> Option<More> {
        let from = Origin::of(address);
        let mut kinds = self.said();
        let said = kinds.entry(kind).or_default();
        let same = if let Some((at, count)) = said.of.get_mut(&from) {
            if now.saturating_duration_since(*at) < SAY_EVERY {
                *count += 1;
                return None;
            }
            *at = now;
            std::mem::take(count)
        } else {
            if said.of.len() >= KEPT {
                said.forget(now);
            }
            if said.of.len() >= KEPT {
                said.others += 1;
                return None;
            }
            said.of.insert(from, (now, 0));
            0
        };
        Some(More { same, others: std::mem::take(&mut said.others) })
    }
}

impl Said {
    /// Forgets those about whom a line is due anyway; what was left out of them stays counted.
    fn forget(&mut self, now: Instant) {
        let Self { of, others } = self;
        of.retain(|_, (at, count)| {
            let stays = now.saturating_duration_since(*at) < SAY_EVERY;
            if !stays {
                *others += *count;
            }
            stays
        });
    }
}

impl Drop for OnceAMinute {
    fn drop(&mut self) {
        for (kind, said) in self.said().iter() {
            let left_out = said.of.values().map(|(_, count)| count).sum::<u64>() + said.others;
            if left_out > 0 {
                tracing::warn!("{kind}: and {left_out} more, which were left out of the log");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn a_line_for_each_kind_and_address_and_minute() {
        let (said, start) = (OnceAMinute::default(), Instant::now());
        let address = |number: u32| IpAddr::from(Ipv4Addr::from(number));
        let count = |kind, number, now| said.count(kind, address(number), now).map(|more| more.to_string());
        let line = |more: &str| Some(more.to_owned());
        assert_eq!(count("a", 1, start), line(""));
        for _ in 0..40 {
            assert_eq!(count("a", 1, start + SAY_EVERY / 2), None);
        }
        assert_eq!(count("a", 2, start + SAY_EVERY / 2), line(""), "each has its own");
        assert_eq!(count("b", 1, start + SAY_EVERY / 2), line(""), "of each kind");
        assert_eq!(said.count("a", address(1), start + SAY_EVERY).map(More::times), Some(41));
        assert_eq!(count("a", 1, start + SAY_EVERY), None);
        assert_eq!(count("a", 1, start + SAY_EVERY * 2), line(", and 1 more"));
        // a crowd takes no memory without end, is counted, and makes room when it is quiet again
        for number in 0..5000 {
            count("a", 100 + number, start + SAY_EVERY * 2);
            count("a", 100 + number, start + SAY_EVERY * 2);
        }
        assert_eq!(said.said()["a"].of.len(), KEPT);
        assert_eq!(count("a", 99, start + SAY_EVERY * 2), None);
        // it takes nothing from another kind: the node's own faults are said
        assert_eq!(count("our fault", 99, start + SAY_EVERY * 2), line(""));
        assert_eq!(count("our fault", 5, start + SAY_EVERY * 2), line(""));
        let (after, all) = (start + SAY_EVERY * 9, 2 * 5000 + 1);
        // of those with a place one line was said, of the others none; the one that had a place of kind "a" before kept it
        let Some(More { same: 0, others }) = said.count("a", address(99), after) else { panic!("a line is due") };
        let lines = said.said()["a"].of.len() as u64;
        assert_eq!(lines, 1);
        assert!(others > 0 && others < all && others >= all - 2 * KEPT as u64, "{others}");
    }
}
