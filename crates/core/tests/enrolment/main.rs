//! Enrolment without sockets: the questions of CAPF sessions answered from real rows, and what an administrator does to CAPF.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // tests may stop at the first surprise

mod attacks;
mod authentication;
mod authority;
mod broken;
mod encrypted;
mod fetched;
mod install;
mod place;
mod waves;
