//! Another name, domain or address for a node, and the values that settings had before.

use super::NodeRow;
use crate::unreadable::columns;
use crate::{Store, StoreError, Transaction};

/// A value that a command has put another one in place of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormerSettingRow {
    /// `address`, `hostname`, `domain`, `release`, or the name of a parameter.
    pub setting: String,
    /// Key of the node; empty for what is the same on all nodes.
    pub node: String,
    /// The value.
    pub value: String,
}

/// Tables that name a node by its host name, and not by its key.
const BY_NAME: [&str; 7] =
    ["certificate", "renewal", "publishedlist", "fetchedlist", "strangerlist", "pendingreset", "formerkey"];

impl Store {
    /// All values that settings had before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn former_settings(&self) -> Result<Vec<FormerSettingRow>, StoreError> {
        let query = sqlx::query("SELECT setting, fkprocessnode, value FROM formersetting");
        let rows: Vec<(String, String, String)> = self.read(query, columns).await?;
        Ok(rows.into_iter().map(|(setting, node, value)| FormerSettingRow { setting, node, value }).collect())
    }
}

impl Transaction {
    /// Notes that a setting had a value.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn note_former_setting(&mut self, setting: &str, node: &str, value: &str) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO formersetting (setting, fkprocessnode, value) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        )
        .bind(setting)
        .bind(node)
        .bind(value)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Gives a node the name, domain and address of `after`, here and in all rows that name it.
    ///
    /// # Errors
    /// [`StoreError`]: another node has this name.
    pub async fn move_node(&mut self, before: &NodeRow, after: &NodeRow) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE processnode SET name = $1, description = $1, domain = $2, ipv4address = $3 WHERE pkid = $4",
        )
        .bind(&after.name)
        .bind(&after.domain)
        .bind(&after.address)
        .bind(&after.pkid)
        .execute(self.connection())
        .await?;
        sqlx::query("UPDATE certificateprocessnodemap SET servername = $1, ipv4address = $2 WHERE fkprocessnode = $3")
            .bind(&after.name)
            .bind(&after.address)
            .bind(&after.pkid)
            .execute(self.connection())
            .await?;
        sqlx::query("UPDATE certificate SET ipv4address = $1 WHERE servername = $2 AND ipv4address = $3")
            .bind(&after.address)
            .bind(&before.name)
            .bind(&before.address)
            .execute(self.connection())
            .await?;
        for table in BY_NAME {
            sqlx::query(sqlx::AssertSqlSafe(format!("UPDATE {table} SET servername = $1 WHERE servername = $2")))
                .bind(&after.name)
                .bind(&before.name)
                .execute(self.connection())
                .await?;
        }
        Ok(())
    }
}
