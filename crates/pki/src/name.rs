//! Distinguished names and the forms in which phones, lists and people see them [trustlist.md 6, cucm-behaviour.md 1.3].
//! Names are compared as strings and never taken apart again.

use der::asn1::{Any, ObjectIdentifier, PrintableStringRef, SetOfVec, Utf8StringRef};
use der::{Tag, Tagged};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::name::{Name, RdnSequence, RelativeDistinguishedName};

const CN: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const C: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.6");
const L: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.7");
const ST: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.8");
const STREET: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.9");
const O: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");
const OU: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.11");
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
    /// `cn=..;ou=..;o=..`: the CTL client with tokens.
    CtlClient,
    /// `L=.., ST=.., CN=..`: reverse certificate order, as `show cert own` prints it.
    Text,
    /// `L=..,ST=..,CN=..`: the same without blanks, as the certificate table holds it.
    Row,
}

/// The name in one of its forms.
pub(crate) fn format(name: &Name, form: NameForm) -> String {
    let parts: Vec<(ObjectIdentifier, String)> = name
        .iter()
        .map(|atv| (atv.oid, value(&atv.value)))
        .collect();
    match form {
        NameForm::Peer => join(
            parts
                .iter()
                .map(|(oid, text)| format!("{}={}", key(oid), escape(text))),
            ",",
        ),
        NameForm::Cucm => join(
            in_cucm_order(&parts).map(|(oid, text)| format!("{}={text}", key(oid))),
            ";",
        ),
        NameForm::CtlClient => join(
            in_cucm_order(&parts).map(|(oid, text)| format!("{}={text}", key(oid).to_lowercase())),
            ";",
        ),
        NameForm::Text => join(
            parts
                .iter()
                .rev()
                .map(|(oid, text)| format!("{}={text}", key(oid))),
            ", ",
        ),
        NameForm::Row => join(
            parts
                .iter()
                .rev()
                .map(|(oid, text)| format!("{}={text}", key(oid))),
            ",",
        ),
    }
}

/// The first common name, if there is one.
pub(crate) fn common_name(name: &Name) -> Option<String> {
    name.iter()
        .find(|atv| atv.oid == CN)
        .map(|atv| value(&atv.value))
}

fn join(parts: impl Iterator<Item = String>, separator: &str) -> String {
    parts.collect::<Vec<_>>().join(separator)
}

fn in_cucm_order(
    parts: &[(ObjectIdentifier, String)],
) -> impl Iterator<Item = &(ObjectIdentifier, String)> {
    let known = CUCM_ORDER
        .into_iter()
        .flat_map(|wanted| parts.iter().filter(move |(oid, _)| *oid == wanted));
    known.chain(parts.iter().filter(|(oid, _)| !CUCM_ORDER.contains(oid)))
}

fn key(oid: &ObjectIdentifier) -> String {
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
        other => return other.to_string(),
    };
    short.to_owned()
}

/// The characters of an attribute value, whatever its string type; other types as `#` and hexadecimal digits.
fn value(any: &Any) -> String {
    let bytes = any.value();
    match any.tag() {
        Tag::TeletexString => bytes.iter().map(|byte| char::from(*byte)).collect(),
        Tag::BmpString => {
            let units: Vec<u16> = bytes
                .chunks(2)
                .map(|pair| {
                    pair.iter()
                        .fold(0, |unit, byte| (unit << 8) | u16::from(*byte))
                })
                .collect();
            String::from_utf16_lossy(&units)
        }
        Tag::Utf8String
        | Tag::PrintableString
        | Tag::Ia5String
        | Tag::VisibleString
        | Tag::NumericString => String::from_utf8_lossy(bytes).into_owned(),
        _ => format!("#{}", crate::hash::hex(bytes)),
    }
}

/// RFC 4514 escaping as the peer does it.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 4);
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
    out
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
            let value = if oid == C {
                Any::from(PrintableStringRef::new(text)?)
            } else {
                Any::from(Utf8StringRef::new(text)?)
            };
            let mut set = SetOfVec::new();
            set.insert(AttributeTypeAndValue { oid, value })?;
            sequence.push(RelativeDistinguishedName::from(set));
        }
        Ok(sequence)
    }
}
