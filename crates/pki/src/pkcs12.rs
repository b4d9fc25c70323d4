//! A private key with its certificate in one file behind a password (PKCS#12, RFC 7292): how an ITLRecovery key is kept
//! outside its cluster.

use openssl::pkcs12::Pkcs12;
use openssl::x509::X509;

use crate::certificate::Certificate;
use crate::key::{KeyError, SoftKey};

/// Letters of a password at least. A key of a whole cluster deserves more.
pub const LEAST_PASSWORD: usize = 8;

/// Largest file that is read, bytes: a key of 4096 bits with its certificate has some 6 000.
pub const FILE_LIMIT: usize = 64 << 10;

/// What is wrong with a file or its password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Pkcs12Error {
    /// The password is too short to be of use.
    #[error("the password has less than {LEAST_PASSWORD} characters; choose a longer one")]
    ShortPassword,
    /// Not such a file.
    #[error("not a PKCS#12 file ({0}); give the ITLRecovery.p12 of a publisher")]
    Unreadable(String),
    /// It does not open.
    #[error("the file does not open; the password is another one, or the file is damaged")]
    WrongPassword,
    /// It holds something else.
    #[error("the file holds no key with its certificate; give the ITLRecovery.p12 of a publisher")]
    Incomplete,
    /// The key is of no use.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// Whether a password is long enough for a new file.
///
/// # Errors
/// [`Pkcs12Error::ShortPassword`].
pub fn check_password(password: &str) -> Result<(), Pkcs12Error> {
    if password.chars().count() < LEAST_PASSWORD { Err(Pkcs12Error::ShortPassword) } else { Ok(()) }
}

/// Writes a key and its certificate. `name` is the friendly name. The password is not kept.
///
/// # Errors
/// [`Pkcs12Error::ShortPassword`]; [`Pkcs12Error::Unreadable`] when the library refuses.
pub fn write(name: &str, certificate: &Certificate, key: &SoftKey, password: &str) -> Result<Vec<u8>, Pkcs12Error> {
    check_password(password)?;
    let make = || {
        let x509 = X509::from_der(certificate.der())?;
        Pkcs12::builder().name(name).pkey(key.openssl()).cert(&x509).build2(password)?.to_der()
    };
    make().map_err(|error: openssl::error::ErrorStack| Pkcs12Error::Unreadable(error.to_string()))
}

/// Opens a file.
///
/// # Errors
/// [`Pkcs12Error`]: too large, another format, another password, no key, a key that is not the one of the certificate.
pub fn read(bytes: &[u8], password: &str) -> Result<(Certificate, SoftKey), Pkcs12Error> {
    if bytes.len() > FILE_LIMIT {
        return Err(Pkcs12Error::Unreadable(format!("{} bytes", bytes.len())));
    }
    let file = Pkcs12::from_der(bytes).map_err(|error| Pkcs12Error::Unreadable(error.to_string()))?;
    let parts = file.parse2(password).map_err(|_| Pkcs12Error::WrongPassword)?;
    let (Some(x509), Some(key)) = (parts.cert, parts.pkey) else {
        return Err(Pkcs12Error::Incomplete);
    };
    let der = x509.to_der().map_err(|error| Pkcs12Error::Unreadable(error.to_string()))?;
    let certificate = Certificate::from_der(&der).map_err(|error| Pkcs12Error::Unreadable(error.to_string()))?;
    let key = SoftKey::from_openssl(key)?;
    if certificate.key_id() != key.key_id() {
        return Err(Pkcs12Error::Incomplete);
    }
    Ok((certificate, key))
}
