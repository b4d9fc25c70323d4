//! Backups: an archive of what lasts of a cluster, read back before it counts; and what a cluster would forget if one took its place.
//!
//! The archive is a tar file. `manifest.json` stands first and names every file behind it with length and SHA-256, in their order. It holds
//! private keys: whoever writes it puts it behind a passphrase ([`pki::age`]).

mod older;

use std::io::{Error, ErrorKind, Read, Write};

use pki::hash::{HashedReader, hex, sha256};
use pki::listing::ListKind;
use pki::verify::{Verdict, check_against_itself};
use serde::{Deserialize, Serialize};
use store::aside;
use store::lasting::{DATABASE, LastingFile, Snapshot};
use tar::{Archive, Builder, Header};
use zeroize::Zeroizing;

use crate::cluster::Cluster;
use crate::{CoreError, DataDirectory, StoreError};
use cluster::actor::{Actor, Level};
use cluster::rows::unreadable::{KEYS, PUBLISHED};
use cluster::surroundings::Surroundings;

/// Its name in the archive.
const MANIFEST: &str = "manifest.json";

/// The form of the archive.
const FORMAT: u32 = 1;

/// Bytes of a manifest at most: 200 bytes for each key, and a cluster has some hundred.
const MANIFEST_BYTES: u64 = 4 << 20;

/// What an archive holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    format: u32,
    /// The program that made it.
    program: String,
    /// The release that the cluster follows.
    pub release: String,
    /// Names of its nodes.
    pub nodes: Vec<String>,
    /// When it was made, milliseconds since 1970 UTC.
    pub made_at: i64,
    files: Vec<Listed>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Listed {
    path: String,
    size: u64,
    sha256: String,
}

impl Manifest {
    /// How many files it names.
    pub fn count(&self) -> usize {
        self.files.len()
    }
}

/// A backup that can be written.
#[derive(Debug)]
pub struct Prepared {
    manifest: Manifest,
    snapshot: Snapshot,
    files: Vec<(LastingFile, Zeroizing<Vec<u8>>)>,
}

impl Cluster {
    /// Takes what belongs into a backup, as it is at one moment: nothing is changed meanwhile, which others wait for as for every change.
    /// The audit log says where it goes to.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn prepare_backup(
        &self,
        actor: &Actor,
        to: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Prepared, CoreError> {
        actor.require(Level::Install)?;
        let made_at = surroundings.now();
        self.audit(actor.name(), "backup", &format!("to {to}"), made_at).await?;
        let data = self.data().clone();
        let lists = tokio::task::spawn_blocking(move || data.lock()).await.map_err(CoreError::internal)??;
        let unchanged = self.store().begin().await?;
        let snapshot = self.store().snapshot().await?;
        let mut files = Vec::new();
        for file in self.data().lasting()? {
            let bytes = aside::read(&self.data().root().join(file.path()))?.map(Zeroizing::new);
            // A key may go without a change of rows.
            files.extend(bytes.map(|bytes| (file, bytes)));
        }
        drop((unchanged, lists));
        let failed = |error: Error| CoreError::Internal(format!("{}: {error}", snapshot.path().display()));
        let mut database = HashedReader::new(std::fs::File::open(snapshot.path()).map_err(failed)?);
        std::io::copy(&mut database, &mut std::io::sink()).map_err(failed)?;
        let (hash, size) = database.finish();
        let mut listed = vec![Listed { path: DATABASE.to_owned(), size, sha256: hex(&hash) }];
        listed.extend(files.iter().map(|(file, bytes)| Listed {
            path: file.path().to_owned(),
            size: bytes.len() as u64,
            sha256: hex(&sha256(bytes)),
        }));
        let nodes = self.store().nodes().await?.into_iter().map(|node| node.name).collect();
        let program = format!("ringfence {}", env!("CARGO_PKG_VERSION"));
        let release = self.release().name.to_owned();
        let manifest = Manifest { format: FORMAT, program, release, nodes, made_at, files: listed };
        Ok(Prepared { manifest, snapshot, files })
    }

    /// What is missing or damaged in a cluster that a backup was made of, or is to be made of: keys of its own certificates, published
    /// lists that do not verify. A sentence each.
    ///
    /// # Errors
    /// [`CoreError`]: its rows cannot be read at all.
    pub async fn backup_faults(&self) -> Result<Vec<String>, CoreError> {
        let of_files = |table: &str| [KEYS, PUBLISHED].contains(&table);
        let unreadable = self.unreadable().await?;
        let mut faults: Vec<String> =
            unreadable.iter().filter(|row| of_files(&row.table)).map(ToString::to_string).collect();
        for node in self.store().nodes().await? {
            for kind in [ListKind::Ctl, ListKind::Itl] {
                // One that does not parse is among those above.
                let Ok(Some(published)) = self.published_list(&node, kind) else { continue };
                let check = check_against_itself(&published.list);
                // A signer outside the list is no fault: a reset signs so, and so do tokens that are gone from it.
                if !check.verdict.is_valid() && check.verdict != Verdict::Untrusted {
                    faults.push(format!("the signature of the {} file of {} does not hold", kind.word(), node.name));
                }
            }
        }
        Ok(faults)
    }

    /// Notes in a cluster that was read from a backup that it takes the place of another, and closes it for that.
    ///
    /// # Errors
    /// [`CoreError`]: the audit log takes nothing, the database is damaged.
    pub async fn note_restore(&self, actor: &Actor, from: &str, now: i64) -> Result<(), CoreError> {
        actor.require(Level::Install)?;
        self.audit(actor.name(), "restore", &format!("from {from}"), now).await?;
        Ok(self.store().close_whole().await?)
    }
}

impl Prepared {
    /// What the archive holds.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Writes the archive.
    ///
    /// # Errors
    /// Those of the writer; the copy of the database cannot be read.
    pub fn write(&self, out: impl Write) -> Result<(), Error> {
        let mut archive = Builder::new(out);
        let seconds = u64::try_from(self.manifest.made_at / 1000).unwrap_or_default();
        let mut add = |path: &str, size: u64, bytes: &mut dyn Read| {
            let mut header = Header::new_gnu();
            header.set_size(size);
            header.set_mode(0o600);
            header.set_mtime(seconds);
            archive.append_data(&mut header, path, bytes)
        };
        let manifest = serde_json::to_vec_pretty(&self.manifest)?;
        add(MANIFEST, manifest.len() as u64, &mut manifest.as_slice())?;
        let size = self.manifest.files.first().map_or(0, |listed| listed.size);
        add(DATABASE, size, &mut std::fs::File::open(self.snapshot.path())?)?;
        for (file, bytes) in &self.files {
            add(file.path(), bytes.len() as u64, &mut bytes.as_slice())?;
        }
        archive.into_inner()?.flush()
    }
}

/// Reads an archive to its end and holds every file against the manifest; puts them into a directory, if there is one.
///
/// # Errors
/// [`CoreError::Refused`]: it is damaged, or of another form; [`CoreError::Store`], [`CoreError::Internal`]: it cannot be read, or a file
/// not be written.
pub fn read_back(archive: impl Read, into: Option<&DataDirectory>) -> Result<Manifest, CoreError> {
    let mut archive = Archive::new(archive);
    let mut entries = archive.entries().map_err(unread)?;
    let mut first = entries.next().ok_or_else(|| damaged("it is empty"))?.map_err(unread)?;
    if first.path().map_err(unread)?.as_os_str() != MANIFEST || first.size() > MANIFEST_BYTES {
        return Err(damaged("it does not begin with manifest.json"));
    }
    let mut bytes = Vec::new();
    first.read_to_end(&mut bytes).map_err(unread)?;
    // Another form may have another manifest: its number is looked at first.
    let manifest: serde_json::Value = serde_json::from_slice(&bytes).map_err(damaged)?;
    let format = manifest.get("format").and_then(serde_json::Value::as_u64);
    if format != Some(FORMAT.into()) {
        return Err(damaged("it has a form that this program does not know: take a newer one"));
    }
    let manifest: Manifest = serde_json::from_value(manifest).map_err(damaged)?;
    if manifest.files.iter().filter(|listed| listed.path == DATABASE).count() != 1 {
        return Err(damaged("it names no database"));
    }
    for listed in &manifest.files {
        let entry =
            entries.next().ok_or_else(|| damaged(format_args!("{} is not in it", listed.path)))?.map_err(unread)?;
        if entry.path().map_err(unread)?.as_os_str() != listed.path.as_str() || entry.size() != listed.size {
            return Err(damaged(format_args!("{} is not where the manifest has it", listed.path)));
        }
        let file: LastingFile = listed.path.parse().map_err(damaged)?;
        let mut entry = HashedReader::new(entry);
        match into {
            Some(directory) => directory.place(&file, |out| std::io::copy(&mut entry, out)).map_err(unplaced)?,
            None => std::io::copy(&mut entry, &mut std::io::sink()).map_err(unread)?,
        };
        if hex(&entry.finish().0) != listed.sha256 {
            return Err(damaged(format_args!("{} has another SHA-256 than the manifest says", listed.path)));
        }
    }
    if entries.next().is_some() {
        return Err(damaged("it holds more than its manifest names"));
    }
    std::io::copy(&mut archive.into_inner(), &mut std::io::sink()).map_err(unread)?;
    Ok(manifest)
}

fn damaged(reason: impl std::fmt::Display) -> CoreError {
    CoreError::refused(
        "backup-damaged",
        format!("the backup is damaged: {reason}. Nothing was changed: take another one"),
    )
}

/// What was altered is the fault of the file, everything else that of the disk.
fn unread(error: Error) -> CoreError {
    match error.kind() {
        ErrorKind::InvalidData | ErrorKind::UnexpectedEof | ErrorKind::Other => damaged(error),
        _ => CoreError::internal(error),
    }
}

fn unplaced(error: StoreError) -> CoreError {
    match error {
        StoreError::File { source, .. } if source.kind() == ErrorKind::InvalidData => damaged(source),
        other => other.into(),
    }
}
