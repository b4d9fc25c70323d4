//! A folder of files that people bring and that is only read: their tftpboot.
//!
//! A file is opened once, beneath the folder, and everything after that is asked of what was opened: a name that is exchanged for a
//! link between two looks gives the old file or the new one, and nothing outside. Opening waits for nobody, and what is no file
//! (a FIFO, a device, a socket, a directory) is not there.
//!
//! * [`beneath`]: opening inside; here: what was opened, and the search without case

mod beneath;

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use crate::StoreError;

/// Largest file served from a folder: 256 MiB, above every firmware image of a phone.
pub const FILE_LIMIT: u64 = 256 << 20;

/// A folder whose files are read, never written.
#[derive(Debug, Clone)]
pub struct Folder {
    root: PathBuf,
}

/// Tells one state of a file from another: which it is, when it was written and how long it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stamp {
    device: u64,
    inode: u64,
    /// Seconds and nanoseconds of the last write.
    written: (i64, i64),
    /// The same of the last change to its names and rights too: a write that puts the old time back is seen.
    changed: (i64, i64),
    length: u64,
}

impl Stamp {
    fn of(metadata: &std::fs::Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            written: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            length: metadata.len(),
        }
    }

    /// How long the file is, in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }
}

/// An open file of a folder.
#[derive(Debug, Clone)]
pub struct OpenFile {
    file: Arc<File>,
    path: PathBuf,
    /// The name relative to the folder, as it is spelled on the disk, with `/` between its parts.
    pub name: String,
    /// The state in which it was opened.
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
                let reason = io::Error::other(format!("more than {limit} files"));
                return Err(StoreError::file(&self.root, "is too full")(reason));
            }
        }
        names.sort();
        Ok(names)
    }

    /// Opens a file by its name, `/` between its parts; without case when the exact spelling is not there. Links that lead out of the
    /// folder find nothing, and neither does what is no file.
    ///
    /// # Errors
    /// [`StoreError::File`] when a file is there and cannot be opened.
    pub fn find(&self, name: &str) -> Result<Option<OpenFile>, StoreError> {
        if let Some(file) = self.exactly(name)? {
            return Ok(Some(file));
        }
        match self.spelled(name) {
            Some(spelled) if spelled != name => self.exactly(&spelled),
            _ => Ok(None),
        }
    }

    fn exactly(&self, name: &str) -> Result<Option<OpenFile>, StoreError> {
        let path = self.root.join(name);
        let unreadable = |error| StoreError::file(&path, "cannot be read")(error);
        let Some(file) = beneath::open(&self.root, name).map_err(unreadable)? else { return Ok(None) };
        let file = File::from(file);
        let metadata = file.metadata().map_err(unreadable)?;
        if !metadata.is_file() {
            return Ok(None);
        }
        let stamp = Stamp::of(&metadata);
        Ok(Some(OpenFile { file: Arc::new(file), path, name: name.to_owned(), stamp }))
    }

    /// The spelling on the disk of a name: each part as asked if it is there, else the first that differs only in case.
    fn spelled(&self, name: &str) -> Option<String> {
        let mut names: Vec<String> = Vec::new();
        for part in name.split('/') {
            names.push(spelled(&self.root.join(names.join("/")), part)?);
        }
        Some(names.join("/"))
    }
}

/// The spelling of a name in a directory.
fn spelled(directory: &Path, part: &str) -> Option<String> {
    if directory.join(part).symlink_metadata().is_ok() {
        return Some(part.to_owned());
    }
    let names = std::fs::read_dir(directory).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.into_iter().find(|name| name.eq_ignore_ascii_case(part))
}

impl OpenFile {
    /// How long it is, in bytes.
    pub fn length(&self) -> u64 {
        self.stamp.length
    }

    /// The bytes from an offset on, exactly as many.
    ///
    /// # Errors
    /// What the system says; a file that was written to since it was opened, because no part of it goes with the others any more.
    pub fn read_at(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, offset)?;
        let now = Stamp::of(&self.file.metadata()?);
        // one that was renamed or removed goes out to its end
        if (now.written, now.length) != (self.stamp.written, self.stamp.length) {
            return Err(io::Error::other("it was written to while it was read"));
        }
        Ok(bytes)
    }

    /// All bytes.
    ///
    /// # Errors
    /// [`StoreError::File`]: unreadable, or above 256 MiB.
    pub fn read(&self) -> Result<Vec<u8>, StoreError> {
        self.checked()?;
        let length = usize::try_from(self.length()).unwrap_or(usize::MAX);
        self.read_at(0, length).map_err(self.unreadable())
    }

    /// That the file is not larger than what is served.
    ///
    /// # Errors
    /// [`StoreError::File`]: above 256 MiB.
    pub fn checked(&self) -> Result<(), StoreError> {
        let length = self.length();
        if length > FILE_LIMIT {
            let reason = format!("{length} bytes are above the limit of {FILE_LIMIT}");
            return Err(StoreError::file(&self.path, "is too large")(io::Error::other(reason)));
        }
        Ok(())
    }

    /// The error for what the system said.
    pub fn unreadable(&self) -> impl Fn(io::Error) -> StoreError {
        let path = self.path.clone();
        move |error| StoreError::file(&path, "cannot be read")(error)
    }

    /// What tells whether somebody still has the descriptor.
    pub fn shared(&self) -> Weak<File> {
        Arc::downgrade(&self.file)
    }

    /// The same file by a descriptor that others have of the same state.
    #[must_use]
    pub fn with(self, file: Arc<File>) -> Self {
        Self { file, ..self }
    }
}
