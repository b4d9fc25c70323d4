//! What administrators call certificates.

use std::collections::HashMap;

use crate::unreadable::columns;
use crate::{Store, StoreError, Transaction};

impl Store {
    /// All descriptions, by fingerprint and unit or trust store.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn descriptions(&self) -> Result<HashMap<(String, i64), String>, StoreError> {
        let query = sqlx::query("SELECT fingerprint, tkcertificateservice, description FROM certificatedescription");
        let rows: Vec<(String, i64, String)> = self.read(query, columns).await?;
        Ok(rows.into_iter().map(|(fingerprint, service, text)| ((fingerprint, service), text)).collect())
    }
}

impl Transaction {
    /// Describes a certificate in a unit or trust store.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_description(&mut self, fingerprint: &str, service: i64, text: &str) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO certificatedescription (fingerprint, tkcertificateservice, description) VALUES ($1, $2, $3) \
             ON CONFLICT (fingerprint, tkcertificateservice) DO UPDATE SET description = excluded.description",
        )
        .bind(fingerprint)
        .bind(service)
        .bind(text)
        .execute(self.connection())
        .await?;
        Ok(())
    }
}
