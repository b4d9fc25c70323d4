//! What test programs begin with, so that each says only what is its own.
//!
//! * [`Clock`] stands until a test moves it; [`Machine`] is the clock of the machine. Both take RSA keys that were made
//!   beforehand ([`rsa_key`]).
//! * [`new_cluster`] and [`subject`] say what a cluster is made from, [`make`] makes it in a folder of its own, and [`serve`] holds
//!   what a process holds that serves its nodes.
//! * [`phone`] is a device; what is special about one is said with `Device { model: .., ..phone(name) }`.
//!
//! Test programs and benchmarks use it, the product never does: `cargo xtask deps` holds that.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // tests may stop at the first surprise

mod clock;
mod clusters;
mod devices;
mod keys;
mod program;

pub use clock::{Clock, Machine};
pub use clusters::{PUBLISHER, SUBSCRIBER, in_domain, make, make_in, new_cluster, serve, subject};
pub use devices::phone;
pub use keys::rsa_key;
pub use program::openssl;
