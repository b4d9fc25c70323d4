//! The offline tools, run as a user runs them: the real binary, real files, exit codes and words.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // tests may stop at the first surprise

mod build;
mod compare;
mod crypt;
mod program;
mod show;
mod sign;
mod targets;
mod usage;
mod vectors;
mod verify;
