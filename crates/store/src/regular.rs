//! Files that are opened where others may have put something else: a pipe would hold up who opens it, a device does something by being opened,
//! a link leads elsewhere. So each is opened without waiting, and the open one is looked at.

use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind, Read, Result};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::fcntl::OFlag;

/// Opens a file of the data directory for reading.
///
/// # Errors
/// It is a link or no file; what the system says.
pub fn open(path: &Path) -> Result<File> {
    open_with(OpenOptions::new().read(true), path)
}

/// The same with other options.
///
/// # Errors
/// As [`open`].
pub fn open_with(options: &mut OpenOptions, path: &Path) -> Result<File> {
    opened(options, path, OFlag::O_NOFOLLOW).map_err(|error| {
        if error.raw_os_error() == Some(nix::libc::ELOOP) {
            return Error::other("it is a link, and none is followed here: put the file itself there");
        }
        error
    })
}

/// Opens a file that a person puts in its place, such as settings: links are followed, as far as the rights of this process go.
///
/// # Errors
/// It is no file; what the system says.
pub fn open_through_links(path: &Path) -> Result<File> {
    opened(OpenOptions::new().read(true), path, OFlag::empty())
}

/// Reads such a file.
///
/// # Errors
/// As [`open_through_links`].
pub fn read_through_links(path: &Path) -> Result<Vec<u8>> {
    whole(open_through_links(path)?)
}

/// Reads a file of the data directory.
///
/// # Errors
/// As [`open`].
pub fn read(path: &Path) -> Result<Vec<u8>> {
    whole(open(path)?)
}

/// Refuses a file that has a second name: who has that can read there what is written here, or have it written in the place of something else.
///
/// # Errors
/// It has another name.
pub fn has_one_name(file: &File) -> Result<()> {
    match file.metadata()?.nlink() {
        0 | 1 => Ok(()),
        names => Err(Error::other(format!(
            "it has {names} names (hard links): find the others (`find / -samefile FILE`), and remove them or this one"
        ))),
    }
}

/// Refuses what is there and no file, for who opens it by its name afterwards.
///
/// # Errors
/// As [`open`].
pub(crate) fn check(path: &Path) -> Result<()> {
    match open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        opened => opened.map(drop),
    }
}

fn opened(options: &mut OpenOptions, path: &Path, more: OFlag) -> Result<File> {
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY | more;
    let file = match options.custom_flags(flags.bits()).open(path) {
        // A pipe that nobody reads, a socket.
        Err(error) if error.raw_os_error() == Some(nix::libc::ENXIO) => return Err(no_file()),
        opened => opened?,
    };
    if file.metadata()?.is_file() { Ok(file) } else { Err(no_file()) }
}

fn no_file() -> Error {
    Error::other("it is no file but a folder, a pipe or a device: take it away")
}

fn whole(mut file: File) -> Result<Vec<u8>> {
    let length = file.metadata()?.len();
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default().saturating_add(1));
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_are_opened_and_nothing_waits() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("file"), "text").unwrap();
        std::os::unix::fs::symlink(path("file"), path("link")).unwrap();
        nix::unistd::mkfifo(&path("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
        assert_eq!(read(&path("file")).unwrap(), b"text");
        assert_eq!(read_through_links(&path("link")).unwrap(), b"text");
        assert!(read(&path("link")).unwrap_err().to_string().starts_with("it is a link"));
        assert_eq!(read(&path("none")).unwrap_err().kind(), ErrorKind::NotFound);
        for name in ["pipe", "socket", ""] {
            for error in [read(&path(name)), read_through_links(&path(name))].map(Result::unwrap_err) {
                assert!(error.to_string().starts_with("it is no file"), "{name}: {error}");
            }
        }
        // A folder is none to write either, with the words of the system.
        for name in ["pipe", "socket", ""] {
            open_with(OpenOptions::new().read(true).append(true), &path(name)).unwrap_err();
            open_with(OpenOptions::new().write(true), &path(name)).unwrap_err();
        }
        let file = open(&path("file")).unwrap();
        has_one_name(&file).unwrap();
        std::fs::hard_link(path("file"), path("second")).unwrap();
        assert!(has_one_name(&file).unwrap_err().to_string().starts_with("it has 2 names"));
    }
}
