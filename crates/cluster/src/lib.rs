//! What a cluster is, as values, and the rules over them. Pure: no runtime, no database, no file, no clock.
//!
//! * [`rows`]: what stands in the rows of the store
//! * [`units`], [`services`], [`nodes`], [`names`], [`origin`]: what there is
//! * [`releases`]: what differs by release; [`parameters`]: what an administrator sets
//! * [`certificates`], [`trust_lists`], [`enrolment`], [`config`], [`devices`], [`tvs`], [`bulk`], [`monitor`], [`revocation`], [`alarms`]: by noun
//! * [`readable`]: the one reader of what rows keep
//! * [`actor`]: who may do what; [`refusal`]: why something is not done; [`wording`]: numbers and times in
//!   sentences; [`surroundings`]: the clock and the random source, which whoever acts brings along

pub mod actor;
pub mod alarms;
pub mod bulk;
pub mod certificates;
pub mod config;
pub mod devices;
pub mod enrolment;
pub mod monitor;
pub mod names;
pub mod nodes;
pub mod origin;
pub mod parameters;
pub mod readable;
pub mod refusal;
pub mod releases;
pub mod revocation;
pub mod rows;
pub mod services;
pub mod surroundings;
pub mod trust_lists;
pub mod tvs;
pub mod units;
pub mod wording;

pub use actor::{Actor, Level};
pub use refusal::Refusal;
pub use surroundings::Surroundings;
pub use wording::{counted, moment};
