//! Files that appear whole or not at all: written aside, synced, renamed. Everything that is written is written here.
//!
//! A directory is held open while something is written in it, so that it stays the same one whatever its path comes to mean. The file
//! aside is made anew (`O_EXCL`, no link is followed); where somebody has its name already the next one is taken. Its writer holds a
//! lock on it until it has its own name: so who finds it later knows whether the writer is gone.

use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Error, ErrorKind, Result as IoResult, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, RenameFlags, openat, renameat, renameat2};
use nix::sys::stat::{Mode, fchmod};
use nix::unistd::{Gid, Uid, UnlinkatFlags, fchown, geteuid, linkat, unlinkat};

use crate::{StoreError, fault};

/// Names that are tried for a file aside: threads of a process that write the same file, leftovers, and a few that somebody planted.
const NAMES: usize = 64;

/// Bytes of a name that stand in that of its file aside: with what comes behind it stays below the 255 of a name.
const NAME_BYTES: usize = 200;

/// Who may do what with a new file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rights {
    /// These, under any umask.
    Exactly(u32),
    /// These, but for what the umask takes away.
    AtMost(u32),
}

/// A directory that is held open.
#[derive(Debug)]
pub struct OpenDirectory {
    handle: File,
    path: PathBuf,
    ours: bool,
}

/// A file of [`OpenDirectory::temporary`].
#[derive(Debug)]
pub struct Temporary {
    path: PathBuf,
    _locked: File,
}

impl Temporary {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // The next start removes what could not be removed here.
        drop(std::fs::remove_file(&self.path));
    }
}

impl OpenDirectory {
    /// Opens a directory of the data directory. What root writes there belongs to whom the directory belongs to: the node runs as
    /// that user.
    ///
    /// # Errors
    /// [`StoreError::File`].
    pub fn ours(path: &Path) -> Result<Self, StoreError> {
        Self::open(path, true)
    }

    /// Opens a directory that somebody named.
    ///
    /// # Errors
    /// [`StoreError::File`].
    pub fn of_others(path: &Path) -> Result<Self, StoreError> {
        Self::open(path, false)
    }

    fn open(path: &Path, ours: bool) -> Result<Self, StoreError> {
        let opened = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let handle = OpenOptions::new().read(true).custom_flags(OFlag::O_DIRECTORY.bits()).open(opened);
        Ok(Self { handle: handle.map_err(StoreError::file(path, "cannot be opened"))?, path: path.to_owned(), ours })
    }

    /// The path under which it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file so that a reader sees the old bytes or the new ones, never a part, whatever fails in between. A link that has its
    /// name is replaced, not followed.
    ///
    /// # Errors
    /// [`StoreError::File`]; the old file is unchanged then. With `ErrorKind::AlreadyExists` when there is one and `over` is false.
    pub fn write(&self, name: &OsStr, bytes: &[u8], rights: Rights, over: bool) -> Result<(), StoreError> {
        self.fill(name, rights, over, |file| file.write_all(bytes))
    }

    /// The same for a file that does not stand in memory: `fill` writes it, and may read it again; when that fails it was never there.
    ///
    /// # Errors
    /// As [`Self::write`]; those of `fill`.
    pub fn fill<T>(
        &self,
        name: &OsStr,
        rights: Rights,
        over: bool,
        fill: impl FnOnce(&mut File) -> IoResult<T>,
    ) -> Result<T, StoreError> {
        fault::point("before a file is written aside");
        let failed = || StoreError::file(&self.path.join(name), "cannot be written");
        let (aside, mut file) = self.begin(name, rights).map_err(failed())?;
        let written = fill(&mut file).and_then(|filled| file.sync_all().map(|()| filled)).and_then(|filled| {
            fault::point("before a file is renamed");
            self.rename(&aside, name, over).map(|()| filled)
        });
        let filled = written.map_err(|source| {
            // The aside file is of no use; that it cannot be removed either adds nothing to the first error.
            let _useless = unlinkat(&self.handle, aside.as_os_str(), UnlinkatFlags::NoRemoveDir);
            failed()(source)
        })?;
        fault::point("after a file was renamed");
        self.sync().map(|()| filled)
    }

    /// A file that is gone when this value is: an empty one, for who writes it by its path. When the process is killed it is a
    /// leftover of `name`.
    ///
    /// # Errors
    /// [`StoreError::File`].
    pub fn temporary(&self, name: &OsStr) -> Result<Temporary, StoreError> {
        let failed = StoreError::file(&self.path.join(name), "cannot be written");
        let (aside, file) = self.begin(name, Rights::Exactly(0o600)).map_err(failed)?;
        Ok(Temporary { path: self.path.join(aside), _locked: file })
    }

    /// Whether a file can be written here: makes one and takes it away.
    ///
    /// # Errors
    /// [`StoreError::File`].
    pub fn check_writable(&self, name: &OsStr) -> Result<(), StoreError> {
        let tried = self
            .begin(name, Rights::Exactly(0o600))
            .and_then(|(aside, _)| Ok(unlinkat(&self.handle, aside.as_os_str(), UnlinkatFlags::NoRemoveDir)?));
        tried.map_err(StoreError::file(&self.path.join(name), "cannot be written"))
    }

    /// A file that nobody had before, locked by this process.
    fn begin(&self, name: &OsStr, rights: Rights) -> IoResult<(OsString, File)> {
        let (Rights::Exactly(mode) | Rights::AtMost(mode)) = rights;
        let flags = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        for number in 1..=NAMES {
            let aside = aside_name(name, number);
            let file = match openat(&self.handle, aside.as_os_str(), flags, Mode::from_bits_truncate(mode)) {
                Ok(opened) => File::from(opened),
                Err(Errno::EEXIST) => continue,
                Err(error) => return Err(error.into()),
            };
            // Where the system has no locks nobody removes it either.
            let taken_for_leftover = matches!(file.try_lock(), Err(TryLockError::WouldBlock));
            if taken_for_leftover || file.metadata()?.nlink() == 0 {
                continue;
            }
            self.hand_over(&file)?;
            if let Rights::Exactly(mode) = rights {
                fchmod(&file, Mode::from_bits_truncate(mode))?;
            }
            return Ok((aside, file));
        }
        let taken = format!(
            "{} and {} names like it are taken: look who made them, and remove them",
            aside_name(name, 1).to_string_lossy(),
            NAMES - 1
        );
        Err(Error::new(ErrorKind::AlreadyExists, taken))
    }

    /// What root has made in our own directory belongs to the user of the node.
    pub(crate) fn hand_over(&self, file: &File) -> IoResult<()> {
        if !self.ours || !geteuid().is_root() {
            return Ok(());
        }
        let owner = self.handle.metadata()?;
        if owner.uid() != 0 {
            fchown(file, Some(Uid::from_raw(owner.uid())), Some(Gid::from_raw(owner.gid())))?;
        }
        Ok(())
    }

    fn rename(&self, aside: &OsStr, name: &OsStr, over: bool) -> IoResult<()> {
        let at = &self.handle;
        if over {
            return Ok(renameat(at, aside, at, name)?);
        }
        match renameat2(at, aside, at, name, RenameFlags::RENAME_NOREPLACE) {
            // File systems that cannot have two names for a file, or cannot rename so: one of both is there.
            Err(Errno::EINVAL | Errno::ENOSYS) => {
                linkat(at, aside, at, name, AtFlags::empty())?;
                Ok(unlinkat(at, aside, UnlinkatFlags::NoRemoveDir)?)
            }
            renamed => Ok(renamed?),
        }
    }

    /// Makes the names in it last: a rename is on the disk only when its directory is.
    fn sync(&self) -> Result<(), StoreError> {
        self.handle.sync_all().map_err(StoreError::file(&self.path, "cannot be synced"))
    }

    /// Files that a process had not finished when it ended, of one name or of all. What cannot be opened belongs to somebody else, and
    /// what is locked to a process at work.
    ///
    /// # Errors
    /// [`StoreError::File`].
    pub fn leftovers(&self, of: Option<&OsStr>) -> Result<Vec<String>, StoreError> {
        let found = self.unfinished(of).map_err(StoreError::file(&self.path, "cannot be read"))?;
        Ok(found.into_iter().map(|(name, _)| name).collect())
    }

    /// Removes them. Their names.
    ///
    /// # Errors
    /// [`StoreError::File`].
    pub fn remove_leftovers(&self) -> Result<Vec<String>, StoreError> {
        let failed = || StoreError::file(&self.path, "cannot be cleared of what was left half written");
        let mut removed = Vec::new();
        for (name, _lock) in self.unfinished(None).map_err(failed())? {
            unlinkat(&self.handle, name.as_str(), UnlinkatFlags::NoRemoveDir).map_err(Error::from).map_err(failed())?;
            removed.push(name);
        }
        Ok(removed)
    }

    fn unfinished(&self, of: Option<&OsStr>) -> IoResult<Vec<(String, File)>> {
        let mut found = Vec::new();
        let listed = OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        for entry in Dir::openat(&self.handle, ".", listed, Mode::empty())?.iter() {
            let Ok(name) = entry?.file_name().to_str().map(str::to_owned) else { continue };
            if !is_leftover(&name) || of.is_some_and(|of| !is_of(&name, of)) {
                continue;
            }
            let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
            let Ok(file) = openat(&self.handle, name.as_str(), flags, Mode::empty()).map(File::from) else { continue };
            if file.metadata()?.is_file() && file.try_lock().is_ok() {
                found.push((name, file));
            }
        }
        found.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(found)
    }
}

/// `NAME.PID.new`, and `NAME.PID-2.new` and so on where that is taken.
fn aside_name(name: &OsStr, number: usize) -> OsString {
    let bytes = name.as_bytes();
    let process = std::process::id();
    let more = if number == 1 { String::new() } else { format!("-{number}") };
    let kept = bytes.get(..NAME_BYTES).unwrap_or(bytes);
    OsString::from_vec([kept, format!(".{process}{more}.new").as_bytes()].concat())
}

/// Whether a name is that of a file that had not been finished when its process ended.
pub fn is_leftover(name: &str) -> bool {
    let middle = name.strip_suffix(".new").and_then(|name| name.rsplit_once('.')).map(|(_, middle)| middle);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    middle.is_some_and(|middle| match middle.split_once('-') {
        Some((process, number)) => digits(process) && digits(number),
        None => digits(middle),
    })
}

/// Whether a leftover is one of this file.
fn is_of(leftover: &str, name: &OsStr) -> bool {
    let bytes = name.as_bytes();
    let kept = bytes.get(..NAME_BYTES).unwrap_or(bytes);
    let before = leftover.strip_suffix(".new").and_then(|name| name.rsplit_once('.')).map(|(before, _)| before);
    before.is_some_and(|before| before.as_bytes() == kept)
}

/// What is said of a file that was left half written in a directory of somebody else.
pub fn left_behind(place: &str) -> String {
    format!("{place} was left half written by a process that is gone: remove it")
}

/// Writes a file of the data directory as [`OpenDirectory::write`] does, in the place of one that is there.
///
/// `mode` is the permission of the new file under any umask (0o600 for keys, 0o644 for published files).
///
/// # Errors
/// [`StoreError::File`]; the old file is unchanged then.
pub fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), StoreError> {
    let name = path.file_name().unwrap_or_default();
    OpenDirectory::ours(parent(path))?.write(name, bytes, Rights::Exactly(mode), true)
}

/// The directory above; empty where it is the one of the process.
pub(crate) fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or_else(|| Path::new(""))
}

/// Makes the name of a file last.
pub(crate) fn sync_directory(path: &Path) -> Result<(), StoreError> {
    OpenDirectory::ours(parent(path))?.sync()
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

/// Reads a file of the data directory; `None` when there is none.
///
/// # Errors
/// [`StoreError::File`] for anything but a missing file.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    match crate::regular::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::file(path, "cannot be read")(error)),
    }
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn planted(number: usize) -> OsString {
        aside_name(OsStr::new("a.pem"), number)
    }

    #[test]
    fn nothing_is_written_through_what_others_have_planted() {
        let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let secret = elsewhere.path().join("shadow");
        std::fs::write(&secret, "of root").unwrap();
        // A link, a second name of the file, a link to nothing, a pipe that nobody reads: each under the name that comes next.
        symlink(&secret, folder.path().join(planted(1))).unwrap();
        std::fs::hard_link(&secret, folder.path().join(planted(2))).unwrap();
        symlink(elsewhere.path().join("new"), folder.path().join(planted(3))).unwrap();
        nix::unistd::mkfifo(&folder.path().join(planted(4)), Mode::S_IRWXU).unwrap();
        // The name itself is a link too.
        symlink(&secret, folder.path().join("a.pem")).unwrap();
        write(&folder.path().join("a.pem"), b"new", 0o600).unwrap();
        assert_eq!(std::fs::read_to_string(&secret).unwrap(), "of root");
        assert_eq!(names(elsewhere.path()), ["shadow"]);
        let written = folder.path().join("a.pem");
        assert!(written.symlink_metadata().unwrap().is_file());
        assert_eq!(std::fs::read(&written).unwrap(), b"new");
        // All names taken: an error that names them, and the old file stays.
        for number in 5..=NAMES {
            symlink(&secret, folder.path().join(planted(number))).unwrap();
        }
        let error = write(&written, b"newer", 0o600).unwrap_err().to_string();
        assert!(error.contains("names like it are taken"), "{error}");
        assert_eq!(std::fs::read(&written).unwrap(), b"new");
        assert_eq!(std::fs::read_to_string(&secret).unwrap(), "of root");
    }

    #[test]
    fn a_directory_stays_the_one_that_was_opened() {
        let folder = tempfile::tempdir().unwrap();
        let (named, moved, trap) = (folder.path().join("a"), folder.path().join("b"), folder.path().join("trap"));
        std::fs::create_dir(&named).unwrap();
        std::fs::create_dir(&trap).unwrap();
        let opened = OpenDirectory::of_others(&named).unwrap();
        std::fs::rename(&named, &moved).unwrap();
        symlink(&trap, &named).unwrap();
        opened.write(OsStr::new("x"), b"1", Rights::Exactly(0o644), true).unwrap();
        assert_eq!((names(&trap), names(&moved)), (Vec::new(), vec!["x".to_owned()]));
    }

    #[test]
    fn rights_hold_under_any_umask_and_a_file_is_not_replaced_unasked() {
        let folder = tempfile::tempdir().unwrap();
        let opened = OpenDirectory::of_others(folder.path()).unwrap();
        let mode = |name: &str| std::fs::metadata(folder.path().join(name)).unwrap().permissions().mode() & 0o777;
        for wanted in [0o600, 0o640, 0o644, 0o666] {
            let name = format!("{wanted:o}");
            opened.write(OsStr::new(&name), b"1", Rights::Exactly(wanted), false).unwrap();
            assert_eq!(mode(&name), wanted);
        }
        let error = opened.write(OsStr::new("600"), b"2", Rights::AtMost(0o600), false).unwrap_err();
        let StoreError::File { source, .. } = &error else { panic!("{error}") };
        assert_eq!(source.kind(), ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(folder.path().join("600")).unwrap(), b"1");
        assert_eq!(names(folder.path()), ["600", "640", "644", "666"], "nothing is left aside");
        let long = "n".repeat(250);
        opened.write(OsStr::new(&long), b"1", Rights::AtMost(0o600), true).unwrap();
        assert_eq!(std::fs::read(folder.path().join(&long)).unwrap(), b"1");
    }

    #[test]
    fn a_leftover_goes_when_its_writer_is_gone_and_not_before() {
        let folder = tempfile::tempdir().unwrap();
        let opened = OpenDirectory::ours(folder.path()).unwrap();
        let (at_work, _file) = opened.begin(OsStr::new("a.pem"), Rights::Exactly(0o600)).unwrap();
        let (left, file) = opened.begin(OsStr::new("a.pem"), Rights::Exactly(0o600)).unwrap();
        let (other, other_file) = opened.begin(OsStr::new("b.pem"), Rights::Exactly(0o600)).unwrap();
        drop((file, other_file));
        for name in ["notes.new", "a.pem", "x.12a.new", "x.1-.new"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        symlink("a.pem", folder.path().join("c.1.new")).unwrap();
        let name = |name: &OsString| name.to_string_lossy().into_owned();
        assert_eq!(opened.leftovers(Some(OsStr::new("a.pem"))).unwrap(), [name(&left)]);
        assert_eq!(opened.remove_leftovers().unwrap(), [name(&left), name(&other)]);
        let mut kept = vec![name(&at_work), "a.pem".into(), "c.1.new".into(), "notes.new".into()];
        kept.extend(["x.1-.new".into(), "x.12a.new".into()]);
        kept.sort();
        assert_eq!(names(folder.path()), kept);
    }

    /// What root's commands write in the data directory of another user belongs to that user; elsewhere it is root's. Who is not root
    /// owns what he writes.
    #[test]
    fn what_root_writes_in_a_directory_of_the_node_belongs_to_its_user() {
        let folder = tempfile::tempdir().unwrap();
        let me = geteuid();
        let user = if me.is_root() { Uid::from_raw(65_534) } else { me };
        std::os::unix::fs::chown(folder.path(), Some(user.as_raw()), None).unwrap();
        write(&folder.path().join("ours"), b"1", 0o600).unwrap();
        let others = OpenDirectory::of_others(folder.path()).unwrap();
        others.write(OsStr::new("theirs"), b"1", Rights::Exactly(0o600), true).unwrap();
        let owner = |name: &str| std::fs::metadata(folder.path().join(name)).unwrap().uid();
        assert_eq!((owner("ours"), owner("theirs")), (user.as_raw(), me.as_raw()));
    }
}
