//! What a phone is and where its servers are.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use jiff::tz::TimeZone;
use pki::SoftKey;
use trust::Model;
use wire::capf::Password;

use crate::certificates::Credential;
use crate::factory::ManufacturingCa;
use crate::keys::KeySource;
use crate::memory::Keep;
use crate::misbehave::Misbehaviour;
use crate::name::PhoneName;
use crate::waits::Waits;

/// Port of the file service by HTTP [sources/phones#ports].
pub const HTTP_PORT: u16 = 6970;
/// Port of TFTP.
pub const TFTP_PORT: u16 = 69;

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
