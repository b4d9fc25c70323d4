//! Bytes to types and back, and conversations without sockets.
//!
//! * [`tlv`], [`header`], [`trust_list`], [`signed_file`]: CTL, ITL, `.sgn` and `.enc.sgn` files
//! * [`elements`], [`tolerance`]: what TVS and CAPF have in common: one reader and writer of their messages, one set of deviations
//! * [`tvs`]: messages and sessions of the Trust Verification Service
//! * [`capf`]: messages and sessions of the Certificate Authority Proxy Function
//! * [`ctl_provider`]: messages between the CTL client and the CTL provider
//! * [`tftp`], [`file_name`]: TFTP packets and transfers; names that phones ask for
//! * [`printable`]: which characters of a stranger's name may reach a screen or a log
//! * [`xml`]: phone configs, whether they are well-formed
//!
//! Decoded is not verified: signatures are checked in `pki`, belief is decided in `trust`. Nothing here knows a
//! clock, a socket or a random source.
#![warn(missing_docs)]

pub mod capf;
pub mod ctl_provider;
pub mod digest;
pub mod elements;
pub mod error;
pub mod file_name;
pub mod header;
mod inbox;
pub mod printable;
pub mod role;
pub mod signed_file;
pub mod tftp;
pub mod tlv;
pub mod tolerance;
pub mod trust_list;
pub mod tvs;
pub mod xml;

pub use error::Malformed;
