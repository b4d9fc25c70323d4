//! A cluster of two nodes and phones in one process: the scenarios of `ringfence lab`, told as a transcript.
//!
//! * [`Scenario`]: the stories by name; `enrolment`, `moves`, `recovery`, `renewals`, `tokens` tell them by `steps` that they share, `ending` says
//!   how their phones must end
//! * [`World`]: the cluster, its administrator, its phones (`lab_phone`); `desk`: Security Tokens and the CTL client
//! * `published`: names and serial numbers of the published cluster that all of this looks like; `transcript`: what is shown
//!
//! Nodes and phones run on real sockets of the loopback network, on ports that are free. Where the transcript goes is the caller's:
//! [`Screen`].

mod desk;
mod ending;
mod enrolment;
mod failure;
mod keys;
mod lab_phone;
mod moves;
mod published;
mod recovery;
mod renewals;
mod scenario;
mod steps;
mod tokens;
mod transcript;
mod world;

pub use ending::{Differences, TITLES};
pub use failure::Failure;
pub use scenario::Scenario;
pub use transcript::Screen;
pub use world::World;
