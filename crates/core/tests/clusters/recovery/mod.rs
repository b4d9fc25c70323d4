//! The ways back from trouble, without sockets: other releases, resets of ITL and CTL, rollback, anchors.

mod anchors;
mod place;
mod reset;
mod rollback;
mod upgrade;
