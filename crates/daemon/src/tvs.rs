//! The TVS server: TCP 2445, TLS, one task for each connection.
//!
//! * [`TvsServer`]: what it needs (`tls_server` is the rest)
//! * [`TrustSource`]: who knows the certificates; `core`'s snapshot behind an `ArcSwap` is one
//! * [`TvsLog`]: `log/tvs.log` in the form of the original, written aside
//! * [`TvsLimits`], [`TvsCounters`]: what a phone may do, and what phones did
//!
//! A connection costs one private-key operation of the handshake; everything else is a look-up in memory. That
//! operation runs on the reactor (0.25 ms with RSA-2048): handing it to another thread costs more than it saves.

mod connection;
mod counters;
mod limits;
mod rotate;
mod server;
mod source;

pub use counters::TvsCounters;
pub use limits::TvsLimits;
pub use rotate::RotatingFile;
pub use server::TvsServer;
pub use source::TrustSource;

use crate::line_log::LineLog;

/// `log/tvs.log`.
pub type TvsLog = LineLog;
