//! What a phone asks.

use std::fmt;

use super::message::{Command, Elements, Header, begin, tag};
use super::tolerance::{Tolerance, Tolerated};
use super::{Error, VERSION};

/// What a server takes.
pub(super) const WANTED: &str = "VERIFY_REQUEST (1) or QUERY_REQUEST (3)";

/// The byte in front of the device name [sources/tvs#message].
const DEVICE_NAME_LEAD: u8 = 1;

/// The device name as the phone gives it, for example `CP-8861-SEPB000B4BA0AEE`. It is a word for the log; nothing is
/// decided by it. Any bytes may stand in it, so it is shown with everything but printable ASCII escaped.
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceName(Vec<u8>);

impl DeviceName {
    /// Most bytes that are shown; names of phones have about 24.
    const SHOWN: usize = 64;

    /// The name without the leading byte 1. Longer ones than a message can hold are refused when it is written.
    #[must_use]
    pub fn new(name: impl Into<Vec<u8>>) -> Self {
        Self(name.into())
    }

    /// The bytes behind the leading 1.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// True for `CP-<model>-SEP<12 hex>` with any model of letters and digits.
    #[must_use]
    pub fn has_phone_form(&self) -> bool {
        let Some(rest) = self.0.strip_prefix(b"CP-") else {
            return false;
        };
        let Some(dash) = rest.iter().position(|byte| *byte == b'-') else {
            return false;
        };
        let (model, rest) = rest.split_at(dash);
        let Some(mac) = rest.strip_prefix(b"-SEP") else {
            return false;
        };
        !model.is_empty()
            && model.iter().all(u8::is_ascii_alphanumeric)
            && mac.len() == 12
            && mac.iter().all(u8::is_ascii_hexdigit)
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.0.get(..Self::SHOWN).unwrap_or(&self.0);
        write!(f, "{}", shown.escape_ascii())?;
        if shown.len() < self.0.len() {
            f.write_str("...")?;
        }
        Ok(())
    }
}

impl fmt::Debug for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceName({self})")
    }
}

/// The question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// "Do I know this certificate?": it comes from a TLS handshake.
    Verify {
        /// The certificate, DER. Empty when the request had none. Not checked in any way.
        certificate: Vec<u8>,
    },
    /// "Whose certificate is this?": names and serial number of the signer of a file.
    Query {
        /// Subject name without NUL, in the form that stands in the file. Any bytes.
        subject: Vec<u8>,
        /// Issuer name, the same.
        issuer: Vec<u8>,
        /// Serial number, big endian, as it stands in the file (USB tokens: byte-reversed).
        serial: Vec<u8>,
    },
}

impl Ask {
    /// The command that asks it.
    #[must_use]
    pub const fn command(&self) -> Command {
        match self {
            Self::Verify { .. } => Command::VerifyRequest,
            Self::Query { .. } => Command::QueryRequest,
        }
    }

    /// The command that answers it.
    #[must_use]
    pub const fn response(&self) -> Command {
        match self {
            Self::Verify { .. } => Command::VerifyResponse,
            Self::Query { .. } => Command::QueryResponse,
        }
    }
}

/// A whole request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Repeated in the answer.
    pub session_id: u32,
    /// Who asks, if it says so.
    pub device_name: Option<DeviceName>,
    /// What it asks.
    pub ask: Ask,
}

impl Request {
    /// The bytes, elements in the order of the capture: 1, 2 or 1, 3, 4, 5.
    ///
    /// # Errors
    /// [`Error::TooLong`] when the question does not fit a message.
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        let mut writer = begin(self.ask.command(), self.session_id, 256);
        if let Some(name) = &self.device_name {
            writer.element(tag::DEVICE_NAME, &[&[DEVICE_NAME_LEAD], name.as_bytes()])?;
        }
        match &self.ask {
            Ask::Verify { certificate } => writer.element(tag::CERTIFICATE, &[certificate])?,
            Ask::Query { subject, issuer, serial } => {
                writer.element(tag::SUBJECT_NAME, &[subject, &[0]])?;
                writer.element(tag::ISSUER_NAME, &[issuer, &[0]])?;
                writer.element(tag::SERIAL_NUMBER, &[serial])?;
            }
        }
        writer.finish()
    }

    /// Reads the elements behind a request's header. What is missing or odd is tolerated by name; what is malformed is
    /// not.
    pub(super) fn decode(header: Header, body: &[u8]) -> Result<(Self, Tolerated), Error> {
        let query = match Command::from_byte(header.command) {
            Some(Command::VerifyRequest) => false,
            Some(Command::QueryRequest) => true,
            _ => {
                return Err(Error::Command { found: header.command, wanted: WANTED });
            }
        };
        let mut tolerated = Tolerated::NONE;
        if header.version != VERSION {
            tolerated.add(Tolerance::VersionZero);
        }
        if header.reserved != 0 {
            tolerated.add(Tolerance::ReservedByte);
        }
        let mut fields = Fields::default();
        for element in Elements::new(body) {
            let element = element?;
            let wanted = match element.tag {
                tag::DEVICE_NAME => true,
                tag::CERTIFICATE => !query,
                tag::SUBJECT_NAME | tag::ISSUER_NAME | tag::SERIAL_NUMBER => query,
                _ => false,
            };
            match fields.place(element.tag) {
                Some(place) if wanted => {
                    if place.replace(element.value).is_some() {
                        tolerated.add(Tolerance::RepeatedElement);
                    }
                }
                Some(_) => tolerated.add(Tolerance::UnexpectedElement),
                None if tag::name(element.tag) == "UNKNOWN" => tolerated.add(Tolerance::UnknownElement),
                None => tolerated.add(Tolerance::UnexpectedElement),
            }
        }
        let device_name = device_name(fields.device_name, &mut tolerated);
        let ask = if query {
            Ask::Query {
                subject: name(fields.subject, &mut tolerated),
                issuer: name(fields.issuer, &mut tolerated),
                serial: present(fields.serial, Tolerance::NameMissing, &mut tolerated).to_vec(),
            }
        } else {
            let certificate = present(fields.certificate, Tolerance::CertificateMissing, &mut tolerated).to_vec();
            Ask::Verify { certificate }
        };
        Ok((Self { session_id: header.session_id, device_name, ask }, tolerated))
    }
}

/// The elements of a request, as far as they were met.
#[derive(Default)]
struct Fields<'a> {
    device_name: Option<&'a [u8]>,
    certificate: Option<&'a [u8]>,
    subject: Option<&'a [u8]>,
    issuer: Option<&'a [u8]>,
    serial: Option<&'a [u8]>,
}

impl<'a> Fields<'a> {
    const fn place(&mut self, tag: u8) -> Option<&mut Option<&'a [u8]>> {
        match tag {
            tag::DEVICE_NAME => Some(&mut self.device_name),
            tag::CERTIFICATE => Some(&mut self.certificate),
            tag::SUBJECT_NAME => Some(&mut self.subject),
            tag::ISSUER_NAME => Some(&mut self.issuer),
            tag::SERIAL_NUMBER => Some(&mut self.serial),
            _ => None,
        }
    }
}

fn present<'a>(value: Option<&'a [u8]>, missing: Tolerance, tolerated: &mut Tolerated) -> &'a [u8] {
    value.unwrap_or_else(|| {
        tolerated.add(missing);
        &[]
    })
}

fn name(value: Option<&[u8]>, tolerated: &mut Tolerated) -> Vec<u8> {
    let Some(value) = value else {
        tolerated.add(Tolerance::NameMissing);
        return Vec::new();
    };
    let bytes = value.strip_suffix(&[0]).unwrap_or_else(|| {
        tolerated.add(Tolerance::NameWithoutNul);
        value
    });
    bytes.to_vec()
}

fn device_name(value: Option<&[u8]>, tolerated: &mut Tolerated) -> Option<DeviceName> {
    let Some(value) = value else {
        tolerated.add(Tolerance::DeviceNameMissing);
        return None;
    };
    let bytes = value.strip_prefix(&[DEVICE_NAME_LEAD]).unwrap_or_else(|| {
        tolerated.add(Tolerance::DeviceNameLead);
        value
    });
    let name = DeviceName::new(bytes);
    if !name.has_phone_form() {
        tolerated.add(Tolerance::DeviceNameForm);
    }
    Some(name)
}
