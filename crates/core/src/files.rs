//! What each file name means on a node: trust lists under the names of phones, configs made or merged, and signed
//! when asked for, a folder of files that people bring [phone-files.md 2, cucm-behaviour.md 2.4].

mod brought;
mod by_hand;
mod snapshot;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use arc_swap::ArcSwap;
use bytes::Bytes;
use pki::Random;
use pki::sign::FileSpec;
use store::folder::{Found, Stamp};
use store::rows::UnknownDeviceRow;
use wire::file_name::{FileName, Form, Meaning, Owner, signed_name};
use wire::header::Layout;
use wire::signed_file::SignedFile;

pub use by_hand::{FolderSettings, Unfit};
pub use snapshot::{DeviceEntry, Snapshot};

use crate::config::{default_config, enrolled_config};
use crate::fetched::FetchedLists;
use crate::merge::Root;

use brought::kind_of;

/// Signed files kept in memory, bytes and number. A cache that is full is emptied: signing again costs a millisecond.
const CACHE_BYTES: usize = 256 << 20;
const CACHE_FILES: usize = 50_000;

/// Unknown phones remembered between two writes to the database.
const SEEN_LIMIT: usize = 512;

/// Why a name gives no file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// Nothing has this name.
    #[error("file not found")]
    NotFound,
    /// Our own fault.
    #[error("{0}")]
    Failed(String),
}

/// The files of a node.
pub struct NodeFiles {
    snapshot: ArcSwap<Snapshot>,
    folder: Option<FolderSettings>,
    cache: Mutex<Cache>,
    seen: Mutex<HashMap<String, UnknownDeviceRow>>,
    fetched: FetchedLists,
    open: Mutex<HashMap<Stamp, Weak<Vec<u8>>>>,
    remembered: brought::Remembered,
    /// For the keys of encrypted configs; without one none is made.
    random: Option<Mutex<Box<dyn Random + Send>>>,
}

#[derive(Default)]
struct Cache {
    files: HashMap<String, (Option<Stamp>, Bytes)>,
    bytes: usize,
    /// Counts the snapshots, so that a file signed by an older one is not put in.
    age: u64,
}

impl NodeFiles {
    /// The files of a node, with a folder of files that people bring.
    pub fn new(snapshot: Snapshot, folder: Option<FolderSettings>) -> Self {
        Self {
            snapshot: ArcSwap::from_pointee(snapshot),
            folder,
            cache: Mutex::default(),
            seen: Mutex::default(),
            fetched: FetchedLists::default(),
            open: Mutex::default(),
            remembered: brought::Remembered::default(),
            random: None,
        }
    }

    /// The same, able to encrypt configs: their keys are drawn from `random`.
    #[must_use]
    pub fn encrypting(self, random: Box<dyn Random + Send>) -> Self {
        Self { random: Some(Mutex::new(random)), ..self }
    }

    /// Exchanges one device in the snapshot; its files are made again when asked for. `false`: it is not in the snapshot,
    /// which has to be read anew.
    pub fn swap_device(&self, name: &str, entry: DeviceEntry) -> bool {
        let snapshot = self.snapshot.load();
        let Some(place) = snapshot.devices.get(name) else { return false };
        place.store(Arc::new(entry));
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        // what is being signed now was read before
        cache.age += 1;
        let owner = Owner::Device(name.to_owned());
        for form in [Form::Signed, Form::Encrypted] {
            if let Some((_, old)) = cache.files.remove(&owner.file_name(form).to_ascii_lowercase()) {
                cache.bytes -= old.len();
            }
        }
        true
    }

    /// Exchanges the snapshot; signed files are made again when asked for.
    pub fn swap(&self, snapshot: Snapshot) {
        self.snapshot.store(Arc::new(snapshot));
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        *cache = Cache { age: cache.age + 1, ..Cache::default() };
    }

    /// A file that is at hand: a trust list, or a config that was signed before and cannot have changed.
    pub fn ready(&self, name: &FileName) -> Option<Bytes> {
        let snapshot = self.snapshot.load();
        if let Meaning::List { list, .. } = name.meaning() {
            // With a folder, a list made for one phone may stand there.
            return if self.folder.is_some() { None } else { snapshot.list(kind_of(list)) };
        }
        if self.folder.is_some() {
            return None;
        }
        let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.files.get(&name.folded()).filter(|(stamp, _)| stamp.is_none()).map(|(_, file)| file.clone())
    }

    /// The bytes of a file. May read the folder and sign: some milliseconds.
    ///
    /// `now` is the time in milliseconds since 1970 UTC, for the time stamp of a signature.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn fetch(&self, name: &FileName, peer: std::net::IpAddr, now: i64) -> Result<Bytes, FileError> {
        let answer = self.look_up(name, now);
        if answer == Err(FileError::NotFound) {
            self.note_unknown(name, peer, now);
        }
        answer
    }

    fn look_up(&self, name: &FileName, now: i64) -> Result<Bytes, FileError> {
        let snapshot = self.snapshot.load_full();
        match name.meaning() {
            Meaning::List { list, .. } => match self.brought(&snapshot, name)?.filter(brought::InFolder::is_served) {
                Some(it) => self.read(&it.found),
                None => snapshot.list(kind_of(list)).ok_or(FileError::NotFound),
            },
            Meaning::Config { of: Owner::Device(device), form } => match snapshot.encrypted_device(&device) {
                Some(entry) => self.guarded(&snapshot, (&device, &entry), form, now),
                None => self.in_clear(&snapshot, name, now),
            },
            Meaning::Config { of: Owner::Default, .. } | Meaning::Other => self.in_clear(&snapshot, name, now),
        }
    }

    fn in_clear(&self, snapshot: &Snapshot, name: &FileName, now: i64) -> Result<Bytes, FileError> {
        match name.unsigned() {
            None => self.plain(snapshot, name),
            Some(plain) => self.signed(snapshot, name, &plain, now),
        }
    }

    /// The files of a device whose config is encrypted: the stub under `.sgn`, the config under `.enc.sgn`, nothing under the
    /// plain name, and nothing of what lies under these names in the folder but the plain config, as what is encrypted.
    fn guarded(
        &self,
        snapshot: &Snapshot,
        (device, entry): (&str, &DeviceEntry),
        form: Form,
        now: i64,
    ) -> Result<Bytes, FileError> {
        let owner = Owner::Device(device.to_owned());
        let proper = owner.file_name(form);
        let certificate = match (form, &entry.enrolment.certificate) {
            (Form::Signed, _) => None,
            (Form::Encrypted, Some(certificate)) => Some(certificate),
            (Form::Plain, _) | (Form::Encrypted, None) => return Err(FileError::NotFound),
        };
        let key = proper.to_ascii_lowercase();
        let failed = |error: String| FileError::Failed(format!("{proper}: {error}"));
        let found = self.find(&owner.file_name(Form::Plain))?;
        let stamp = found.as_ref().map(|found| &found.stamp);
        let age = match self.cached(&key, stamp) {
            Ok(file) => return Ok(file),
            Err(age) => age,
        };
        let cluster = snapshot.cluster_part(Some(entry));
        let config = match &found {
            None => {
                enrolled_config(cluster, &entry.part, &entry.enrolment).map_err(|error| failed(error.to_string()))?
            }
            Some(found) => {
                let file = self.read(found)?;
                by_hand::with_ours(&file, Root::Device, cluster, Some(&entry.enrolment))
                    .map_err(|error| failed(error.to_string()))?
            }
        };
        let spec = FileSpec {
            layout: Layout::Cucm,
            digest: snapshot.digest,
            file_name: &proper,
            timestamp: u32::try_from(now / 1000).unwrap_or(u32::MAX),
        };
        let identity = snapshot.identity().map_err(failed)?;
        let file = match certificate {
            None => {
                let stub = entry.enrolment.stub(&config).map_err(|error| failed(error.to_string()))?;
                pki::sign::sign_file(&spec, stub, &identity).map_err(|error| failed(error.to_string()))?
            }
            Some(certificate) => {
                let random = self.random.as_ref().ok_or_else(|| failed("no random source for its key".to_owned()))?;
                let mut random = random.lock().unwrap_or_else(PoisonError::into_inner);
                pki::encrypt::encrypt_file(&spec, &config, certificate, &identity, random.as_mut())
                    .map_err(|error| failed(error.to_string()))?
            }
        };
        let file = Bytes::from(file);
        self.keep(key, stamp.cloned(), &file, age);
        Ok(file)
    }

    /// A signed file that was kept for this state of its source; else the age of the cache.
    fn cached(&self, key: &str, stamp: Option<&Stamp>) -> Result<Bytes, u64> {
        let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        match cache.files.get(key) {
            Some((cached, file)) if cached.as_ref() == stamp => Ok(file.clone()),
            _ => Err(cache.age),
        }
    }

    /// A file as it is: from the folder (a config merged), made for a device, or stripped from its signed form.
    fn plain(&self, snapshot: &Snapshot, name: &FileName) -> Result<Bytes, FileError> {
        if let Some(source) = self.source(snapshot, name)? {
            return self.payload(snapshot, name, &source);
        }
        let Some(found) = self.find(&signed_name(name.as_str()))? else {
            return Err(FileError::NotFound);
        };
        match SignedFile::decode(self.read(&found)?.to_vec()) {
            Ok(signed) => Ok(Bytes::copy_from_slice(signed.payload())),
            // a placeholder, which is not given out under its own name either
            Err(_) if name.meaning() != Meaning::Other => Err(FileError::NotFound),
            Err(error) => Err(FileError::Failed(format!("{}: {error}", found.name))),
        }
    }

    /// The signed form: as it stands in the folder, or made from the plain one.
    fn signed(&self, snapshot: &Snapshot, name: &FileName, plain: &FileName, now: i64) -> Result<Bytes, FileError> {
        let source = self.source(snapshot, plain)?;
        // Firmware is signed in ways of its own: where nothing of ours could stand, phones judge what lies there.
        let judged = source.is_some() || name.meaning() != Meaning::Other;
        let found = match judged {
            true => self.brought(snapshot, name)?.filter(brought::InFolder::is_served).map(|it| it.found),
            false => self.find(name.as_str())?.filter(|found| found.stamp.length() > 1),
        };
        if let Some(found) = found {
            return self.read(&found);
        }
        let source = source.ok_or(FileError::NotFound)?;
        let key = name.folded();
        let stamp = source.stamp();
        let age = match self.cached(&key, stamp) {
            Ok(file) => return Ok(file),
            Err(age) => age,
        };
        let payload = self.payload(snapshot, plain, &source)?;
        let spec = FileSpec {
            layout: Layout::Cucm,
            digest: snapshot.digest,
            file_name: &signed_name(&source.spelling()),
            timestamp: u32::try_from(now / 1000).unwrap_or(u32::MAX),
        };
        let sign = || {
            let identity = snapshot.identity()?;
            pki::sign::sign_file(&spec, payload.to_vec(), &identity).map_err(|error| error.to_string())
        };
        let file = sign().map(Bytes::from);
        let file = file.map_err(|error| FileError::Failed(format!("{}: {error}", name.as_str())))?;
        self.keep(key, stamp.cloned(), &file, age);
        Ok(file)
    }

    fn keep(&self, key: String, stamp: Option<Stamp>, file: &Bytes, age: u64) {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if cache.age != age || file.len() > CACHE_BYTES / 8 {
            return;
        }
        if cache.bytes + file.len() > CACHE_BYTES || cache.files.len() >= CACHE_FILES {
            cache.files.clear();
            cache.bytes = 0;
        }
        cache.bytes += file.len();
        if let Some((_, old)) = cache.files.insert(key, (stamp, file.clone())) {
            cache.bytes -= old.len();
        }
    }

    /// Where the plain bytes of a name come from.
    fn source(&self, snapshot: &Snapshot, name: &FileName) -> Result<Option<Source>, FileError> {
        if let Some(found) = self.find(name.as_str())? {
            let owner = match name.meaning() {
                Meaning::Config { of, form: Form::Plain } => Some(of),
                Meaning::Config { .. } | Meaning::List { .. } | Meaning::Other => None,
            };
            return Ok(Some(Source::Folder(found, owner)));
        }
        Ok(match name.meaning() {
            Meaning::Config { of: Owner::Default, form: Form::Plain } => Some(Source::Default),
            Meaning::Config { of: Owner::Device(device), form: Form::Plain } => {
                snapshot.devices.contains_key(&device).then_some(Source::Device(device))
            }
            Meaning::Config { .. } | Meaning::List { .. } | Meaning::Other => None,
        })
    }

    fn payload(&self, snapshot: &Snapshot, name: &FileName, source: &Source) -> Result<Bytes, FileError> {
        let made = |config: std::io::Result<Vec<u8>>| {
            config.map(Bytes::from).map_err(|error| FileError::Failed(format!("{}: {error}", name.as_str())))
        };
        match source {
            Source::Default => made(default_config(&snapshot.default_part)),
            Source::Device(device) => {
                let device = snapshot.device(device).ok_or(FileError::NotFound)?;
                made(enrolled_config(snapshot.cluster_part(Some(&device)), &device.part, &device.enrolment))
            }
            Source::Folder(found, owner) => {
                let Some(owner) = owner.as_ref().filter(|_| self.merges()) else { return self.read(found) };
                let file = self.read(found)?;
                Ok(match by_hand::merged_for(snapshot, owner, &file) {
                    Ok(merged) => Bytes::from(merged),
                    Err(error) => {
                        by_hand::not_merged(&found.name, &error);
                        file
                    }
                })
            }
        }
    }

    /// Where the plain bytes come from, for people.
    fn origin(&self, snapshot: &Snapshot, source: &Source) -> Result<String, FileError> {
        Ok(match source {
            Source::Default | Source::Device(_) => "made by the node".to_owned(),
            Source::Folder(found, Some(owner)) if self.merges() => {
                match by_hand::merged_for(snapshot, owner, &self.read(found)?) {
                    Ok(_) => format!("{} of the folder, with TVS and CAPF merged in", found.name),
                    Err(error) => format!("{} of the folder as it is, without TVS and CAPF: {error}", found.name),
                }
            }
            Source::Folder(found, _) => format!("{} of the folder as it is", found.name),
        })
    }

    fn merges(&self) -> bool {
        self.folder.as_ref().is_some_and(|settings| settings.merge)
    }

    fn find(&self, name: &str) -> Result<Option<Found>, FileError> {
        let Some(settings) = &self.folder else {
            return Ok(None);
        };
        settings.folder.find(name.split('/')).map_err(|error| FileError::Failed(error.to_string()))
    }

    /// Reads a file of the folder; who fetches the same state of it at the same time shares the bytes, so that a firmware
    /// roll-out costs the image once.
    fn read(&self, found: &Found) -> Result<Bytes, FileError> {
        let shared = |open: &HashMap<Stamp, Weak<Vec<u8>>>| {
            let bytes = open.get(&found.stamp).and_then(Weak::upgrade);
            bytes.map(|bytes| Bytes::from_owner(Shared(bytes)))
        };
        if let Some(bytes) = shared(&self.open.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(bytes);
        }
        let bytes = Arc::new(found.read().map_err(|error| FileError::Failed(error.to_string()))?);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(first) = shared(&open) {
            return Ok(first);
        }
        open.retain(|_, bytes| bytes.strong_count() > 0);
        open.insert(found.stamp.clone(), Arc::downgrade(&bytes));
        Ok(Bytes::from_owner(Shared(bytes)))
    }

    /// Remembers a phone that asked for its config and is not known.
    fn note_unknown(&self, name: &FileName, peer: std::net::IpAddr, now: i64) {
        let Meaning::Config { of: Owner::Device(device), .. } = name.meaning() else {
            return;
        };
        let config = Owner::Device(device.clone()).file_name(Form::Plain);
        let known =
            self.snapshot.load().devices.contains_key(&device) || self.find(&config).is_ok_and(|found| found.is_some());
        if known {
            return;
        }
        self.fetched.stranger_asked(&device, peer, now);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= SEEN_LIMIT && !seen.contains_key(&device) {
            return;
        }
        let row = seen.entry(device.clone()).or_insert_with(|| UnknownDeviceRow {
            name: device,
            last_file: String::new(),
            last_address: String::new(),
            first_seen: now,
            last_seen: now,
            requests: 0,
        });
        row.last_file = name.as_str().to_owned();
        row.last_address = peer.to_string();
        row.last_seen = now;
        row.requests += 1;
    }

    /// A file went out to its end: remembers which phone has fetched which list. `now` in milliseconds since 1970 UTC.
    pub fn sent(&self, name: &FileName, peer: std::net::IpAddr, bytes: &Bytes, now: i64) {
        let known = |device: &str| self.snapshot.load().devices.contains_key(device);
        match name.meaning() {
            Meaning::List { list, device: Some(device) } if !known(&device) => {
                self.fetched.stranger_list(&device, kind_of(list), peer, bytes, now);
            }
            Meaning::List { list, device } => self.fetched.list(device, kind_of(list), peer, bytes, now),
            Meaning::Config { of: Owner::Device(device), .. } if known(&device) => {
                self.fetched.config(&device, peer, now);
            }
            // what the author of a config by hand says of TVS is not looked at where nothing is merged into it
            Meaning::Config { of: Owner::Device(device), .. } => {
                self.fetched.stranger_config(Some(&device), peer, self.merges(), now);
            }
            Meaning::Config { of: Owner::Default, .. } => self.fetched.stranger_config(None, peer, false, now),
            Meaning::Other => {}
        }
    }

    /// What phones have fetched.
    pub fn fetched(&self) -> &FetchedLists {
        &self.fetched
    }

    /// The unknown phones since the last call, to be written to the database.
    pub fn take_unknown(&self) -> Vec<UnknownDeviceRow> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.drain().map(|(_, row)| row).collect()
    }
}

/// Where the plain bytes of a name come from.
enum Source {
    /// A file of the folder, and whose config it is.
    Folder(Found, Option<Owner>),
    Device(String),
    Default,
}

impl Source {
    /// The state of the file, for what stands in the folder.
    fn stamp(&self) -> Option<&Stamp> {
        match self {
            Self::Folder(found, _) => Some(&found.stamp),
            Self::Device(_) | Self::Default => None,
        }
    }

    /// The right spelling of the name, for FILENAME of the signed form: the proper name of a config, else the one on the disk; never
    /// that of who asks, who could have a signature made for each way to write it.
    fn spelling(&self) -> String {
        match self {
            Self::Folder(_, Some(owner)) => owner.file_name(Form::Plain),
            Self::Folder(found, None) => found.name.clone(),
            Self::Device(device) => Owner::Device(device.clone()).file_name(Form::Plain),
            Self::Default => Owner::Default.file_name(Form::Plain),
        }
    }
}

/// The bytes of a file, shared by all who fetch it at the same time.
struct Shared(Arc<Vec<u8>>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}
