//! The steps of many sessions in a few statements: each statement is a trip to the thread of the database, and a thousand phones
//! make three steps each.

use sqlx::AssertSqlSafe;

use super::audit::{AuditRow, hex};
use super::lscs::NewLsc;
use crate::{StoreError, Transaction};

/// An intent with the schedule that it belongs to.
#[derive(Debug, Clone, Copy)]
pub struct Intent<'a> {
    /// What is to be signed.
    pub new: &'a NewLsc,
    /// When the operation of the device was scheduled.
    pub scheduled_at: i64,
    /// Now, milliseconds since 1970 UTC.
    pub now: i64,
}

/// A certificate that was signed.
#[derive(Debug, Clone, Copy)]
pub struct Attachment<'a> {
    /// Key of the row of its intent.
    pub key: &'a str,
    /// The certificate, PEM.
    pub pem: &'a str,
    /// SHA-256 of the DER, lower-case hexadecimal.
    pub fingerprint: &'a str,
    /// Now, milliseconds since 1970 UTC.
    pub now: i64,
}

/// A certificate that the phone has stored.
#[derive(Debug, Clone, Copy)]
pub struct Confirmation<'a> {
    /// Key of its row.
    pub key: &'a str,
    /// Name of the device.
    pub device: &'a str,
    /// Its public key, PEM.
    pub public_key: &'a str,
    /// When the operation that it ends was scheduled; -1: it ends none.
    pub scheduled_at: i64,
    /// `typecertificatestatus` of the device when it ends its operation.
    pub status: i64,
    /// The new `versionStamp` of the config.
    pub version_stamp: &'a str,
    /// Now, milliseconds since 1970 UTC.
    pub now: i64,
}

/// What a column of a batch holds.
#[derive(Clone, Copy)]
enum Column {
    Text,
    Number,
}

use Column::{Number, Text};

/// `WITH v(NAMES) AS (VALUES ...) REST`, with a placeholder for each value. `names` and `rest` are texts of this file.
fn with_values(names: &'static str, columns: &[Column], rows: usize, rest: &'static str) -> AssertSqlSafe<String> {
    let mut sql = format!("WITH v({names}) AS (VALUES ");
    for row in 0..rows {
        for (place, column) in columns.iter().enumerate() {
            let kind = match column {
                Text => "TEXT",
                Number => "BIGINT",
            };
            let open = match (row, place) {
                (0, 0) => "(",
                (_, 0) => ",(",
                _ => ",",
            };
            sql.push_str(&format!("{open}CAST(${} AS {kind})", row * columns.len() + place + 1));
        }
        sql.push(')');
    }
    sql.push_str(") ");
    sql.push_str(rest);
    AssertSqlSafe(sql)
}

impl Transaction {
    /// Counts the attempts of these intents and puts them on record; those whose device is gone, or for which something
    /// else is scheduled now, are passed over. Names of the devices that were taken.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn intend_lscs(&mut self, intents: &[Intent<'_>]) -> Result<Vec<String>, StoreError> {
        if intents.is_empty() {
            return Ok(Vec::new());
        }
        let sql = with_values(
            "name, at",
            &[Text, Number],
            intents.len(),
            "UPDATE device SET attempts = attempts + 1 FROM v WHERE device.name = v.name AND device.scheduledat = v.at \
             AND tkcertificateoperation = 2 RETURNING device.name",
        );
        let mut query = sqlx::query_as(sql).persistent(false);
        for intent in intents {
            query = query.bind(&intent.new.device).bind(intent.scheduled_at);
        }
        let names: Vec<(String,)> = query.fetch_all(self.connection()).await?;
        let names: Vec<String> = names.into_iter().map(|(name,)| name).collect();
        let taken: Vec<&Intent<'_>> = intents.iter().filter(|intent| names.contains(&intent.new.device)).collect();
        if taken.is_empty() {
            return Ok(names);
        }
        let sql = with_values(
            "id, device, serial, subject, issuer, print, first, last, tbs, at",
            &[Text, Text, Text, Text, Text, Text, Number, Number, Text, Number],
            taken.len(),
            "INSERT INTO lsc (pkid, devicename, serialnumber, subjectname, issuername, issuerfingerprint, notbefore, \
             notafter, tobesigned, tklscstate, createdat, changedat) SELECT v.id, v.device, v.serial, v.subject, v.issuer, \
             v.print, v.first, v.last, v.tbs, 1, v.at, v.at FROM v",
        );
        let mut query = sqlx::query(sql).persistent(false);
        for Intent { new, now, .. } in taken {
            query = query.bind(new.pkid()).bind(&new.device).bind(&new.serial).bind(&new.subject).bind(&new.issuer);
            query = query.bind(&new.issuer_fingerprint).bind(new.not_before).bind(new.not_after);
            query = query.bind(&new.to_be_signed).bind(*now);
        }
        query.execute(self.connection()).await?;
        Ok(names)
    }

    /// Attaches certificates to their intents. Keys of those whose intent was there; the others must not be given out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn attach_lscs(&mut self, attachments: &[Attachment<'_>]) -> Result<Vec<String>, StoreError> {
        if attachments.is_empty() {
            return Ok(Vec::new());
        }
        let sql = with_values(
            "id, pem, print, at",
            &[Text, Text, Text, Number],
            attachments.len(),
            "UPDATE lsc SET certificate = v.pem, fingerprint = v.print, tklscstate = 2, changedat = v.at FROM v \
             WHERE lsc.pkid = v.id AND lsc.tklscstate = 1 RETURNING lsc.pkid",
        );
        let mut query = sqlx::query_as(sql).persistent(false);
        for Attachment { key, pem, fingerprint, now } in attachments {
            query = query.bind(*key).bind(*pem).bind(*fingerprint).bind(*now);
        }
        let keys: Vec<(String,)> = query.fetch_all(self.connection()).await?;
        Ok(keys.into_iter().map(|(key,)| key).collect())
    }

    /// Makes signed LSCs the current ones of their devices, ends all others of these devices, and ends their operations. Keys of
    /// those that were signed; nothing changes for the others.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn confirm_lscs(&mut self, confirmations: &[Confirmation<'_>]) -> Result<Vec<String>, StoreError> {
        if confirmations.is_empty() {
            return Ok(Vec::new());
        }
        let columns = [Text, Text, Number];
        // The others first: one is current at any moment.
        let sql = with_values(
            "id, name, at",
            &columns,
            confirmations.len(),
            "UPDATE lsc SET tklscstate = 4, changedat = v.at FROM v WHERE lsc.devicename = v.name AND lsc.pkid <> v.id \
             AND lsc.tklscstate IN (1, 2, 3) \
             AND EXISTS (SELECT 1 FROM lsc AS stored WHERE stored.pkid = v.id AND stored.tklscstate IN (2, 3))",
        );
        let mut query = sqlx::query(sql).persistent(false);
        for Confirmation { key, device, now, .. } in confirmations {
            query = query.bind(*key).bind(*device).bind(*now);
        }
        query.execute(self.connection()).await?;
        let sql = with_values(
            "id, name, at",
            &columns,
            confirmations.len(),
            "UPDATE lsc SET tklscstate = 3, changedat = v.at FROM v WHERE lsc.pkid = v.id AND lsc.tklscstate IN (2, 3) \
             RETURNING lsc.pkid",
        );
        let mut query = sqlx::query_as(sql).persistent(false);
        for Confirmation { key, device, now, .. } in confirmations {
            query = query.bind(*key).bind(*device).bind(*now);
        }
        let keys: Vec<(String,)> = query.fetch_all(self.connection()).await?;
        let keys: Vec<String> = keys.into_iter().map(|(key,)| key).collect();
        let stored: Vec<&Confirmation<'_>> =
            confirmations.iter().filter(|confirmation| keys.iter().any(|key| key == confirmation.key)).collect();
        if stored.is_empty() {
            return Ok(keys);
        }
        let sql = with_values(
            "name, public, at, status, stamp",
            &[Text, Text, Number, Number, Text],
            stored.len(),
            "UPDATE device SET publickey = v.public, versionstamp = v.stamp, \
             tkcertificatestatus = CASE WHEN scheduledat = v.at THEN v.status ELSE tkcertificatestatus END, \
             upgradefinishtime = CASE WHEN scheduledat = v.at THEN NULL ELSE upgradefinishtime END, \
             tkcertificateoperation = CASE WHEN scheduledat = v.at THEN 1 ELSE tkcertificateoperation END \
             FROM v WHERE device.name = v.name",
        );
        let mut query = sqlx::query(sql).persistent(false);
        for Confirmation { device, public_key, scheduled_at, status, version_stamp, .. } in stored {
            query = query.bind(*device).bind(*public_key).bind(*scheduled_at).bind(*status).bind(*version_stamp);
        }
        query.execute(self.connection()).await?;
        Ok(keys)
    }

    /// Notes changes: when, of what kind, of what.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn note_changes(&mut self, changes: &[(i64, &str, &str)]) -> Result<(), StoreError> {
        if changes.is_empty() {
            return Ok(());
        }
        let sql = with_values(
            "place, at, kind, subject",
            &[Number, Number, Text, Text],
            changes.len(),
            "INSERT INTO change (seq, at, kind, subject) \
             SELECT (SELECT COALESCE(MAX(seq), 0) FROM change) + v.place, v.at, v.kind, v.subject FROM v",
        );
        let mut query = sqlx::query(sql).persistent(false);
        for (place, (at, kind, subject)) in (1_i64..).zip(changes) {
            query = query.bind(place).bind(*at).bind(*kind).bind(*subject);
        }
        query.execute(self.connection()).await?;
        Ok(())
    }

    /// Writes audit entries of one actor: when, the command, the result; each chained to the one before it. When this fails the
    /// whole change fails.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn note_audits(&mut self, actor: &str, entries: &[(i64, String, String)]) -> Result<(), StoreError> {
        if entries.is_empty() {
            return Ok(());
        }
        let (mut seq, mut previous) = self.audit_head().await?;
        let sql = with_values(
            "seq, at, actor, command, result, hash",
            &[Number, Number, Text, Text, Text, Text],
            entries.len(),
            "INSERT INTO audit (seq, at, actor, command, result, hash) SELECT * FROM v",
        );
        let mut query = sqlx::query(sql).persistent(false);
        for (at, command, result) in entries {
            seq += 1;
            let (actor, command, result) = (actor.to_owned(), command.clone(), result.clone());
            let row = AuditRow { seq, at: *at, actor, command, result, hash: String::new() };
            previous = row.expected(&previous);
            query = query.bind(row.seq).bind(row.at).bind(row.actor).bind(row.command).bind(row.result);
            query = query.bind(hex(&previous));
        }
        query.execute(self.connection()).await?;
        self.audited(seq, hex(&previous))
    }
}
