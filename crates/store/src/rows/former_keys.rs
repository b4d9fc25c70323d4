//! Keys whose certificates were replaced: what a file in `keys/` was for.

use crate::{StoreError, Transaction};

/// A key that was replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormerKeyRow {
    /// Name of its file, lower-case hexadecimal.
    pub key_id: String,
    /// Name of the node.
    pub server_name: String,
    /// The unit, number of `typecertificateservice`.
    pub service: i64,
    /// Subject of its last certificate.
    pub subject: String,
    /// Serial number of its last certificate, lower-case hexadecimal.
    pub serial: String,
    /// When it was replaced, milliseconds since 1970 UTC.
    pub replaced_at: i64,
}

impl Transaction {
    /// All keys that were replaced, the last first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn former_keys(&mut self) -> Result<Vec<FormerKeyRow>, StoreError> {
        let rows: Vec<(String, String, i64, String, String, i64)> = sqlx::query_as(
            "SELECT keyid, servername, CAST(tkcertificateservice AS BIGINT), subjectname, serialnumber, replacedat \
             FROM formerkey ORDER BY replacedat DESC, keyid, servername",
        )
        .fetch_all(self.connection())
        .await?;
        let row = |(key_id, server_name, service, subject, serial, replaced_at)| FormerKeyRow {
            key_id,
            server_name,
            service,
            subject,
            serial,
            replaced_at,
        };
        Ok(rows.into_iter().map(row).collect())
    }

    /// Notes what a key was for.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn note_former_key(&mut self, key: &FormerKeyRow) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO formerkey (keyid, servername, tkcertificateservice, subjectname, serialnumber, replacedat) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (keyid, servername) DO UPDATE SET \
             replacedat = excluded.replacedat",
        )
        .bind(&key.key_id)
        .bind(&key.server_name)
        .bind(key.service)
        .bind(&key.subject)
        .bind(&key.serial)
        .bind(key.replaced_at)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Forgets a key whose file is gone.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_former_key(&mut self, key_id: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM formerkey WHERE keyid = $1").bind(key_id).execute(self.connection()).await?;
        Ok(())
    }
}
