//! `.sgn` and `.enc.sgn` files: a header, then the payload to the end of the file [sources/signed-files#container].

use crate::error::Malformed;
use crate::header::Header;

/// A decoded signed file. Says nothing about its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedFile {
    file: Vec<u8>,
    header: Header,
}

impl SignedFile {
    /// Reads a whole file.
    ///
    /// # Errors
    /// [`Malformed`] as [`Header::decode`] gives it. No payload length is stored, so a payload cannot be wrong.
    pub fn decode(file: impl Into<Vec<u8>>) -> Result<Self, Malformed> {
        let file = file.into();
        let header = Header::decode(&file)?;
        Ok(Self { file, header })
    }

    /// The file as it was read, to the byte.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.file
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Everything behind the header: the signed file itself, or the cipher text of a `.enc.sgn`.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        self.file.get(self.header.length()..).unwrap_or_default()
    }

    /// Whether the payload is cipher text: the header has ENCRYPTIONINFO or says version 2.0.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.header.encryption(&self.file).is_some()
            || self.header.version(&self.file) == crate::header::Version::ENCRYPTED
    }
}

/// Whether bytes are plain XML, which no signed file starts with.
#[must_use]
pub fn is_plain_xml(file: &[u8]) -> bool {
    file.first() == Some(&b'<')
}
