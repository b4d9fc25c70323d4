//! The certificates of a cluster: names in trust stores, requests, uploads; certificates of real CAs, made by OpenSSL.

mod authority;
mod deletion;
mod key_choice;
mod large;
mod monitored;
mod multi_server;
mod names;
mod nobody_added;
pub mod place;
mod renewals;
mod requests;
mod reuse;
mod strangers;
mod unreadable;
mod uploads;
