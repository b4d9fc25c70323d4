//! Requests that wait for the certificate of an external CA.

use crate::{Store, StoreError, Transaction};

/// A certificate request of a node and unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestRow {
    /// Key of the node.
    pub node: String,
    /// Number of the unit in `typecertificateservice`.
    pub service: i64,
    /// The request, PEM.
    pub pem: String,
    /// Name of its key in the key store of the node, lower-case hexadecimal.
    pub key_id: String,
    /// Milliseconds since 1970 UTC.
    pub created_at: i64,
}

impl Store {
    /// All requests.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn requests(&self) -> Result<Vec<RequestRow>, StoreError> {
        let rows: Vec<(String, i64, String, String, i64)> = sqlx::query_as(
            "SELECT fkprocessnode, CAST(tkcertificateservice AS BIGINT), request, keyid, createdat \
             FROM certificatesigningrequest ORDER BY fkprocessnode, tkcertificateservice",
        )
        .fetch_all(self.pool())
        .await?;
        let row = |(node, service, pem, key_id, created_at)| RequestRow { node, service, pem, key_id, created_at };
        Ok(rows.into_iter().map(row).collect())
    }
}

impl Transaction {
    /// Keeps a request; one of the same node and unit before is replaced.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_request(&mut self, request: &RequestRow) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO certificatesigningrequest (fkprocessnode, tkcertificateservice, request, keyid, createdat) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (fkprocessnode, tkcertificateservice) DO UPDATE SET \
             request = excluded.request, keyid = excluded.keyid, createdat = excluded.createdat",
        )
        .bind(&request.node)
        .bind(request.service)
        .bind(&request.pem)
        .bind(&request.key_id)
        .bind(request.created_at)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Forgets the request of a node and unit.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_request(&mut self, node: &str, service: i64) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM certificatesigningrequest WHERE fkprocessnode = $1 AND tkcertificateservice = $2")
            .bind(node)
            .bind(service)
            .execute(self.connection())
            .await?;
        Ok(())
    }
}
