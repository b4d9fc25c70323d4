//! The audit log: entries in a chain. The hash of an entry covers the entry before it, and the last hash of each commit
//! stands in `log/audit.log` too: who alters rows has to alter a file of another place with them, and who cuts the end off is
//! seen by what the file still names.

use crate::chain::{GENESIS, expected, hex, unhex};
use crate::unreadable::columns;
use crate::{Store, StoreError, Transaction};
use cluster::rows::AuditRow;

/// Entries that are read at a time.
const PAGE: i64 = 1000;

type Fields = (i64, i64, String, String, String, String);

fn entry((seq, at, actor, command, result, hash): Fields) -> AuditRow {
    AuditRow { seq, at, actor, command, result, hash }
}

/// The last entry: its number and hash.
type Head = (i64, [u8; 32]);

impl Store {
    /// The last `count` entries of the audit log, in order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit(&self, count: i64) -> Result<Vec<AuditRow>, StoreError> {
        let query = sqlx::query("SELECT seq, at, actor, command, result, hash FROM audit ORDER BY seq DESC LIMIT $1");
        let rows: Vec<Fields> = self.read(query.bind(count), columns).await?;
        Ok(rows.into_iter().rev().map(entry).collect())
    }

    /// The entries behind `seq`, in order; at most 1000. Empty at the end.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit_after(&self, seq: i64) -> Result<Vec<AuditRow>, StoreError> {
        let rows: Vec<Fields> = sqlx::query_as(
            "SELECT seq, at, actor, command, result, hash FROM audit WHERE seq > $1 ORDER BY seq LIMIT $2",
        )
        .bind(seq)
        .bind(PAGE)
        .fetch_all(self.pool())
        .await?;
        Ok(rows.into_iter().map(entry).collect())
    }

    /// Chains the entries of a database that comes from before the chain: when none has a hash and no line of the log names one.
    pub(crate) async fn chain_old_entries(&self) -> Result<(), StoreError> {
        // Each opening asks, so no entries are counted.
        let unchained: i64 = sqlx::query_scalar(
            "SELECT CAST(EXISTS (SELECT 1 FROM audit) AND NOT EXISTS (SELECT 1 FROM audit WHERE hash <> '') AS BIGINT)",
        )
        .fetch_one(self.pool())
        .await?;
        if unchained == 0 || !crate::audit_log::read(self.audit_log())?.lines.is_empty() {
            return Ok(());
        }
        let mut transaction = self.begin().await?;
        let mut last: Head = (0, GENESIS);
        loop {
            let page = self.audit_after(last.0).await?;
            if page.is_empty() {
                break;
            }
            for row in page {
                last = (row.seq, expected(&row, &last.1));
                sqlx::query("UPDATE audit SET hash = $1 WHERE seq = $2 AND hash = ''")
                    .bind(hex(&last.1))
                    .bind(row.seq)
                    .execute(transaction.connection())
                    .await?;
            }
        }
        transaction.audited(last.0, hex(&last.1))?;
        transaction.commit().await
    }
}

impl Transaction {
    /// Writes an audit entry. When this fails the whole change fails.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn note_audit(&mut self, at: i64, actor: &str, command: &str, result: &str) -> Result<(), StoreError> {
        self.note_audits(actor, &[(at, command.to_owned(), result.to_owned())]).await
    }

    /// The number and hash behind which the next entry comes. A last entry without a proper hash fails the change: what is
    /// written behind it could not be proven.
    pub(crate) async fn audit_head(&mut self) -> Result<Head, StoreError> {
        let last: Option<(i64, String)> = sqlx::query_as("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")
            .fetch_optional(self.connection())
            .await?;
        let Some((seq, text)) = last else { return Ok((0, GENESIS)) };
        let hash = unhex(&text).ok_or_else(|| StoreError::BadRow {
            table: "audit",
            reason: format!(
                "entry {seq} has no hash: somebody altered it; nothing is changed until the audit log is repaired"
            ),
        })?;
        Ok((seq, hash))
    }
}
