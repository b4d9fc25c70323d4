//! Files and directories that an administrator names.

use std::path::Path;

use crate::StoreError;
use crate::peer::read_file;

/// A file of a directory: its name, and its bytes or why they could not be read.
pub type GivenFile = (String, Result<Vec<u8>, StoreError>);

/// Makes a directory with all above it; one that is there stays as it is.
///
/// # Errors
/// [`StoreError::File`].
pub fn make_directory(path: &Path) -> Result<(), StoreError> {
    std::fs::create_dir_all(path).map_err(StoreError::file(path, "cannot be made"))
}

/// Reads a file, or the files of a directory by name (not those in directories below, nor hidden ones), each up to `limit` bytes.
///
/// # Errors
/// [`StoreError::File`]: what was named is not there or cannot be read, or holds more than `most` files. A file of a directory that
/// cannot be read has its own error.
pub fn read_files(path: &Path, limit: u64, most: usize) -> Result<Vec<GivenFile>, StoreError> {
    let about = std::fs::metadata(path).map_err(StoreError::file(path, "cannot be opened"))?;
    if !about.is_dir() {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        return Ok(vec![(name, Ok(read_file(path, limit)?))]);
    }
    let mut names = Vec::new();
    for entry in std::fs::read_dir(path).map_err(StoreError::file(path, "cannot be read"))? {
        let entry = entry.map_err(StoreError::file(path, "cannot be read"))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_file = entry.file_type().is_ok_and(|kind| !kind.is_dir());
        if is_file && !name.starts_with('.') {
            names.push((name, entry.path()));
        }
        if names.len() > most {
            let source = std::io::Error::other(format!("it holds more than {most} files"));
            return Err(StoreError::file(path, "is too large")(source));
        }
    }
    names.sort();
    Ok(names.into_iter().map(|(name, path)| (name, read_file(&path, limit))).collect())
}
