//! A log file that does not grow without end.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use ringfence_core::{StoreError, append};

/// Appends to a file; when it would pass its limit it is renamed to `<name>.1`, which replaces the one before, and a
/// new one is begun. So at most twice the limit stands on the disk.
#[derive(Debug)]
pub struct RotatingFile {
    path: PathBuf,
    file: File,
    length: u64,
    max_bytes: u64,
}

impl RotatingFile {
    /// Opens or makes the file. `max_bytes` is the length at which it is turned over.
    ///
    /// # Errors
    /// When the file cannot be opened for appending.
    pub fn open(path: impl Into<PathBuf>, max_bytes: u64) -> io::Result<Self> {
        let path = path.into();
        let file = append(&path)?;
        let length = file.metadata()?.len();
        Ok(Self { path, file, length, max_bytes })
    }

    fn turn(&mut self) -> io::Result<()> {
        let mut old = self.path.clone().into_os_string();
        old.push(".1");
        std::fs::rename(&self.path, old)?;
        self.file = append(&self.path)?;
        self.length = 0;
        Ok(())
    }
}

impl Write for RotatingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let passed = self.length.saturating_add(bytes.len() as u64) > self.max_bytes;
        if passed && self.length > 0 {
            self.turn()?;
        }
        let written = self.file.write(bytes)?;
        self.length = self.length.saturating_add(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn append(path: &Path) -> io::Result<File> {
    append::log_file(path).map_err(|error| match error {
        StoreError::File { source, .. } => source,
        other => io::Error::other(other),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_over_at_the_limit_and_keeps_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tvs.log");
        let mut file = RotatingFile::open(&path, 10).unwrap();
        for text in ["12345\n", "abcd", "next\n", "third one, longer than the limit\n"] {
            file.write_all(text.as_bytes()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(folder.path().join("tvs.log.1")).unwrap(), "next\n");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "third one, longer than the limit\n");
    }

    #[test]
    fn goes_on_where_it_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tvs.log");
        RotatingFile::open(&path, 10).unwrap().write_all(b"12345678").unwrap();
        RotatingFile::open(&path, 10).unwrap().write_all(b"abc").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "abc");
        assert_eq!(std::fs::read_to_string(folder.path().join("tvs.log.1")).unwrap(), "12345678");
    }
}
