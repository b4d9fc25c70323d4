//! Administrators who log in with a password.

use crate::rows::pkid;
use crate::unreadable::columns;
use crate::{Store, StoreError, Transaction};
use cluster::rows::AdministratorRow;

impl Store {
    /// All administrators, by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn administrators(&self) -> Result<Vec<AdministratorRow>, StoreError> {
        let query = sqlx::query(
            "SELECT name, credentials, CAST(privilegelevel AS BIGINT), createdat FROM applicationuser \
             JOIN credential ON fkapplicationuser = pkid ORDER BY name",
        );
        let read = |row: &sqlx::any::AnyRow| {
            let (name, password_hash, level, created_at) = columns(row)?;
            Ok(AdministratorRow { name, password_hash, level, created_at })
        };
        self.read(query, read).await
    }
}

impl Transaction {
    /// Adds an administrator, or replaces password and level of one that is there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_administrator(&mut self, row: &AdministratorRow) -> Result<(), StoreError> {
        let key = pkid("applicationuser", &row.name);
        sqlx::query(
            "INSERT INTO applicationuser (pkid, name, privilegelevel, createdat) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (name) DO UPDATE SET privilegelevel = excluded.privilegelevel",
        )
        .bind(&key)
        .bind(&row.name)
        .bind(row.level)
        .bind(row.created_at)
        .execute(self.connection())
        .await?;
        sqlx::query(
            "INSERT INTO credential (fkapplicationuser, credentials) VALUES ($1, $2) \
             ON CONFLICT (fkapplicationuser) DO UPDATE SET credentials = excluded.credentials",
        )
        .bind(&key)
        .bind(&row.password_hash)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Removes an administrator. Whether he was there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_administrator(&mut self, name: &str) -> Result<bool, StoreError> {
        sqlx::query("DELETE FROM credential WHERE fkapplicationuser = $1")
            .bind(pkid("applicationuser", name))
            .execute(self.connection())
            .await?;
        let done = sqlx::query("DELETE FROM applicationuser WHERE name = $1").bind(name).execute(self.connection());
        Ok(done.await?.rows_affected() > 0)
    }
}
