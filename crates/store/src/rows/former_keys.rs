//! Keys whose certificates were replaced: what a file in `keys/` was for, and which record of a CTL was once a node's.

use crate::unreadable::columns;
use crate::{Store, StoreError, Transaction};
use cluster::rows::FormerKeyRow;

type Columns = (String, String, i64, String, String, i64);

const COLUMNS: &str = "SELECT keyid, servername, CAST(tkcertificateservice AS BIGINT), subjectname, serialnumber, replacedat \
                       FROM formerkey ORDER BY replacedat DESC, keyid, servername";

fn read((key_id, server_name, service, subject, serial, replaced_at): Columns) -> FormerKeyRow {
    FormerKeyRow { key_id, server_name, service, subject, serial, replaced_at }
}

impl Store {
    /// All keys that were replaced, the last first; also those whose files are gone.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn former_keys(&self) -> Result<Vec<FormerKeyRow>, StoreError> {
        self.read(sqlx::query(COLUMNS), |row| Ok(read(columns(row)?))).await
    }
}

impl Transaction {
    /// All keys that were replaced as they stand inside this change, the last first; also those whose files are gone.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn former_keys(&mut self) -> Result<Vec<FormerKeyRow>, StoreError> {
        self.read(sqlx::query(COLUMNS), |row| Ok(read(columns(row)?))).await
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
}
