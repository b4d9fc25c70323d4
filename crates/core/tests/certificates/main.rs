//! The certificates of a cluster: names in trust stores, requests, uploads; certificates of real CAs, made by OpenSSL.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // tests may stop at the first surprise

mod authority;
mod deletion;
mod key_choice;
mod large;
mod monitored;
mod multi_server;
mod names;
mod nobody_added;
mod place;
mod renewals;
mod requests;
mod reuse;
mod strangers;
mod unreadable;
mod uploads;
