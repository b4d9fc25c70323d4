//! Why a message is not taken. Offsets count from the first byte of the message.

use crate::error::Fault;
use crate::tlv::Broken;

/// A message that is not taken. The connection it came on cannot go on: where the next message would start is unknown
/// or the peer does not keep to the protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The first byte is not 87: something else speaks here, HTTP for example.
    #[error("offset 0: protocol id {found} instead of 87, so this is not TVS")]
    ProtocolId {
        /// The byte that stands there.
        found: u8,
    },
    /// A version above 1.
    #[error("offset 1: version {found}, only 0 and 1 are understood")]
    Version {
        /// The byte that stands there.
        found: u8,
    },
    /// A command that this side does not take, such as an answer sent to a server.
    #[error("offset 2: command {found} where {wanted} is due")]
    Command {
        /// The byte that stands there.
        found: u8,
        /// What may stand there.
        wanted: &'static str,
    },
    /// A message without elements asks and says nothing.
    #[error("offset 8: length 0, a message needs at least one element")]
    EmptyBody,
    /// The length field and the bytes that are there do not agree.
    #[error("offset 8: length {declared}, but {present} bytes follow the header")]
    Length {
        /// Value of the length field, or 10 when the header itself is cut.
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
    /// An element of an answer has a length or a value that it cannot have.
    #[error("offset {offset}: {name} {reason}")]
    Value {
        /// Where the element starts.
        offset: usize,
        /// Name of the element.
        name: &'static str,
        /// What is wrong, with the number.
        reason: String,
    },
    /// An answer lacks an element.
    #[error("the answer has no {name} (element {tag})")]
    Missing {
        /// Tag of the element.
        tag: u8,
        /// Name of the element.
        name: &'static str,
    },
    /// An answer has the same element twice, so which one counts is anybody's guess.
    #[error("offset {offset}: {name} (element {tag}) stands there a second time")]
    Repeated {
        /// Where the second one starts.
        offset: usize,
        /// Tag of the element.
        tag: u8,
        /// Name of the element.
        name: &'static str,
    },
    /// An answer to another question.
    #[error("offset 4: session id {found}, the question had {asked}")]
    SessionId {
        /// Session id of the answer.
        found: u32,
        /// Session id of the question.
        asked: u32,
    },
    /// Bytes that nobody asked for.
    #[error("{count} bytes came although no question is open")]
    Unasked {
        /// How many.
        count: usize,
    },
    /// More bytes than a peer that waits for its answers can have sent.
    #[error("more than {limit} bytes wait to be answered; ask, then wait for the answer")]
    Overrun {
        /// The limit in bytes.
        limit: usize,
    },
    /// A second question before the answer to the first.
    #[error("a question is still open; requests and answers go strictly in turn")]
    StillOpen,
    /// What should be sent does not fit the two bytes of a length field.
    #[error("{what} of {length} bytes does not fit a TVS message (65535 bytes)")]
    TooLong {
        /// What should be sent.
        what: &'static str,
        /// Its length in bytes.
        length: usize,
    },
    /// The look-up gave a kind of answer that the request did not ask for.
    #[error("the answer to {asked} cannot be {given}")]
    Mismatch {
        /// The request.
        asked: &'static str,
        /// The answer.
        given: &'static str,
    },
    /// The session ended with an error before.
    #[error("the session has ended with an error before; open a new connection")]
    Ended,
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
            | Self::Version { .. }
            | Self::EmptyBody
            | Self::Length { .. }
            | Self::ElementCut { .. }
            | Self::ElementPastEnd { .. } => Fault::Bytes,
            Self::Command { .. }
            | Self::Value { .. }
            | Self::Missing { .. }
            | Self::Repeated { .. }
            | Self::SessionId { .. }
            | Self::Unasked { .. }
            | Self::Overrun { .. } => Fault::Peer,
            Self::StillOpen | Self::TooLong { .. } | Self::Mismatch { .. } | Self::Ended => Fault::Ours,
        }
    }

    /// A short name that stays the same, for logs and counters.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::ProtocolId { .. } => "protocol-id",
            Self::Version { .. } => "version",
            Self::Command { .. } => "command",
            Self::EmptyBody => "empty-body",
            Self::Length { .. } => "length",
            Self::ElementCut { .. } => "element-cut",
            Self::ElementPastEnd { .. } => "element-past-end",
            Self::Value { .. } => "value",
            Self::Missing { .. } => "missing",
            Self::Repeated { .. } => "repeated",
            Self::SessionId { .. } => "session-id",
            Self::Unasked { .. } => "unasked",
            Self::Overrun { .. } => "overrun",
            Self::StillOpen => "still-open",
            Self::TooLong { .. } => "too-long",
            Self::Mismatch { .. } => "mismatch",
            Self::Ended => "ended",
        }
    }
}
