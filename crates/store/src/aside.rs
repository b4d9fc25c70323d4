//! Files that appear whole or not at all: written aside, synced, renamed.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::{StoreError, fault};

/// Writes a file so that a reader sees the old bytes or the new ones, never a part, whatever fails in between.
///
/// `mode` is the permission of the new file (0o600 for keys, 0o644 for published files).
///
/// # Errors
/// [`StoreError::File`]; the old file is unchanged then.
pub fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), StoreError> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.new", std::process::id()));
    let aside = path.with_file_name(name);
    fault::point("before a file is written aside");
    let written = write_synced(&aside, bytes, mode).and_then(|()| {
        fault::point("before a file is renamed");
        std::fs::rename(&aside, path)
    });
    if let Err(source) = written {
        // The aside file is of no use; that it cannot be removed either adds nothing to the first error.
        drop(std::fs::remove_file(&aside));
        return Err(StoreError::file(path, "cannot be written")(source));
    }
    fault::point("after a file was renamed");
    sync_directory(path)
}

fn write_synced(path: &Path, bytes: &[u8], mode: u32) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes the name of a file last: a rename is on the disk only when its directory is.
pub(crate) fn sync_directory(path: &Path) -> Result<(), StoreError> {
    let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) else {
        return Ok(());
    };
    File::open(parent).and_then(|directory| directory.sync_all()).map_err(StoreError::file(parent, "cannot be synced"))
}

/// Removes a file. Whether it was there.
///
/// # Errors
/// [`StoreError::File`] for anything but a missing file.
pub fn remove(path: &Path) -> Result<bool, StoreError> {
    fault::point("before a file is removed");
    match std::fs::remove_file(path) {
        Ok(()) => sync_directory(path).map(|()| true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(StoreError::file(path, "cannot be removed")(error)),
    }
}

/// Reads a file; `None` when there is none.
///
/// # Errors
/// [`StoreError::File`] for anything but a missing file.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::file(path, "cannot be read")(error)),
    }
}

/// Whether a name is that of a file that [`write()`] had not finished, `NAME.PID.new`, when its process ended.
pub fn is_leftover(name: &str) -> bool {
    let number = name.strip_suffix(".new").and_then(|name| name.rsplit_once('.')).map(|(_, number)| number);
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The files of a folder by name, with the time each was written, seconds since 1970 UTC.
///
/// # Errors
/// [`StoreError::File`].
pub fn files(folder: &Path) -> Result<Vec<(String, u64)>, StoreError> {
    let failed = || StoreError::file(folder, "cannot be read");
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed())? {
        let entry = entry.map_err(failed())?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // One that was removed in between is not there.
        if let Some(at) = modified(&entry.path())? {
            all.push((name, at));
        }
    }
    all.sort_unstable();
    Ok(all)
}

/// When a file was last written, seconds since 1970 UTC; `None` when there is none.
///
/// # Errors
/// [`StoreError::File`] for anything but a missing file.
pub fn modified(path: &Path) -> Result<Option<u64>, StoreError> {
    match std::fs::metadata(path).and_then(|metadata| metadata.modified()) {
        Ok(time) => Ok(Some(time.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs()))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::file(path, "cannot be read")(error)),
    }
}

/// Length of a file in bytes; `None` when there is none.
///
/// # Errors
/// [`StoreError::File`] for anything but a missing file: a directory that may not be looked into is not an empty one.
pub fn length(path: &Path) -> Result<Option<u64>, StoreError> {
    match std::fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata.len())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::file(path, "cannot be read")(error)),
    }
}
