//! What each file name means on a node: trust lists under the names of phones, configs made or merged, and signed
//! when asked for, a folder of files that people bring [phone-files.md 2, cucm-behaviour.md 2.4].

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use arc_swap::ArcSwap;
use bytes::Bytes;
use pki::sign::{FileSpec, SigningIdentity};
use pki::{Certificate, SoftKey};
use store::folder::{Folder, Found, Stamp};
use store::rows::{NodeRow, UnknownDeviceRow};
use wire::digest::DigestId;
use wire::file_name::FileName;
use wire::header::Layout;
use wire::signed_file::SignedFile;

use crate::cluster::Cluster;
use crate::config::{ClusterPart, DevicePart, DeviceSecurityMode, Endpoint, Protocol, default_config, device_config};
use crate::devices::device_of;
use crate::merge::merge;
use crate::units::Unit;
use crate::{CoreError, parameters};
use pki::listing::ListKind;

/// `.sgn`.
const SIGNED: &str = ".sgn";
/// `.cnf.xml`.
const CONFIG: &str = ".cnf.xml";
/// `XMLDefault.cnf.xml`.
const DEFAULT_CONFIG: &str = "XMLDefault.cnf.xml";

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

/// Everything the file servers of a node answer from; never changed, only exchanged.
pub struct Snapshot {
    ctl: Option<Bytes>,
    itl: Option<Bytes>,
    signer: Certificate,
    key: SoftKey,
    digest: DigestId,
    devices: HashMap<String, Arc<DevicePart>>,
    groups: HashMap<String, Arc<ClusterPart>>,
    group_of: HashMap<String, String>,
    default_part: ClusterPart,
}

/// How a node gives out the files that people bring.
#[derive(Debug, Clone)]
pub struct FolderSettings {
    /// The folder.
    pub folder: Folder,
    /// Whether TVS and CAPF elements are merged into its `SEP<MAC>.cnf.xml`.
    pub merge: bool,
}

impl FolderSettings {
    /// Opens a folder.
    ///
    /// # Errors
    /// [`CoreError`] when it is not there.
    pub fn open(path: &Path, merge: bool) -> Result<Self, CoreError> {
        Ok(Self { folder: Folder::open(path)?, merge })
    }
}

/// The files of a node.
pub struct NodeFiles {
    snapshot: ArcSwap<Snapshot>,
    folder: Option<FolderSettings>,
    cache: Mutex<Cache>,
    seen: Mutex<HashMap<String, UnknownDeviceRow>>,
    open: Mutex<HashMap<Stamp, Weak<Vec<u8>>>>,
}

#[derive(Default)]
struct Cache {
    files: HashMap<String, (Option<Stamp>, Bytes)>,
    bytes: usize,
    /// Counts the snapshots, so that a file signed by an older one is not put in.
    age: u64,
}

impl Cluster {
    /// Reads what a node gives out now.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn snapshot(&self, node: &NodeRow) -> Result<Snapshot, CoreError> {
        let parameters = self.parameters().await?;
        let all = self.node_certificates().await?;
        let own = all.iter().find(|own| own.name == node.name);
        let signer = own.and_then(|own| own.get(Unit::CallManager)).cloned().ok_or_else(|| {
            CoreError::Internal(format!("{} has no CallManager certificate to sign configs with", node.name))
        })?;
        let key = self.key(&self.directory(node), &signer)?;
        let nodes = self.store().nodes().await?;
        let address = |name: &String| nodes.iter().find(|node| node.name == *name).map(|node| node.address.clone());
        let tvs_port = port(&parameters, parameters::TVS_PORT, 2445);
        let capf = nodes
            .iter()
            .filter(|node| node.publisher)
            .map(|node| Endpoint { host: node.address.clone(), port: port(&parameters, parameters::CAPF_PORT, 3804) });
        let capf: Vec<Endpoint> = capf.collect();
        let part = |names: &[String]| {
            let hosts: Vec<String> = names.iter().filter_map(address).collect();
            ClusterPart {
                mode: parameters.security_mode(),
                tvs: hosts.iter().map(|host| Endpoint { host: host.clone(), port: tvs_port }).collect(),
                call_managers: hosts,
                capf: capf.clone(),
            }
        };
        let rows = self.store().groups().await?;
        let groups: HashMap<String, Arc<ClusterPart>> =
            rows.iter().map(|group| (group.name.clone(), Arc::new(part(&group.nodes)))).collect();
        let everyone: Vec<String> =
            nodes.iter().take(crate::cluster::GROUP_LIMIT).map(|node| node.name.clone()).collect();
        let default_part =
            groups.get(crate::cluster::DEFAULT_GROUP).map_or_else(|| part(&everyone), |part| (**part).clone());
        let devices = self.store().devices().await?;
        let group_of = devices.iter().map(|device| (device.name.clone(), device.group.clone())).collect();
        let devices = devices.into_iter().map(|device| {
            let part = DevicePart {
                protocol: Protocol::from_number(device.protocol),
                security: DeviceSecurityMode::from_number(device.security_mode),
                version_stamp: device.version_stamp,
            };
            (device.name, Arc::new(part))
        });
        let list = |kind| -> Result<Option<Bytes>, CoreError> {
            Ok(self.served_list(node, kind)?.map(|published| Bytes::from(published.list.into_bytes())))
        };
        Ok(Snapshot {
            ctl: list(ListKind::Ctl)?,
            itl: list(ListKind::Itl)?,
            signer,
            key,
            digest: parameters.digest(),
            devices: devices.collect(),
            groups,
            group_of,
            default_part,
        })
    }
}

fn port(parameters: &parameters::Parameters, name: &str, fallback: u16) -> u16 {
    u16::try_from(parameters.number(name, u32::from(fallback))).unwrap_or(fallback)
}

impl Snapshot {
    fn cluster_part(&self, device: &str) -> &ClusterPart {
        let group = self.group_of.get(device).and_then(|group| self.groups.get(group));
        group.map_or(&self.default_part, |part| part)
    }
}

impl NodeFiles {
    /// The files of a node, with a folder of files that people bring.
    pub fn new(snapshot: Snapshot, folder: Option<FolderSettings>) -> Self {
        Self {
            snapshot: ArcSwap::from_pointee(snapshot),
            folder,
            cache: Mutex::default(),
            seen: Mutex::default(),
            open: Mutex::default(),
        }
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
        let lower = name.folded();
        if let Some(kind) = list_kind(&lower) {
            // With a folder, a list made for one phone may stand there.
            return if self.folder.is_some() { None } else { list(&snapshot, kind) };
        }
        if self.folder.is_some() {
            return None;
        }
        let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.files.get(&lower).filter(|(stamp, _)| stamp.is_none()).map(|(_, file)| file.clone())
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
        let lower = name.folded();
        if let Some(kind) = list_kind(&lower) {
            return match self.find(name.as_str())? {
                Some(found) => self.read(&found),
                None => list(&snapshot, kind).ok_or(FileError::NotFound),
            };
        }
        match name.without_suffix(SIGNED) {
            None => self.plain(&snapshot, name),
            Some(plain) => self.signed(&snapshot, name, &plain, now),
        }
    }

    /// A file as it is: from the folder (a config merged), made for a device, or stripped from its signed form.
    fn plain(&self, snapshot: &Snapshot, name: &FileName) -> Result<Bytes, FileError> {
        if let Some(source) = self.source(snapshot, name)? {
            return self.payload(snapshot, name, &source);
        }
        let Some(found) = self.find(&format!("{}{SIGNED}", name.as_str()))? else {
            return Err(FileError::NotFound);
        };
        let signed = SignedFile::decode(self.read(&found)?.to_vec());
        let signed = signed.map_err(|error| FileError::Failed(format!("{}: {error}", found.name)))?;
        Ok(Bytes::copy_from_slice(signed.payload()))
    }

    /// The signed form: as it stands in the folder, or made from the plain one.
    fn signed(&self, snapshot: &Snapshot, name: &FileName, plain: &FileName, now: i64) -> Result<Bytes, FileError> {
        if let Some(found) = self.find(name.as_str())? {
            return self.read(&found);
        }
        let Some(source) = self.source(snapshot, plain)? else {
            return Err(FileError::NotFound);
        };
        let key = name.folded();
        let stamp = source.stamp();
        let age = {
            let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
            match cache.files.get(&key) {
                Some((cached, file)) if cached.as_ref() == stamp => return Ok(file.clone()),
                _ => cache.age,
            }
        };
        let payload = self.payload(snapshot, plain, &source)?;
        let spec = FileSpec {
            layout: Layout::Cucm,
            digest: snapshot.digest,
            file_name: &format!("{}{SIGNED}", source.spelling()),
            timestamp: u32::try_from(now / 1000).unwrap_or(u32::MAX),
        };
        let sign = || {
            let identity = SigningIdentity::new(&snapshot.signer, &snapshot.key)?;
            pki::sign::sign_file(&spec, payload.to_vec(), &identity)
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
            return Ok(Some(Source::Folder(found)));
        }
        if name.as_str().eq_ignore_ascii_case(DEFAULT_CONFIG) {
            return Ok(Some(Source::Default));
        }
        let device = device_of(name).filter(|device| is_config_of(name, device));
        Ok(device.filter(|device| snapshot.devices.contains_key(device)).map(Source::Device))
    }

    fn payload(&self, snapshot: &Snapshot, name: &FileName, source: &Source) -> Result<Bytes, FileError> {
        let made = |config: std::io::Result<Vec<u8>>| {
            config.map(Bytes::from).map_err(|error| FileError::Failed(format!("{}: {error}", name.as_str())))
        };
        match source {
            Source::Default => made(default_config(&snapshot.default_part)),
            Source::Device(device) => {
                let part = snapshot.devices.get(device).ok_or(FileError::NotFound)?;
                made(device_config(snapshot.cluster_part(device), part))
            }
            Source::Folder(found) => {
                let file = self.read(found)?;
                let device = device_of(name).filter(|device| is_config_of(name, device));
                let merges = self.folder.as_ref().is_some_and(|settings| settings.merge);
                match device.filter(|_| merges) {
                    Some(device) => Ok(merged(file, &found.name, snapshot.cluster_part(&device))),
                    None => Ok(file),
                }
            }
        }
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
        let Some(device) = device_of(name) else {
            return;
        };
        let known = self.snapshot.load().devices.contains_key(&device)
            || self.find(&format!("{device}{CONFIG}")).is_ok_and(|found| found.is_some());
        if known || !name.folded().contains(CONFIG) {
            return;
        }
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

    /// The unknown phones since the last call, to be written to the database.
    pub fn take_unknown(&self) -> Vec<UnknownDeviceRow> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.drain().map(|(_, row)| row).collect()
    }
}

/// Where the plain bytes of a name come from.
enum Source {
    Folder(Found),
    Device(String),
    Default,
}

impl Source {
    /// The state of the file, for what stands in the folder.
    fn stamp(&self) -> Option<&Stamp> {
        match self {
            Self::Folder(found) => Some(&found.stamp),
            Self::Device(_) | Self::Default => None,
        }
    }

    /// The right spelling of the name: FILENAME of the signed form.
    fn spelling(&self) -> String {
        match self {
            Self::Folder(found) => found.name.clone(),
            Self::Device(device) => format!("{device}{CONFIG}"),
            Self::Default => DEFAULT_CONFIG.to_owned(),
        }
    }
}

fn is_config_of(name: &FileName, device: &str) -> bool {
    name.as_str().eq_ignore_ascii_case(&format!("{device}{CONFIG}"))
}

/// The bytes of a file, shared by all who fetch it at the same time.
struct Shared(Arc<Vec<u8>>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// The config with our elements; as its author wrote it when it cannot be merged.
fn merged(file: Bytes, name: &str, part: &ClusterPart) -> Bytes {
    match merge(&file, part) {
        Ok(merged) => Bytes::from(merged),
        Err(error) => {
            tracing::warn!(file = name, %error, "the config is served without the TVS and CAPF elements");
            file
        }
    }
}

/// Which list a lower-case name means: `CTLFile.tlv`, `CTL<device>.tlv` and the same with ITL.
fn list_kind(lower: &str) -> Option<ListKind> {
    let stem = lower.strip_suffix(".tlv")?;
    let of = |rest: &str| !rest.is_empty() && rest.chars().all(|letter| letter.is_ascii_alphanumeric());
    match (stem.strip_prefix("ctl"), stem.strip_prefix("itl")) {
        (Some(rest), _) if of(rest) => Some(ListKind::Ctl),
        (_, Some(rest)) if of(rest) => Some(ListKind::Itl),
        _ => None,
    }
}

fn list(snapshot: &Snapshot, kind: ListKind) -> Option<Bytes> {
    match kind {
        ListKind::Ctl => snapshot.ctl.clone(),
        ListKind::Itl => snapshot.itl.clone(),
    }
}
