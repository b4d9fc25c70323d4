//! The key of the device that an encrypted config was made for: one file, or a folder of which one fits.

use std::path::Path;

use pki::SoftKey;
use pki::encrypt::{OpenError, Opened, open};
use wire::header::ENCRYPTIONKEYSIZE;
use wire::signed_file::SignedFile;

use crate::exit::Failure;
use crate::files::input;

/// Most files of a folder that are tried: each try is a private-key operation.
const TRIES: usize = 10_000;

/// Opens `file` with the key at `path`. Of a folder every `.pem` with a key of the right size is tried.
pub fn open_with(file: &SignedFile, path: &Path) -> Result<Result<Opened, OpenError>, Failure> {
    if !path.is_dir() {
        return Ok(open(file, &input::key(path)?));
    }
    let mut names = Vec::new();
    for entry in path.read_dir().map_err(|error| Failure::at(path, error))? {
        let name = entry.map_err(|error| Failure::at(path, error))?.path();
        if name.extension().is_some_and(|extension| extension == "pem") {
            names.push(name);
        }
    }
    if names.len() > TRIES {
        let reason = format!("{} keys are above the limit of {TRIES}; name the file", names.len());
        return Err(Failure::at(path, reason));
    }
    names.sort();
    let bits = wanted_bits(file);
    // Certificates and other keys stand in such a folder too: what is no key is passed over.
    let keys = names.iter().filter_map(|name| match input::key(name) {
        Ok(key) if bits.is_none_or(|bits| size(&key) == Some(bits)) => Some(key),
        _ => None,
    });
    let mut outcome = Err(OpenError::Mismatch);
    for key in keys {
        outcome = open(file, &key);
        if !matches!(outcome, Err(OpenError::Mismatch)) {
            break;
        }
    }
    Ok(outcome)
}

fn wanted_bits(file: &SignedFile) -> Option<usize> {
    match file.header().value(ENCRYPTIONKEYSIZE)? {
        [high, low] => Some(usize::from(u16::from_be_bytes([*high, *low]))),
        _ => None,
    }
}

fn size(key: &SoftKey) -> Option<usize> {
    usize::try_from(key.openssl().bits()).ok()
}
