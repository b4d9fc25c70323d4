//! Files written whole or not at all: written aside, synced, renamed.

use std::fs::{File, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

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
        match path.metadata() {
            Ok(about) if about.is_dir() => Err(Failure::at(path, "is a directory, give the name of a file")),
            Ok(about) if about.is_file() && !self.force => Err(exists(path)),
            _ => Ok(()),
        }
    }

    /// Refuses early what only the disk can tell: a folder that is not there or takes no files. For what cannot be taken back
    /// when the writing fails.
    pub fn check_folder(&self, path: &Path) -> Result<(), Failure> {
        // What is no file is opened, not replaced.
        if path == Path::new("-") || path.metadata().is_ok_and(|about| !about.is_file()) {
            return Ok(());
        }
        let real = path.canonicalize();
        let aside = aside(real.as_deref().unwrap_or(path), Readers::Owner);
        aside.map(drop).map_err(|error| Failure::at(path, format!("cannot be written: {error}")))
    }

    /// Writes the whole file. On any error the old file, or none, stands there.
    pub fn write(&self, path: &Path, bytes: &[u8], readers: Readers) -> Result<(), Failure> {
        if path == Path::new("-") {
            return terminal::print_bytes(bytes);
        }
        self.check(path)?;
        match path.metadata() {
            // A device or a pipe has nothing to replace: what is behind it gets the bytes.
            Ok(about) if !about.is_file() => write_into(path, bytes),
            // Through a link, so that the link stays.
            Ok(_) => replace(&path.canonicalize().map_err(|error| Failure::at(path, error))?, bytes, readers, true),
            Err(_) => replace(path, bytes, readers, self.force),
        }
    }
}

fn exists(path: &Path) -> Failure {
    Failure::at(path, "exists already; give --force to replace it")
}

fn write_into(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut file = OpenOptions::new().write(true).open(path).map_err(|error| Failure::at(path, error))?;
    file.write_all(bytes).map_err(|error| Failure::at(path, error))
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// A file beside the one that is to be written.
fn aside(path: &Path, readers: Readers) -> std::io::Result<tempfile::NamedTempFile> {
    let mode = match readers {
        Readers::Everybody => 0o666,
        Readers::Owner => 0o600,
    };
    let permissions = Permissions::from_mode(mode);
    tempfile::Builder::new().prefix(".ringfence-").permissions(permissions).tempfile_in(folder(path))
}

fn replace(path: &Path, bytes: &[u8], readers: Readers, over: bool) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::at(path, error);
    let folder = folder(path);
    let mut aside = aside(path, readers).map_err(failed)?;
    aside.write_all(bytes).map_err(failed)?;
    aside.as_file().sync_all().map_err(failed)?;
    let renamed = if over { aside.persist(path) } else { aside.persist_noclobber(path) };
    match renamed {
        Ok(_) => {}
        Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => {
            return Err(exists(path));
        }
        Err(error) => return Err(failed(error.error)),
    }
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}
