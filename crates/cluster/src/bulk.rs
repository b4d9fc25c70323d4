//! Certificates that clusters exchange.
//!
//! * [`bundle`]: the file; [`units`]: what it is about

pub mod bundle;
pub mod units;
