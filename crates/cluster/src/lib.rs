//! What a cluster is, as values, and the rules over them. Pure: no runtime, no database, no file, no clock.
//!
//! * [`rows`]: what stands in the rows of the store
//! * [`units`], [`services`], [`nodes`], [`names`], [`origin`]: what there is
//! * [`releases`]: what differs by release; [`parameters`]: what an administrator sets
//! * [`certificates`], [`trust_lists`], [`enrolment`], [`config`], [`devices`], [`tvs`], [`bulk`], [`monitor`], [`revocation`], [`alarms`]: by noun
//! * [`readable`]: the one reader of what rows keep
//! * [`state`]: what a cluster is when somebody wants to change it; [`operation`]: what they want, who may, and how it is decided;
//!   [`draft`]: the state and the [writes](mod@write) of a change that is being decided
//! * [`guard`], [`anchors`]: what must hold before a certificate is renewed; [`held`]: what phones hold
//! * [`actor`]: who may do what; [`refusal`]: why something is not done; [`wording`]: numbers and times in
//!   sentences; [`surroundings`]: the clock and the random source, which whoever acts brings along

pub mod actor;
pub mod alarms;
pub mod anchors;
pub mod bulk;
pub mod certificates;
pub mod config;
pub mod devices;
pub mod draft;
pub mod enrolment;
pub mod guard;
pub mod held;
pub mod monitor;
pub mod names;
pub mod network;
pub mod nodes;
pub mod operation;
pub mod origin;
pub mod parameters;
pub mod readable;
pub mod refusal;
pub mod releases;
pub mod restarts;
pub mod revocation;
pub mod rollback;
pub mod rows;
pub mod service_control;
pub mod services;
pub mod settings;
pub mod state;
pub mod surroundings;
pub mod trust_lists;
pub mod tvs;
pub mod units;
pub mod wording;
pub mod write;

pub use actor::{Actor, Level};
pub use operation::Operation;
pub use refusal::Refusal;
pub use state::State;
pub use surroundings::Surroundings;
pub use wording::{counted, moment};
