//! `.sgn` and `.enc.sgn` files: a header, then the payload to the end of the file [sources/signed-files#container].

use crate::error::Malformed;
use crate::header::{Header, HeaderView, Version};

/// A decoded signed file, or the start of one with its whole header. Says nothing about its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedFile<B = Vec<u8>> {
    file: B,
    header: Header,
}

impl SignedFile {
    /// Reads a whole file.
    ///
    /// # Errors
    /// Those of [`SignedFile::of`].
    pub fn decode(file: impl Into<Vec<u8>>) -> Result<Self, Malformed> {
        Self::of(file.into())
    }
}

impl<'a> SignedFile<&'a [u8]> {
    /// What stands of a file that may have been cut anywhere, to tell what it was: VERSION, and the fields behind it that are whole. `None`
    /// when the file does not begin as one. Nothing of it is to be believed.
    #[must_use]
    pub fn begun(file: &'a [u8]) -> Option<Self> {
        Header::begun(file).map(|header| Self { file, header })
    }
}

impl<B: AsRef<[u8]>> SignedFile<B> {
    /// Reads a file where it stands.
    ///
    /// # Errors
    /// [`Malformed`]: shorter than 10 bytes, another first or second field, HEADERLENGTH outside 10..=file size, a field past the end of
    /// the header. No payload length is stored, so a payload cannot be wrong.
    pub fn of(file: B) -> Result<Self, Malformed> {
        let header = Header::decode(file.as_ref())?;
        Ok(Self { file, header })
    }

    /// The file as it was read, to the byte.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.file.as_ref()
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> HeaderView<'_> {
        HeaderView::new(self.bytes(), &self.header)
    }

    /// Everything behind the header: the signed file itself, or the cipher text of a `.enc.sgn`.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        self.bytes().get(self.header.length()..).unwrap_or_default()
    }

    /// Whether the payload is cipher text: the header has ENCRYPTIONINFO or says version 2.0.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        let header = self.header();
        header.encryption().is_some() || header.version() == Version::ENCRYPTED
    }
}

/// Whether bytes are plain XML, which no signed file starts with.
#[must_use]
pub fn is_plain_xml(file: &[u8]) -> bool {
    file.first() == Some(&b'<')
}
