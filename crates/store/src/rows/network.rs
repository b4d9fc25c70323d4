//! Another name, domain or address for a node, and the values that settings had before.

use crate::unreadable::columns;
use crate::{Store, StoreError, Transaction};
use cluster::rows::{FormerSettingRow, NodeRow};

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
        if before.name != after.name {
            self.rename_in_alarms(&before.name, &after.name).await?;
        }
        Ok(())
    }

    /// Alarms that stand say the name that the node has now, and end under it.
    async fn rename_in_alarms(&mut self, before: &str, after: &str) -> Result<(), StoreError> {
        let rows: Vec<(String, String, String)> =
            self.read(sqlx::query("SELECT name, subject, text FROM standingalarm"), columns).await?;
        for (name, subject, text) in rows {
            let new = (if subject == before { after } else { &subject }, renamed(&text, before, after));
            if (new.0, new.1.as_str()) == (subject.as_str(), text.as_str()) {
                continue;
            }
            sqlx::query("UPDATE OR REPLACE toldalarm SET subject = $1 WHERE name = $2 AND subject = $3")
                .bind(new.0)
                .bind(&name)
                .bind(&subject)
                .execute(self.connection())
                .await?;
            sqlx::query("UPDATE standingalarm SET subject = $1, text = $2 WHERE name = $3 AND subject = $4")
                .bind(new.0)
                .bind(new.1)
                .bind(name)
                .bind(&subject)
                .execute(self.connection())
                .await?;
        }
        Ok(())
    }
}

impl Store {
    /// Whether a start has chosen the ports that phones know.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn ports_chosen(&self) -> Result<bool, StoreError> {
        let found: Option<i64> =
            sqlx::query_scalar("SELECT CAST(1 AS BIGINT) FROM portschosen LIMIT 1").fetch_optional(self.pool()).await?;
        Ok(found.is_some())
    }
}

impl Transaction {
    /// Notes that a start has chosen them, milliseconds since 1970 UTC.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn note_ports_chosen(&mut self, at: i64) -> Result<(), StoreError> {
        let query = sqlx::query("INSERT INTO portschosen (at) VALUES ($1) ON CONFLICT (at) DO NOTHING").bind(at);
        query.execute(self.connection()).await?;
        Ok(())
    }
}

/// A text with one host name in the place of another, where that stands as a word of its own.
fn renamed(text: &str, before: &str, after: &str) -> String {
    let of_a_name = |letter: char| letter.is_alphanumeric() || letter == '-' || letter == '_';
    let (mut out, mut rest, mut last) = (String::new(), text, None);
    while let Some((head, tail)) = rest.split_once(before).filter(|_| !before.is_empty()) {
        out.push_str(head);
        let whole =
            !head.chars().next_back().or(last).is_some_and(of_a_name) && !tail.chars().next().is_some_and(of_a_name);
        out.push_str(if whole { after } else { before });
        last = before.chars().next_back();
        rest = tail;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::renamed;

    #[test]
    fn whole_words_only() {
        let text = "pub: the CTL of pub.example.com, not pub2, sub-pub or republic. /pub/x (pub)";
        let new = renamed(text, "pub", "head");
        assert_eq!(new, "head: the CTL of head.example.com, not pub2, sub-pub or republic. /head/x (head)");
        assert_eq!((renamed("pubpub", "pub", "x"), renamed("a", "", "x")), ("pubpub".to_owned(), "a".to_owned()));
    }
}
