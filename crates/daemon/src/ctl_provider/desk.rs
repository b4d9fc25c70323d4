//! The desk that one client has at a time, and what else all connections have in common.

use std::sync::{Mutex, PoisonError};

use ringfence_core::Cluster;

use super::CtlProviderLimits;
use crate::once_a_minute::OnceAMinute;

/// What all connections have in common.
pub(super) struct Shared {
    pub(super) cluster: Cluster,
    pub(super) limits: CtlProviderLimits,
    desk: Mutex<Option<String>>,
    pub(super) told: OnceAMinute,
}

/// The one place at the desk, given back when dropped.
pub(super) struct Place<'a>(&'a Shared);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        *self.0.desk.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Shared {
    pub(super) fn new(cluster: Cluster, limits: CtlProviderLimits) -> Self {
        Self { cluster, limits, desk: Mutex::new(None), told: OnceAMinute::default() }
    }

    /// Takes the desk, or says who has it.
    pub(super) fn sit_down(&self, who: &str) -> Result<Place<'_>, String> {
        let mut desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        match desk.as_ref() {
            Some(other) => Err(other.clone()),
            None => {
                *desk = Some(who.to_owned());
                Ok(Place(self))
            }
        }
    }
}
