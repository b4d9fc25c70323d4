//! `.enc.sgn`: a config that one phone can read [sources/signed-files#encrypted].

use openssl::encrypt::{Decrypter, Encrypter};
use openssl::pkey::{PKey, Public};
use openssl::rsa::Padding;
use openssl::symm::{Cipher, Crypter, Mode};
use wire::header::{Encryption, PADDING, Version};
use wire::signed_file::SignedFile;
use zeroize::Zeroizing;

use crate::certificate::Certificate;
use crate::hash;
use crate::key::SoftKey;
use crate::sign::{FileSpec, SigningIdentity, sign_payload};
use crate::signer::SignError;
use crate::{Random, RandomError};

/// Block of AES, and size of the key of AES-128.
const BLOCK: usize = 16;

/// Why a config was not encrypted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncryptError {
    /// Only RSA keys can unwrap.
    #[error("the device certificate {0} has a {1} key; encrypted configs need RSA")]
    NotRsa(String, String),
    /// No random bytes.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The library refused.
    #[error("encryption failed: {0}")]
    Failed(String),
    /// The signature failed.
    #[error(transparent)]
    Sign(#[from] SignError),
}

/// Why a config was not opened. A wrong key and a wrong hash are one error on purpose: telling them apart would help an
/// attacker who sends altered files.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// A field is missing or has a length that cannot be.
    #[error("{0}: {1}")]
    Malformed(&'static str, String),
    /// The hash id is not known.
    #[error("ENCRYPTIONHASHALGORITHM: id {0} is not known")]
    Unsupported(u8),
    /// The key does not unwrap, or what came out has another hash.
    #[error("the file does not open with this key, or it was altered")]
    Mismatch,
}

impl OpenError {
    /// The word for machines.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Malformed(..) => "malformed",
            Self::Unsupported(_) => "unsupported",
            Self::Mismatch => "hash-mismatch",
        }
    }
}

/// Encrypts a config for a device and signs it.
///
/// # Errors
/// [`EncryptError`].
pub fn encrypt_file(
    spec: &FileSpec<'_>,
    plain: &[u8],
    device: &Certificate,
    identity: &SigningIdentity<'_>,
    random: &mut dyn Random,
) -> Result<Vec<u8>, EncryptError> {
    let not_rsa = || EncryptError::NotRsa(device.subject(crate::NameForm::Cucm), device.key_kind().to_string());
    let key_bits = device.rsa_bits().and_then(|bits| u16::try_from(bits).ok()).ok_or_else(not_rsa)?;
    let mut key = Zeroizing::new([0_u8; BLOCK]);
    let mut iv = [0_u8; BLOCK];
    random.fill(key.as_mut_slice())?;
    random.fill(&mut iv)?;
    let failed = |error: openssl::error::ErrorStack| EncryptError::Failed(error.to_string());
    let public = device.openssl_key().map_err(|_| not_rsa())?;
    let wrapped_key = wrap(public, key.as_slice()).map_err(failed)?;
    let (padded, padding) = pad(plain);
    let cipher_text = aes_cbc(Mode::Encrypt, key.as_slice(), &iv, &padded).map_err(failed)?;
    let hash = hash::digest(spec.digest, &[plain]).ok_or(SignError::Digest(spec.digest))?;
    let encryption = Encryption { iv, padding, key_bits, wrapped_key, hash_algorithm: spec.digest, hash };
    Ok(sign_payload(spec, Version::ENCRYPTED, Some(encryption), cipher_text, identity)?)
}

/// The plain text with its padding, and how many bytes of padding there are: 1 to 16.
#[must_use]
pub fn pad(plain: &[u8]) -> (Zeroizing<Vec<u8>>, u16) {
    let missing = BLOCK - plain.len() % BLOCK;
    let mut padded = Zeroizing::new(Vec::with_capacity(plain.len() + missing));
    padded.extend_from_slice(plain);
    padded.resize(plain.len() + missing, PADDING);
    // 1..=16, so the conversion always holds
    (padded, u16::try_from(missing).unwrap_or_default())
}

/// What was inside an encrypted config.
#[derive(Clone, PartialEq, Eq)]
pub struct Opened {
    /// The plain XML, cleared when dropped.
    pub plain: Zeroizing<Vec<u8>>,
    /// The AES key, cleared when dropped.
    pub key: Zeroizing<Vec<u8>>,
}

/// Opens an encrypted config with the key of the device. Checks nothing but the hash inside: the signature is another
/// check ([`crate::verify`]).
///
/// # Errors
/// [`OpenError`].
pub fn open(file: &SignedFile, key: &SoftKey) -> Result<Opened, OpenError> {
    let malformed = |field, text: &str| OpenError::Malformed(field, text.to_owned());
    let fields = file.header().encryption();
    let fields = fields.ok_or_else(|| malformed("ENCRYPTIONINFO", "is missing"))?;
    let iv = fields.iv.ok_or_else(|| malformed("ENCRYPTIONIV", "is missing"))?;
    if iv.len() != BLOCK {
        return Err(OpenError::Malformed("ENCRYPTIONIV", format!("has {} bytes, must have 16", iv.len())));
    }
    let padding = fields.padding.ok_or_else(|| malformed("ENCRYPTIONPADDING", "is missing or not two bytes"))?;
    if !(1..=16).contains(&padding) {
        return Err(OpenError::Malformed("ENCRYPTIONPADDING", format!("{padding} is outside 1..=16")));
    }
    let wrapped = fields.wrapped_key.ok_or_else(|| malformed("ENCRYPTIONKEY", "is missing"))?;
    let algorithm = fields.hash_algorithm;
    let algorithm = algorithm.ok_or_else(|| malformed("ENCRYPTIONHASHALGORITHM", "is missing or not one byte"))?;
    let wanted = fields.hash.ok_or_else(|| malformed("ENCRYPTIONHASH", "is missing"))?;
    if algorithm.hash_length().is_none() {
        return Err(OpenError::Unsupported(algorithm.0));
    }
    let cipher_text = file.payload();
    if cipher_text.is_empty() || !cipher_text.len().is_multiple_of(BLOCK) {
        let reason = format!("{} bytes of cipher text are not a positive multiple of 16", cipher_text.len());
        return Err(OpenError::Malformed("payload", reason));
    }
    let key = unwrap(key, wrapped).ok_or(OpenError::Mismatch)?;
    let mut plain =
        aes_cbc(Mode::Decrypt, &key, iv, cipher_text).map(Zeroizing::new).map_err(|_| OpenError::Mismatch)?;
    let length = plain.len().saturating_sub(usize::from(padding));
    plain.truncate(length);
    let found = hash::digest(algorithm, &[&plain]).ok_or(OpenError::Unsupported(algorithm.0))?;
    if found.len() != wanted.len() || !openssl::memcmp::eq(&found, wanted) {
        return Err(OpenError::Mismatch);
    }
    Ok(Opened { plain, key })
}

fn wrap(public: &PKey<Public>, key: &[u8]) -> Result<Vec<u8>, openssl::error::ErrorStack> {
    let mut encrypter = Encrypter::new(public)?;
    encrypter.set_rsa_padding(Padding::PKCS1)?;
    let mut out = vec![0; encrypter.encrypt_len(key)?];
    let length = encrypter.encrypt(key, &mut out)?;
    out.truncate(length);
    Ok(out)
}

fn unwrap(key: &SoftKey, wrapped: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let run = || {
        let mut decrypter = Decrypter::new(key.openssl())?;
        decrypter.set_rsa_padding(Padding::PKCS1)?;
        let mut out = Zeroizing::new(vec![0; decrypter.decrypt_len(wrapped)?]);
        let length = decrypter.decrypt(wrapped, &mut out)?;
        out.truncate(length);
        Ok(out)
    };
    let outcome: Result<Zeroizing<Vec<u8>>, openssl::error::ErrorStack> = run();
    match outcome {
        Ok(key) if matches!(key.len(), 16 | 24 | 32) => Some(key),
        _ => None,
    }
}

fn aes_cbc(mode: Mode, key: &[u8], iv: &[u8], input: &[u8]) -> Result<Vec<u8>, openssl::error::ErrorStack> {
    let cipher = match key.len() {
        16 => Cipher::aes_128_cbc(),
        24 => Cipher::aes_192_cbc(),
        _ => Cipher::aes_256_cbc(),
    };
    let mut crypter = Crypter::new(cipher, mode, key, Some(iv))?;
    crypter.pad(false);
    let mut out = vec![0; input.len() + BLOCK];
    let mut length = crypter.update(input, &mut out)?;
    length += crypter.finalize(out.get_mut(length..).unwrap_or_default())?;
    out.truncate(length);
    Ok(out)
}
