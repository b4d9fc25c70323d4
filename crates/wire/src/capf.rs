//! The Certificate Authority Proxy Function: a phone gets, renews, shows or loses its certificate, inside TLS on TCP
//! 3804 [sources/capf#transport].
//!
//! * [`ServerSession`]: the server's half of a connection; [`ClientSession`]: the phone's half
//! * [`AuthResponse`], [`PhoneMessage`], [`ServerMessage`]: what the messages mean
//! * [`KeySpec`], [`Reason`], [`AuthType`], [`CertificateType`], [`DeviceName`], [`Password`]: the values in them
//! * [`Header`], [`Element`], [`Elements`], [`Message`]: bytes as they are, to the byte, unknown tags included
//! * [`Tolerance`]: every deviation of a phone that is taken all the same
//! * [`Error`]: everything else; the server ends the session with reason 7
//!
//! The sessions know no socket, no clock, no cipher and no data base. They hold the order of the messages, the lengths
//! and limits, the session id, the time of each stage and the reason of END_SESSION. Everything else is asked.
//!
//! # Writing a server on it
//!
//! One loop, whatever the phone does; its four arms are the whole interface:
//!
//! ```
//! # use std::time::Instant;
//! # use wire::capf::*;
//! # trait Stream {
//! #     fn write(&mut self, bytes: &[u8]) -> bool;
//! #     fn read(&mut self, until: Instant) -> Option<Vec<u8>>;
//! # }
//! # fn let_in(_: &AuthResponse, _: u32) -> Result<Operation, Refusal> { Ok(Operation::None) }
//! # fn issue(_: &[u8], _: KeySpec) -> Result<Vec<u8>, Refusal> { Err(Refusal::Internal) }
//! # fn record(_: Done) -> Result<(), Refusal> { Ok(()) }
//! fn serve(stream: &mut dyn Stream, session_id: u32) -> Ended {
//!     let mut session = ServerSession::new(session_id, Timeouts::default());
//!     loop {
//!         match session.step(Instant::now()) {
//!             // one call, one TLS record
//!             ServerStep::Send(bytes) => {
//!                 if !stream.write(&bytes) {
//!                     session.closed();
//!                 }
//!             }
//!             // `Some(empty)`: nothing in time; `None`: the end of the stream
//!             ServerStep::Receive { until } => match stream.read(until) {
//!                 Some(bytes) => session.receive(&bytes, Instant::now()),
//!                 None => session.closed(),
//!             },
//!             ServerStep::Ask(Question::Authenticate(auth)) => match let_in(&auth, session_id) {
//!                 Ok(operation) => session.operation(operation),
//!                 Err(refusal) => session.refuse(refusal),
//!             },
//!             ServerStep::Ask(Question::Issue { public_key, wanted }) => match issue(&public_key, wanted) {
//!                 Ok(certificate) => session.issued(&certificate),
//!                 Err(refusal) => session.refuse(refusal),
//!             },
//!             ServerStep::Ask(Question::Record(done)) => match record(done) {
//!                 Ok(()) => session.recorded(),
//!                 Err(refusal) => session.refuse(refusal),
//!             },
//!             ServerStep::End(ended) => return ended,
//!         }
//!     }
//! }
//! # struct Gone;
//! # impl Stream for Gone {
//! #     fn write(&mut self, _: &[u8]) -> bool { true }
//! #     fn read(&mut self, _: Instant) -> Option<Vec<u8>> { None }
//! # }
//! # assert_eq!(serve(&mut Gone, 1).cause, Cause::Closed);
//! ```
//!
//! What the caller decides, and when:
//!
//! | question | what is certain | what the caller checks | answers |
//! |---|---|---|---|
//! | [`Question::Authenticate`] | lengths, version, a printable device name | is the device known, busy, shut out after wrong strings; the password with [`Password::matches`]; the certificate and its proofs (`pki::capf`); what is scheduled, and not too late | [`ServerSession::operation`], [`ServerSession::refuse`] |
//! | [`Question::Issue`] | 1 to 2048 bytes came | is it a sound key of the wanted kind (`pki::capf`); puts the intent on record, signs, puts the certificate on record as issued, not as current | [`ServerSession::issued`], [`ServerSession::refuse`] |
//! | [`Question::Record`] | the phone said reason 1 | puts it on record: stored, so the certificate is current; or deleted; or this is the certificate that was fetched | [`ServerSession::recorded`], [`ServerSession::refuse`] |
//!
//! The time of a stage starts when [`ServerStep::Send`] is handed out, and what the caller takes for an answer does not count: a
//! write that blocks, and a look-up or a signature that hangs, have to be bounded by the caller.
//!
//! *EC Preferred, RSA Backup*: one session asks for one key. When a phone cannot make an EC key, the session ends with
//! [`Cause::PhoneFailed`] in [`Stage::KeyGeneration`]; its next try, 30 seconds later, can be asked for RSA.
//!
//! A phone that comes with a wrong password for an unknown device is an unknown device: that check comes first, the way of
//! authentication next, the operation last, also when nothing is scheduled [sources/capf#authentication].
//!
//! [`Ended`] comes exactly once at the end of every connection and says all that is left to do: [`Ended::failure`] is the
//! cause for the status of the device, [`Ended::stage`] tells what the phone may hold. After [`Stage::Store`] with
//! [`Cause::Closed`] or [`Cause::TimedOut`] it may have the new certificate or not; the operation has to stay scheduled and the
//! issued certificate known. [`Cause::PhoneFailed`] leaves the operation scheduled too.
//!
//! END_SESSION says 0 when nothing is pending and after a fetch, also a vain one; 1 after an install and after a delete,
//! also a vain one; 9 for an unknown device; 7 in all other cases, a refused certificate among them. A phone that is late
//! or gone gets none.

mod certificate;
mod client;
mod command;
mod error;
mod fields;
mod message;
mod outcome;
mod phone_message;
mod server;
mod server_message;
mod texts;
mod timeouts;
mod tolerance;
mod values;

pub use crate::elements::Element;
pub use crate::error::Fault;
pub use certificate::{Sha2SignedData, SudiData};
pub use client::{ClientEnded, ClientQuestion, ClientSession, ClientStep};
pub use command::Command;
pub use error::Error;
pub use fields::{MAX_CERTIFICATE, MAX_PROOF, MAX_PUBLIC_KEY};
pub use message::{Capf, Elements, HEADER_LENGTH, Header, MAX_BODY, MAX_BUFFERED, MAX_MESSAGE, Message, tag};
pub use outcome::{Cause, Ended, Failure, Refusal, Stage};
pub use phone_message::{AuthResponse, PhoneMessage};
pub use server::{Done, MAX_IN_PROGRESS, Operation, Question, ServerSession, ServerStep};
pub use server_message::ServerMessage;
pub use texts::{DeviceName, MAX_DEVICE_NAME, MAX_PASSWORD, Password};
pub use timeouts::Timeouts;
pub use tolerance::{Tolerance, Tolerated};
pub use values::{AuthType, CertificateType, Curve, KeySpec, Reason, RsaSize};

/// First byte of every message: 85 [sources/capf#message].
pub const PROTOCOL_ID: u8 = 0x55;

/// The version that is spoken. Phones with a lower one are served, with a higher one not [sources/capf#tolerance].
pub const VERSION: u8 = 3;

/// The port of the service (parameter *CAPF Phone Port*).
pub const PORT: u16 = 3804;
