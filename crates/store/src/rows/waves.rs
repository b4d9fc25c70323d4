//! Waves: one operation for many devices, in batches, so that it can be stopped and gone on with.

use cluster::rows::{WaveDeviceRow, WaveRow};
use sqlx::Row;

use crate::{Store, StoreError, Transaction};

impl Store {
    /// The last wave.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn last_wave(&self) -> Result<Option<WaveRow>, StoreError> {
        let query = sqlx::query(
            "SELECT number, state, reason, batchsize, stopat, CAST(tkauthenticationmode AS BIGINT) AS mode, timeallowed, \
             startedat FROM wave ORDER BY number DESC LIMIT 1",
        );
        let read = |row: &sqlx::any::AnyRow| {
            Ok(WaveRow {
                number: row.try_get("number")?,
                state: row.try_get("state")?,
                reason: row.try_get("reason")?,
                batch_size: row.try_get("batchsize")?,
                stop_at: row.try_get("stopat")?,
                mode: row.try_get("mode")?,
                time_allowed: row.try_get("timeallowed")?,
                started_at: row.try_get("startedat")?,
            })
        };
        Ok(self.read(query, read).await?.pop())
    }

    /// The devices of a wave, by batch and name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn wave_devices(&self, wave: i64) -> Result<Vec<WaveDeviceRow>, StoreError> {
        let query = sqlx::query(
            "SELECT wavedevice.devicename AS devicename, batch, state, wavedevice.scheduledat AS scheduledat, \
             CAST(device.tkcertificatestatus AS BIGINT) AS status, device.scheduledat AS devicescheduledat FROM wavedevice \
             LEFT JOIN device ON device.name = wavedevice.devicename WHERE fkwave = $1 ORDER BY batch, devicename",
        )
        .bind(wave);
        let read = |row: &sqlx::any::AnyRow| {
            Ok(WaveDeviceRow {
                device: row.try_get("devicename")?,
                batch: row.try_get("batch")?,
                state: row.try_get("state")?,
                scheduled_at: row.try_get("scheduledat")?,
                status: row.try_get("status")?,
                device_scheduled_at: row.try_get("devicescheduledat")?,
            })
        };
        self.read(query, read).await
    }
}

impl Transaction {
    /// Adds a wave with its devices and their batches. Its number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn insert_wave(&mut self, wave: &WaveRow, devices: &[(String, i64)]) -> Result<i64, StoreError> {
        let number: i64 = sqlx::query_scalar(
            "SELECT CAST(COALESCE(MAX(number), 0) + 1 AS BIGINT) FROM wave WHERE number < 9223372036854775807",
        )
        .fetch_one(self.connection())
        .await?;
        sqlx::query(
            "INSERT INTO wave (number, state, reason, batchsize, stopat, tkauthenticationmode, timeallowed, startedat) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(number)
        .bind(&wave.state)
        .bind(&wave.reason)
        .bind(wave.batch_size)
        .bind(wave.stop_at)
        .bind(wave.mode)
        .bind(wave.time_allowed)
        .bind(wave.started_at)
        .execute(self.connection())
        .await?;
        for devices in devices.chunks(super::enrolments::AT_ONCE) {
            let rows: Vec<String> =
                (1..=devices.len()).map(|row| format!("($1, ${}, ${}, 'planned', 0)", 2 * row, 2 * row + 1)).collect();
            // Places only: no name stands in the statement.
            let sql = sqlx::AssertSqlSafe(format!(
                "INSERT INTO wavedevice (fkwave, devicename, batch, state, scheduledat) VALUES {}",
                rows.join(", ")
            ));
            let query = sqlx::query(sql).bind(number);
            let query = devices.iter().fold(query, |query, (device, batch)| query.bind(device).bind(*batch));
            query.execute(self.connection()).await?;
        }
        Ok(number)
    }

    /// Sets the state of a wave.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_wave_state(&mut self, number: i64, state: &str, reason: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE wave SET state = $1, reason = $2 WHERE number = $3")
            .bind(state)
            .bind(reason)
            .bind(number)
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Sets the state of a device in a wave, its batch too.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_wave_device(
        &mut self,
        wave: i64,
        device: &str,
        batch: i64,
        state: &str,
        scheduled_at: i64,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE wavedevice SET batch = $1, state = $2, scheduledat = $3 WHERE fkwave = $4 AND devicename = $5",
        )
        .bind(batch)
        .bind(state)
        .bind(scheduled_at)
        .bind(wave)
        .bind(device)
        .execute(self.connection())
        .await?;
        Ok(())
    }
}
