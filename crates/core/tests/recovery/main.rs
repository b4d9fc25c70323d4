//! The ways back from trouble, without sockets: other releases, resets of ITL and CTL, rollback, anchors.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // tests may stop at the first surprise

mod anchors;
mod place;
mod reset;
mod rollback;
mod upgrade;
