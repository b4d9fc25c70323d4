//! Wrong authentication strings, by device and address.

use crate::unreadable::columns;
use crate::{Store, StoreError, Transaction};
use cluster::rows::WrongStringsRow;

impl Store {
    /// Those of a device.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn wrong_strings(&self, device: &str) -> Result<Vec<WrongStringsRow>, StoreError> {
        let query = sqlx::query(
            "SELECT devicename, address, scheduledat, wrong, lastat, lockeduntil FROM wrongstrings WHERE devicename = $1 \
             ORDER BY address",
        );
        let read = |row: &sqlx::any::AnyRow| {
            let (device, address, scheduled_at, wrong, last_at, locked_until) = columns(row)?;
            Ok(WrongStringsRow { device, address, scheduled_at, wrong, last_at, locked_until })
        };
        self.read(query.bind(device), read).await
    }
}

impl Transaction {
    /// Puts those of a device in the place of what stood there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_wrong_strings(&mut self, device: &str, rows: &[WrongStringsRow]) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM wrongstrings WHERE devicename = $1").bind(device).execute(self.connection()).await?;
        for row in rows {
            sqlx::query(
                "INSERT INTO wrongstrings (devicename, address, scheduledat, wrong, lastat, lockeduntil) \
                 VALUES ($1, $2, $3, $4, $5, $6)",
            )
            .bind(&row.device)
            .bind(&row.address)
            .bind(row.scheduled_at)
            .bind(row.wrong)
            .bind(row.last_at)
            .bind(row.locked_until)
            .execute(self.connection())
            .await?;
        }
        Ok(())
    }

    /// Forgets those of devices that are gone or scheduled anew, and ends the alarms of these names about such devices.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn end_of_schedules(&mut self, alarms: &[&str]) -> Result<(), StoreError> {
        sqlx::query(
            "DELETE FROM wrongstrings WHERE NOT EXISTS (SELECT 1 FROM device WHERE device.name = devicename \
             AND device.scheduledat = wrongstrings.scheduledat)",
        )
        .execute(self.connection())
        .await?;
        for alarm in alarms {
            sqlx::query(
                "DELETE FROM standingalarm WHERE name = $1 AND NOT EXISTS (SELECT 1 FROM device \
                 WHERE device.name = subject AND device.scheduledat <= raisedat)",
            )
            .bind(*alarm)
            .execute(self.connection())
            .await?;
        }
        Ok(())
    }
}
