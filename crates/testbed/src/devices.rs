//! Phones as a cluster knows them.

use cluster::config::{DeviceSecurityMode, Protocol};
use cluster::devices::Device;

/// An 8861 without security, at home on all nodes.
pub fn phone(name: &str) -> Device {
    Device {
        name: name.to_owned(),
        description: String::new(),
        model: "8861".to_owned(),
        protocol: Protocol::Sip,
        security: DeviceSecurityMode::NonSecure,
        nodes: Vec::new(),
    }
}
