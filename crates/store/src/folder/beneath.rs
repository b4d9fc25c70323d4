//! Opening a file beneath a folder.
//!
//! The kernel does it in one call where it has `openat2` (Linux 5.6). It refuses links that are absolute or climb out of the folder and
//! come back, which people have (`SEP001122334455.cnf.xml -> /srv/tftp/base.xml`): their end is looked up, and opened part by part
//! where no link is followed any more. So it goes without `openat2` too.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path};

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open as open_path, openat, openat2};
use nix::sys::stat::Mode;

/// How often a path is looked up anew when it changes between the look and the opening.
const TRIES: usize = 16;

/// Opens what a name means, whatever it is; without waiting for anybody. `None`: nothing inside the folder.
pub(super) fn open(root: &Path, name: &str) -> io::Result<Option<OwnedFd>> {
    let directory = match open_path(root, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty()) {
        Ok(directory) => directory,
        // taken away, or not mounted: what the node makes goes on
        Err(error) => return nothing(error.into()),
    };
    match by_kernel(&directory, name) {
        // a link that leads out, perhaps and back; a kernel or a sandbox without the call; a rename at the same moment
        Err(Errno::EXDEV | Errno::ENOSYS | Errno::EPERM | Errno::EAGAIN) => by_parts(&directory, root, name),
        opened => there(opened),
    }
}

/// How the last part is opened: a FIFO has no reader or writer that would be waited for.
fn flags() -> OFlag {
    OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC
}

fn by_kernel(directory: &OwnedFd, name: &str) -> nix::Result<OwnedFd> {
    let how = OpenHow::new().flags(flags()).resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    openat2(directory, name, how)
}

/// Looks up where the name ends, and opens that part by part. No link is followed there, so one that was put in between gives
/// nothing, and the name is looked up anew.
fn by_parts(directory: &OwnedFd, root: &Path, name: &str) -> io::Result<Option<OwnedFd>> {
    for _ in 0..TRIES {
        let real = match root.join(name).canonicalize() {
            Ok(real) => real,
            Err(error) => return nothing(error),
        };
        let Ok(inside) = real.strip_prefix(root) else { return Ok(None) };
        match parts(directory, inside) {
            Err(Errno::ELOOP | Errno::ENOTDIR | Errno::ENOENT) => {}
            opened => return there(opened),
        }
    }
    Ok(None)
}

fn parts(directory: &OwnedFd, inside: &Path) -> nix::Result<OwnedFd> {
    let mut at = directory.as_fd().try_clone_to_owned().map_err(|_| Errno::EMFILE)?;
    let mut parts = inside.components().peekable();
    while let Some(part) = parts.next() {
        let Component::Normal(part) = part else { return Err(Errno::EXDEV) };
        let how = match parts.peek() {
            Some(_) => OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC,
            None => flags(),
        };
        at = openat(&at, part, how | OFlag::O_NOFOLLOW, Mode::empty())?;
    }
    Ok(at)
}

fn there(opened: nix::Result<OwnedFd>) -> io::Result<Option<OwnedFd>> {
    match opened {
        Ok(file) => Ok(Some(file)),
        // ENXIO: a socket
        Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP | Errno::ENXIO | Errno::ENAMETOOLONG | Errno::EXDEV) => {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

fn nothing(error: io::Error) -> io::Result<Option<OwnedFd>> {
    let errno = error.raw_os_error().map_or(Errno::UnknownErrno, Errno::from_raw);
    there(Err(errno)).map_err(|_| error)
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::fs::symlink;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    type Way = fn(&Path, &str) -> io::Result<Option<OwnedFd>>;

    /// Both ways to open, by name.
    fn ways() -> [(&'static str, Way); 2] {
        let by_parts_only = |root: &Path, name: &str| {
            by_parts(&open_path(root, OFlag::O_PATH | OFlag::O_DIRECTORY, Mode::empty()).unwrap(), root, name)
        };
        [("as the kernel can", open), ("part by part", by_parts_only)]
    }

    fn text(opened: io::Result<Option<OwnedFd>>) -> Option<String> {
        let mut text = String::new();
        std::fs::File::from(opened.unwrap()?).read_to_string(&mut text).unwrap();
        Some(text)
    }

    #[test]
    fn links_that_end_inside_are_files_and_others_are_not() {
        let place = tempfile::tempdir().unwrap();
        let place = place.path().canonicalize().unwrap();
        let root = place.join("tftpboot");
        std::fs::create_dir_all(root.join("a/b")).unwrap();
        std::fs::write(root.join("base.xml"), "base").unwrap();
        std::fs::write(root.join("a/b/deep"), "deep").unwrap();
        std::fs::write(place.join("secret"), "secret").unwrap();
        symlink(&place, place.join("around")).unwrap();
        for (link, to, wanted) in [
            ("relative", "base.xml".into(), Some("base")),
            ("absolute", root.join("base.xml"), Some("base")),
            ("around-and-in", place.join("around/tftpboot/base.xml"), Some("base")),
            ("out-and-in", "../tftpboot/base.xml".into(), Some("base")),
            ("chain", "absolute".into(), Some("base")),
            ("a/up", "../base.xml".into(), Some("base")),
            ("a/folder", root.join("a/b"), None),
            ("out", "../secret".into(), None),
            ("out-absolute", place.join("secret"), None),
            ("out-in-two", "out".into(), None),
            ("etc", "/etc/passwd".into(), None),
            ("magic", "/proc/self/root/etc/passwd".into(), None),
            ("outside", place.clone(), None),
            ("dangling", "nothing".into(), None),
            ("loop", "loop".into(), None),
        ] {
            symlink::<std::path::PathBuf, _>(to, root.join(link)).unwrap();
            if link != "a/folder" {
                for (way, open) in ways() {
                    assert_eq!(text(open(&root, link)).as_deref(), wanted, "{link}, {way}");
                }
            }
        }
        for (name, wanted) in [
            ("a/folder/deep", Some("deep")),
            ("a/b/deep", Some("deep")),
            ("outside/secret", None),
            ("outside/tftpboot/base.xml", Some("base")),
            ("base.xml/x", None),
            ("nothing", None),
        ] {
            for (way, open) in ways() {
                assert_eq!(text(open(&root, name)).as_deref(), wanted, "{name}, {way}");
            }
        }
    }

    #[test]
    fn a_file_that_is_exchanged_for_a_link_gives_nothing_outside() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().canonicalize().unwrap().join("tftpboot");
        std::fs::create_dir_all(root.join("folder")).unwrap();
        std::fs::create_dir(place.path().join("private")).unwrap();
        for (path, text) in [("tftpboot/file", "mine"), ("tftpboot/folder/x", "mine"), ("private/x", "secret")] {
            std::fs::write(place.path().join(path), text).unwrap();
        }
        symlink(place.path().join("private/x"), root.join("link")).unwrap();
        symlink("../private", root.join("outside")).unwrap();
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let exchange = |one: &str, other: &str| {
                    let at = nix::fcntl::RenameFlags::RENAME_EXCHANGE;
                    let here = nix::fcntl::AT_FDCWD;
                    nix::fcntl::renameat2(here, &root.join(one), here, &root.join(other), at).unwrap();
                };
                while !over.load(Ordering::Relaxed) {
                    exchange("file", "link");
                    exchange("folder", "outside");
                }
            });
            let mut found = 0;
            for (way, open) in ways() {
                for name in ["file", "folder/x"].into_iter().cycle().take(4000) {
                    match text(open(&root, name)) {
                        Some(text) => assert_eq!((text.as_str(), name), ("mine", name), "{way}"),
                        None => continue,
                    }
                    found += 1;
                }
            }
            over.store(true, Ordering::Relaxed);
            assert!(found > 0, "the file is there now and then");
        });
    }

    #[test]
    fn what_is_no_file_makes_nobody_wait() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().canonicalize().unwrap();
        nix::unistd::mkfifo(&root.join("fifo"), Mode::S_IRWXU).unwrap();
        let _listener = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
        std::fs::create_dir(root.join("folder")).unwrap();
        symlink("/dev/zero", root.join("device")).unwrap();
        let folder = super::super::Folder::open(&root).unwrap();
        for name in ["fifo", "socket", "folder", "device"] {
            assert!(folder.find(name, 0).unwrap().is_none(), "{name}");
            for (_, open) in ways() {
                // returns, that is all
                open(&root, name).unwrap();
            }
        }
    }
}
