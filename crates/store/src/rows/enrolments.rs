//! The CAPF block of a device: what is scheduled for it and how that ended.

use std::collections::BTreeMap;

use cluster::rows::{CompletedRow, DeviceRow, EnrolmentRow, ScheduleRow};
use sqlx::Row;
use sqlx::any::AnyRow;

use super::devices::read_device;
use super::maybe_kept;
use crate::unreadable::columns;
use crate::{Store, StoreError, Transaction};

/// Asked every two seconds, so by the index `device_operation`: its condition has to stand here as it stands there.
const OVERDUE: &str =
    "SELECT CAST(COUNT(*) AS BIGINT) FROM device WHERE tkcertificateoperation <> 1 AND upgradefinishtime < $1";

const COLUMNS: &str = "SELECT name, model, CAST(tkcertificateoperation AS BIGINT) AS operation, \
    CAST(tkauthenticationmode AS BIGINT) AS mode, authenticationstring, CAST(tkkeyorder AS BIGINT) AS keyorder, \
    CAST(tkkeysize AS BIGINT) AS rsabits, CAST(tkeckeysize AS BIGINT) AS ecbits, upgradefinishtime, scheduledat, \
    attempts, lockeduntil, ecfailed, CAST(tkcertificatestatus AS BIGINT) AS status, publickey, encryptedconfig, \
    (SELECT CAST(shown.certificate AS BLOB) FROM devicecertificate AS shown WHERE shown.devicename = device.name AND shown.kind = 'MIC') \
    AS mic, CAST((SELECT COUNT(*) FROM lsc WHERE lsc.devicename = device.name AND lsc.tklscstate = 2 \
    AND lsc.tobesigned = '' AND lsc.createdat >= device.scheduledat) AS BIGINT) AS resting";

/// Devices named in one statement: each statement goes to the thread of its connection and back, which takes as long as 20 rows on a machine at
/// rest and far longer on a busy one.
pub const AT_ONCE: usize = 500;

/// `($5, $6)`: places of so many names in a statement, behind others.
fn places(behind: usize, count: usize) -> String {
    let places: Vec<String> = (behind + 1..=behind + count).map(|place| format!("${place}")).collect();
    format!("({})", places.join(", "))
}

fn read(row: &AnyRow) -> Result<EnrolmentRow, StoreError> {
    let device: String = row.try_get("name")?;
    Ok(EnrolmentRow {
        model: row.try_get("model")?,
        operation: row.try_get("operation")?,
        mode: row.try_get("mode")?,
        string: row.try_get("authenticationstring")?,
        key_order: row.try_get("keyorder")?,
        rsa_bits: row.try_get("rsabits")?,
        ec_bits: row.try_get("ecbits")?,
        completes_by: row.try_get("upgradefinishtime")?,
        scheduled_at: row.try_get("scheduledat")?,
        attempts: row.try_get("attempts")?,
        locked_until: row.try_get("lockeduntil")?,
        ec_failed: row.try_get::<String, _>("ecfailed")? == "t",
        status: row.try_get("status")?,
        public_key: row.try_get("publickey")?,
        encrypted: row.try_get::<String, _>("encryptedconfig")? == "t",
        mic: maybe_kept(row, "devicecertificate", &format!("{device}/MIC"), "mic")?,
        device,
        resting: row.try_get::<i64, _>("resting")? != 0,
    })
}

impl Store {
    /// What CAPF knows of all devices, by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn enrolments(&self) -> Result<Vec<EnrolmentRow>, StoreError> {
        self.read(sqlx::query(all_columns(" FROM device ORDER BY name")), read).await
    }

    /// What CAPF knows of a device; `None` when it is not known.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn enrolment(&self, device: &str) -> Result<Option<EnrolmentRow>, StoreError> {
        let row =
            sqlx::query(all_columns(" FROM device WHERE name = $1")).bind(device).fetch_optional(self.pool()).await?;
        row.as_ref().map(read).transpose()
    }

    /// A device and what CAPF knows of it, at one moment; `None` when it is not known.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn enrolled_device(&self, device: &str) -> Result<Option<(DeviceRow, EnrolmentRow)>, StoreError> {
        let sql = all_columns(
            ", description, CAST(tkdeviceprotocol AS BIGINT) AS protocol, CAST(tkdevicesecuritymode AS BIGINT) AS security, \
             versionstamp, (SELECT callmanagergroup.name FROM callmanagergroup \
             WHERE callmanagergroup.pkid = device.fkcallmanagergroup) AS groupname FROM device WHERE name = $1",
        );
        let row = sqlx::query(sql).bind(device).fetch_optional(self.pool()).await?;
        row.map(|row| Ok((read_device(&row)?, read(&row)?))).transpose()
    }

    /// How many devices have an operation whose time is over.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn overdue_operations(&self, now: i64) -> Result<i64, StoreError> {
        Ok(sqlx::query_scalar(OVERDUE).bind(now).fetch_one(self.pool()).await?)
    }
}

/// The statement that reads whole rows. `tail` is a text of this file.
fn all_columns(tail: &'static str) -> sqlx::AssertSqlSafe<String> {
    sqlx::AssertSqlSafe(format!("{COLUMNS}{tail}"))
}

impl Transaction {
    /// What CAPF knows of a device as it stands inside this change.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn enrolment(&mut self, device: &str) -> Result<Option<EnrolmentRow>, StoreError> {
        let row = sqlx::query(all_columns(" FROM device WHERE name = $1"))
            .bind(device)
            .fetch_optional(self.connection())
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// The same for several devices, by name: those that are known.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn enrolments_of(&mut self, devices: &[String]) -> Result<BTreeMap<String, EnrolmentRow>, StoreError> {
        let mut found = BTreeMap::new();
        for devices in devices.chunks(AT_ONCE) {
            // Places and texts of this file: no name stands in the statement.
            let sql = sqlx::AssertSqlSafe(format!("{COLUMNS} FROM device WHERE name IN {}", places(0, devices.len())));
            let query = devices.iter().fold(sqlx::query(sql), |query, device| query.bind(device));
            for row in query.fetch_all(self.connection()).await? {
                let row = read(&row)?;
                found.insert(row.device.clone(), row);
            }
        }
        Ok(found)
    }

    /// Sets the same schedule for several devices, as [`Self::set_schedule`]. Those that are not there are passed over.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_schedules(&mut self, devices: &[String], schedule: &ScheduleRow) -> Result<(), StoreError> {
        for devices in devices.chunks(AT_ONCE) {
            let sql = sqlx::AssertSqlSafe(format!(
                "UPDATE device SET tkcertificateoperation = $1, tkauthenticationmode = $2, upgradefinishtime = $3, \
                 scheduledat = $4, attempts = 0, lockeduntil = 0, tkcertificatestatus = $5, versionstamp = $6 \
                 WHERE name IN {}",
                places(6, devices.len())
            ));
            let query = sqlx::query(sql)
                .bind(schedule.operation)
                .bind(schedule.mode)
                .bind(schedule.completes_by)
                .bind(schedule.scheduled_at)
                .bind(schedule.status)
                .bind(&schedule.version_stamp);
            devices.iter().fold(query, |query, device| query.bind(device)).execute(self.connection()).await?;
        }
        Ok(())
    }

    /// Takes away what is scheduled for several devices: the same, but each keeps its mode.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn end_schedules(&mut self, devices: &[String], end: &ScheduleRow) -> Result<(), StoreError> {
        for devices in devices.chunks(AT_ONCE) {
            let sql = sqlx::AssertSqlSafe(format!(
                "UPDATE device SET tkcertificateoperation = $1, upgradefinishtime = $2, scheduledat = $3, attempts = 0, \
                 lockeduntil = 0, tkcertificatestatus = $4, versionstamp = $5 WHERE name IN {}",
                places(5, devices.len())
            ));
            let query = sqlx::query(sql)
                .bind(end.operation)
                .bind(end.completes_by)
                .bind(end.scheduled_at)
                .bind(end.status)
                .bind(&end.version_stamp);
            devices.iter().fold(query, |query, device| query.bind(device)).execute(self.connection()).await?;
        }
        Ok(())
    }

    /// Sets the schedule of a device; attempts and locks of the one before are forgotten. Whether the device is there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_schedule(&mut self, device: &str, schedule: &ScheduleRow) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "UPDATE device SET tkcertificateoperation = $1, tkauthenticationmode = $2, upgradefinishtime = $3, \
             scheduledat = $4, attempts = 0, lockeduntil = 0, tkcertificatestatus = $5, versionstamp = $6 WHERE name = $7",
        )
        .bind(schedule.operation)
        .bind(schedule.mode)
        .bind(schedule.completes_by)
        .bind(schedule.scheduled_at)
        .bind(schedule.status)
        .bind(&schedule.version_stamp)
        .bind(device)
        .execute(self.connection())
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Sets or takes away the sealed authentication string of a device.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_authentication_string(&mut self, device: &str, sealed: Option<&str>) -> Result<(), StoreError> {
        sqlx::query("UPDATE device SET authenticationstring = $1 WHERE name = $2")
            .bind(sealed)
            .bind(device)
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Sets what keys a device makes; an EC key that it could not make before is asked for again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_keys(&mut self, device: &str, order: i64, rsa_bits: i64, ec_bits: i64) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE device SET tkkeyorder = $1, tkkeysize = $2, tkeckeysize = $3, ecfailed = 'f' WHERE name = $4",
        )
        .bind(order)
        .bind(rsa_bits)
        .bind(ec_bits)
        .bind(device)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Sets whether the config of a device is encrypted.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_encrypted_config(&mut self, device: &str, on: bool, stamp: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE device SET encryptedconfig = $1, versionstamp = $2 WHERE name = $3")
            .bind(if on { "t" } else { "f" })
            .bind(stamp)
            .bind(device)
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Sets the status of a device after a session that ended without success; with it the lock after wrong strings, when
    /// there is a new one, and that an EC key could not be made. Does nothing for another schedule than `scheduled_at`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_failure(
        &mut self,
        device: &str,
        scheduled_at: i64,
        status: Option<i64>,
        locked_until: Option<i64>,
        ec_failed: bool,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE device SET tkcertificatestatus = COALESCE($1, tkcertificatestatus), \
             lockeduntil = COALESCE($2, lockeduntil), ecfailed = CASE WHEN $3 = 't' THEN 't' ELSE ecfailed END \
             WHERE name = $4 AND scheduledat = $5",
        )
        .bind(status)
        .bind(locked_until)
        .bind(if ec_failed { "t" } else { "f" })
        .bind(device)
        .bind(scheduled_at)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Ends every operation whose time is over: the three statuses *User Initiated Request Late/Timeout*. The devices.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn expire_operations(&mut self, now: i64, stamp: &str) -> Result<Vec<String>, StoreError> {
        let query = sqlx::query(
            "SELECT name FROM device WHERE tkcertificateoperation <> 1 AND upgradefinishtime < $1 ORDER BY name",
        )
        .bind(now);
        let names: Vec<(String,)> = self.read(query, columns).await?;
        sqlx::query(
            "UPDATE device SET tkcertificatestatus = CASE tkcertificateoperation WHEN 2 THEN 17 WHEN 3 THEN 26 ELSE 33 END, \
             tkcertificateoperation = 1, upgradefinishtime = NULL, versionstamp = $1 \
             WHERE tkcertificateoperation <> 1 AND upgradefinishtime < $2",
        )
        .bind(stamp)
        .bind(now)
        .execute(self.connection())
        .await?;
        Ok(names.into_iter().map(|(name,)| name).collect())
    }

    /// Ends an operation well: nothing is scheduled any more. A schedule that was made meanwhile stays.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn complete_operation(&mut self, done: &CompletedRow<'_>, scheduled_at: i64) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE device SET publickey = CASE WHEN $1 = 't' THEN $2 ELSE publickey END, versionstamp = $3, \
             tkcertificatestatus = CASE WHEN scheduledat = $4 THEN $5 ELSE tkcertificatestatus END, \
             upgradefinishtime = CASE WHEN scheduledat = $4 THEN NULL ELSE upgradefinishtime END, \
             tkcertificateoperation = CASE WHEN scheduledat = $4 THEN 1 ELSE tkcertificateoperation END WHERE name = $6",
        )
        .bind(if done.public_key.is_some() { "t" } else { "f" })
        .bind(done.public_key.flatten())
        .bind(done.version_stamp)
        .bind(scheduled_at)
        .bind(done.status)
        .bind(done.device)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Forgets the public key of a device: it has no LSC that counts.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_public_key(&mut self, device: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE device SET publickey = NULL WHERE name = $1")
            .bind(device)
            .execute(self.connection())
            .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_asked_all_the_time_reads_no_whole_table() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("ringfence.db"), true).await.unwrap();
        let plan = sqlx::query(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {OVERDUE}"))).bind(1_i64);
        let rows = plan.fetch_all(store.pool()).await.unwrap();
        let plan: Vec<String> = rows.iter().map(|row| row.try_get("detail").unwrap()).collect();
        assert_eq!(plan, ["SEARCH device USING INDEX device_operation (upgradefinishtime<?)"]);
    }
}
