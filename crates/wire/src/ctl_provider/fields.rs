//! Reading the fields of a body in their order.

use crate::error::{Malformed, Reason, Unwritable};
use crate::tlv::{FIELD_HEAD, Part, Reader, write_field};

use super::MAX_NAME;

/// Fields of a body, taken one by one.
pub(super) struct Fields<'a> {
    reader: Reader<'a>,
}

const PART: Part = Part { name: "message", containers: &[], tag_name: name };

/// Bytes of a piece of a long value; the last one has what is left.
const PIECE: usize = u16::MAX as usize;

/// The names of the tags.
pub(super) mod tag {
    pub const USER: u8 = 1;
    pub const PASSWORD: u8 = 2;
    pub const CHOICE: u8 = 3;
    pub const FORCED: u8 = 4;
    pub const CTL: u8 = 5;
    pub const BASE: u8 = 6;
    pub const RELEASE: u8 = 7;
    pub const MODE: u8 = 8;
    pub const DIGEST: u8 = 9;
    pub const ENTRY: u8 = 10;
    pub const NODE: u8 = 11;
    pub const WARNING: u8 = 12;
    pub const LABEL: u8 = 13;
    pub const TEXT: u8 = 14;
    // inside ENTRY and NODE
    pub const ROLE: u8 = 32;
    pub const HOST: u8 = 33;
    pub const ADDRESS: u8 = 34;
    pub const CERTIFICATE: u8 = 35;
    pub const LOCATION: u8 = 36;
    pub const FAILURE: u8 = 37;
}

pub(super) fn name(tag: u8) -> &'static str {
    match tag {
        tag::USER => "USER",
        tag::PASSWORD => "PASSWORD",
        tag::CHOICE => "CHOICE",
        tag::FORCED => "FORCED",
        tag::CTL => "CTL",
        tag::BASE => "BASE",
        tag::RELEASE => "RELEASE",
        tag::MODE => "MODE",
        tag::DIGEST => "DIGEST",
        tag::ENTRY => "ENTRY",
        tag::NODE => "NODE",
        tag::WARNING => "WARNING",
        tag::LABEL => "LABEL",
        tag::TEXT => "TEXT",
        tag::ROLE => "ROLE",
        tag::HOST => "HOST",
        tag::ADDRESS => "ADDRESS",
        tag::CERTIFICATE => "CERTIFICATE",
        tag::LOCATION => "LOCATION",
        tag::FAILURE => "FAILURE",
        _ => "field",
    }
}

impl<'a> Fields<'a> {
    pub(super) const fn new(body: &'a [u8]) -> Self {
        Self { reader: Reader::new(body, 0) }
    }

    /// The value of the next field when it has this tag.
    pub(super) fn maybe(&mut self, tag: u8) -> Result<Option<&'a [u8]>, Malformed> {
        if self.reader.next_tag() != Some(tag) {
            return Ok(None);
        }
        PART.value(&mut self.reader).map(Some)
    }

    /// The value of the next field, which must have this tag.
    pub(super) fn must(&mut self, tag: u8) -> Result<&'a [u8], Malformed> {
        let (at, next) = (self.reader.offset(), self.reader.next_tag());
        let found = self.maybe(tag)?;
        found.ok_or_else(|| match next {
            Some(found) => Malformed::new(at, name(tag), Reason::WrongTag { expected: tag, found }),
            None => Malformed::new(at, name(tag), Reason::Truncated { need: at + FIELD_HEAD, have: at }),
        })
    }

    /// A value above what one field holds, in pieces; `None` when the next field has another tag.
    pub(super) fn long(&mut self, tag: u8) -> Result<Option<Vec<u8>>, Malformed> {
        let Some(mut piece) = self.maybe(tag)? else { return Ok(None) };
        let mut value = piece.to_vec();
        while piece.len() == PIECE {
            let Some(more) = self.maybe(tag)? else { break };
            if more.is_empty() {
                return Err(self.wrong(tag, Reason::OutOfRange { found: 0, least: 1, most: PIECE }));
            }
            piece = more;
            value.extend_from_slice(piece);
        }
        Ok(Some(value))
    }

    pub(super) fn byte(&mut self, tag: u8) -> Result<u8, Malformed> {
        let [byte] = self.exactly::<1>(tag)?;
        Ok(byte)
    }

    pub(super) fn exactly<const N: usize>(&mut self, tag: u8) -> Result<[u8; N], Malformed> {
        let value = self.must(tag)?;
        let wrong = || self.wrong(tag, Reason::WrongLength { expected: N, found: value.len() });
        value.try_into().map_err(|_| wrong())
    }

    /// A short text without control characters.
    pub(super) fn text(&mut self, tag: u8) -> Result<String, Malformed> {
        let value = self.must(tag)?;
        self.check_text(tag, value, MAX_NAME)
    }

    /// A text of sentences.
    pub(super) fn sentences(&mut self, tag: u8) -> Result<String, Malformed> {
        let value = self.must(tag)?;
        self.check_text(tag, value, usize::from(u16::MAX))
    }

    pub(super) fn check_text(&self, tag: u8, value: &[u8], most: usize) -> Result<String, Malformed> {
        if value.len() > most {
            return Err(self.wrong(tag, Reason::TooLarge { found: value.len(), limit: most }));
        }
        let text = String::from_utf8_lossy(value);
        // They are shown on terminals and stand in logs.
        Ok(text.chars().map(|letter| if letter.is_control() && letter != '\n' { ' ' } else { letter }).collect())
    }

    pub(super) fn wrong(&self, tag: u8, reason: Reason) -> Malformed {
        Malformed::new(self.reader.offset(), name(tag), reason)
    }

    /// Nothing may follow.
    pub(super) fn end(&self) -> Result<(), Malformed> {
        match self.reader.left() {
            0 => Ok(()),
            found => {
                let reason = Reason::OutOfRange { found, least: 0, most: 0 };
                Err(Malformed::new(self.reader.offset(), "bytes behind the last field", reason))
            }
        }
    }
}

pub(super) fn put(out: &mut Vec<u8>, tag: u8, value: &[u8]) -> Result<(), Unwritable> {
    write_field(out, tag, name(tag), value)
}

/// Writes what [`Fields::long`] reads.
pub(super) fn put_long(out: &mut Vec<u8>, tag: u8, value: &[u8]) -> Result<(), Unwritable> {
    if value.is_empty() {
        return put(out, tag, value);
    }
    value.chunks(PIECE).try_for_each(|piece| put(out, tag, piece))
}
