//! Changes for those who listen.

use crate::unreadable::columns;
use crate::{Store, StoreError, Transaction};

/// Something changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeRow {
    /// Number, ascending.
    pub seq: i64,
    /// When, milliseconds since 1970 UTC.
    pub at: i64,
    /// What kind of thing: `certificate`, `parameter`, `device`, `service`, `list`, `reset`.
    pub kind: String,
    /// Which one.
    pub subject: String,
}

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
