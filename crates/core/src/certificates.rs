//! The certificates of a cluster: made, renewed, listed, with their copies in the trust stores
//! [sources/certificates#self-signed-profile], [sources/trust-stores#copies].
//!
//! * `make`: key and certificate of a unit, not stored yet
//! * `rows`: a certificate becomes the own one of a node, or an entry of a trust store
//! * `list`: what is there, under which names; [`descriptions`]: what administrators call it
//! * [`regenerate`]: `set cert regen`; [`key_choice`]: with which key
//! * [`requests`]: `set csr gen`, what waits for a CA
//! * [`default_cas`]: the CAs that the original brings along
//! * [`reuse`]: tomcat's for CallManager too
//! * [`upload`]: `set cert import own`
//! * [`web_security`]: the subjects of a node

pub mod default_cas;
pub mod descriptions;
pub mod key_choice;
pub(crate) mod list;
pub(crate) mod make;
pub mod regenerate;
pub mod requests;
pub mod reuse;
pub(crate) mod rows;
pub mod upload;
pub mod web_security;

pub(crate) use list::{Entry, entries};
pub use make::MadeCertificate;
pub use regenerate::Regenerated;
pub use rows::SELF_SIGNED;
pub(crate) use rows::{bring_trusted, insert_own, note_former, put_trusted, refresh_roles, replace_own};
