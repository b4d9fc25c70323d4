//! Behind the gate of `run sql`: a connection of its own that cannot write, whatever comes through. Each part of it would do alone.
//!
//! The file is opened for reading, the connection is told that it only queries, and SQLite asks us before it reads a column or calls
//! a function. What it is given in time, rows and bytes has limits.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::config::DbConfig;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

use super::{Limits, Table, tables};
use crate::StoreError;

/// Steps of the database between two looks whether to go on: a tenth of a millisecond or so.
const STEPS: i32 = 1000;

/// What a statement may cost in the database, by its own limits: a value of 4 MiB is above every list and far below what `replace`
/// in `replace` makes; the statement is ours, with the columns of each table written out.
const LIMITS: &[(Limit, i32)] = &[
    (Limit::SQLITE_LIMIT_LENGTH, 4 << 20),
    (Limit::SQLITE_LIMIT_SQL_LENGTH, 256 << 10),
    (Limit::SQLITE_LIMIT_COLUMN, 500),
    (Limit::SQLITE_LIMIT_EXPR_DEPTH, 500),
    (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 20),
    (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 512),
    (Limit::SQLITE_LIMIT_ATTACHED, 0),
    (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 0),
    (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
];

/// Runs a statement; `stop` ends it.
pub(super) fn run(file: &Path, sql: &str, limits: Limits, stop: &Arc<AtomicBool>) -> Result<Table, StoreError> {
    let connection = open(file, stop).map_err(said)?;
    let mut statement = connection.prepare(sql).map_err(said)?;
    let columns: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
    let mut bytes = columns.iter().map(String::len).sum::<usize>();
    let mut table = Table { columns, rows: Vec::new() };
    let mut rows = statement.query([]).map_err(said)?;
    while let Some(row) = rows.next().map_err(said)? {
        if table.rows.len() >= limits.rows {
            return Err(too_much(&format!("{} rows", limits.rows)));
        }
        let cells = (0..table.columns.len()).map(|index| row.get_ref(index).map(text));
        let cells = cells.collect::<Result<Vec<_>, _>>().map_err(said)?;
        bytes +=
            cells.iter().map(|cell| size_of::<Option<String>>() + cell.as_ref().map_or(0, String::len)).sum::<usize>();
        if bytes > limits.bytes {
            return Err(too_much(&format!("{} MiB", limits.bytes >> 20)));
        }
        table.rows.push(cells);
    }
    Ok(table)
}

pub(super) fn too_much(what: &str) -> StoreError {
    StoreError::Statement(format!(
        "the answer of run sql takes more than {what}: ask for less, with `where` or `limit`"
    ))
}

fn said(error: rusqlite::Error) -> StoreError {
    let text = error.to_string();
    // SQLite's advice about quotes: they are ours.
    let text = text.split(" - should this be").next().unwrap_or_default();
    StoreError::Statement(format!("run sql: {text}"))
}

fn open(file: &Path, stop: &Arc<AtomicBool>) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    for (limit, value) in LIMITS {
        connection.set_limit(*limit, *value)?;
    }
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    // A name that is none is an error, and not a text.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.execute_batch("PRAGMA query_only = ON")?;
    let stop = Arc::clone(stop);
    connection.progress_handler(STEPS, Some(move || stop.load(Ordering::Relaxed)))?;
    connection.authorizer(Some(
        |context: AuthContext<'_>| if may(&context) { Authorization::Allow } else { Authorization::Deny },
    ))?;
    Ok(connection)
}

/// Whether a statement may do this: select, read a column that is shown, call a function that is known.
fn may(context: &AuthContext<'_>) -> bool {
    match context.action {
        AuthAction::Select => true,
        AuthAction::Read { table_name, column_name } => {
            let shown = tables::columns(table_name);
            // No column: `count(*)`.
            shown.is_some_and(|columns| column_name.is_empty() || columns.contains(&column_name))
                && context.database_name.is_none_or(|name| name == "main")
        }
        AuthAction::Function { function_name } => {
            function_name == "like" || tables::FUNCTIONS.iter().any(|(_, function)| *function == function_name)
        }
        _ => false,
    }
}

fn text(value: ValueRef<'_>) -> Option<String> {
    Some(match value {
        ValueRef::Null => return None,
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        ValueRef::Blob(bytes) => {
            bytes.iter().fold(String::with_capacity(2 * bytes.len()), |text, byte| text + &format!("{byte:02x}"))
        }
    })
}
