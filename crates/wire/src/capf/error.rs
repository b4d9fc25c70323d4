//! Why a message is not taken. Offsets count from the first byte of the message.

use crate::error::Fault;
use crate::tlv::Broken;

/// A message that is not taken. A server answers it with END_SESSION reason 7 and closes; a phone closes
/// [sources/capf#tolerance]. No text holds a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The first byte is not 85: something else speaks here, HTTP for example.
    #[error("offset 0: protocol id {found} instead of 85, so this is not CAPF")]
    ProtocolId {
        /// The byte that stands there.
        found: u8,
    },
    /// A command that may not come now, or never comes from this side.
    #[error("offset 1: command {found} ({}) where {wanted} is due", super::command::command_name(*found))]
    Command {
        /// The byte that stands there.
        found: u8,
        /// What may stand there.
        wanted: &'static str,
    },
    /// The id of another session.
    #[error("offset 2: session id {found}, this session has {wanted}")]
    SessionId {
        /// Session id of the message.
        found: u32,
        /// Session id of the connection.
        wanted: u32,
    },
    /// The length field and the bytes that are there do not agree.
    #[error("offset 6: length {declared}, but {present} bytes follow the header")]
    Length {
        /// Value of the length field, or 8 when the header itself is cut.
        declared: usize,
        /// Bytes that are there.
        present: usize,
    },
    /// One or two bytes are left where an element starts.
    #[error("offset {offset}: {left} bytes are left, an element starts with a tag and two bytes of length")]
    ElementCut {
        /// Where the element starts.
        offset: usize,
        /// Bytes left in the message.
        left: usize,
    },
    /// An element says it is longer than the rest of the message.
    #[error("offset {offset}: element {tag} has length {length}, but {left} bytes are left")]
    ElementPastEnd {
        /// Where the element starts.
        offset: usize,
        /// Its tag.
        tag: u8,
        /// Its length field.
        length: usize,
        /// Bytes left behind the length field.
        left: usize,
    },
    /// An element has a length or a value that it cannot have.
    #[error("offset {offset}: {name} {reason}")]
    Value {
        /// Where the element starts.
        offset: usize,
        /// Name of the element.
        name: &'static str,
        /// What is wrong, with the number.
        reason: String,
    },
    /// A version above 3.
    #[error("offset {offset}: VERSION {found}, only versions up to 3 are understood")]
    Version {
        /// Where the element starts.
        offset: usize,
        /// The value that stands there.
        found: u8,
    },
    /// A message lacks an element.
    #[error("{message} has no {name} (element {tag})")]
    Missing {
        /// Name of the message.
        message: &'static str,
        /// Tag of the element.
        tag: u8,
        /// Name of the element.
        name: &'static str,
    },
    /// A message has the same element twice, so which one counts is anybody's guess.
    #[error("offset {offset}: {name} (element {tag}) stands there a second time")]
    Repeated {
        /// Where the second one starts.
        offset: usize,
        /// Tag of the element.
        tag: u8,
        /// Name of the element.
        name: &'static str,
    },
    /// REQUEST_IN_PROGRESS without end.
    #[error("more than {limit} times REQUEST_IN_PROGRESS, but no key")]
    InProgress {
        /// The limit.
        limit: u16,
    },
    /// More bytes than a peer that waits for its turn can have sent.
    #[error("more than {limit} bytes came out of turn")]
    Overrun {
        /// The limit in bytes.
        limit: usize,
    },
    /// What should be sent is too long for its field.
    #[error("{what} of {length} bytes is above the limit of {limit} bytes")]
    TooLong {
        /// What should be sent.
        what: &'static str,
        /// Its length in bytes.
        length: usize,
        /// Most bytes.
        limit: usize,
    },
}

impl From<Broken> for Error {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Cut { offset, left, .. } => Self::ElementCut { offset, left },
            Broken::PastEnd { offset, tag, length, left } => Self::ElementPastEnd { offset, tag, length, left },
        }
    }
}

impl Error {
    /// Who is at fault.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        match self {
            Self::ProtocolId { .. }
            | Self::Length { .. }
            | Self::ElementCut { .. }
            | Self::ElementPastEnd { .. }
            | Self::Value { .. } => Fault::Bytes,
            Self::Command { .. }
            | Self::SessionId { .. }
            | Self::Version { .. }
            | Self::Missing { .. }
            | Self::Repeated { .. }
            | Self::InProgress { .. }
            | Self::Overrun { .. } => Fault::Peer,
            Self::TooLong { .. } => Fault::Ours,
        }
    }

    /// A short name that stays the same, for logs and counters.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::ProtocolId { .. } => "protocol-id",
            Self::Command { .. } => "command",
            Self::SessionId { .. } => "session-id",
            Self::Length { .. } => "length",
            Self::ElementCut { .. } => "element-cut",
            Self::ElementPastEnd { .. } => "element-past-end",
            Self::Value { .. } => "value",
            Self::Version { .. } => "version",
            Self::Missing { .. } => "missing",
            Self::Repeated { .. } => "repeated",
            Self::InProgress { .. } => "in-progress",
            Self::Overrun { .. } => "overrun",
            Self::TooLong { .. } => "too-long",
        }
    }
}
