//! Renewals in their order, the lists that tell of them, and the phones that have fetched those.

use cluster::rows::{FetchedListRow, HeldListRow, RenewalRow, StrangerListRow};
use sqlx::Row;

use super::devices::UNKNOWN_LIMIT;
use crate::unreadable::columns;
use crate::{Store, StoreError, Transaction};

/// What a phone's list tells of, when no node here has made it.
const TELLS_NOTHING: i64 = -1;

impl Store {
    /// The last renewal of a unit on any node.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn last_renewal(&self, service: i64) -> Result<Option<RenewalRow>, StoreError> {
        let query = sqlx::query(
            "SELECT seq, at, servername FROM renewal WHERE tkcertificateservice = $1 ORDER BY seq DESC LIMIT 1",
        );
        let row: Option<(i64, i64, String)> = self.read(query.bind(service), columns).await?.pop();
        Ok(row.map(|(seq, at, server_name)| RenewalRow { seq, at, server_name, service }))
    }

    /// The number of the last renewal of all; 0 when there was none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn renewals(&self) -> Result<i64, StoreError> {
        Ok(sqlx::query_scalar(
            "SELECT CAST(COALESCE(MAX(seq), 0) AS BIGINT) FROM renewal WHERE seq < 9223372036854775807",
        )
        .fetch_one(self.pool())
        .await?)
    }

    /// The list of a kind that a node gives out now: its digest, and the last renewal that it tells of.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn published_list(&self, kind: &str, server_name: &str) -> Result<Option<(String, i64)>, StoreError> {
        let query = sqlx::query(
            "SELECT digest, renewal FROM publishedlist WHERE kind = $1 AND servername = $2 AND iscurrent = 't'",
        );
        Ok(self.read(query.bind(kind).bind(server_name), columns).await?.pop())
    }

    /// All devices by name with the list of a kind that each holds, then the phones that nobody added.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn held_lists(&self, kind: &str) -> Result<Vec<HeldListRow>, StoreError> {
        const KNOWN: &str = "SELECT device.name AS device, 't' AS known, COALESCE(fetchedlist.tvs, 't') AS tvs, \
             fetchedlist.digest AS digest, fetchedlist.servername AS servername, address, fetchedat, \
             COALESCE(MAX(renewal), -1) AS renewal, COALESCE(MAX(iscurrent), 'f') AS iscurrent FROM device \
             LEFT JOIN fetchedlist ON devicename = device.name AND fetchedlist.kind = $1 \
             LEFT JOIN publishedlist ON publishedlist.digest = fetchedlist.digest AND publishedlist.kind = $1 \
             GROUP BY device.name, fetchedlist.tvs, fetchedlist.digest, fetchedlist.servername, address, fetchedat \
             ORDER BY device.name";
        const STRANGERS: &str = "SELECT devicename AS device, 'f' AS known, strangerlist.tvs AS tvs, \
             strangerlist.digest AS digest, strangerlist.servername AS servername, address, fetchedat, \
             COALESCE(MAX(renewal), -1) AS renewal, COALESCE(MAX(iscurrent), 'f') AS iscurrent FROM strangerlist \
             LEFT JOIN publishedlist ON publishedlist.digest = strangerlist.digest AND publishedlist.kind = $1 \
             WHERE strangerlist.kind = $1 \
             GROUP BY devicename, strangerlist.tvs, strangerlist.digest, strangerlist.servername, address, fetchedat \
             ORDER BY devicename";
        let mut held = Vec::new();
        for sql in [KNOWN, STRANGERS] {
            held.extend(self.read(sqlx::query(sql).bind(kind), |row| read_held(row, kind)).await?);
        }
        Ok(held)
    }
}

fn read_held(row: &sqlx::any::AnyRow, kind: &str) -> Result<HeldListRow, StoreError> {
    let device: String = row.try_get("device")?;
    let known = row.try_get::<String, _>("known")? == "t";
    let tvs = row.try_get::<String, _>("tvs")? == "t";
    let digest: Option<String> = row.try_get("digest")?;
    let Some(digest) = digest else {
        return Ok(HeldListRow { device, known, tvs, fetched: None, current: false, renewal: TELLS_NOTHING });
    };
    let fetched = FetchedListRow {
        device: device.clone(),
        kind: kind.to_owned(),
        digest,
        server_name: row.try_get("servername")?,
        address: row.try_get("address")?,
        fetched_at: row.try_get("fetchedat")?,
    };
    let current = row.try_get::<String, _>("iscurrent")? == "t";
    Ok(HeldListRow { device, known, tvs, fetched: Some(fetched), current, renewal: row.try_get("renewal")? })
}

impl Transaction {
    /// Notes that an own certificate of a node took the place of another one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn note_renewal(
        &mut self,
        at: i64,
        server_name: &str,
        service: i64,
        fingerprint: &str,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO renewal (seq, at, servername, tkcertificateservice, fingerprint) \
             VALUES ((SELECT COALESCE(MAX(seq), 0) + 1 FROM renewal WHERE seq < 9223372036854775807), $1, $2, $3, $4)",
        )
        .bind(at)
        .bind(server_name)
        .bind(service)
        .bind(fingerprint)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Notes that a node gives out a list that tells of all renewals up to `renewal`; one that it gave out before is kept
    /// as long as a phone holds it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn note_published_list(
        &mut self,
        kind: &str,
        server_name: &str,
        digest: &str,
        renewal: i64,
    ) -> Result<(), StoreError> {
        sqlx::query("UPDATE publishedlist SET iscurrent = 'f' WHERE kind = $1 AND servername = $2 AND digest <> $3")
            .bind(kind)
            .bind(server_name)
            .bind(digest)
            .execute(self.connection())
            .await?;
        sqlx::query(
            "INSERT INTO publishedlist (digest, kind, servername, renewal, iscurrent) VALUES ($1, $2, $3, $4, 't') \
             ON CONFLICT (digest, kind, servername) DO UPDATE SET renewal = excluded.renewal, iscurrent = 't'",
        )
        .bind(digest)
        .bind(kind)
        .bind(server_name)
        .bind(renewal)
        .execute(self.connection())
        .await?;
        sqlx::query(
            "DELETE FROM publishedlist WHERE iscurrent = 'f' AND NOT EXISTS (SELECT 1 FROM fetchedlist \
             WHERE fetchedlist.digest = publishedlist.digest AND fetchedlist.kind = publishedlist.kind) \
             AND NOT EXISTS (SELECT 1 FROM strangerlist \
             WHERE strangerlist.digest = publishedlist.digest AND strangerlist.kind = publishedlist.kind)",
        )
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Notes what a phone fetched last; nothing when the phone is not known.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn note_fetched_list(&mut self, fetched: &FetchedListRow) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO fetchedlist (devicename, kind, digest, servername, address, fetchedat, tvs) \
             SELECT name, $1, $2, $3, $4, $5, 't' FROM device WHERE name = $6 \
             ON CONFLICT (devicename, kind) DO UPDATE SET digest = excluded.digest, servername = excluded.servername, \
             address = excluded.address, fetchedat = excluded.fetchedat, tvs = excluded.tvs",
        )
        .bind(&fetched.kind)
        .bind(&fetched.digest)
        .bind(&fetched.server_name)
        .bind(&fetched.address)
        .bind(fetched.fetched_at)
        .bind(&fetched.device)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Notes what a phone fetched last that nobody added; nothing when it is a device by now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn note_stranger_list(&mut self, stranger: &StrangerListRow) -> Result<(), StoreError> {
        let list = &stranger.list;
        sqlx::query(
            "INSERT INTO strangerlist (devicename, kind, digest, servername, address, fetchedat, tvs) \
             SELECT $1, $2, $3, $4, $5, $6, $7 WHERE NOT EXISTS (SELECT 1 FROM device WHERE name = $1) \
             ON CONFLICT (devicename, kind) DO UPDATE SET \
             digest = CASE WHEN $8 = 't' THEN excluded.digest ELSE strangerlist.digest END, \
             servername = CASE WHEN $8 = 't' THEN excluded.servername ELSE strangerlist.servername END, \
             address = excluded.address, fetchedat = excluded.fetchedat, tvs = excluded.tvs",
        )
        .bind(&list.device)
        .bind(&list.kind)
        .bind(&list.digest)
        .bind(&list.server_name)
        .bind(&list.address)
        .bind(list.fetched_at)
        .bind(if stranger.tvs { "t" } else { "f" })
        .bind(if stranger.believed { "t" } else { "f" })
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// The last renewal that the list of a kind tells of which a phone that nobody added holds; `None` when it holds none, or one that
    /// no node here has made.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn stranger_holds(&mut self, device: &str, kind: &str) -> Result<Option<i64>, StoreError> {
        let query = sqlx::query(
            "SELECT publishedlist.renewal FROM strangerlist JOIN publishedlist ON publishedlist.digest = strangerlist.digest \
             AND publishedlist.kind = strangerlist.kind WHERE devicename = $1 AND strangerlist.kind = $2 \
             ORDER BY publishedlist.renewal DESC LIMIT 1",
        );
        let found: Option<(i64,)> = self.read(query.bind(device).bind(kind), columns).await?.pop();
        Ok(found.map(|(renewal,)| renewal))
    }

    /// Forgets strangers when there are more than `UNKNOWN_LIMIT`: of the addresses with the most names first, and there those
    /// seen longest ago, so that one address that makes up names does not push out the phones of the others.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn limit_strangers(&mut self) -> Result<(), StoreError> {
        let count: i64 = sqlx::query_scalar("SELECT CAST(COUNT(DISTINCT devicename) AS BIGINT) FROM strangerlist")
            .fetch_one(self.connection())
            .await?;
        if count <= UNKNOWN_LIMIT {
            return Ok(());
        }
        sqlx::query(
            "DELETE FROM strangerlist WHERE devicename IN (SELECT devicename FROM (SELECT devicename, seen, \
             ROW_NUMBER() OVER (PARTITION BY address ORDER BY seen DESC, devicename) AS place FROM \
             (SELECT devicename, MAX(address) AS address, MAX(fetchedat) AS seen FROM strangerlist GROUP BY devicename) \
             AS phones) AS placed ORDER BY place, seen DESC, devicename LIMIT 1000000 OFFSET $1)",
        )
        .bind(UNKNOWN_LIMIT)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Strangers that are devices now: what they hold is known of the device, whose own config they have yet to fetch.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn adopt_strangers(&mut self) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO fetchedlist (devicename, kind, digest, servername, address, fetchedat, tvs) \
             SELECT devicename, kind, digest, servername, address, fetchedat, tvs FROM strangerlist \
             WHERE devicename IN (SELECT name FROM device) ON CONFLICT (devicename, kind) DO NOTHING",
        )
        .execute(self.connection())
        .await?;
        sqlx::query("DELETE FROM strangerlist WHERE devicename IN (SELECT name FROM device)")
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Whether there is a phone that nobody added.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn are_strangers_there(&mut self) -> Result<bool, StoreError> {
        let there: i64 = sqlx::query_scalar("SELECT CAST(EXISTS (SELECT 1 FROM strangerlist) AS BIGINT)")
            .fetch_one(self.connection())
            .await?;
        Ok(there != 0)
    }

    /// Forgets a phone that nobody added, or all of them; how many there were.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_strangers(&mut self, name: Option<&str>) -> Result<i64, StoreError> {
        let name = name.unwrap_or_default();
        let count = sqlx::query_scalar(
            "SELECT CAST(COUNT(*) AS BIGINT) FROM (SELECT devicename FROM strangerlist WHERE $1 = '' OR devicename = $1 \
             UNION SELECT name FROM unknowndevice WHERE $1 = '' OR name = $1) AS phones",
        );
        let count: i64 = count.bind(name).fetch_one(self.connection()).await?;
        for sql in [
            "DELETE FROM strangerlist WHERE $1 = '' OR devicename = $1",
            "DELETE FROM unknowndevice WHERE $1 = '' OR name = $1",
        ] {
            sqlx::query(sql).bind(name).execute(self.connection()).await?;
        }
        Ok(count)
    }
}
