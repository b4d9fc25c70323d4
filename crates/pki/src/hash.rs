//! Hashes, through OpenSSL.

use openssl::hash::{Hasher, MessageDigest};
use wire::digest::DigestId;

/// The OpenSSL digest of an id; `None` for an unknown id.
pub(crate) fn message_digest(id: DigestId) -> Option<MessageDigest> {
    match id {
        DigestId::SHA1 => Some(MessageDigest::sha1()),
        DigestId::SHA256 => Some(MessageDigest::sha256()),
        DigestId::SHA512 => Some(MessageDigest::sha512()),
        _ => None,
    }
}

/// Hash of joined parts; `None` for an unknown digest id or when the library refuses the digest.
#[must_use]
pub fn digest(id: DigestId, parts: &[&[u8]]) -> Option<Vec<u8>> {
    hash(message_digest(id)?, parts)
}

/// MD5, 16 bytes: only for showing and comparing files, never for trust. Empty when the library forbids MD5 (FIPS).
#[must_use]
pub fn md5(bytes: &[u8]) -> Vec<u8> {
    hash(MessageDigest::md5(), &[bytes]).unwrap_or_default()
}

/// SHA-1, 20 bytes.
#[must_use]
pub fn sha1(bytes: &[u8]) -> Vec<u8> {
    hash(MessageDigest::sha1(), &[bytes]).unwrap_or_default()
}

/// SHA-256, 32 bytes.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    openssl::sha::sha256(bytes)
}

/// SHA-256 and length of what is read through it.
pub struct HashedReader<R> {
    inner: R,
    hasher: openssl::sha::Sha256,
    length: u64,
}

impl<R: std::io::Read> HashedReader<R> {
    /// Of nothing so far.
    pub fn new(inner: R) -> Self {
        Self { inner, hasher: openssl::sha::Sha256::new(), length: 0 }
    }

    /// The SHA-256, and how many bytes it is of.
    pub fn finish(self) -> ([u8; 32], u64) {
        (self.hasher.finish(), self.length)
    }
}

impl<R: std::io::Read> std::io::Read for HashedReader<R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let length = self.inner.read(out)?;
        self.hasher.update(out.get(..length).unwrap_or_default());
        self.length += length as u64;
        Ok(length)
    }
}

fn hash(digest: MessageDigest, parts: &[&[u8]]) -> Option<Vec<u8>> {
    let run = || {
        let mut hasher = Hasher::new(digest)?;
        for part in parts {
            hasher.update(part)?;
        }
        hasher.finish()
    };
    let result: Result<_, openssl::error::ErrorStack> = run();
    match result {
        Ok(bytes) => Some(bytes.to_vec()),
        Err(_) => None,
    }
}

/// Lower-case hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    spell(bytes, "", false)
}

/// Hexadecimal digits with a separator, as in `70:CA:F6` or `E9 D4 33`.
#[must_use]
pub fn spell(bytes: &[u8], separator: &str, upper: bool) -> String {
    use std::fmt::Write;
    let mut out = String::with_capacity(bytes.len() * (2 + separator.len()));
    for (index, byte) in bytes.iter().enumerate() {
        if index > 0 {
            out.push_str(separator);
        }
        let written = if upper { write!(out, "{byte:02X}") } else { write!(out, "{byte:02x}") };
        debug_assert!(written.is_ok(), "a String takes everything");
    }
    out
}

/// Base64 in one line.
#[must_use]
pub fn base64(bytes: &[u8]) -> String {
    openssl::base64::encode_block(bytes)
}
