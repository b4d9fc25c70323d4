//! Pages of what was issued to phones: a page begins behind a key, so that a million rows cost the memory of one page.

use cluster::rows::{Kept, LscFilter, LscLine, LscState};
use sqlx::Row;
use sqlx::any::AnyRow;

use super::kept;
use crate::unreadable::columns;
use crate::{Store, StoreError};

/// Rows of a page.
pub const PAGE: i64 = 1000;

const COLUMNS: &str = "SELECT pkid, devicename, serialnumber, subjectname, issuername, issuerfingerprint, notbefore, \
    notafter, fingerprint, CAST(tklscstate AS BIGINT) AS state FROM lsc WHERE ";

const FILTER: &str = " AND ($3 = '' OR instr(lower(subjectname), lower($3)) > 0) \
    AND ($4 = '' OR instr(lower(issuername), lower($4)) > 0) AND notafter <= $5 AND ($6 = 0 OR tklscstate IN (2, 3)) \
    ORDER BY devicename, pkid LIMIT $7";

fn line(row: &AnyRow) -> Result<LscLine, StoreError> {
    let state: i64 = row.try_get("state")?;
    let state = LscState::from_number(state)
        .ok_or_else(|| StoreError::BadRow { table: "lsc", reason: format!("state {state}") })?;
    Ok(LscLine {
        pkid: row.try_get("pkid")?,
        device: row.try_get("devicename")?,
        serial: row.try_get("serialnumber")?,
        subject: row.try_get("subjectname")?,
        issuer: row.try_get("issuername")?,
        issuer_fingerprint: row.try_get("issuerfingerprint")?,
        not_before: row.try_get("notbefore")?,
        not_after: row.try_get("notafter")?,
        fingerprint: row.try_get("fingerprint")?,
        state,
    })
}

impl Store {
    /// The LSCs behind (device, key), by these; at most `PAGE`. Both texts are empty for the first page.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lscs_page(&self, filter: &LscFilter, behind: (&str, &str)) -> Result<Vec<LscLine>, StoreError> {
        let place = if filter.device.is_empty() {
            "(devicename, pkid) > ($1, $2)"
        } else {
            // The device stands in the place of the last one, so that the index leads to its rows alone.
            "devicename = $1 AND pkid > $2"
        };
        let device = if filter.device.is_empty() { behind.0 } else { &filter.device };
        let query = sqlx::query(sqlx::AssertSqlSafe(format!("{COLUMNS}{place}{FILTER}")))
            .bind(device)
            .bind(behind.1)
            .bind(&filter.subject)
            .bind(&filter.issuer)
            .bind(filter.expires_by.unwrap_or(i64::MAX))
            .bind(i64::from(filter.held))
            .bind(PAGE);
        self.read(query, line).await
    }

    /// How many LSCs there are, of all states.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lsc_count(&self) -> Result<i64, StoreError> {
        Ok(sqlx::query_scalar("SELECT CAST(COUNT(*) AS BIGINT) FROM lsc").fetch_one(self.pool()).await?)
    }

    /// How many LSCs that phones may hold hang on each CAPF certificate, by its SHA-256.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lscs_by_issuer(&self) -> Result<Vec<(String, i64)>, StoreError> {
        let query = sqlx::query(
            "SELECT issuerfingerprint, CAST(COUNT(*) AS BIGINT) FROM lsc WHERE tklscstate IN (2, 3) \
             GROUP BY issuerfingerprint ORDER BY issuerfingerprint",
        );
        self.read(query, columns).await
    }

    /// The certificates that phones have shown behind (device, kind), by these: device, kind, PEM; at most `PAGE`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn shown_page(&self, behind: (&str, &str)) -> Result<Vec<(String, String, Kept)>, StoreError> {
        let query = sqlx::query(
            "SELECT devicename, kind, CAST(certificate AS BLOB) AS certificate FROM devicecertificate WHERE (devicename, kind) > ($1, $2) \
             ORDER BY devicename, kind LIMIT $3",
        );
        let read = |row: &AnyRow| {
            let (device, kind): (String, String) = (row.try_get("devicename")?, row.try_get("kind")?);
            let pem = kept(row, "devicecertificate", &format!("{device}/{kind}"), "certificate")?;
            Ok((device, kind, pem))
        };
        self.read(query.bind(behind.0).bind(behind.1).bind(PAGE), read).await
    }
}
