//! Trust lists, signed files and encrypted configs held against the golden vectors: read, rebuilt byte for byte, and
//! verified by openssl(1).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // tests may stop at the first surprise

mod certificates;
mod cucm_layout;
mod encrypted;
mod keys;
mod openssl_cli;
mod peer_layout;
mod read;
mod vectors;
