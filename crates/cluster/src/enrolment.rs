//! Enrolment: what CAPF does for phones, and what an administrator does to CAPF.
//!
//! * [`kinds`]: operation, way of authentication, order of keys, the 33 statuses
//! * [`guesses`]: how many wrong authentication strings are taken
//! * [`lsc`]: what an LSC looks like

pub mod guesses;
pub mod kinds;
pub mod lsc;

pub use kinds::{AuthenticationMode, KeyOrder, KeyPlan, Operation, Status};
