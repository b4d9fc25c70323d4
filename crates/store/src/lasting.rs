//! What a copy of a data directory consists of: the database as one file, and for each node settings, keys, published files and the proof
//! beside the audit entries. Locks, logs and what SQLite keeps beside a database are no part of it.

use std::ffi::OsStr;
use std::fs::File;
use std::path::Path;
use std::str::FromStr;

use sqlx::{AnyConnection, Connection, Executor};

use crate::aside::{self, OpenDirectory, Rights, Temporary};
use crate::database::{check_wholly, url};
use crate::directory::DataDirectory;
use crate::{Store, StoreError};

/// The name of the database in a copy.
pub const DATABASE: &str = "ringfence.db";

/// A file of a copy: its path in the data directory, which leads nowhere else.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LastingFile {
    path: String,
    mode: u32,
}

impl FromStr for LastingFile {
    type Err = String;

    fn from_str(path: &str) -> Result<Self, String> {
        let parts: Vec<&str> = path.split('/').collect();
        let plain = |part: &&str| {
            !part.starts_with('.')
                && !part.is_empty()
                && !part.contains(['\0', '\\'])
                && !part.contains(char::is_control)
        };
        let of_node = match parts.as_slice() {
            ["nodes", _, rest @ ..] => rest,
            all => all,
        };
        let mode = match of_node {
            [DATABASE] if parts.len() == 1 => Some(0o600),
            // Where there is what a node was started with, its first start is over.
            ["ringfence.toml" | "serve.settings"] | ["keys", _] => Some(0o600),
            ["published", _] => Some(0o644),
            ["log", name] if parts.len() == 2 && name.starts_with("audit.log") => Some(crate::append::LOG_MODE),
            _ => None,
        };
        let mode = mode.filter(|_| parts.iter().all(plain));
        let mode = mode.ok_or_else(|| format!("`{}` is no file of a data directory", path.escape_debug()))?;
        Ok(Self { path: path.to_owned(), mode })
    }
}

impl LastingFile {
    /// Its path in the data directory.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl DataDirectory {
    /// The files of a copy but for the database, by path.
    ///
    /// # Errors
    /// [`StoreError::File`].
    pub fn lasting(&self) -> Result<Vec<LastingFile>, StoreError> {
        let mut nodes = vec![String::new()];
        nodes.extend(names(&self.root().join("nodes"))?.into_iter().map(|name| format!("nodes/{name}/")));
        let mut all = Vec::new();
        for node in nodes {
            for folder in ["", "keys/", "published/", "log/"] {
                for name in names(&self.root().join(format!("{node}{folder}")))? {
                    let path = format!("{node}{folder}{name}");
                    let whole = !aside::is_leftover(&name) && path != DATABASE;
                    let is_file = || self.root().join(&path).symlink_metadata().is_ok_and(|about| about.is_file());
                    all.extend(path.parse::<LastingFile>().ok().filter(|_| whole && is_file()));
                }
            }
        }
        all.sort();
        Ok(all)
    }

    /// Writes a file of a copy in this directory, with the directories above it.
    ///
    /// # Errors
    /// [`StoreError::File`]; those of `fill`.
    pub fn place<T>(
        &self,
        file: &LastingFile,
        fill: impl FnOnce(&mut File) -> std::io::Result<T>,
    ) -> Result<T, StoreError> {
        let path = self.root().join(&file.path);
        if let Some(node) = file.path.strip_prefix("nodes/").and_then(|path| path.split('/').next()) {
            self.node(node, false).create()?;
        }
        let folder = OpenDirectory::ours(aside::parent(&path))?;
        folder.fill(path.file_name().unwrap_or_default(), Rights::Exactly(file.mode), true, fill)
    }
}

/// What stands in a folder; nothing when there is none. A name that is no text is none of ours.
pub(crate) fn names(folder: &Path) -> Result<Vec<String>, StoreError> {
    let failed = || StoreError::file(folder, "cannot be read");
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed())?,
    };
    let names: std::io::Result<Vec<_>> = entries.map(|entry| Ok(entry?.file_name().into_string().ok())).collect();
    Ok(names.map_err(failed())?.into_iter().flatten().collect())
}

/// A copy of the database as it was at one moment, whole and in one file; gone when this value is.
#[derive(Debug)]
pub struct Snapshot(Temporary);

impl Snapshot {
    /// Where it lies.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Store {
    /// Copies the database beside itself and looks for damage in the copy. Others read and, unless the caller has a [`crate::Transaction`],
    /// write meanwhile.
    ///
    /// # Errors
    /// [`StoreError`]: damaged, no room.
    pub async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let folder = OpenDirectory::ours(aside::parent(self.file()))?;
        let snapshot = Snapshot(folder.temporary(OsStr::new(DATABASE))?);
        sqlx::query("VACUUM INTO $1").bind(snapshot.path().to_string_lossy().into_owned()).execute(self.pool()).await?;
        let mut copy = AnyConnection::connect(&url(snapshot.path(), "ro")).await?;
        let checked = check_wholly(&mut copy).await;
        copy.close().await?;
        checked.map(|()| snapshot)
    }

    /// Puts all pages into the file and closes it, so that nothing beside it counts.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn close_whole(&self) -> Result<(), StoreError> {
        check_wholly(&mut *self.pool().acquire().await?).await?;
        self.pool().acquire().await?.execute("PRAGMA wal_checkpoint(TRUNCATE)").await?;
        self.close().await;
        aside::remove(&crate::wal::path(self.file())).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_nowhere_else() {
        for path in
            ["ringfence.db", "keys/a.pem", "nodes/sub1/published/ITLFile.tlv", "serve.settings", "log/audit.log"]
        {
            assert_eq!(path.parse::<LastingFile>().unwrap().path(), path);
        }
        let bad = [
            "",
            "/ringfence.db",
            "../ringfence.db",
            "keys/../../a",
            "keys/..",
            "nodes/../keys/a",
            "nodes/a/ringfence.db",
            "nodes/a/log/audit.log",
            "log/tvs.log",
            "serve.lock",
            "keys/a/b",
            "keys/",
            "keys/a\n",
        ];
        for path in bad {
            assert!(path.parse::<LastingFile>().is_err(), "{path:?}");
        }
    }
}
