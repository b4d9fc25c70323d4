//! Header and elements, to the byte.

use super::{Error, PROTOCOL_ID, VERSION};
use crate::elements::{self, Protocol};

/// The protocol, for those who read and write elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tvs;

/// Walks over the elements behind a header.
pub type Elements<'a> = elements::Elements<'a, Tvs>;

pub(super) type Writer = elements::Writer<Tvs>;

/// Bytes of a header.
pub const HEADER_LENGTH: usize = 10;

/// Most bytes behind a header: the length field has two bytes. A certificate of 29 kB is in the vectors, so no smaller
/// limit is set.
pub const MAX_BODY: usize = u16::MAX as usize;

/// Most bytes of a message.
pub const MAX_MESSAGE: usize = HEADER_LENGTH + MAX_BODY;

/// The tags of the elements [sources/tvs#message]. Tag 6 is not known.
pub mod tag {
    /// One byte 1, then the device name without NUL.
    pub const DEVICE_NAME: u8 = 1;
    /// A certificate in DER.
    pub const CERTIFICATE: u8 = 2;
    /// Subject name in the form of the trust lists, with NUL.
    pub const SUBJECT_NAME: u8 = 3;
    /// Issuer name in the form of the trust lists, with NUL.
    pub const ISSUER_NAME: u8 = 4;
    /// Serial number, bytes as in the trust lists.
    pub const SERIAL_NUMBER: u8 = 5;
    /// One byte: 0 valid, 1 not.
    pub const STATUS: u8 = 7;
    /// One byte for each role.
    pub const ROLES: u8 = 8;
    /// Four bytes: seconds that the answer may be kept.
    pub const TTL: u8 = 9;

    /// The name of a tag, or `UNKNOWN`.
    #[must_use]
    pub const fn name(tag: u8) -> &'static str {
        match tag {
            DEVICE_NAME => "DEVICENAME",
            CERTIFICATE => "CERTIFICATE",
            SUBJECT_NAME => "SUBJECTNAME",
            ISSUER_NAME => "ISSUERNAME",
            SERIAL_NUMBER => "SERIALNUMBER",
            STATUS => "STATUS",
            ROLES => "ROLES",
            TTL => "TTL",
            _ => "UNKNOWN",
        }
    }
}

/// The four commands [sources/tvs#message].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Command {
    /// A phone shows a certificate.
    VerifyRequest = 1,
    /// Answer to [`Command::VerifyRequest`].
    VerifyResponse = 2,
    /// A phone gives names and a serial number.
    QueryRequest = 3,
    /// Answer to [`Command::QueryRequest`].
    QueryResponse = 4,
}

impl Command {
    /// The command of a header byte.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::VerifyRequest),
            2 => Some(Self::VerifyResponse),
            3 => Some(Self::QueryRequest),
            4 => Some(Self::QueryResponse),
            _ => None,
        }
    }

    /// The name in the words of the captures.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::VerifyRequest => "VERIFY_REQUEST",
            Self::VerifyResponse => "VERIFY_RESPONSE",
            Self::QueryRequest => "QUERY_REQUEST",
            Self::QueryResponse => "QUERY_RESPONSE",
        }
    }
}

/// The ten bytes in front of the elements. Protocol id and version are checked, the command is not: which one may come
/// depends on the side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// 0 or 1; see [`VERSION`].
    pub version: u8,
    /// See [`Command`]; unknown values are kept.
    pub command: u8,
    /// 0 in requests, junk in the answers of CUCM.
    pub reserved: u8,
    /// Chosen by the client, repeated by the server.
    pub session_id: u32,
    /// Bytes behind the header.
    pub length: u16,
}

impl Header {
    /// Reads a header.
    ///
    /// # Errors
    /// [`Error::ProtocolId`] and [`Error::Version`] (above 1).
    pub const fn decode(bytes: [u8; HEADER_LENGTH]) -> Result<Self, Error> {
        let [protocol_id, version, command, reserved, s0, s1, s2, s3, l0, l1] = bytes;
        if protocol_id != PROTOCOL_ID {
            return Err(Error::ProtocolId { found: protocol_id });
        }
        if version > VERSION {
            return Err(Error::Version { found: version });
        }
        Ok(Self {
            version,
            command,
            reserved,
            session_id: u32::from_be_bytes([s0, s1, s2, s3]),
            length: u16::from_be_bytes([l0, l1]),
        })
    }

    /// The ten bytes.
    #[must_use]
    pub const fn encode(self) -> [u8; HEADER_LENGTH] {
        let [s0, s1, s2, s3] = self.session_id.to_be_bytes();
        let [l0, l1] = self.length.to_be_bytes();
        [PROTOCOL_ID, self.version, self.command, self.reserved, s0, s1, s2, s3, l0, l1]
    }
}

impl Protocol for Tvs {
    type Error = Error;
    type Header = Header;

    const HEADER_LENGTH: usize = HEADER_LENGTH;
    const BODY: &'static str = "a body";

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
        Error::TooLong { what, length }
    }

    fn tag_name(tag: u8) -> &'static str {
        tag::name(tag)
    }
}

/// The start of a message of ours.
pub(super) fn begin(command: Command, session_id: u32, capacity: usize) -> Writer {
    let header = Header { version: VERSION, command: command as u8, reserved: 0, session_id, length: 0 };
    Writer::new(&header.encode(), capacity)
}

/// A whole message without any meaning: it decodes and encodes to the same bytes, whatever the elements are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// 0 or 1.
    pub version: u8,
    /// See [`Command`]; unknown values are kept.
    pub command: u8,
    /// Kept as it is.
    pub reserved: u8,
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
        let (Header { version, command, reserved, session_id, .. }, elements) = elements::whole::<Tvs>(bytes)?;
        Ok(Self { version, command, reserved, session_id, elements })
    }

    /// The bytes.
    ///
    /// # Errors
    /// [`Error::TooLong`] when an element or all of them do not fit their length field.
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        let Self { version, command, reserved, session_id, .. } = *self;
        let header = Header { version, command, reserved, session_id, length: 0 };
        let mut writer = Writer::new(&header.encode(), 64);
        for (tag, value) in &self.elements {
            writer.element(*tag, &[value])?;
        }
        writer.finish()
    }
}
