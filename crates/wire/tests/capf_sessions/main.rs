//! CAPF without sockets: the golden sessions, the order of the messages, time, and everything a phone should not send.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // tests may stop at the first surprise

mod desk;
mod hostile;
mod phone;
mod properties;
mod turns;
mod values;
mod vectors;
