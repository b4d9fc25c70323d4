//! What is wrong with a document, and where.

use std::borrow::Cow;
use std::fmt;

use super::limits::{DEEPEST, LARGEST, LONGEST_NAME, MOST_ATTRIBUTES};

/// A place in a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Bytes before it.
    pub offset: usize,
    /// Line, from 1.
    pub line: usize,
    /// Letter of the line, from 1.
    pub column: usize,
}

impl Place {
    /// The start of a document.
    pub const START: Self = Self { offset: 0, line: 1, column: 1 };

    /// The place behind these many bytes.
    pub(super) fn of(document: &[u8], offset: usize) -> Self {
        let before = document.get(..offset).unwrap_or(document);
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        let last = before.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
        // bytes that go on with a letter of UTF-8 are no letters
        let column = 1 + last.iter().filter(|byte| **byte & 0xc0 != 0x80).count();
        Self { offset, line, column }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {} (offset {})", self.line, self.column, self.offset)
    }
}

/// Why a document is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {reason}")]
pub struct BadXml {
    /// Where.
    pub place: Place,
    /// Why.
    pub reason: Reason,
}

/// The reason inside a [`BadXml`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// Against a rule of XML.
    #[error("not well-formed XML: {0}")]
    NotWellFormed(Cow<'static, str>),
    /// Bytes that are no text in the encoding of the document.
    #[error("is not {0}; save the config as UTF-8")]
    NotText(&'static str),
    /// Another version of XML.
    #[error("the version is not 1.0, and phones read no other")]
    Version,
    /// An encoding that is not read.
    #[error("the encoding `{0}` is not read; save the config as UTF-8 and declare that")]
    Encoding(String),
    /// An entity that is not one of XML's five.
    #[error("`&{0};` is an entity that phones do not know; write its text in its place")]
    Entity(String),
    /// An entity that the DOCTYPE of the file declares.
    #[error(
        "the DOCTYPE declares the entity `{0}`, and phones read no declarations; write its text where `&{0};` stands and take the declarations out"
    )]
    OwnEntity(String),
    /// Other declarations in the DOCTYPE.
    #[error("the DOCTYPE has declarations, and phones read none; take them out")]
    Declarations,
    /// More than [`LARGEST`] bytes.
    #[error("{0} bytes are above the limit of {LARGEST} for a config")]
    TooLarge(usize),
    /// More than [`DEEPEST`] levels.
    #[error("more than {DEEPEST} elements inside each other")]
    TooDeep,
    /// More than [`MOST_ATTRIBUTES`] attributes.
    #[error("more than {MOST_ATTRIBUTES} attributes of one element")]
    TooManyAttributes,
    /// More than [`LONGEST_NAME`] bytes.
    #[error("a name of more than {LONGEST_NAME} bytes")]
    NameTooLong,
}
