//! The sockets of a node. Each server takes its data from a trait that `core` fills with an immutable snapshot, so
//! that no server knows a database: [`files::FileSource`] for TFTP and HTTP, [`tvs::TrustSource`] for TVS; CAPF,
//! which changes rows, asks [`capf::EnrolmentDesk`].
//!
//! * [`tftp`], [`http`], [`tvs`], [`capf`], [`ctl_provider`]: the servers; [`tls`]: what phones need of TLS,
//!   `tls_server`: places, accepting, handshake and end of those on TLS, once
//! * [`node`]: all servers of one node, kept up to date with the rows; [`serve`]: a node as a program;
//!   [`following`]: a command returns when the nodes follow
//! * [`monitor`]: what expires: syslog, e-mail, metrics
//! * [`present`]: which certificate a port presents
//! * [`revocation`]: asks CAs whether they have revoked a certificate
//! * `places`: who gets a place of a server, and who is closed for it
//! * [`line_log`]: logs that nobody waits for
//! * [`rights`]: the user that a node runs as; [`settings`]: `ringfence.toml`; [`surroundings`]: the real clock and random source

pub mod capf;
pub mod ctl_provider;
pub mod files;
pub mod following;
pub mod http;
pub mod line_log;
pub mod log_in;
pub mod monitor;
pub mod node;
mod once_a_minute;
mod parts;
mod places;
pub mod present;
pub mod revocation;
pub mod rights;
pub mod serve;
mod services;
pub mod settings;
pub mod surroundings;
mod taken;
pub mod tftp;
pub mod tls;
mod tls_server;
mod troubles;
pub mod tvs;
mod waves;
