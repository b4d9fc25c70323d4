//! The steps of many sessions in a few statements: each statement is a trip to the thread of the database, and a thousand phones
//! make three steps each.

use cluster::rows::{Attachment, AuditRow, Confirmation, Intent};
use sqlx::AssertSqlSafe;

use crate::chain::{expected, hex};
use crate::{StoreError, Transaction};
use cluster::rows::keys::lsc_key;

/// A value in a row of a batch.
#[derive(Clone, Copy)]
enum Value<'a> {
    Text(&'a str),
    Number(i64),
}

use Value::{Number, Text};

/// `WITH v(NAMES) AS (VALUES ...) REST`, with a placeholder for each value of `rows` rows like `row`.
fn with_values(names: &'static str, row: &[Value<'_>], rows: usize, rest: &'static str) -> AssertSqlSafe<String> {
    let mut sql = format!("WITH v({names}) AS (VALUES ");
    for number in 0..rows {
        for (place, column) in row.iter().enumerate() {
            let kind = match column {
                Text(_) => "TEXT",
                Number(_) => "BIGINT",
            };
            let open = match (number, place) {
                (0, 0) => "(",
                (_, 0) => ",(",
                _ => ",",
            };
            sql.push_str(&format!("{open}CAST(${} AS {kind})", number * row.len() + place + 1));
        }
        sql.push(')');
    }
    sql.push_str(") ");
    sql.push_str(rest);
    AssertSqlSafe(sql)
}

impl Transaction {
    /// Runs `WITH v(names) AS (VALUES rows) rest`; what it returns, a text each. `names` and `rest` are texts of this file.
    ///
    /// The rows are filled up with NULL to the next power of two: so the statements are few, and the database keeps them prepared,
    /// which takes longer than to run them. `rest` must pass over such rows.
    async fn batch<const N: usize>(
        &mut self,
        names: &'static str,
        rest: &'static str,
        rows: &[[Value<'_>; N]],
    ) -> Result<Vec<String>, StoreError> {
        let Some(first) = rows.first() else { return Ok(Vec::new()) };
        let whole = rows.len().next_power_of_two();
        let mut query = sqlx::query_scalar(with_values(names, first, whole, rest));
        for value in rows.iter().flatten() {
            query = match *value {
                Text(text) => query.bind(text),
                Number(number) => query.bind(number),
            };
        }
        for value in (rows.len()..whole).flat_map(|_| first) {
            query = match value {
                Text(_) => query.bind(None::<&str>),
                Number(_) => query.bind(None::<i64>),
            };
        }
        Ok(query.fetch_all(self.connection()).await?)
    }

    /// Counts the attempts of these intents and puts them on record; those whose device is gone, or for which something
    /// else is scheduled now, are passed over. Names of the devices that were taken.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn intend_lscs(&mut self, intents: &[Intent<'_>]) -> Result<Vec<String>, StoreError> {
        let rows: Vec<_> =
            intents.iter().map(|intent| [Text(&intent.new.device), Number(intent.scheduled_at)]).collect();
        let counted = "UPDATE device SET attempts = attempts + 1 FROM v WHERE device.name = v.name AND device.scheduledat = v.at \
                       AND tkcertificateoperation = 2 RETURNING device.name";
        let names = self.batch("name, at", counted, &rows).await?;
        let taken: Vec<(String, &Intent<'_>)> = intents
            .iter()
            .filter(|intent| names.contains(&intent.new.device))
            .map(|intent| (lsc_key(intent.new), intent))
            .collect();
        let rows: Vec<_> = taken
            .iter()
            .map(|(key, Intent { new, now, .. })| {
                [
                    Text(key),
                    Text(&new.device),
                    Text(&new.serial),
                    Text(&new.subject),
                    Text(&new.issuer),
                    Text(&new.issuer_fingerprint),
                    Number(new.not_before),
                    Number(new.not_after),
                    Text(&new.to_be_signed),
                    Number(*now),
                ]
            })
            .collect();
        let intended = "INSERT INTO lsc (pkid, devicename, serialnumber, subjectname, issuername, issuerfingerprint, notbefore, \
                        notafter, tobesigned, tklscstate, createdat, changedat) SELECT v.id, v.device, v.serial, v.subject, \
                        v.issuer, v.print, v.first, v.last, v.tbs, 1, v.at, v.at FROM v WHERE v.id IS NOT NULL";
        self.batch("id, device, serial, subject, issuer, print, first, last, tbs, at", intended, &rows).await?;
        Ok(names)
    }

    /// Attaches certificates to their intents. Keys of those whose intent was there; the others must not be given out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn attach_lscs(&mut self, attachments: &[Attachment<'_>]) -> Result<Vec<String>, StoreError> {
        let rows: Vec<_> = attachments
            .iter()
            .map(|Attachment { key, pem, fingerprint, now }| [Text(key), Text(pem), Text(fingerprint), Number(*now)])
            .collect();
        let attached = "UPDATE lsc SET certificate = v.pem, fingerprint = v.print, tklscstate = 2, changedat = v.at FROM v \
                        WHERE lsc.pkid = v.id AND lsc.tklscstate = 1 RETURNING lsc.pkid";
        self.batch("id, pem, print, at", attached, &rows).await
    }

    /// Makes signed LSCs the current ones of their devices, ends all others of these devices, and ends their operations. Keys of
    /// those that were signed; nothing changes for the others.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn confirm_lscs(&mut self, confirmations: &[Confirmation<'_>]) -> Result<Vec<String>, StoreError> {
        let rows: Vec<_> = confirmations
            .iter()
            .map(|Confirmation { key, device, now, .. }| [Text(key), Text(device), Number(*now)])
            .collect();
        // The others first: one is current at any moment.
        let ended = "UPDATE lsc SET tklscstate = 4, changedat = v.at FROM v WHERE lsc.devicename = v.name AND lsc.pkid <> v.id \
                     AND lsc.tklscstate IN (1, 2, 3) \
                     AND EXISTS (SELECT 1 FROM lsc AS stored WHERE stored.pkid = v.id AND stored.tklscstate IN (2, 3))";
        self.batch("id, name, at", ended, &rows).await?;
        let current = "UPDATE lsc SET tklscstate = 3, changedat = v.at FROM v WHERE lsc.pkid = v.id AND lsc.tklscstate IN (2, 3) \
                       RETURNING lsc.pkid";
        let keys = self.batch("id, name, at", current, &rows).await?;
        let rows: Vec<_> = confirmations
            .iter()
            .filter(|confirmation| keys.iter().any(|key| key == confirmation.key))
            .map(|Confirmation { device, public_key, scheduled_at, status, version_stamp, .. }| {
                [Text(device), Text(public_key), Number(*scheduled_at), Number(*status), Text(version_stamp)]
            })
            .collect();
        let device = "UPDATE device SET publickey = v.public, versionstamp = v.stamp, \
                      tkcertificatestatus = CASE WHEN scheduledat = v.at THEN v.status ELSE tkcertificatestatus END, \
                      upgradefinishtime = CASE WHEN scheduledat = v.at THEN NULL ELSE upgradefinishtime END, \
                      tkcertificateoperation = CASE WHEN scheduledat = v.at THEN 1 ELSE tkcertificateoperation END \
                      FROM v WHERE device.name = v.name";
        self.batch("name, public, at, status, stamp", device, &rows).await?;
        Ok(keys)
    }

    /// Notes changes: when, of what kind, of what.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn note_changes(&mut self, changes: &[(i64, &str, &str)]) -> Result<(), StoreError> {
        let rows: Vec<_> = (1_i64..)
            .zip(changes)
            .map(|(place, (at, kind, subject))| [Number(place), Number(*at), Text(kind), Text(subject)])
            .collect();
        let noted = "INSERT INTO change (seq, at, kind, subject) SELECT (SELECT COALESCE(MAX(seq), 0) FROM change) + v.place, \
                     v.at, v.kind, v.subject FROM v WHERE v.place IS NOT NULL";
        self.batch("place, at, kind, subject", noted, &rows).await?;
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
        let mut chained = Vec::with_capacity(entries.len());
        for (at, command, result) in entries {
            seq += 1;
            let (actor, command, result) = (actor.to_owned(), command.clone(), result.clone());
            let mut row = AuditRow { seq, at: *at, actor, command, result, hash: String::new() };
            previous = expected(&row, &previous);
            row.hash = hex(&previous);
            chained.push(row);
        }
        let rows: Vec<_> = chained
            .iter()
            .map(|row| {
                [
                    Number(row.seq),
                    Number(row.at),
                    Text(&row.actor),
                    Text(&row.command),
                    Text(&row.result),
                    Text(&row.hash),
                ]
            })
            .collect();
        let noted = "INSERT INTO audit (seq, at, actor, command, result, hash) SELECT * FROM v WHERE seq IS NOT NULL";
        self.batch("seq, at, actor, command, result, hash", noted, &rows).await?;
        self.audited(seq, hex(&previous))
    }
}

#[cfg(test)]
mod tests {
    use crate::Store;

    /// The rows that fill a batch up to a power of two leave nothing behind.
    #[tokio::test]
    async fn batches_of_any_size_hold_their_rows_only() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("ringfence.db"), true).await.unwrap();
        let mut whole = 0;
        for count in [1_usize, 2, 3, 5, 8, 33] {
            let mut transaction = store.begin().await.unwrap();
            let names: Vec<String> = (0..count).map(|number| format!("SEP{number:012X}")).collect();
            let changes: Vec<(i64, &str, &str)> = names.iter().map(|name| (7, "device", name.as_str())).collect();
            transaction.note_changes(&changes).await.unwrap();
            let entries: Vec<(i64, String, String)> =
                names.iter().map(|name| (7, format!("issue LSC {name}"), "signed".to_owned())).collect();
            transaction.note_audits("capf", &entries).await.unwrap();
            transaction.commit().await.unwrap();
            whole += i64::try_from(count).unwrap();
            assert_eq!(store.last_change().await.unwrap(), whole);
            let verdict = store.verify_audit().await.unwrap();
            assert_eq!((verdict.entries, verdict.faults), (whole, vec![]));
        }
    }
}
