//! What every signed file needs: layout, digest, time, name, and the key that belongs to a certificate.

use std::path::Path;
use std::str::FromStr;
use std::time::SystemTime;

use clap::ValueEnum;
use jiff::Timestamp;
use pki::sign::SigningIdentity;
use pki::{Certificate, NameForm, SoftKey};
use wire::digest::DigestId;

use crate::exit::Failure;
use crate::files::input;
use crate::terminal;

/// Largest RSA key that all phones with trust lists verify, in bits [sources/trust-lists#limits].
pub const RSA_LIMIT: usize = 2048;

/// Who writes like this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Layout {
    /// Names `CN=..;OU=..`, records with host name and address
    Cucm,
    /// Names `C=..,O=..`, short records, as the Python tools write
    Peer,
}

impl From<Layout> for wire::header::Layout {
    fn from(layout: Layout) -> Self {
        match layout {
            Layout::Cucm => Self::Cucm,
            Layout::Peer => Self::Peer,
        }
    }
}

/// Options of everything that is signed.
#[derive(Debug, clap::Args)]
pub struct Making {
    /// Order of fields and form of names
    #[arg(long, value_enum, default_value_t = Layout::Cucm)]
    pub layout: Layout,
    /// sha1, which every phone knows, or sha512
    #[arg(long, default_value = "sha1")]
    pub digest: DigestId,
    /// FILENAME in the header
    #[arg(long, value_name = "NAME")]
    pub filename: Option<String>,
    /// TIMESTAMP in the header: seconds since 1970 or 2026-03-01T12:00:00Z [default: now]
    #[arg(long, value_name = "TIME")]
    timestamp: Option<Seconds>,
}

impl Making {
    /// TIMESTAMP: what was given, or now.
    pub fn timestamp(&self) -> Result<u32, Failure> {
        match self.timestamp {
            Some(Seconds(seconds)) => Ok(seconds),
            None => u32::try_from(input::seconds(SystemTime::now())).map_err(|_| {
                Failure::CouldNotTell(
                    "the clock is past 2106, which TIMESTAMP cannot hold; give --timestamp".to_owned(),
                )
            }),
        }
    }
}

/// Seconds since 1970 UTC that fit TIMESTAMP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seconds(u32);

impl FromStr for Seconds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let seconds = if text.bytes().all(|byte| byte.is_ascii_digit()) {
            text.parse::<i64>().map_err(|error| error.to_string())?
        } else {
            text.parse::<Timestamp>().map_err(|error| error.to_string())?.as_second()
        };
        u32::try_from(seconds)
            .map(Self)
            .map_err(|_| format!("`{text}` is outside 1970 to 2106, which TIMESTAMP can hold"))
    }
}

/// A certificate with its key.
pub struct Pair {
    certificate: Certificate,
    key: SoftKey,
}

impl Pair {
    /// Reads the certificate from `cert` and the key from `key`, or from the same file when `key` is not given.
    pub fn read(cert: &Path, key: Option<&Path>) -> Result<Self, Failure> {
        let certificate = input::certificate(cert)?;
        let key = input::key(key.unwrap_or(cert))?;
        Ok(Self { certificate, key })
    }

    /// Both, fit for signing.
    pub fn identity(&self) -> Result<SigningIdentity<'_>, Failure> {
        SigningIdentity::new(&self.certificate, &self.key).map_err(|error| Failure::CouldNotTell(error.to_string()))
    }

    /// The certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }
}

/// Warns about a key that some phones cannot verify.
pub fn warn_size(certificate: &Certificate) {
    if let Some(bits) = certificate.rsa_bits().filter(|bits| *bits > RSA_LIMIT) {
        terminal::warn(&format!(
            "{} has RSA {bits}; phones before the 7800 and 8800 series stop at {RSA_LIMIT}",
            certificate.subject(NameForm::Cucm)
        ));
    }
}
