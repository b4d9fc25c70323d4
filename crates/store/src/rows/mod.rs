//! The typed queries, a file per noun.

mod certificates;
mod devices;
mod nodes;
mod records;

pub use certificates::{CertificateRow, NewCertificate};
pub use devices::{DeviceRow, GroupRow, UnknownDeviceRow};
pub use nodes::{NodeRow, ServiceRow};
pub use records::{AuditRow, ChangeRow};

/// The key of a row, from what makes the row one of its kind: the same thing has the same key on every node.
fn pkid(table: &str, natural_key: &str) -> String {
    let name = format!("ringfence:{table}:{natural_key}");
    uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, name.as_bytes()).to_string()
}
