//! The certificate monitor.
//!
//! * [`watched`]: what is watched; [`alarms`]: what is said of it; [`decide`]: what to say now

pub mod alarms;
pub mod decide;
pub mod watched;
