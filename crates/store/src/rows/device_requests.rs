//! Keys of phones that wait for the certificate of an offline CA.

use cluster::rows::DeviceRequestRow;
use sqlx::Row;

use super::kept;
use crate::{Store, StoreError, Transaction};

impl Store {
    /// The requests whose operation is still the one that is scheduled, by device.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn device_requests(&self) -> Result<Vec<DeviceRequestRow>, StoreError> {
        let query = sqlx::query(
            "SELECT devicename, CAST(request AS BLOB) AS request, devicerequest.publickey AS publickey, keyid, \
             devicerequest.scheduledat AS scheduledat, createdat \
             FROM devicerequest JOIN device ON device.name = devicename AND device.scheduledat = devicerequest.scheduledat \
             WHERE tkcertificateoperation = 2 ORDER BY devicename",
        );
        let read = |row: &sqlx::any::AnyRow| {
            let device: String = row.try_get("devicename")?;
            Ok(DeviceRequestRow {
                request: kept(row, "devicerequest", &device, "request")?,
                device,
                public_key: row.try_get("publickey")?,
                key_id: row.try_get("keyid")?,
                scheduled_at: row.try_get("scheduledat")?,
                created_at: row.try_get("createdat")?,
            })
        };
        self.read(query, read).await
    }

    /// Whether the request of a device waits, made under this schedule.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn has_device_request(&self, device: &str, scheduled_at: i64) -> Result<bool, StoreError> {
        let count: i64 = sqlx::query_scalar(
            "SELECT CAST(COUNT(*) AS BIGINT) FROM devicerequest WHERE devicename = $1 AND scheduledat = $2",
        )
        .bind(device)
        .bind(scheduled_at)
        .fetch_one(self.pool())
        .await?;
        Ok(count > 0)
    }
}

impl Transaction {
    /// The id of the key of a device that waits, handed in under this schedule.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn key_that_waits(&mut self, device: &str, scheduled_at: i64) -> Result<Option<String>, StoreError> {
        let query = sqlx::query_scalar("SELECT keyid FROM devicerequest WHERE devicename = $1 AND scheduledat = $2");
        Ok(query.bind(device).bind(scheduled_at).fetch_optional(self.connection()).await?)
    }

    /// Keeps a request, in the place of the one before, and counts the attempt. `false`: something else is scheduled by now,
    /// so nothing is kept.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_device_request(&mut self, request: &DeviceRequestRow) -> Result<bool, StoreError> {
        let current = sqlx::query(
            "UPDATE device SET attempts = attempts + 1 WHERE name = $1 AND scheduledat = $2 \
             AND tkcertificateoperation = 2",
        )
        .bind(&request.device)
        .bind(request.scheduled_at)
        .execute(self.connection())
        .await?;
        if current.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query(
            "INSERT INTO devicerequest (devicename, request, publickey, keyid, scheduledat, createdat) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (devicename) DO UPDATE SET request = excluded.request, \
             publickey = excluded.publickey, keyid = excluded.keyid, scheduledat = excluded.scheduledat, \
             createdat = excluded.createdat",
        )
        .bind(&request.device)
        .bind(request.request.text().into_owned())
        .bind(&request.public_key)
        .bind(&request.key_id)
        .bind(request.scheduled_at)
        .bind(request.created_at)
        .execute(self.connection())
        .await?;
        Ok(true)
    }

    /// Forgets the request of a device. Whether there was one with this key.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_device_request(&mut self, device: &str, key_id: &str) -> Result<bool, StoreError> {
        let done = sqlx::query("DELETE FROM devicerequest WHERE devicename = $1 AND keyid = $2")
            .bind(device)
            .bind(key_id)
            .execute(self.connection())
            .await?;
        Ok(done.rows_affected() > 0)
    }
}
