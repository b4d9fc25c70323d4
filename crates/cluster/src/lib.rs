//! What a cluster is, as values, and the rules over them. Pure: no runtime, no database, no file, no clock.
//!
//! * [`rows`]: what stands in the rows of the store
//! * [`units`], [`services`], [`names`], [`origin`]: what there is
//! * [`releases`]: what differs by release; [`parameters`]: what an administrator sets
//! * [`enrolment`], [`monitor`], [`alarms`]
//! * [`actor`]: who may do what; [`refusal`]: why something is not done; [`wording`]: numbers and times in sentences

pub mod actor;
pub mod alarms;
pub mod enrolment;
pub mod monitor;
pub mod names;
pub mod origin;
pub mod parameters;
pub mod refusal;
pub mod releases;
pub mod rows;
pub mod services;
pub mod units;
pub mod wording;

pub use actor::{Actor, Level};
pub use refusal::Refusal;
pub use wording::{counted, moment};
