//! What wants restarts, and which of them were done.

use crate::unreadable::columns;
use crate::{Store, StoreError, Transaction};
use cluster::rows::RestartRow;

impl Store {
    /// The last change of each kind on each node.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn restart_causes(&self) -> Result<Vec<RestartRow>, StoreError> {
        let rows = sqlx::query("SELECT fkprocessnode, cause, at FROM restartcause ORDER BY fkprocessnode, at, cause");
        self.read(rows, |columns_of| Ok(row(columns(columns_of)?))).await
    }

    /// When each step was last done on each node.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn restarts_done(&self) -> Result<Vec<RestartRow>, StoreError> {
        let rows = sqlx::query("SELECT fkprocessnode, step, at FROM restartdone ORDER BY fkprocessnode, step");
        self.read(rows, |columns_of| Ok(row(columns(columns_of)?))).await
    }
}

fn row((node, what, at): (String, String, i64)) -> RestartRow {
    RestartRow { node, what, at }
}

impl Transaction {
    /// Notes that something changed on a node. It counts as later than every step that was done before, however the clock went.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn note_restart_cause(&mut self, node: &str, cause: &str, at: i64) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO restartcause (fkprocessnode, cause, at) \
             SELECT $1, $2, MAX($3, COALESCE((SELECT MAX(at) + 1 FROM restartdone WHERE at < 9223372036854775807), 0)) WHERE TRUE \
             ON CONFLICT (fkprocessnode, cause) DO UPDATE SET at = excluded.at",
        )
        .bind(node)
        .bind(cause)
        .bind(at)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Notes that a step was done on a node. It counts as later than every change before, however the clock went.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn note_restart_done(&mut self, node: &str, step: &str, at: i64) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO restartdone (fkprocessnode, step, at) \
             SELECT $1, $2, MAX($3, COALESCE((SELECT MAX(at) FROM restartcause WHERE at < 9223372036854775807), 0)) WHERE TRUE \
             ON CONFLICT (fkprocessnode, step) DO UPDATE SET at = excluded.at",
        )
        .bind(node)
        .bind(step)
        .bind(at)
        .execute(self.connection())
        .await?;
        Ok(())
    }
}
