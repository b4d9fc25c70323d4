//! Under one scheduled operation one key is expected. The protocol signs no session, so somebody who has recorded what a phone said
//! may say it again and hand in a key of his own [sources/capf#proofs]: the second key raises an alarm.

use std::net::IpAddr;

use store::Transaction;

use super::SECOND_KEY;
use crate::CoreError;
use crate::cluster::Cluster;
use cluster::readable;

/// A key that a session has handed in.
#[derive(Debug, Clone)]
pub(super) struct HandedIn {
    pub(super) device: String,
    pub(super) scheduled_at: i64,
    /// SubjectPublicKeyInfo, DER.
    pub(super) key: Vec<u8>,
    /// Where the session is.
    pub(super) from: IpAddr,
}

impl HandedIn {
    /// Whether another key got an LSC under the same schedule, or waits for one of an offline CA.
    pub(super) async fn is_second(&self, transaction: &mut Transaction) -> Result<bool, CoreError> {
        let Self { device, scheduled_at, key, .. } = self;
        let waiting = transaction.key_that_waits(device, *scheduled_at).await?;
        let mut second = waiting.is_some_and(|waiting| waiting != pki::hash::hex(&pki::hash::sha256(key)));
        for lsc in transaction.lscs_since(device, *scheduled_at).await? {
            // One that cannot be read is told of elsewhere.
            second |= matches!(readable::lsc(&lsc), Ok(Some(given)) if given.spki() != key.as_slice());
        }
        Ok(second)
    }

    /// Raises the alarm.
    pub(super) async fn tell(
        &self,
        cluster: &Cluster,
        transaction: &mut Transaction,
        now: i64,
    ) -> Result<(), CoreError> {
        let Self { device, from, .. } = self;
        let message =
            format!("{device}: a second key was handed in under one scheduled operation, by a session from {from}");
        let node = cluster.node(None).await?;
        cluster.stand(transaction, &node, &SECOND_KEY, device, &message, now).await
    }
}
