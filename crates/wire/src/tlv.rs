//! Fields: a tag of one byte, a length of two, a value [sources/trust-lists#encoding].

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
    #[must_use]
    pub fn bytes<'a>(&self, file: &'a [u8]) -> &'a [u8] {
        file.get(self.value.clone()).unwrap_or_default()
    }
}

/// Reads one field at `offset`, which must end at or before `end`.
///
/// `containers` lists the tags whose value is a run of fields: their children are read as fields that follow.
/// `name` gives the name for an error from the tag.
///
/// # Errors
/// [`Malformed`] when head or value run past `end`.
pub fn read_field(
    file: &[u8],
    offset: usize,
    end: usize,
    part: &'static str,
    containers: &[u8],
    name: fn(u8) -> &'static str,
) -> Result<Field, Malformed> {
    let head = file.get(offset..end).and_then(|rest| rest.first_chunk::<FIELD_HEAD>());
    let Some(&[tag, high, low]) = head else {
        let field = file.get(offset).map_or(part, |tag| name(*tag));
        return Err(Malformed::new(offset, field, Reason::RunsPast { length: FIELD_HEAD, container: part, end }));
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    let start = offset + FIELD_HEAD;
    let taken = if containers.contains(&tag) { 0 } else { length };
    // Nothing depends on the length of a container, and real readers walk over it [sources/trust-lists#encoding].
    if start + taken > end {
        return Err(Malformed::new(offset, name(tag), Reason::RunsPast { length, container: part, end }));
    }
    Ok(Field { tag, offset, length, value: start..start + taken })
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
