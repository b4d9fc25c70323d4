//! What a phone is, where its servers are, how patient it is.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use pki::SoftKey;
use trust::Model;
use wire::capf::Password;

use crate::certificates::Credential;
use crate::factory::ManufacturingCa;
use crate::keys::KeySource;
use crate::misbehave::Misbehaviour;
use crate::name::PhoneName;

/// Port of the file service by HTTP [sources/phones#ports].
pub const HTTP_PORT: u16 = 6970;
/// Port of TFTP.
pub const TFTP_PORT: u16 = 69;

/// Where a phone keeps its belief.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keep {
    /// Nowhere: it ends with the process.
    InMemory,
    /// In a directory, one per phone.
    In(PathBuf),
}

/// Time-outs. Each step of a boot ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waits {
    /// To open a TCP connection.
    pub connect: Duration,
    /// For a whole file by HTTP.
    pub http: Duration,
    /// For each TFTP datagram, before it is sent again.
    pub tftp: Duration,
    /// Repetitions of a TFTP datagram.
    pub tftp_retries: u8,
    /// For TLS and the answer of a TVS server.
    pub tvs: Duration,
    /// For TLS and each message of a CAPF server.
    pub capf: Duration,
    /// How often a visit to CAPF is tried when no server is reached or the session breaks, at least once. Real phones
    /// try three times [sources/capf#phone-block].
    pub capf_tries: u8,
    /// Between two tries.
    pub capf_pause: Duration,
}

impl Default for Waits {
    /// 3 s to connect, 20 s for a file, 1 s and 3 repetitions for TFTP, 10 s for TVS (the read time-out that its
    /// servers have [sources/tvs#transport]), 60 s for a message of CAPF (a CA behind it may take its time), one try of
    /// CAPF; the pause of 30 s is that of real phones.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            http: Duration::from_secs(20),
            tftp: Duration::from_secs(1),
            tftp_retries: 3,
            tvs: Duration::from_secs(10),
            capf: Duration::from_secs(60),
            capf_tries: 1,
            capf_pause: Duration::from_secs(30),
        }
    }
}

/// One phone.
#[derive(Debug, Clone)]
pub struct PhoneSettings {
    /// The model.
    pub model: &'static Model,
    /// The device name.
    pub name: PhoneName,
    /// File servers in the order of DHCP option 150. The next one is asked when one cannot be reached.
    pub servers: Vec<IpAddr>,
    /// HTTP port of the file servers.
    pub http_port: u16,
    /// TFTP port of the file servers.
    pub tftp_port: u16,
    /// Host names that the phone knows without asking DNS, in lower case.
    pub hosts: BTreeMap<String, IpAddr>,
    /// Speak TLS 1.0 with RSA key exchange only, as the 7900 series does.
    pub legacy_tls: bool,
    /// Where the belief is kept.
    pub keep: Keep,
    /// Time-outs.
    pub waits: Waits,
    /// A key alone, to open encrypted configs when the phone has neither LSC nor MIC.
    pub device_key: Option<SoftKey>,
    /// The MIC that the phone left the factory with. One that is kept in a directory comes back without it.
    pub mic: Option<Credential>,
    /// The factory that makes the MIC when the phone has none and should have one.
    pub factory: Option<Arc<ManufacturingCa>>,
    /// The string that the user types when the config says *By Authentication String*.
    pub authentication_string: Option<Password>,
    /// Where the keys of LSCs come from.
    pub keys: KeySource,
    /// What the phone does wrong.
    pub misbehave: Option<Misbehaviour>,
    /// Zone of the times in the console log.
    pub zone: TimeZone,
}

impl PhoneSettings {
    /// A phone of this model and name on the usual ports of one server, with its belief in memory.
    #[must_use]
    pub fn new(model: &'static Model, name: PhoneName, server: IpAddr) -> Self {
        Self {
            model,
            name,
            servers: vec![server],
            http_port: HTTP_PORT,
            tftp_port: TFTP_PORT,
            hosts: BTreeMap::new(),
            legacy_tls: false,
            keep: Keep::InMemory,
            waits: Waits::default(),
            device_key: None,
            mic: None,
            factory: None,
            authentication_string: None,
            keys: KeySource::default(),
            misbehave: None,
            zone: TimeZone::system(),
        }
    }

    /// The name that TVS sees: `CP-8861-SEPB000B4BA0AEE` [sources/tvs#message].
    #[must_use]
    pub fn tvs_name(&self) -> String {
        // soft phones and adapters have no product name in front
        if self.model.prefix == "SEP" {
            let product = self.model.product.trim_end_matches("G-GE").trim_end_matches('G');
            format!("{product}-{}", self.name)
        } else {
            self.name.to_string()
        }
    }

    /// A socket address to bind to for talking to `peer`.
    pub(crate) fn any_for(peer: IpAddr) -> std::net::SocketAddr {
        match peer {
            IpAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            IpAddr::V6(_) => (std::net::Ipv6Addr::UNSPECIFIED, 0).into(),
        }
    }
}
