//! The CTL of the cluster, as a CTL client or the publisher signed it.

use cluster::rows::CtlFileRow;
use sqlx::Row;

use super::kept;
use crate::{Store, StoreError, Transaction};

impl Store {
    /// The CTL that was taken or signed last, unless it was deleted on all nodes since.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn ctl_file(&self) -> Result<Option<CtlFileRow>, StoreError> {
        let query = sqlx::query(
            "SELECT CAST(file AS BLOB) AS file, clustersecuritymode, takenfrom, takenat, renewal, onallnodes FROM ctlfile",
        );
        let read = |row: &sqlx::any::AnyRow| {
            Ok(CtlFileRow {
                file: kept(row, "ctlfile", "1", "file")?,
                security_mode: row.try_get("clustersecuritymode")?,
                taken_from: row.try_get("takenfrom")?,
                taken_at: row.try_get("takenat")?,
                renewal: row.try_get("renewal")?,
                on_all_nodes: row.try_get::<String, _>("onallnodes")? == "t",
            })
        };
        Ok(self.read(query, read).await?.pop())
    }
}

impl Transaction {
    /// Keeps a CTL in place of the one before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_ctl_file(&mut self, row: &CtlFileRow) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO ctlfile (number, file, clustersecuritymode, takenfrom, takenat, renewal, onallnodes) \
             VALUES (1, $1, $2, $3, $4, $5, $6) ON CONFLICT (number) DO UPDATE SET file = excluded.file, \
             clustersecuritymode = excluded.clustersecuritymode, takenfrom = excluded.takenfrom, \
             takenat = excluded.takenat, renewal = excluded.renewal, onallnodes = excluded.onallnodes",
        )
        .bind(row.file.stored().to_vec())
        .bind(&row.security_mode)
        .bind(&row.taken_from)
        .bind(row.taken_at)
        .bind(row.renewal)
        .bind(if row.on_all_nodes { "t" } else { "f" })
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Forgets it: no node has the file any more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_ctl_file(&mut self) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM ctlfile").execute(self.connection()).await?;
        Ok(())
    }
}
