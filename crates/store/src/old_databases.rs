//! Databases as each migration left them, with rows of `testdata/databases`: this program brings them up to date and loses nothing. And
//! what changes leave behind, whatever they were and however they ended.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use proptest::prelude::{ProptestConfig, Strategy, any};
use proptest::{prop_assert_eq, proptest};
use rusqlite::Connection;
use rusqlite::types::Value;
use sqlx::migrate::Migrator;
use sqlx::{AnyConnection, Connection as _};

use crate::Store;
use crate::database::MIGRATIONS;

/// Columns and rows of each table.
type Tables = BTreeMap<String, (Vec<String>, Vec<String>)>;

fn versions() -> Vec<i64> {
    let all: BTreeSet<i64> = MIGRATIONS.iter().map(|step| step.version).collect();
    all.into_iter().collect()
}

fn rows_of(version: i64) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../testdata/databases/{version:04}.sql"))
}

/// A database of a version: step after step, with the rows that a program of that step had.
async fn made(path: &Path, last: i64) {
    sqlx::any::install_default_drivers();
    let url = format!("sqlite:{}?mode=rwc", path.display());
    for version in versions().into_iter().filter(|version| *version <= last) {
        let steps = MIGRATIONS.iter().filter(|step| step.version <= version).cloned().collect();
        let mut connection = AnyConnection::connect(&url).await.unwrap();
        Migrator { migrations: Cow::Owned(steps), ..Migrator::DEFAULT }.run(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        if let Ok(rows) = std::fs::read_to_string(rows_of(version)) {
            let database = Connection::open(path).unwrap();
            database.execute_batch(&format!("PRAGMA foreign_keys = ON; {rows}")).unwrap_or_else(|error| {
                panic!("{}: {error}", rows_of(version).display());
            });
        }
    }
}

fn lines(database: &Connection, query: &str) -> Vec<String> {
    let mut statement = database.prepare(query).unwrap();
    let count = statement.column_count();
    let line = |row: &rusqlite::Row<'_>| {
        let cells: Result<Vec<Value>, _> = (0..count).map(|column| row.get(column)).collect();
        cells.map(|cells| format!("{cells:?}"))
    };
    let mut lines: Vec<String> = statement.query_map([], line).unwrap().collect::<Result<_, _>>().unwrap();
    lines.sort();
    lines
}

fn names(database: &Connection, query: &str) -> Vec<String> {
    let mut statement = database.prepare(query).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

/// The tables of a database that hold what people put there.
fn tables(database: &Connection) -> Tables {
    let all =
        names(database, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_sqlx%' ESCAPE '\\'");
    let read = |table: String| {
        // The hashes of entries that had none are made when such a database is opened.
        let but = if table == "audit" { "hash" } else { "" };
        let columns = names(database, &format!("SELECT name FROM pragma_table_info('{table}') WHERE name <> '{but}'"));
        let rows = lines(database, &format!("SELECT {} FROM {table}", columns.join(", ")));
        (table, (columns, rows))
    };
    all.into_iter().map(read).collect()
}

fn schema(database: &Connection) -> Vec<String> {
    lines(database, "SELECT type, name, sql FROM sqlite_master")
}

#[tokio::test]
async fn a_database_of_each_migration_is_brought_up_to_date_and_loses_no_row() {
    let folder = tempfile::tempdir().unwrap();
    let fresh = folder.path().join("fresh.db");
    made(&fresh, i64::MAX).await;
    let wanted = schema(&Connection::open(&fresh).unwrap());
    for version in versions() {
        let place = folder.path().join(version.to_string());
        std::fs::create_dir(&place).unwrap();
        let path = place.join("ringfence.db");
        made(&path, version).await;
        let before = tables(&Connection::open(&path).unwrap());
        let store = Store::open(&path, false).await.unwrap();
        store.check().await.unwrap();
        store.close().await;
        let database = Connection::open(&path).unwrap();
        assert_eq!(schema(&database), wanted, "{version}: another schema than that of a new database");
        for (table, (columns, rows)) in before {
            let now = if table == "certificatesigningrequest" {
                // 0007: with the others that a unit has
                let columns = "fkprocessnode, tkcertificateservice, request, keyid, createdat";
                lines(&database, &format!("SELECT {columns} FROM certificaterequest"))
            } else {
                lines(&database, &format!("SELECT {} FROM {table}", columns.join(", ")))
            };
            let lost: Vec<&String> = rows.iter().filter(|row| !now.contains(row)).collect();
            assert!(lost.is_empty(), "{version}: {table} lost {lost:?}");
        }
        assert!(lines(&database, "PRAGMA foreign_key_check").is_empty(), "{version}");
    }
}

#[tokio::test]
async fn what_migrations_take_over_from_older_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ringfence.db");
    made(&path, 1).await;
    Store::open(&path, false).await.unwrap().close().await;
    let database = Connection::open(&path).unwrap();
    for (query, wanted) in [
        // 0007: the own certificates of nodes, and no copies in trust stores
        (
            "SELECT fkprocessnode || ' ' || tkcertificateservice || ' ' || fkcertificate FROM owncertificate ORDER BY 1",
            &["node-1 3 certificate-1", "node-2 11 certificate-2"][..],
        ),
        // 0030: what was in force before
        ("SELECT setting || ' ' || value FROM formersetting ORDER BY 1", &["TVSPort 2445", "release 9.1"]),
        ("SELECT fkprocessnode || ' ' || directory FROM nodedirectory", &["node-2 sub"]),
        // 0036: parameters that are there in every cluster
        (
            "SELECT paramname || ' ' || paramvalue FROM processconfig WHERE pkid IS NULL ORDER BY 1",
            &["EnableCaching True", "LBMSecurityMode Insecure"],
        ),
        // 0047: ports that were chosen are kept
        ("SELECT CAST(at AS TEXT) FROM portschosen", &["0"]),
    ] {
        assert_eq!(names(&database, query), wanted, "{query}");
    }
}

/// Parameters that a change sets, and whether it is kept.
type Change = (Vec<(u8, String)>, bool);

fn change() -> impl Strategy<Value = Change> {
    (proptest::collection::vec((0..6_u8, any::<String>()), 0..5), any::<bool>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// A change is there as a whole or not at all, after the database was closed and opened too; every text comes back as it was.
    #[test]
    fn rows_are_those_of_the_changes_that_were_kept(changes in proptest::collection::vec(change(), 1..8), reopen in any::<bool>()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ringfence.db");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (found, wanted) = runtime.block_on(async {
            let mut store = Store::open(&path, true).await.unwrap();
            let mut wanted: BTreeMap<String, String> = store.parameters().await.unwrap().into_iter().collect();
            for (rows, kept) in &changes {
                let mut transaction = store.begin().await.unwrap();
                for (name, value) in rows {
                    let name = format!("Parameter{name}");
                    transaction.set_parameter(&name, value).await.unwrap();
                    if *kept {
                        wanted.insert(name, value.clone());
                    }
                }
                if *kept {
                    transaction.commit().await.unwrap();
                } else {
                    drop(transaction);
                }
                if reopen {
                    store.close().await;
                    store = Store::open(&path, false).await.unwrap();
                }
            }
            let found: BTreeMap<String, String> = store.parameters().await.unwrap().into_iter().collect();
            store.close().await;
            (found, wanted)
        });
        prop_assert_eq!(found, wanted);
    }
}
