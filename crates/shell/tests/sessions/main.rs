//! Sessions of the `admin:` shell, without a node that runs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // tests may stop at the first surprise

mod node;
mod phones;

mod bulk;
mod capf_authority;
mod capf_devices;
mod default_cas;
mod monitor;
mod network;
mod recovery;
mod refused_before;
mod transcripts;
