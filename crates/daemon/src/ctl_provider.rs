//! The CTL provider on 2444: an administrator logs in, sees what is there, and brings a CTL that his tokens have signed.
//!
//! It is off until the service `Cisco CTL Provider` is activated. Whoever connects is a stranger until he has logged in: bounded in
//! time and bytes, and kept off for a while after wrong passwords. One client at a time is at the desk; another is told.

mod client;
mod connection;
mod desk;
mod limits;
mod server;

pub use client::{ClientError, CtlProviderClient, Fingerprint};
pub use limits::CtlProviderLimits;
pub use server::CtlProviderServer;
