//! Enrolment: a phone gets, renews, shows or loses its LSC [sources/capf#sequence].
//!
//! * [`connection`]: TLS on TCP 3804, and the certificate that the server showed
//! * [`session`]: one conversation over it: [`session::run`]
//! * `enrolment`: when a phone goes to CAPF, and to which server; [`mode`]: how it authenticates; [`outcome`]: what came of it
//! * [`menu`]: what a user does in *Security Configuration > LSC*

pub mod connection;
mod enrolment;
pub mod menu;
pub mod mode;
pub mod outcome;
pub mod session;

pub use connection::CapfConnection;
pub use menu::{LscMenu, MenuError, Shown};
pub use mode::Mode;
pub use outcome::{Cause, Enrolment, Outcome};
pub use session::{Done, LscStore, Party, SessionReport, Shows};
