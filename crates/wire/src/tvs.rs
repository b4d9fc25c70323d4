//! The Trust Verification Service: a phone asks "do I know this certificate?" (VERIFY) or "whose certificate has
//! these names?" (QUERY), inside TLS on TCP 2445 [sources/tvs#transport].
//!
//! * [`Header`], [`Element`], [`Elements`], [`Message`]: bytes as they are, to the byte, unknown tags included
//! * [`Request`] with its [`Ask`], and [`Answer`]: what the bytes mean
//! * [`ServerSession`]: the server's half of a connection; bytes in, whole requests out
//! * [`ClientSession`]: the phone's half; one question, one answer
//! * [`Tolerance`]: every deviation of a request that is answered all the same
//! * [`Error`]: everything else; the connection is closed
//!
//! The sessions know no socket. TLS is a stream without message boundaries, so both take bytes in pieces of any size.

mod answer;
mod client;
mod error;
mod message;
mod request;
mod server;
mod tolerance;

pub use crate::elements::Element;
pub use crate::error::Fault;
pub use answer::{Answer, Found, InvalidTrust, MAX_ROLES, Trust};
pub use client::ClientSession;
pub use error::Error;
pub use message::{Command, Elements, HEADER_LENGTH, Header, MAX_BODY, MAX_MESSAGE, Message, Tvs, tag};
pub use request::{Ask, DeviceName, Request};
pub use server::{MAX_BUFFERED, Received, ServerSession};
pub use tolerance::{Tolerance, Tolerated};

/// First byte of every message: 87 [sources/tvs#message].
pub const PROTOCOL_ID: u8 = 0x57;

/// The version that phones and CUCM send; answers always carry it [sources/tvs#message].
pub const VERSION: u8 = 1;

/// The port of the service.
pub const PORT: u16 = 2445;

/// The session id of a phone's first request: 1001, then one more each time [sources/tvs#message].
pub const FIRST_SESSION_ID: u32 = 1001;

/// Usual time in seconds that a phone may keep an answer: 24 hours [sources/tvs#roles-and-time].
pub const DEFAULT_TTL_SECONDS: u32 = 86_400;

/// Longest time in seconds that a phone may keep an answer: 30 days [sources/tvs#roles-and-time].
pub const MAX_TTL_SECONDS: u32 = 2_592_000;

#[cfg(test)]
mod tests;
