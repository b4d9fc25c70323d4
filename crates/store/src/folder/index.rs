//! The names in the directories of a folder, for the search without case: in memory, so that a name that does not exist costs no look at
//! all the others.
//!
//! A directory is read when a name is first searched in it. Then inotify tells of what comes and goes, before whoever did it has gone
//! on; what happens on another machine (NFS), or where the system has no more watches, is seen by the time of the directory. It is read
//! anew when that has changed, but not more often than is little work.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::hash::{Hash, Hasher};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};

/// Directories whose names are kept at most. Phones ask for some ten; beyond that all are read again.
const DIRECTORIES: usize = 1024;

/// A directory whose time has changed is read again after so many milliseconds at the earliest. What inotify tells counts at once.
const AGAIN: i64 = 1000;

/// ... and after so many times the files that were read then, in microseconds: reading takes one of them at most.
const PER_FILE: i64 = 20;

/// A time of a directory that is younger than this, milliseconds, may not tell of what comes next: file systems count in seconds,
/// some in two of them.
const UNSETTLED: i64 = 2500;

/// A name that is compared without case.
struct Folded(Box<str>);

impl PartialEq for Folded {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Folded {}

impl Hash for Folded {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for byte in self.0.bytes() {
            state.write_u8(byte.to_ascii_lowercase());
        }
    }
}

/// The names in one directory.
struct Names {
    /// By their folded form; the further spellings of the same.
    names: HashMap<Folded, Vec<Box<str>>>,
    /// The time of the directory when it was read.
    changed: (i64, i64),
    /// When it was read: milliseconds since 1970 UTC.
    read: i64,
}

/// What is told of one directory: by device and inode, because several paths may lead to it.
type Identity = (u64, u64);

/// The names of the directories of a folder.
pub(super) struct Index {
    directories: HashMap<Identity, Names>,
    watched: HashMap<WatchDescriptor, Identity>,
    inotify: Option<Inotify>,
    root: Option<Identity>,
    /// How often a directory was read.
    #[cfg(test)]
    pub reads: usize,
}

impl Index {
    pub fn new() -> Self {
        let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC);
        if let Err(error) = &inotify {
            tracing::warn!(%error, "changes of the folder of files are seen by the times of its directories only");
        }
        Self {
            directories: HashMap::new(),
            watched: HashMap::new(),
            inotify: inotify.ok(),
            root: None,
            #[cfg(test)]
            reads: 0,
        }
    }

    /// The spelling of a name in a directory, when there is one that differs in case at most.
    pub fn spelled(&mut self, directory: &Path, part: &str, now: i64) -> io::Result<Option<String>> {
        self.listen();
        let metadata = directory.metadata()?;
        let identity = (metadata.dev(), metadata.ino());
        let changed = (metadata.mtime(), metadata.mtime_nsec());
        let fresh = self.directories.get(&identity).is_some_and(|names| names.is_fresh(changed, now));
        if !fresh {
            self.read(directory, identity, changed, now)?;
        }
        Ok(self.directories.get(&identity).and_then(|names| names.get(part)).map(str::to_owned))
    }

    /// Reads the folder itself, if it has changed, so that [`Self::may_have`] can tell.
    pub fn look(&mut self, root: &Path, now: i64) -> io::Result<()> {
        self.spelled(root, "", now)?;
        let metadata = root.metadata()?;
        self.root = Some((metadata.dev(), metadata.ino()));
        Ok(())
    }

    /// Whether the folder itself may have a file of this name in some spelling, as far as the memory tells. No disk is looked at.
    pub fn may_have(&mut self, name: &str) -> bool {
        self.listen();
        self.root.and_then(|root| self.directories.get(&root)).is_none_or(|names| names.get(name).is_some())
    }

    /// Takes over what inotify tells.
    fn listen(&mut self) {
        loop {
            let Some(inotify) = &self.inotify else { return };
            // an error is EAGAIN: nothing new
            let Ok(events) = inotify.read_events() else { return };
            for event in events {
                if event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW) {
                    self.forget();
                    return;
                }
                let Some(identity) = self.watched.get(&event.wd).copied() else { continue };
                let gone = AddWatchFlags::IN_IGNORED | AddWatchFlags::IN_UNMOUNT | AddWatchFlags::IN_MOVE_SELF;
                if event.mask.intersects(gone) {
                    self.directories.remove(&identity);
                    self.watched.remove(&event.wd);
                    continue;
                }
                let (Some(names), Some(name)) = (self.directories.get_mut(&identity), event.name) else { continue };
                let Some(name) = OsStr::to_str(&name) else { continue };
                if event.mask.intersects(AddWatchFlags::IN_CREATE | AddWatchFlags::IN_MOVED_TO) {
                    names.put(name);
                } else {
                    names.remove(name);
                }
            }
        }
    }

    fn forget(&mut self) {
        self.directories.clear();
        for watch in self.watched.drain().map(|(watch, _)| watch) {
            if let Some(inotify) = &self.inotify
                && let Err(error) = inotify.rm_watch(watch)
            {
                tracing::trace!(%error, "a watch was gone already");
            }
        }
    }

    /// Reads a directory; first the watch, so that nothing is missed between.
    fn read(&mut self, directory: &Path, identity: Identity, changed: (i64, i64), now: i64) -> io::Result<()> {
        if self.directories.len() >= DIRECTORIES && !self.directories.contains_key(&identity) {
            self.forget();
        }
        let wanted = AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_DELETE
            | AddWatchFlags::IN_MOVE
            | AddWatchFlags::IN_MOVE_SELF
            | AddWatchFlags::IN_ONLYDIR;
        let watch = self.inotify.as_ref().and_then(|inotify| inotify.add_watch(directory, wanted).ok());
        let mut names = Names { names: HashMap::new(), changed, read: now };
        #[cfg(test)]
        {
            self.reads += 1;
        }
        for entry in std::fs::read_dir(directory)? {
            if let Some(name) = entry?.file_name().to_str() {
                names.put(name);
            }
        }
        names.names.shrink_to_fit();
        if let Some(watch) = watch {
            self.watched.insert(watch, identity);
        }
        self.directories.insert(identity, names);
        Ok(())
    }
}

impl Names {
    /// Whether what is known is what is there, or at least not to be read again so soon.
    fn is_fresh(&self, changed: (i64, i64), now: i64) -> bool {
        let settled = self.read.saturating_sub(changed.0.saturating_mul(1000)) > UNSETTLED;
        let known = self.changed == changed && settled;
        let since = now.saturating_sub(self.read);
        let soon = AGAIN.max(PER_FILE.saturating_mul(i64::try_from(self.names.len()).unwrap_or(i64::MAX)) / 1000);
        // a clock that went back makes it due
        known || (0..soon).contains(&since)
    }

    fn get(&self, name: &str) -> Option<&str> {
        let (key, others) = self.names.get_key_value(&Folded(name.into()))?;
        Some(others.iter().find(|other| &***other == name).map_or(&*key.0, |other| other))
    }

    fn put(&mut self, name: &str) {
        let folded = Folded(name.into());
        match self.names.get_key_value(&folded) {
            None => {
                self.names.insert(folded, Vec::new());
            }
            Some((known, others)) => {
                if &*known.0 != name && !others.iter().any(|other| &**other == name) {
                    self.names.entry(folded).or_default().push(name.into());
                }
            }
        }
    }

    fn remove(&mut self, name: &str) {
        let Some((known, mut others)) = self.names.remove_entry(&Folded(name.into())) else { return };
        let left = if &*known.0 == name {
            others.pop()
        } else {
            others.retain(|other| &**other != name);
            Some(known.0)
        };
        if let Some(left) = left {
            self.names.insert(Folded(left), others);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Long after all files were written.
    const LATER: i64 = 1 << 45;

    #[test]
    fn names_are_found_without_case_as_they_come_and_go() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path();
        let write = |name: &str| std::fs::write(root.join(name), "").unwrap();
        write("One.xml");
        let mut index = Index::new();
        let mut spelled = |name: &str| index.spelled(root, name, LATER).unwrap();
        assert_eq!(spelled("oNE.xml").as_deref(), Some("One.xml"));
        assert_eq!(spelled("two.xml"), None);
        // the time does not go on: only inotify tells
        write("Two.xml");
        write("TWO.xml");
        assert!(spelled("two.xml").is_some());
        for exact in ["Two.xml", "TWO.xml"] {
            assert_eq!(spelled(exact).as_deref(), Some(exact));
        }
        std::fs::remove_file(root.join("Two.xml")).unwrap();
        assert_eq!(spelled("Two.xml").as_deref(), Some("TWO.xml"));
        std::fs::rename(root.join("TWO.xml"), root.join("Three")).unwrap();
        assert_eq!((spelled("two.xml"), spelled("three").as_deref()), (None, Some("Three")));
        std::fs::remove_file(root.join("One.xml")).unwrap();
        assert_eq!(spelled("one.xml"), None);
    }

    #[test]
    fn without_inotify_the_time_of_the_directory_tells() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path();
        let old = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1000);
        std::fs::File::open(root).unwrap().set_modified(old).unwrap();
        let mut index = Index { inotify: None, ..Index::new() };
        assert_eq!(index.spelled(root, "one", LATER).unwrap(), None);
        std::fs::write(root.join("One"), "").unwrap();
        assert_eq!(index.spelled(root, "one", LATER + AGAIN - 1).unwrap(), None, "not read again so soon");
        assert_eq!(index.spelled(root, "one", LATER + AGAIN).unwrap().as_deref(), Some("One"));
    }

    #[test]
    fn what_may_be_in_the_folder_is_told_without_a_look() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("tftpboot");
        std::fs::create_dir(&root).unwrap();
        let mut index = Index::new();
        assert!(index.may_have("x"), "who does not know says so");
        index.look(&root, LATER).unwrap();
        assert!(!index.may_have("itlfile.tlv"));
        std::fs::write(root.join("ITLFile.tlv"), "").unwrap();
        assert!(index.may_have("itlfile.tlv"));
        std::fs::remove_file(root.join("ITLFile.tlv")).unwrap();
        assert!(!index.may_have("itlfile.tlv"));
        // another directory in its place: everything may be there
        std::fs::rename(&root, place.path().join("old")).unwrap();
        assert!(index.may_have("x"));
    }
}
