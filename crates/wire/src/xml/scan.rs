//! The place in a document, and the tokens that are read there.

use super::error::{BadXml, Place, Reason};
use super::limits::LONGEST_NAME;
use super::names;

/// Letters of a name of which a message speaks, at most.
const SHOWN: usize = 40;

/// A document that was read up to a place. Its bytes are text of its encoding from there on.
#[derive(Debug)]
pub(super) struct Scan<'a> {
    document: &'a [u8],
    at: usize,
    /// A byte above ASCII is a letter of its own.
    single_bytes: bool,
    /// A DOCTYPE was read.
    doctype: bool,
}

impl<'a> Scan<'a> {
    pub fn new(document: &'a [u8]) -> Self {
        Self { document, at: 0, single_bytes: false, doctype: false }
    }

    pub fn single_bytes(&mut self) {
        self.single_bytes = true;
    }

    /// Whether this is the first DOCTYPE.
    pub fn doctype_once(&mut self) -> bool {
        !std::mem::replace(&mut self.doctype, true)
    }

    pub fn at(&self) -> usize {
        self.at
    }

    pub fn rest(&self) -> &'a [u8] {
        self.document.get(self.at..).unwrap_or_default()
    }

    pub fn ended(&self) -> bool {
        self.at >= self.document.len()
    }

    pub fn peek(&self) -> Option<u8> {
        self.document.get(self.at).copied()
    }

    pub fn peek_at(&self, ahead: usize) -> Option<u8> {
        self.document.get(self.at + ahead).copied()
    }

    pub fn skip(&mut self, bytes: usize) {
        self.at = (self.at + bytes).min(self.document.len());
    }

    /// These bytes, if they stand here.
    pub fn take(&mut self, bytes: &[u8]) -> bool {
        let there = self.rest().starts_with(bytes);
        if there {
            self.at += bytes.len();
        }
        there
    }

    /// Blanks; whether there was one.
    pub fn blanks(&mut self) -> bool {
        let count = self.rest().iter().take_while(|byte| is_blank(**byte)).count();
        self.at += count;
        count > 0
    }

    pub fn bad(&self, offset: usize, reason: Reason) -> BadXml {
        BadXml { place: Place::of(self.document, offset), reason }
    }

    /// Not well-formed at this place.
    pub fn here(&self, reason: &'static str) -> BadXml {
        self.bad(self.at, Reason::NotWellFormed(reason.into()))
    }

    /// What stands before `end`, which is passed over too; each letter of it one that XML allows.
    pub fn until(&mut self, end: &[u8], missing: &'static str) -> Result<&'a [u8], BadXml> {
        let rest = self.rest();
        let Some(length) = find(rest, end) else {
            return Err(self.here(missing));
        };
        let text = rest.get(..length).unwrap_or_default();
        self.check(text)?;
        self.at += length + end.len();
        Ok(text)
    }

    /// The letters of a piece that begins here: no control characters, and none that Unicode keeps free of meaning.
    fn check(&self, text: &[u8]) -> Result<(), BadXml> {
        let bad = text.iter().position(|byte| *byte < 0x20 && !is_blank(*byte));
        let bad = bad.or_else(|| if self.single_bytes { None } else { free(text) });
        match bad {
            None => Ok(()),
            Some(offset) => {
                let reason = match text.get(offset) {
                    Some(byte) if *byte < 0x20 => format!("the control character U+{byte:04X}"),
                    _ => "a code point that is not a character".to_owned(),
                };
                Err(self.bad(self.at + offset, Reason::NotWellFormed(reason.into())))
            }
        }
    }

    /// A name.
    pub fn name(&mut self, of: &str) -> Result<&'a [u8], BadXml> {
        let rest = self.rest();
        let mut length = match rest.first() {
            Some(byte) if byte.is_ascii() && names::begins(char::from(*byte)) => {
                rest.iter().take(LONGEST_NAME + 1).take_while(|byte| names::goes_on_in_ascii(**byte)).count()
            }
            _ => 0,
        };
        if length > LONGEST_NAME {
            return Err(self.bad(self.at, Reason::NameTooLong));
        }
        while let Some((letter, bytes)) = self.letter(rest.get(length..).unwrap_or_default()) {
            if !(if length == 0 { names::begins(letter) } else { names::goes_on(letter) }) {
                break;
            }
            length += bytes;
            if length > LONGEST_NAME {
                return Err(self.bad(self.at, Reason::NameTooLong));
            }
        }
        if length == 0 {
            return Err(self.bad(self.at, Reason::NotWellFormed(format!("the name of {of} must stand here").into())));
        }
        self.at += length;
        Ok(rest.get(..length).unwrap_or_default())
    }

    /// The first letter and its bytes. Above ASCII single bytes begin no name.
    fn letter(&self, bytes: &[u8]) -> Option<(char, usize)> {
        let first = *bytes.first()?;
        if first < 0x80 {
            return Some((char::from(first), 1));
        }
        if self.single_bytes {
            return None;
        }
        let length = match first {
            0xc0..0xe0 => 2,
            0xe0..0xf0 => 3,
            _ => 4,
        };
        let letter = std::str::from_utf8(bytes.get(..length)?).ok()?.chars().next()?;
        Some((letter, length))
    }

    /// `=` with blanks around it.
    pub fn equals(&mut self) -> Result<(), BadXml> {
        self.blanks();
        if !self.take(b"=") {
            return Err(self.here("`=` must follow the name of an attribute"));
        }
        self.blanks();
        Ok(())
    }

    /// What stands between two quotes of the same kind.
    pub fn quoted(&mut self) -> Result<&'a [u8], BadXml> {
        match self.peek() {
            Some(quote @ (b'"' | b'\'')) => {
                self.skip(1);
                self.until(&[quote], "the closing quote is missing")
            }
            _ => Err(self.here("a value in quotes must stand here")),
        }
    }

    /// The value of an attribute: no `<`, references that are right.
    pub fn value(&mut self) -> Result<&'a [u8], BadXml> {
        let from = self.at + 1;
        let raw = self.quoted()?;
        let behind = self.at;
        for (offset, byte) in raw.iter().enumerate() {
            match byte {
                b'<' => {
                    let reason = "`<` in the value of an attribute; write `&lt;`";
                    return Err(self.bad(from + offset, Reason::NotWellFormed(reason.into())));
                }
                b'&' => {
                    self.at = from + offset;
                    self.reference()?;
                    self.at = behind;
                }
                _ => {}
            }
        }
        Ok(raw)
    }

    /// Character data up to the next tag or reference.
    pub fn text(&mut self) -> Result<&'a [u8], BadXml> {
        let rest = self.rest();
        // Most text is letters of ASCII and blanks, and then one look is enough.
        let plain = rest.iter().take_while(|byte| is_plain(**byte)).count();
        if matches!(rest.get(plain), Some(b'<' | b'&')) {
            self.at += plain;
            return Ok(rest.get(..plain).unwrap_or_default());
        }
        let length = rest.iter().position(|byte| matches!(byte, b'<' | b'&')).unwrap_or(rest.len());
        let text = rest.get(..length).unwrap_or_default();
        self.check(text)?;
        if let Some(offset) = find(text, b"]]>") {
            let reason = "`]]>` in text; write `]]&gt;`";
            return Err(self.bad(self.at + offset, Reason::NotWellFormed(reason.into())));
        }
        self.at += length;
        Ok(text)
    }

    /// `&name;` or `&#number;`.
    pub fn reference(&mut self) -> Result<char, BadXml> {
        let from = self.at;
        self.skip(1);
        let bad = |scan: &Self, reason: String| scan.bad(from, Reason::NotWellFormed(reason.into()));
        if self.take(b"#") {
            let (radix, digits) = if self.take(b"x") { (16, "hexadecimal digits") } else { (10, "digits") };
            let rest = self.rest();
            let length = rest.iter().take_while(|byte| char::from(**byte).is_digit(radix)).count();
            let written = rest.get(..length).unwrap_or_default();
            self.at += length;
            if length == 0 || !self.take(b";") {
                return Err(bad(self, format!("a character reference has {digits} and ends with `;`")));
            }
            // zeros in front may be many; what is left is short or no character
            let number = written.iter().try_fold(0_u32, |number, digit| {
                let digit = char::from(*digit).to_digit(radix)?;
                number.checked_mul(radix)?.checked_add(digit)
            });
            let letter = number.and_then(char::from_u32).filter(|letter| is_character(*letter));
            return letter.ok_or_else(|| bad(self, "a reference to something that is not a character".to_owned()));
        }
        if !self.letter(self.rest()).is_some_and(|(letter, _)| names::begins(letter)) {
            return Err(bad(self, "`&` begins no reference; write `&amp;`".to_owned()));
        }
        let name = self.name("an entity")?;
        if !self.take(b";") {
            return Err(bad(self, "a reference ends with `;`; for the sign itself write `&amp;`".to_owned()));
        }
        match name {
            b"amp" => Ok('&'),
            b"lt" => Ok('<'),
            b"gt" => Ok('>'),
            b"quot" => Ok('"'),
            b"apos" => Ok('\''),
            _ => Err(self.bad(from, Reason::Entity(shown(name)))),
        }
    }

    /// A comment; `false`: there is none here.
    pub fn comment(&mut self) -> Result<bool, BadXml> {
        if !self.take(b"<!--") {
            return Ok(false);
        }
        self.until(b"--", "a comment is not closed")?;
        if !self.take(b">") {
            self.at -= 2;
            return Err(self.here("`--` in a comment"));
        }
        Ok(true)
    }

    /// A CDATA section.
    pub fn cdata(&mut self) -> Result<Option<&'a [u8]>, BadXml> {
        if !self.take(b"<![CDATA[") {
            return Ok(None);
        }
        self.until(b"]]>", "a CDATA section is not closed").map(Some)
    }

    /// A processing instruction; `false`: there is none here.
    pub fn instruction(&mut self) -> Result<bool, BadXml> {
        let from = self.at;
        if !self.take(b"<?") {
            return Ok(false);
        }
        let target = self.name("a processing instruction")?;
        if target.eq_ignore_ascii_case(b"xml") {
            let reason = "an XML declaration stands at the very start of a file, with nothing before it";
            return Err(self.bad(from, Reason::NotWellFormed(reason.into())));
        }
        if !self.rest().starts_with(b"?>") && !self.blanks() {
            return Err(self.here("a blank must follow the name of a processing instruction"));
        }
        self.until(b"?>", "a processing instruction is not closed")?;
        Ok(true)
    }
}

/// The start of a name, for a message.
pub(super) fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(name).chars().take(SHOWN).collect()
}

/// A blank of XML.
pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// A letter of text that means nothing in any place of it.
fn is_plain(byte: u8) -> bool {
    is_blank(byte) || (matches!(byte, b' '..=b'~') && !matches!(byte, b'<' | b'&' | b']'))
}

/// A character that XML allows.
fn is_character(letter: char) -> bool {
    matches!(letter, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

/// The first U+FFFE or U+FFFF in UTF-8.
fn free(text: &[u8]) -> Option<usize> {
    if text.is_ascii() {
        return None;
    }
    text.windows(3).position(|three| matches!(three, [0xef, 0xbf, 0xbe | 0xbf]))
}

/// Where these bytes first stand.
fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    let first = *wanted.first()?;
    let mut from = 0;
    loop {
        let rest = text.get(from..)?;
        let found = from + rest.iter().position(|byte| *byte == first)?;
        if text.get(found..)?.starts_with(wanted) {
            return Some(found);
        }
        from = found + 1;
    }
}
