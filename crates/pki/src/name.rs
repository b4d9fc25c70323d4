//! Distinguished names and the forms in which phones, lists and people see them [sources/trust-lists#names],
//! [sources/listings#certificate-text]. Names are compared as strings and never taken apart again.

use std::borrow::Cow;
use std::sync::OnceLock;

use der::Tag;
use der::asn1::{Any, ObjectIdentifier, PrintableStringRef, SetOfVec, Utf8StringRef};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::name::{RdnSequence, RelativeDistinguishedName};

use crate::tlv::{BMP_STRING, Oid, Reader, SEQUENCE, SET, UNIVERSAL_STRING, Value, Wrong, sound};

pub(crate) const CN: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
pub(crate) const C: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.6");
pub(crate) const L: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.7");
pub(crate) const ST: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.8");
const STREET: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.9");
pub(crate) const O: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");
pub(crate) const OU: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.11");
const DC: ObjectIdentifier = ObjectIdentifier::new_unwrap("0.9.2342.19200300.100.1.25");
const UID: ObjectIdentifier = ObjectIdentifier::new_unwrap("0.9.2342.19200300.100.1.1");

/// The order of a CUCM name, whatever the order in the certificate.
const CUCM_ORDER: [ObjectIdentifier; 6] = [CN, OU, O, L, ST, C];

/// The forms of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NameForm {
    /// `CN=..;OU=..;O=..;L=..;ST=..;C=..`: trust lists and TVS of CUCM. Attributes of other types follow in the order
    /// of the certificate. Nothing is escaped.
    Cucm,
    /// `C=..,O=..`: RFC 4514 strings in certificate order, as the peer writes them.
    Peer,
    /// `cn=..;ou=..;o=..`: the CTL client with tokens. A value that needs quotes has them, and the client cut the whole at
    /// commas without regard to quotes: of `Cisco Systems, Inc.` it leaves `o="Cisco Systems`
    /// [sources/trust-lists#names].
    CtlClient,
    /// `L=.., ST=.., CN=..`: reverse certificate order, as `show cert own` prints it.
    Text,
    /// `L=..,ST=..,CN=..`: the same without blanks, as the certificate table holds it.
    Row,
}

/// The string types of RFC 5280 4.1.2.4 and their older sisters.
const UTF8_STRING: u8 = 0x0c;
const NUMERIC_STRING: u8 = 0x12;
const PRINTABLE_STRING: u8 = 0x13;
const TELETEX_STRING: u8 = 0x14;
const IA5_STRING: u8 = 0x16;

/// A name as it stands in a certificate.
#[derive(Clone)]
pub(crate) struct DistinguishedName {
    der: Box<[u8]>,
    /// The attributes in their order, each with the number of its RelativeDistinguishedName.
    parts: Vec<(usize, Attribute)>,
    /// How it is compared; made when it is first asked for.
    meaning: OnceLock<Meaning>,
}

/// What two equal names have in common: how many RelativeDistinguishedNames there are, and what each attribute says.
type Meaning = Vec<(usize, Oid, Said)>;

/// The value of an attribute as it is compared.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Said {
    /// Letters, without regard to case, runs of blanks and string type.
    Text(String),
    /// Another kind: tag and bytes.
    Bytes(u8, Box<[u8]>),
}

/// An attribute of a name.
#[derive(Clone)]
pub(crate) struct Attribute {
    pub(crate) oid: Oid,
    tag: u8,
    value: Box<[u8]>,
}

impl DistinguishedName {
    /// Reads a name. What the linked OpenSSL does not take in a name is refused.
    pub(crate) fn read(name: Value<'_>, what: &str) -> Result<Self, Wrong> {
        let mut parts = Vec::new();
        let mut sets = Reader(name.inside);
        let mut number = 0;
        while sets.peek().is_some() {
            let mut set = Reader(sets.take(SET, what)?.inside);
            while set.peek().is_some() {
                let mut pair = Reader(set.take(SEQUENCE, what)?.inside);
                let oid = pair.oid(what)?;
                let value = pair.any(what)?;
                pair.end(what)?;
                let attribute = Attribute { oid, tag: value.tag, value: value.inside.into() };
                attribute.check(value, what)?;
                parts.push((number, attribute));
            }
            number += 1;
        }
        Ok(Self { der: name.whole.into(), parts, meaning: OnceLock::new() })
    }

    /// Reads the DER of a name, to its last byte.
    pub(crate) fn from_der(der: &[u8], what: &str) -> Result<Self, Wrong> {
        let mut all = Reader(der);
        let name = all.take(SEQUENCE, what)?;
        all.end(what)?;
        Self::read(name, what)
    }

    /// The bytes, which lists and OCSP go by.
    pub(crate) fn der(&self) -> &[u8] {
        &self.der
    }

    /// The attributes in their order.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Attribute> {
        self.parts.iter().map(|(_, attribute)| attribute)
    }

    /// Whether it is the same name by RFC 5280 7.1: neither string type nor case nor runs of blanks count, nor the order within a
    /// RelativeDistinguishedName. Phones compare bytes, so nothing that a phone looks up may be decided by this.
    pub(crate) fn means(&self, other: &Self) -> bool {
        self.der == other.der || self.meaning() == other.meaning()
    }

    fn meaning(&self) -> &Meaning {
        self.meaning.get_or_init(|| {
            let mut all: Meaning =
                self.parts.iter().map(|(number, part)| (*number, part.oid.clone(), part.said())).collect();
            all.sort();
            all
        })
    }
}

impl std::fmt::Debug for DistinguishedName {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&format(self, NameForm::Cucm))
    }
}

impl Attribute {
    /// What OpenSSL takes in a name: ASN1_PRINTABLE, and letters that are some.
    fn check(&self, value: Value<'_>, what: &str) -> Result<(), Wrong> {
        let of = key(&self.oid);
        match self.tag {
            UTF8_STRING if std::str::from_utf8(&self.value).is_err() => {
                Err(format!("{what} is not valid UTF-8 ({of})"))
            }
            BMP_STRING | UNIVERSAL_STRING if self.wide().is_none() => {
                Err(format!("{what} has characters that do not exist ({of})"))
            }
            UTF8_STRING | BMP_STRING | UNIVERSAL_STRING | NUMERIC_STRING | PRINTABLE_STRING | TELETEX_STRING
            | IA5_STRING => Ok(()),
            0x03 | SEQUENCE => sound(value, what),
            // Types that OpenSSL counts as unknown, and passes over.
            0x07 | 0x08 | 0x09 | 0x0b | 0x0d | 0x0e | 0x0f | 0x1d => Ok(()),
            tag => Err(format!("{what} has a value of a type that names do not have ({of}, tag {tag:#04x})")),
        }
    }

    /// The letters of a BMPString or UniversalString.
    fn wide(&self) -> Option<String> {
        let size = if self.tag == BMP_STRING { 2 } else { 4 };
        let units = self.value.chunks_exact(size);
        units.remainder().is_empty().then_some(())?;
        units.map(|unit| char::from_u32(unit.iter().fold(0, |sum, byte| (sum << 8) | u32::from(*byte)))).collect()
    }

    /// The characters, whatever the string type; other types as `#` and hexadecimal digits. Bytes above ASCII in the types of one
    /// byte are Latin-1, as OpenSSL and Windows show them.
    pub(crate) fn text(&self) -> Cow<'_, str> {
        let text = self.characters();
        text.unwrap_or_else(|| format!("#{}", crate::hash::hex(&self.value)).into())
    }

    fn characters(&self) -> Option<Cow<'_, str>> {
        match (self.tag, std::str::from_utf8(&self.value)) {
            (UTF8_STRING, Ok(text)) => Some(text.into()),
            (BMP_STRING | UNIVERSAL_STRING, _) => self.wide().map(Cow::from),
            (NUMERIC_STRING | PRINTABLE_STRING | TELETEX_STRING | IA5_STRING, Ok(text)) if text.is_ascii() => {
                Some(text.into())
            }
            (NUMERIC_STRING | PRINTABLE_STRING | TELETEX_STRING | IA5_STRING, _) => {
                Some(self.value.iter().map(|byte| char::from(*byte)).collect::<String>().into())
            }
            _ => None,
        }
    }

    fn said(&self) -> Said {
        let Some(text) = self.characters() else { return Said::Bytes(self.tag, self.value.clone()) };
        let words: Vec<&str> = text.split_whitespace().collect();
        Said::Text(words.join(" ").to_lowercase())
    }

    /// The same attribute for a name of ours: with its bytes, or as UTF8String where `der` does not know the type.
    pub(crate) fn copy(&self) -> Result<AttributeTypeAndValue, der::Error> {
        let oid = self.oid.to_der().ok_or_else(|| Tag::ObjectIdentifier.value_error())?;
        let tag = match self.tag {
            NUMERIC_STRING => Tag::NumericString,
            PRINTABLE_STRING => Tag::PrintableString,
            TELETEX_STRING => Tag::TeletexString,
            IA5_STRING => Tag::Ia5String,
            BMP_STRING => Tag::BmpString,
            _ => {
                let value = Any::from(Utf8StringRef::new(self.text().as_ref())?);
                return Ok(AttributeTypeAndValue { oid, value });
            }
        };
        let value = Any::new(tag, self.value.to_vec())?;
        Ok(AttributeTypeAndValue { oid, value })
    }
}

/// The name in one of its forms.
pub(crate) fn format(name: &DistinguishedName, form: NameForm) -> String {
    match form {
        NameForm::Peer => join(name.iter(), ",", |out, part| {
            out.push_str(&key(&part.oid));
            out.push('=');
            escape(out, &part.text());
        }),
        NameForm::Cucm => join(in_cucm_order(name), ";", |out, part| {
            out.push_str(&key(&part.oid));
            out.push('=');
            out.push_str(&part.text());
        }),
        NameForm::CtlClient => join(in_cucm_order(name), ";", |out, part| {
            out.push_str(&key(&part.oid).to_lowercase());
            out.push('=');
            out.push_str(quoted(&part.text()).split(',').next().unwrap_or_default());
        }),
        NameForm::Text | NameForm::Row => {
            let separator = if form == NameForm::Text { ", " } else { "," };
            join(name.iter().rev(), separator, |out, part| {
                out.push_str(&key(&part.oid));
                out.push('=');
                out.push_str(&part.text());
            })
        }
    }
}

/// The first common name, if there is one.
pub(crate) fn common_name(name: &DistinguishedName) -> Option<String> {
    name.iter().find(|part| part.oid == CN).map(|part| part.text().into_owned())
}

/// Writes the parts one behind the other, straight into the result: a trust list has two names in each record.
fn join<'a>(
    parts: impl Iterator<Item = &'a Attribute>,
    separator: &str,
    write: impl Fn(&mut String, &Attribute),
) -> String {
    let mut out = String::with_capacity(96);
    for part in parts {
        if !out.is_empty() {
            out.push_str(separator);
        }
        write(&mut out, part);
    }
    out
}

fn in_cucm_order(name: &DistinguishedName) -> impl Iterator<Item = &Attribute> {
    let known = CUCM_ORDER.iter().flat_map(|wanted| name.iter().filter(move |part| part.oid == *wanted));
    known.chain(name.iter().filter(|part| !CUCM_ORDER.iter().any(|known| part.oid == *known)))
}

fn key(oid: &Oid) -> Cow<'static, str> {
    const SHORT: [(ObjectIdentifier, &str); 9] = [
        (CN, "CN"),
        (C, "C"),
        (L, "L"),
        (ST, "ST"),
        (STREET, "STREET"),
        (O, "O"),
        (OU, "OU"),
        (DC, "DC"),
        (UID, "UID"),
    ];
    let short = SHORT.iter().find(|(known, _)| oid == known);
    short.map_or_else(|| oid.to_string().into(), |(_, name)| (*name).into())
}

/// A value with quotes around it when it begins or ends with a blank or holds a comma; one that brings its own stays.
fn quoted(text: &str) -> Cow<'_, str> {
    let needs = text.starts_with(' ') || text.ends_with(' ') || text.contains(',');
    if needs && !text.starts_with('"') { format!("\"{text}\"").into() } else { text.into() }
}

/// RFC 4514 escaping as the peer does it.
fn escape(out: &mut String, text: &str) {
    let last = text.chars().count().saturating_sub(1);
    for (index, character) in text.chars().enumerate() {
        match character {
            '\\' | '"' | '+' | ',' | ';' | '<' | '>' => out.extend(['\\', character]),
            ' ' if index == 0 || index == last => out.push_str("\\ "),
            '#' if index == 0 => out.push_str("\\#"),
            '\0' => out.push_str("\\00"),
            other => out.push(other),
        }
    }
}

/// The parts of a subject that a cluster sets for its certificates (`set web-security`)
/// [sources/shell#certificate-commands].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// C, two letters.
    pub country: String,
    /// O.
    pub organization: String,
    /// OU.
    pub unit: String,
    /// CN.
    pub common_name: String,
    /// ST.
    pub state: String,
    /// L.
    pub locality: String,
}

impl Subject {
    /// The name in the order of CUCM certificates: C, O, OU, CN, ST, L; C as PrintableString, the rest as UTF8String
    /// [sources/certificates#self-signed-profile]. Empty parts are left out.
    ///
    /// # Errors
    /// A part that its string type cannot hold: a country that is not printable ASCII.
    pub(crate) fn to_rdn_sequence(&self) -> Result<RdnSequence, der::Error> {
        let parts = [
            (C, &self.country),
            (O, &self.organization),
            (OU, &self.unit),
            (CN, &self.common_name),
            (ST, &self.state),
            (L, &self.locality),
        ];
        let mut sequence = RdnSequence::default();
        for (oid, text) in parts.into_iter().filter(|(_, text)| !text.is_empty()) {
            let value =
                if oid == C { Any::from(PrintableStringRef::new(text)?) } else { Any::from(Utf8StringRef::new(text)?) };
            let mut set = SetOfVec::new();
            set.insert(AttributeTypeAndValue { oid, value })?;
            sequence.push(RelativeDistinguishedName::from(set));
        }
        Ok(sequence)
    }
}
