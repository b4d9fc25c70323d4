//! Messages that are a header with a length, then elements: TVS and CAPF. A [`Protocol`] says what its header is and how its things are
//! called; what is read and written below is the same.

use std::fmt;
use std::marker::PhantomData;

use crate::inbox::Inbox;
use crate::tlv::{Broken, Reader};

pub use crate::tlv::Element;

/// A protocol of such messages.
pub trait Protocol: Copy + fmt::Debug {
    /// Why a message is not taken.
    type Error: From<Broken>;

    /// What stands in front of the elements.
    type Header: Copy;

    /// Bytes of a header; the last two are the length of what follows.
    const HEADER_LENGTH: usize;

    /// What stands behind a header, for an error.
    const BODY: &'static str;

    /// The header at the start of `bytes` and its length field; `None` while bytes are missing.
    ///
    /// # Errors
    /// A header that this protocol does not have, as soon as its first byte is there.
    fn header(bytes: &[u8]) -> Result<Option<(Self::Header, u16)>, Self::Error>;

    /// Length field and bytes behind the header do not agree, or there is not even a header.
    fn wrong_length(declared: usize, present: usize) -> Self::Error;

    /// What should be written does not fit a length field.
    fn too_long(what: &'static str, length: usize) -> Self::Error;

    /// The name of an element.
    fn tag_name(tag: u8) -> &'static str;
}

/// Walks over the elements behind a header. After an error it ends.
#[derive(Clone)]
pub struct Elements<'a, P> {
    reader: Reader<'a>,
    protocol: PhantomData<P>,
}

impl<'a, P: Protocol> Elements<'a, P> {
    /// `body` is what follows the header.
    #[must_use]
    pub const fn new(body: &'a [u8]) -> Self {
        Self::at(body, P::HEADER_LENGTH)
    }

    /// Over the parts of an element, which have the same form; `offset` is where the first part starts.
    pub(crate) const fn at(value: &'a [u8], offset: usize) -> Self {
        Self { reader: Reader::new(value, offset), protocol: PhantomData }
    }
}

impl<'a, P: Protocol> Iterator for Elements<'a, P> {
    type Item = Result<Element<'a>, P::Error>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let element = self.reader.element()?;
        if element.is_err() {
            self.reader = Reader::new(&[], self.reader.offset());
        }
        Some(element.map_err(P::Error::from))
    }
}

/// Tags and values of a whole message, and its header; bytes behind it are an error.
pub(crate) type Whole<P> = (<P as Protocol>::Header, Vec<(u8, Vec<u8>)>);

pub(crate) fn whole<P: Protocol>(bytes: &[u8]) -> Result<Whole<P>, P::Error> {
    let cut = || P::wrong_length(P::HEADER_LENGTH, bytes.len());
    let (Some(_), Some(body)) = (bytes.get(..P::HEADER_LENGTH), bytes.get(P::HEADER_LENGTH..)) else {
        return Err(cut());
    };
    let (header, length) = P::header(bytes)?.ok_or_else(cut)?;
    if usize::from(length) != body.len() {
        return Err(P::wrong_length(length.into(), body.len()));
    }
    let mut elements = Vec::with_capacity(4);
    for element in Elements::<P>::new(body) {
        let Element { tag, value, .. } = element?;
        elements.push((tag, value.to_vec()));
    }
    Ok((header, elements))
}

/// Puts a message together: header, then elements in the order of the calls.
pub(crate) struct Writer<P> {
    bytes: Vec<u8>,
    protocol: PhantomData<P>,
}

impl<P: Protocol> Writer<P> {
    /// `header` has any length field; `capacity` is room for the elements.
    pub(crate) fn new(header: &[u8], capacity: usize) -> Self {
        let mut bytes = Vec::with_capacity(header.len() + capacity);
        bytes.extend_from_slice(header);
        Self { bytes, protocol: PhantomData }
    }

    /// Adds an element whose value is the parts one behind the other.
    pub(crate) fn element(&mut self, tag: u8, parts: &[&[u8]]) -> Result<(), P::Error> {
        let length = parts.iter().map(|part| part.len()).sum();
        let [high, low] = length_field::<P>(P::tag_name(tag), length)?;
        self.bytes.extend_from_slice(&[tag, high, low]);
        for part in parts {
            self.bytes.extend_from_slice(part);
        }
        Ok(())
    }

    /// Sets the length field.
    pub(crate) fn finish(mut self) -> Result<Vec<u8>, P::Error> {
        let field = length_field::<P>(P::BODY, self.bytes.len().saturating_sub(P::HEADER_LENGTH))?;
        if let Some(place) = self.bytes.get_mut(P::HEADER_LENGTH - field.len()..P::HEADER_LENGTH) {
            place.copy_from_slice(&field);
        }
        Ok(self.bytes)
    }
}

/// The two bytes of a length field.
pub(crate) fn length_field<P: Protocol>(what: &'static str, length: usize) -> Result<[u8; 2], P::Error> {
    u16::try_from(length).map(u16::to_be_bytes).map_err(|_| P::too_long(what, length))
}

/// Gathers messages.
#[derive(Debug)]
pub(crate) struct Gathered<P> {
    inbox: Inbox,
    protocol: PhantomData<P>,
}

impl<P: Protocol> Gathered<P> {
    pub(crate) const fn new() -> Self {
        Self { inbox: Inbox::new(), protocol: PhantomData }
    }

    /// Bytes that wait.
    pub(crate) const fn len(&self) -> usize {
        self.inbox.len()
    }

    /// Takes bytes; `false` and nothing is taken when more than `limit` would wait.
    pub(crate) fn push(&mut self, more: &[u8], limit: usize) -> bool {
        let fits = self.inbox.len().saturating_add(more.len()) <= limit;
        if fits {
            self.inbox.push(more);
        }
        fits
    }

    /// The next message, or `None` while bytes are missing. `check` looks at the header before the body has come.
    pub(crate) fn take<T>(
        &mut self,
        check: impl FnOnce(P::Header) -> Result<(), P::Error>,
        decode: impl FnOnce(P::Header, &[u8]) -> Result<T, P::Error>,
    ) -> Result<Option<T>, P::Error> {
        let bytes = self.inbox.bytes();
        let Some((header, length)) = P::header(bytes)? else {
            return Ok(None);
        };
        check(header)?;
        let end = P::HEADER_LENGTH + usize::from(length);
        let Some(body) = bytes.get(P::HEADER_LENGTH..end) else {
            return Ok(None);
        };
        let taken = decode(header, body)?;
        self.inbox.taken(end);
        Ok(Some(taken))
    }

    pub(crate) fn clear(&mut self) {
        self.inbox.clear();
    }
}
