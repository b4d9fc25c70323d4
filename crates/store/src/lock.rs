//! Locks on files of the data directory: waited for with a limit, and who holds one is named. Anybody who may open a file can lock it
//! (flock(2)), so nobody waits for ever.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Error, ErrorKind};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use crate::aside::{self, OpenDirectory};
use crate::ownership::user_name;
use crate::{StoreError, regular};

/// How long a lock is waited for: nothing that Ringfence does under one takes longer, and who types waits no longer.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Letters of the name of a process that are shown; the system keeps 15.
const NAME_LETTERS: usize = 15;

/// With whom a lock may be shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// With nobody.
    Exclusive,
    /// With others who share it.
    Shared,
}

/// Opens a file that is locked, and makes it (0600 under any umask) if it is not there.
pub(crate) fn open(path: &Path) -> Result<File, StoreError> {
    let failed = || StoreError::file(path, "cannot be opened");
    let open = |new: bool| {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(new).mode(0o600);
        regular::open_with(&mut options, path)
    };
    let file = match open(false) {
        Err(error) if error.kind() == ErrorKind::NotFound => match open(true) {
            Ok(file) => {
                let folder = OpenDirectory::ours(aside::parent(path))?;
                folder.hand_over(&file).map_err(failed())?;
                Ok(file)
            }
            // Somebody made it in between.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => open(false),
            Err(error) => Err(error),
        },
        opened => opened,
    };
    file.map_err(failed())
}

/// Takes a lock if nobody has it.
pub(crate) fn at_once(file: &File, kind: Kind) -> std::io::Result<bool> {
    let tried = match kind {
        Kind::Exclusive => file.try_lock(),
        Kind::Shared => file.try_lock_shared(),
    };
    match tried {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Takes a lock, or says who holds it. Blocks: call it off the reactor.
pub(crate) fn take(file: File, path: &Path, kind: Kind, patience: Duration) -> Result<File, StoreError> {
    let failed = || StoreError::file(path, "cannot be locked");
    if at_once(&file, kind).map_err(failed())? {
        return Ok(file);
    }
    let about = file.metadata().map_err(failed())?;
    let (done, taken) = channel();
    // When nobody waits for it any more the file comes back and is closed, and with it the lock is gone.
    std::thread::spawn(move || {
        let locked = match kind {
            Kind::Exclusive => file.lock(),
            Kind::Shared => file.lock_shared(),
        };
        drop(done.send(locked.map(|()| file)));
    });
    match taken.recv_timeout(patience) {
        Ok(locked) => locked.map_err(failed()),
        Err(RecvTimeoutError::Timeout) => Err(failed()(held(about.dev(), about.ino(), patience))),
        Err(RecvTimeoutError::Disconnected) => Err(failed()(Error::other("the thread that waited ended"))),
    }
}

/// The same on a thread of its own, for who must not block.
pub(crate) async fn take_elsewhere(
    file: File,
    path: PathBuf,
    kind: Kind,
    patience: Duration,
) -> Result<File, StoreError> {
    let failed = || StoreError::file(&path, "cannot be locked");
    if at_once(&file, kind).map_err(failed())? {
        return Ok(file);
    }
    let ended = failed();
    let (done, taken) = tokio::sync::oneshot::channel();
    // No thread of the runtime, which would wait for it when it ends.
    std::thread::spawn(move || drop(done.send(take(file, &path, kind, patience))));
    taken.await.unwrap_or_else(|_| Err(ended(Error::other("the thread that waited ended"))))
}

fn held(device: u64, inode: u64, patience: Duration) -> Error {
    let holder = holder(device, inode).map_or_else(|| "another process".to_owned(), named);
    let seconds = patience.as_secs();
    let next = "see what it does, end it if it is none of Ringfence or hangs, then try again";
    Error::new(ErrorKind::TimedOut, format!("{holder} has held it for more than {seconds} seconds: {next}"))
}

/// Who holds a lock, as the system says (proc_locks(5)).
fn holder(device: u64, inode: u64) -> Option<u32> {
    let (major, minor) = (nix::sys::stat::major(device), nix::sys::stat::minor(device));
    let (exact, end) = (format!("{major:02x}:{minor:02x}:{inode}"), format!(":{inode}"));
    let text = std::fs::read_to_string("/proc/locks").ok()?;
    // `1: FLOCK  ADVISORY  WRITE 4711 fd:01:1234 0 EOF`; one that waits has `->` behind its number.
    let rows: Vec<(u32, &str)> = text
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<&str>>())
        .filter(|words| words.get(1) == Some(&"FLOCK"))
        .filter_map(|words| Some((words.get(4)?.parse().ok()?, *words.get(5)?)))
        .collect();
    // Some file systems show another device there than in the file.
    let found = rows.iter().find(|(_, file)| *file == exact);
    let process = found.or_else(|| rows.iter().find(|(_, file)| file.ends_with(&end)))?.0;
    // It belongs to an open file, which may have gone on to another process since: flock(1) in a script.
    let runs = Path::new(&format!("/proc/{process}")).exists();
    Some(if runs { process } else { opener(device, inode).unwrap_or(process) })
}

/// Another process that has a file open, as far as this user may see.
fn opener(device: u64, inode: u64) -> Option<u32> {
    let numbers = std::fs::read_dir("/proc").ok()?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let has = |process: &u32| {
        let handles = std::fs::read_dir(format!("/proc/{process}/fd"));
        let mut files = handles.into_iter().flatten().filter_map(|handle| std::fs::metadata(handle.ok()?.path()).ok());
        files.any(|about| (about.dev(), about.ino()) == (device, inode))
    };
    numbers.filter(|process| *process != std::process::id()).find(has)
}

/// A process, for people: its number, its name and its user.
pub(crate) fn named(process: u32) -> String {
    let path = format!("/proc/{process}");
    let name = std::fs::read_to_string(format!("{path}/comm")).unwrap_or_default();
    let name: String = name.trim_end().chars().take(NAME_LETTERS).flat_map(char::escape_default).collect();
    // Files of a process that shows nobody its memory belong to root; its directory is its own.
    let user = std::fs::read_to_string(format!("{path}/status")).ok().and_then(|status| {
        let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
        Some(user_name(line.split_whitespace().nth(1)?.parse().ok()?))
    });
    match (name.is_empty(), user) {
        (false, Some(user)) => format!("process {process} ({name}, user {user})"),
        _ => format!("process {process}"),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::process::{Command, Stdio};

    use super::*;

    /// Holds a lock on a file as any program can.
    pub(crate) struct Stranger(pub(crate) std::process::Child);

    impl Stranger {
        pub(crate) fn locks(path: &Path) -> Self {
            use std::io::Read;
            let mut shell = Command::new("bash");
            shell.args(["-c", "exec 9<>\"$1\"; flock 9; echo locked; read line", "bash"]).arg(path);
            let mut child = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
            let mut said = [0; 7];
            child.stdout.as_mut().unwrap().read_exact(&mut said).unwrap();
            assert_eq!(&said, b"locked\n");
            Self(child)
        }
    }

    impl Drop for Stranger {
        fn drop(&mut self) {
            drop(self.0.kill());
            drop(self.0.wait());
        }
    }

    #[test]
    fn a_stranger_who_holds_a_lock_is_named_and_nobody_waits_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("write.lock");
        drop(open(&path).unwrap());
        let stranger = Stranger::locks(&path);
        for kind in [Kind::Exclusive, Kind::Shared] {
            let error = take(open(&path).unwrap(), &path, kind, Duration::from_millis(20)).unwrap_err().to_string();
            let holder = format!("process {} (bash, user ", stranger.0.id());
            assert!(error.contains("write.lock: cannot be locked") && error.contains(&holder), "{error}");
        }
        let waits = std::thread::spawn({
            let path = path.clone();
            move || take(open(&path).unwrap(), &path, Kind::Exclusive, PATIENCE).map(drop)
        });
        drop(stranger);
        waits.join().unwrap().unwrap();
        // The two that gave up hold nothing, when their turn has come too.
        take(open(&path).unwrap(), &path, Kind::Exclusive, PATIENCE).unwrap();
    }

    #[test]
    fn a_lock_is_its_owners_and_no_link_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("a.lock"), folder.path().join("b.lock"));
        drop(open(&path).unwrap());
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::os::unix::fs::symlink(folder.path().join("elsewhere"), &link).unwrap();
        assert!(open(&link).is_err());
        assert!(!folder.path().join("elsewhere").exists());
    }
}
