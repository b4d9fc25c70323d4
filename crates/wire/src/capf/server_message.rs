//! What a server sends.

use super::certificate::{read_certificate, write_certificate};
use super::command::Command;
use super::fields::{Fields, byte, exactly, value};
use super::message::{Header, begin, tag};
use super::tolerance::Tolerated;
use super::values::{AuthType, CertificateType, Curve, KeySpec, Reason, RsaSize};
use super::{Error, VERSION};

/// KEY_TYPE.
const RSA: u8 = 0;
const EC: u8 = 1;

/// A message of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerMessage {
    /// AUTH_REQUEST: who are you? The first message of every connection.
    Auth {
        /// 3; a phone takes any.
        version: u8,
        /// 0; a phone takes any.
        auth_type: AuthType,
    },
    /// KEY_GENERATE_REQUEST: make a key pair.
    KeyGenerate(KeySpec),
    /// STORE_CERTIFICATE_REQUEST: this is your certificate.
    StoreCertificate {
        /// What the certificate is.
        certificate_type: CertificateType,
        /// DER, 1 to 16384 bytes.
        certificate: Vec<u8>,
    },
    /// FETCH_CERTIFICATE_REQUEST: show your certificate.
    FetchCertificate,
    /// DELETE_CERTIFICATE_REQUEST: forget your certificate.
    DeleteCertificate,
    /// END_SESSION: the last message of every connection.
    EndSession(Reason),
}

impl ServerMessage {
    /// The command in the header.
    #[must_use]
    pub const fn command(&self) -> Command {
        match self {
            Self::Auth { .. } => Command::AuthRequest,
            Self::KeyGenerate(_) => Command::KeyGenerateRequest,
            Self::StoreCertificate { .. } => Command::StoreCertificateRequest,
            Self::FetchCertificate => Command::FetchCertificateRequest,
            Self::DeleteCertificate => Command::DeleteCertificateRequest,
            Self::EndSession(_) => Command::EndSession,
        }
    }

    /// The bytes, elements by rising tag. They have to go out in one write.
    ///
    /// # Errors
    /// [`Error::TooLong`]: a certificate above 16384 bytes.
    pub fn encode(&self, session_id: u32) -> Result<Vec<u8>, Error> {
        let capacity = match self {
            Self::StoreCertificate { certificate, .. } => certificate.len() + 16,
            _ => 16,
        };
        let mut writer = begin(self.command() as u8, session_id, capacity);
        match self {
            Self::Auth { version, auth_type } => {
                writer.element(tag::VERSION, &[&[*version]])?;
                writer.element(tag::AUTH_TYPE, &[&[auth_type.0]])?;
            }
            Self::KeyGenerate(KeySpec::Rsa(size)) => {
                writer.element(tag::KEY_SIZE, &[&size.bits().to_be_bytes()])?;
                writer.element(tag::KEY_TYPE, &[&[RSA]])?;
            }
            Self::KeyGenerate(KeySpec::Ec(curve)) => {
                writer.element(tag::KEY_TYPE, &[&[EC]])?;
                writer.element(tag::CURVE, &[&[*curve as u8]])?;
            }
            Self::StoreCertificate { certificate_type, certificate } => {
                writer.element(tag::CERTIFICATE_TYPE, &[&[*certificate_type as u8]])?;
                write_certificate(&mut writer, certificate)?;
            }
            Self::FetchCertificate | Self::DeleteCertificate => {}
            Self::EndSession(reason) => writer.element(tag::REASON, &[&[reason.0]])?,
        }
        writer.finish()
    }

    /// Reads the elements behind a header. The session id has been checked.
    ///
    /// # Errors
    /// [`Error`]; a command that servers do not send among them.
    pub fn decode(header: Header, body: &[u8], tolerated: &mut Tolerated) -> Result<Self, Error> {
        let command = Command::from_byte(header.command);
        let mut read = |command, wanted: &[u8]| Fields::read(command, body, wanted, tolerated);
        Ok(match command {
            Some(command @ Command::AuthRequest) => {
                let fields = read(command, &[tag::VERSION, tag::AUTH_TYPE])?;
                let version = byte(fields.need(tag::VERSION)?)?;
                Self::Auth { version, auth_type: AuthType(byte(fields.need(tag::AUTH_TYPE)?)?) }
            }
            Some(command @ Command::KeyGenerateRequest) => {
                Self::KeyGenerate(key_spec(&read(command, &[tag::KEY_SIZE, tag::KEY_TYPE, tag::CURVE])?)?)
            }
            Some(command @ Command::StoreCertificateRequest) => {
                let fields = read(command, &[tag::CERTIFICATE_TYPE, tag::CERTIFICATE])?;
                let element = fields.need(tag::CERTIFICATE_TYPE)?;
                let number = byte(element)?;
                let certificate_type = CertificateType::from_byte(number)
                    .ok_or_else(|| value(element, format!("is {number}, 1 and 2 are known")))?;
                let certificate = read_certificate(fields.need(tag::CERTIFICATE)?, tolerated)?;
                Self::StoreCertificate { certificate_type, certificate }
            }
            Some(command @ Command::FetchCertificateRequest) => {
                read(command, &[])?;
                Self::FetchCertificate
            }
            Some(command @ Command::DeleteCertificateRequest) => {
                read(command, &[])?;
                Self::DeleteCertificate
            }
            Some(command @ Command::EndSession) => {
                let fields = read(command, &[tag::REASON])?;
                Self::EndSession(Reason(byte(fields.need(tag::REASON)?)?))
            }
            _ => return Err(Error::Command { found: header.command, wanted: "a message of a server" }),
        })
    }

    /// AUTH_REQUEST as every server session starts with it.
    pub(super) const fn first() -> Self {
        Self::Auth { version: VERSION, auth_type: AuthType::NONE }
    }
}

fn key_spec(fields: &Fields<'_>) -> Result<KeySpec, Error> {
    let element = fields.need(tag::KEY_TYPE)?;
    match byte(element)? {
        RSA => {
            let element = fields.need(tag::KEY_SIZE)?;
            let bits = u16::from_be_bytes(exactly(element)?);
            let size = RsaSize::from_bits(bits)
                .ok_or_else(|| value(element, format!("is {bits}; 512, 1024, 2048, 3072 and 4096 are known")))?;
            Ok(KeySpec::Rsa(size))
        }
        EC => {
            let element = fields.need(tag::CURVE)?;
            let number = byte(element)?;
            let curve =
                Curve::from_byte(number).ok_or_else(|| value(element, format!("is {number}, 0 to 2 are known")))?;
            Ok(KeySpec::Ec(curve))
        }
        other => Err(value(element, format!("is {other}, 0 and 1 are known"))),
    }
}
