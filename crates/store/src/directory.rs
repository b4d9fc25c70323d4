//! The data directory: `ringfence.db`, and for each node `ringfence.toml`, `keys/`, `published/`, `log/`. The publisher's
//! stand at the top, a subscriber's under `nodes/NAME/`. Nothing else keeps state.

use std::fs::{DirBuilder, File, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::aside::{self, OpenDirectory};
use crate::keys::KeyStore;
use crate::{StoreError, lock};

/// Who may do what in a folder of logs.
pub(crate) const LOG_FOLDER: u32 = 0o750;

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
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&self.root);
        made.map_err(StoreError::file(&self.root, "cannot be made"))
    }

    /// Whether a process serves a node of this directory.
    ///
    /// # Errors
    /// [`StoreError::File`].
    pub fn is_served(&self) -> Result<bool, StoreError> {
        let nodes = crate::lasting::names(&self.root.join("nodes"))?.into_iter().map(|name| self.node(&name, false));
        for node in std::iter::once(self.node("", true)).chain(nodes) {
            if node.served()?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
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
        let file = lock::take(lock::open(&path)?, &path, lock::Kind::Exclusive, lock::PATIENCE)?;
        Ok(DirectoryLock { _file: file })
    }

    /// Makes a directory in this one, with all above it.
    ///
    /// # Errors
    /// [`StoreError::File`].
    pub fn make(&self, path: &Path) -> Result<(), StoreError> {
        make(path, 0o750)
    }
}

impl NodeDirectory {
    /// Makes `keys/` (0700), `published/` and `log/` if they are not there.
    ///
    /// # Errors
    /// [`StoreError::File`].
    pub fn create(&self) -> Result<(), StoreError> {
        make(&self.root, 0o700)?;
        make(&self.root.join("keys"), 0o700)?;
        make(&self.published(), 0o755)?;
        make(&self.log(), LOG_FOLDER)
    }

    /// Removes what processes that are gone have left half written. Their names.
    ///
    /// # Errors
    /// [`StoreError::File`].
    pub fn remove_leftovers(&self) -> Result<Vec<String>, StoreError> {
        let mut removed = Vec::new();
        for folder in [self.root.clone(), self.root.join("keys"), self.published()] {
            let names = OpenDirectory::ours(&folder)?.remove_leftovers()?;
            removed.extend(names.into_iter().map(|name| folder.join(name).display().to_string()));
        }
        Ok(removed)
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

/// Makes a directory, with all above it, under any umask. What root makes belongs to whom the directory above it belongs to.
pub(crate) fn make(path: &Path, mode: u32) -> Result<(), StoreError> {
    let failed = || StoreError::file(path, "cannot be made");
    let missing: Vec<&Path> = path.ancestors().take_while(|path| path.symlink_metadata().is_err()).collect();
    for path in missing.into_iter().rev().filter(|path| !path.as_os_str().is_empty()) {
        match DirBuilder::new().mode(0o700).create(path) {
            Ok(()) => {
                let made = File::open(path).map_err(failed())?;
                OpenDirectory::ours(aside::parent(path))?.hand_over(&made).map_err(failed())?;
                made.set_permissions(Permissions::from_mode(mode)).map_err(failed())?;
            }
            // Somebody made it in between.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed()(error)),
        }
    }
    Ok(())
}
