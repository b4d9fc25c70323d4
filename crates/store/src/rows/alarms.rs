//! Alarms on their way: the number of a line, and what a receiver has not taken yet.

use crate::unreadable::columns;
use crate::{Store, StoreError, Transaction};
use cluster::rows::{StandingAlarmRow, ToldAlarmRow, UndeliveredRow};

impl Store {
    /// What waits for a receiver, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn undelivered_alarms(&self, receiver: &str) -> Result<Vec<UndeliveredRow>, StoreError> {
        let query = sqlx::query(
            "SELECT seq, alarm, CAST(severity AS BIGINT), text, at FROM undeliveredalarm WHERE receiver = $1 ORDER BY seq",
        )
        .bind(receiver);
        let read = |row: &sqlx::any::AnyRow| {
            let (seq, alarm, severity, text, at): (i64, String, i64, String, i64) = columns(row)?;
            let severity = u8::try_from(severity).ok().filter(|severity| *severity <= 7);
            let severity = severity.ok_or_else(|| StoreError::BadRow {
                table: "undeliveredalarm",
                reason: format!("severity of alarm {seq}"),
            })?;
            Ok(UndeliveredRow { seq, alarm, severity, text, at })
        };
        self.read(query, read).await
    }

    /// Those that receivers were told of and that stand no more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn ended_alarms(&self) -> Result<Vec<ToldAlarmRow>, StoreError> {
        let query = sqlx::query(
            "SELECT name, subject, fkprocessnode, message FROM toldalarm WHERE NOT EXISTS (SELECT 1 FROM standingalarm \
             WHERE standingalarm.name = toldalarm.name AND standingalarm.subject = toldalarm.subject) ORDER BY name, subject",
        );
        let read = |row: &sqlx::any::AnyRow| {
            let (name, subject, node, message) = columns(row)?;
            Ok(ToldAlarmRow { name, subject, node, message })
        };
        self.read(query, read).await
    }

    /// Those that stand and that nobody was told of, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn untold_alarms(&self) -> Result<Vec<StandingAlarmRow>, StoreError> {
        let query = sqlx::query(
            "SELECT name, subject, text, raisedat FROM standingalarm WHERE NOT EXISTS (SELECT 1 FROM toldalarm \
             WHERE toldalarm.name = standingalarm.name AND toldalarm.subject = standingalarm.subject) ORDER BY raisedat, name",
        );
        let read = |row: &sqlx::any::AnyRow| {
            let (name, subject, text, raised_at) = columns(row)?;
            Ok(StandingAlarmRow { name, subject, text, raised_at })
        };
        self.read(query, read).await
    }
}

impl Transaction {
    /// The number of the next line in the `alarms.log` of a node (key of its row); the first is 1.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn next_alarm_number(&mut self, node: &str) -> Result<i64, StoreError> {
        let query = sqlx::query_scalar(
            "INSERT INTO alarmnumber (fkprocessnode, last) VALUES ($1, 1) \
             ON CONFLICT (fkprocessnode) DO UPDATE SET last = CAST(last AS BIGINT) + 1 RETURNING last",
        );
        Ok(query.bind(node).fetch_one(self.connection()).await?)
    }

    /// Lets an alarm wait for a receiver; its number is given here.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_undelivered_alarm(&mut self, receiver: &str, alarm: &UndeliveredRow) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO undeliveredalarm (seq, receiver, alarm, severity, text, at) \
             VALUES ((SELECT COALESCE(MAX(seq), 0) + 1 FROM undeliveredalarm WHERE seq < 9223372036854775807), $1, $2, $3, $4, $5)",
        )
        .bind(receiver)
        .bind(&alarm.alarm)
        .bind(i64::from(alarm.severity))
        .bind(&alarm.text)
        .bind(alarm.at)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Notes that receivers are told of an alarm that stands. Whether they were not yet.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn note_told_alarm(&mut self, told: &ToldAlarmRow) -> Result<bool, StoreError> {
        let query = sqlx::query(
            "INSERT INTO toldalarm (name, subject, fkprocessnode, message) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        );
        let query = query.bind(&told.name).bind(&told.subject).bind(&told.node).bind(&told.message);
        Ok(query.execute(self.connection()).await?.rows_affected() > 0)
    }

    /// Forgets one that has ended. Whether it was there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_told_alarm(&mut self, name: &str, subject: &str) -> Result<bool, StoreError> {
        let query = sqlx::query("DELETE FROM toldalarm WHERE name = $1 AND subject = $2").bind(name).bind(subject);
        Ok(query.execute(self.connection()).await?.rows_affected() > 0)
    }

    /// Keeps so many for a receiver: the gravest, and the newest of those. How many were dropped.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn limit_undelivered_alarms(&mut self, receiver: &str, limit: i64) -> Result<u64, StoreError> {
        let query = sqlx::query(
            "DELETE FROM undeliveredalarm WHERE receiver = $1 AND seq NOT IN \
             (SELECT seq FROM undeliveredalarm WHERE receiver = $1 ORDER BY severity, seq DESC LIMIT $2)",
        );
        Ok(query.bind(receiver).bind(limit).execute(self.connection()).await?.rows_affected())
    }

    /// Forgets what a receiver has taken: all up to this number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_undelivered_alarms(&mut self, receiver: &str, up_to: i64) -> Result<(), StoreError> {
        let query = sqlx::query("DELETE FROM undeliveredalarm WHERE receiver = $1 AND seq <= $2");
        query.bind(receiver).bind(up_to).execute(self.connection()).await?;
        Ok(())
    }
}
