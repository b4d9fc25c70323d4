//! The folders of files that nodes serve.

use crate::unreadable::columns;
use crate::{Store, StoreError, Transaction};

impl Store {
    /// The folders that nodes served when they started last, each once: path, and whether configs are merged.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn served_folders(&self) -> Result<Vec<(String, bool)>, StoreError> {
        let query = sqlx::query("SELECT DISTINCT path, merge FROM servedfolder ORDER BY path, merge");
        let rows: Vec<(String, String)> = self.read(query, columns).await?;
        Ok(rows.into_iter().map(|(path, merge)| (path, merge == "t")).collect())
    }

    /// The folder that this node served when it started last, and whether configs are merged; `None`: none, or it never started.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn served_folder(&self, node: &str) -> Result<Option<(String, bool)>, StoreError> {
        let query = sqlx::query("SELECT path, merge FROM servedfolder WHERE fkprocessnode = $1").bind(node);
        let rows: Vec<(String, String)> = self.read(query, columns).await?;
        Ok(rows.into_iter().next().map(|(path, merge)| (path, merge == "t")))
    }
}

impl Transaction {
    /// Notes the folder that a node serves, and whether configs in it are merged; `None`: it serves none.
    ///
    /// # Errors
    /// [`StoreError`]: no such node.
    pub async fn put_served_folder(&mut self, node: &str, folder: Option<(&str, bool)>) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM servedfolder WHERE fkprocessnode = $1").bind(node).execute(self.connection()).await?;
        let Some((path, merge)) = folder else { return Ok(()) };
        sqlx::query("INSERT INTO servedfolder (fkprocessnode, path, merge) VALUES ($1, $2, $3)")
            .bind(node)
            .bind(path)
            .bind(if merge { "t" } else { "f" })
            .execute(self.connection())
            .await?;
        Ok(())
    }
}
