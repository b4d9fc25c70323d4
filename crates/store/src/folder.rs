//! A folder of files that people bring and that is only read: their tftpboot.
//!
//! A file is opened once, beneath the folder, and everything after that is asked of what was opened: a name that is exchanged for a
//! link between two looks gives the old file or the new one, and nothing outside. Opening waits for nobody, and what is no file
//! (a FIFO, a device, a socket, a directory) is not there.
//!
//! * `beneath`: opening inside; `index`: the names for the search without case; here: what was opened

mod beneath;
mod index;

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::StoreError;
use index::Index;

/// Largest file served from a folder: 256 MiB, above every firmware image of a phone.
pub const FILE_LIMIT: u64 = 256 << 20;

/// Directories inside each other that are looked through: names have no more parts.
const DEEPEST: usize = 4;

/// How often the names in memory are tried that somebody else looks at: a flood of other names looks at them all the time.
const TRIES: usize = 64;

/// A folder whose files are read, never written.
#[derive(Clone)]
pub struct Folder {
    root: PathBuf,
    index: Arc<Mutex<Index>>,
}

impl std::fmt::Debug for Folder {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Folder").field("root", &self.root).finish_non_exhaustive()
    }
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
        Ok(Self { root: real, index: Arc::new(Mutex::new(Index::new())) })
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
    /// folder find nothing, and neither does what is no file. `now` in milliseconds since 1970 UTC.
    ///
    /// # Errors
    /// [`StoreError::File`] when a file is there and cannot be opened.
    pub fn find(&self, name: &str, now: i64) -> Result<Option<OpenFile>, StoreError> {
        if let Some(file) = self.exactly(name)? {
            return Ok(Some(file));
        }
        match self.spelled(name, now) {
            Some(spelled) if spelled != name => self.exactly(&spelled),
            _ => Ok(None),
        }
    }

    /// Whether a file of this name may lie directly in the folder, in some spelling. Looks at nothing but the memory.
    pub fn may_have(&self, name: &str) -> bool {
        // Another search holds it for microseconds. While somebody reads a directory, nobody knows.
        let held = (0..TRIES).find_map(|_| {
            let held = self.index.try_lock().ok();
            if held.is_none() {
                std::thread::yield_now();
            }
            held
        });
        held.is_none_or(|mut index| index.may_have(name))
    }

    /// The files in the folder, some directories deep, that are there and cannot be opened: the first of them, and how many there
    /// are. At most so many files are looked at.
    pub fn unreadable(&self, first: usize, mut files: usize) -> (Vec<String>, usize) {
        let (mut named, mut count) = (Vec::new(), 0);
        let mut note = |name: String| {
            count += 1;
            if named.len() < first {
                named.push(name);
            }
        };
        let mut directories = vec![(String::new(), 1)];
        while let Some((directory, depth)) = directories.pop() {
            let Ok(entries) = std::fs::read_dir(self.root.join(&directory)) else {
                note(format!("{directory}/"));
                continue;
            };
            for entry in entries.flatten() {
                let (Some(left), Ok(name)) = (files.checked_sub(1), entry.file_name().into_string()) else { continue };
                files = left;
                let name = if directory.is_empty() { name } else { format!("{directory}/{name}") };
                // a link to a directory is not gone into: it may lead in circles
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() && depth < DEEPEST => directories.push((name, depth + 1)),
                    Ok(kind) if kind.is_dir() => {}
                    _ if self.exactly(&name).is_err() => note(name),
                    _ => {}
                }
            }
        }
        (named, count)
    }

    /// Brings the memory of the folder up to date with what other machines did to it. May take as long as its disk.
    ///
    /// # Errors
    /// [`StoreError::File`]: it cannot be read.
    pub fn look(&self, now: i64) -> Result<(), StoreError> {
        let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        index.look(&self.root, now).map_err(StoreError::file(&self.root, "cannot be read"))
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

    /// The spelling on the disk of a name: each part as asked if it is there, else one that differs only in case.
    fn spelled(&self, name: &str, now: i64) -> Option<String> {
        let mut names: Vec<String> = Vec::new();
        for part in name.split('/') {
            // looked at by path, because it tells names only: opening is what stays inside
            let directory = self.root.join(names.join("/"));
            let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
            names.push(index.spelled(&directory, part, now).ok()??);
        }
        Some(names.join("/"))
    }
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

    /// Whether the file is larger than what is served.
    pub fn is_too_large(&self) -> bool {
        self.length() > FILE_LIMIT
    }

    /// That the file is not larger than what is served.
    ///
    /// # Errors
    /// [`StoreError::File`]: above 256 MiB.
    pub fn checked(&self) -> Result<(), StoreError> {
        let length = self.length();
        if self.is_too_large() {
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn names_that_do_not_exist_read_no_directory_and_new_files_are_there_at_once() {
        let place = tempfile::tempdir().unwrap();
        std::fs::create_dir(place.path().join("German")).unwrap();
        for number in 0..2000 {
            std::fs::write(place.path().join(format!("SEP{number:012}.cnf.xml")), "x").unwrap();
        }
        let folder = Folder::open(place.path()).unwrap();
        let now = 1 << 45;
        for number in 0..2000 {
            for name in [format!("SEPF{number:011}.cnf.xml"), format!("german/{number}"), format!("no/{number}")] {
                assert!(folder.find(&name, now).unwrap().is_none());
            }
            assert!(folder.find(&format!("sep{number:012}.CNF.xml"), now).unwrap().is_some());
        }
        assert_eq!(folder.index.lock().unwrap().reads, 2, "each directory once");
        for name in ["New.xml", "German/New.xml"] {
            std::fs::write(place.path().join(name), "new").unwrap();
            assert_eq!(folder.find(name, now).unwrap().unwrap().read().unwrap(), b"new");
            assert_eq!(folder.find(&name.to_lowercase(), now).unwrap().unwrap().name, name);
        }
        assert_eq!(folder.index.lock().unwrap().reads, 2);
        std::fs::rename(place.path(), place.path().with_extension("away")).unwrap();
        assert!(folder.find("New.xml", now).unwrap().is_none(), "the folder was taken away");
        std::fs::rename(place.path().with_extension("away"), place.path()).unwrap();
        assert!(folder.find("new.xml", now).unwrap().is_some(), "and is back");
    }

    #[test]
    fn files_that_this_user_cannot_read_are_named() {
        let place = tempfile::tempdir().unwrap();
        for name in ["a", "a/b"] {
            std::fs::create_dir(place.path().join(name)).unwrap();
        }
        for name in ["open", "closed", "a/b/closed", "a/open"] {
            std::fs::write(place.path().join(name), name).unwrap();
            let mode = if name.ends_with("closed") { 0 } else { 0o644 };
            std::fs::set_permissions(place.path().join(name), PermissionsExt::from_mode(mode)).unwrap();
        }
        for name in ["", "a", "a/b"] {
            std::fs::set_permissions(place.path().join(name), PermissionsExt::from_mode(0o755)).unwrap();
        }
        // this thread alone is another user, if it is root
        nix::unistd::setfsuid(nix::unistd::Uid::from_raw(65_534));
        let folder = Folder::open(place.path()).unwrap();
        let (mut named, count) = folder.unreadable(20, 1000);
        named.sort();
        assert_eq!((named, count), (vec!["a/b/closed".to_owned(), "closed".to_owned()], 2));
        assert_eq!(folder.unreadable(1, 1000).0.len(), 1);
        assert!(folder.find("closed", 0).is_err() && folder.find("a/open", 0).unwrap().is_some());
        nix::unistd::setfsuid(nix::unistd::Uid::current());
    }
}
