//! Requests to external CAs: one waits per node and unit, those before it are kept.

use cluster::rows::{RequestRow, RequestState};
use sqlx::Row;

use super::{kept, pkid};
use crate::{Store, StoreError, Transaction};

const COLUMNS: &str = "SELECT pkid, fkprocessnode, CAST(tkcertificateservice AS BIGINT) AS service, \
                       CAST(request AS BLOB) AS request, keyid, multiserver, state, createdat \
                       FROM certificaterequest ORDER BY createdat DESC, pkid";

fn read(row: &sqlx::any::AnyRow) -> Result<RequestRow, StoreError> {
    let (key, state): (String, String) = (row.try_get("pkid")?, row.try_get("state")?);
    let known = RequestState::ALL.into_iter().find(|known| known.word() == state);
    let state = known.ok_or_else(|| StoreError::BadRow {
        table: "certificaterequest",
        reason: format!("no state `{}`", state.escape_debug()),
    })?;
    Ok(RequestRow {
        node: row.try_get("fkprocessnode")?,
        service: row.try_get("service")?,
        pem: kept(row, "certificaterequest", &key, "request")?,
        key_id: row.try_get("keyid")?,
        multi_server: row.try_get::<String, _>("multiserver")? == "t",
        state,
        created_at: row.try_get("createdat")?,
    })
}

impl Store {
    /// All requests, the newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn requests(&self) -> Result<Vec<RequestRow>, StoreError> {
        self.read(sqlx::query(COLUMNS), read).await
    }
}

impl Transaction {
    /// All requests as they stand inside this change, the newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn requests(&mut self) -> Result<Vec<RequestRow>, StoreError> {
        self.read(sqlx::query(COLUMNS), read).await
    }

    /// Keeps a request as the one that waits; the one of the same node and unit before it becomes a replaced one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_request(&mut self, request: &RequestRow) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE certificaterequest SET state = 'replaced' \
             WHERE fkprocessnode = $1 AND tkcertificateservice = $2 AND state = 'waiting'",
        )
        .bind(&request.node)
        .bind(request.service)
        .execute(self.connection())
        .await?;
        sqlx::query(
            "INSERT INTO certificaterequest \
             (pkid, fkprocessnode, tkcertificateservice, request, keyid, multiserver, state, createdat) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(pkid("certificaterequest", &request.key_id))
        .bind(&request.node)
        .bind(request.service)
        .bind(request.pem.text().into_owned())
        .bind(&request.key_id)
        .bind(if request.multi_server { "t" } else { "f" })
        .bind(request.state.word())
        .bind(request.created_at)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Sets where the request with this key stands.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_request_state(&mut self, key_id: &str, state: RequestState) -> Result<(), StoreError> {
        sqlx::query("UPDATE certificaterequest SET state = $2 WHERE keyid = $1")
            .bind(key_id)
            .bind(state.word())
            .execute(self.connection())
            .await?;
        Ok(())
    }
}
