//! The key store of a node: one file per key, 0600, named by the SHA-256 of its public key.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::{StoreError, aside};

/// A folder of private keys.
#[derive(Debug, Clone)]
pub struct KeyStore {
    folder: PathBuf,
}

impl KeyStore {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Keeps a key (PEM). A key that is already there stays as it is: the name says that it is the same.
    ///
    /// # Errors
    /// [`StoreError::File`].
    pub fn save(&self, key_id: &[u8; 32], pem: &[u8]) -> Result<(), StoreError> {
        aside::write(&self.path(key_id), pem, 0o600)
    }

    /// The key (PEM, cleared when dropped) with this name; `None` when this node does not hold it.
    ///
    /// # Errors
    /// [`StoreError::File`].
    pub fn load(&self, key_id: &[u8; 32]) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        Ok(aside::read(&self.path(key_id))?.map(Zeroizing::new))
    }

    /// All files of the folder by name, with the time each was written, seconds since 1970 UTC.
    ///
    /// # Errors
    /// [`StoreError::File`].
    pub fn files(&self) -> Result<Vec<(String, u64)>, StoreError> {
        aside::files(&self.folder)
    }

    /// Removes a file of the folder by its name. Whether it was there.
    ///
    /// # Errors
    /// [`StoreError::File`].
    pub fn remove(&self, file: &str) -> Result<bool, StoreError> {
        aside::remove(&self.folder.join(file))
    }

    fn path(&self, key_id: &[u8; 32]) -> PathBuf {
        use std::fmt::Write;
        let mut name = String::with_capacity(68);
        for byte in key_id {
            let written = write!(name, "{byte:02x}");
            debug_assert!(written.is_ok(), "a String takes everything");
        }
        self.folder.join(name + ".pem")
    }
}
