//! Whether CAs have revoked certificates: whom to ask, what is remembered of the answers [sources/monitor#revocation].
//!
//! * [`Ask`]: fetches the answers; this crate knows no socket
//!
//! A certificate that is uploaded is checked before it is taken; those that are there by the certificate monitor, whose alarms tell of
//! what it finds.

mod ask;
mod check;

pub use ask::{Ask, Asked, NoNetwork, Question};
