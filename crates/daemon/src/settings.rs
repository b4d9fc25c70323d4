//! `ringfence.toml`: what a node is told by hand. Unknown keys refuse the start, so that a misspelled one is not
//! silently without effect.
//!
//! * [`table`]: every setting with form, unit and default; [`mod@file`]: reading and writing; [`shown`]: for people

pub mod file;
pub mod shown;
pub mod table;

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use cluster::nodes::{NewCluster, NewNode, SubjectParts};
use cluster::releases::{self, DEFAULT_RELEASE, Release, release};
use pki::capf::Sha2Proof;
use ringfence_core::CoreError;
use ringfence_core::files::HELD;
use serde::{Deserialize, Serialize};
use wire::capf::Timeouts;

use crate::capf::CapfLimits;
use crate::monitor::MonitorSettings;

/// Settings of a node.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// What the cluster is made with.
    #[serde(skip_serializing_if = "ClusterSettings::is_empty")]
    pub cluster: ClusterSettings,
    /// The process.
    #[serde(skip_serializing_if = "ServeSettings::is_empty")]
    pub serve: ServeSettings,
    /// Where the servers listen.
    pub listen: ListenSettings,
    /// What phones may do.
    pub phones: PhoneSettings,
    /// CAPF, on the publisher.
    pub capf: CapfSettings,
    /// Files that people bring.
    pub files: FileSettings,
    /// The certificate monitor.
    pub monitor: MonitorSettings,
}

/// `[cluster]`: what the cluster is made with. What is not said is chosen at the first start; what is said later must be as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClusterSettings {
    /// Release whose behaviour the cluster follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// Release that it came from: certificates are as that one made them. Without it they are those of a fresh installation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upgraded_from: Option<String>,
    /// Host name of the publisher, without domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Domain behind the host name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// IPv4 address that phones reach the node at: stands in their configs and trust lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Ipv4Addr>,
    /// C of all subjects, two letters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// O of all subjects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// OU of all subjects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// ST of all subjects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// L of all subjects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locality: Option<String>,
    /// Further nodes: subscribers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subscriber: Vec<SubscriberSettings>,
}

/// `[[cluster.subscriber]]`: a further node. It is served by `ringfence serve --node NAME` on the same data directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubscriberSettings {
    /// Host name, without domain.
    pub name: String,
    /// IPv4 address that phones reach it at.
    pub address: Ipv4Addr,
}

impl std::str::FromStr for SubscriberSettings {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split_once('=').and_then(|(name, address)| Some((name, address.parse().ok()?)));
        let (name, address) = parts.ok_or_else(|| format!("`{text}` is not NAME=ADDRESS"))?;
        Ok(Self { name: name.to_owned(), address })
    }
}

/// `[serve]`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServeSettings {
    /// The user that the node runs as when root starts it, by name or number. Without it the one whom the data directory belongs to.
    /// The file of the data directory decides for all nodes in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
}

/// `[listen]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ListenSettings {
    /// Address to listen on. Without it all of the machine; on a subscriber the address of the node, because the publisher listens on
    /// the same machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// UDP port of TFTP. Without it 69, or 6969 without the right to 69.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tftp: Option<u16>,
    /// TCP port of HTTP.
    pub http: u16,
    /// TCP port of TVS, which configs name. Without it the one of the cluster: 2445, or what was set before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tvs: Option<u16>,
    /// TCP port of CAPF, which configs name; the publisher listens there. Without it the one of the cluster: 3804, or what was
    /// set before; any free one when `http` is 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capf: Option<u16>,
    /// TCP port of the CTL provider, on the publisher, once the service is activated. Without it 2444; any free one when `http`
    /// is 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ctl_provider: Option<u16>,
}

/// `[phones]`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PhoneSettings {
    /// TLS 1.0 and RSA key exchange for the 7900 series.
    pub legacy_tls: bool,
}

/// `[capf]`: what phones may take of CAPF. 0 is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CapfSettings {
    /// Open connections at most; [`CapfLimits::connections`].
    pub connections: NonZeroUsize,
    /// Open connections of one address at most; [`CapfLimits::per_address`].
    pub per_address: NonZeroUsize,
    /// Seconds for TCP and TLS.
    pub handshake_seconds: NonZeroU64,
    /// Seconds that a phone may take to authenticate.
    pub authentication_seconds: NonZeroU64,
    /// Seconds that a phone may take to make its key.
    pub key_seconds: NonZeroU64,
    /// Seconds that a phone may take for any other answer.
    pub answer_seconds: NonZeroU64,
    /// Takes phones that show a certificate without the proof with SHA-512: old ones, and RSA keys of 512 bits, which have no
    /// room for it. The proof with SHA-1 is asked for in any case.
    pub sha1_proofs: bool,
}

impl Default for CapfSettings {
    fn default() -> Self {
        let CapfLimits { connections, per_address, handshake, stages, .. } = CapfLimits::default();
        let count = |count| NonZeroUsize::new(count).unwrap_or(NonZeroUsize::MIN);
        let seconds = |time: Duration| NonZeroU64::new(time.as_secs()).unwrap_or(NonZeroU64::MIN);
        Self {
            connections: count(connections),
            per_address: count(per_address),
            handshake_seconds: seconds(handshake),
            authentication_seconds: seconds(stages.authentication),
            key_seconds: seconds(stages.key_generation),
            answer_seconds: seconds(stages.answer),
            sha1_proofs: false,
        }
    }
}

impl CapfSettings {
    /// The limits of the server; what stands in no settings is as always.
    #[must_use]
    pub fn limits(&self) -> CapfLimits {
        let seconds = |seconds: NonZeroU64| Duration::from_secs(seconds.get());
        CapfLimits {
            connections: self.connections.get(),
            per_address: self.per_address.get(),
            handshake: seconds(self.handshake_seconds),
            stages: Timeouts {
                authentication: seconds(self.authentication_seconds),
                key_generation: seconds(self.key_seconds),
                answer: seconds(self.answer_seconds),
            },
            ..CapfLimits::default()
        }
    }

    /// Whether phones may leave out the proof with SHA-512.
    #[must_use]
    pub const fn sha2(&self) -> Sha2Proof {
        if self.sha1_proofs { Sha2Proof::Optional } else { Sha2Proof::Required }
    }
}

/// `[files]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FileSettings {
    /// A folder of files for phones: configs, dial plans, ring tones, locales. Read, never written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tftpboot: Option<PathBuf>,
    /// Whether TVS and CAPF elements are merged into the `SEP<MAC>.cnf.xml` of that folder.
    pub merge: bool,
    /// MiB of files in memory at most, of all who are served and of what is kept for the next.
    pub memory_mib: NonZeroUsize,
}

impl FileSettings {
    /// The same in bytes.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.memory_mib.get().saturating_mul(1 << 20)
    }
}

impl Default for ListenSettings {
    fn default() -> Self {
        Self { address: None, tftp: None, http: 6970, tvs: None, capf: None, ctl_provider: None }
    }
}

impl Default for FileSettings {
    fn default() -> Self {
        let memory_mib = NonZeroUsize::new(HELD >> 20).unwrap_or(NonZeroUsize::MIN);
        Self { tftpboot: None, merge: true, memory_mib }
    }
}

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("{path}: cannot be read: {source}")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Not TOML, or a key that is not known.
    #[error("{path}, {reason}")]
    Malformed {
        /// The file.
        path: String,
        /// Line and reason.
        reason: String,
    },
}

impl ClusterSettings {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The release that is named, and the one that a cluster came from.
    ///
    /// # Errors
    /// [`CoreError::BadInput`]: one that is not known.
    pub fn check_releases(&self) -> Result<(&'static Release, Option<&'static Release>), CoreError> {
        let known = |name: &str, option: &str| {
            let unknown = || {
                CoreError::BadInput(format!(
                    "release {} is not known; there are {}: name with {option} the one that your CUCM has, or the next one below it",
                    name.escape_debug(),
                    releases::names()
                ))
            };
            release(name).ok_or_else(unknown)
        };
        let upgraded_from = self.upgraded_from.as_deref().map(|name| known(name, "--upgraded-from")).transpose()?;
        Ok((known(self.release.as_deref().unwrap_or(DEFAULT_RELEASE), "--release")?, upgraded_from))
    }

    /// The cluster to be made; what is not said is chosen here.
    ///
    /// # Errors
    /// [`CoreError::BadInput`]: what no cluster can be.
    pub fn new_cluster(&self) -> Result<NewCluster, CoreError> {
        let (release, upgraded_from) = self.check_releases()?;
        let name = self.name.clone().unwrap_or_else(host_name);
        let domain = self.domain.clone().unwrap_or_default();
        let address = self.address.unwrap_or_else(own_address);
        let publisher = NewNode { name, domain: domain.clone(), address };
        let part = |given: &Option<String>, otherwise: &str| given.clone().unwrap_or_else(|| otherwise.to_owned());
        let subject = SubjectParts {
            country: part(&self.country, "XX"),
            organization: part(&self.organization, "Ringfence"),
            unit: part(&self.unit, "Phones"),
            state: part(&self.state, ""),
            locality: part(&self.locality, ""),
        };
        let subscribers = self.subscriber.iter().map(|node| NewNode {
            name: node.name.clone(),
            domain: domain.clone(),
            address: node.address,
        });
        let nodes = std::iter::once(publisher).chain(subscribers).collect();
        let new = NewCluster { release, upgraded_from, nodes, subject };
        new.check()?;
        Ok(new)
    }
}

impl ServeSettings {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl ListenSettings {
    /// Where the servers of a node listen.
    #[must_use]
    pub fn on(&self, publisher: bool, node: Option<Ipv4Addr>) -> IpAddr {
        let own = node.filter(|_| !publisher).unwrap_or(Ipv4Addr::UNSPECIFIED);
        self.address.unwrap_or(IpAddr::V4(own))
    }
}

/// Where a cluster lasts when nobody says otherwise: `/var/lib/ringfence` for root, else below the home directory.
#[must_use]
pub fn default_data_directory() -> PathBuf {
    if nix::unistd::geteuid().is_root() {
        return PathBuf::from("/var/lib/ringfence");
    }
    let data = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share"));
    data.or_else(home).unwrap_or_else(|| PathBuf::from(".")).join("ringfence")
}

fn host_name() -> String {
    let name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok()).unwrap_or_default();
    let short: String = name.split('.').next().unwrap_or_default().chars().take(63).collect();
    let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    let name: String = short.chars().filter(|letter| fits(*letter)).collect();
    let name = name.trim_matches('-');
    if name.is_empty() { "ringfence".to_owned() } else { name.to_owned() }
}

/// The address that this machine would use towards others. Nothing is sent: connecting a UDP socket only asks the
/// routing table (192.0.2.0/24 is for documentation, RFC 5737).
fn own_address() -> Ipv4Addr {
    let towards = SocketAddr::from(([192, 0, 2, 1], 9));
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0));
    let local = socket.and_then(|socket| socket.connect(towards).and_then(|()| socket.local_addr()));
    match local.map(|local| local.ip()) {
        Ok(IpAddr::V4(address)) if !address.is_unspecified() => address,
        _ => Ipv4Addr::LOCALHOST,
    }
}
