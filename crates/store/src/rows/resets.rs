//! Resets that are owed to phones because a certificate changed.

use crate::unreadable::columns;
use crate::{Store, StoreError, Transaction};
use cluster::rows::PendingResetRow;

/// Row of `processconfig` that is ours: the last number that a change was given, so that the lines of `certCN.log` count on.
const LAST_NUMBER: &str = "RingfenceLastReset";

const COLUMNS: &str = "SELECT seq, at, servername, CAST(tkcertificateservice AS BIGINT), fingerprint, oldserialnumber \
                       FROM pendingreset ORDER BY seq";

type Columns = (i64, i64, String, i64, String, String);

fn read((seq, at, server_name, service, fingerprint, old_serial): Columns) -> PendingResetRow {
    PendingResetRow { seq, at, server_name, service, fingerprint, old_serial }
}

impl Store {
    /// What is owed, in order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn pending_resets(&self) -> Result<Vec<PendingResetRow>, StoreError> {
        self.read(sqlx::query(COLUMNS), |row| Ok(read(columns(row)?))).await
    }
}

/// Names of one statement: the database takes 32 766 values in one.
const NAMES: usize = 1000;

impl Store {
    /// The phones of a reset (its number in `change`), by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn device_resets(&self, change: i64) -> Result<Vec<String>, StoreError> {
        let query = sqlx::query("SELECT devicename FROM devicereset WHERE changeseq = $1 ORDER BY devicename");
        let rows: Vec<(String,)> = self.read(query.bind(change), columns).await?;
        Ok(rows.into_iter().map(|(name,)| name).collect())
    }
}

impl Transaction {
    /// Notes by name the phones of the reset that was noted last.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_device_resets(&mut self, names: &[&str]) -> Result<(), StoreError> {
        for some in names.chunks(NAMES) {
            let values: Vec<String> = (1..=some.len()).map(|number| format!("(${number})")).collect();
            let statement = format!(
                "WITH v (name) AS (VALUES {}) INSERT INTO devicereset (changeseq, devicename) \
                 SELECT (SELECT MAX(seq) FROM change WHERE kind = 'reset' AND seq < 9223372036854775807), name FROM v",
                values.join(", ")
            );
            let mut query = sqlx::query(sqlx::AssertSqlSafe(statement)).persistent(false);
            for name in some {
                query = query.bind(*name);
            }
            query.execute(self.connection()).await?;
        }
        Ok(())
    }

    /// Keeps the phones of so many resets, the last ones.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_device_resets(&mut self, keep: i64) -> Result<(), StoreError> {
        let query = sqlx::query(
            "DELETE FROM devicereset WHERE changeseq NOT IN \
             (SELECT DISTINCT changeseq FROM devicereset ORDER BY changeseq DESC LIMIT $1)",
        );
        query.bind(keep).execute(self.connection()).await?;
        Ok(())
    }

    /// What is owed as it stands inside this change, in order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn pending_resets(&mut self) -> Result<Vec<PendingResetRow>, StoreError> {
        self.read(sqlx::query(COLUMNS), |row| Ok(read(columns(row)?))).await
    }

    /// Notes that phones have to be reset for a change; once for the same certificate of a node and unit.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn note_pending_reset(&mut self, reset: &PendingResetRow) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO pendingreset (seq, at, servername, tkcertificateservice, fingerprint, oldserialnumber) \
             VALUES ((SELECT COALESCE(MAX(seq), 0) + 1 FROM (SELECT seq FROM pendingreset UNION ALL \
             SELECT CAST(paramvalue AS INTEGER) FROM processconfig WHERE paramname = $6) \
             WHERE seq < 9223372036854775807), $1, $2, $3, $4, $5) \
             ON CONFLICT (servername, tkcertificateservice, fingerprint) DO NOTHING",
        )
        .bind(reset.at)
        .bind(&reset.server_name)
        .bind(reset.service)
        .bind(&reset.fingerprint)
        .bind(&reset.old_serial)
        .bind(LAST_NUMBER)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Takes away what is owed. Its numbers are not given again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_pending_resets(&mut self) -> Result<(), StoreError> {
        let last: Option<i64> = sqlx::query_scalar("SELECT MAX(seq) FROM pendingreset WHERE seq < 9223372036854775807")
            .fetch_one(self.connection())
            .await?;
        if let Some(last) = last {
            self.set_parameter(LAST_NUMBER, &last.to_string()).await?;
        }
        sqlx::query("DELETE FROM pendingreset").execute(self.connection()).await?;
        Ok(())
    }
}
