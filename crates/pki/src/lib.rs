//! Keys and certificates: everything that needs a cipher, a hash or X.509, and nothing that needs a socket or a clock.
//!
//! * [`bundle`]: the door for files of certificates, whatever their encoding; [`pem`], [`file_kind`]: what they look like
//! * [`certificate`], [`name`]: an X.509 certificate and the forms of its names
//! * [`key`]: a key in memory; [`signer`]: what can sign, in memory or elsewhere
//! * [`profile`]: self-signed certificates to the byte of a release; [`request`]: requests to a CA
//! * [`pkcs7`]: chains of CAs in one file
//! * [`extensions`]: what certificates and requests say of names and purposes
//! * [`revocation`]: what CRLs and OCSP responses say of a certificate
//! * [`sign`], [`verify`], [`encrypt`]: trust lists, `.sgn` and `.enc.sgn` files
//! * [`capf`]: proofs of phones and the keys they hand in; [`lsc`]: the certificates they get
//! * [`pkcs12`]: a key with its certificate in one file, behind a password
//! * [`mod@age`]: any file behind a passphrase
//! * [`token`]: USB tokens, whose keys never leave them; [`mod@ctl_client`]: the CTL that they sign
//! * [`date`](mod@date): times as people read them
//! * [`listing`], [`text`]: the words of `show ctl` and `show cert own`
//!
//! Random bytes (serial numbers, AES keys) come from the caller through [`Random`]; only key generation draws from the
//! random source of OpenSSL.
#![warn(missing_docs)]

pub mod age;
pub mod bundle;
pub mod capf;
pub mod certificate;
pub mod ctl_client;
pub mod date;
pub mod encrypt;
pub mod extensions;
pub mod file_kind;
pub mod hash;
pub mod key;
pub mod listing;
pub mod lsc;
pub mod name;
pub mod pem;
pub mod pkcs12;
pub mod pkcs7;
pub mod profile;
pub mod request;
pub mod revocation;
pub mod sign;
pub mod signer;
pub mod text;
mod tlv;
pub mod token;
pub mod verify;
mod x509;

pub use certificate::Certificate;
pub use key::SoftKey;
pub use name::NameForm;
pub use signer::{SignError, Signer};

/// A source of random bytes, fit for keys.
pub trait Random {
    /// Fills `out`.
    ///
    /// # Errors
    /// When the source has none to give; nothing may be made from `out` then.
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError>;
}

/// The random source failed. Nothing was made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the random source gave no bytes: {0}")]
pub struct RandomError(pub String);

/// The random source of OpenSSL, for the edge of the program and for tests.
#[derive(Debug, Clone, Copy, Default)]
pub struct OpensslRandom;

impl Random for OpensslRandom {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        openssl::rand::rand_bytes(out).map_err(|error| RandomError(error.to_string()))
    }
}
