//! A header as it stands in a file.

use super::{
    CANAME, CONTAINERS, DIGESTALGORITHM, ENCRYPTIONHASH, ENCRYPTIONHASHALGORITHM, ENCRYPTIONINFO, ENCRYPTIONIV,
    ENCRYPTIONKEY, ENCRYPTIONPADDING, FILE_LIMIT, FILENAME, HEADERLENGTH, LEAST_HEADER, PADDING, SERIALNUMBER,
    SIGNATURE, SIGNERNAME, SIGNERVERSION, TIMESTAMP, VERSION, Version, tag_name,
};
use crate::digest::DigestId;
use crate::error::{Malformed, Reason};
use crate::tlv::{Field, Part, Reader, untext};

const PART: Part = Part { name: "header", containers: &CONTAINERS, tag_name };

/// A decoded header: its fields in the order of the file, unknown ones included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    fields: Vec<Field>,
    length: usize,
    padding: usize,
}

impl Header {
    /// Reads the header at the start of `file`.
    ///
    /// As phones do, it stops at the first padding byte and takes everything from there to HEADERLENGTH as padding
    /// [sources/trust-lists#padding], so that the reset file of older releases (two headers) reads like on a phone.
    ///
    /// # Errors
    /// [`Malformed`]: shorter than 10 bytes, another first or second field, HEADERLENGTH outside 10..=file size, a field
    /// past the end of the header.
    pub(crate) fn decode(file: &[u8]) -> Result<Self, Malformed> {
        if file.len() > FILE_LIMIT {
            return Err(Malformed::new(0, "file", Reason::TooLarge { found: file.len(), limit: FILE_LIMIT }));
        }
        let Some(&[tag1, v_high, v_low, _, _, tag2, h_high, h_low, high, low]) = file.first_chunk::<LEAST_HEADER>()
        else {
            return Err(Malformed::new(0, "header", Reason::Truncated { need: LEAST_HEADER, have: file.len() }));
        };
        fixed(0, VERSION, tag1, [v_high, v_low])?;
        fixed(5, HEADERLENGTH, tag2, [h_high, h_low])?;
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length < LEAST_HEADER || length > file.len() {
            let reason = Reason::OutOfRange { found: length, least: LEAST_HEADER, most: file.len() };
            return Err(Malformed::new(8, "HEADERLENGTH", reason));
        }
        let mut fields = Vec::with_capacity(16);
        fields.push(Field { tag: VERSION, offset: 0, length: 2, value: 3..5 });
        fields.push(Field { tag: HEADERLENGTH, offset: 5, length: 2, value: 8..10 });
        let mut reader = Reader::new(file.get(LEAST_HEADER..length).unwrap_or_default(), LEAST_HEADER);
        while reader.next_tag().is_some_and(|tag| tag != PADDING) {
            fields.push(PART.field(&mut reader)?);
        }
        Ok(Self { fields, length, padding: reader.left() })
    }

    /// What stands of a header in a file that may have been cut anywhere, to tell what it was: VERSION, and the fields behind it that
    /// are whole. `None` when the file does not begin as one. Nothing of it is to be believed.
    #[must_use]
    pub(crate) fn begun(file: &[u8]) -> Option<Self> {
        let start = file.first_chunk::<5>()?;
        if !matches!(start, [VERSION, 0, 2, _, _]) {
            return None;
        }
        let mut fields = Vec::with_capacity(16);
        fields.push(Field { tag: VERSION, offset: 0, length: 2, value: 3..5 });
        let length = match file.first_chunk::<LEAST_HEADER>() {
            Some(&[.., HEADERLENGTH, 0, 2, high, low]) => usize::from(u16::from_be_bytes([high, low])),
            _ => return Some(Self { fields, length: file.len(), padding: 0 }),
        };
        let end = length.min(file.len());
        let mut reader = Reader::new(file.get(LEAST_HEADER..end).unwrap_or_default(), LEAST_HEADER);
        while reader.next_tag().is_some_and(|tag| tag != PADDING) {
            let Ok(field) = PART.field(&mut reader) else { break };
            fields.push(field);
        }
        Some(Self { fields, length, padding: 0 })
    }

    /// Bytes of the header.
    pub(crate) fn length(&self) -> usize {
        self.length
    }
}

/// A header together with the file that it was read from, so that it cannot be asked with another.
#[derive(Debug, Clone, Copy)]
pub struct HeaderView<'a> {
    file: &'a [u8],
    header: &'a Header,
}

impl<'a> HeaderView<'a> {
    pub(crate) fn new(file: &'a [u8], header: &'a Header) -> Self {
        Self { file, header }
    }

    /// All fields in order with their values; containers with an empty value, their children behind them.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = (&'a Field, &'a [u8])> + use<'a> {
        let file = self.file;
        self.header.fields.iter().map(move |field| (field, field.bytes(file)))
    }

    /// HEADERLENGTH, bytes.
    #[must_use]
    pub fn length(&self) -> usize {
        self.header.length
    }

    /// Bytes from the first padding byte to the end of the header.
    #[must_use]
    pub fn padding(&self) -> usize {
        self.header.padding
    }

    /// The first field with a tag: the one that counts.
    #[must_use]
    pub fn field(&self, tag: u8) -> Option<&'a Field> {
        self.header.fields.iter().find(|field| field.tag == tag)
    }

    /// The value of the first field with a tag.
    #[must_use]
    pub fn value(&self, tag: u8) -> Option<&'a [u8]> {
        self.field(tag).map(|field| field.bytes(self.file))
    }

    fn byte(&self, tag: u8) -> Option<u8> {
        match self.value(tag) {
            Some(&[byte]) => Some(byte),
            _ => None,
        }
    }

    fn short(&self, tag: u8) -> Option<u16> {
        match self.value(tag) {
            Some(&[high, low]) => Some(u16::from_be_bytes([high, low])),
            _ => None,
        }
    }

    fn name(&self, tag: u8) -> Option<&'a [u8]> {
        self.value(tag).map(|value| untext(value).0)
    }

    /// VERSION.
    #[must_use]
    pub fn version(&self) -> Version {
        match self.value(VERSION) {
            Some(&[major, minor]) => Version { major, minor },
            _ => Version { major: 0, minor: 0 },
        }
    }

    /// SIGNERVERSION, when there.
    #[must_use]
    pub fn signer_version(&self) -> Option<Version> {
        self.short(SIGNERVERSION).map(|both| {
            let [major, minor] = both.to_be_bytes();
            Version { major, minor }
        })
    }

    /// SIGNERNAME without its NUL.
    #[must_use]
    pub fn signer_name(&self) -> Option<&'a [u8]> {
        self.name(SIGNERNAME)
    }

    /// CANAME without its NUL.
    #[must_use]
    pub fn issuer_name(&self) -> Option<&'a [u8]> {
        self.name(CANAME)
    }

    /// SERIALNUMBER of the signer as it stands in the file.
    #[must_use]
    pub fn serial(&self) -> Option<&'a [u8]> {
        self.value(SERIALNUMBER)
    }

    /// DIGESTALGORITHM; `None` when missing or not one byte.
    #[must_use]
    pub fn digest(&self) -> Option<DigestId> {
        self.byte(DIGESTALGORITHM).map(DigestId)
    }

    /// SIGNATURE value.
    #[must_use]
    pub fn signature(&self) -> Option<&'a [u8]> {
        self.value(SIGNATURE)
    }

    /// FILENAME without its NUL. Never a path to use.
    #[must_use]
    pub fn file_name(&self) -> Option<&'a [u8]> {
        self.name(FILENAME)
    }

    /// TIMESTAMP, seconds since 1970 UTC; `None` when missing or not four bytes.
    #[must_use]
    pub fn timestamp(&self) -> Option<u32> {
        match self.value(TIMESTAMP) {
            Some(&[a, b, c, d]) => Some(u32::from_be_bytes([a, b, c, d])),
            _ => None,
        }
    }

    /// The encryption fields of a `.enc.sgn` file; `None` when there is no ENCRYPTIONINFO.
    #[must_use]
    pub fn encryption(&self) -> Option<EncryptionFields<'a>> {
        self.field(ENCRYPTIONINFO)?;
        Some(EncryptionFields {
            iv: self.value(ENCRYPTIONIV),
            padding: self.short(ENCRYPTIONPADDING),
            wrapped_key: self.value(ENCRYPTIONKEY),
            hash_algorithm: self.byte(ENCRYPTIONHASHALGORITHM).map(DigestId),
            hash: self.value(ENCRYPTIONHASH),
        })
    }

    /// What the signature covers: the whole file without the SIGNATURE field, as the two parts around it.
    /// `None` when there is no SIGNATURE.
    #[must_use]
    pub fn covered(&self) -> Option<[&'a [u8]; 2]> {
        let field = self.field(SIGNATURE)?;
        Some([self.file.get(..field.offset)?, self.file.get(field.end()..)?])
    }
}

fn fixed(offset: usize, expected: u8, found: u8, length: [u8; 2]) -> Result<(), Malformed> {
    if found != expected {
        return Err(Malformed::new(offset, tag_name(expected), Reason::WrongTag { expected, found }));
    }
    let length = usize::from(u16::from_be_bytes(length));
    if length != 2 {
        return Err(Malformed::new(offset, tag_name(expected), Reason::WrongLength { expected: 2, found: length }));
    }
    Ok(())
}

/// The fields of ENCRYPTIONINFO as they stand in the file, unchecked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncryptionFields<'a> {
    /// ENCRYPTIONIV.
    pub iv: Option<&'a [u8]>,
    /// ENCRYPTIONPADDING.
    pub padding: Option<u16>,
    /// ENCRYPTIONKEY.
    pub wrapped_key: Option<&'a [u8]>,
    /// ENCRYPTIONHASHALGORITHM.
    pub hash_algorithm: Option<DigestId>,
    /// ENCRYPTIONHASH.
    pub hash: Option<&'a [u8]>,
}
