//! Tokens: SoftHSM2 signs, openssl(1) and our reader verify; and everything that goes wrong with tokens.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // tests may stop at the first surprise

mod refusals;
mod signs;
mod softhsm;
mod trouble;
