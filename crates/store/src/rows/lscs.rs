//! LSCs: every certificate that was ever to be signed for a device, and what became of it.

use cluster::rows::{LscRow, LscState, NewLsc};
use sqlx::Row;
use sqlx::any::AnyRow;

use super::maybe_kept;
use crate::unreadable::columns;
use crate::{Store, StoreError, Transaction};
use cluster::rows::keys::lsc_key;

const ALL: &str = "SELECT pkid, devicename, serialnumber, subjectname, issuername, issuerfingerprint, notbefore, notafter, \
    tobesigned, CAST(certificate AS BLOB) AS certificate, CAST(tklscstate AS BIGINT) AS state, createdat, changedat FROM lsc";

fn read(row: &AnyRow) -> Result<LscRow, StoreError> {
    let state: i64 = row.try_get("state")?;
    let state = LscState::from_number(state)
        .ok_or_else(|| StoreError::BadRow { table: "lsc", reason: format!("state {state}") })?;
    let pkid: String = row.try_get("pkid")?;
    Ok(LscRow {
        device: row.try_get("devicename")?,
        serial: row.try_get("serialnumber")?,
        subject: row.try_get("subjectname")?,
        issuer: row.try_get("issuername")?,
        issuer_fingerprint: row.try_get("issuerfingerprint")?,
        not_before: row.try_get("notbefore")?,
        not_after: row.try_get("notafter")?,
        to_be_signed: row.try_get("tobesigned")?,
        pem: maybe_kept(row, "lsc", &pkid, "certificate")?,
        pkid,
        state,
        created_at: row.try_get("createdat")?,
        changed_at: row.try_get("changedat")?,
    })
}

/// The statement that reads whole rows. `tail` is a text of this file.
fn all_columns(tail: &'static str) -> sqlx::AssertSqlSafe<String> {
    sqlx::AssertSqlSafe(format!("{ALL}{tail}"))
}

impl Store {
    /// All LSCs that were ever to be signed, by device and age.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lscs(&self) -> Result<Vec<LscRow>, StoreError> {
        self.read(sqlx::query(all_columns(" ORDER BY devicename, createdat, pkid")), read).await
    }

    /// The current LSCs of all devices.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn current_lscs(&self) -> Result<Vec<LscRow>, StoreError> {
        let query = sqlx::query(all_columns(" WHERE tklscstate = 3 ORDER BY devicename"));
        self.read(query, read).await
    }

    /// The LSCs of a device, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lscs_of(&self, device: &str) -> Result<Vec<LscRow>, StoreError> {
        let query = sqlx::query(all_columns(" WHERE devicename = $1 ORDER BY createdat, pkid")).bind(device);
        self.read(query, read).await
    }

    /// The current LSC of a device.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn current_lsc(&self, device: &str) -> Result<Option<LscRow>, StoreError> {
        let query = sqlx::query(all_columns(" WHERE devicename = $1 AND tklscstate = 3")).bind(device);
        Ok(self.read(query, read).await?.pop())
    }

    /// What became of the LSC with this SHA-256 (lower-case hexadecimal); `None` when it is none of ours.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lsc_state(&self, fingerprint: &str) -> Result<Option<LscState>, StoreError> {
        let query = sqlx::query_scalar("SELECT CAST(tklscstate AS BIGINT) FROM lsc WHERE fingerprint = $1");
        let state: Option<i64> = query.bind(fingerprint).fetch_optional(self.pool()).await?;
        Ok(state.and_then(LscState::from_number))
    }
}

impl Store {
    /// The device of each LSC that hangs on a CAPF certificate (SHA-256, lower-case hexadecimal), by name: those that phones
    /// may hold.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn devices_with_lscs_of(&self, issuer_fingerprint: &str) -> Result<Vec<String>, StoreError> {
        let query = sqlx::query(
            "SELECT devicename FROM lsc WHERE issuerfingerprint = $1 AND tklscstate IN (2, 3) ORDER BY devicename",
        );
        let rows: Vec<(String,)> = self.read(query.bind(issuer_fingerprint), columns).await?;
        Ok(rows.into_iter().map(|(name,)| name).collect())
    }
}

impl Transaction {
    /// The LSCs of a device that were signed since this time, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lscs_since(&mut self, device: &str, since: i64) -> Result<Vec<LscRow>, StoreError> {
        let tail = " WHERE devicename = $1 AND createdat >= $2 AND certificate IS NOT NULL ORDER BY createdat, pkid";
        self.read(sqlx::query(all_columns(tail)).bind(device).bind(since), read).await
    }

    /// Ends every LSC that a device may hold. How many there were.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete_lscs(&mut self, device: &str, now: i64) -> Result<u64, StoreError> {
        let done = sqlx::query(
            "UPDATE lsc SET tklscstate = CASE tklscstate WHEN 1 THEN 4 ELSE 5 END, changedat = $1 \
             WHERE devicename = $2 AND tklscstate IN (1, 2, 3)",
        )
        .bind(now)
        .bind(device)
        .execute(self.connection())
        .await?;
        Ok(done.rows_affected())
    }

    /// Ends one LSC. Whether a phone could hold it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete_lsc(&mut self, key: &str, now: i64) -> Result<bool, StoreError> {
        let done =
            sqlx::query("UPDATE lsc SET tklscstate = 5, changedat = $1 WHERE pkid = $2 AND tklscstate IN (2, 3)")
                .bind(now)
                .bind(key)
                .execute(self.connection())
                .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Takes over a certificate that another program has issued, as the current one of its device: all others of the device end.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn import_lsc(&mut self, new: &NewLsc, pem: &str, fingerprint: &str, now: i64) -> Result<(), StoreError> {
        let key = lsc_key(new);
        sqlx::query(
            "UPDATE lsc SET tklscstate = 4, changedat = $1 \
             WHERE devicename = $2 AND tklscstate IN (1, 2, 3) AND pkid <> $3",
        )
        .bind(now)
        .bind(&new.device)
        .bind(&key)
        .execute(self.connection())
        .await?;
        if !self.insert_lsc(new, pem, fingerprint, LscState::Confirmed, now).await? {
            sqlx::query("UPDATE lsc SET tklscstate = 3, changedat = $1 WHERE pkid = $2")
                .bind(now)
                .bind(&key)
                .execute(self.connection())
                .await?;
        }
        Ok(())
    }

    /// Takes over a certificate that an offline CA has signed: *Signed*, to be sent to its phone. `false`: one with this issuer and
    /// serial number is on record already; nothing changed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_signed_lsc(
        &mut self,
        new: &NewLsc,
        pem: &str,
        fingerprint: &str,
        now: i64,
    ) -> Result<bool, StoreError> {
        self.insert_lsc(new, pem, fingerprint, LscState::Signed, now).await
    }

    async fn insert_lsc(
        &mut self,
        new: &NewLsc,
        pem: &str,
        fingerprint: &str,
        state: LscState,
        now: i64,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "INSERT INTO lsc (pkid, devicename, serialnumber, subjectname, issuername, issuerfingerprint, notbefore, \
             notafter, tobesigned, certificate, fingerprint, tklscstate, createdat, changedat) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13) ON CONFLICT (pkid) DO NOTHING",
        )
        .bind(lsc_key(new))
        .bind(&new.device)
        .bind(&new.serial)
        .bind(&new.subject)
        .bind(&new.issuer)
        .bind(&new.issuer_fingerprint)
        .bind(new.not_before)
        .bind(new.not_after)
        .bind(&new.to_be_signed)
        .bind(pem)
        .bind(fingerprint)
        .bind(state as i64)
        .bind(now)
        .execute(self.connection())
        .await?;
        Ok(done.rows_affected() > 0)
    }
}
