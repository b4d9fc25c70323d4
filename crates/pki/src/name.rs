//! Distinguished names and the forms in which phones, lists and people see them [trustlist.md 6, cucm-behaviour.md 1.3].
//! Names are compared as strings and never taken apart again.

use std::borrow::Cow;

use der::asn1::{Any, ObjectIdentifier, PrintableStringRef, SetOfVec, Utf8StringRef};
use der::{Tag, Tagged};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::name::{Name, RdnSequence, RelativeDistinguishedName};

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
    /// commas without regard to quotes: of `Cisco Systems, Inc.` it leaves `o="Cisco Systems` [seed 000, trustlist.md 6].
    CtlClient,
    /// `L=.., ST=.., CN=..`: reverse certificate order, as `show cert own` prints it.
    Text,
    /// `L=..,ST=..,CN=..`: the same without blanks, as the certificate table holds it.
    Row,
}

/// The name in one of its forms.
pub(crate) fn format(name: &Name, form: NameForm) -> String {
    match form {
        NameForm::Peer => join(name.iter(), ",", |out, part| {
            out.push_str(&key(&part.oid));
            out.push('=');
            escape(out, &value(&part.value));
        }),
        NameForm::Cucm => join(in_cucm_order(name), ";", |out, part| {
            out.push_str(&key(&part.oid));
            out.push('=');
            out.push_str(&value(&part.value));
        }),
        NameForm::CtlClient => join(in_cucm_order(name), ";", |out, part| {
            out.push_str(&key(&part.oid).to_lowercase());
            out.push('=');
            let value = value(&part.value);
            out.push_str(quoted(&value).split(',').next().unwrap_or_default());
        }),
        NameForm::Text | NameForm::Row => {
            let separator = if form == NameForm::Text { ", " } else { "," };
            let parts: Vec<&AttributeTypeAndValue> = name.iter().collect();
            join(parts.into_iter().rev(), separator, |out, part| {
                out.push_str(&key(&part.oid));
                out.push('=');
                out.push_str(&value(&part.value));
            })
        }
    }
}

/// The first common name, if there is one.
pub(crate) fn common_name(name: &Name) -> Option<String> {
    name.iter().find(|atv| atv.oid == CN).map(|atv| value(&atv.value).into_owned())
}

/// Writes the parts one behind the other, straight into the result: a trust list has two names in each record.
fn join<'a>(
    parts: impl Iterator<Item = &'a AttributeTypeAndValue>,
    separator: &str,
    write: impl Fn(&mut String, &AttributeTypeAndValue),
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

fn in_cucm_order(name: &Name) -> impl Iterator<Item = &AttributeTypeAndValue> {
    let known = CUCM_ORDER.iter().flat_map(|wanted| name.iter().filter(move |part| part.oid == *wanted));
    known.chain(name.iter().filter(|part| !CUCM_ORDER.contains(&part.oid)))
}

fn key(oid: &ObjectIdentifier) -> Cow<'static, str> {
    let short = match *oid {
        CN => "CN",
        C => "C",
        L => "L",
        ST => "ST",
        STREET => "STREET",
        O => "O",
        OU => "OU",
        DC => "DC",
        UID => "UID",
        other => return other.to_string().into(),
    };
    short.into()
}

/// The characters of an attribute value, whatever its string type; other types as `#` and hexadecimal digits.
pub(crate) fn value(any: &Any) -> Cow<'_, str> {
    let bytes = any.value();
    match any.tag() {
        Tag::TeletexString => bytes.iter().map(|byte| char::from(*byte)).collect::<String>().into(),
        Tag::BmpString => {
            let units: Vec<u16> =
                bytes.chunks(2).map(|pair| pair.iter().fold(0, |unit, byte| (unit << 8) | u16::from(*byte))).collect();
            String::from_utf16_lossy(&units).into()
        }
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String | Tag::VisibleString | Tag::NumericString => {
            String::from_utf8_lossy(bytes)
        }
        _ => format!("#{}", crate::hash::hex(bytes)).into(),
    }
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

/// The parts of a subject that a cluster sets for its certificates [`set web-security`, cucm-behaviour.md 1.2].
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
    /// [cucm-behaviour.md 5.2]. Empty parts are left out.
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
