//! Files that somebody named in this command, opened once, without waiting, and each part of the way once.
//!
//! Root may name a file where others lay links. A link is followed with the rights of whom it belongs to, and so is all that comes behind it:
//! it leads to nothing that he could not read himself. In the data directory that is the user of the node from the first step on. The way
//! is walked by descriptors, so that nobody exchanges a part of it between the look and the step.

use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io::{Error, Result};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl, open as open_path, openat, readlinkat};
use nix::sys::stat::Mode;
use nix::sys::statfs::{PROC_SUPER_MAGIC, fstatfs};
use nix::unistd::geteuid;

use crate::caller::{as_caller, as_owner, settled_owner};
use crate::inside::{LINKS, of_the_kernel, parts};
use crate::ownership::{Owner, user_name};

/// Opens a file, or a device such as `/dev/null`.
///
/// # Errors
/// What the system says. It is a pipe with a name, or a socket: whoever made it decides when it ends. One that this process has already, such
/// as standard input and `<(...)` of a shell, is read.
pub fn open(path: &Path) -> Result<File> {
    as_caller(|| walk(path, OFlag::O_RDONLY))?
}

/// Opens what is no file, such as a device, for writing: nothing is made, cut off or waited for. The caller looks at what it is.
///
/// # Errors
/// What the system says.
pub fn open_to_fill(path: &Path) -> Result<File> {
    as_caller(|| walk(path, OFlag::O_WRONLY))?
}

/// The same for a file and nothing else.
///
/// # Errors
/// As [`open`]; it is no file.
pub fn open_file(path: &Path) -> Result<File> {
    let file = open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(Error::other("it is no file: name a file")) }
}

/// Where a walk is, and with whose rights it goes on.
struct Walk {
    at: OwnedFd,
    /// How the file itself is opened: to read or to write.
    how: OFlag,
    /// The data directory, and whose it is.
    data: Option<((u64, u64), Owner)>,
    rights: Option<Owner>,
}

fn walk(path: &Path, how: OFlag) -> Result<File> {
    walk_in(path, how, settled_owner())
}

fn walk_in(path: &Path, how: OFlag, data: Option<((u64, u64), Owner)>) -> Result<File> {
    // Who may not search what is above the working directory has that all the same. Where a data directory may lie above it, it is asked for
    // from the root on.
    let from_here = path.is_relative() && !path.as_os_str().is_empty() && data.is_none();
    let (at, mut left) = if from_here { (here()?, parts(path)) } else { (root()?, parts(&std::path::absolute(path)?)) };
    let mut walk = Walk { at, how, data, rights: None };
    let mut links = 0;
    while let Some(part) = left.pop() {
        walk.look(&walk.at.try_clone()?)?;
        if part == OsStr::new("..") {
            walk.at = walk.step(&part, OFlag::O_PATH | OFlag::O_DIRECTORY)?;
            continue;
        }
        let next = walk.next(&part, left.is_empty())?;
        let about = about(&next)?;
        let is_link = about.file_type().is_symlink();
        // What the system shows as links of a process are none: only it knows what is behind them.
        let of_process = is_link && fstatfs(&next).is_ok_and(|system| system.filesystem_type() == PROC_SUPER_MAGIC);
        if is_link {
            links += 1;
            if links > LINKS {
                return Err(Errno::ELOOP.into());
            }
            if !(of_process && of_the_kernel(&Path::new("/proc").join(&part))) {
                walk.follows(&about)?;
            }
        }
        if is_link && !of_process {
            let target = readlinkat(&next, "")?;
            if target.as_encoded_bytes().starts_with(b"/") {
                walk.at = root()?;
            }
            left.extend(parts(Path::new(&target)));
        } else if left.is_empty() {
            return walk.last(&part, of_process);
        } else {
            walk.at = if of_process { walk.step(&part, OFlag::O_PATH)? } else { next };
        }
    }
    Ok(File::from(walk.step(OsStr::new("."), how)?))
}

impl Walk {
    /// From the data directory on it is the user of the node who walks.
    fn look(&mut self, at: &OwnedFd) -> Result<()> {
        let Some((data, owner)) = self.data.filter(|_| self.rights.is_none()) else { return Ok(()) };
        let about = about(at)?;
        if (about.dev(), about.ino()) == data {
            self.rights = Some(owner);
        }
        Ok(())
    }

    /// From a link of another user on it is he who walks.
    fn follows(&mut self, link: &Metadata) -> Result<()> {
        let owner = Owner { user: link.uid(), group: link.gid() };
        if owner.user == 0 || owner.user == geteuid().as_raw() || !geteuid().is_root() {
            return Ok(());
        }
        if let Some(other) = self.rights.filter(|other| other.user != owner.user) {
            let (one, two) = (user_name(other.user), user_name(owner.user));
            return Err(Error::other(format!(
                "links of two users ({one}, {two}) lead there, and nobody's rights are right: name the file that is meant"
            )));
        }
        self.rights = self.rights.or(Some(owner));
        Ok(())
    }

    /// The next part of the way, and no link followed. A directory is opened as one where there may be more behind it: only then does the system
    /// mount what is mounted when somebody comes by.
    fn next(&self, part: &OsStr, last: bool) -> Result<OwnedFd> {
        let how = OFlag::O_PATH | OFlag::O_NOFOLLOW;
        if !last {
            match self.step(part, how | OFlag::O_DIRECTORY) {
                Err(error) if [Errno::ENOTDIR, Errno::ELOOP].contains(&errno(&error)) => {}
                opened => return opened,
            }
        }
        self.step(part, how)
    }

    fn step(&self, part: &OsStr, how: OFlag) -> Result<OwnedFd> {
        let step = || openat(&self.at, part, how | OFlag::O_CLOEXEC, Mode::empty());
        Ok(match self.rights {
            Some(owner) => as_owner(owner, step)?,
            None => step(),
        }?)
    }

    fn last(&self, part: &OsStr, of_process: bool) -> Result<File> {
        let follow = if of_process { OFlag::empty() } else { OFlag::O_NOFOLLOW };
        let reads = self.how == OFlag::O_RDONLY;
        let opened = self.step(part, self.how | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | follow);
        let file = match opened {
            Err(error) if reads && errno(&error) == Errno::ENXIO => return Err(waits("a socket")),
            opened => File::from(opened?),
        };
        let kind = file.metadata()?.file_type();
        if !reads {
            return Ok(file);
        }
        if kind.is_fifo() && !of_process {
            return Err(waits("a pipe"));
        }
        if !kind.is_file() && !kind.is_dir() {
            let flags = OFlag::from_bits_retain(fcntl(&file, FcntlArg::F_GETFL)?);
            fcntl(&file, FcntlArg::F_SETFL(flags - OFlag::O_NONBLOCK))?;
        }
        Ok(file)
    }
}

fn waits(what: &str) -> Error {
    Error::other(format!(
        "it is {what}, and who made it decides when it ends: name a file, or /dev/stdin and lead it into that"
    ))
}

fn errno(error: &Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or_default())
}

fn here() -> Result<OwnedFd> {
    Ok(open_path(".", OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?)
}

fn root() -> Result<OwnedFd> {
    Ok(open_path("/", OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?)
}

fn about(at: &OwnedFd) -> Result<Metadata> {
    File::from(at.as_fd().try_clone_to_owned()?).metadata()
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::{PermissionsExt, chown, lchown, symlink};
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    const NOBODY: u32 = 65_534;

    fn needs_root() {
        assert!(
            geteuid().is_root(),
            "this test gives files to another user: run it as root, or as the root of a user namespace"
        );
    }

    /// A folder of root's, with a secret, and one of nobody's in it.
    fn scene() -> tempfile::TempDir {
        needs_root();
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["", "theirs"] {
            drop(std::fs::create_dir(at(name)));
            std::fs::set_permissions(at(name), std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        chown(at("theirs"), Some(NOBODY), Some(NOBODY)).unwrap();
        for (name, owner, mode) in [("secret", 0, 0o600), ("theirs/own", NOBODY, 0o600), ("theirs/roots", 0, 0o600)] {
            std::fs::write(at(name), name).unwrap();
            std::fs::set_permissions(at(name), std::fs::Permissions::from_mode(mode)).unwrap();
            chown(at(name), Some(owner), Some(owner)).unwrap();
        }
        folder
    }

    fn link(folder: &Path, target: &str, name: &str, owner: u32) {
        symlink(target, folder.join(name)).unwrap();
        lchown(folder.join(name), Some(owner), Some(owner)).unwrap();
    }

    fn read(path: &Path) -> std::result::Result<String, String> {
        let mut text = String::new();
        let done = open(path).and_then(|mut file| file.read_to_string(&mut text));
        done.map(|_| text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_link_of_another_user_leads_where_he_may_go() {
        let folder = scene();
        let folder = folder.path();
        let secret = folder.join("secret").to_str().unwrap().to_owned();
        link(folder, &secret, "theirs/absolute", NOBODY);
        link(folder, "../secret", "theirs/relative", NOBODY);
        link(folder, "..", "theirs/up", NOBODY);
        link(folder, "theirs/relative", "around", 0);
        link(folder, &secret, "beside", NOBODY);
        link(folder, "own", "theirs/fine", NOBODY);
        link(folder, "theirs/own", "of-root", 0);
        link(folder, "secret", "of-root-too", 0);
        link(folder, "beside", "theirs/third", 4711);
        link(folder, "third", "theirs/two-users", NOBODY);
        link(folder, "loop", "loop", 0);
        for path in ["theirs/absolute", "theirs/relative", "theirs/up/secret", "around", "beside"] {
            assert!(read(&folder.join(path)).unwrap_err().contains("ermission denied"), "{path}");
        }
        for (path, text) in [
            ("secret", "secret"),
            ("theirs/own", "theirs/own"),
            ("theirs/roots", "theirs/roots"),
            ("theirs/fine", "theirs/own"),
            ("theirs/up/theirs/own", "theirs/own"),
            ("theirs/../secret", "secret"),
            ("of-root", "theirs/own"),
            ("of-root-too", "secret"),
        ] {
            assert_eq!(read(&folder.join(path)).unwrap(), text, "{path}");
        }
        assert!(read(&folder.join("theirs/two-users")).unwrap_err().starts_with("links of two users"));
        assert!(read(&folder.join("loop")).unwrap_err().contains("symbolic links"));
        assert!(read(&folder.join("none")).unwrap_err().contains("No such file"));
        assert!(read(&folder.join("secret/none")).unwrap_err().contains("Not a directory"));
        assert!(read(folder).unwrap_err().contains("directory"));
    }

    /// A file and a link change places all the while, in a directory of another user's.
    #[test]
    fn what_is_exchanged_at_the_same_moment_gives_no_secret() {
        let folder = scene();
        let folder = folder.path();
        link(folder, "../secret", "theirs/evil", NOBODY);
        std::fs::create_dir(folder.join("theirs/dir")).unwrap();
        std::fs::write(folder.join("theirs/dir/secret"), "fine").unwrap();
        link(folder, "..", "theirs/evil-dir", NOBODY);
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let exchange = |one: &str, two: &str| {
                    let (one, two) = (folder.join("theirs").join(one), folder.join("theirs").join(two));
                    let flags = nix::fcntl::RenameFlags::RENAME_EXCHANGE;
                    nix::fcntl::renameat2(nix::fcntl::AT_FDCWD, &one, nix::fcntl::AT_FDCWD, &two, flags).unwrap();
                };
                while !stop.load(Ordering::Relaxed) {
                    exchange("own", "evil");
                    exchange("dir", "evil-dir");
                }
            });
            let mut seen = std::collections::BTreeSet::new();
            for _ in 0..3000 {
                for path in ["theirs/own", "theirs/dir/secret"] {
                    seen.insert(read(&folder.join(path)).unwrap_or_else(|error| error));
                }
            }
            stop.store(true, Ordering::Relaxed);
            assert!(!seen.contains("secret") && seen.contains("theirs/own"), "{seen:?}");
        });
    }

    /// A link of root's in the data directory is followed by the user of the node: he may have moved it there.
    #[test]
    fn in_the_data_directory_the_last_part_is_his_too() {
        let folder = scene();
        let folder = folder.path();
        link(folder, folder.join("secret").to_str().unwrap(), "theirs/of-root", 0);
        link(folder, "theirs/own", "to-own", 0);
        let about = folder.join("theirs").metadata().unwrap();
        let data = Some(((about.dev(), about.ino()), Owner { user: NOBODY, group: NOBODY }));
        let read = |name: &str| walk_in(&folder.join(name), OFlag::O_RDONLY, data).map(drop);
        assert_eq!(read("theirs/of-root").unwrap_err().raw_os_error(), Some(Errno::EACCES as i32));
        for name in ["secret", "theirs/own", "to-own"] {
            read(name).unwrap();
        }
    }

    #[test]
    fn a_relative_name_needs_no_way_from_the_root() {
        // `cargo test` runs in the directory of the package.
        let name = Path::new("src/./../src/named.rs");
        assert_eq!(read(name).unwrap(), read(&std::path::absolute(name).unwrap()).unwrap());
        assert!(read(Path::new("")).is_err());
        assert!(read(Path::new(".")).unwrap_err().contains("directory"));
    }

    #[test]
    fn what_is_no_file_is_opened_for_writing_as_who_laid_the_link() {
        let folder = scene();
        let folder = folder.path();
        link(folder, "/dev/null", "theirs/null", NOBODY);
        link(folder, "../secret", "theirs/evil", NOBODY);
        let write = |path: &Path| open_to_fill(path).and_then(|mut file| file.write_all(b"x"));
        write(Path::new("/dev/null")).unwrap();
        write(&folder.join("theirs/null")).unwrap();
        assert_eq!(write(&folder.join("theirs/evil")).unwrap_err().raw_os_error(), Some(Errno::EACCES as i32));
        assert_eq!(read(&folder.join("secret")).unwrap(), "secret");
        let (from, to) = nix::unistd::pipe().unwrap();
        write(&Path::new("/dev/fd").join(to.as_raw_fd().to_string())).unwrap();
        let mut byte = [0];
        File::from(from).read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"x");
    }

    #[test]
    fn nothing_is_waited_for_but_what_this_process_has() {
        let folder = scene();
        let folder = folder.path();
        nix::unistd::mkfifo(&folder.join("theirs/pipe"), Mode::S_IRWXU).unwrap();
        link(folder, "pipe", "theirs/to-pipe", 0);
        let _socket = std::os::unix::net::UnixListener::bind(folder.join("socket")).unwrap();
        for (path, what) in
            [("theirs/pipe", "it is a pipe"), ("theirs/to-pipe", "it is a pipe"), ("socket", "it is a socket")]
        {
            assert!(read(&folder.join(path)).unwrap_err().starts_with(what), "{path}");
        }
        let (from, to) = nix::unistd::pipe().unwrap();
        let mut to = File::from(to);
        for place in ["/proc/self/fd", "/dev/fd", "/proc/thread-self/fd"] {
            to.write_all(place.as_bytes()).unwrap();
            let mut file = open(&Path::new(place).join(from.as_raw_fd().to_string())).unwrap();
            let mut bytes = vec![0; place.len()];
            file.read_exact(&mut bytes).unwrap();
            assert_eq!(bytes, place.as_bytes());
        }
        assert_eq!(read(Path::new("/dev/null")).unwrap(), "");
        assert!(open_file(Path::new("/dev/null")).unwrap_err().to_string().contains("no file"));
        assert_eq!(read(Path::new("/proc/self/comm")).unwrap().lines().count(), 1);
    }
}
