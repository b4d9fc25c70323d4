//! What the certificate monitor remembers: what it said last, what was acknowledged, what was said of revocation.

use cluster::rows::{AcknowledgementRow, NoticeRow, RevocationRow, WatchedLscRow};
use sqlx::Row;
use sqlx::any::AnyRow;

use super::inventory::PAGE;
use crate::unreadable::columns;
use crate::{Store, StoreError, Transaction};

const LSCS: &str = "SELECT lsc.pkid, devicename, lsc.fingerprint, notafter, alarm, saidat, actor, reason, ack.at \
    FROM lsc LEFT JOIN certificatenotice AS notice ON notice.fingerprint = lsc.fingerprint \
    LEFT JOIN certificateacknowledgement AS ack ON ack.fingerprint = lsc.fingerprint \
    WHERE tklscstate = 3 AND lsc.fingerprint IS NOT NULL";

fn watched_lsc(row: &AnyRow) -> Result<WatchedLscRow, StoreError> {
    let fingerprint: String = row.try_get("fingerprint")?;
    let alarm: Option<String> = row.try_get("alarm")?;
    let said_at: Option<i64> = row.try_get("saidat")?;
    let actor: Option<String> = row.try_get("actor")?;
    let reason: Option<String> = row.try_get("reason")?;
    let at: Option<i64> = row.try_get("at")?;
    let said = alarm.zip(said_at);
    let known = actor.zip(reason).zip(at);
    Ok(WatchedLscRow {
        pkid: row.try_get("pkid")?,
        device: row.try_get("devicename")?,
        not_after: row.try_get("notafter")?,
        said: said.map(|(alarm, said_at)| NoticeRow { fingerprint: fingerprint.clone(), alarm, said_at }),
        acknowledged: known.map(|((actor, reason), at)| AcknowledgementRow {
            fingerprint: fingerprint.clone(),
            actor,
            reason,
            at,
        }),
        fingerprint,
    })
}

impl Store {
    /// The current LSCs that end by `until` (seconds since 1970 UTC), those that end first at the front, behind (end, key); at most
    /// `PAGE`. The first page is behind (`i64::MIN`, an empty text).
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn watched_lscs(&self, until: i64, behind: (i64, &str)) -> Result<Vec<WatchedLscRow>, StoreError> {
        let statement = format!(
            "{LSCS} AND notafter <= $1 AND (notafter, lsc.pkid) > ($2, $3) ORDER BY notafter, lsc.pkid LIMIT $4"
        );
        let query = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(until).bind(behind.0).bind(behind.1).bind(PAGE);
        self.read(query, watched_lsc).await
    }

    /// The current LSCs whose SHA-256 begins with these digits (lower-case hexadecimal); two at most.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn watched_lscs_by_digits(&self, digits: &str) -> Result<Vec<WatchedLscRow>, StoreError> {
        // `g` is behind all digits.
        let statement = format!("{LSCS} AND lsc.fingerprint >= $1 AND lsc.fingerprint < $1 || 'g' LIMIT 2");
        let query = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(digits);
        self.read(query, watched_lsc).await
    }

    /// How many current LSCs end by `until`, seconds since 1970 UTC.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count_watched_lscs(&self, until: i64) -> Result<i64, StoreError> {
        let query = sqlx::query_scalar("SELECT COUNT(*) FROM lsc WHERE tklscstate = 3 AND notafter <= $1");
        Ok(query.bind(until).fetch_one(self.pool()).await?)
    }

    /// What was said last of certificates that are no LSCs.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn notices(&self) -> Result<Vec<NoticeRow>, StoreError> {
        let query = sqlx::query(
            "SELECT fingerprint, alarm, saidat FROM certificatenotice WHERE NOT EXISTS \
             (SELECT 1 FROM lsc WHERE lsc.fingerprint = certificatenotice.fingerprint) ORDER BY fingerprint",
        );
        let read = |row: &AnyRow| {
            let (fingerprint, alarm, said_at) = columns(row)?;
            Ok(NoticeRow { fingerprint, alarm, said_at })
        };
        self.read(query, read).await
    }

    /// What was acknowledged.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn acknowledgements(&self) -> Result<Vec<AcknowledgementRow>, StoreError> {
        let query =
            sqlx::query("SELECT fingerprint, actor, reason, at FROM certificateacknowledgement ORDER BY fingerprint");
        let read = |row: &AnyRow| {
            let (fingerprint, actor, reason, at) = columns(row)?;
            Ok(AcknowledgementRow { fingerprint, actor, reason, at })
        };
        self.read(query, read).await
    }

    /// What was said of revocation.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn revocations(&self) -> Result<Vec<RevocationRow>, StoreError> {
        let query = sqlx::query(
            "SELECT fingerprint, state, source, detail, checkedat FROM certificaterevocation ORDER BY fingerprint",
        );
        let read = |row: &AnyRow| {
            let (fingerprint, state, source, detail, checked_at) = columns(row)?;
            Ok(RevocationRow { fingerprint, state, source, detail, checked_at })
        };
        self.read(query, read).await
    }
}

impl Transaction {
    /// Notes what was said about a certificate.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_notice(&mut self, row: &NoticeRow) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO certificatenotice (fingerprint, alarm, saidat) VALUES ($1, $2, $3) \
             ON CONFLICT (fingerprint) DO UPDATE SET alarm = excluded.alarm, saidat = excluded.saidat",
        )
        .bind(&row.fingerprint)
        .bind(&row.alarm)
        .bind(row.said_at)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Notes that somebody knows about a certificate.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_acknowledgement(&mut self, row: &AcknowledgementRow) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO certificateacknowledgement (fingerprint, actor, reason, at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (fingerprint) DO UPDATE SET actor = excluded.actor, reason = excluded.reason, at = excluded.at",
        )
        .bind(&row.fingerprint)
        .bind(&row.actor)
        .bind(&row.reason)
        .bind(row.at)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Takes an acknowledgement back. Whether there was one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_acknowledgement(&mut self, fingerprint: &str) -> Result<bool, StoreError> {
        let query = sqlx::query("DELETE FROM certificateacknowledgement WHERE fingerprint = $1").bind(fingerprint);
        Ok(query.execute(self.connection()).await?.rows_affected() > 0)
    }

    /// Forgets what was said of revocation, before all of it is noted anew.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_revocations(&mut self) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM certificaterevocation").execute(self.connection()).await?;
        Ok(())
    }

    /// Notes what was said of the revocation of a certificate.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_revocation(&mut self, row: &RevocationRow) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO certificaterevocation (fingerprint, state, source, detail, checkedat) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (fingerprint) DO UPDATE SET state = excluded.state, \
             source = excluded.source, detail = excluded.detail, checkedat = excluded.checkedat",
        )
        .bind(&row.fingerprint)
        .bind(&row.state)
        .bind(&row.source)
        .bind(&row.detail)
        .bind(row.checked_at)
        .execute(self.connection())
        .await?;
        Ok(())
    }
}
