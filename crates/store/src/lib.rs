//! What lasts: rows in a database, key files, published files. Nothing here decides anything.
//!
//! * [`database`]: opening, migrations, transactions; [`rows`] the typed queries; [`sql`] the free `select` of `run sql`
//! * [`directory`]: the data directory of a cluster; [`ownership`]: whose it is; [`serving`]: which nodes of it run; [`keys`]: the key
//!   store of a node; [`lock`]: locks
//! * [`aside`]: files that appear whole or not at all; [`append`]: logs that grow by lines; [`folder`]: a folder of files that is only read;
//!   [`given`]: what an administrator names
//! * [`unreadable`]: rows that cannot be read
//! * [`lasting`]: what a copy of a data directory consists of; [`beside`]: one that takes the place of another
//! * `chain`: what ties audit entries together; [`audit_log`]: the proof beside them
//! * `wal`: whether the log beside a database belongs to it
//! * [`peer`]: the databases of usecallmanager's tools; [`fault`]: where tests may kill the process

use std::io::ErrorKind;

pub mod append;
pub mod aside;
pub mod audit_log;
pub mod beside;
pub mod caller;
mod chain;
pub mod database;
pub mod directory;
pub mod fault;
pub mod folder;
pub mod given;
mod inside;
pub mod keys;
pub mod lasting;
pub mod lock;
pub mod log_lines;
pub mod named;
#[cfg(test)]
mod old_databases;
pub mod ownership;
pub mod peer;
pub mod regular;
pub mod rows;
pub mod serving;
pub mod sql;
pub mod unreadable;
mod wal;

pub use database::{Store, Transaction};

/// Why something could not be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file or directory.
    #[error("{path}: {action}: {source}{next}", next = next_step_of_file(.source))]
    File {
        /// The path.
        path: String,
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// The database refused a statement or is damaged.
    #[error("database: {0}{next}", next = next_step(.0))]
    Database(#[from] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("database: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A row holds what this program never writes.
    #[error("database: {table}: {reason}")]
    BadRow {
        /// The table.
        table: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A log that took nothing is left alone for a while: what it said.
    #[error("{0}")]
    LogWaits(String),
    /// A database of another program.
    #[error("{path}: {place}: {reason}")]
    Peer {
        /// The path.
        path: String,
        /// Where in it.
        place: String,
        /// What is wrong.
        reason: String,
    },
    /// `run sql` takes only one `select`, of what is shown.
    #[error("{0}")]
    NotASelect(String),
    /// What the database says about a `select`, or a limit of it.
    #[error("{0}")]
    Statement(String),
}

/// What to do about a database that refuses, where one can know.
fn next_step(error: &sqlx::Error) -> &'static str {
    // SQLITE_FULL [sqlite.org/rescode.html]
    let full = error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == "13");
    if full {
        ". Nothing was changed: make room where the data directory lies, then give the command again"
    } else {
        ""
    }
}

/// The same for a file. Whether something was changed is said by who wrote it.
fn next_step_of_file(error: &std::io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => ". Make room on that disk",
        _ => "",
    }
}

impl StoreError {
    /// Whether a disk that can only be read is the reason.
    pub(crate) fn is_read_only(&self) -> bool {
        matches!(self, Self::File { source, .. } if source.kind() == ErrorKind::ReadOnlyFilesystem)
    }

    pub(crate) fn file(path: &std::path::Path, action: &'static str) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.display().to_string();
        move |source| Self::File { path, action, source }
    }
}
