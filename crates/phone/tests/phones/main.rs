//! The virtual phone against servers that nobody here wrote.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // tests may stop at the first surprise

mod node;

mod boots;
mod capf_sessions;
mod enrolment;
mod first_boot;
