//! The CAPF server: TCP 3804 of the publisher, TLS, one operation for each connection.
//!
//! * [`CapfServer`]: what it needs (`tls_server` is the rest)
//! * [`EnrolmentDesk`]: who decides; `core`'s [`Desk`](ringfence_core::enrolment::Desk) behind [`NodeDesk`] is one
//! * [`CapfLimits`], [`CapfCounters`]: what a phone may do, and what phones did
//!
//! `log/capf.log` has the time stamps of the original's logs and one line for each session at its end,
//! `debug NUMBER:DEVICE:WHAT`; no log of the original's CAPF was at hand for its words. A session costs two private-key operations, that
//! of the handshake and the signature of the LSC; both run on the reactor, as in TVS. The commits of sessions that run at the
//! same time are gathered (`ringfence_core::enrolment`).

mod connection;
mod counters;
mod desk;
mod limits;
mod server;

pub use counters::CapfCounters;
pub use desk::{EnrolmentDesk, NodeDesk};
pub use limits::CapfLimits;
pub use server::CapfServer;

use crate::line_log::LineLog;

/// `log/capf.log`.
pub type CapfLog = LineLog;
