//! The certificates of a cluster: taken, made, renewed, listed, with their copies in the trust stores
//! [sources/certificates#self-signed-profile], [sources/trust-stores#copies].
//!
//! * [`read`]: what an administrator gives; [`checks`]: whether it may be taken; [`digests`], [`key_choice`]: with which key and digest
//! * [`stores`]: a certificate becomes the own one of a node, or an entry of a trust store
//! * [`list`]: what is there, under which names; [`descriptions`]: what administrators call it; [`log`]: what logs say of it
//! * [`regenerate`]: `set cert regen`; [`requests`]: `set csr gen`; [`upload`]: `set cert import own`; [`reuse`]: tomcat's for CallManager
//!   too; [`trusted`]: trust stores by hand; [`default_cas`]: those that the original brings along; [`web_security`]: the subjects of a node

pub mod checks;
pub mod default_cas;
pub mod descriptions;
pub mod digests;
pub mod key_choice;
pub mod list;
pub mod log;
pub mod read;
pub mod regenerate;
pub mod request_choice;
pub mod requests;
pub mod reuse;
pub mod stores;
pub mod trusted;
pub mod upload;
pub mod web_security;
