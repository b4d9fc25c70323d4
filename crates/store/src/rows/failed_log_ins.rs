//! Wrong passwords of late, by account and address.

use crate::unreadable::columns;
use crate::{Store, StoreError, Transaction};
use cluster::rows::FailedLogInRow;

const ALL: &str = "SELECT account, address, wrong, lastat, lockeduntil, unnoted, notedat FROM failedlogin";

fn read(row: &sqlx::any::AnyRow) -> Result<FailedLogInRow, StoreError> {
    let (account, address, wrong, last_at, locked_until, unnoted, noted_at) = columns(row)?;
    Ok(FailedLogInRow { account, address, wrong, last_at, locked_until, unnoted, noted_at })
}

/// The statement that reads whole rows. `tail` is a text of this file.
fn all_columns(tail: &'static str) -> sqlx::AssertSqlSafe<String> {
    sqlx::AssertSqlSafe(format!("{ALL}{tail}"))
}

impl Store {
    /// Whether there are some that the audit log does not tell of yet.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn has_unnoted_log_ins(&self) -> Result<bool, StoreError> {
        let query = sqlx::query_scalar("SELECT CAST(COUNT(*) AS BIGINT) FROM failedlogin WHERE unnoted > 0");
        let count: i64 = query.fetch_one(self.pool()).await?;
        Ok(count > 0)
    }
}

impl Transaction {
    /// Those of an account.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn failed_log_ins_of(&mut self, account: &str) -> Result<Vec<FailedLogInRow>, StoreError> {
        self.read(sqlx::query(all_columns(" WHERE account = $1 ORDER BY address")).bind(account), read).await
    }

    /// All, the latest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn failed_log_ins(&mut self) -> Result<Vec<FailedLogInRow>, StoreError> {
        self.read(sqlx::query(all_columns(" ORDER BY lastat DESC, account, address")), read).await
    }

    /// Puts a row in the place of the one of its account and address.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_failed_log_in(&mut self, row: &FailedLogInRow) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO failedlogin (account, address, wrong, lastat, lockeduntil, unnoted, notedat) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (account, address) DO UPDATE SET wrong = excluded.wrong, \
             lastat = excluded.lastat, lockeduntil = excluded.lockeduntil, unnoted = excluded.unnoted, \
             notedat = excluded.notedat",
        )
        .bind(&row.account)
        .bind(&row.address)
        .bind(row.wrong)
        .bind(row.last_at)
        .bind(row.locked_until)
        .bind(row.unnoted)
        .bind(row.noted_at)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// One more that the audit log does not tell of yet.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_unnoted_log_in(&mut self, account: &str, address: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE failedlogin SET unnoted = unnoted + 1 WHERE account = $1 AND address = $2")
            .bind(account)
            .bind(address)
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// The audit log tells of all.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_log_ins_noted(&mut self, at: i64) -> Result<(), StoreError> {
        sqlx::query("UPDATE failedlogin SET unnoted = 0, notedat = $1 WHERE unnoted > 0")
            .bind(at)
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Forgets those before a time; none that the audit log does not tell of yet.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_failed_log_ins(&mut self, before: i64) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM failedlogin WHERE unnoted = 0 AND lastat < $1")
            .bind(before)
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Forgets all but so many of the latest; none that locks at this time, and none that the audit log does not tell of yet.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keep_log_ins(&mut self, keep: i64, now: i64) -> Result<(), StoreError> {
        sqlx::query(
            "DELETE FROM failedlogin WHERE unnoted = 0 AND lockeduntil <= $1 AND lastat < COALESCE((SELECT lastat FROM failedlogin \
             ORDER BY lastat DESC LIMIT 1 OFFSET $2), lastat)",
        )
        .bind(now)
        .bind(keep)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// What was wrong between two times, milliseconds since 1970 UTC: wrong passwords of an address for others than this account, and
    /// how many rows there are in all.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn failed_log_ins_beside(
        &mut self,
        account: &str,
        address: &str,
        since: i64,
        until: i64,
    ) -> Result<(i64, i64), StoreError> {
        let query = sqlx::query_as(
            "SELECT CAST(COALESCE(SUM(CASE WHEN address = $1 AND account <> $2 THEN wrong ELSE 0 END), 0) AS BIGINT), \
             CAST(COUNT(*) AS BIGINT) FROM failedlogin WHERE lastat > $3 AND lastat <= $4",
        );
        let query = query.bind(address).bind(account).bind(since).bind(until);
        Ok(query.fetch_one(self.connection()).await?)
    }

    /// When the audit log told of some last, milliseconds since 1970 UTC; 0: never.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn log_ins_noted(&mut self) -> Result<i64, StoreError> {
        let query = sqlx::query_scalar("SELECT CAST(COALESCE(MAX(notedat), 0) AS BIGINT) FROM failedlogin");
        Ok(query.fetch_one(self.connection()).await?)
    }
}
