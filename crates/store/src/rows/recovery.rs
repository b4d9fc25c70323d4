//! Alarms that stand, ITLs that were reset, ITLRecovery keys that were backed up.

use crate::unreadable::columns;
use crate::{Store, StoreError, Transaction};
use cluster::rows::StandingAlarmRow;

impl Store {
    /// The alarms that stand, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn standing_alarms(&self) -> Result<Vec<StandingAlarmRow>, StoreError> {
        let query = sqlx::query("SELECT name, subject, text, raisedat FROM standingalarm ORDER BY raisedat, name");
        let read = |row: &sqlx::any::AnyRow| {
            let (name, subject, text, raised_at) = columns(row)?;
            Ok(StandingAlarmRow { name, subject, text, raised_at })
        };
        self.read(query, read).await
    }

    /// The ITLs that were reset: key of the node, SHA-256 of the file in hexadecimal.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn itl_resets(&self) -> Result<Vec<(String, String)>, StoreError> {
        self.read(sqlx::query("SELECT fkprocessnode, fingerprint FROM itlreset"), columns).await
    }

    /// When the key of an ITLRecovery certificate (SHA-256 in hexadecimal) was last taken away, milliseconds since 1970 UTC.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn recovery_backup(&self, fingerprint: &str) -> Result<Option<i64>, StoreError> {
        let query = sqlx::query("SELECT takenat FROM recoverybackup WHERE fingerprint = $1").bind(fingerprint);
        let rows: Vec<(i64,)> = self.read(query, columns).await?;
        Ok(rows.first().map(|(at,)| *at))
    }
}

impl Transaction {
    /// Lets an alarm stand. Whether it did not stand before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn raise_alarm(&mut self, alarm: &StandingAlarmRow) -> Result<bool, StoreError> {
        let query = sqlx::query(
            "INSERT INTO standingalarm (name, subject, text, raisedat) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        );
        let query = query.bind(&alarm.name).bind(&alarm.subject).bind(&alarm.text).bind(alarm.raised_at);
        Ok(query.execute(self.connection()).await?.rows_affected() > 0)
    }

    /// Ends an alarm. Whether it stood.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn clear_alarm(&mut self, name: &str, subject: &str) -> Result<bool, StoreError> {
        let query = sqlx::query("DELETE FROM standingalarm WHERE name = $1 AND subject = $2").bind(name).bind(subject);
        Ok(query.execute(self.connection()).await?.rows_affected() > 0)
    }

    /// Notes the ITL that a reset writes for a node.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_itl_reset(&mut self, node: &str, fingerprint: &str, at: i64) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO itlreset (fkprocessnode, fingerprint, resetat) VALUES ($1, $2, $3) \
             ON CONFLICT (fkprocessnode) DO UPDATE SET fingerprint = $2, resetat = $3",
        )
        .bind(node)
        .bind(fingerprint)
        .bind(at)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Forgets the reset of a node's ITL. Whether there was one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn end_itl_reset(&mut self, node: &str) -> Result<bool, StoreError> {
        let query = sqlx::query("DELETE FROM itlreset WHERE fkprocessnode = $1").bind(node);
        Ok(query.execute(self.connection()).await?.rows_affected() > 0)
    }

    /// Notes that the key of an ITLRecovery certificate was taken away.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn note_recovery_backup(&mut self, fingerprint: &str, at: i64) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO recoverybackup (fingerprint, takenat) VALUES ($1, $2) \
             ON CONFLICT (fingerprint) DO UPDATE SET takenat = $2",
        )
        .bind(fingerprint)
        .bind(at)
        .execute(self.connection())
        .await?;
        Ok(())
    }
}
