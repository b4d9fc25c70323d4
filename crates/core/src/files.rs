//! What each file name means on a node: trust lists under the names of phones, configs made or merged, and signed
//! when asked for, a folder of files that people bring [sources/phones#boot-order],
//! [sources/signed-files#names-offered].
//!
//! * `asked`: what a name asks for; `source`: where its bytes come from; `making`: what is made of them
//! * `content`: what goes out, and how much of it is in memory; `kept`: what was made before
//! * `brought` and `by_hand`: what people put into the folder; `snapshot`: what the rows say

mod asked;
mod brought;
mod by_hand;
mod content;
mod kept;
mod making;
mod snapshot;
mod source;
pub(crate) mod unfit;

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use bytes::Bytes;
use cluster::rows::UnknownDeviceRow;
use pki::Random;
use wire::file_name::{FileName, Form, Owner};

pub use by_hand::FolderSettings;
pub use content::Content;
pub use making::{Found, Making};
pub use snapshot::{DeviceEntry, Snapshot};
pub use unfit::Unfit;

use crate::fetched::FetchedLists;

use asked::Asked;
use brought::kind_of;
use content::Held;
use kept::Kept;
use source::InUse;

/// Bytes of files that a node holds in memory, when nobody says otherwise.
pub const HELD: usize = 256 << 20;

/// Unknown phones remembered between two writes to the database.
const SEEN_LIMIT: usize = 512;

/// Why a name gives no file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// Nothing has this name.
    #[error("file not found")]
    NotFound,
    /// The node holds as many bytes of files as it may. Who asks again is served when others are done.
    #[error("the limit of bytes of files in memory is reached; who asks again is served when others are done")]
    Busy,
    /// Our own fault.
    #[error("{0}")]
    Failed(String),
}

/// The files of a node.
pub struct NodeFiles {
    snapshot: ArcSwap<Snapshot>,
    folder: Option<FolderSettings>,
    kept: Mutex<Kept>,
    held: Arc<Held>,
    seen: Mutex<HashMap<String, UnknownDeviceRow>>,
    fetched: FetchedLists,
    in_use: InUse,
    remembered: brought::Remembered,
    too_large: brought::TooLarge,
    /// The time that was last told, milliseconds since 1970 UTC: when the folder is looked at.
    told: AtomicI64,
    /// For the keys of encrypted configs; without one none is made.
    random: Option<Mutex<Box<dyn Random + Send>>>,
}

impl NodeFiles {
    /// The files of a node, with a folder of files that people bring.
    pub fn new(snapshot: Snapshot, folder: Option<FolderSettings>) -> Self {
        Self {
            snapshot: ArcSwap::from_pointee(snapshot),
            folder,
            kept: Mutex::new(Kept::of(HELD)),
            held: Held::new(HELD),
            seen: Mutex::default(),
            fetched: FetchedLists::default(),
            in_use: InUse::default(),
            remembered: brought::Remembered::default(),
            too_large: brought::TooLarge::default(),
            told: AtomicI64::new(0),
            random: None,
        }
    }

    /// The same, able to encrypt configs: their keys are drawn from `random`.
    #[must_use]
    pub fn encrypting(self, random: Box<dyn Random + Send>) -> Self {
        Self { random: Some(Mutex::new(random)), ..self }
    }

    /// The same, with so many bytes of files in memory at most.
    #[must_use]
    pub fn holding(self, bytes: usize) -> Self {
        Self { held: Held::new(bytes), kept: Mutex::new(Kept::of(bytes)), ..self }
    }

    /// How many bytes of files are in memory now.
    pub fn held(&self) -> usize {
        self.held.now()
    }

    /// Exchanges one device in the snapshot; its files are made again when asked for. `false`: it is not in the snapshot,
    /// which has to be read anew.
    pub fn swap_device(&self, name: &str, entry: DeviceEntry) -> bool {
        let snapshot = self.snapshot.load();
        let Some(place) = snapshot.devices.get(name) else { return false };
        place.store(Arc::new(entry));
        let owner = Owner::Device(name.to_owned());
        let names = [Form::Plain, Form::Signed, Form::Encrypted].into_iter().map(|form| owner.file_name(form));
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).forget(names);
        true
    }

    /// Exchanges the snapshot; signed files are made again when asked for.
    pub fn swap(&self, snapshot: Snapshot) {
        self.snapshot.store(Arc::new(snapshot));
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).swap();
    }

    /// Looks at the folder, so that what other machines did to it counts. May take as long as its disk. `now` in milliseconds since
    /// 1970 UTC.
    ///
    /// # Errors
    /// [`FileError`]: it cannot be read.
    pub fn look_at_folder(&self, now: i64) -> Result<(), FileError> {
        self.told.fetch_max(now, Ordering::Relaxed);
        let Some(settings) = &self.folder else { return Ok(()) };
        settings.folder.look(now).map_err(|error| FileError::Failed(error.to_string()))
    }

    /// Whether a file of this name may lie in the folder, as far as the memory tells.
    fn may_lie_there(&self, name: &FileName) -> bool {
        self.folder.as_ref().is_some_and(|settings| settings.folder.may_have(name.as_str()))
    }

    /// A file that is at hand, without a look at any disk: a trust list when the folder has none of its name, or a config that was made
    /// before and cannot have changed.
    pub fn ready(&self, name: &FileName) -> Option<Content> {
        let snapshot = self.snapshot.load();
        let asked = Asked::of(name, &snapshot);
        if self.folder.is_some() && (!matches!(asked, Asked::List { .. }) || self.may_lie_there(name)) {
            return None;
        }
        let proper = match asked {
            Asked::List { list, .. } => return snapshot.list(kind_of(list)).map(Content::from),
            Asked::Config { of, form } => of.file_name(form),
            Asked::Stub(of) => Owner::Device(of.device).file_name(Form::Signed),
            Asked::Sealed(of) => Owner::Device(of.device).file_name(Form::Encrypted),
            Asked::Hidden | Asked::Other => return None,
        };
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get_unchanging(&proper).map(Content::from)
    }

    /// Whether a name is that of a list, of a config that a phone of the cluster asks for, or of a file of the folder: what no flood of
    /// other names shall hold up. Looks at nothing but the memory.
    pub fn is_known(&self, name: &FileName) -> bool {
        let snapshot = self.snapshot.load();
        match Asked::of(name, &snapshot) {
            Asked::List { device: None, .. } | Asked::Stub(_) | Asked::Sealed(_) => true,
            // anybody can make up a device to ask a list for
            Asked::List { device: Some(device), .. } => {
                snapshot.devices.contains_key(&device) || self.may_lie_there(name) || self.has_config_by_hand(device)
            }
            Asked::Config { of: Owner::Device(device), .. } if snapshot.devices.contains_key(&device) => true,
            Asked::Config { of: Owner::Default, .. } => true,
            Asked::Config { .. } | Asked::Other => {
                self.may_lie_there(name) || name.unsigned().is_some_and(|plain| self.may_lie_there(&plain))
            }
            Asked::Hidden => false,
        }
    }

    /// Whether the folder may have a config of this device, as far as the memory tells.
    fn has_config_by_hand(&self, device: String) -> bool {
        let owner = Owner::Device(device);
        let forms = [Form::Plain, Form::Signed].into_iter();
        self.folder.as_ref().is_some_and(|it| forms.into_iter().any(|form| it.folder.may_have(&owner.file_name(form))))
    }

    /// Finds a file, or how it is made. May read the folder. `now` in milliseconds since 1970 UTC.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn look_up(&self, name: &FileName, peer: std::net::IpAddr, now: i64) -> Result<Found, FileError> {
        self.told.fetch_max(now, Ordering::Relaxed);
        // The age before the snapshot: what is made of an older snapshot is not kept.
        let age = self.kept.lock().unwrap_or_else(PoisonError::into_inner).age;
        let snapshot = self.snapshot.load_full();
        let asked = Asked::of(name, &snapshot);
        let device = match &asked {
            Asked::Config { of: Owner::Device(device), .. } => Some(device.clone()),
            _ => None,
        };
        let found = self.found(&snapshot, age, name, asked);
        if let (Err(FileError::NotFound), Some(device)) = (&found, device) {
            self.note_unknown(name, device, peer, now);
        }
        found
    }

    fn found(&self, snapshot: &Arc<Snapshot>, age: u64, name: &FileName, asked: Asked) -> Result<Found, FileError> {
        match asked {
            Asked::List { list, .. } => match self.brought(snapshot, name)?.filter(brought::InFolder::is_served) {
                Some(it) => self.as_it_is(it.found).map(Found::Content),
                None => snapshot
                    .list(kind_of(list))
                    .map(|list| Found::Content(Content::from(list)))
                    .ok_or(FileError::NotFound),
            },
            Asked::Stub(of) => self.stub(snapshot, age, of),
            Asked::Sealed(of) => self.sealed(snapshot, age, of),
            Asked::Hidden => Err(FileError::NotFound),
            asked @ (Asked::Config { .. } | Asked::Other) => match name.unsigned() {
                Some(plain) => {
                    let is_config = matches!(asked, Asked::Config { .. });
                    self.signed_or_brought(snapshot, age, name, &plain, is_config)
                }
                None => match self.source(snapshot, name)? {
                    Some(source) => self.plain(snapshot, age, source),
                    None => self.stripped(name).map(Found::Content),
                },
            },
        }
    }

    /// The signed form: as it stands in the folder, or made from the plain one.
    fn signed_or_brought(
        &self,
        snapshot: &Arc<Snapshot>,
        age: u64,
        name: &FileName,
        plain: &FileName,
        is_config: bool,
    ) -> Result<Found, FileError> {
        let source = self.source(snapshot, plain)?;
        // Firmware is signed in ways of its own: where nothing of ours could stand, phones judge what lies there.
        let found = match source.is_some() || is_config {
            true => self.brought(snapshot, name)?.filter(brought::InFolder::is_served).map(|it| it.found),
            false => self.find(name.as_str())?.filter(|found| found.length() > 1),
        };
        match (found, source) {
            (Some(found), _) => self.as_it_is(found).map(Found::Content),
            (None, Some(source)) => self.signed(snapshot, age, source),
            (None, None) => Err(FileError::NotFound),
        }
    }

    /// The bytes of a file, for those who look at it and do not serve it: made if it has to be made.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn fetch(&self, name: &FileName, peer: std::net::IpAddr, now: i64) -> Result<Bytes, FileError> {
        let content = match self.look_up(name, peer, now)? {
            Found::Content(content) => content,
            Found::Making(making) => self.make(&making, now)?,
        };
        content.read().map_err(|error| FileError::Failed(format!("{}: {error}", name.as_str())))
    }

    /// Remembers a phone that asked for its config and is not known.
    fn note_unknown(&self, name: &FileName, device: String, peer: std::net::IpAddr, now: i64) {
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
        match Asked::of(name, &self.snapshot.load()) {
            Asked::List { list, device: Some(device) } if !known(&device) => {
                self.fetched.stranger_list(&device, kind_of(list), peer, bytes, now);
            }
            Asked::List { list, device } => self.fetched.list(device, kind_of(list), peer, bytes, now),
            Asked::Stub(of) | Asked::Sealed(of) => self.fetched.config(&of.device, peer, now),
            Asked::Config { of: Owner::Device(device), .. } if known(&device) => {
                self.fetched.config(&device, peer, now);
            }
            // what the author of a config by hand says of TVS is not looked at where nothing is merged into it
            Asked::Config { of: Owner::Device(device), .. } => {
                self.fetched.stranger_config(Some(&device), peer, self.merges(), now);
            }
            Asked::Config { of: Owner::Default, .. } => self.fetched.stranger_config(None, peer, false, now),
            Asked::Hidden | Asked::Other => {}
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
