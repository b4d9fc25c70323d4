//! What a phone sends.

use super::certificate::{Sha2SignedData, SudiData, read_certificate, write_certificate};
use super::command::Command;
use super::fields::{Fields, MAX_PROOF, MAX_PUBLIC_KEY, byte, filled};
use super::message::{Header, Writer, begin, tag};
use super::texts::{DeviceName, Password};
use super::tolerance::{Tolerance, Tolerated};
use super::values::Reason;
use super::{Error, VERSION};

/// AUTH_RESPONSE: who asks, and what it has to show for it. Nothing in it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthResponse {
    /// Why the phone comes. 1 in known clients; any value is taken.
    pub reason: Option<Reason>,
    /// 3, or less in older phones.
    pub version: u8,
    /// Which device this says it is.
    pub device_name: DeviceName,
    /// The authentication string; empty when the user typed none.
    pub password: Option<Password>,
    /// LSC or MIC in DER, 1 to 16384 bytes.
    pub certificate: Option<Vec<u8>>,
    /// SIGNED_DATA: proof with SHA-1 of the key of `certificate`, 1 to 1024 bytes.
    pub signed_data: Option<Vec<u8>>,
    /// The same with SHA-512. Older phones leave it out.
    pub sha2_signed_data: Option<Sha2SignedData>,
    /// The MIC and proofs of its key.
    pub sudi_data: Option<SudiData>,
}

impl AuthResponse {
    /// What a phone sends that has no certificate: REASON 1, VERSION 3, its name, this password.
    #[must_use]
    pub const fn with_password(device_name: DeviceName, password: Password) -> Self {
        Self {
            reason: Some(Reason::SUCCESS),
            version: VERSION,
            device_name,
            password: Some(password),
            certificate: None,
            signed_data: None,
            sha2_signed_data: None,
            sudi_data: None,
        }
    }

    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        if let Some(reason) = self.reason {
            writer.element(tag::REASON, &[&[reason.0]])?;
        }
        if let Some(certificate) = &self.certificate {
            write_certificate(writer, certificate)?;
        }
        if let Some(proof) = &self.signed_data {
            writer.element(tag::SIGNED_DATA, &[proof])?;
        }
        writer.element(tag::VERSION, &[&[self.version]])?;
        if let Some(password) = &self.password {
            writer.element(tag::PASSWORD, &[password.as_bytes(), &[0]])?;
        }
        writer.element(tag::DEVICE_NAME, &[self.device_name.as_sent()])?;
        if let Some(sudi) = &self.sudi_data {
            sudi.write(writer)?;
        }
        if let Some(proof) = &self.sha2_signed_data {
            proof.write(writer)?;
        }
        Ok(())
    }

    fn read(fields: &Fields<'_>, tolerated: &mut Tolerated) -> Result<Self, Error> {
        let element = fields.need(tag::VERSION)?;
        let version = byte(element)?;
        if version > VERSION {
            return Err(Error::Version { offset: element.offset, found: version });
        }
        if version < VERSION {
            tolerated.add(Tolerance::OlderVersion);
        }
        let device_name = DeviceName::decode(fields.need(tag::DEVICE_NAME)?, tolerated)?;
        let reason = fields.get(tag::REASON).map(byte).transpose()?.map(Reason);
        if reason.is_none() {
            tolerated.add(Tolerance::ReasonMissing);
        }
        let password = match fields.get(tag::PASSWORD) {
            Some(element) => Some(Password::decode(element, tolerated)?),
            None => {
                tolerated.add(Tolerance::PasswordMissing);
                None
            }
        };
        let certificate =
            fields.get(tag::CERTIFICATE).map(|element| read_certificate(element, tolerated)).transpose()?;
        let proof = fields.get(tag::SIGNED_DATA).map(|element| filled(element, MAX_PROOF)).transpose()?;
        let sha2_signed_data = fields.get(tag::SHA2_SIGNED_DATA).map(Sha2SignedData::read).transpose()?;
        let sudi_data = fields.get(tag::SUDI_DATA).map(|element| SudiData::read(element, tolerated)).transpose()?;
        if certificate.is_some() && proof.is_some() && sha2_signed_data.is_none() {
            tolerated.add(Tolerance::Sha2ProofMissing);
        }
        Ok(Self {
            reason,
            version,
            device_name,
            password,
            certificate,
            signed_data: proof.map(<[u8]>::to_vec),
            sha2_signed_data,
            sudi_data,
        })
    }
}

/// A message of the phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PhoneMessage {
    /// AUTH_RESPONSE.
    Auth(Box<AuthResponse>),
    /// REQUEST_IN_PROGRESS: the key is being made. Any number of them, only between KEY_GENERATE_REQUEST and its answer.
    InProgress,
    /// KEY_GENERATE_RESPONSE: a SubjectPublicKeyInfo of 1 to 2048 bytes, or why there is none.
    KeyGenerated(Result<Vec<u8>, Reason>),
    /// STORE_CERTIFICATE_RESPONSE: 1 when the certificate was stored.
    Stored(Reason),
    /// FETCH_CERTIFICATE_RESPONSE: a certificate in DER, or why there is none.
    Fetched(Result<Vec<u8>, Reason>),
    /// DELETE_CERTIFICATE_RESPONSE: 1 when there is no certificate any more.
    Deleted(Reason),
}

impl PhoneMessage {
    /// The command in the header.
    #[must_use]
    pub const fn command(&self) -> Command {
        match self {
            Self::Auth(_) => Command::AuthResponse,
            Self::InProgress => Command::RequestInProgress,
            Self::KeyGenerated(_) => Command::KeyGenerateResponse,
            Self::Stored(_) => Command::StoreCertificateResponse,
            Self::Fetched(_) => Command::FetchCertificateResponse,
            Self::Deleted(_) => Command::DeleteCertificateResponse,
        }
    }

    /// The bytes, elements in the order of known clients [sources/capf#elements]. They have to go out in one write.
    ///
    /// # Errors
    /// [`Error::TooLong`]: a certificate above 16384 bytes, or more than a message holds.
    pub fn encode(&self, session_id: u32) -> Result<Vec<u8>, Error> {
        let capacity = match self {
            Self::Auth(_) => 4096,
            Self::KeyGenerated(Ok(der)) | Self::Fetched(Ok(der)) => der.len() + 16,
            _ => 16,
        };
        let mut writer = begin(self.command() as u8, session_id, capacity);
        match self {
            Self::Auth(auth) => auth.write(&mut writer)?,
            Self::InProgress => {}
            Self::KeyGenerated(Ok(key)) => writer.element(tag::PUBLIC_KEY, &[key])?,
            Self::Fetched(Ok(certificate)) => {
                writer.element(tag::REASON, &[&[Reason::SUCCESS.0]])?;
                write_certificate(&mut writer, certificate)?;
            }
            Self::KeyGenerated(Err(reason))
            | Self::Fetched(Err(reason))
            | Self::Stored(reason)
            | Self::Deleted(reason) => writer.element(tag::REASON, &[&[reason.0]])?,
        }
        writer.finish()
    }

    /// Reads the elements behind a header. The session id has been checked.
    ///
    /// # Errors
    /// [`Error`]; a command that phones do not send among them.
    pub fn decode(header: Header, body: &[u8], tolerated: &mut Tolerated) -> Result<Self, Error> {
        let mut read = |command, wanted: &[u8]| Fields::read(command, body, wanted, tolerated);
        Ok(match Command::from_byte(header.command) {
            Some(command @ Command::AuthResponse) => {
                let fields = read(command, AUTH_TAGS)?;
                Self::Auth(Box::new(AuthResponse::read(&fields, tolerated)?))
            }
            Some(command @ Command::RequestInProgress) => {
                read(command, &[])?;
                Self::InProgress
            }
            Some(command @ Command::KeyGenerateResponse) => {
                let fields = read(command, &[tag::REASON, tag::PUBLIC_KEY])?;
                Self::KeyGenerated(generated(&fields, tolerated)?)
            }
            Some(command @ Command::StoreCertificateResponse) => Self::Stored(reason(&read(command, &[tag::REASON])?)?),
            Some(command @ Command::DeleteCertificateResponse) => {
                Self::Deleted(reason(&read(command, &[tag::REASON])?)?)
            }
            Some(command @ Command::FetchCertificateResponse) => {
                let fields = read(command, &[tag::REASON, tag::CERTIFICATE])?;
                Self::Fetched(match reason(&fields)? {
                    Reason::SUCCESS => Ok(read_certificate(fields.need(tag::CERTIFICATE)?, tolerated)?),
                    other => Err(other),
                })
            }
            _ => return Err(Error::Command { found: header.command, wanted: "a message of a phone" }),
        })
    }
}

/// What is read in an AUTH_RESPONSE.
const AUTH_TAGS: &[u8] = &[
    tag::REASON,
    tag::CERTIFICATE,
    tag::SIGNED_DATA,
    tag::VERSION,
    tag::PASSWORD,
    tag::DEVICE_NAME,
    tag::SUDI_DATA,
    tag::SHA2_SIGNED_DATA,
];

fn reason(fields: &Fields<'_>) -> Result<Reason, Error> {
    Ok(Reason(byte(fields.need(tag::REASON)?)?))
}

/// A key with REASON 0 or 1 is a key; with another one it is a failure, whatever stands beside it.
fn generated(fields: &Fields<'_>, tolerated: &mut Tolerated) -> Result<Result<Vec<u8>, Reason>, Error> {
    let said = fields.get(tag::REASON).map(byte).transpose()?.map(Reason);
    let key = fields.get(tag::PUBLIC_KEY);
    match (said, key) {
        (Some(said), None) => Ok(Err(said)),
        (Some(said), Some(_)) if said != Reason::SUCCESS && said != Reason::NO_ACTION => Ok(Err(said)),
        (said, _) => {
            let key = filled(fields.need(tag::PUBLIC_KEY)?, MAX_PUBLIC_KEY)?.to_vec();
            if said.is_some() {
                tolerated.add(Tolerance::ReasonWithKey);
            }
            Ok(Ok(key))
        }
    }
}
