//! Files read within a limit, before anything believes them.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use pki::{Certificate, NameForm, SoftKey};
use ringfence_core::named::open;
use wire::header::FILE_LIMIT;
use zeroize::Zeroizing;

use crate::exit::Failure;
use crate::terminal;

/// Largest PEM or DER file with a certificate or key: a bundle of a few certificates is some 10 kB.
const PEM_LIMIT: usize = 1 << 20;

/// A file that was read whole.
pub struct Input {
    /// Its name for messages; `standard input` for `-`.
    pub name: String,
    /// Where it stands; `None` for standard input.
    pub path: Option<PathBuf>,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its time, seconds since 1970 UTC; now for standard input.
    pub modified: u64,
}

impl Input {
    /// Reads a file, or standard input for `-`, up to 16 MiB.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        if path == Path::new("-") {
            let name = "standard input".to_owned();
            let bytes = take(std::io::stdin().lock(), &name, FILE_LIMIT)?;
            let modified = seconds(SystemTime::now());
            return Ok(Self { name, path: None, bytes, modified });
        }
        let name = path.display().to_string();
        let (bytes, modified) = read_file(path, &name, FILE_LIMIT)?;
        let path = Some(path.to_owned());
        Ok(Self { name, path, bytes, modified })
    }

    /// The last part of the path, when it is text.
    pub fn base_name(&self) -> Option<&str> {
        self.path.as_deref()?.file_name()?.to_str()
    }

    /// What is wrong with the bytes, with the name in front.
    pub fn malformed(&self, error: &wire::Malformed) -> Failure {
        Failure::of(&self.name, error)
    }
}

/// Seconds since 1970; 0 for a time before.
pub fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Reads the first certificate of a PEM file (a bundle is fine), or a DER file.
pub fn certificate(path: &Path) -> Result<Certificate, Failure> {
    let bytes = pem(path)?;
    Certificate::from_pem_or_der(&bytes).map_err(|error| Failure::at(path, error))
}

/// Reads the certificate of a record: the first of a file of which all can be read. With more of them there the file is a chain, and
/// whoever gives it is told which one stands in the list.
pub fn certificate_of_record(path: &Path) -> Result<Certificate, Failure> {
    let all = pki::bundle::certificates(&pem(path)?).map_err(|error| Failure::at(path, error))?;
    let count = all.len();
    let first = all.into_iter().next().ok_or_else(|| Failure::at(path, pki::bundle::FileError::Empty))?;
    if count > 1 {
        terminal::warn(&format!(
            "{} holds {count} certificates; the first stands in the list: {}",
            path.display(),
            terminal::one_line(&first.subject(NameForm::Cucm))
        ));
    }
    Ok(first)
}

/// Reads the private key of a PEM file (a bundle is fine).
pub fn key(path: &Path) -> Result<SoftKey, Failure> {
    let bytes = pem(path)?;
    SoftKey::from_pem(&bytes).map_err(|error| Failure::at(path, error))
}

/// Reads a file of a certificate or a key.
pub fn pem(path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let name = path.display().to_string();
    Ok(Zeroizing::new(read_file(path, &name, PEM_LIMIT)?.0))
}

/// Reads a file that has a place, not standard input.
pub fn named(path: &Path) -> Result<Vec<u8>, Failure> {
    Ok(read_file(path, &path.display().to_string(), FILE_LIMIT)?.0)
}

fn read_file(path: &Path, name: &str, limit: usize) -> Result<(Vec<u8>, u64), Failure> {
    let file = open(path).map_err(|error| Failure::of(name, error))?;
    let about = file.metadata().map_err(|error| Failure::of(name, error))?;
    if about.is_dir() {
        return Err(Failure::of(name, "is a directory, give a file"));
    }
    if about.is_file() && about.len() > limit as u64 {
        return Err(too_large(name, about.len(), limit));
    }
    let modified = about.modified().map_or(0, seconds);
    Ok((take(file, name, limit)?, modified))
}

/// Reads to the end, but never more than one byte above the limit: a pipe has no size to ask for.
fn take(from: impl Read, name: &str, limit: usize) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    from.take(limit as u64 + 1).read_to_end(&mut bytes).map_err(|error| Failure::of(name, error))?;
    if bytes.len() > limit {
        return Err(Failure::of(
            name,
            format!("offset {limit}: file: is above the limit of {limit} bytes ({})", spoken(limit)),
        ));
    }
    Ok(bytes)
}

fn too_large(name: &str, found: u64, limit: usize) -> Failure {
    Failure::of(
        name,
        format!("offset {limit}: file: {found} bytes are above the limit of {limit} bytes ({})", spoken(limit)),
    )
}

fn spoken(limit: usize) -> String {
    format!("{} MiB", limit >> 20)
}
