//! Header and elements, to the byte.

use std::fmt;

use super::command::command_name;
use super::{Error, PROTOCOL_ID};
use crate::elements::{self, Protocol};

/// The protocol, for those who read and write elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capf;

/// Walks over the elements behind a header.
pub type Elements<'a> = elements::Elements<'a, Capf>;

pub(super) type Writer = elements::Writer<Capf>;

/// Bytes of a header.
pub const HEADER_LENGTH: usize = 8;

/// Most bytes behind a header: the length field has two bytes. An AUTH_RESPONSE with two certificates of 4096 bits has
/// about 7000 [sources/capf#message].
pub const MAX_BODY: usize = u16::MAX as usize;

/// Most bytes of a message.
pub const MAX_MESSAGE: usize = HEADER_LENGTH + MAX_BODY;

/// Most bytes that wait in a session: the message being gathered and one that came too early. Both sides wait for each
/// other, so more than that is a peer that does not.
pub const MAX_BUFFERED: usize = 2 * MAX_MESSAGE;

/// The tags of the elements [sources/capf#elements]. 14 and 15 are not known.
pub mod tag {
    /// One byte: see [`Reason`](super::super::Reason).
    pub const REASON: u8 = 1;
    /// Text.
    pub const REASON_INFO: u8 = 2;
    /// One byte: 1 LSC, 2 MIC.
    pub const CERTIFICATE_TYPE: u8 = 3;
    /// Five bytes in front, then a certificate in DER.
    pub const CERTIFICATE: u8 = 4;
    /// Not used.
    pub const CERTIFICATE_ID: u8 = 5;
    /// Proof of the key of CERTIFICATE, with SHA-1.
    pub const SIGNED_DATA: u8 = 6;
    /// One byte: 3.
    pub const VERSION: u8 = 7;
    /// One byte: see [`AuthType`](super::super::AuthType).
    pub const AUTH_TYPE: u8 = 8;
    /// SubjectPublicKeyInfo in DER.
    pub const PUBLIC_KEY: u8 = 9;
    /// Two bytes: bits of an RSA key.
    pub const KEY_SIZE: u8 = 10;
    /// Text with NUL.
    pub const PASSWORD: u8 = 11;
    /// Not used.
    pub const RETRY_DELAY: u8 = 12;
    /// Text with NUL.
    pub const DEVICE_NAME: u8 = 13;
    /// Proof of the key of the MIC, with its certificate.
    pub const SUDI_DATA: u8 = 16;
    /// One byte: 0 RSA, 1 EC.
    pub const KEY_TYPE: u8 = 17;
    /// One byte: 0 secp256r1, 1 secp384r1, 2 secp521r1.
    pub const CURVE: u8 = 18;
    /// Not used.
    pub const DIGEST_TYPE: u8 = 19;
    /// Proof of the key of CERTIFICATE, with SHA-512.
    pub const SHA2_SIGNED_DATA: u8 = 20;

    /// The name of a tag, or `UNKNOWN`.
    #[must_use]
    pub const fn name(tag: u8) -> &'static str {
        match tag {
            REASON => "REASON",
            REASON_INFO => "REASON_INFO",
            CERTIFICATE_TYPE => "CERTIFICATE_TYPE",
            CERTIFICATE => "CERTIFICATE",
            CERTIFICATE_ID => "CERTIFICATE_ID",
            SIGNED_DATA => "SIGNED_DATA",
            VERSION => "VERSION",
            AUTH_TYPE => "AUTH_TYPE",
            PUBLIC_KEY => "PUBLIC_KEY",
            KEY_SIZE => "KEY_SIZE",
            PASSWORD => "PASSWORD",
            RETRY_DELAY => "RETRY_DELAY",
            DEVICE_NAME => "DEVICE_NAME",
            SUDI_DATA => "SUDI_DATA",
            KEY_TYPE => "KEY_TYPE",
            CURVE => "CURVE",
            DIGEST_TYPE => "DIGEST_TYPE",
            SHA2_SIGNED_DATA => "SHA2_SIGNED_DATA",
            _ => "UNKNOWN",
        }
    }

    /// True for a tag with a name.
    #[must_use]
    pub const fn is_known(tag: u8) -> bool {
        matches!(tag, 1..=13 | 16..=20)
    }
}

/// The eight bytes in front of the elements. The protocol id is checked; which command and session id may come depends
/// on the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// See [`Command`](super::command::Command); unknown values are kept.
    pub command: u8,
    /// Chosen by the server, the same in all messages of a connection.
    pub session_id: u32,
    /// Bytes behind the header.
    pub length: u16,
}

impl Header {
    /// Reads a header.
    ///
    /// # Errors
    /// [`Error::ProtocolId`].
    pub const fn decode(bytes: [u8; HEADER_LENGTH]) -> Result<Self, Error> {
        let [protocol_id, command, s0, s1, s2, s3, l0, l1] = bytes;
        if protocol_id != PROTOCOL_ID {
            return Err(Error::ProtocolId { found: protocol_id });
        }
        Ok(Self { command, session_id: u32::from_be_bytes([s0, s1, s2, s3]), length: u16::from_be_bytes([l0, l1]) })
    }

    /// The eight bytes.
    #[must_use]
    pub const fn encode(self) -> [u8; HEADER_LENGTH] {
        let [s0, s1, s2, s3] = self.session_id.to_be_bytes();
        let [l0, l1] = self.length.to_be_bytes();
        [PROTOCOL_ID, self.command, s0, s1, s2, s3, l0, l1]
    }
}

impl Protocol for Capf {
    type Error = Error;
    type Header = Header;

    const HEADER_LENGTH: usize = HEADER_LENGTH;
    const BODY: &'static str = "a message";

    fn header(bytes: &[u8]) -> Result<Option<(Header, u16)>, Error> {
        match bytes.first_chunk() {
            Some(head) => Header::decode(*head).map(|header| Some((header, header.length))),
            None => match bytes.first() {
                Some(found) if *found != PROTOCOL_ID => Err(Error::ProtocolId { found: *found }),
                _ => Ok(None),
            },
        }
    }

    fn wrong_length(declared: usize, present: usize) -> Error {
        Error::Length { declared, present }
    }

    fn too_long(what: &'static str, length: usize) -> Error {
        Error::TooLong { what, length, limit: MAX_BODY }
    }

    fn tag_name(tag: u8) -> &'static str {
        tag::name(tag)
    }
}

/// The start of a message of ours.
pub(super) fn begin(command: u8, session_id: u32, capacity: usize) -> Writer {
    Writer::new(&Header { command, session_id, length: 0 }.encode(), capacity)
}

/// The two bytes of a length field.
pub(super) fn length_field(what: &'static str, length: usize) -> Result<[u8; 2], Error> {
    elements::length_field::<Capf>(what, length)
}

/// A whole message without any meaning: it decodes and encodes to the same bytes, whatever the elements are.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// See [`Command`](super::command::Command); unknown values are kept.
    pub command: u8,
    /// Kept as it is.
    pub session_id: u32,
    /// Tags and values in their order.
    pub elements: Vec<(u8, Vec<u8>)>,
}

impl Message {
    /// Reads exactly one message; bytes behind it are an error.
    ///
    /// # Errors
    /// Those of [`Header::decode`] and [`Elements`], and [`Error::Length`].
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let (Header { command, session_id, .. }, elements) = elements::whole::<Capf>(bytes)?;
        Ok(Self { command, session_id, elements })
    }

    /// The bytes.
    ///
    /// # Errors
    /// [`Error::TooLong`] when an element or all of them do not fit their length field.
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        let mut writer = begin(self.command, self.session_id, 64);
        for (tag, value) in &self.elements {
            writer.element(*tag, &[value])?;
        }
        writer.finish()
    }
}

impl fmt::Debug for Message {
    /// Without the values: one may be a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({}) session {}", command_name(self.command), self.command, self.session_id)?;
        for (tag, value) in &self.elements {
            write!(f, ", {}({tag}) {} bytes", tag::name(*tag), value.len())?;
        }
        Ok(())
    }
}
