//! What can sign. A key may be in memory ([`crate::SoftKey`]) or where it never leaves.

use wire::digest::DigestId;

/// Signs with RSA PKCS#1 v1.5, which is all that phones verify in files.
pub trait Signer: Send + Sync {
    /// SubjectPublicKeyInfo of the key, DER: to hold the key against its certificate.
    fn spki(&self) -> &[u8];

    /// The signature over the joined parts.
    ///
    /// # Errors
    /// [`SignError`]; nothing was signed.
    fn sign(&self, digest: DigestId, parts: &[&[u8]]) -> Result<Vec<u8>, SignError>;

    /// The same over pieces that come one after the other: of a file that is not held in memory. Who has no way of its own
    /// gathers them.
    ///
    /// # Errors
    /// [`SignError`], the first of a piece included; nothing was signed.
    fn sign_pieces(
        &self,
        digest: DigestId,
        pieces: &mut dyn Iterator<Item = Result<Vec<u8>, SignError>>,
    ) -> Result<Vec<u8>, SignError> {
        let gathered = pieces.collect::<Result<Vec<Vec<u8>>, SignError>>()?;
        let parts: Vec<&[u8]> = gathered.iter().map(Vec::as_slice).collect();
        self.sign(digest, &parts)
    }
}

/// Why there is no signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The key belongs to another certificate.
    #[error("the key does not belong to the certificate {0}; give the key of that certificate")]
    KeyOfAnother(String),
    /// Trust lists and configs are signed with RSA of 512, 1024, 2048 or 4096 bits.
    #[error(
        "this key ({0}) cannot sign for phones: they verify RSA with PKCS#1 v1.5, of 512, 1024, 2048 and 4096 bits only"
    )]
    Unsuitable(String),
    /// The format cannot hold it.
    #[error(transparent)]
    Unwritable(#[from] wire::error::Unwritable),
    /// The digest is not known or not allowed by the library.
    #[error("digest {0} is not available")]
    Digest(DigestId),
    /// What is to be signed cannot be read.
    #[error("{0}")]
    Unreadable(String),
    /// The library or the token refused.
    #[error("signing failed: {0}")]
    Failed(String),
}
