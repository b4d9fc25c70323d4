//! The typed queries, a file per noun.

mod audit;
mod bulk_server;
mod certificates;
mod device_certificates;
mod device_requests;
mod devices;
mod enrolment_batches;
mod enrolments;
mod inventory;
mod lscs;
mod nodes;
mod records;
mod recovery;
mod requests;
mod restarts;
mod waves;
mod web_security;

pub use audit::AuditRow;
pub(crate) use audit::{hex, unhex};
pub use bulk_server::BulkServerRow;
pub use certificates::{CertificateRow, FileName, NewCertificate};
pub use device_certificates::{DeviceCertificateRow, ShownKind};
pub use device_requests::DeviceRequestRow;
pub use devices::{DeviceRow, GroupRow, UnknownDeviceRow};
pub use enrolment_batches::{Attachment, Confirmation, Intent};
pub use enrolments::{CompletedRow, EnrolmentRow, NO_OPERATION, ScheduleRow};
pub use inventory::{LscFilter, LscLine};
pub use lscs::{LscRow, LscState, NewLsc};
pub use nodes::{NodeRow, ServiceRow};
pub use records::ChangeRow;
pub use recovery::StandingAlarmRow;
pub use requests::{RequestRow, RequestState};
pub use restarts::RestartRow;
pub use waves::{WaveDeviceRow, WaveRow};
pub use web_security::WebSecurityRow;

/// The key of a row, from what makes the row one of its kind: the same thing has the same key on every node.
fn pkid(table: &str, natural_key: &str) -> String {
    let name = format!("ringfence:{table}:{natural_key}");
    uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, name.as_bytes()).to_string()
}
