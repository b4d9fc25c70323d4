//! Where this cluster exchanges certificates with others.

use crate::unreadable::columns;
use crate::{Store, StoreError, Transaction};
use cluster::rows::BulkServerRow;

impl Store {
    /// The place of exchange; `None` when none was named yet.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn bulk_server(&self) -> Result<Option<BulkServerRow>, StoreError> {
        let query = sqlx::query(
            "SELECT server, CAST(port AS BIGINT), username, password, path, hostkey FROM bulkserver WHERE id = 1",
        );
        let row = self.read(query, columns).await?.pop();
        let read = |(server, port, user, password, path, host_key)| BulkServerRow {
            server,
            port,
            user,
            password,
            path,
            host_key,
        };
        Ok(row.map(read))
    }
}

impl Transaction {
    /// Names the place of exchange.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_bulk_server(&mut self, row: &BulkServerRow) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO bulkserver (id, server, port, username, password, path, hostkey) \
             VALUES (1, $1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO UPDATE SET server = excluded.server, \
             port = excluded.port, username = excluded.username, password = excluded.password, \
             path = excluded.path, hostkey = excluded.hostkey",
        )
        .bind(&row.server)
        .bind(row.port)
        .bind(&row.user)
        .bind(&row.password)
        .bind(&row.path)
        .bind(&row.host_key)
        .execute(self.connection())
        .await?;
        Ok(())
    }
}
