//! Wrong passwords, counted by address and by user.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Wrong passwords within [`WRONG_WINDOW`] before nobody is heard for the rest of it: a person mistypes twice.
pub const WRONG_LIMIT: usize = 5;

/// How long a wrong password counts.
pub const WRONG_WINDOW: Duration = Duration::from_secs(300);

/// Addresses and users that are remembered at most; the oldest are forgotten. Some hundred kilobytes.
const REMEMBERED: usize = 4096;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Who {
    Address(IpAddr),
    User(String),
}

/// The wrong passwords of late.
#[derive(Debug, Default)]
pub struct Attempts {
    wrong: Mutex<HashMap<Who, Vec<Instant>>>,
}

impl Attempts {
    /// Before a password is looked at: counts it as a wrong one until [`Self::right`], so that many at once are no more tries than
    /// one after the other.
    ///
    /// # Errors
    /// How long nobody from this address or with this name is heard.
    pub fn begin(&self, address: IpAddr, user: &str, now: Instant) -> Result<(), Duration> {
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = [Who::Address(address), Who::User(user.to_owned())];
        if let Some(wait) = keys.iter().filter_map(|who| wait(wrong.get_mut(who)?, now)).max() {
            return Err(wait);
        }
        for who in keys {
            if wrong.len() >= REMEMBERED && !wrong.contains_key(&who) {
                forget(&mut wrong, now);
            }
            wrong.entry(who).or_default().push(now);
        }
        Ok(())
    }

    /// A right password clears the address and the user.
    pub fn right(&self, address: IpAddr, user: &str) {
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        wrong.remove(&Who::Address(address));
        wrong.remove(&Who::User(user.to_owned()));
    }
}

fn wait(times: &mut Vec<Instant>, now: Instant) -> Option<Duration> {
    times.retain(|time| now.saturating_duration_since(*time) < WRONG_WINDOW);
    if times.len() < WRONG_LIMIT {
        return None;
    }
    times.first().map(|first| WRONG_WINDOW.saturating_sub(now.saturating_duration_since(*first)))
}

/// Makes room: what is over goes first, then whoever was wrong longest ago.
fn forget(wrong: &mut HashMap<Who, Vec<Instant>>, now: Instant) {
    wrong.retain(|_, times| times.last().is_some_and(|last| now.saturating_duration_since(*last) < WRONG_WINDOW));
    if wrong.len() < REMEMBERED {
        return;
    }
    let oldest = wrong.iter().min_by_key(|(_, times)| times.last().copied()).map(|(who, _)| who.clone());
    if let Some(who) = oldest {
        wrong.remove(&who);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_five_wrong_passwords_address_and_user_wait() {
        let attempts = Attempts::default();
        let (here, there) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2]));
        let start = Instant::now();
        for second in 0..5 {
            assert_eq!(attempts.begin(here, "admin", start + Duration::from_secs(second)), Ok(()));
        }
        let later = start + Duration::from_secs(10);
        assert_eq!(attempts.begin(here, "admin", later), Err(Duration::from_secs(290)));
        assert!(attempts.begin(here, "other", later).is_err(), "the address waits");
        assert!(attempts.begin(there, "admin", later).is_err(), "the user waits");
        assert_eq!(attempts.begin(there, "other", later), Ok(()));
        attempts.right(there, "other");
        assert_eq!(attempts.wrong.lock().unwrap().len(), 2);
        assert_eq!(attempts.begin(here, "admin", start + WRONG_WINDOW), Ok(()), "the first one is over");
    }

    #[test]
    fn many_strangers_fill_no_memory() {
        let attempts = Attempts::default();
        let now = Instant::now();
        for number in 0..6000_u32 {
            attempts.begin(IpAddr::from(number.to_be_bytes()), &format!("user{number}"), now).unwrap();
        }
        assert!(attempts.wrong.lock().unwrap().len() <= REMEMBERED);
    }
}
