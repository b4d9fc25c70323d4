//! Files that options name: written whole or not at all, and through no link that somebody else has laid.

use std::fs::File;
use std::io::{Error, ErrorKind, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{FcntlArg, OFlag, fcntl, readlinkat};
use nix::sys::statfs::{FsType, PROC_SUPER_MAGIC, fstatfs};
use ringfence_core::StoreError;
use ringfence_core::aside::{OpenDirectory, Rights, left_behind};
use ringfence_core::caller::{as_node, with_rights_beside};
use ringfence_core::named::open_to_fill;

use crate::exit::Failure;
use crate::terminal;

/// Who may read what was written, before the umask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Everybody: files that phones fetch.
    Everybody,
    /// The owner: plain text of an encrypted config, which may hold passwords.
    Owner,
}

/// Where output goes and whether it may replace a file.
#[derive(Debug, clap::Args)]
pub struct Target {
    /// File to write; `-` for standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace the file when it exists
    #[arg(long)]
    force: bool,
}

impl Target {
    /// A file that another option names.
    pub const fn new(output: PathBuf, force: bool) -> Self {
        Self { output: Some(output), force }
    }

    /// Where it goes: `--output`, else `otherwise`.
    pub fn path_or(&self, otherwise: Option<PathBuf>) -> Result<PathBuf, Failure> {
        self.output.clone().or(otherwise).ok_or_else(|| {
            Failure::WrongUsage("standard input has no name: say with --output where to write".to_owned())
        })
    }

    /// Whether `--output` names a file.
    pub fn path(&self) -> Option<&Path> {
        self.output.as_deref()
    }

    /// Refuses early what [`Target::write`] would refuse: nothing is signed for nothing.
    pub fn check(&self, path: &Path) -> Result<(), Failure> {
        match with_rights_beside(path, || path.metadata()).and_then(|about| about) {
            Ok(about) if about.is_dir() => Err(Failure::at(path, "is a directory, give the name of a file")),
            Ok(about) if about.is_file() && !self.force => Err(exists(path)),
            _ => Ok(()),
        }
    }

    /// Refuses early what only the disk can tell: a folder that is not there or takes no files. For what cannot be taken back
    /// when the writing fails.
    pub fn check_folder(&self, path: &Path) -> Result<(), Failure> {
        with_rights_beside(path, || self.folder_takes(path)).map_err(|error| Failure::at(path, error))?
    }

    fn folder_takes(&self, path: &Path) -> Result<(), Failure> {
        if path == Path::new("-") {
            return Ok(());
        }
        // What is no file is opened, not replaced.
        if path.metadata().is_ok_and(|about| !about.is_file()) {
            return followed(path, Behind::Device).map(drop);
        }
        let path = followed(path, Behind::File)?;
        let checked = opened(&path).and_then(|place| place.check_writable(name(&path)));
        checked.map_err(|error| Failure::at(&path, format!("cannot be written: {}", reason(error))))
    }

    /// Writes the whole file. On any error the old file, or none, stands there.
    pub fn write(&self, path: &Path, bytes: &[u8], readers: Readers) -> Result<(), Failure> {
        if path == Path::new("-") {
            return terminal::print_bytes(bytes);
        }
        with_rights_beside(path, || self.replace_or_fill(path, bytes, readers))
            .map_err(|error| Failure::at(path, error))?
    }

    fn replace_or_fill(&self, path: &Path, bytes: &[u8], readers: Readers) -> Result<(), Failure> {
        self.check(path)?;
        let there = path.metadata();
        if there.as_ref().is_ok_and(|about| !about.is_file()) {
            // A device or a pipe has nothing to replace: what is behind it gets the bytes.
            followed(path, Behind::Device)?;
            return write_into(path, bytes);
        }
        // Through a link, so that the link stays.
        let real = if there.is_ok() { followed(path, Behind::File)? } else { path.to_path_buf() };
        replace(&real, bytes, readers, self.force)
    }

    /// Writes a file that does not stand in memory and that only its owner reads; when `fill` fails it was never there.
    pub fn fill<T>(&self, path: &Path, fill: impl FnOnce(&mut File) -> std::io::Result<T>) -> Result<T, Failure> {
        // What it is filled from belongs to the node.
        let fill = |file: &mut File| as_node(|| fill(file))?;
        with_rights_beside(path, || self.filled(path, fill)).map_err(|error| Failure::at(path, error))?
    }

    fn filled<T>(&self, path: &Path, fill: impl FnOnce(&mut File) -> std::io::Result<T>) -> Result<T, Failure> {
        self.check(path)?;
        let there = path.metadata();
        if path == Path::new("-") || there.as_ref().is_ok_and(|about| !about.is_file()) {
            return Err(Failure::at(path, "is no file; this is written into a file, and read back"));
        }
        let real = if there.is_ok() { followed(path, Behind::File)? } else { path.to_path_buf() };
        filled(&real, Rights::Exactly(0o600), self.force, fill)
    }
}

fn exists(path: &Path) -> Failure {
    Failure::at(path, "exists already; give --force to replace it")
}

/// Where pipes without a name lie: PIPEFS_MAGIC of statfs(2).
const PIPES: FsType = FsType(0x5049_5045);

fn write_into(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let failed = |error: Error| Failure::at(path, error);
    // A pipe that nobody reads would be waited for, one that somebody has laid there as long as he likes.
    let named = || Failure::at(path, "is a pipe: give `-` or /dev/stdout, and lead that into it");
    let mut file = match open_to_fill(path) {
        Err(error) if error.raw_os_error() == Some(nix::libc::ENXIO) => return Err(named()),
        opened => opened.map_err(failed)?,
    };
    let about = file.metadata().map_err(failed)?;
    // What was no file may have been put away for one meanwhile.
    if about.is_file() {
        return Err(Failure::at(path, "is not the same file as a moment ago: somebody else writes here"));
    }
    // What this process has open already, such as `>(...)` of a shell, lies in no directory.
    if about.file_type().is_fifo() && !fstatfs(&file).is_ok_and(|system| system.filesystem_type() == PIPES) {
        return Err(named());
    }
    let flags = fcntl(&file, FcntlArg::F_GETFL).map(OFlag::from_bits_retain);
    let blocks = flags.and_then(|flags| fcntl(&file, FcntlArg::F_SETFL(flags - OFlag::O_NONBLOCK)));
    blocks.map_err(|error| failed(error.into()))?;
    file.write_all(bytes).map_err(failed)
}

/// Links that lead to another link at most, as the system follows them (path_resolution(7)).
const LINKS: usize = 40;

/// What stands behind links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Behind {
    /// It is replaced.
    File,
    /// It is opened, and may be what a process has open already: only the system knows what that is.
    Device,
}

/// Where links lead. One that belongs to somebody else leads nowhere: in a directory that many may write he could have what root writes
/// stand in the place of any file.
fn followed(path: &Path, behind: Behind) -> Result<PathBuf, Failure> {
    let mut path = path.to_path_buf();
    for _ in 0..LINKS {
        let failed = |error: Error| Failure::at(&path, error);
        let flags = (OFlag::O_PATH | OFlag::O_NOFOLLOW).bits();
        let link = match File::options().read(true).custom_flags(flags).open(&path) {
            Ok(link) => link,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(path),
            Err(error) => return Err(failed(error)),
        };
        let about = link.metadata().map_err(failed)?;
        let of_process = || fstatfs(&link).is_ok_and(|system| system.filesystem_type() == PROC_SUPER_MAGIC);
        if !about.file_type().is_symlink() || (behind == Behind::Device && of_process()) {
            return Ok(path);
        }
        if about.uid() != 0 && about.uid() != nix::unistd::geteuid().as_raw() {
            return Err(Failure::at(&path, "is a link of another user: name the file that is meant"));
        }
        let target = readlinkat(&link, "").map_err(|error| failed(error.into()))?;
        path = path.parent().unwrap_or_else(|| Path::new("")).join(target);
    }
    Err(Failure::at(&path, "is a link that leads to too many others"))
}

fn name(path: &Path) -> &std::ffi::OsStr {
    path.file_name().unwrap_or_default()
}

fn opened(path: &Path) -> Result<OpenDirectory, StoreError> {
    OpenDirectory::of_others(path.parent().unwrap_or_else(|| Path::new("")))
}

/// What the system said, without the path.
fn reason(error: StoreError) -> String {
    match error {
        StoreError::File { source, .. } => source.to_string(),
        other => other.to_string(),
    }
}

fn replace(path: &Path, bytes: &[u8], readers: Readers, over: bool) -> Result<(), Failure> {
    let rights = match readers {
        Readers::Everybody => Rights::AtMost(0o666),
        Readers::Owner => Rights::Exactly(0o600),
    };
    filled(path, rights, over, |file| file.write_all(bytes))
}

fn filled<T>(
    path: &Path,
    rights: Rights,
    over: bool,
    fill: impl FnOnce(&mut File) -> std::io::Result<T>,
) -> Result<T, Failure> {
    let failed = |error: StoreError| match error {
        StoreError::File { source, .. } if source.kind() == ErrorKind::AlreadyExists && !over => exists(path),
        other => Failure::at(path, reason(other)),
    };
    let place = opened(path).map_err(failed)?;
    let written = place.fill(name(path), rights, over, fill).map_err(failed)?;
    for left in place.leftovers(Some(name(path))).map_err(failed)? {
        terminal::warn(&left_behind(&path.with_file_name(left).display().to_string()));
    }
    Ok(written)
}

/// Writes a file that only its owner reads where there is none yet.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    replace(path, bytes, Readers::Owner, false)
}

/// Writes a file in the place of the one that is there.
pub fn write_over(path: &Path, bytes: &[u8], readers: Readers) -> Result<(), Failure> {
    replace(path, bytes, readers, true)
}
