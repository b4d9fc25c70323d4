//! The real clock and random source.

use std::time::{SystemTime, UNIX_EPOCH};

use cluster::Surroundings;
use pki::{OpensslRandom, Random};

/// The system's clock and OpenSSL's random source.
#[derive(Debug, Clone, Copy, Default)]
pub struct System {
    random: OpensslRandom,
}

impl Surroundings for System {
    fn now(&self) -> i64 {
        now()
    }

    fn random(&mut self) -> &mut dyn Random {
        &mut self.random
    }
}

/// Milliseconds since 1970 UTC; 0 when the clock stands before that.
#[must_use]
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
