//! `run sql`: one `select`, typed by an administrator, that can change nothing.

use sqlx::{AssertSqlSafe, Column, Executor, Row, SqlSafeStr, ValueRef};

use crate::{Store, StoreError};

/// Rows that one `run sql` prints at most: enough for every cluster, and no terminal drowns.
pub const ROW_LIMIT: usize = 100_000;

/// The answer to a `select`: texts as they are printed, `None` for NULL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Column names.
    pub columns: Vec<String>,
    /// Rows.
    pub rows: Vec<Vec<Option<String>>>,
}

/// The table with the passwords of administrators: its name anywhere in a statement refuses it.
const HIDDEN: &str = "credential";

impl Store {
    /// Runs one `select`. The connection refuses writes meanwhile, whatever the statement says.
    ///
    /// # Errors
    /// [`StoreError::NotASelect`], or what the database says about the statement.
    pub async fn select(&self, statement: &str) -> Result<Table, StoreError> {
        let statement = statement.trim().trim_end_matches(';').trim();
        let first = statement.split_whitespace().next().unwrap_or_default();
        if !first.eq_ignore_ascii_case("select") || !is_one_statement(statement) {
            return Err(StoreError::NotASelect(
                "run sql takes one select statement; changes have commands of their own".into(),
            ));
        }
        if statement.to_ascii_lowercase().contains(HIDDEN) {
            return Err(StoreError::NotASelect(format!("the table {HIDDEN} holds passwords and is not shown")));
        }
        let mut connection = self.pool().acquire().await?;
        // This connection stays read-only, so it must not serve anybody else.
        connection.close_on_drop();
        connection.execute("PRAGMA query_only = ON").await?;
        read(&mut connection, statement).await
    }
}

/// Whether no `;` stands outside quotes. What ends the statement early must not come in: a second one could make the
/// connection writable again.
fn is_one_statement(statement: &str) -> bool {
    let mut quote = None;
    for letter in statement.chars() {
        match (quote, letter) {
            (None, '\'' | '"') => quote = Some(letter),
            (Some(open), letter) if open == letter => quote = None,
            (None, ';' | '\0') => return false,
            _ => {}
        }
    }
    quote.is_none() && !statement.contains("--") && !statement.contains("/*")
}

async fn read(connection: &mut sqlx::AnyConnection, statement: &str) -> Result<Table, StoreError> {
    // The limit stands in the statement itself: rows above it are never made.
    let limited = format!("SELECT * FROM ({statement}) LIMIT {ROW_LIMIT}");
    let rows = sqlx::query(AssertSqlSafe(limited)).fetch_all(&mut *connection).await?;
    let columns = match rows.first() {
        Some(row) => row.columns().iter().map(|column| column.name().to_owned()).collect(),
        None => {
            let described = connection.describe(AssertSqlSafe(statement.to_owned()).into_sql_str()).await?;
            described.columns().iter().map(|column| column.name().to_owned()).collect()
        }
    };
    let rows = rows.iter().map(|row| (0..row.len()).map(|index| text(row, index)).collect());
    Ok(Table { columns, rows: rows.collect::<Result<_, _>>()? })
}

fn text(row: &sqlx::any::AnyRow, index: usize) -> Result<Option<String>, sqlx::Error> {
    use sqlx::TypeInfo;
    let value = row.try_get_raw(index)?;
    if value.is_null() {
        return Ok(None);
    }
    let kind = value.type_info().name().to_owned();
    Ok(Some(match kind.as_str() {
        "SMALLINT" | "INTEGER" | "BIGINT" => row.try_get::<i64, _>(index)?.to_string(),
        "REAL" | "DOUBLE" => row.try_get::<f64, _>(index)?.to_string(),
        "BLOB" => row.try_get::<Vec<u8>, _>(index)?.iter().map(|byte| format!("{byte:02x}")).collect(),
        _ => row.try_get::<String, _>(index)?,
    }))
}
