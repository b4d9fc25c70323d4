//! What stands before the root element: the declaration with the encoding, and the DOCTYPE.

use std::borrow::Cow;

use super::error::{BadXml, Reason};
use super::scan::{Scan, shown};

/// Encodings that are read. Each has ASCII as it is, so elements can be put into a document as bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8: said, or nothing said.
    Utf8,
    /// US-ASCII, and encodings of which ASCII alone is read.
    Ascii,
    /// ISO-8859-1: each byte is the letter of its number.
    Latin1,
}

impl Encoding {
    /// The names that a declaration may say, without regard to case [XML 1.0, 4.3.3; IANA]. `UTF8` is none of them: parsers differ on it.
    const NAMES: [(&'static str, Self); 4] = [
        ("UTF-8", Self::Utf8),
        ("US-ASCII", Self::Ascii),
        ("ISO-8859-1", Self::Latin1),
        // what it has beyond ASCII is not read
        ("windows-1252", Self::Ascii),
    ];

    /// Bytes of a document as text.
    pub fn text(self, bytes: &[u8]) -> Cow<'_, str> {
        match self {
            Self::Utf8 | Self::Ascii => String::from_utf8_lossy(bytes),
            Self::Latin1 if bytes.is_ascii() => String::from_utf8_lossy(bytes),
            Self::Latin1 => bytes.iter().map(|byte| char::from(*byte)).collect::<String>().into(),
        }
    }
}

/// Reads the declaration, if there is one, and checks that all bytes are text of the encoding.
pub(super) fn begin(scan: &mut Scan<'_>, mark: bool) -> Result<Encoding, BadXml> {
    if !mark && (scan.rest().starts_with(b"\xff\xfe") || scan.rest().starts_with(b"\xfe\xff")) {
        return Err(scan.bad(0, Reason::Encoding("UTF-16".to_owned())));
    }
    let encoding = declaration(scan)?;
    let from = scan.at();
    let bad = match encoding {
        Encoding::Utf8 => std::str::from_utf8(scan.rest()).err().map(|error| (error.valid_up_to(), "UTF-8")),
        Encoding::Ascii => scan
            .rest()
            .iter()
            .position(|byte| !byte.is_ascii())
            .map(|at| (at, "ASCII, and of the encoding that it declares nothing else is read")),
        Encoding::Latin1 if mark => Some((0, "ISO-8859-1, as it declares: it begins with the mark of UTF-8")),
        Encoding::Latin1 => {
            scan.single_bytes();
            None
        }
    };
    match bad {
        Some((at, what)) => Err(scan.bad(from + at, Reason::NotText(what))),
        None => Ok(encoding),
    }
}

/// `<?xml version="1.0" encoding="..." standalone="..."?>`.
fn declaration(scan: &mut Scan<'_>) -> Result<Encoding, BadXml> {
    let is_one = scan.rest().starts_with(b"<?xml") && scan.peek_at(5).is_some_and(super::scan::is_blank);
    if !is_one {
        return Ok(Encoding::Utf8);
    }
    scan.skip(5);
    let mut encoding = Encoding::Utf8;
    // in this order, the first must be there
    let mut wanted: &[&[u8]] = &[b"version", b"encoding", b"standalone"];
    loop {
        let apart = scan.blanks();
        if scan.take(b"?>") && wanted.len() < 3 {
            return Ok(encoding);
        }
        let at = scan.at();
        let left = wanted.iter().position(|name| apart && scan.rest().starts_with(name));
        let Some(index) = left.filter(|index| wanted.len() < 3 || *index == 0) else {
            return Err(
                scan.here("an XML declaration has version, encoding and standalone, in this order, and ends with `?>`")
            );
        };
        let name = wanted.get(index).copied().unwrap_or_default();
        wanted = wanted.get(index + 1..).unwrap_or_default();
        scan.skip(name.len());
        scan.equals()?;
        let value = scan.quoted()?;
        let refuse = |reason: &'static str| scan.bad(at, Reason::NotWellFormed(reason.into()));
        match name {
            b"version" if value != b"1.0" => return Err(scan.bad(at, Reason::Version)),
            b"standalone" if value != b"yes" && value != b"no" => return Err(refuse("standalone must be yes or no")),
            b"encoding" => {
                let known = Encoding::NAMES.iter().find(|(name, _)| value.eq_ignore_ascii_case(name.as_bytes()));
                encoding =
                    known.map(|(_, encoding)| *encoding).ok_or_else(|| scan.bad(at, Reason::Encoding(shown(value))))?;
            }
            _ => {}
        }
    }
}

/// A DOCTYPE without declarations; `false`: there is none here.
pub(super) fn doctype(scan: &mut Scan<'_>) -> Result<bool, BadXml> {
    let from = scan.at();
    if !scan.take(b"<!DOCTYPE") {
        return Ok(false);
    }
    if !scan.doctype_once() {
        return Err(scan.bad(from, Reason::NotWellFormed("a second DOCTYPE".into())));
    }
    if !scan.blanks() {
        return Err(scan.here("a blank must follow `<!DOCTYPE`"));
    }
    scan.name("the root element")?;
    let apart = scan.blanks();
    let identifiers: &[bool] = match apart {
        true if scan.take(b"PUBLIC") => &[true, false],
        true if scan.take(b"SYSTEM") => &[false],
        _ => &[],
    };
    for public in identifiers {
        if !scan.blanks() {
            return Err(scan.here("a blank must stand here in a DOCTYPE"));
        }
        let at = scan.at();
        let identifier = scan.quoted()?;
        if *public && !identifier.iter().all(|byte| is_public(*byte)) {
            return Err(scan.bad(at, Reason::NotWellFormed("a letter that no public identifier has".into())));
        }
    }
    scan.blanks();
    if scan.peek() == Some(b'[') {
        let entity = own_entity(scan.rest());
        return Err(scan.bad(scan.at(), entity.map_or(Reason::Declarations, Reason::OwnEntity)));
    }
    if !scan.take(b">") {
        return Err(scan.here("`>` must stand here in a DOCTYPE"));
    }
    Ok(true)
}

/// A letter of a public identifier [XML 1.0, PubidChar].
fn is_public(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b" \r\n-'()+,./:=?;!*#@$_%".contains(&byte)
}

/// The name of the first entity that a DOCTYPE declares, for the message.
fn own_entity(declarations: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(declarations.get(..4096).unwrap_or(declarations));
    let (_, behind) = text.split_once("<!ENTITY")?;
    let name: String =
        behind.trim_start().chars().take_while(|letter| super::names::goes_on(*letter)).take(40).collect();
    (!name.is_empty()).then_some(name)
}
