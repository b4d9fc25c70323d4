//! The typed queries, a file per noun.

use crate::StoreError;
use crate::unreadable::key_text;
use cluster::rows::Kept;
use cluster::rows::keys::pkid;

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
