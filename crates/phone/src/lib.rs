//! A virtual phone on real sockets, and a fleet of them.
//!
//! * [`settings`]: what a phone is and where its servers are; [`waits`]: how patient it is; [`name`]: its device name
//! * [`phone`]: one phone: [`Phone::erase_lists`], [`Phone::check_server`]
//! * [`boot`]: the order of a boot: [`Phone::boot`], [`Phone::reset`]; [`report`]: what came of it
//! * [`fetch`]: files by HTTP, then TFTP
//! * [`tls`]: TLS as phones speak it; [`tvs`]: questions to TVS over it
//! * [`certificates`]: MIC and LSC with their keys; [`keys`]: where the keys come from; [`factory`]: who makes MICs
//! * [`capf`]: enrolment, and the LSC menu
//! * [`misbehave`]: phones that do it wrong on purpose
//! * [`config`]: the elements of the config that concern security
//! * [`memory`]: what the phone keeps, on disk or not at all
//! * [`console`], [`screen`]: its console log and its *Trust List* screen
//! * [`fleet`]: many phones with bounded concurrency
//!
//! Whether a file is believed is decided in `trust`; the phone shares codecs with the servers, never their logic.
#![warn(missing_docs)]

pub mod boot;
pub mod capf;
pub mod certificates;
pub mod config;
pub mod console;
pub mod factory;
pub mod fetch;
pub mod fleet;
mod judged;
pub mod keys;
pub mod memory;
pub mod misbehave;
pub mod name;
pub mod phone;
pub mod report;
pub mod screen;
pub mod settings;
pub mod tls;
pub mod tvs;
pub mod waits;

pub use certificates::{Credential, DeviceCertificates};
pub use factory::ManufacturingCa;
pub use fleet::{Fleet, FleetReport};
pub use keys::KeySource;
pub use memory::Keep;
pub use misbehave::Misbehaviour;
pub use name::PhoneName;
pub use phone::{Phone, PhoneError};
pub use report::{BootReport, Outcome};
pub use settings::PhoneSettings;
pub use waits::Waits;
