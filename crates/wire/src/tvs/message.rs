//! Header and elements, to the byte.

use super::{Error, PROTOCOL_ID, VERSION};

/// Bytes of a header.
pub const HEADER_LENGTH: usize = 10;

/// Most bytes behind a header: the length field has two bytes. A certificate of 29 kB is in the vectors, so no smaller
/// limit is set.
pub const MAX_BODY: usize = u16::MAX as usize;

/// Most bytes of a message.
pub const MAX_MESSAGE: usize = HEADER_LENGTH + MAX_BODY;

/// Bytes in front of an element's value: the tag and two bytes of length.
const ELEMENT_HEAD: usize = 3;

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

/// A tag and its value, where they stand in the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Element<'a> {
    /// Where the element starts, counted from the first byte of the message.
    pub offset: usize,
    /// See [`tag`]; unknown values are kept.
    pub tag: u8,
    /// The value.
    pub value: &'a [u8],
}

/// Walks over the elements behind a header. After an error it ends.
#[derive(Debug, Clone)]
pub struct Elements<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Elements<'a> {
    /// `body` is what follows the header.
    #[must_use]
    pub const fn new(body: &'a [u8]) -> Self {
        Self { rest: body, offset: HEADER_LENGTH }
    }

    fn read(&mut self) -> Result<Element<'a>, Error> {
        let (offset, left) = (self.offset, self.rest.len());
        let Some(([tag, l0, l1], behind)) = self.rest.split_first_chunk::<ELEMENT_HEAD>() else {
            return Err(Error::ElementCut { offset, left });
        };
        let length = usize::from(u16::from_be_bytes([*l0, *l1]));
        let Some((value, rest)) = behind.split_at_checked(length) else {
            return Err(Error::ElementPastEnd { offset, tag: *tag, length, left: behind.len() });
        };
        self.rest = rest;
        self.offset += ELEMENT_HEAD + length;
        Ok(Element { offset, tag: *tag, value })
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Result<Element<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let element = self.read();
        if element.is_err() {
            self.rest = &[];
        }
        Some(element)
    }
}

/// Puts a message together: header, then elements in the order of the calls.
pub(super) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub(super) fn new(command: Command, session_id: u32, capacity: usize) -> Self {
        let header = Header { version: VERSION, command: command as u8, reserved: 0, session_id, length: 0 };
        Self::with_header(header, capacity)
    }

    fn with_header(header: Header, capacity: usize) -> Self {
        let mut bytes = Vec::with_capacity(HEADER_LENGTH + capacity);
        bytes.extend_from_slice(&header.encode());
        Self { bytes }
    }

    /// Adds an element whose value is the parts one behind the other.
    pub(super) fn element(&mut self, tag: u8, parts: &[&[u8]]) -> Result<(), Error> {
        let length = parts.iter().map(|part| part.len()).sum();
        let Ok(field) = u16::try_from(length) else {
            return Err(Error::TooLong { what: tag::name(tag), length });
        };
        self.bytes.push(tag);
        self.bytes.extend_from_slice(&field.to_be_bytes());
        for part in parts {
            self.bytes.extend_from_slice(part);
        }
        Ok(())
    }

    /// Sets the length field.
    pub(super) fn finish(mut self) -> Result<Vec<u8>, Error> {
        let length = self.bytes.len().saturating_sub(HEADER_LENGTH);
        let Ok(field) = u16::try_from(length) else {
            return Err(Error::TooLong { what: "a body", length });
        };
        if let Some(place) = self.bytes.get_mut(8..HEADER_LENGTH) {
            place.copy_from_slice(&field.to_be_bytes());
        }
        Ok(self.bytes)
    }
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
        let Some((head, body)) = bytes.split_first_chunk::<HEADER_LENGTH>() else {
            return Err(Error::Length { declared: HEADER_LENGTH, present: bytes.len() });
        };
        let header = Header::decode(*head)?;
        if usize::from(header.length) != body.len() {
            return Err(Error::Length { declared: header.length.into(), present: body.len() });
        }
        let elements = Elements::new(body)
            .map(|element| element.map(|element| (element.tag, element.value.to_vec())))
            .collect::<Result<_, _>>()?;
        let Header { version, command, reserved, session_id, .. } = header;
        Ok(Self { version, command, reserved, session_id, elements })
    }

    /// The bytes.
    ///
    /// # Errors
    /// [`Error::TooLong`] when an element or all of them do not fit their length field.
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        let Self { version, command, reserved, session_id, .. } = *self;
        let mut writer = Writer::with_header(Header { version, command, reserved, session_id, length: 0 }, 64);
        for (tag, value) in &self.elements {
            writer.element(*tag, &[value])?;
        }
        writer.finish()
    }
}
