//! A cluster without sockets: what a change ends in.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // tests may stop at the first surprise

mod audit;
mod certificates;
mod configs;
mod ctl_provider;
mod enrolment;
mod foreseen;
mod forgetting;
mod log_ins;
mod recovery;
mod restarts;
mod two_nodes;
mod xml_judge;
