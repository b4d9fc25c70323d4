//! What a phone keeps: `CTLFile.tlv`, `ITLFile.tlv`, `config.cnf.xml` and `belief.json` in a directory of its own, beside
//! its certificates ([`crate::certificates`]).
//!
//! Each file is written aside and renamed, `belief.json` last, so that a crash leaves the old or the new file.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use trust::{Belief, Model, TvsServer};
use wire::header::{CTL_FILE_NAME, ITL_FILE_NAME};
use wire::trust_list::TrustList;

use crate::name::PhoneName;

/// Where a phone keeps its belief.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keep {
    /// Nowhere: it ends with the process.
    InMemory,
    /// In a directory, one per phone.
    In(PathBuf),
}

const CONFIG: &str = "config.cnf.xml";
const BELIEF: &str = "belief.json";

/// Largest file that is read back, in bytes: the largest that a phone fetches.
const LARGEST: usize = crate::fetch::LARGEST;

/// Why a belief was not read or kept.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// The file system refuses.
    #[error("{path}: {source}; give a directory that can be written")]
    Io {
        /// File or directory.
        path: PathBuf,
        /// What it says.
        source: std::io::Error,
    },
    /// A file is damaged.
    #[error("{path} is damaged: {reason}; remove the directory to start with a new phone")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The directory is the memory of another phone.
    #[error("{path} is the memory of {name}, model {model}; give each phone a directory of its own")]
    OtherPhone {
        /// The directory.
        path: PathBuf,
        /// Whose it is.
        name: String,
        /// Its model.
        model: String,
    },
}

/// `belief.json`.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    format: u32,
    name: String,
    model: String,
    tvs: Vec<KeptServer>,
}

#[derive(Debug, Serialize, Deserialize)]
struct KeptServer {
    address: String,
    port: u16,
}

const FORMAT: u32 = 1;

/// Reads the belief of a phone; a directory that is not there is a phone from the factory.
///
/// # Errors
/// [`MemoryError`].
pub fn load(directory: &Path, model: &'static Model, name: &PhoneName) -> Result<Belief, MemoryError> {
    let path = directory.join(BELIEF);
    let Some(json) = read(&path)? else {
        return Ok(Belief::new(model));
    };
    let damaged = |reason: String| MemoryError::Damaged { path: path.clone(), reason };
    let kept: Kept = serde_json::from_slice(&json).map_err(|error| damaged(error.to_string()))?;
    if kept.format != FORMAT {
        let reason = format!("format {} is not known, {FORMAT} is", kept.format);
        return Err(damaged(reason));
    }
    if kept.name != name.as_str() || kept.model != model.name {
        return Err(MemoryError::OtherPhone { path: directory.to_owned(), name: kept.name, model: kept.model });
    }
    let ctl = list(&directory.join(CTL_FILE_NAME))?;
    let itl = list(&directory.join(ITL_FILE_NAME))?;
    let mut belief = Belief::holding(model, ctl, itl);
    belief.set_config(read(&directory.join(CONFIG))?);
    let servers = kept.tvs.into_iter().map(|server| TvsServer { address: server.address, port: server.port });
    belief.set_tvs_servers(servers.collect());
    Ok(belief)
}

/// Keeps the belief of a phone.
///
/// # Errors
/// [`MemoryError::Io`].
pub fn save(directory: &Path, belief: &Belief, name: &PhoneName) -> Result<(), MemoryError> {
    fs::create_dir_all(directory).map_err(|source| MemoryError::Io { path: directory.to_owned(), source })?;
    keep(directory, CTL_FILE_NAME, belief.ctl().map(TrustList::bytes))?;
    keep(directory, ITL_FILE_NAME, belief.itl().map(TrustList::bytes))?;
    keep(directory, CONFIG, belief.config())?;
    let servers =
        belief.tvs_servers().iter().map(|server| KeptServer { address: server.address.clone(), port: server.port });
    let kept =
        Kept { format: FORMAT, name: name.to_string(), model: belief.model().name.to_owned(), tvs: servers.collect() };
    let json = serde_json::to_vec_pretty(&kept)
        .map_err(|error| MemoryError::Io { path: directory.join(BELIEF), source: error.into() })?;
    keep(directory, BELIEF, Some(&json))
}

fn list(path: &Path) -> Result<Option<TrustList>, MemoryError> {
    let Some(bytes) = read(path)? else {
        return Ok(None);
    };
    let list = TrustList::decode(bytes)
        .map_err(|malformed| MemoryError::Damaged { path: path.to_owned(), reason: malformed.to_string() })?;
    Ok(Some(list))
}

pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, MemoryError> {
    let io = |source| MemoryError::Io { path: path.to_owned(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(error)),
    };
    let mut bytes = Vec::new();
    file.take(LARGEST as u64 + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() > LARGEST {
        return Err(MemoryError::Damaged {
            path: path.to_owned(),
            reason: format!("it has more than {LARGEST} bytes"),
        });
    }
    Ok(Some(bytes))
}

/// Who may read a file, before the umask: everybody, and for keys only the owner.
const EVERYBODY: u32 = 0o666;
const OWNER: u32 = 0o600;

fn keep(directory: &Path, name: &str, bytes: Option<&[u8]>) -> Result<(), MemoryError> {
    keep_for(directory, name, bytes, EVERYBODY)
}

/// The same for a file with a private key; makes the directory when it is not there.
pub(crate) fn keep_private(directory: &Path, name: &str, bytes: Option<&[u8]>) -> Result<(), MemoryError> {
    fs::create_dir_all(directory).map_err(|source| MemoryError::Io { path: directory.to_owned(), source })?;
    keep_for(directory, name, bytes, OWNER)?;
    // the server is told that an LSC is stored, so its name has to last too
    let synced = File::open(directory).and_then(|directory| directory.sync_all());
    synced.map_err(|source| MemoryError::Io { path: directory.to_owned(), source })
}

/// Writes a file aside and renames it, or removes it when there is nothing to keep.
fn keep_for(directory: &Path, name: &str, bytes: Option<&[u8]>, mode: u32) -> Result<(), MemoryError> {
    let path = directory.join(name);
    let io = |source| MemoryError::Io { path: path.clone(), source };
    let Some(bytes) = bytes else {
        return match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(io(error)),
            _ => Ok(()),
        };
    };
    let aside = directory.join(format!(".{name}.new"));
    let write = || {
        // what a crash left may have other rights
        match fs::remove_file(&aside) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&aside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&aside, &path)
    };
    write().map_err(io)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(name: &str) -> TrustList {
        let path = format!("{}/../../testdata/vectors/trustlist/{name}", env!("CARGO_MANIFEST_DIR"));
        TrustList::decode(fs::read(path).unwrap()).unwrap()
    }

    #[test]
    fn a_belief_comes_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("phone");
        let model = Model::find("8861").unwrap();
        let name = PhoneName::from_mac(model, 1);
        assert_eq!(load(&path, model, &name).unwrap(), Belief::new(model));

        let (ctl, itl) = (vector("cucm-ctl-4947.tlv"), vector("cucm-itl-tvs-hash-739.tlv"));
        let mut belief = Belief::holding(model, Some(ctl), Some(itl));
        belief.set_config(Some(b"<device/>".to_vec()));
        belief.set_tvs_servers(vec![TvsServer { address: "pub".into(), port: 2445 }]);
        save(&path, &belief, &name).unwrap();
        assert_eq!(load(&path, model, &name).unwrap(), belief);

        belief.erase_lists();
        save(&path, &belief, &name).unwrap();
        let back = load(&path, model, &name).unwrap();
        assert!(!back.has_lists() && back.config().is_some());
        let names: Vec<_> = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names.len(), 2, "{names:?}");
    }

    #[test]
    fn damage_and_strangers_are_told() {
        let directory = tempfile::tempdir().unwrap();
        let model = Model::find("8861").unwrap();
        let name = PhoneName::from_mac(model, 1);
        save(directory.path(), &Belief::new(model), &name).unwrap();
        let other = PhoneName::from_mac(model, 2);
        let error = load(directory.path(), model, &other).unwrap_err().to_string();
        assert!(error.contains("is the memory of SEP000000000001, model 8861"), "{error}");
        fs::write(directory.path().join("ITLFile.tlv"), b"damaged").unwrap();
        let error = load(directory.path(), model, &name).unwrap_err().to_string();
        assert!(error.contains("ITLFile.tlv is damaged"), "{error}");
        fs::write(directory.path().join("belief.json"), b"{").unwrap();
        let error = load(directory.path(), model, &name).unwrap_err().to_string();
        assert!(error.contains("belief.json is damaged"), "{error}");
    }
}
