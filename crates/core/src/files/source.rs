//! Where the plain bytes of a name come from.

use std::collections::HashMap;
use std::fs::File;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use store::folder::{OpenFile, Stamp};
use wire::file_name::{FileName, Form, Meaning, Owner};

use super::content::{Content, Counted};
use super::snapshot::Snapshot;
use super::{FileError, NodeFiles};

/// Files of more bytes are sent from the open file, and never read into memory as a whole: 1 MiB, above all lists and configs of
/// phones, below firmware.
pub(super) const SMALL: u64 = 1 << 20;

/// Where the plain bytes of a name come from.
pub(super) enum Source {
    /// A file of the folder, and whose config it is.
    Folder(OpenFile, Option<Owner>),
    Device(String),
    Default,
}

impl Source {
    /// The state of the file, for what stands in the folder.
    pub fn stamp(&self) -> Option<&Stamp> {
        match self {
            Self::Folder(file, _) => Some(&file.stamp),
            Self::Device(_) | Self::Default => None,
        }
    }

    /// The right spelling of the name, for FILENAME of the signed form: the proper name of a config, else the one on the disk; never
    /// that of who asks, who could have a signature made for each way to write it.
    pub fn spelling(&self) -> String {
        match self {
            Self::Folder(_, Some(owner)) => owner.file_name(Form::Plain),
            Self::Folder(file, None) => file.name.clone(),
            Self::Device(device) => Owner::Device(device.clone()).file_name(Form::Plain),
            Self::Default => Owner::Default.file_name(Form::Plain),
        }
    }
}

/// Large files that are open at a time, each for all who fetch it: more than the images of all models of a cluster. Each takes a
/// descriptor for as long as a client takes it.
const MOST_OPEN: usize = 64;

/// Files of the folder that somebody reads or sends at this moment: who asks for the same state shares bytes and descriptor, so that
/// a firmware roll-out costs the image once.
#[derive(Default)]
pub(super) struct InUse {
    bytes: Mutex<HashMap<Stamp, Weak<Counted>>>,
    files: Mutex<HashMap<Stamp, Weak<File>>>,
}

/// Counted bytes that several share.
struct Shared(Arc<Counted>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        (*self.0).as_ref()
    }
}

impl NodeFiles {
    /// Where the plain bytes of a name come from.
    pub(super) fn source(&self, snapshot: &Snapshot, name: &FileName) -> Result<Option<Source>, FileError> {
        let meaning = name.meaning();
        if let Some(found) = self.find(name.as_str())? {
            let owner = match meaning {
                Meaning::Config { of, form: Form::Plain } => Some(of),
                Meaning::Config { .. } | Meaning::List { .. } | Meaning::Other => None,
            };
            return Ok(Some(Source::Folder(found, owner)));
        }
        Ok(match meaning {
            Meaning::Config { of: Owner::Default, form: Form::Plain } => Some(Source::Default),
            Meaning::Config { of: Owner::Device(device), form: Form::Plain } => {
                snapshot.devices.contains_key(&device).then_some(Source::Device(device))
            }
            Meaning::Config { .. } | Meaning::List { .. } | Meaning::Other => None,
        })
    }

    /// Opens a file of the folder.
    pub(super) fn find(&self, name: &str) -> Result<Option<OpenFile>, FileError> {
        let Some(settings) = &self.folder else { return Ok(None) };
        let found = settings
            .folder
            .find(name, self.told.load(Ordering::Relaxed))
            .map_err(|error| FileError::Failed(error.to_string()))?;
        found.filter(|file| !self.passes_over(file)).map(|file| self.in_use.shared(file)).transpose()
    }

    /// A file of the folder as it is.
    pub(super) fn as_it_is(&self, file: OpenFile) -> Result<Content, FileError> {
        if file.length() <= SMALL {
            return self.read(&file).map(Content::from);
        }
        file.checked().map_err(|error| FileError::Failed(error.to_string()))?;
        Ok(Content::of(Bytes::new(), file, 0, &self.held))
    }

    /// Reads a file of the folder into memory; who reads the same state at the same time shares the bytes.
    pub(super) fn read(&self, file: &OpenFile) -> Result<Bytes, FileError> {
        if let Some(bytes) = self.in_use.bytes(&file.stamp) {
            return Ok(bytes);
        }
        let room = self.room(usize::try_from(file.length()).unwrap_or(usize::MAX))?;
        let bytes = file.read().map_err(|error| FileError::Failed(error.to_string()))?;
        Ok(self.in_use.keep(file.stamp, room.hold(bytes)))
    }

    /// Holds bytes that were made.
    pub(super) fn hold(&self, bytes: Vec<u8>) -> Result<Bytes, FileError> {
        Ok(Bytes::from_owner(self.room(bytes.len())?.hold(bytes)))
    }

    fn room(&self, bytes: usize) -> Result<super::content::Room, FileError> {
        let room = self.held.room(bytes);
        let room = room.or_else(|| {
            self.kept.lock().unwrap_or_else(PoisonError::into_inner).empty();
            self.held.room(bytes)
        });
        room.ok_or(FileError::Busy)
    }
}

impl InUse {
    fn bytes(&self, stamp: &Stamp) -> Option<Bytes> {
        let bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        bytes.get(stamp).and_then(Weak::upgrade).map(|bytes| Bytes::from_owner(Shared(bytes)))
    }

    fn keep(&self, stamp: Stamp, bytes: Counted) -> Bytes {
        let bytes = Arc::new(bytes);
        let mut shared = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(first) = shared.get(&stamp).and_then(Weak::upgrade) {
            return Bytes::from_owner(Shared(first));
        }
        shared.retain(|_, bytes| bytes.strong_count() > 0);
        shared.insert(stamp, Arc::downgrade(&bytes));
        Bytes::from_owner(Shared(bytes))
    }

    /// The file, by the descriptor of who has it open already. One more is not opened when there are [`MOST_OPEN`].
    fn shared(&self, file: OpenFile) -> Result<OpenFile, FileError> {
        if file.length() <= SMALL {
            return Ok(file);
        }
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(first) = files.get(&file.stamp).and_then(Weak::upgrade) {
            return Ok(file.with(first));
        }
        files.retain(|_, file| file.strong_count() > 0);
        if files.len() >= MOST_OPEN {
            return Err(FileError::Busy);
        }
        files.insert(file.stamp, file.shared());
        Ok(file)
    }
}
