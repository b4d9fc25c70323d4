//! What certificates and requests say in their extensions: names, usages, purposes, whether it is a CA (RFC 5280 4.2.1).

use std::collections::BTreeSet;
use std::net::IpAddr;

use der::Decode;
use der::asn1::ObjectIdentifier;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages};

use crate::certificate::Certificate;
use crate::profile::{BASIC_CONSTRAINTS, EXTENDED_KEY_USAGE, KEY_USAGE, Purpose, SUBJECT_ALT_NAME, Usage};
use crate::tlv::{Reader, SEQUENCE};

/// A subjectAltName.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum AltName {
    /// dNSName.
    Dns(String),
    /// iPAddress.
    Ip(IpAddr),
    /// Another kind, as a person may read it.
    Other(String),
}

impl std::fmt::Display for AltName {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Dns(name) | Self::Other(name) => out.write_str(name),
            Self::Ip(address) => write!(out, "{address}"),
        }
    }
}

impl AltName {
    /// An address when it reads as one, else a DNS name.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Dns(text.to_owned()), Self::Ip)
    }

    /// The form in which two names are compared: the case of a DNS name says nothing.
    #[must_use]
    pub fn folded(&self) -> Self {
        match self {
            Self::Dns(name) => Self::Dns(name.to_ascii_lowercase()),
            other => other.clone(),
        }
    }

    fn of(name: &GeneralName<'_>) -> Self {
        match name.tag {
            DNS_NAME => Self::Dns(name.text()),
            EMAIL => Self::Other(format!("e-mail {}", name.text())),
            URI => Self::Other(format!("URI {}", name.text())),
            IP_ADDRESS => {
                let four = <[u8; 4]>::try_from(name.bytes).map(IpAddr::from);
                let address = four.or_else(|_| <[u8; 16]>::try_from(name.bytes).map(IpAddr::from));
                address.map_or_else(|_| Self::Other(format!("IP {}", crate::hash::hex(name.bytes))), Self::Ip)
            }
            _ => Self::Other("a name of another kind".to_owned()),
        }
    }
}

/// The context tags of GeneralName (RFC 5280 4.2.1.6).
pub(crate) const EMAIL: u8 = 0x81;
pub(crate) const DNS_NAME: u8 = 0x82;
pub(crate) const URI: u8 = 0x86;
pub(crate) const IP_ADDRESS: u8 = 0x87;

/// One name of a subjectAltName as it stands there.
#[derive(Clone, Copy)]
pub(crate) struct GeneralName<'a> {
    pub(crate) tag: u8,
    pub(crate) bytes: &'a [u8],
}

impl GeneralName<'_> {
    /// The letters of an IA5String; where others stand, as UTF-8 if they are that, else as Latin-1: a name that is wrong can be shown, and
    /// hides none beside it.
    pub(crate) fn text(&self) -> String {
        std::str::from_utf8(self.bytes)
            .map_or_else(|_| self.bytes.iter().map(|byte| char::from(*byte)).collect(), str::to_owned)
    }
}

/// The names of a subjectAltName one by one: what a name holds is its own affair. `None` when it is no list of names.
pub(crate) fn general_names(value: &[u8]) -> Option<Vec<GeneralName<'_>>> {
    let mut all = Reader(value);
    let mut names = Reader(all.take(SEQUENCE, "").ok()?.inside);
    let mut found = Vec::new();
    while names.peek().is_some() {
        let name = names.any("").ok()?;
        found.push(GeneralName { tag: name.tag, bytes: name.inside });
    }
    Some(found)
}

/// The extensions that decide whether a certificate is the one that was asked for. One that does not parse allows nothing;
/// a subjectAltName of which one name is wrong still has the others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extensions {
    /// subjectAltName, in the form of [`AltName::folded`].
    pub names: BTreeSet<AltName>,
    /// keyUsage, by the names of RFC 5280; `None` without the extension, which allows everything.
    pub usages: Option<BTreeSet<&'static str>>,
    /// extKeyUsage: `serverAuth` and its sisters, other purposes by their OID; `None` without the extension.
    pub purposes: Option<BTreeSet<String>>,
    /// BasicConstraints; `None` without the extension.
    pub ca: Option<bool>,
}

impl Extensions {
    /// `find` gives the value of an extension.
    pub(crate) fn read<'a>(find: impl Fn(ObjectIdentifier) -> Option<&'a [u8]>) -> Self {
        let names = find(SUBJECT_ALT_NAME).and_then(general_names).unwrap_or_default();
        let usages = find(KEY_USAGE).map(KeyUsage::from_der);
        let purposes = find(EXTENDED_KEY_USAGE).map(ExtendedKeyUsage::from_der);
        let ca = find(BASIC_CONSTRAINTS).map(BasicConstraints::from_der);
        Self {
            names: names.iter().map(|name| AltName::of(name).folded()).collect(),
            usages: usages.map(|read| read.map_or_else(|_| BTreeSet::new(), |usages| usage_names(&usages).collect())),
            purposes: purposes
                .map(|read| read.map_or_else(|_| BTreeSet::new(), |all| all.0.iter().map(purpose_name).collect())),
            ca: ca.map(|read| read.is_ok_and(|constraints| constraints.ca)),
        }
    }
}

impl Certificate {
    /// What its extensions say.
    #[must_use]
    pub fn extensions(&self) -> Extensions {
        Extensions::read(|oid| self.extension(oid))
    }
}

/// The names of RFC 5280 4.2.1.3, in its order.
pub(crate) fn usage_names(usage: &KeyUsage) -> impl Iterator<Item = &'static str> {
    let names = [
        (KeyUsages::DigitalSignature, Usage::DigitalSignature.name()),
        (KeyUsages::NonRepudiation, "nonRepudiation"),
        (KeyUsages::KeyEncipherment, Usage::KeyEncipherment.name()),
        (KeyUsages::DataEncipherment, Usage::DataEncipherment.name()),
        (KeyUsages::KeyAgreement, Usage::KeyAgreement.name()),
        (KeyUsages::KeyCertSign, Usage::KeyCertSign.name()),
        (KeyUsages::CRLSign, "cRLSign"),
        (KeyUsages::EncipherOnly, "encipherOnly"),
        (KeyUsages::DecipherOnly, "decipherOnly"),
    ];
    names.into_iter().filter(|(bit, _)| usage.0.contains(*bit)).map(|(_, name)| name)
}

fn purpose_name(oid: &ObjectIdentifier) -> String {
    let known = Purpose::ALL.into_iter().find(|purpose| purpose.oid() == *oid);
    known.map_or_else(|| oid.to_string(), |purpose| purpose.name().to_owned())
}
