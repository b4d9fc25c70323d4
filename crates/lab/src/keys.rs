//! The RSA keys of lab clusters. Each scenario has a cluster of its own, and no phone meets those of two scenarios: so a
//! cluster takes the keys that the one before it made, which is what most of a scenario's time went into.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use cluster::surroundings::MakeRsaKey;
use pki::SoftKey;
use pki::key::KeyError;

/// Which key: of the other cluster of a scenario or not, its size, and the how-manieth of the cluster.
type Which = (bool, u32, usize);

/// What was made by this process.
static MADE: LazyLock<Mutex<HashMap<Which, SoftKey>>> = LazyLock::new(Mutex::default);

/// The keys of one cluster: no two are the same.
#[derive(Default)]
pub struct LabKeys {
    other: bool,
    next: Arc<AtomicUsize>,
}

impl LabKeys {
    /// For the second cluster of a scenario, which shares none with the first.
    pub fn of_another_cluster() -> Self {
        Self { other: true, ..Self::default() }
    }

    /// Gives the next key: one of an earlier scenario, or a new one.
    pub fn maker(&self) -> MakeRsaKey {
        let (other, next) = (self.other, Arc::clone(&self.next));
        Arc::new(move |bits| key((other, bits, next.fetch_add(1, Ordering::Relaxed))))
    }
}

fn key(which: Which) -> Result<SoftKey, KeyError> {
    let made = || MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(key) = made().get(&which) {
        return Ok(key.clone());
    }
    // without the lock: others go on meanwhile
    let key = SoftKey::generate_rsa(which.1)?;
    Ok(made().entry(which).or_insert(key).clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_again_in_the_next_scenario_and_never_twice_in_one() {
        let take = |keys: &LabKeys| keys.maker()(1024).unwrap().key_id();
        let (first, other, next) = (LabKeys::default(), LabKeys::of_another_cluster(), LabKeys::default());
        let taken = [take(&first), take(&first), take(&other), take(&other)];
        let distinct: std::collections::HashSet<_> = taken.iter().collect();
        assert_eq!(distinct.len(), 4);
        assert_eq!([take(&next), take(&next)], taken[..2]);
    }
}
