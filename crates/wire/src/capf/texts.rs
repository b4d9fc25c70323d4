//! The two texts of an AUTH_RESPONSE: device name and password.

use std::fmt;

use super::Error;
use super::message::tag;
use super::tolerance::{Tolerance, Tolerated};
use crate::elements::Element;
use crate::inbox::wipe;

/// Most bytes of a device name, without NUL: phones have 15, and four times that leaves room for soft clients.
pub const MAX_DEVICE_NAME: usize = 64;

/// Most bytes of a password, without NUL: authentication strings have 4 to 10 digits, other servers take up to 16
/// characters [sources/capf#authentication].
pub const MAX_PASSWORD: usize = 64;

/// DEVICE_NAME: `SEP` and twelve hexadecimal digits, or what a soft client is called. Printable ASCII without blanks.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct DeviceName {
    text: String,
    sent: Vec<u8>,
}

impl DeviceName {
    /// A name for a phone to send, with NUL behind it.
    ///
    /// # Errors
    /// [`Error::Value`]: not 1 to [`MAX_DEVICE_NAME`] printable ASCII characters without blanks.
    pub fn new(name: &str) -> Result<Self, Error> {
        let mut sent = name.as_bytes().to_vec();
        sent.push(0);
        Self::check(name.as_bytes(), 0)?;
        Ok(Self { text: name.to_owned(), sent })
    }

    /// The name up to its first NUL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The bytes of the element, usually with NUL: they are the first part of what SIGNED_DATA covers
    /// [sources/capf#proofs].
    #[must_use]
    pub fn as_sent(&self) -> &[u8] {
        &self.sent
    }

    /// True for `SEP` and twelve upper-case hexadecimal digits.
    #[must_use]
    pub fn has_phone_form(&self) -> bool {
        self.text
            .strip_prefix("SEP")
            .is_some_and(|mac| mac.len() == 12 && mac.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F')))
    }

    pub(super) fn decode(element: Element<'_>, tolerated: &mut Tolerated) -> Result<Self, Error> {
        let text = cut(element, MAX_DEVICE_NAME, tolerated)?;
        let text = Self::check(text, element.offset)?.to_owned();
        let name = Self { text, sent: element.value.to_vec() };
        if !name.has_phone_form() {
            tolerated.add(Tolerance::DeviceNameForm);
        }
        Ok(name)
    }

    fn check(text: &[u8], offset: usize) -> Result<&str, Error> {
        let value = |reason| Error::Value { offset, name: tag::name(tag::DEVICE_NAME), reason };
        if text.is_empty() {
            return Err(value("is empty".to_owned()));
        }
        if text.len() > MAX_DEVICE_NAME {
            return Err(value(format!("has {} bytes, at most {MAX_DEVICE_NAME} are taken", text.len())));
        }
        match std::str::from_utf8(text) {
            Ok(name) if name.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(name),
            _ => Err(value("holds bytes that are no printable ASCII".to_owned())),
        }
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceName({self})")
    }
}

/// PASSWORD: the authentication string that the user typed. It is never shown, and overwritten when it is dropped.
#[derive(Clone)]
pub struct Password(Vec<u8>);

impl Password {
    /// A password to send; NUL comes behind it. Empty for *By Null String*.
    ///
    /// # Errors
    /// [`Error::Value`]: more than [`MAX_PASSWORD`] bytes, or a NUL in it.
    pub fn new(password: &[u8]) -> Result<Self, Error> {
        let value = |reason| Error::Value { offset: 0, name: tag::name(tag::PASSWORD), reason };
        if password.len() > MAX_PASSWORD {
            return Err(value(format!("has {} bytes, at most {MAX_PASSWORD} are taken", password.len())));
        }
        if password.contains(&0) {
            return Err(value("holds a NUL, which would end it".to_owned()));
        }
        Ok(Self(password.to_vec()))
    }

    /// Compares in a time that depends on the lengths only. An empty `expected` matches nothing: a device without an
    /// authentication string cannot be opened by sending none.
    #[must_use]
    pub fn matches(&self, expected: &[u8]) -> bool {
        if expected.is_empty() || self.0.len() != expected.len() {
            return false;
        }
        let differing = self.0.iter().zip(expected).fold(0, |bits, (one, other)| bits | (one ^ other));
        // keeps the compiler from ending the loop early
        std::hint::black_box(differing) == 0
    }

    /// True when the phone sent one NUL alone.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn decode(element: Element<'_>, tolerated: &mut Tolerated) -> Result<Self, Error> {
        Ok(Self(cut(element, MAX_PASSWORD, tolerated)?.to_vec()))
    }
}

impl PartialEq for Password {
    fn eq(&self, other: &Self) -> bool {
        self.0.is_empty() && other.0.is_empty() || self.matches(&other.0)
    }
}

impl Eq for Password {}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "Password(empty)" } else { "Password(...)" })
    }
}

impl Drop for Password {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

/// The text up to the first NUL.
fn cut<'a>(element: Element<'a>, limit: usize, tolerated: &mut Tolerated) -> Result<&'a [u8], Error> {
    let Element { offset, tag, value } = element;
    // the NUL belongs to the value
    if value.len() > limit + 1 {
        return Err(Error::Value {
            offset,
            name: tag::name(tag),
            reason: format!("has {} bytes, at most {} are taken", value.len(), limit + 1),
        });
    }
    match value.iter().position(|byte| *byte == 0) {
        None => {
            tolerated.add(Tolerance::TextWithoutNul);
            Ok(value)
        }
        Some(end) => {
            if end + 1 < value.len() {
                tolerated.add(Tolerance::TextBehindNul);
            }
            Ok(value.get(..end).unwrap_or(value))
        }
    }
}
