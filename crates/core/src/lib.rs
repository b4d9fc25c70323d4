//! The product: what an administrator may do to a cluster, and what its servers give out.
//!
//! One module per noun. What a cluster is, and the rules that need no database, are values in the crate `cluster`; here is what awaits
//! the store: operations by one function, [`Cluster::perform`]; the others by noun ([`cluster`], [`opening`], [`certificates`], [`devices`],
//! [`enrolment`]). Nothing here knows a socket, a
//! prompt or HTML, and the clock and random bytes come in through [`Surroundings`](::cluster::Surroundings).
//!
//! A face (shell, web) acts with an [`Actor`](::cluster::Actor); each operation names the level it needs.

pub mod administrators;
pub mod alarms;
pub mod audit;
pub mod backup;
pub mod behind;
pub mod bulk;
pub mod certificates;
pub mod change_notification;
pub mod cluster;
pub mod command_log;
pub mod ctl_provider;
pub mod devices;
pub mod enrolment;
pub mod error;
pub mod fetched;
pub mod files;
pub mod forgetting;
pub mod given;
pub mod import;
pub mod inventory;
pub mod log_ins;
pub mod monitor;
pub mod opening;
pub mod operations;
mod own_certificates;
mod perform;
pub mod publish;
pub mod published;
pub mod recovery;
pub mod renaming;
pub mod revocation;
pub mod services;
mod standing;
pub mod truth;
pub mod tvs;
pub mod unreadable;
mod unreadable_deletion;
pub mod unused_keys;

pub use self::cluster::Cluster;
pub use error::CoreError;
pub use store::beside::{Beside, Idle};
pub use store::directory::DataDirectory;
pub use store::ownership::{Owner, user_name};
pub use store::serving::Serving;
pub use store::sql::Table;
pub use store::{StoreError, append, aside, caller, named, regular};
pub use wire::printable;

/// What became of a file on a node.
pub use wire::ctl_provider::NodeStatus;

// What a face needs of `pki` to name an answer, and whoever brings the surroundings.
pub use pki::date::{date, utc, wall_clock};
pub use pki::hash::spell;
pub use pki::listing::ListKind;
pub use pki::text::certificate_text;
pub use pki::{OpensslRandom, Random, RandomError};
