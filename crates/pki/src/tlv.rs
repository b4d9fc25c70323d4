//! DER, one value at a time, for certificates: what the linked OpenSSL refuses is refused here too, so that whatever is taken can be
//! read by every library behind us. `der` knows no UniversalString and no large arcs in OIDs, and certificates have both.

use der::asn1::ObjectIdentifier;

/// SEQUENCE and SET, constructed.
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// Values without parts.
const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
const NULL: u8 = 0x05;
pub(crate) const OBJECT: u8 = 0x06;
const ENUMERATED: u8 = 0x0a;
pub(crate) const UNIVERSAL_STRING: u8 = 0x1c;
pub(crate) const BMP_STRING: u8 = 0x1e;

/// Why bytes are not DER: what was wanted and what is wrong with it.
pub(crate) type Wrong = String;

/// One value.
#[derive(Clone, Copy)]
pub(crate) struct Value<'a> {
    /// Its first byte.
    pub(crate) tag: u8,
    /// What is in it.
    pub(crate) inside: &'a [u8],
    /// It with its tag and length.
    pub(crate) whole: &'a [u8],
}

/// Values one behind the other.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    /// The first byte of what comes next.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The next value, whatever it is. `what` is its name in an error.
    pub(crate) fn any(&mut self, what: &str) -> Result<Value<'a>, Wrong> {
        let cut = || format!("{what} is cut off");
        let all = self.0;
        let [tag, first, rest @ ..] = all else { return Err(cut()) };
        if tag & 0x1f == 0x1f {
            return Err(format!("{what} has a tag of several bytes"));
        }
        let (length, rest) = match usize::from(*first) {
            short @ ..0x80 => (short, rest),
            0x80 => return Err(format!("{what} has no length (BER, not DER)")),
            long => {
                let bytes = long & 0x7f;
                // Four bytes count beyond every limit on what is read here.
                let (digits, rest) = rest.split_at_checked(bytes).ok_or_else(cut)?;
                if bytes > 4 {
                    return Err(format!("{what} has a length of {bytes} bytes"));
                }
                let length = digits.iter().fold(0_usize, |sum, digit| (sum << 8) | usize::from(*digit));
                if length < 0x80 || digits.first() == Some(&0) {
                    return Err(format!("{what} has a length that is not the shortest form (BER, not DER)"));
                }
                (length, rest)
            }
        };
        let (inside, rest) = rest.split_at_checked(length).ok_or_else(cut)?;
        let (whole, _) = all.split_at_checked(all.len() - rest.len()).ok_or_else(cut)?;
        self.0 = rest;
        Ok(Value { tag: *tag, inside, whole })
    }

    /// The next value, which must have this tag.
    pub(crate) fn take(&mut self, tag: u8, what: &str) -> Result<Value<'a>, Wrong> {
        let found = self.any(what)?;
        if found.tag == tag {
            Ok(found)
        } else {
            Err(format!("{what} has the tag {:#04x} instead of {tag:#04x}", found.tag))
        }
    }

    /// The next value when it has this tag.
    pub(crate) fn optional(&mut self, tag: u8, what: &str) -> Result<Option<Value<'a>>, Wrong> {
        if self.peek() == Some(tag) { self.any(what).map(Some) } else { Ok(None) }
    }

    /// Nothing may follow.
    pub(crate) fn end(self, what: &str) -> Result<(), Wrong> {
        match self.0.len() {
            0 => Ok(()),
            1 => Err(format!("1 byte follows {what}")),
            more => Err(format!("{more} bytes follow {what}")),
        }
    }

    /// INTEGER: its bytes, of the shortest form.
    pub(crate) fn integer(&mut self, what: &str) -> Result<&'a [u8], Wrong> {
        let found = self.take(INTEGER, what)?;
        integer(found.inside, what)?;
        Ok(found.inside)
    }

    /// OBJECT IDENTIFIER.
    pub(crate) fn oid(&mut self, what: &str) -> Result<Oid, Wrong> {
        let found = self.take(OBJECT, what)?;
        Oid::read(found.inside).ok_or_else(|| format!("{what} is not an object identifier"))
    }

    /// BIT STRING: its bytes without the count of unused bits.
    pub(crate) fn bits(&mut self, what: &str) -> Result<&'a [u8], Wrong> {
        bits(self.take(BIT_STRING, what)?.inside, what)
    }

    /// OCTET STRING.
    pub(crate) fn octets(&mut self, what: &str) -> Result<&'a [u8], Wrong> {
        Ok(self.take(OCTET_STRING, what)?.inside)
    }

    /// BOOLEAN, FALSE when it is left out. As OpenSSL: every byte but 0 is TRUE.
    pub(crate) fn flag(&mut self, what: &str) -> Result<bool, Wrong> {
        match self.optional(BOOLEAN, what)?.map(|found| found.inside) {
            None => Ok(false),
            Some([byte]) => Ok(*byte != 0),
            Some(_) => Err(format!("{what} is no BOOLEAN")),
        }
    }

    /// AlgorithmIdentifier: its OID. Parameters are passed over, but they must be what their tag says.
    pub(crate) fn algorithm(&mut self, what: &str) -> Result<Oid, Wrong> {
        let mut parts = Reader(self.take(SEQUENCE, what)?.inside);
        let oid = parts.oid(what)?;
        if parts.peek().is_some() {
            sound(parts.any(what)?, what)?;
        }
        parts.end(what)?;
        Ok(oid)
    }
}

fn integer(bytes: &[u8], what: &str) -> Result<(), Wrong> {
    match bytes {
        [] => Err(format!("{what} is empty")),
        [0, next, ..] if *next < 0x80 => Err(format!("{what} is not in the shortest form (BER, not DER)")),
        [0xff, next, ..] if *next >= 0x80 => Err(format!("{what} is not in the shortest form (BER, not DER)")),
        _ => Ok(()),
    }
}

pub(crate) fn bits<'a>(inside: &'a [u8], what: &str) -> Result<&'a [u8], Wrong> {
    match inside {
        // Bits that do not count are 0: OpenSSL would write the value again with other bytes.
        [0, rest @ ..] => Ok(rest),
        [unused @ 1..=7, .., last] if last.trailing_zeros() >= u32::from(*unused) => {
            Ok(inside.get(1..).unwrap_or_default())
        }
        _ => Err(format!("{what} is no bit string")),
    }
}

/// A value of a kind that nothing says: whether it is what its tag says, as far as OpenSSL looks.
pub(crate) fn sound(value: Value<'_>, what: &str) -> Result<(), Wrong> {
    let inside = value.inside;
    let holds = match value.tag {
        0 => false,
        BOOLEAN => inside.len() == 1,
        INTEGER | ENUMERATED => return integer(inside, what),
        BIT_STRING => return bits(inside, what).map(|_| ()),
        NULL => inside.is_empty(),
        OBJECT => Oid::read(inside).is_some(),
        BMP_STRING => inside.len().is_multiple_of(2),
        UNIVERSAL_STRING => inside.len().is_multiple_of(4),
        // SEQUENCE and SET have parts, the others have none (that would be BER).
        0x10 | 0x11 => false,
        SEQUENCE | SET => true,
        tag => tag & 0xe0 != 0x20,
    };
    if holds { Ok(()) } else { Err(format!("{what} is not what its tag {:#04x} says", value.tag)) }
}

/// An object identifier, however large its numbers are.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Oid(Box<[u8]>);

impl Oid {
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut starts = true;
        for byte in bytes {
            if starts && *byte == 0x80 {
                return None;
            }
            starts = *byte < 0x80;
        }
        (starts && !bytes.is_empty()).then(|| Self(bytes.into()))
    }

    /// As `der` has it; `None` when its numbers are too large for that.
    pub(crate) fn to_der(&self) -> Option<ObjectIdentifier> {
        ObjectIdentifier::from_bytes(&self.0).ok()
    }
}

impl PartialEq<ObjectIdentifier> for Oid {
    fn eq(&self, other: &ObjectIdentifier) -> bool {
        *self.0 == *other.as_bytes()
    }
}

impl From<ObjectIdentifier> for Oid {
    fn from(oid: ObjectIdentifier) -> Self {
        Self(oid.as_bytes().into())
    }
}

impl std::fmt::Display for Oid {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.to_der() {
            Some(oid) => oid.fmt(out),
            None => write!(out, "OID {}", crate::hash::hex(&self.0)),
        }
    }
}

impl std::fmt::Debug for Oid {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{self}")
    }
}
