//! Files that are made: configs merged, signed, encrypted, the signed headers of large files, and what is behind the header of a signed
//! one.

use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use pki::sign::{FileSpec, SigningIdentity};
use pki::signer::SignError;
use store::folder::{OpenFile, Stamp};
use wire::file_name::{FileName, Form, Meaning, Owner, signed_name};
use wire::header::Layout;
use wire::signed_file::SignedFile;
use wire::xml::LARGEST;

use super::asked::Encrypted;
use super::content::Content;
use super::kept::Made;
use super::snapshot::Snapshot;
use super::source::{SMALL, Source};
use super::{FileError, NodeFiles, by_hand};
use cluster::config::merge::Root;
use cluster::config::{default_config, enrolled_config};

/// Bytes of a large file that are hashed at a time.
const HASHED: u64 = 256 * 1024;

/// Longest header, and what tells that it is one: its length has 16 bits.
const LONGEST_HEADER: u64 = 1 << 16;

/// A file that has to be made: by one maker, while all others who ask for it wait.
pub struct Making {
    /// Its proper name.
    name: String,
    what: What,
    snapshot: Arc<Snapshot>,
    /// That of the cache when the snapshot was taken.
    age: u64,
}

enum What {
    /// A config in clear.
    Plain(Source),
    /// The signed form.
    Signed(Source),
    /// The stub of an encrypted config, or the config; out of the plain one of the folder, if there is one.
    Stub(Encrypted, Option<OpenFile>),
    Sealed(Encrypted, Option<OpenFile>),
}

impl Making {
    /// Names the file in the state in which it is to be made: who asks for the same waits for the same maker.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}\n{}\n{:?}", self.name, self.age, self.stamp())
    }

    /// Whether a large file has to be read for it from end to end.
    #[must_use]
    pub fn reads_much(&self) -> bool {
        match &self.what {
            What::Plain(source) | What::Signed(source) => source.stamp(),
            What::Stub(..) | What::Sealed(..) => None,
        }
        .is_some_and(|stamp| stamp.length() > LARGEST as u64)
    }

    fn stamp(&self) -> Option<&Stamp> {
        match &self.what {
            What::Plain(source) | What::Signed(source) => source.stamp(),
            What::Stub(_, file) | What::Sealed(_, file) => file.as_ref().map(|file| &file.stamp),
        }
    }

    /// The file of the folder that it is made of.
    fn file(&self) -> Option<&OpenFile> {
        match &self.what {
            What::Plain(Source::Folder(file, _)) | What::Signed(Source::Folder(file, _)) => Some(file),
            What::Plain(_) | What::Signed(_) => None,
            What::Stub(_, file) | What::Sealed(_, file) => file.as_ref(),
        }
    }
}

/// What a look into folder and cache gave.
pub enum Found {
    /// The file.
    Content(Content),
    /// How to make it.
    Making(Making),
}

/// A payload, in memory or in a file of the folder.
enum Payload {
    Bytes(Bytes),
    File,
}

impl NodeFiles {
    /// A config in clear, made or merged: what was made before, or how to make it.
    pub(super) fn plain(&self, snapshot: &Arc<Snapshot>, age: u64, source: Source) -> Result<Found, FileError> {
        match source {
            Source::Folder(file, owner) if owner.is_none() || !self.merges() => self.as_it_is(file).map(Found::Content),
            source => self.kept_or(source.spelling(), What::Plain(source), snapshot, age),
        }
    }

    /// The same for the signed form of what has this source.
    pub(super) fn signed(&self, snapshot: &Arc<Snapshot>, age: u64, source: Source) -> Result<Found, FileError> {
        if let Source::Folder(file, _) = &source {
            file.checked().map_err(|error| FileError::Failed(error.to_string()))?;
        }
        self.kept_or(signed_name(&source.spelling()), What::Signed(source), snapshot, age)
    }

    /// The same for the stub of an encrypted config.
    pub(super) fn stub(&self, snapshot: &Arc<Snapshot>, age: u64, of: Encrypted) -> Result<Found, FileError> {
        let owner = Owner::Device(of.device.clone());
        let file = self.find(&owner.file_name(Form::Plain))?;
        self.kept_or(owner.file_name(Form::Signed), What::Stub(of, file), snapshot, age)
    }

    /// The same for the config that only its phone can read; nothing while it is not known which certificate that has.
    pub(super) fn sealed(&self, snapshot: &Arc<Snapshot>, age: u64, of: Encrypted) -> Result<Found, FileError> {
        if of.entry.enrolment.certificate.is_none() {
            return Err(FileError::NotFound);
        }
        let owner = Owner::Device(of.device.clone());
        let file = self.find(&owner.file_name(Form::Plain))?;
        self.kept_or(owner.file_name(Form::Encrypted), What::Sealed(of, file), snapshot, age)
    }

    fn kept_or(&self, name: String, what: What, snapshot: &Arc<Snapshot>, age: u64) -> Result<Found, FileError> {
        let making = Making { name, what, snapshot: Arc::clone(snapshot), age };
        Ok(match self.kept(&making) {
            Some(content) => Found::Content(content),
            None => Found::Making(making),
        })
    }

    fn kept(&self, making: &Making) -> Option<Content> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let made = kept.get(&making.name, making.stamp())?;
        drop(kept);
        Some(self.content(making, made))
    }

    fn content(&self, making: &Making, made: Made) -> Content {
        match (made.rest, making.file()) {
            (Some(from), Some(file)) => Content::of(made.head, file.clone(), from, &self.held),
            _ => Content::from(made.head),
        }
    }

    /// Makes a file. `now` is the time in milliseconds since 1970 UTC, for the time stamp of a signature.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn make(&self, making: &Making, now: i64) -> Result<Content, FileError> {
        if let Some(content) = self.kept(making) {
            return Ok(content);
        }
        let (head, rest) = match &making.what {
            What::Plain(source) => match self.payload(&making.snapshot, source)? {
                Payload::Bytes(bytes) => (bytes, None),
                Payload::File => (Bytes::new(), Some(0)),
            },
            What::Signed(source) => self.sign(making, source, now)?,
            What::Stub(of, file) => {
                let config = self.sealed_config(making, of, file.as_ref())?;
                let stub = of.entry.enrolment.stub(&config).map_err(|error| making.failed(error))?;
                let file = pki::sign::sign_file(&making.spec(now), stub, &making.identity()?);
                (self.hold(file.map_err(|error| making.failed(error))?)?, None)
            }
            What::Sealed(of, file) => {
                let config = self.sealed_config(making, of, file.as_ref())?;
                let certificate = of.entry.enrolment.certificate.as_ref().ok_or(FileError::NotFound)?;
                let random = self.random.as_ref().ok_or_else(|| making.failed("no random source for its key"))?;
                let mut random = random.lock().unwrap_or_else(PoisonError::into_inner);
                let (spec, identity) = (making.spec(now), making.identity()?);
                let file = pki::encrypt::encrypt_file(&spec, &config, certificate, &identity, random.as_mut());
                (self.hold(file.map_err(|error| making.failed(error))?)?, None)
            }
        };
        let made = Made { stamp: making.stamp().copied(), head, rest };
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).put(&making.name, made.clone(), making.age);
        Ok(self.content(making, made))
    }

    fn sign(&self, making: &Making, source: &Source, now: i64) -> Result<(Bytes, Option<u64>), FileError> {
        let (spec, identity) = (making.spec(now), making.identity()?);
        match (self.payload(&making.snapshot, source)?, making.file()) {
            (Payload::File, Some(file)) => {
                let header = pki::sign::sign_header(&spec, &mut pieces(file), &identity);
                Ok((self.hold(header.map_err(|error| making.failed(error))?)?, Some(0)))
            }
            (Payload::File, None) => Err(making.failed("it has no file")),
            (Payload::Bytes(payload), _) => {
                let file = pki::sign::sign_file(&spec, payload.to_vec(), &identity);
                Ok((self.hold(file.map_err(|error| making.failed(error))?)?, None))
            }
        }
    }

    /// The plain bytes: those of the file of the folder where nothing is merged into it and it is large.
    fn payload(&self, snapshot: &Snapshot, source: &Source) -> Result<Payload, FileError> {
        let made = |config: std::io::Result<Vec<u8>>| {
            let config = config.map_err(|error| FileError::Failed(format!("{}: {error}", source.spelling())))?;
            self.hold(config).map(Payload::Bytes)
        };
        match source {
            Source::Default => made(default_config(&snapshot.default_part)),
            Source::Device(device) => {
                let device = snapshot.device(device).ok_or(FileError::NotFound)?;
                made(enrolled_config(snapshot.cluster_part(Some(&device)), &device.part, &device.enrolment))
            }
            Source::Folder(file, Some(owner)) if self.merges() => {
                if file.length() > LARGEST as u64 {
                    by_hand::not_merged(&file.name, &by_hand::too_large(file.length()));
                    return Ok(Payload::File);
                }
                let written = self.read(file)?;
                match by_hand::merged_for(snapshot, owner, &written) {
                    Ok(merged) => self.hold(merged).map(Payload::Bytes),
                    Err(error) => {
                        by_hand::not_merged(&file.name, &error);
                        Ok(if file.length() > SMALL { Payload::File } else { Payload::Bytes(written) })
                    }
                }
            }
            Source::Folder(file, _) if file.length() > SMALL => Ok(Payload::File),
            Source::Folder(file, _) => self.read(file).map(Payload::Bytes),
        }
    }

    /// The plain config of a device whose config is encrypted.
    fn sealed_config(&self, making: &Making, of: &Encrypted, file: Option<&OpenFile>) -> Result<Vec<u8>, FileError> {
        let cluster = making.snapshot.cluster_part(Some(&of.entry));
        match file {
            None => enrolled_config(cluster, &of.entry.part, &of.entry.enrolment).map_err(|error| making.failed(error)),
            Some(file) if file.length() > LARGEST as u64 => Err(making.failed(by_hand::too_large(file.length()))),
            Some(file) => {
                let written = self.read(file)?;
                let merged = by_hand::with_ours(&written, Root::Device, cluster, Some(&of.entry.enrolment));
                merged.map_err(|error| making.failed(error))
            }
        }
    }

    /// What is behind the header of a signed file, which the file of this name would be made of.
    pub(super) fn stripped(&self, name: &FileName) -> Result<Content, FileError> {
        let file = self.find(&signed_name(name.as_str()))?.ok_or(FileError::NotFound)?;
        let start = match self.header(&file)? {
            Ok(start) => start,
            // a placeholder, which is not given out under its own name either
            Err(_) if name.meaning() != Meaning::Other => return Err(FileError::NotFound),
            Err(error) => return Err(FileError::Failed(format!("{}: {error}", file.name))),
        };
        if file.length() > SMALL {
            file.checked().map_err(|error| FileError::Failed(error.to_string()))?;
            return Ok(Content::of(Bytes::new(), file, start.header().length() as u64, &self.held));
        }
        let bytes = self.read(&file)?;
        Ok(Content::from(bytes.slice(start.header().length().min(bytes.len())..)))
    }

    /// A signed file with its header: all of a small one, the start of a large one.
    pub(super) fn header(&self, file: &OpenFile) -> Result<Result<SignedFile<Bytes>, wire::Malformed>, FileError> {
        let start = if file.length() <= SMALL {
            self.read(file)?
        } else {
            let start = file.read_at(0, usize::try_from(LONGEST_HEADER).unwrap_or(usize::MAX));
            Bytes::from(start.map_err(|error| FileError::Failed(file.unreadable()(error).to_string()))?)
        };
        Ok(SignedFile::of(start))
    }

    pub(super) fn merges(&self) -> bool {
        self.folder.as_ref().is_some_and(|settings| settings.merge)
    }
}

/// The bytes of a large file one piece after the other.
fn pieces(file: &OpenFile) -> impl Iterator<Item = Result<Vec<u8>, SignError>> {
    let starts = (0..file.length()).step_by(usize::try_from(HASHED).unwrap_or(usize::MAX));
    starts.map(|from| {
        let length = usize::try_from(HASHED.min(file.length() - from)).unwrap_or(usize::MAX);
        file.read_at(from, length).map_err(|error| SignError::Unreadable(file.unreadable()(error).to_string()))
    })
}

impl Making {
    fn spec(&self, now: i64) -> FileSpec<'_> {
        FileSpec {
            layout: Layout::Cucm,
            digest: self.snapshot.digest,
            file_name: &self.name,
            timestamp: u32::try_from(now / 1000).unwrap_or(u32::MAX),
        }
    }

    fn identity(&self) -> Result<SigningIdentity<'_>, FileError> {
        self.snapshot.identity().map_err(|error| self.failed(error))
    }

    fn failed(&self, error: impl std::fmt::Display) -> FileError {
        FileError::Failed(format!("{}: {error}", self.name))
    }
}
