//! Log files that grow by one line at a time.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use wire::printable::one_line;

use crate::aside::{self, OpenDirectory};
use crate::{StoreError, fault, regular};

/// Who may read a log: its user, and the group that administrators of logs are in.
pub const LOG_MODE: u32 = 0o640;

/// A log file above this is set aside as `NAME.1` before the next line: 5 MB hold some 50 000 commands.
pub const SIZE_LIMIT: u64 = 5_000_000;

/// Appends one line. What is not printable is spelled out, so that one call is one line whatever was typed.
///
/// # Errors
/// [`StoreError::File`]; nothing was written then.
pub fn line(path: &Path, text: &str) -> Result<(), StoreError> {
    let mut line = one_line(text);
    line.push('\n');
    fault::point("before a line is appended");
    let mut file = open(path)?;
    if !ends_with_a_line(&file).map_err(StoreError::file(path, "cannot be read"))? {
        line.insert(0, '\n');
    }
    // One write of a file opened for appending: two processes do not mix their lines.
    file.write_all(line.as_bytes()).map_err(StoreError::file(path, "cannot be written"))
}

/// Whether the file is empty or its last line is whole. A full disk or a power cut leaves half ones.
pub(crate) fn ends_with_a_line(file: &File) -> std::io::Result<bool> {
    let Some(last) = file.metadata()?.len().checked_sub(1) else { return Ok(true) };
    let mut byte = [0];
    file.read_exact_at(&mut byte, last)?;
    Ok(byte == *b"\n")
}

/// Opens a log for its next line; a full one is set aside before.
pub(crate) fn open(path: &Path) -> Result<File, StoreError> {
    set_aside_when_full(path)?;
    log_file(path)
}

/// Opens a log of the data directory for appending, and makes it ([`LOG_MODE`] under any umask, of the user of the node) if it is not
/// there. No link is followed, and what has a second name or is no file is refused.
///
/// # Errors
/// [`StoreError::File`].
pub fn log_file(path: &Path) -> Result<File, StoreError> {
    let failed = || StoreError::file(path, "cannot be written");
    let open = |new: bool| {
        let mut options = OpenOptions::new();
        options.read(true).append(true).create_new(new).mode(LOG_MODE);
        let file = regular::open_with(&mut options, path)?;
        regular::has_one_name(&file).map(|()| file)
    };
    loop {
        match open(false) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            opened => return opened.map_err(failed()),
        }
        match open(true) {
            // Somebody made it in between.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed()(error)),
            Ok(file) => {
                OpenDirectory::ours(aside::parent(path))?.hand_over(&file).map_err(failed())?;
                file.set_permissions(Permissions::from_mode(LOG_MODE)).map_err(failed())?;
                return Ok(file);
            }
        }
    }
}

/// The name that a full log gets.
pub(crate) fn set_aside_name(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".1");
    path.with_file_name(name)
}

fn set_aside_when_full(path: &Path) -> Result<(), StoreError> {
    match std::fs::symlink_metadata(path) {
        Ok(metadata) if metadata.len() >= SIZE_LIMIT => {
            std::fs::rename(path, set_aside_name(path)).map_err(StoreError::file(path, "cannot be set aside"))
        }
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(StoreError::file(path, "cannot be read")(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A user who may write in the folder of logs has root's commands append to a file of his choice.
    #[test]
    fn no_link_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("secret");
        std::fs::write(&secret, "of root").unwrap();
        std::os::unix::fs::symlink(&secret, folder.path().join("cli.log")).unwrap();
        assert!(line(&folder.path().join("cli.log"), "quit").is_err());
        assert_eq!(std::fs::read_to_string(&secret).unwrap(), "of root");
    }

    #[test]
    fn one_call_is_one_line_and_a_full_file_is_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cli.log");
        line(&path, "show\nctl\u{1b}[2J").unwrap();
        line(&path, "quit").unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, "show\\nctl\\u{1b}[2J\nquit\n");
        // The disk was full.
        std::fs::write(&path, "quit\nsho").unwrap();
        line(&path, "help").unwrap();
        line(&path, "quit").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "quit\nsho\nhelp\nquit\n");
        let full = vec![b'x'; usize::try_from(SIZE_LIMIT).unwrap()];
        std::fs::write(&path, &full).unwrap();
        line(&path, "help").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "help\n");
        assert_eq!(std::fs::read(folder.path().join("cli.log.1")).unwrap(), full);
    }
}
