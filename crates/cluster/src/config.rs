//! Configs of devices: made, and merged into what somebody wrote by hand.
//!
//! * [`parts`]: what they are made from; [`enrolment`]: what they say about CAPF; [`elements`]: the elements that the cluster fills
//! * [`whole`]: a config of ours; [`merge`]: one by hand; [`stub`]: what stands before an encrypted one

pub mod elements;
pub mod enrolment;
pub mod merge;
pub mod parts;
pub mod stub;
pub mod whole;

pub use enrolment::EnrolmentPart;
pub use parts::{ClusterPart, DevicePart, DeviceSecurityMode, Endpoint, Protocol};
pub use whole::{default_config, device_config, enrolled_config};
