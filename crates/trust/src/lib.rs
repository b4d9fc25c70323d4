//! What a phone believes, and what it does with a file that is offered to it.
//!
//! * [`models`]: what each model can do
//! * [`belief`]: what one phone holds: CTL, ITL, TVS servers
//! * [`offer`]: what is offered: a trust list, a config, the certificate of a TLS server
//! * [`judge()`]: a belief and an offer give a [`Decision`]: accepted, refused, or a question to TVS whose answer goes
//!   into [`judge_with_answer`]
//! * [`verdict`]: the outcome with its reason, and what it changes in the belief
//! * [`tvs_cache`]: answers of TVS for as long as they may be kept
//! * [`display`]: the words on the display, and the status code of the alarm
//!
//! The virtual phone lives by this crate and the product predicts with it. Nothing here knows a clock, a socket or a
//! file system. Dates of certificates are not looked at: phones take an expired signer as long as it is in their list.
#![warn(missing_docs)]

pub mod belief;
pub mod display;
pub mod models;
pub mod offer;
pub mod tvs_cache;
pub mod verdict;

mod judge;
mod lists;

pub use belief::{Belief, TvsServer};
pub use display::DeviceMessage;
pub use judge::{judge, judge_with_answer};
pub use lists::is_about;
pub use models::Model;
pub use offer::{ListKind, Offer, Silence, Tried, TvsReply};
pub use tvs_cache::TvsCache;
pub use verdict::{Accepted, Change, Decision, Ground, NoTvs, Party, Question, Refusal, Verdict};

#[cfg(test)]
mod tests;
