//! Certificates: what may be taken, and how files and rows are read.
//!
//! * [`read`]: what an administrator gives; [`checks`]: whether it may be taken; [`digests`]: which go with a key

pub mod checks;
pub mod digests;
pub mod read;
