//! A folder of files that people bring and that is only read: their tftpboot.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::StoreError;

/// Largest file served from a folder: 256 MiB, above every firmware image of a phone.
const FILE_LIMIT: u64 = 256 << 20;

/// A folder whose files are read, never written.
#[derive(Debug, Clone)]
pub struct Folder {
    root: PathBuf,
}

/// Tells one state of a file from another: when it was written and how long it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Stamp {
    modified: SystemTime,
    length: u64,
    path: PathBuf,
}

impl Stamp {
    /// How long the file is, in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }
}

/// A file in a folder.
#[derive(Debug, Clone)]
pub struct Found {
    path: PathBuf,
    /// The name relative to the folder, as it is spelled on the disk, with `/` between its parts.
    pub name: String,
    /// The state in which it was found.
    pub stamp: Stamp,
}

impl Folder {
    /// Opens a folder.
    ///
    /// # Errors
    /// [`StoreError::File`] when it is not there.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let real = root.canonicalize().map_err(StoreError::file(root, "cannot be opened"))?;
        Ok(Self { root: real })
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The names of the files directly in the folder, sorted; at most `limit` of them.
    ///
    /// # Errors
    /// [`StoreError::File`]: unreadable, or more files than that.
    pub fn names(&self, limit: usize) -> Result<Vec<String>, StoreError> {
        let unreadable = || StoreError::file(&self.root, "cannot be read");
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.root).map_err(unreadable())? {
            let entry = entry.map_err(unreadable())?;
            let file = entry.file_type().map_err(unreadable())?.is_file();
            if let (true, Ok(name)) = (file, entry.file_name().into_string()) {
                names.push(name);
            }
            if names.len() > limit {
                let reason = std::io::Error::other(format!("more than {limit} files"));
                return Err(StoreError::file(&self.root, "is too full")(reason));
            }
        }
        names.sort();
        Ok(names)
    }

    /// Finds a file by the parts of its name; without case when the exact spelling is not there. Links that lead out
    /// of the folder find nothing.
    ///
    /// # Errors
    /// [`StoreError::File`] when a file is there and cannot be looked at.
    pub fn find<'a>(&self, parts: impl Iterator<Item = &'a str> + Clone) -> Result<Option<Found>, StoreError> {
        let mut path = self.root.clone();
        let mut names = Vec::new();
        for part in parts {
            let Some(name) = spelled(&path, part) else {
                return Ok(None);
            };
            path.push(&name);
            names.push(name);
        }
        let real = match path.canonicalize() {
            Ok(real) => real,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::file(&path, "cannot be opened")(error)),
        };
        let metadata = std::fs::metadata(&real).map_err(StoreError::file(&path, "cannot be read"))?;
        if !real.starts_with(&self.root) || !metadata.is_file() || names.is_empty() {
            return Ok(None);
        }
        let modified = metadata.modified().map_err(StoreError::file(&path, "has no time"))?;
        let stamp = Stamp { modified, length: metadata.len(), path: real.clone() };
        Ok(Some(Found { path: real, name: names.join("/"), stamp }))
    }
}

impl Found {
    /// The bytes.
    ///
    /// # Errors
    /// [`StoreError::File`]: unreadable, or above 256 MiB.
    pub fn read(&self) -> Result<Vec<u8>, StoreError> {
        if self.stamp.length > FILE_LIMIT {
            let reason = format!("{} bytes are above the limit of {FILE_LIMIT}", self.stamp.length);
            return Err(StoreError::file(&self.path, "is too large")(std::io::Error::other(reason)));
        }
        std::fs::read(&self.path).map_err(StoreError::file(&self.path, "cannot be read"))
    }
}

/// The spelling of a name in a directory: as asked if it is there, else the first that differs only in case.
fn spelled(directory: &Path, part: &str) -> Option<String> {
    if directory.join(part).symlink_metadata().is_ok() {
        return Some(part.to_owned());
    }
    let names = std::fs::read_dir(directory).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.into_iter().find(|name| name.eq_ignore_ascii_case(part))
}
