//! A data directory that takes the place of another one. It is made beside it, and both change their names in one step: whenever the
//! process is killed, the old one or the new one stands there, and is whole.

use std::fs::{DirBuilder, File};
use std::io::{Error, ErrorKind};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use nix::unistd::{Gid, Uid, fchown, geteuid};

use crate::caller::as_caller;
use crate::directory::DataDirectory;
use crate::lasting::{DATABASE, names};
use crate::lock::{self, Kind};
use crate::serving::Serving;
use crate::{StoreError, aside, fault};

/// What marks a directory that is being made, locked by who makes it.
const UNFINISHED: &str = "restore.lock";

/// Old directories that are kept beside each other at most.
const KEPT: usize = 999;

/// The right to put another directory in the place of this one: no node of it runs.
#[derive(Debug)]
pub struct Idle {
    directory: DataDirectory,
    _serving: Vec<Serving>,
}

/// A directory that is being made.
#[derive(Debug)]
pub struct Beside {
    made: DataDirectory,
    idle: Idle,
    _lock: File,
}

impl DataDirectory {
    /// Takes the locks that `serve` takes, so that no node runs here; the process that has one otherwise, with the directory of its node.
    ///
    /// # Errors
    /// [`StoreError::File`].
    pub fn idle(&self) -> Result<Result<Idle, (PathBuf, String)>, StoreError> {
        // A link to it stays.
        let failed = StoreError::file(self.root(), "cannot be opened");
        let directory = match self.root().canonicalize() {
            Ok(root) => Self::new(root),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let absolute = std::path::absolute(self.root()).map_err(failed)?;
                return Ok(Ok(Idle { directory: Self::new(absolute), _serving: Vec::new() }));
            }
            Err(error) => return Err(failed(error)),
        };
        directory.check_owner()?;
        let mut nodes = vec![directory.node("", true)];
        for name in names(&directory.root().join("nodes"))? {
            nodes.push(directory.node(&name, false));
        }
        let mut serving = Vec::new();
        for node in nodes {
            match node.serve()? {
                Some(right) => serving.push(right),
                None => {
                    let process =
                        node.served()?.map_or_else(|| "another process".to_owned(), |served| served.process());
                    return Ok(Err((node.root().to_owned(), process)));
                }
            }
        }
        Ok(Ok(Idle { directory, _serving: serving }))
    }
}

impl Idle {
    /// The directory, without links in its path.
    pub fn directory(&self) -> &DataDirectory {
        &self.directory
    }

    /// Makes an empty directory beside it, with those of the publisher in it. What a killed process left of one goes.
    ///
    /// # Errors
    /// [`StoreError::File`].
    pub fn beside(self) -> Result<Beside, StoreError> {
        let root = self.directory.root().with_added_extension("restoring");
        let failed = |what| StoreError::file(&root, what);
        if self.directory.root().exists() {
            // A process that was killed behind the exchange left its mark.
            aside::remove(&self.directory.root().join(UNFINISHED))?;
        }
        let owner = self.directory.owner()?;
        // Of the directory above only the caller may be able to change anything.
        as_caller(|| {
            if root.symlink_metadata().is_ok() {
                self.clear(&root)?;
            }
            DirBuilder::new().mode(0o700).create(&root).map_err(|error| match error.kind() {
                ErrorKind::PermissionDenied => failed("cannot be made")(Error::new(
                    error.kind(),
                    format!("{error}; it is made beside the data directory: run this as root"),
                )),
                _ => failed("cannot be made")(error),
            })?;
            if let Some(owner) = owner.filter(|_| geteuid().is_root()) {
                let handle = File::open(&root).map_err(failed("cannot be opened"))?;
                let given = fchown(&handle, Some(Uid::from_raw(owner.user)), Some(Gid::from_raw(owner.group)));
                given.map_err(Error::from).map_err(failed("cannot be given to the user of the node"))?;
            }
            Ok::<(), StoreError>(())
        })
        .map_err(failed("cannot be made"))??;
        let mark = root.join(UNFINISHED);
        let lock = lock::take(lock::open(&mark)?, &mark, Kind::Exclusive, std::time::Duration::ZERO)?;
        let made = DataDirectory::new(root);
        made.node("", true).create()?;
        Ok(Beside { made, idle: self, _lock: lock })
    }

    /// Takes away what stands where the new directory is to be made, if it is known for one.
    fn clear(&self, root: &Path) -> Result<(), StoreError> {
        let mark = root.join(UNFINISHED);
        if mark.symlink_metadata().is_ok_and(|about| about.is_file()) {
            let _lock = lock::take(lock::open(&mark)?, &mark, Kind::Exclusive, std::time::Duration::ZERO)?;
            return std::fs::remove_dir_all(root).map_err(StoreError::file(root, "cannot be removed"));
        }
        let is_empty = std::fs::read_dir(root).is_ok_and(|mut entries| entries.next().is_none());
        if is_empty {
            return std::fs::remove_dir(root).map_err(StoreError::file(root, "cannot be removed"));
        }
        if root.join(DATABASE).exists() {
            // The old one of a process that was killed behind the exchange.
            return self.keep(root).map(drop);
        }
        let reason = "it is there already and none of Ringfence: take it away, then try again";
        Err(StoreError::file(root, "cannot be made")(Error::new(ErrorKind::AlreadyExists, reason)))
    }

    /// Gives an old directory the first name that is free. The name.
    fn keep(&self, old: &Path) -> Result<PathBuf, StoreError> {
        for number in 1..=KEPT {
            let kept = self.directory.root().with_added_extension(format!("before-restore-{number}"));
            match renameat2(AT_FDCWD, old, AT_FDCWD, &kept, RenameFlags::RENAME_NOREPLACE) {
                Err(Errno::EEXIST) => {}
                renamed => {
                    renamed.map_err(Error::from).map_err(StoreError::file(old, "cannot be renamed"))?;
                    aside::sync_directory(&kept)?;
                    return Ok(kept);
                }
            }
        }
        let full = format!("{KEPT} old ones are kept beside it: take some away");
        Err(StoreError::file(old, "cannot be renamed")(Error::other(full)))
    }
}

impl Beside {
    /// The new directory.
    pub fn directory(&self) -> &DataDirectory {
        &self.made
    }

    /// The one whose place it takes.
    pub fn old(&self) -> &DataDirectory {
        &self.idle.directory
    }

    /// Removes it.
    ///
    /// # Errors
    /// [`StoreError::File`].
    pub fn discard(self) -> Result<(), StoreError> {
        let removed = as_caller(|| std::fs::remove_dir_all(self.made.root())).and_then(|removed| removed);
        removed.map_err(StoreError::file(self.made.root(), "cannot be removed"))
    }

    /// Puts it in the place of the old one. Where the old one is kept; `None` when there was none. Who has the database of the old one open
    /// is waited for and named.
    ///
    /// # Errors
    /// [`StoreError::File`]; the old one stands there then, and the new one beside it.
    pub fn swap(self) -> Result<Option<PathBuf>, StoreError> {
        let (new, at) = (self.made.root(), self.idle.directory.root());
        sync_all(new)?;
        fault::point("before the directories change places");
        if at.symlink_metadata().is_err() {
            let renamed = as_caller(|| renameat2(AT_FDCWD, new, AT_FDCWD, at, RenameFlags::RENAME_NOREPLACE));
            let renamed = renamed.and_then(|renamed| renamed.map_err(Error::from));
            renamed.map_err(StoreError::file(at, "cannot be put in place"))?;
            aside::sync_directory(at)?;
            return aside::remove(&at.join(UNFINISHED)).map(|_| None);
        }
        let open = at.join("open.lock");
        let _alone = lock::take(lock::open(&open)?, &open, Kind::Exclusive, lock::PATIENCE)?;
        let exchanged = as_caller(|| renameat2(AT_FDCWD, new, AT_FDCWD, at, RenameFlags::RENAME_EXCHANGE));
        exchanged.and_then(|exchanged| exchanged.map_err(Error::from)).map_err(|error| {
            let by_hand = format!(
                "{error}: these two cannot change their names in one step (a mount, a file system without it). The restored directory is \
                 whole in {}: while no node runs, move what is in {} away and what is in the other there",
                new.display(),
                at.display()
            );
            StoreError::file(at, "was not replaced")(Error::other(by_hand))
        })?;
        fault::point("after the directories changed places");
        let kept = as_caller(|| {
            aside::sync_directory(at)?;
            self.idle.keep(new)
        })
        .map_err(StoreError::file(new, "cannot be renamed"))??;
        fault::point("after the old directory was renamed");
        aside::remove(&at.join(UNFINISHED)).map(|_| Some(kept))
    }
}

/// Makes the names in a directory last, and in all below it.
fn sync_all(directory: &Path) -> Result<(), StoreError> {
    let failed = || StoreError::file(directory, "cannot be synced");
    for entry in std::fs::read_dir(directory).map_err(failed())? {
        let entry = entry.map_err(failed())?;
        if entry.file_type().map_err(failed())?.is_dir() {
            sync_all(&entry.path())?;
        }
    }
    File::open(directory).and_then(|handle| handle.sync_all()).map_err(failed())
}
