//! The audit log as people read it: its entries, and whether it is whole.

pub use cluster::rows::AuditRow;
pub use store::audit_log::{AuditFault, AuditVerdict};

use crate::CoreError;
use crate::cluster::Cluster;
use cluster::actor::{Actor, Level};

/// Entries that `utils audit list` prints when no number is given: a screen.
pub const LIST_DEFAULT: i64 = 20;

impl Cluster {
    /// `utils audit verify`: reads all entries and holds them against their chain and against `log/audit.log`.
    ///
    /// # Errors
    /// [`CoreError`]: the level, unreadable.
    pub async fn verify_audit(&self, actor: &Actor) -> Result<AuditVerdict, CoreError> {
        actor.require(Level::Read)?;
        Ok(self.store().verify_audit().await?)
    }

    /// `utils audit list`: the last `count` entries, in order.
    ///
    /// # Errors
    /// [`CoreError`]: the level, unreadable.
    pub async fn last_audit(&self, actor: &Actor, count: i64) -> Result<Vec<AuditRow>, CoreError> {
        actor.require(Level::Read)?;
        Ok(self.store().audit(count).await?)
    }

    /// The entries behind number `seq`, at most 1000 in order; empty at the end. For an export that goes page by page.
    ///
    /// # Errors
    /// [`CoreError`]: the level, unreadable.
    pub async fn audit_after(&self, actor: &Actor, seq: i64) -> Result<Vec<AuditRow>, CoreError> {
        actor.require(Level::Read)?;
        Ok(self.store().audit_after(seq).await?)
    }
}

impl Cluster {
    /// Writes an audit entry on its own, before something is signed or a file is changed: what cannot be written down is not done.
    pub(crate) async fn audit(&self, actor: &str, command: &str, result: &str, now: i64) -> Result<(), CoreError> {
        let mut transaction = self.store().begin().await?;
        transaction.note_audit(now, actor, command, result).await?;
        transaction.commit().await?;
        Ok(())
    }
}
