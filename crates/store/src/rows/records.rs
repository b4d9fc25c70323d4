//! Changes for those who listen, up to where each node has taken them over, and what is forgotten of them and of other rows that only grow.

use super::nodes::ENTERPRISE_WIDE;
use crate::unreadable::columns;
use crate::{Store, StoreError, Transaction};
use cluster::rows::ChangeRow;

impl Store {
    /// The changes after `seq`, in order; at most 10000 at a time.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn changes_after(&self, seq: i64) -> Result<Vec<ChangeRow>, StoreError> {
        let query = sqlx::query("SELECT seq, at, kind, subject FROM change WHERE seq > $1 ORDER BY seq LIMIT 10000");
        let read = |row: &sqlx::any::AnyRow| {
            let (seq, at, kind, subject) = columns(row)?;
            Ok(ChangeRow { seq, at, kind, subject })
        };
        self.read(query.bind(seq), read).await
    }
}

impl Transaction {
    /// Notes up to which change a node (key of its row) has taken over what changed.
    ///
    /// # Errors
    /// [`StoreError`]: no such node.
    pub async fn put_taken_change(&mut self, node: &str, seq: i64) -> Result<(), StoreError> {
        let query = sqlx::query(
            "INSERT INTO takenchange (fkprocessnode, seq) VALUES ($1, $2) ON CONFLICT (fkprocessnode) DO UPDATE SET seq = $2",
        );
        query.bind(node).bind(seq).execute(self.connection()).await?;
        Ok(())
    }

    /// Forgets the changes before a time that every node has taken over, and all but the last `keep`, which a node that is away for too long
    /// would otherwise hold. The last one stays: the next has the number behind it. How many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_changes(&mut self, before: i64, keep: i64) -> Result<u64, StoreError> {
        let last = "(SELECT MAX(seq) FROM change WHERE seq < 9223372036854775807)";
        let taken = format!(
            "(SELECT MIN(COALESCE(CAST(takenchange.seq AS BIGINT), 0)) FROM processnode LEFT JOIN takenchange \
             ON takenchange.fkprocessnode = processnode.pkid WHERE processnode.pkid <> '{ENTERPRISE_WIDE}')"
        );
        let statement =
            format!("DELETE FROM change WHERE seq < {last} AND (seq <= {last} - $1 OR (seq <= {taken} AND at < $2))");
        let query = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(keep).bind(before);
        Ok(query.execute(self.connection()).await?.rows_affected())
    }

    /// Forgets the waves that began before a time, but for the last one, and the notices of before it about certificates that are gone. How
    /// many rows.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_old_rows(&mut self, before: i64) -> Result<u64, StoreError> {
        let mut gone = 0;
        for statement in [
            "DELETE FROM wavedevice WHERE fkwave IN (SELECT number FROM wave WHERE startedat < $1 AND state = 'done') \
             AND fkwave < (SELECT MAX(number) FROM wave)",
            "DELETE FROM wave WHERE startedat < $1 AND state = 'done' AND number < (SELECT MAX(number) FROM wave)",
            "DELETE FROM certificatenotice WHERE saidat < $1 \
             AND NOT EXISTS (SELECT 1 FROM certificate WHERE certificate.fingerprint = certificatenotice.fingerprint) \
             AND NOT EXISTS (SELECT 1 FROM lsc WHERE lsc.fingerprint = certificatenotice.fingerprint AND tklscstate = 3)",
        ] {
            gone += sqlx::query(statement).bind(before).execute(self.connection()).await?.rows_affected();
        }
        Ok(gone)
    }

    /// Notes a change.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn note_change(&mut self, at: i64, kind: &str, subject: &str) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO change (seq, at, kind, subject) \
             VALUES ((SELECT COALESCE(MAX(seq), 0) + 1 FROM change WHERE seq < 9223372036854775807), $1, $2, $3)",
        )
        .bind(at)
        .bind(kind)
        .bind(subject)
        .execute(self.connection())
        .await?;
        Ok(())
    }
}
