//! Tables that only grow: what of them is forgotten, and when. The audit log is not among them.

use cluster::rows::NodeRow;

use crate::CoreError;
use crate::cluster::Cluster;

/// Milliseconds that a change stays at least: who listens beside the nodes looks each second, people look with `run sql`.
const CHANGES_STAY: i64 = 86_400_000;

/// Changes that stay at most while a node is away: some ten megabytes. A node that finds a gap reads everything anew.
const CHANGES_KEPT: i64 = 100_000;

/// Milliseconds that waves which are done and notices of certificates which are gone stay.
const OLD: i64 = 365 * 86_400_000;

impl Cluster {
    /// Notes up to which change a node has taken over what changed.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn note_taken(&self, node: &NodeRow, change: i64) -> Result<(), CoreError> {
        let mut transaction = self.store().begin().await?;
        transaction.put_taken_change(&node.pkid, change).await?;
        Ok(transaction.commit().await?)
    }

    /// Forgets changes that every node has taken over, and old rows of other tables. `now` in milliseconds since 1970 UTC. How many rows.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn forget_old(&self, now: i64) -> Result<u64, CoreError> {
        let mut transaction = self.store().begin().await?;
        let changes = transaction.forget_changes(now.saturating_sub(CHANGES_STAY), CHANGES_KEPT).await?;
        let rows = transaction.forget_old_rows(now.saturating_sub(OLD)).await?;
        transaction.commit().await?;
        Ok(changes.saturating_add(rows))
    }
}
