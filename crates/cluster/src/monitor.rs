//! The certificate monitor.
//!
//! * [`alarms`]: what it says

pub mod alarms;
