//! The databases of usecallmanager's tools, read and never written [sources/open-tools#data-bases].
//!
//! The columns changed with the versions of those tools, so what is there is asked first; a column that is missing is NULL.
//! Everything is read as text: what a text means is for whoever takes it over.

use std::io::Read;
use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, Row, SqliteConnection};

use crate::{StoreError, named, regular};

/// Bytes of a database at most: a device has two or three kilobytes, and 200 000 devices are more than any site has.
const DATABASE_LIMIT: u64 = 1 << 30;

/// Rows of a table at most.
const ROW_LIMIT: usize = 200_000;

/// Bytes of a field at most: a certificate in PEM has a few kilobytes.
const FIELD_LIMIT: usize = 64 << 10;

/// How every SQLite file begins.
const MAGIC: &[u8] = b"SQLite format 3\0";

/// A row of a peer's table: its number from 1, and its fields in the order in which they were asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerRow {
    /// Number from 1, in the order of the keys.
    pub number: usize,
    /// Texts; `None` for NULL and for a column that this version of the tool did not have.
    pub fields: Vec<Option<String>>,
}

/// What is to be read of a table.
#[derive(Debug, Clone, Copy)]
pub struct PeerTable {
    /// Its name.
    pub name: &'static str,
    /// The columns that are wanted, the key first; `a|b` is `a`, or `b` in files that have no `a`.
    pub columns: &'static [&'static str],
    /// How many of them, from the first, have to be there.
    pub needed: usize,
}

/// Reads a table.
///
/// # Errors
/// [`StoreError::Peer`] with the place and the reason: no file, too large, no SQLite database, damaged, no such table or
/// column, too many rows, a field that is too long or no text.
pub async fn read_table(path: &Path, table: &PeerTable) -> Result<Vec<PeerRow>, StoreError> {
    check_file(path)?;
    let options = SqliteConnectOptions::new().filename(path).read_only(true).create_if_missing(false);
    let at = |place: &str| {
        let (path, place) = (path.display().to_string(), place.to_owned());
        move |error: sqlx::Error| StoreError::Peer { path, place, reason: spoken(&error) }
    };
    let mut connection = options.disable_statement_logging().connect().await.map_err(at("the database"))?;
    // A schema that somebody else made does nothing here but hold rows.
    connection.execute("PRAGMA trusted_schema = OFF; PRAGMA query_only = ON;").await.map_err(at("the database"))?;
    let rows = read(&mut connection, path, table).await;
    connection.close().await.map_err(at("the database"))?;
    rows
}

async fn read(connection: &mut SqliteConnection, path: &Path, table: &PeerTable) -> Result<Vec<PeerRow>, StoreError> {
    let fail = |place: String, reason: String| StoreError::Peer { path: path.display().to_string(), place, reason };
    let database = |error: sqlx::Error| fail("the database".to_owned(), spoken(&error));
    let verdict: String =
        sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(&mut *connection).await.map_err(database)?;
    if verdict != "ok" {
        return Err(fail("the database".to_owned(), format!("is damaged: {}", verdict.replace('\n', " "))));
    }
    let columns = columns(connection, table, &fail).await?;
    let name = table.name;
    let key = columns.first().cloned().unwrap_or_default();
    let wanted: Vec<String> = columns.iter().map(|column| format!("CAST({column} AS TEXT)")).collect();
    let too_long: Vec<String> = columns.iter().map(|column| format!("LENGTH({column}) > {FIELD_LIMIT}")).collect();
    let count: i64 = sqlx::query_scalar(AssertSqlSafe(format!("SELECT COUNT(*) FROM \"{name}\"")))
        .fetch_one(&mut *connection)
        .await
        .map_err(database)?;
    if usize::try_from(count).unwrap_or(usize::MAX) > ROW_LIMIT {
        return Err(fail(format!("table {name}"), format!("has {count} rows, {ROW_LIMIT} are taken at most")));
    }
    let statement = format!("SELECT COUNT(*) FROM \"{name}\" WHERE {}", too_long.join(" OR "));
    let long: i64 = sqlx::query_scalar(AssertSqlSafe(statement)).fetch_one(&mut *connection).await.map_err(database)?;
    if long > 0 {
        return Err(fail(format!("table {name}"), format!("{long} rows have a field above {FIELD_LIMIT} bytes")));
    }
    let statement = format!("SELECT {} FROM \"{name}\" ORDER BY {key}", wanted.join(", "));
    let rows = sqlx::query(AssertSqlSafe(statement)).fetch_all(&mut *connection).await.map_err(database)?;
    let mut all = Vec::with_capacity(rows.len());
    for (number, row) in (1..).zip(&rows) {
        let mut fields = Vec::with_capacity(columns.len());
        for (index, column) in table.columns.iter().enumerate() {
            let field = row.try_get::<Option<String>, _>(index);
            fields.push(
                field.map_err(|_| fail(format!("{name} row {number}, {column}"), "is not UTF-8 text".to_owned()))?,
            );
        }
        all.push(PeerRow { number, fields });
    }
    Ok(all)
}

/// The columns as this file has them, quoted; `NULL` for one that it has not.
async fn columns(
    connection: &mut SqliteConnection,
    table: &PeerTable,
    fail: &impl Fn(String, String) -> StoreError,
) -> Result<Vec<String>, StoreError> {
    let database = |error: sqlx::Error| fail("the database".to_owned(), spoken(&error));
    // A view could be anything; the tools have none.
    let tables: Vec<String> = sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        .fetch_all(&mut *connection)
        .await
        .map_err(database)?;
    if !tables.iter().any(|name| name == table.name) {
        let there = if tables.is_empty() { "none".to_owned() } else { tables.join(", ") };
        return Err(fail(format!("table {}", table.name), format!("is not there; tables that are: {there}")));
    }
    let known: Vec<String> = sqlx::query_scalar("SELECT name FROM pragma_table_info($1)")
        .bind(table.name)
        .fetch_all(&mut *connection)
        .await
        .map_err(database)?;
    let mut found = Vec::with_capacity(table.columns.len());
    for (index, wanted) in table.columns.iter().enumerate() {
        match wanted.split('|').find(|name| known.iter().any(|column| column.eq_ignore_ascii_case(name))) {
            Some(name) => found.push(format!("\"{name}\"")),
            None if index < table.needed => {
                let place = format!("table {}", table.name);
                return Err(fail(place, format!("has no column {wanted}; it has {}", known.join(", "))));
            }
            None => found.push("NULL".to_owned()),
        }
    }
    Ok(found)
}

/// Looks at the file before SQLite does: an empty one would pass for a database without tables.
fn check_file(path: &Path) -> Result<(), StoreError> {
    let fail = |place: &str, reason: String| StoreError::Peer {
        path: path.display().to_string(),
        place: place.to_owned(),
        reason,
    };
    let about = std::fs::metadata(path).map_err(StoreError::file(path, "cannot be opened"))?;
    if !about.is_file() {
        return Err(fail("the file", "is no file".to_owned()));
    }
    if about.len() > DATABASE_LIMIT {
        return Err(fail("the file", format!("{} bytes are above the limit of {DATABASE_LIMIT}", about.len())));
    }
    let mut head = Vec::with_capacity(MAGIC.len());
    let file = regular::open_through_links(path).map_err(StoreError::file(path, "cannot be opened"))?;
    file.take(MAGIC.len() as u64).read_to_end(&mut head).map_err(StoreError::file(path, "cannot be read"))?;
    if head != MAGIC {
        return Err(fail("offset 0", "is no SQLite database: it does not begin with `SQLite format 3`".to_owned()));
    }
    Ok(())
}

/// What SQLite says, without the words of the library around it.
fn spoken(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(inner) => inner.message().to_owned(),
        other => other.to_string(),
    }
}

/// Reads a file that somebody named, up to a limit in bytes; a directory, a pipe or a device is none.
///
/// # Errors
/// [`StoreError::File`].
pub fn read_file(path: &Path, limit: u64) -> Result<Vec<u8>, StoreError> {
    let file = named::open_file(path).map_err(StoreError::file(path, "cannot be opened"))?;
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(StoreError::file(path, "cannot be read"))?;
    if bytes.len() as u64 > limit {
        let large = std::io::Error::other(format!("it is above the limit of {limit} bytes"));
        return Err(StoreError::file(path, "is too large")(large));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEVICES: PeerTable = PeerTable {
        name: "devices",
        columns: &["device_name", "operation", "curve_name|curve", "password"],
        needed: 2,
    };

    async fn make(path: &Path, statements: &str) {
        let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
        let mut connection = options.connect().await.unwrap();
        connection.execute(AssertSqlSafe(statements.to_owned())).await.unwrap();
        connection.close().await.unwrap();
    }

    #[tokio::test]
    async fn columns_of_all_versions_and_nothing_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("capf #1?.sqlite3");
        make(
            &path,
            "CREATE TABLE devices (device_name TEXT PRIMARY KEY, operation TEXT, curve TEXT, extra DATETIME);
             INSERT INTO devices VALUES ('SEP2', 'none', NULL, 1), ('SEP1', 'install', 'secp256r1', 2);",
        )
        .await;
        let before = std::fs::read(&path).unwrap();
        let rows = read_table(&path, &DEVICES).await.unwrap();
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            rows,
            [
                PeerRow { number: 1, fields: vec![text("SEP1"), text("install"), text("secp256r1"), None] },
                PeerRow { number: 2, fields: vec![text("SEP2"), text("none"), None, None] },
            ]
        );
        assert_eq!(std::fs::read(&path).unwrap(), before);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no journal was left");
    }

    #[tokio::test]
    async fn what_is_damaged_or_something_else_is_refused_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.sqlite3");
        let refused = async |path: &Path| read_table(path, &DEVICES).await.unwrap_err().to_string();
        assert!(refused(&path).await.contains("x.sqlite3: cannot be opened: "));
        for text in [&b""[..], b"SQLite format", b"<xml/>"] {
            std::fs::write(&path, text).unwrap();
            assert!(
                refused(&path)
                    .await
                    .ends_with("x.sqlite3: offset 0: is no SQLite database: it does not begin with `SQLite format 3`")
            );
        }
        assert!(refused(folder.path()).await.ends_with("the file: is no file"));

        std::fs::remove_file(&path).unwrap();
        make(
            &path,
            "CREATE TABLE certificates (a TEXT); CREATE VIEW devices AS SELECT a AS device_name FROM certificates;",
        )
        .await;
        assert!(refused(&path).await.ends_with("table devices: is not there; tables that are: certificates"));
        std::fs::remove_file(&path).unwrap();
        make(&path, "CREATE TABLE devices (device_name TEXT, note TEXT);").await;
        let said = refused(&path).await;
        assert!(said.ends_with("table devices: has no column operation; it has device_name, note"), "{said}");
        std::fs::remove_file(&path).unwrap();
        make(
            &path,
            "CREATE TABLE devices (device_name TEXT, operation TEXT);
             INSERT INTO devices VALUES ('SEP1', CAST(X'ff' AS TEXT));",
        )
        .await;
        assert!(refused(&path).await.ends_with("devices row 1, operation: is not UTF-8 text"));
        std::fs::remove_file(&path).unwrap();
        make(
            &path,
            "CREATE TABLE devices (device_name TEXT, operation TEXT);
             INSERT INTO devices VALUES ('SEP1', ZEROBLOB(70000));",
        )
        .await;
        assert!(refused(&path).await.ends_with("table devices: 1 rows have a field above 65536 bytes"));
    }

    #[tokio::test]
    async fn a_file_cut_or_overwritten_in_the_middle_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.sqlite3");
        let mut statements = "CREATE TABLE devices (device_name TEXT PRIMARY KEY, operation TEXT);".to_owned();
        for number in 0..2000 {
            statements.push_str(&format!("INSERT INTO devices VALUES ('SEP{number:012}', 'none');"));
        }
        make(&path, &format!("BEGIN; {statements} COMMIT;")).await;
        let whole = std::fs::read(&path).unwrap();
        assert_eq!(read_table(&path, &DEVICES).await.unwrap().len(), 2000);
        std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        let error = read_table(&path, &DEVICES).await.unwrap_err().to_string();
        assert!(error.contains("x.sqlite3: the database: "), "{error}");
        let mut damaged = whole.clone();
        damaged[8192..12_288].fill(0x5a);
        std::fs::write(&path, &damaged).unwrap();
        let error = read_table(&path, &DEVICES).await.unwrap_err().to_string();
        assert!(error.contains("x.sqlite3: the database: "), "{error}");
    }
}
