//! The keys of rows: the same thing has the same key on every node.

use super::NewLsc;

/// The key of a row, from what makes the row one of its kind.
pub fn pkid(table: &str, natural_key: &str) -> String {
    let name = format!("ringfence:{table}:{natural_key}");
    uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, name.as_bytes()).to_string()
}

/// The key of the row of a certificate, by the SHA-256 of its DER, lower-case hexadecimal.
pub fn certificate_key(fingerprint: &str) -> String {
    pkid("certificate", fingerprint)
}

/// The key of the row of a device.
pub fn device_key(name: &str) -> String {
    pkid("device", name)
}

/// The key of the row of an LSC.
pub fn lsc_key(new: &NewLsc) -> String {
    pkid("lsc", &format!("{}/{}", new.issuer_fingerprint, new.serial))
}

/// The key of the row that says that a certificate (key of its row) stands in a service.
pub fn service_map_key(certificate: &str, service: i64) -> String {
    pkid("certificateservicecertificatemap", &format!("{certificate}/{service}"))
}

/// The key of the row that says that a certificate (key of its row) is the own one of a node (key of its row).
pub fn node_map_key(certificate: &str, node: &str) -> String {
    pkid("certificateprocessnodemap", &format!("{certificate}/{node}"))
}
