//! Fields: a tag of one byte, a length of two, a value [sources/trust-lists#encoding].

use std::fmt;
use std::ops::Range;

use crate::error::{Malformed, Reason, Unwritable};

/// Bytes in front of each value: tag (1) and length (2, big endian).
pub const FIELD_HEAD: usize = 3;

/// One field inside a file. The value is kept as a range of the file, so nothing is copied and nothing is lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The tag byte.
    pub tag: u8,
    /// Offset of the tag byte from the start of the file.
    pub offset: usize,
    /// The length as written. For a container (SIGNERID ...) the bytes of its children.
    pub length: usize,
    /// Where the value stands in the file. Empty for a container, whose children follow as fields of their own.
    pub value: Range<usize>,
}

impl Field {
    /// Offset behind the whole field (of a container: behind its head).
    #[must_use]
    pub fn end(&self) -> usize {
        self.value.end
    }

    /// The value inside the file that the field was read from; empty when `file` is another, shorter file.
    pub(crate) fn bytes<'a>(&self, file: &'a [u8]) -> &'a [u8] {
        file.get(self.value.clone()).unwrap_or_default()
    }
}

/// A tag and its value, where they stand.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Element<'a> {
    /// Where the element starts, counted from the first byte of the file or message.
    pub offset: usize,
    /// The tag byte; unknown ones are kept.
    pub tag: u8,
    /// The value.
    pub value: &'a [u8],
}

impl fmt::Debug for Element<'_> {
    /// Without the value: it may be a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "element {} at {}, {} bytes", self.tag, self.offset, self.value.len())
    }
}

/// Why no field can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// Fewer bytes are left than a tag and a length have.
    Cut {
        /// Where the field starts.
        offset: usize,
        /// The tag byte.
        tag: u8,
        /// Bytes left, with the tag.
        left: usize,
    },
    /// The value is longer than what is left.
    PastEnd {
        /// Where the field starts.
        offset: usize,
        /// The tag byte.
        tag: u8,
        /// The length as written.
        length: usize,
        /// Bytes left behind the length.
        left: usize,
    },
}

/// Reads one field behind the other: the one reader of all files and messages that are made of fields.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    /// `bytes` are the fields, `offset` is where the first one starts in its file or message.
    #[must_use]
    pub const fn new(bytes: &'a [u8], offset: usize) -> Self {
        Self { rest: bytes, offset }
    }

    /// Where the next field starts.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// Bytes that are left.
    #[must_use]
    pub const fn left(&self) -> usize {
        self.rest.len()
    }

    /// The tag of the next field; `None` at the end.
    #[must_use]
    pub fn next_tag(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next field; `None` at the end. After an error it stands where it stood.
    #[inline]
    pub fn element(&mut self) -> Option<Result<Element<'a>, Broken>> {
        (!self.rest.is_empty()).then(|| self.read(&[]).map(|(element, _)| element))
    }

    /// The next field and its length as written. The value of a container is empty: its children come next.
    #[inline]
    fn read(&mut self, containers: &[u8]) -> Result<(Element<'a>, usize), Broken> {
        let offset = self.offset;
        let Some((&[tag, high, low], behind)) = self.rest.split_first_chunk::<FIELD_HEAD>() else {
            return Err(Broken::Cut { offset, tag: self.next_tag().unwrap_or_default(), left: self.rest.len() });
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        // Nothing depends on the length of a container, and real readers walk over it [sources/trust-lists#encoding].
        let taken = if containers.contains(&tag) { 0 } else { length };
        let Some((value, rest)) = behind.split_at_checked(taken) else {
            return Err(Broken::PastEnd { offset, tag, length, left: behind.len() });
        };
        self.rest = rest;
        self.offset += FIELD_HEAD + taken;
        Ok((Element { offset, tag, value }, length))
    }
}

/// A part of a file that is made of fields: how it is called in errors, and what its tags are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part {
    pub(crate) name: &'static str,
    /// Tags whose value is a run of fields: their children are read as fields that follow.
    pub(crate) containers: &'static [u8],
    pub(crate) tag_name: fn(u8) -> &'static str,
}

impl Part {
    /// The next field of `reader`.
    ///
    /// # Errors
    /// [`Malformed`] when head or value run past the end of the part.
    #[inline]
    pub(crate) fn field(&self, reader: &mut Reader<'_>) -> Result<Field, Malformed> {
        let (Element { offset, tag, value }, length) = self.read(reader)?;
        let start = offset + FIELD_HEAD;
        Ok(Field { tag, offset, length, value: start..start + value.len() })
    }

    /// The value of the next field of `reader`.
    ///
    /// # Errors
    /// As [`Self::field`].
    pub(crate) fn value<'a>(&self, reader: &mut Reader<'a>) -> Result<&'a [u8], Malformed> {
        self.read(reader).map(|(element, _)| element.value)
    }

    #[inline]
    fn read<'a>(&self, reader: &mut Reader<'a>) -> Result<(Element<'a>, usize), Malformed> {
        match reader.read(self.containers) {
            Ok(read) => Ok(read),
            Err(broken) => Err(self.malformed(broken, reader.offset + reader.left())),
        }
    }

    #[cold]
    fn malformed(&self, broken: Broken, end: usize) -> Malformed {
        let (offset, tag, length) = match broken {
            Broken::Cut { offset, tag, .. } => (offset, tag, FIELD_HEAD),
            Broken::PastEnd { offset, tag, length, .. } => (offset, tag, length),
        };
        Malformed::new(offset, (self.tag_name)(tag), Reason::RunsPast { length, container: self.name, end })
    }
}

/// Appends a field.
///
/// # Errors
/// [`Unwritable::FieldTooLong`] when the value has more than 65535 bytes.
pub fn write_field(out: &mut Vec<u8>, tag: u8, name: &'static str, value: &[u8]) -> Result<(), Unwritable> {
    write_head(out, tag, name, value.len())?;
    out.extend_from_slice(value);
    Ok(())
}

/// Appends the tag and length of a field or container whose value the caller appends.
///
/// # Errors
/// [`Unwritable::FieldTooLong`] when `length` does not fit 16 bits.
pub fn write_head(out: &mut Vec<u8>, tag: u8, name: &'static str, length: usize) -> Result<(), Unwritable> {
    let short = u16::try_from(length).map_err(|_| Unwritable::FieldTooLong { field: name, length })?;
    out.push(tag);
    out.extend_from_slice(&short.to_be_bytes());
    Ok(())
}

/// A text value: the characters and one NUL that the length counts.
#[must_use]
pub fn text(value: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(value.len() + 1);
    bytes.extend_from_slice(value.as_bytes());
    bytes.push(0);
    bytes
}

/// The characters of a text value without its NUL, and whether the NUL was there.
#[must_use]
pub fn untext(value: &[u8]) -> (&[u8], bool) {
    match value.split_last() {
        Some((0, rest)) => (rest, true),
        _ => (value, false),
    }
}
