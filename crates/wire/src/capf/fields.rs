//! The elements of one message, each at most once, and the values in them.

use super::Error;
use super::command::Command;
use super::message::{Elements, tag};
use super::tolerance::{Tolerance, Tolerated};
use crate::elements::Element;

/// Most bytes of a certificate in DER. Device certificates have 1 to 2 kB; eight times that is no device certificate.
pub const MAX_CERTIFICATE: usize = 16_384;

/// Most bytes of a proof: RSA 4096 gives 512, ECDSA at most 141.
pub const MAX_PROOF: usize = 1024;

/// Most bytes of a SubjectPublicKeyInfo: RSA 4096 with a usual exponent has 550.
pub const MAX_PUBLIC_KEY: usize = 2048;

/// The wanted elements of a message, as far as they were met.
pub(super) struct Fields<'a> {
    message: Command,
    found: Vec<Element<'a>>,
}

impl<'a> Fields<'a> {
    /// Elements whose tag is not in `wanted` are skipped by name.
    pub(super) fn read(
        message: Command,
        body: &'a [u8],
        wanted: &[u8],
        tolerated: &mut Tolerated,
    ) -> Result<Self, Error> {
        let mut found: Vec<Element<'a>> = Vec::with_capacity(wanted.len());
        for element in Elements::new(body) {
            let element = element?;
            if !wanted.contains(&element.tag) {
                tolerated.add(if tag::is_known(element.tag) {
                    Tolerance::UnexpectedElement
                } else {
                    Tolerance::UnknownElement
                });
            } else if found.iter().any(|other| other.tag == element.tag) {
                return Err(repeated(element, tag::name(element.tag)));
            } else {
                found.push(element);
            }
        }
        Ok(Self { message, found })
    }

    pub(super) fn get(&self, tag: u8) -> Option<Element<'a>> {
        self.found.iter().copied().find(|element| element.tag == tag)
    }

    pub(super) fn need(&self, tag: u8) -> Result<Element<'a>, Error> {
        self.get(tag).ok_or_else(|| Error::Missing { message: self.message.name(), tag, name: tag::name(tag) })
    }
}

pub(super) const fn repeated(element: Element<'_>, name: &'static str) -> Error {
    Error::Repeated { offset: element.offset, tag: element.tag, name }
}

pub(super) const fn value(element: Element<'_>, reason: String) -> Error {
    Error::Value { offset: element.offset, name: tag::name(element.tag), reason }
}

/// A value of exactly `N` bytes.
pub(super) fn exactly<const N: usize>(element: Element<'_>) -> Result<[u8; N], Error> {
    <[u8; N]>::try_from(element.value)
        .map_err(|_| value(element, format!("has {} bytes instead of {N}", element.value.len())))
}

/// A value of one byte.
pub(super) fn byte(element: Element<'_>) -> Result<u8, Error> {
    exactly(element).map(|[byte]| byte)
}

/// A value of 1 to `limit` bytes.
pub(super) fn filled<'a>(element: Element<'a>, limit: usize) -> Result<&'a [u8], Error> {
    match element.value.len() {
        0 => Err(value(element, "is empty".to_owned())),
        length if length > limit => Err(value(element, format!("has {length} bytes, at most {limit} are taken"))),
        _ => Ok(element.value),
    }
}
