//! Enrolment: a phone gets, renews, shows or loses its LSC [sources/capf#sequence].
//!
//! * [`connection`]: TLS on TCP 3804, and the certificate that the server showed
//! * [`session`]: one conversation over it: [`session::run`]
//! * [`enrolment`]: when a phone goes to CAPF, to which server, and what came of it
//! * [`menu`]: what a user does in *Security Configuration > LSC*

pub mod connection;
pub mod enrolment;
pub mod menu;
pub mod session;

pub use connection::CapfConnection;
pub use enrolment::{Cause, Enrolment, Mode, Outcome};
pub use menu::{LscMenu, MenuError, Shown};
pub use session::{Done, LscStore, Party, SessionReport, Shows};
