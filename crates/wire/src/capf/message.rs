//! Header and elements, to the byte.

use std::fmt;

use super::{Error, PROTOCOL_ID};

/// Bytes of a header.
pub const HEADER_LENGTH: usize = 8;

/// Most bytes behind a header: the length field has two bytes. An AUTH_RESPONSE with two certificates of 4096 bits has
/// about 7000 [sources/capf#message].
pub const MAX_BODY: usize = u16::MAX as usize;

/// Most bytes of a message.
pub const MAX_MESSAGE: usize = HEADER_LENGTH + MAX_BODY;

/// Bytes in front of an element's value: the tag and two bytes of length.
const ELEMENT_HEAD: usize = 3;

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

/// The commands [sources/capf#commands]. Those of which only the name is known are neither sent nor taken by either
/// half.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Command {
    /// Server: who are you?
    AuthRequest = 1,
    /// Phone: answer to [`Command::AuthRequest`].
    AuthResponse = 2,
    /// Server: make a key pair.
    KeyGenerateRequest = 3,
    /// Phone: answer to [`Command::KeyGenerateRequest`].
    KeyGenerateResponse = 4,
    /// Only the name is known. 5 and 6 stand in this odd order.
    EncryptResponse = 5,
    /// Only the name is known.
    EncryptRequest = 6,
    /// Only the name is known.
    DecryptRequest = 7,
    /// Only the name is known.
    DecryptResponse = 8,
    /// Server: this is your certificate.
    StoreCertificateRequest = 9,
    /// Phone: answer to [`Command::StoreCertificateRequest`].
    StoreCertificateResponse = 10,
    /// Server: show your certificate.
    FetchCertificateRequest = 11,
    /// Phone: answer to [`Command::FetchCertificateRequest`].
    FetchCertificateResponse = 12,
    /// Server: delete your certificate.
    DeleteCertificateRequest = 13,
    /// Phone: answer to [`Command::DeleteCertificateRequest`].
    DeleteCertificateResponse = 14,
    /// Server: this was it.
    EndSession = 15,
    /// Only the name is known.
    RetryLater = 16,
    /// Phone: the key is being made.
    RequestInProgress = 17,
    /// Only the name is known.
    StatusRequest = 18,
    /// Only the name is known.
    StatusResponse = 19,
    /// Only the name is known.
    AbortRequest = 20,
    /// Only the name is known.
    AbortResponse = 21,
    /// Only the name is known.
    SignCertificateRequest = 22,
    /// Only the name is known.
    SignCertificateResponse = 23,
}

impl Command {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 23] = [
        Self::AuthRequest,
        Self::AuthResponse,
        Self::KeyGenerateRequest,
        Self::KeyGenerateResponse,
        Self::EncryptResponse,
        Self::EncryptRequest,
        Self::DecryptRequest,
        Self::DecryptResponse,
        Self::StoreCertificateRequest,
        Self::StoreCertificateResponse,
        Self::FetchCertificateRequest,
        Self::FetchCertificateResponse,
        Self::DeleteCertificateRequest,
        Self::DeleteCertificateResponse,
        Self::EndSession,
        Self::RetryLater,
        Self::RequestInProgress,
        Self::StatusRequest,
        Self::StatusResponse,
        Self::AbortRequest,
        Self::AbortResponse,
        Self::SignCertificateRequest,
        Self::SignCertificateResponse,
    ];

    /// The command of a header byte.
    #[must_use]
    pub fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|command| *command as u8 == byte)
    }

    /// The name as [sources/capf#commands] has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AuthRequest => "AUTH_REQUEST",
            Self::AuthResponse => "AUTH_RESPONSE",
            Self::KeyGenerateRequest => "KEY_GENERATE_REQUEST",
            Self::KeyGenerateResponse => "KEY_GENERATE_RESPONSE",
            Self::EncryptResponse => "ENCRYPT_RESPONSE",
            Self::EncryptRequest => "ENCRYPT_REQUEST",
            Self::DecryptRequest => "DECRYPT_REQUEST",
            Self::DecryptResponse => "DECRYPT_RESPONSE",
            Self::StoreCertificateRequest => "STORE_CERTIFICATE_REQUEST",
            Self::StoreCertificateResponse => "STORE_CERTIFICATE_RESPONSE",
            Self::FetchCertificateRequest => "FETCH_CERTIFICATE_REQUEST",
            Self::FetchCertificateResponse => "FETCH_CERTIFICATE_RESPONSE",
            Self::DeleteCertificateRequest => "DELETE_CERTIFICATE_REQUEST",
            Self::DeleteCertificateResponse => "DELETE_CERTIFICATE_RESPONSE",
            Self::EndSession => "END_SESSION",
            Self::RetryLater => "RETRY_LATER",
            Self::RequestInProgress => "REQUEST_IN_PROGRESS",
            Self::StatusRequest => "STATUS_REQUEST",
            Self::StatusResponse => "STATUS_RESPONSE",
            Self::AbortRequest => "ABORT_REQUEST",
            Self::AbortResponse => "ABORT_RESPONSE",
            Self::SignCertificateRequest => "SIGN_CERTIFICATE_REQUEST",
            Self::SignCertificateResponse => "SIGN_CERTIFICATE_RESPONSE",
        }
    }
}

/// The name of a command byte, or `UNKNOWN`.
pub(super) fn command_name(byte: u8) -> &'static str {
    Command::from_byte(byte).map_or("UNKNOWN", Command::name)
}

/// The eight bytes in front of the elements. The protocol id is checked; which command and session id may come depends
/// on the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// See [`Command`]; unknown values are kept.
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

/// A tag and its value, where they stand in the message.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Element<'a> {
    /// Where the element starts, counted from the first byte of the message.
    pub offset: usize,
    /// See [`tag`]; unknown values are kept.
    pub tag: u8,
    /// The value.
    pub value: &'a [u8],
}

impl fmt::Debug for Element<'_> {
    /// Without the value: it may be a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({}) at {}, {} bytes", tag::name(self.tag), self.tag, self.offset, self.value.len())
    }
}

/// Walks over the elements behind a header. After an error it ends.
#[derive(Clone)]
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

    /// Over the parts of SUDI_DATA, which have the same form; `offset` is where the first part starts.
    pub(super) const fn parts(value: &'a [u8], offset: usize) -> Self {
        Self { rest: value, offset }
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
    pub(super) fn new(command: u8, session_id: u32, capacity: usize) -> Self {
        let header = Header { command, session_id, length: 0 };
        let mut bytes = Vec::with_capacity(HEADER_LENGTH + capacity);
        bytes.extend_from_slice(&header.encode());
        Self { bytes }
    }

    /// Adds an element whose value is the parts one behind the other.
    pub(super) fn element(&mut self, tag: u8, parts: &[&[u8]]) -> Result<(), Error> {
        let length = parts.iter().map(|part| part.len()).sum();
        let field = length_field(tag::name(tag), length)?;
        self.bytes.push(tag);
        self.bytes.extend_from_slice(&field);
        for part in parts {
            self.bytes.extend_from_slice(part);
        }
        Ok(())
    }

    /// Sets the length field.
    pub(super) fn finish(mut self) -> Result<Vec<u8>, Error> {
        let field = length_field("a message", self.bytes.len().saturating_sub(HEADER_LENGTH))?;
        if let Some(place) = self.bytes.get_mut(6..HEADER_LENGTH) {
            place.copy_from_slice(&field);
        }
        Ok(self.bytes)
    }
}

/// The two bytes of a length field.
pub(super) fn length_field(what: &'static str, length: usize) -> Result<[u8; 2], Error> {
    match u16::try_from(length) {
        Ok(length) => Ok(length.to_be_bytes()),
        Err(_) => Err(Error::TooLong { what, length, limit: MAX_BODY }),
    }
}

/// A whole message without any meaning: it decodes and encodes to the same bytes, whatever the elements are.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// See [`Command`]; unknown values are kept.
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
        let Some((head, body)) = bytes.split_first_chunk::<HEADER_LENGTH>() else {
            return Err(Error::Length { declared: HEADER_LENGTH, present: bytes.len() });
        };
        let Header { command, session_id, length } = Header::decode(*head)?;
        if usize::from(length) != body.len() {
            return Err(Error::Length { declared: length.into(), present: body.len() });
        }
        let elements = Elements::new(body)
            .map(|element| element.map(|element| (element.tag, element.value.to_vec())))
            .collect::<Result<_, _>>()?;
        Ok(Self { command, session_id, elements })
    }

    /// The bytes.
    ///
    /// # Errors
    /// [`Error::TooLong`] when an element or all of them do not fit their length field.
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        let mut writer = Writer::new(self.command, self.session_id, 64);
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
