//! Each server on loopback, with clients that nobody here wrote.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // tests may stop at the first surprise

#[path = "../../../pki/tests/revocation/authority.rs"]
mod authority;
mod capf_node;
mod ctl_desk;
mod files_fixture;
mod receiver;
mod tvs_node;

mod capf_service;
mod capf_sessions;
mod ctl_provider;
mod files_http;
mod files_tftp_clients;
mod files_tftp_forged;
mod files_tftp_hostile;
mod monitor_outputs;
mod revocation;
mod sftp_server;
mod tvs_limits;
mod tvs_s_client;
mod tvs_sessions;
