//! The data directory: `ringfence.db`, and for each node `ringfence.toml`, `keys/`, `published/`, `log/`. The publisher's
//! stand at the top, a subscriber's under `nodes/NAME/`. Nothing else keeps state.

use std::fs::{DirBuilder, File, OpenOptions};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::StoreError;
use crate::keys::KeyStore;

/// A data directory.
#[derive(Debug, Clone)]
pub struct DataDirectory {
    root: PathBuf,
}

/// The part of a data directory that belongs to one node.
#[derive(Debug, Clone)]
pub struct NodeDirectory {
    root: PathBuf,
}

/// Held while a cluster is made or published files are rebuilt, so that two processes on one data directory do not mix
/// theirs.
#[derive(Debug)]
pub struct DirectoryLock {
    _file: File,
}

impl DataDirectory {
    /// Names a directory; touches nothing.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The database file.
    pub fn database(&self) -> PathBuf {
        self.root.join("ringfence.db")
    }

    /// Makes the directory (0700: it holds keys) if it is not there.
    ///
    /// # Errors
    /// [`StoreError::File`].
    pub fn create(&self) -> Result<(), StoreError> {
        create(&self.root, 0o700)
    }

    /// The directory of a node.
    pub fn node(&self, name: &str, publisher: bool) -> NodeDirectory {
        let root = if publisher { self.root.clone() } else { self.root.join("nodes").join(name) };
        NodeDirectory { root }
    }

    /// Waits for the right to rebuild published files. Blocks: call it off the reactor.
    ///
    /// # Errors
    /// [`StoreError::File`].
    pub fn lock(&self) -> Result<DirectoryLock, StoreError> {
        self.locked("publish.lock")
    }

    /// Waits for the right to make a cluster here. Blocks: call it off the reactor.
    ///
    /// # Errors
    /// [`StoreError::File`].
    pub fn lock_creation(&self) -> Result<DirectoryLock, StoreError> {
        self.locked("create.lock")
    }

    fn locked(&self, name: &str) -> Result<DirectoryLock, StoreError> {
        let path = self.root.join(name);
        let opened = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = opened.and_then(|file| file.lock().map(|()| file));
        Ok(DirectoryLock { _file: file.map_err(StoreError::file(&path, "cannot be locked"))? })
    }
}

impl NodeDirectory {
    /// Makes `keys/` (0700), `published/` and `log/` if they are not there.
    ///
    /// # Errors
    /// [`StoreError::File`].
    pub fn create(&self) -> Result<(), StoreError> {
        create(&self.root, 0o700)?;
        create(&self.root.join("keys"), 0o700)?;
        create(&self.published(), 0o755)?;
        create(&self.log(), 0o750)
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The settings of the node.
    pub fn settings(&self) -> PathBuf {
        self.root.join("ringfence.toml")
    }

    /// What the process that serves the node was started with, for people.
    pub fn started_with(&self) -> PathBuf {
        self.root.join("serve.settings")
    }

    /// The key store.
    pub fn keys(&self) -> KeyStore {
        KeyStore::new(self.root.join("keys"))
    }

    /// What the file servers give out.
    pub fn published(&self) -> PathBuf {
        self.root.join("published")
    }

    /// The logs, by the names of the original.
    pub fn log(&self) -> PathBuf {
        self.root.join("log")
    }
}

fn create(path: &Path, mode: u32) -> Result<(), StoreError> {
    DirBuilder::new().recursive(true).mode(mode).create(path).map_err(StoreError::file(path, "cannot be made"))
}
