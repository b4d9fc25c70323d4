//! An open token, and the signer behind it.

use std::sync::{Arc, Mutex};

use cryptoki::error::Error;
use cryptoki::mechanism::Mechanism;
use cryptoki::object::ObjectHandle;
use cryptoki::session::Session;
use wire::digest::DigestId;

use super::error::TokenError;
use super::find::{self, TokenCertificate};
use super::module::{TokenInfo, TokenModule};
use crate::certificate::Certificate;
use crate::hash;
use crate::signer::{SignError, Signer};

/// An open token. Logs out when dropped.
pub struct Token {
    info: TokenInfo,
    // before the module: it is closed first
    session: Arc<Mutex<Session>>,
    module: TokenModule,
}

impl Token {
    pub(super) fn new(module: TokenModule, info: TokenInfo, session: Session) -> Self {
        Self { module, info, session: Arc::new(Mutex::new(session)) }
    }

    /// The token.
    #[must_use]
    pub fn info(&self) -> &TokenInfo {
        &self.info
    }

    /// Runs something in the session, on the thread of the module.
    pub(super) fn with<T: Send + 'static>(
        &self,
        what: &'static str,
        work: impl FnOnce(&Session) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, TokenError> {
        let session = Arc::clone(&self.session);
        let outcome = self.module.call(move |_| match session.lock() {
            Ok(session) => work(&session),
            Err(_) => Err(Error::InvalidValue),
        })?;
        outcome.map_err(|error| TokenError::of(&error, what, &self.info))
    }

    /// The certificates on the token; they can be read without a PIN.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn certificates(&self) -> Result<Vec<TokenCertificate>, TokenError> {
        let raw = self.with("reading the certificates", find::certificates)?;
        raw.into_iter().map(|raw| raw.read(&self.info)).collect()
    }

    /// The certificate that would sign, as far as can be seen without a PIN: the only one, or the one whose label or serial number
    /// is `wanted`.
    ///
    /// # Errors
    /// As [`Self::identity`].
    pub fn certificate(&self, wanted: Option<&str>) -> Result<Certificate, TokenError> {
        find::choose_public(&self.info, self.certificates()?, wanted).map(|chosen| chosen.certificate)
    }

    /// The certificate with its key: the only one, or the one whose label or serial number is `wanted`. Its dates are not looked at:
    /// [`TokenInfo::check_date`].
    ///
    /// # Errors
    /// [`TokenError`]: none, several, of a CA, not RSA.
    pub fn identity(self, wanted: Option<&str>) -> Result<TokenIdentity, TokenError> {
        let certificates = self.certificates()?;
        let keys = self.with("reading the keys", find::keys)?;
        let (chosen, key) = find::choose(&self.info, certificates, &keys, wanted)?;
        Ok(TokenIdentity { token: self, certificate: chosen.certificate, key })
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Token({})", self.info.name())
    }
}

/// A certificate on a token and the key that goes with it.
#[derive(Debug)]
pub struct TokenIdentity {
    token: Token,
    certificate: Certificate,
    key: ObjectHandle,
}

impl TokenIdentity {
    /// The certificate.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The token.
    #[must_use]
    pub fn info(&self) -> &TokenInfo {
        &self.token.info
    }

    /// The signature over the joined parts. The hash is made here, the token gets the DigestInfo (RFC 8017 9.2): old tokens
    /// know no SHA-512, and none of them wants 64 kB.
    ///
    /// # Errors
    /// [`TokenError`]; nothing was signed then.
    pub fn sign_on_token(&self, digest: DigestId, parts: &[&[u8]]) -> Result<Vec<u8>, TokenError> {
        let unknown = || TokenError::Module { what: "signing", reason: format!("digest {digest} is not available") };
        let hashed = hash::digest(digest, parts).ok_or_else(unknown)?;
        let info = digest_info(digest, &hashed).ok_or_else(unknown)?;
        let key = self.key;
        let signature = self.token.with("signing", move |session| session.sign(&Mechanism::RsaPkcs, key, &info))?;
        if self.certificate.verifies(digest, parts, &signature) {
            Ok(signature)
        } else {
            Err(TokenError::BadSignature { token: self.token.info.name() })
        }
    }
}

impl Signer for TokenIdentity {
    fn spki(&self) -> &[u8] {
        self.certificate.spki()
    }

    fn sign(&self, digest: DigestId, parts: &[&[u8]]) -> Result<Vec<u8>, SignError> {
        self.sign_on_token(digest, parts).map_err(|error| SignError::Failed(error.to_string()))
    }
}

/// DigestInfo, DER (RFC 8017 9.2, note 1): a fixed head for each digest, then the hash.
fn digest_info(digest: DigestId, hashed: &[u8]) -> Option<Vec<u8>> {
    let head: &[u8] = match digest {
        DigestId::SHA1 => &[0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14],
        DigestId::SHA256 => &[
            0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04,
            0x20,
        ],
        DigestId::SHA512 => &[
            0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04,
            0x40,
        ],
        _ => return None,
    };
    Some([head, hashed].concat())
}
