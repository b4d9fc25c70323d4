//! Renewals in their order, the lists that tell of them, and the phones that have fetched those.

use sqlx::Row;

use crate::{Store, StoreError, Transaction};

/// An own certificate took the place of another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenewalRow {
    /// Number, ascending.
    pub seq: i64,
    /// When, milliseconds since 1970 UTC.
    pub at: i64,
    /// Name of the node.
    pub server_name: String,
    /// The unit, number of `typecertificateservice`.
    pub service: i64,
}

/// A list that a phone fetched to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedListRow {
    /// Name of the phone.
    pub device: String,
    /// `CTL` or `ITL`.
    pub kind: String,
    /// SHA-256 of its bytes, lower-case hexadecimal.
    pub digest: String,
    /// Name of the node that gave it.
    pub server_name: String,
    /// Where the phone asked from.
    pub address: String,
    /// When, milliseconds since 1970 UTC.
    pub fetched_at: i64,
}

/// A phone that is known, and what is known of its list of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldListRow {
    /// Name of the phone.
    pub device: String,
    /// What it fetched last; `None` when it was never seen to fetch one.
    pub fetched: Option<FetchedListRow>,
    /// Whether a node gives out this very list now.
    pub current: bool,
    /// The last renewal that the list tells of; -1 for a list that no node here has made, and for none.
    pub renewal: i64,
}

/// What a phone's list tells of, when no node here has made it.
const TELLS_NOTHING: i64 = -1;

impl Store {
    /// The last renewal of a unit on any node.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn last_renewal(&self, service: i64) -> Result<Option<RenewalRow>, StoreError> {
        let row = sqlx::query_as(
            "SELECT seq, at, servername FROM renewal WHERE tkcertificateservice = $1 ORDER BY seq DESC LIMIT 1",
        );
        let row: Option<(i64, i64, String)> = row.bind(service).fetch_optional(self.pool()).await?;
        Ok(row.map(|(seq, at, server_name)| RenewalRow { seq, at, server_name, service }))
    }

    /// The number of the last renewal of all; 0 when there was none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn renewals(&self) -> Result<i64, StoreError> {
        Ok(sqlx::query_scalar("SELECT CAST(COALESCE(MAX(seq), 0) AS BIGINT) FROM renewal")
            .fetch_one(self.pool())
            .await?)
    }

    /// The list of a kind that a node gives out now: its digest, and the last renewal that it tells of.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn published_list(&self, kind: &str, server_name: &str) -> Result<Option<(String, i64)>, StoreError> {
        let row = sqlx::query_as(
            "SELECT digest, renewal FROM publishedlist WHERE kind = $1 AND servername = $2 AND iscurrent = 't'",
        );
        Ok(row.bind(kind).bind(server_name).fetch_optional(self.pool()).await?)
    }

    /// All phones that are known, by name, with the list of a kind that each holds.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn held_lists(&self, kind: &str) -> Result<Vec<HeldListRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT device.name AS device, fetchedlist.digest AS digest, fetchedlist.servername AS servername, address, \
             fetchedat, COALESCE(MAX(renewal), -1) AS renewal, COALESCE(MAX(iscurrent), 'f') AS iscurrent FROM device \
             LEFT JOIN fetchedlist ON devicename = device.name AND fetchedlist.kind = $1 \
             LEFT JOIN publishedlist ON publishedlist.digest = fetchedlist.digest AND publishedlist.kind = $1 \
             GROUP BY device.name, fetchedlist.digest, fetchedlist.servername, address, fetchedat ORDER BY device.name",
        )
        .bind(kind)
        .fetch_all(self.pool())
        .await?;
        rows.iter().map(|row| held(row, kind)).collect()
    }
}

fn held(row: &sqlx::any::AnyRow, kind: &str) -> Result<HeldListRow, StoreError> {
    let device: String = row.try_get("device")?;
    let digest: Option<String> = row.try_get("digest")?;
    let Some(digest) = digest else {
        return Ok(HeldListRow { device, fetched: None, current: false, renewal: TELLS_NOTHING });
    };
    let fetched = FetchedListRow {
        device: device.clone(),
        kind: kind.to_owned(),
        digest,
        server_name: row.try_get("servername")?,
        address: row.try_get("address")?,
        fetched_at: row.try_get("fetchedat")?,
    };
    let current: String = row.try_get("iscurrent")?;
    Ok(HeldListRow { device, fetched: Some(fetched), current: current == "t", renewal: row.try_get("renewal")? })
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
             VALUES ((SELECT COALESCE(MAX(seq), 0) + 1 FROM renewal), $1, $2, $3, $4)",
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
             WHERE fetchedlist.digest = publishedlist.digest AND fetchedlist.kind = publishedlist.kind)",
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
            "INSERT INTO fetchedlist (devicename, kind, digest, servername, address, fetchedat) \
             SELECT name, $1, $2, $3, $4, $5 FROM device WHERE name = $6 \
             ON CONFLICT (devicename, kind) DO UPDATE SET digest = excluded.digest, servername = excluded.servername, \
             address = excluded.address, fetchedat = excluded.fetchedat",
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
}
