//! A private key in memory.

use openssl::ec::{EcGroup, EcKey};
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, Private};
use openssl::rsa::Rsa;
use openssl::sign::Signer as OpensslSigner;
use wire::digest::DigestId;
use zeroize::Zeroizing;

use crate::file_kind::FileKind;
use crate::hash::{message_digest, sha256};
use crate::signer::{SignError, Signer};

/// A private key, RSA or EC. OpenSSL clears it when it is dropped.
#[derive(Clone)]
pub struct SoftKey {
    key: PKey<Private>,
    spki: Vec<u8>,
}

/// Why there is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not a private key.
    #[error("no usable private key: {0}; give an unencrypted PEM key")]
    Unreadable(String),
    /// A private key behind a pass phrase.
    #[error(
        "the private key has a pass phrase; `openssl pkey -in FILE -out PLAIN` writes it without, and asks for the phrase"
    )]
    PassPhrase,
    /// Several private keys: which one is meant nobody can know.
    #[error("holds {0} private keys; give a file with the one that belongs to the certificate")]
    Several(usize),
    /// Another kind of file.
    #[error("is {0} and no private key; give the key as PEM without a pass phrase")]
    Kind(String),
    /// Key generation failed.
    #[error("cannot generate an {kind} key of {bits} bits: {reason}")]
    Generation {
        /// `RSA` or `EC`.
        kind: &'static str,
        /// Size asked for.
        bits: u32,
        /// What the library said.
        reason: String,
    },
}

impl SoftKey {
    /// A new RSA key with exponent 65537. Draws from the random source of OpenSSL; takes from milliseconds (1024 bits)
    /// to seconds (4096): call it off the reactor.
    ///
    /// # Errors
    /// [`KeyError::Generation`].
    pub fn generate_rsa(bits: u32) -> Result<Self, KeyError> {
        let failed =
            |error: openssl::error::ErrorStack| KeyError::Generation { kind: "RSA", bits, reason: error.to_string() };
        let key = PKey::from_rsa(Rsa::generate(bits).map_err(failed)?).map_err(failed)?;
        Self::from_openssl(key)
    }

    /// A new key on the curve P-256, P-384 or P-521, by its bits. Draws from the random source of OpenSSL; takes microseconds.
    ///
    /// # Errors
    /// [`KeyError::Generation`]: another size, or the library refuses.
    pub fn generate_ec(bits: u32) -> Result<Self, KeyError> {
        let failed = |reason: String| KeyError::Generation { kind: "EC", bits, reason };
        let curve = match bits {
            256 => Nid::X9_62_PRIME256V1,
            384 => Nid::SECP384R1,
            521 => Nid::SECP521R1,
            _ => return Err(failed("there are curves of 256, 384 and 521 bits".to_owned())),
        };
        let make = || PKey::from_ec_key(EcKey::generate(&*EcGroup::from_curve_name(curve)?)?);
        Self::from_openssl(make().map_err(|error: openssl::error::ErrorStack| failed(error.to_string()))?)
    }

    /// Whether the key is on an elliptic curve.
    #[must_use]
    pub fn is_ec(&self) -> bool {
        self.key.id() == Id::EC
    }

    /// Size of the key in bits.
    #[must_use]
    pub fn bits(&self) -> u32 {
        self.key.bits()
    }

    /// Reads a PEM private key; certificates before it (a bundle) are passed over.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_pem(pem: &[u8]) -> Result<Self, KeyError> {
        // PKCS#8, and the older form with its header (RFC 1421, 4.6.1.1).
        let holds = |words: &str| pem.windows(words.len()).any(|window| window == words.as_bytes());
        if holds("-----BEGIN ENCRYPTED PRIVATE KEY-----") || holds("\nProc-Type: 4,ENCRYPTED") {
            return Err(KeyError::PassPhrase);
        }
        let keys = crate::pem::blocks(pem).flatten().filter(|block| block.label.ends_with("PRIVATE KEY")).count();
        if keys > 1 {
            return Err(KeyError::Several(keys));
        }
        let kind = FileKind::of(pem);
        if keys == 0 && !matches!(kind, FileKind::Text | FileKind::Unknown | FileKind::Pem(_)) {
            return Err(KeyError::Kind(kind.name()));
        }
        // The callback gives no pass phrase: without it OpenSSL would ask on the terminal.
        let key = PKey::private_key_from_pem_callback(pem, |_| Ok(0))
            .map_err(|error| KeyError::Unreadable(error.to_string()))?;
        Self::from_openssl(key)
    }

    pub(crate) fn from_openssl(key: PKey<Private>) -> Result<Self, KeyError> {
        let spki = key.public_key_to_der().map_err(|error| KeyError::Unreadable(error.to_string()))?;
        Ok(Self { key, spki })
    }

    /// PKCS#8 PEM without encryption, cleared when dropped.
    ///
    /// # Errors
    /// [`KeyError::Unreadable`] when the library cannot write it.
    pub fn to_pem(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let pem = self.key.private_key_to_pem_pkcs8();
        pem.map(Zeroizing::new).map_err(|error| KeyError::Unreadable(error.to_string()))
    }

    /// SHA-256 of the SubjectPublicKeyInfo: the name of the key in a key store.
    #[must_use]
    pub fn key_id(&self) -> [u8; 32] {
        sha256(&self.spki)
    }

    /// The key for a TLS context.
    #[must_use]
    pub fn openssl(&self) -> &PKey<Private> {
        &self.key
    }
}

impl Signer for SoftKey {
    fn spki(&self) -> &[u8] {
        &self.spki
    }

    fn sign(&self, digest: DigestId, parts: &[&[u8]]) -> Result<Vec<u8>, SignError> {
        self.sign_all(digest, parts.iter().map(Ok))
    }

    fn sign_pieces(
        &self,
        digest: DigestId,
        pieces: &mut dyn Iterator<Item = Result<Vec<u8>, SignError>>,
    ) -> Result<Vec<u8>, SignError> {
        self.sign_all(digest, pieces)
    }
}

impl SoftKey {
    fn sign_all(
        &self,
        digest: DigestId,
        pieces: impl Iterator<Item = Result<impl AsRef<[u8]>, SignError>>,
    ) -> Result<Vec<u8>, SignError> {
        let algorithm = message_digest(digest).ok_or(SignError::Digest(digest))?;
        let failed = |error: openssl::error::ErrorStack| SignError::Failed(error.to_string());
        let mut signer = OpensslSigner::new(algorithm, &self.key).map_err(failed)?;
        for piece in pieces {
            signer.update(piece?.as_ref()).map_err(failed)?;
        }
        signer.sign_to_vec().map_err(failed)
    }
}

impl std::fmt::Debug for SoftKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "SoftKey({})", crate::hash::hex(&self.key_id()))
    }
}
