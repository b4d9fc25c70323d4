//! Rows that cannot be read: damaged by a disk or by hand, or written by a program that took what this one does not.
//!
//! One of them stops nothing. Whoever reads a table gets the rows that can be read; those that cannot are told of here, each with its
//! table, its key and the reason, and can be deleted. Two kinds of wrong are told apart:
//!
//! * a column holds what its declaration forbids (a number that is a text, a text that is no UTF-8, a word that is none of ours): found
//!   here, in every table that the schema has
//! * what a column keeps for another crate cannot be read there ([`Content`]): that crate is asked, through [`Check`]

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};

use cluster::rows::{Content, Unreadable};

use crate::{Store, StoreError, Transaction};

/// Says why the content of a column cannot be read. The second text is what stands beside it.
pub type Check<'a> = &'a (dyn Fn(Content, &[u8], &str) -> Result<(), String> + Sync);

/// A column with its kind of content: table, column, what stands beside it, which rows.
type Keeps = (&'static str, &'static str, &'static str, Content, &'static str);

/// All columns that keep something for another crate. LSCs that no phone holds any more are read by nobody.
const CONTENTS: [Keeps; 20] = [
    ("certificate", "certificate", "fingerprint", Content::Certificate, "1"),
    ("deletedcertificate", "certificate", "fingerprint", Content::Certificate, "1"),
    ("disableddefaultca", "certificate", "fingerprint", Content::Certificate, "certificate <> ''"),
    ("devicecertificate", "certificate", "fingerprint", Content::Certificate, "1"),
    ("lsc", "certificate", "fingerprint", Content::Certificate, "tklscstate IN (2, 3) AND certificate IS NOT NULL"),
    ("certificaterequest", "request", "keyid", Content::Request, "state <> 'used'"),
    ("devicerequest", "request", "keyid", Content::PhoneRequest, "1"),
    ("device", "publickey", "name", Content::PublicKey, "publickey IS NOT NULL"),
    ("devicerequest", "publickey", "keyid", Content::PublicKey, "publickey <> ''"),
    ("ctlfile", "file", "clustersecuritymode", Content::List, "1"),
    ("processconfig", "paramvalue", "paramname", Content::Parameter, "1"),
    ("processnode", "ipv4address", "name", Content::Address, "systemnode = 'f'"),
    ("owncertificate", "tkcertificateservice", "fkcertificate", Content::Unit, "1"),
    ("device", "model", "name", Content::Model, "1"),
    ("device", "name", "model", Content::DeviceName, "1"),
    ("formerkey", "keyid", "servername", Content::Digest, "1"),
    ("publishedlist", "digest", "kind", Content::Digest, "1"),
    ("fetchedlist", "digest", "kind", Content::Digest, "1"),
    ("strangerlist", "digest", "kind", Content::Digest, "1"),
    ("renewal", "fingerprint", "servername", Content::Digest, "1"),
];

/// Tables whose keys other rows name although the program does not ask for their rows: what is wrong with one of them is told of once.
const ONLY_WORDS: &str = "type";

/// Columns that hold one of a few words.
const WORDS: [(&str, &str, &str); 19] = [
    ("certificaterequest", "state", "'waiting', 'replaced', 'used'"),
    ("certificaterequest", "multiserver", "'t', 'f'"),
    ("devicecertificate", "kind", "'MIC', 'FETCHED'"),
    ("lsc", "tklscstate", "1, 2, 3, 4, 5"),
    ("ctlfile", "onallnodes", "'t', 'f'"),
    ("publishedlist", "iscurrent", "'t', 'f'"),
    ("publishedlist", "kind", "'CTL', 'ITL'"),
    ("fetchedlist", "kind", "'CTL', 'ITL'"),
    ("fetchedlist", "tvs", "'t', 'f'"),
    ("strangerlist", "kind", "'CTL', 'ITL'"),
    ("strangerlist", "tvs", "'t', 'f'"),
    ("processnodeservice", "enable", "'t', 'f'"),
    ("processnodeservice", "isactive", "'t', 'f'"),
    ("processnode", "systemnode", "'t', 'f'"),
    ("device", "encryptedconfig", "'t', 'f'"),
    ("device", "tkcertificateoperation", "1, 2, 3, 4"),
    ("wave", "state", "'running', 'stopped', 'done'"),
    ("wavedevice", "state", "'planned', 'scheduled', 'done', 'failed'"),
    ("servedfolder", "merge", "'t', 'f'"),
];

/// Tables that are not rows of ours.
const NOT_OURS: &str = "name NOT LIKE 'sqlite_%' AND name NOT LIKE '_sqlx_%'";

/// A row that cannot be read, with what SQLite calls it.
struct Found {
    rowid: i64,
    row: Unreadable,
}

/// A column of a table, as the schema declares it.
struct Column {
    name: String,
    /// `text`, `integer` or `blob`.
    kind: &'static str,
    not_null: bool,
    key: bool,
}

/// Reads rows one by one. What cannot be decoded is passed over: [`Store::unreadable`] tells of it.
pub(crate) async fn rows<T>(
    connection: &mut AnyConnection,
    query: sqlx::query::Query<'_, sqlx::Any, sqlx::any::AnyArguments>,
    read: impl Fn(&AnyRow) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut stream = query.fetch(connection);
    let mut all = Vec::new();
    while let Some(row) = std::future::poll_fn(|context| stream.as_mut().poll_next(context)).await {
        match row.map_err(StoreError::from).and_then(|row| read(&row)) {
            Ok(row) => all.push(row),
            Err(error) if is_of_one_row(&error) => {
                tracing::debug!(%error, "a row cannot be read and is passed over");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(all)
}

/// The columns of a row, as a tuple.
pub(crate) fn columns<T>(row: &AnyRow) -> Result<T, StoreError>
where
    T: for<'r> sqlx::FromRow<'r, AnyRow>,
{
    Ok(T::from_row(row)?)
}

/// Whether this row alone is at fault.
fn is_of_one_row(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::BadRow { .. } | StoreError::Database(sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_))
    )
}

impl Store {
    /// Reads rows, as [`rows`].
    pub(crate) async fn read<T>(
        &self,
        query: sqlx::query::Query<'_, sqlx::Any, sqlx::any::AnyArguments>,
        read: impl Fn(&AnyRow) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut connection = self.pool().acquire().await?;
        rows(&mut connection, query, read).await
    }

    /// The names of all tables.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tables(&self) -> Result<Vec<String>, StoreError> {
        tables(&mut *self.pool().acquire().await?).await
    }

    /// The rows that cannot be read, by table and key: of some tables, or of all when none is named.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn unreadable(&self, some: &[&str], check: Check<'_>) -> Result<Vec<Unreadable>, StoreError> {
        let found = find(&mut *self.pool().acquire().await?, some, check).await?;
        Ok(found.into_iter().map(|found| found.row).collect())
    }
}

impl Transaction {
    /// Reads rows, as [`rows`].
    pub(crate) async fn read<T>(
        &mut self,
        query: sqlx::query::Query<'_, sqlx::Any, sqlx::any::AnyArguments>,
        read: impl Fn(&AnyRow) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        rows(self.connection(), query, read).await
    }

    /// Deletes a row that cannot be read; what refers to it goes with it. `None`: no such row is unreadable. What is readable stays,
    /// whatever is asked for.
    ///
    /// # Errors
    /// [`StoreError`]: others refer to it and have to stay.
    pub async fn delete_unreadable(
        &mut self,
        table: &str,
        key: &str,
        check: Check<'_>,
    ) -> Result<Option<Unreadable>, StoreError> {
        let connection = self.connection();
        if !tables(connection).await?.iter().any(|known| known == table) {
            return Ok(None);
        }
        let found = find(connection, &[table], check).await?;
        let Some(found) = found.into_iter().find(|found| found.row.key == key) else { return Ok(None) };
        let statement = format!("DELETE FROM \"{table}\" WHERE rowid = $1");
        sqlx::query(AssertSqlSafe(statement)).bind(found.rowid).execute(connection).await?;
        Ok(Some(found.row))
    }
}

async fn tables(connection: &mut AnyConnection) -> Result<Vec<String>, StoreError> {
    let statement = format!("SELECT name FROM sqlite_master WHERE type = 'table' AND {NOT_OURS} ORDER BY name");
    Ok(sqlx::query_scalar(AssertSqlSafe(statement)).fetch_all(connection).await?)
}

async fn find(connection: &mut AnyConnection, some: &[&str], check: Check<'_>) -> Result<Vec<Found>, StoreError> {
    let mut all = Vec::new();
    for table in tables(connection).await? {
        if some.is_empty() || some.contains(&table.as_str()) {
            find_in(connection, &table, check, &mut all).await?;
        }
    }
    Ok(all)
}

/// The rows of one table that cannot be read.
async fn find_in(
    connection: &mut AnyConnection,
    table: &str,
    check: Check<'_>,
    all: &mut Vec<Found>,
) -> Result<(), StoreError> {
    let columns = columns_of(connection, table).await?;
    let first = all.len();
    // SQLite finds what has the wrong kind. Of texts it only says which are not plain ASCII: those are looked at here.
    let texts: Vec<&Column> = columns.iter().filter(|column| column.kind == "text").collect();
    let wrong = columns.iter().map(|Column { name, kind, not_null, .. }| {
        let null = if *not_null { "" } else { " AND typeof(\"{name}\") <> 'null'" }.replace("{name}", name);
        format!("WHEN typeof(\"{name}\") <> '{kind}'{null} THEN '{name} is no {kind}'")
    });
    let words = WORDS.iter().filter(|(of, ..)| *of == table);
    let words = words.map(|(_, name, words)| {
        format!("WHEN \"{name}\" NOT IN ({words}) THEN '{name} is none of {}'", words.replace('\'', ""))
    });
    let wrong: Vec<String> = wrong.chain(words).collect();
    let odd = texts
        .iter()
        .map(|Column { name, .. }| format!("\"{name}\" GLOB $1 OR instr(CAST(\"{name}\" AS BLOB), x'00') > 0"));
    let odd: Vec<String> = odd.collect();
    let odd = if odd.is_empty() { "0".to_owned() } else { odd.join(" OR ") };
    let key = key_columns(&columns);
    let blobs: Vec<String> = texts.iter().map(|Column { name, .. }| format!(", CAST(\"{name}\" AS BLOB)")).collect();
    let statement = format!(
        "SELECT CAST(rowid AS BIGINT), {key}, CAST(CASE {} END AS TEXT) AS wrong{} FROM \"{table}\" WHERE wrong IS NOT NULL OR {odd}",
        wrong.join(" "),
        blobs.concat()
    );
    let query = sqlx::query(AssertSqlSafe(statement)).bind("*[^\u{1}-\u{7f}]*");
    let found = rows(connection, query, |row| {
        let mut wrong: Option<String> = row.try_get(2)?;
        for (index, column) in texts.iter().enumerate() {
            let bytes: Option<Vec<u8>> = row.try_get(3 + index)?;
            if wrong.is_none() && bytes.is_some_and(|bytes| std::str::from_utf8(&bytes).is_err()) {
                wrong = Some(format!("{} is not UTF-8", column.name));
            }
        }
        Ok((row.try_get(0)?, row.try_get(1)?, wrong))
    });
    for (rowid, key, wrong) in found.await? {
        all.extend(wrong.map(|reason| found_at(table, rowid, key, reason)));
    }
    for (_, name, beside, content, rows_of) in CONTENTS.iter().filter(|(of, ..)| *of == table) {
        let statement = format!(
            "SELECT CAST(rowid AS BIGINT), {key}, CAST(\"{name}\" AS BLOB), CAST(\"{beside}\" AS BLOB) FROM \"{table}\" WHERE {rows_of}"
        );
        let query = sqlx::query(AssertSqlSafe(statement));
        let found = rows(connection, query, |row| {
            let (bytes, beside): (Vec<u8>, Vec<u8>) = (row.try_get(2)?, row.try_get(3)?);
            let wrong = check(*content, &bytes, &String::from_utf8_lossy(&beside)).err();
            Ok((row.try_get(0)?, row.try_get(1)?, wrong))
        });
        for (rowid, key, wrong) in found.await? {
            let known = all.iter().skip(first).any(|known| known.rowid == rowid);
            all.extend(wrong.filter(|_| !known).map(|reason| found_at(table, rowid, key, reason)));
        }
    }
    for (rowid, reason) in dangling(connection, table).await? {
        if all.iter().skip(first).any(|known| known.rowid == rowid) {
            continue;
        }
        let statement = format!("SELECT {key} FROM \"{table}\" WHERE rowid = $1");
        let query = sqlx::query(AssertSqlSafe(statement)).bind(rowid);
        let keys: Vec<Vec<u8>> = rows(connection, query, |row| Ok(row.try_get(0)?)).await?;
        all.extend(keys.into_iter().map(|key| found_at(table, rowid, key, reason.clone())));
    }
    all.get_mut(first..).unwrap_or_default().sort_by(|one, other| one.row.key.cmp(&other.row.key));
    Ok(())
}

fn found_at(table: &str, rowid: i64, key: Vec<u8>, reason: String) -> Found {
    Found { rowid, row: Unreadable { table: table.to_owned(), key: key_text(&key), reason, way_out: None } }
}

/// The rows of a table that name a row of another one which is not there, each once.
async fn dangling(connection: &mut AnyConnection, table: &str) -> Result<Vec<(i64, String)>, StoreError> {
    let query = sqlx::query(
        "SELECT CAST(c.\"rowid\" AS BIGINT), MIN(l.\"from\" || ' names no row of ' || c.\"parent\") FROM pragma_foreign_key_check($1) AS c \
         JOIN pragma_foreign_key_list($1) AS l ON l.\"id\" = c.\"fkid\" WHERE substr(c.\"parent\", 1, 4) <> $2 GROUP BY c.\"rowid\"",
    );
    rows(connection, query.bind(table).bind(ONLY_WORDS), columns).await
}

/// The columns of a table.
async fn columns_of(connection: &mut AnyConnection, table: &str) -> Result<Vec<Column>, StoreError> {
    let query =
        sqlx::query("SELECT name, type, CAST(\"notnull\" AS BIGINT), CAST(pk AS BIGINT) FROM pragma_table_info($1)");
    rows(connection, query.bind(table), |row| {
        let (name, declared, not_null, key): (String, String, i64, i64) = columns(row)?;
        let kind = match declared.as_str() {
            "TEXT" => "text",
            "BLOB" => "blob",
            _ => "integer",
        };
        Ok(Column { name, kind, not_null: not_null != 0, key: key != 0 })
    })
    .await
}

/// An expression that gives the columns of a key as bytes, `/` between them.
fn key_columns(columns: &[Column]) -> String {
    let keys = columns.iter().filter(|column| column.key).map(|column| {
        // SQLite takes NULL in a primary key.
        format!("COALESCE(CAST(\"{}\" AS BLOB), x'')", column.name)
    });
    let keys: Vec<String> = keys.collect();
    format!("CAST({} AS BLOB)", keys.join(" || '/' || "))
}

/// A key as it is typed.
pub(crate) fn key_text(key: &[u8]) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._:/@+".contains(byte);
    let spell = |byte: &u8| if plain(byte) { char::from(*byte).to_string() } else { format!("%{byte:02x}") };
    key.iter().map(spell).collect()
}
