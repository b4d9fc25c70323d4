//! What a cluster is, as values. Pure: no runtime, no database, no file, no clock.
//!
//! * [`rows`]: what stands in the rows of the store

pub mod rows;
