//! The CTL that a CTL client signed.

use crate::{Store, StoreError, Transaction};

/// A CTL that the provider took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CtlFileRow {
    /// The file.
    pub file: Vec<u8>,
    /// The value that `ClusterSecurityMode` gets with it.
    pub security_mode: String,
    /// Who brought it, and from where.
    pub taken_from: String,
    /// Milliseconds since 1970 UTC.
    pub taken_at: i64,
    /// Whether every node has it.
    pub on_all_nodes: bool,
}

impl Store {
    /// The CTL that was taken last, unless a node has built one itself since.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn ctl_file(&self) -> Result<Option<CtlFileRow>, StoreError> {
        let row: Option<(Vec<u8>, String, String, i64, String)> =
            sqlx::query_as("SELECT file, clustersecuritymode, takenfrom, takenat, onallnodes FROM ctlfile")
                .fetch_optional(self.pool())
                .await?;
        Ok(row.map(|(file, security_mode, taken_from, taken_at, on_all_nodes)| CtlFileRow {
            file,
            security_mode,
            taken_from,
            taken_at,
            on_all_nodes: on_all_nodes == "t",
        }))
    }
}

impl Transaction {
    /// Keeps a CTL in place of the one before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_ctl_file(&mut self, row: &CtlFileRow) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO ctlfile (number, file, clustersecuritymode, takenfrom, takenat, onallnodes) \
             VALUES (1, $1, $2, $3, $4, $5) ON CONFLICT (number) DO UPDATE SET file = excluded.file, \
             clustersecuritymode = excluded.clustersecuritymode, takenfrom = excluded.takenfrom, \
             takenat = excluded.takenat, onallnodes = excluded.onallnodes",
        )
        .bind(&row.file)
        .bind(&row.security_mode)
        .bind(&row.taken_from)
        .bind(row.taken_at)
        .bind(if row.on_all_nodes { "t" } else { "f" })
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Forgets it: a node builds a CTL itself, or an administrator deletes the file.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_ctl_file(&mut self) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM ctlfile").execute(self.connection()).await?;
        Ok(())
    }
}
