//! Properties of the codecs of trust lists and signed files: whatever is written reads back the same, and whatever is
//! read, random or a damaged vector, gives an answer whose numbers add up.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // tests may stop at the first surprise

mod made;
mod mutated;
mod sound;
mod unwritable;
