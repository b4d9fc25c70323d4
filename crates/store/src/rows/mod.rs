//! The typed queries, a file per noun.

use crate::StoreError;
use crate::unreadable::key_text;
use cluster::rows::{Kept, NewLsc};

mod administrators;
mod alarms;
mod audit;
mod bulk_server;
mod certificates;
mod ctl_file;
mod deleted_certificates;
mod descriptions;
mod device_certificates;
mod device_requests;
mod devices;
mod enrolment_batches;
mod enrolments;
mod evidence;
mod failed_log_ins;
mod former_keys;
mod inventory;
mod lscs;
mod monitor;
mod network;
mod nodes;
mod records;
mod recovery;
mod requests;
mod resets;
mod restarts;
mod served_folders;
mod waves;
mod web_security;
mod wrong_strings;

pub use enrolments::AT_ONCE;

/// What a column keeps for another crate, of the row with this key. The statement has to give it as bytes.
fn kept(row: &sqlx::any::AnyRow, table: &'static str, key: &str, column: &str) -> Result<Kept, StoreError> {
    use sqlx::Row;
    Ok(Kept::new(table, &key_text(key.as_bytes()), Ok(row.try_get(column)?)))
}

/// The same of a column that may be empty.
fn maybe_kept(
    row: &sqlx::any::AnyRow,
    table: &'static str,
    key: &str,
    column: &str,
) -> Result<Option<Kept>, StoreError> {
    use sqlx::Row;
    let bytes: Option<Vec<u8>> = row.try_get(column)?;
    Ok(bytes.map(|bytes| Kept::new(table, &key_text(key.as_bytes()), Ok(bytes))))
}

/// The key of a row, from what makes the row one of its kind: the same thing has the same key on every node.
fn pkid(table: &str, natural_key: &str) -> String {
    let name = format!("ringfence:{table}:{natural_key}");
    uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, name.as_bytes()).to_string()
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
