//! The XML of phone configs: the one reader that decides what is well-formed, for whoever merges, encrypts or lives by a config.
//!
//! [`Reader`] gives the events of a document in order, each with its place in the file, so that others can cut and add without
//! changing a byte of the rest. It takes nothing that a conforming reader refuses (XML 1.0; names by its fourth edition, which
//! readers in use still follow), and of what they take it leaves out what no phone config needs:
//!
//! * declarations in a DOCTYPE. So no entity of a file's own is ever expanded, and none is passed over: it is refused by its name;
//! * other encodings than UTF-8, US-ASCII and ISO-8859-1;
//! * more than [`LARGEST`] bytes, [`DEEPEST`] elements inside each other, [`MOST_ATTRIBUTES`] attributes of one element, [`LONGEST_NAME`] bytes of a name.

mod error;
mod limits;
mod names;
mod prolog;
mod scan;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::ops::Range;

pub use error::{BadXml, Place, Reason};
pub use limits::{DEEPEST, LARGEST, LONGEST_NAME, MOST_ATTRIBUTES};
pub use prolog::Encoding;
use scan::Scan;

/// UTF-8's byte order mark, which some editors put in front.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// An attribute of a start tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// Its name, as bytes of the document.
    pub name: &'a [u8],
    /// Its value as it stands between the quotes: references are not resolved.
    pub raw: &'a [u8],
}

/// A piece of a document. Comments and processing instructions are checked and passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<'a> {
    /// A start tag, or the tag of an empty element; then an [`Event::End`] follows, which stands at the same place.
    Start {
        /// Name of the element.
        name: &'a [u8],
        /// Its attributes, in their order; no name twice.
        attributes: Vec<Attribute<'a>>,
        /// Whether it was written `<x/>`.
        empty: bool,
    },
    /// An end tag; its name is that of the start tag.
    End,
    /// Character data inside the root element, between two references or tags.
    Text(&'a [u8]),
    /// What stands in a CDATA section.
    CData(&'a [u8]),
    /// A reference to a character or to one of the five entities of XML.
    Reference(char),
}

/// Reads a document from its start to its end.
#[derive(Debug)]
pub struct Reader<'a> {
    scan: Scan<'a>,
    encoding: Encoding,
    open: Vec<&'a [u8]>,
    state: State,
    start: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    BeforeRoot,
    /// The next event is the end of an element that was written `<x/>`.
    Empty,
    Inside,
    AfterRoot,
}

impl<'a> Reader<'a> {
    /// Begins a document: its size, its encoding and its declaration are checked.
    ///
    /// # Errors
    /// [`BadXml`].
    pub fn new(document: &'a [u8]) -> Result<Self, BadXml> {
        if document.len() > LARGEST {
            return Err(BadXml { place: Place::START, reason: Reason::TooLarge(document.len()) });
        }
        let mut scan = Scan::new(document);
        let mark = scan.take(BYTE_ORDER_MARK);
        let encoding = prolog::begin(&mut scan, mark)?;
        Ok(Self { scan, encoding, open: Vec::new(), state: State::BeforeRoot, start: 0 })
    }

    /// The next event; `None` at the end of a document that is well-formed.
    ///
    /// # Errors
    /// [`BadXml`]: at the first byte that does not fit.
    pub fn next_event(&mut self) -> Result<Option<Event<'a>>, BadXml> {
        loop {
            self.start = self.scan.at();
            let event = match self.state {
                State::BeforeRoot | State::AfterRoot => self.outside()?,
                State::Empty => Some(self.close()),
                State::Inside => Some(self.inside()?),
            };
            match event {
                Some(Some(event)) => return Ok(Some(event)),
                Some(None) => {}
                None => return Ok(None),
            }
        }
    }

    /// Where the last event stands in the document, in bytes.
    pub fn span(&self) -> Range<usize> {
        self.start..self.scan.at()
    }

    /// How many elements are open: those around the next event.
    pub fn depth(&self) -> usize {
        self.open.len()
    }

    /// The encoding of the document.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// What is wrong in the eyes of whoever reads, at the place of the last event.
    pub fn refuse(&self, reason: impl Into<Cow<'static, str>>) -> BadXml {
        self.scan.bad(self.start, Reason::NotWellFormed(reason.into()))
    }

    /// Prolog and what follows the root: blanks, comments and instructions only. `None`: the end.
    fn outside(&mut self) -> Result<Option<Option<Event<'a>>>, BadXml> {
        self.scan.blanks();
        self.start = self.scan.at();
        if self.scan.ended() {
            return match self.state {
                State::AfterRoot => Ok(None),
                _ => Err(self.scan.here("the file ends before the root element")),
            };
        }
        if self.scan.comment()? || self.scan.instruction()? {
            return Ok(Some(None));
        }
        if self.state == State::AfterRoot {
            let reason =
                if self.scan.peek() == Some(b'<') { "a second root element" } else { "text after the root element" };
            return Err(self.scan.here(reason));
        }
        if prolog::doctype(&mut self.scan)? {
            return Ok(Some(None));
        }
        match self.scan.peek() {
            Some(b'<') => Ok(Some(Some(self.start_tag()?))),
            _ => Err(self.scan.here("text before the root element")),
        }
    }

    /// Inside the root. `None`: something that is passed over.
    fn inside(&mut self) -> Result<Option<Event<'a>>, BadXml> {
        match self.scan.peek() {
            None => Err(self.scan.here("the file ends too early: an element is still open")),
            Some(b'&') => self.scan.reference().map(|letter| Some(Event::Reference(letter))),
            Some(b'<') => match self.scan.peek_at(1) {
                Some(b'/') => self.end_tag().map(Some),
                Some(b'!') => {
                    if self.scan.comment()? {
                        return Ok(None);
                    }
                    match self.scan.cdata()? {
                        Some(text) => Ok(Some(Event::CData(text))),
                        None => Err(self.scan.here(
                            "`<!` begins neither a comment nor a CDATA section; a DOCTYPE stands before the root",
                        )),
                    }
                }
                Some(b'?') => self.scan.instruction().map(|_| None),
                _ => self.start_tag().map(Some),
            },
            Some(_) => self.scan.text().map(|text| Some(Event::Text(text))),
        }
    }

    fn start_tag(&mut self) -> Result<Event<'a>, BadXml> {
        if self.open.len() >= DEEPEST {
            return Err(self.scan.bad(self.start, Reason::TooDeep));
        }
        self.scan.skip(1);
        let name = self.scan.name("an element")?;
        let mut attributes: Vec<Attribute<'a>> = Vec::new();
        let empty = loop {
            let apart = self.scan.blanks();
            let at = self.scan.at();
            if self.scan.take(b">") {
                break false;
            }
            if self.scan.take(b"/>") {
                break true;
            }
            if !apart {
                return Err(self.scan.here("a blank, `>` or `/>` must follow here in a start tag"));
            }
            let attribute = self.scan.name("an attribute")?;
            if attributes.iter().any(|other| other.name == attribute) {
                let reason = format!("the attribute `{}` stands there twice", String::from_utf8_lossy(attribute));
                return Err(self.scan.bad(at, Reason::NotWellFormed(reason.into())));
            }
            if attributes.len() >= MOST_ATTRIBUTES {
                return Err(self.scan.bad(at, Reason::TooManyAttributes));
            }
            self.scan.equals()?;
            attributes.push(Attribute { name: attribute, raw: self.scan.value()? });
        };
        self.open.push(name);
        self.state = if empty { State::Empty } else { State::Inside };
        Ok(Event::Start { name, attributes, empty })
    }

    fn end_tag(&mut self) -> Result<Event<'a>, BadXml> {
        self.scan.skip(2);
        let name = self.scan.name("an end tag")?;
        if self.open.last() != Some(&name) {
            let lossy = |name: &[u8]| String::from_utf8_lossy(name.get(..40).unwrap_or(name)).into_owned();
            let open = self.open.last().map(|open| lossy(open)).unwrap_or_default();
            let reason = format!("`</{}>` stands where `</{open}>` must stand", lossy(name));
            return Err(self.scan.bad(self.start, Reason::NotWellFormed(reason.into())));
        }
        self.scan.blanks();
        if !self.scan.take(b">") {
            return Err(self.scan.here("`>` must follow here in an end tag"));
        }
        Ok(self.close().unwrap_or(Event::End))
    }

    fn close(&mut self) -> Option<Event<'a>> {
        self.open.pop();
        self.state = if self.open.is_empty() { State::AfterRoot } else { State::Inside };
        Some(Event::End)
    }
}

/// The value of an attribute, its references resolved and its blanks as XML has them. The reader has checked it.
pub fn attribute_value(encoding: Encoding, raw: &[u8]) -> String {
    let mut scan = Scan::new(raw);
    let mut value = String::with_capacity(raw.len());
    let mut from = 0;
    let literal = |value: &mut String, bytes: &[u8]| {
        value.extend(
            encoding.text(bytes).chars().map(|letter| if matches!(letter, '\t' | '\n' | '\r') { ' ' } else { letter }),
        );
    };
    while let Some(byte) = scan.peek() {
        let at = scan.at();
        if byte != b'&' {
            scan.skip(1);
            continue;
        }
        literal(&mut value, raw.get(from..at).unwrap_or_default());
        if let Ok(letter) = scan.reference() {
            value.push(letter);
        }
        from = scan.at();
    }
    literal(&mut value, raw.get(from..).unwrap_or_default());
    value
}
