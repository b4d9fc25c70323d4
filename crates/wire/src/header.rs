//! The header that trust lists, `.sgn` and `.enc.sgn` files share [sources/trust-lists#header],
//! [sources/signed-files#container], [sources/signed-files#encrypted].

use crate::digest::{DigestId, Modulus};
use crate::error::{Malformed, Reason, Unwritable};
use crate::tlv::{Field, Part, Reader, untext, write_field, write_head};

/// VERSION (major, minor).
pub const VERSION: u8 = 1;
/// HEADERLENGTH: size of the whole header, counted from offset 0.
pub const HEADERLENGTH: u8 = 2;
/// SIGNERID, container of 4, 5, 6.
pub const SIGNERID: u8 = 3;
/// SIGNERNAME: subject name of the signer.
pub const SIGNERNAME: u8 = 4;
/// SERIALNUMBER of the signer certificate.
pub const SERIALNUMBER: u8 = 5;
/// CANAME: issuer name of the signer certificate.
pub const CANAME: u8 = 6;
/// SIGNATUREINFO, container of 8 and 9.
pub const SIGNATUREINFO: u8 = 7;
/// DIGESTALGORITHM, see [`DigestId`].
pub const DIGESTALGORITHM: u8 = 8;
/// SIGNATUREALGOINFO, container of 10 and 11.
pub const SIGNATUREALGOINFO: u8 = 9;
/// SIGNATUREALGORITHM, 0 = RSA.
pub const SIGNATUREALGORITHM: u8 = 10;
/// SIGNATUREMODULUS, see [`Modulus`].
pub const SIGNATUREMODULUS: u8 = 11;
/// SIGNATURE.
pub const SIGNATURE: u8 = 12;
/// One byte of padding, without a length; ends the fields of a header.
pub const PADDING: u8 = 0x0D;
/// FILENAME.
pub const FILENAME: u8 = 14;
/// TIMESTAMP, seconds since 1970 UTC.
pub const TIMESTAMP: u8 = 15;
/// ENCRYPTIONINFO, container of 17 and 21.
pub const ENCRYPTIONINFO: u8 = 16;
/// ENCRYPTIONIVINFO, container of 18, 19, 20.
pub const ENCRYPTIONIVINFO: u8 = 17;
/// Always 0; the meaning is not known.
pub const ENCRYPTION18: u8 = 18;
/// ENCRYPTIONIV, 16 bytes.
pub const ENCRYPTIONIV: u8 = 19;
/// ENCRYPTIONPADDING: number of padding bytes behind the plain text, 1 to 16.
pub const ENCRYPTIONPADDING: u8 = 20;
/// ENCRYPTIONKEYINFO, container of 22 to 25.
pub const ENCRYPTIONKEYINFO: u8 = 21;
/// Always 0; the meaning is not known.
pub const ENCRYPTION22: u8 = 22;
/// ENCRYPTIONKEYSIZE: size of the device key in bits.
pub const ENCRYPTIONKEYSIZE: u8 = 23;
/// ENCRYPTIONKEYALGORITHM, always 1.
pub const ENCRYPTIONKEYALGORITHM: u8 = 24;
/// ENCRYPTIONKEY: the wrapped AES key.
pub const ENCRYPTIONKEY: u8 = 25;
/// ENCRYPTIONHASHALGORITHM, see [`DigestId`].
pub const ENCRYPTIONHASHALGORITHM: u8 = 26;
/// ENCRYPTIONHASH of the plain text.
pub const ENCRYPTIONHASH: u8 = 27;
/// SIGNERVERSION (major, minor); 1.1 allows newer algorithms.
pub const SIGNERVERSION: u8 = 28;

const CONTAINERS: [u8; 6] =
    [SIGNERID, SIGNATUREINFO, SIGNATUREALGOINFO, ENCRYPTIONINFO, ENCRYPTIONIVINFO, ENCRYPTIONKEYINFO];

const PART: Part = Part { name: "header", containers: &CONTAINERS, tag_name };

/// VERSION and HEADERLENGTH, which every header starts with.
pub const LEAST_HEADER: usize = 10;

/// Largest file that a reader takes: 16 MiB. The largest real files are a few hundred kB; the limit keeps what a
/// stranger's file can cost small.
pub const FILE_LIMIT: usize = 16 << 20;

/// Name of a header tag as `show ctl` spells it, apart from the two names that it misspells.
#[must_use]
pub fn tag_name(tag: u8) -> &'static str {
    match tag {
        VERSION => "VERSION",
        HEADERLENGTH => "HEADERLENGTH",
        SIGNERID => "SIGNERID",
        SIGNERNAME => "SIGNERNAME",
        SERIALNUMBER => "SERIALNUMBER",
        CANAME => "CANAME",
        SIGNATUREINFO => "SIGNATUREINFO",
        DIGESTALGORITHM => "DIGESTALGORITHM",
        SIGNATUREALGOINFO => "SIGNATUREALGOINFO",
        SIGNATUREALGORITHM => "SIGNATUREALGORITHM",
        SIGNATUREMODULUS => "SIGNATUREMODULUS",
        SIGNATURE => "SIGNATURE",
        FILENAME => "FILENAME",
        TIMESTAMP => "TIMESTAMP",
        ENCRYPTIONINFO => "ENCRYPTIONINFO",
        ENCRYPTIONIVINFO => "ENCRYPTIONIVINFO",
        ENCRYPTION18 => "ENCRYPTION18",
        ENCRYPTIONIV => "ENCRYPTIONIV",
        ENCRYPTIONPADDING => "ENCRYPTIONPADDING",
        ENCRYPTIONKEYINFO => "ENCRYPTIONKEYINFO",
        ENCRYPTION22 => "ENCRYPTION22",
        ENCRYPTIONKEYSIZE => "ENCRYPTIONKEYSIZE",
        ENCRYPTIONKEYALGORITHM => "ENCRYPTIONKEYALGORITHM",
        ENCRYPTIONKEY => "ENCRYPTIONKEY",
        ENCRYPTIONHASHALGORITHM => "ENCRYPTIONHASHALGORITHM",
        ENCRYPTIONHASH => "ENCRYPTIONHASH",
        SIGNERVERSION => "SIGNERVERSION",
        _ => "unknown header field",
    }
}

/// Whether a header tag is a container: its children follow as fields of their own.
#[must_use]
pub fn is_container(tag: u8) -> bool {
    CONTAINERS.contains(&tag)
}

/// Whether a header tag holds text with a NUL behind it.
#[must_use]
pub fn is_text(tag: u8) -> bool {
    matches!(tag, SIGNERNAME | CANAME | FILENAME)
}

/// A decoded header: its fields in the order of the file, unknown ones included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
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
    pub fn decode(file: &[u8]) -> Result<Self, Malformed> {
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
    pub fn begun(file: &[u8]) -> Option<Self> {
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

    /// All fields in order; containers with an empty value, their children behind them.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// HEADERLENGTH, bytes.
    #[must_use]
    pub fn length(&self) -> usize {
        self.length
    }

    /// Bytes from the first padding byte to the end of the header.
    #[must_use]
    pub fn padding(&self) -> usize {
        self.padding
    }

    /// The first field with a tag: the one that counts.
    #[must_use]
    pub fn field(&self, tag: u8) -> Option<&Field> {
        self.fields.iter().find(|field| field.tag == tag)
    }

    fn value<'a>(&self, file: &'a [u8], tag: u8) -> Option<&'a [u8]> {
        self.field(tag).map(|field| field.bytes(file))
    }

    fn byte(&self, file: &[u8], tag: u8) -> Option<u8> {
        match self.value(file, tag) {
            Some(&[byte]) => Some(byte),
            _ => None,
        }
    }

    fn short(&self, file: &[u8], tag: u8) -> Option<u16> {
        match self.value(file, tag) {
            Some(&[high, low]) => Some(u16::from_be_bytes([high, low])),
            _ => None,
        }
    }

    fn name<'a>(&self, file: &'a [u8], tag: u8) -> Option<&'a [u8]> {
        self.value(file, tag).map(|value| untext(value).0)
    }

    /// VERSION.
    #[must_use]
    pub fn version(&self, file: &[u8]) -> Version {
        match self.value(file, VERSION) {
            Some(&[major, minor]) => Version { major, minor },
            _ => Version { major: 0, minor: 0 },
        }
    }

    /// SIGNERVERSION, when there.
    #[must_use]
    pub fn signer_version(&self, file: &[u8]) -> Option<Version> {
        self.short(file, SIGNERVERSION).map(|both| {
            let [major, minor] = both.to_be_bytes();
            Version { major, minor }
        })
    }

    /// SIGNERNAME without its NUL.
    #[must_use]
    pub fn signer_name<'a>(&self, file: &'a [u8]) -> Option<&'a [u8]> {
        self.name(file, SIGNERNAME)
    }

    /// CANAME without its NUL.
    #[must_use]
    pub fn issuer_name<'a>(&self, file: &'a [u8]) -> Option<&'a [u8]> {
        self.name(file, CANAME)
    }

    /// SERIALNUMBER of the signer as it stands in the file.
    #[must_use]
    pub fn serial<'a>(&self, file: &'a [u8]) -> Option<&'a [u8]> {
        self.value(file, SERIALNUMBER)
    }

    /// DIGESTALGORITHM; `None` when missing or not one byte.
    #[must_use]
    pub fn digest(&self, file: &[u8]) -> Option<DigestId> {
        self.byte(file, DIGESTALGORITHM).map(DigestId)
    }

    /// SIGNATURE value.
    #[must_use]
    pub fn signature<'a>(&self, file: &'a [u8]) -> Option<&'a [u8]> {
        self.value(file, SIGNATURE)
    }

    /// FILENAME without its NUL. Never a path to use.
    #[must_use]
    pub fn file_name<'a>(&self, file: &'a [u8]) -> Option<&'a [u8]> {
        self.name(file, FILENAME)
    }

    /// TIMESTAMP, seconds since 1970 UTC; `None` when missing or not four bytes.
    #[must_use]
    pub fn timestamp(&self, file: &[u8]) -> Option<u32> {
        match self.value(file, TIMESTAMP) {
            Some(&[a, b, c, d]) => Some(u32::from_be_bytes([a, b, c, d])),
            _ => None,
        }
    }

    /// The encryption fields of a `.enc.sgn` file; `None` when there is no ENCRYPTIONINFO.
    #[must_use]
    pub fn encryption<'a>(&self, file: &'a [u8]) -> Option<EncryptionFields<'a>> {
        self.field(ENCRYPTIONINFO)?;
        Some(EncryptionFields {
            iv: self.value(file, ENCRYPTIONIV),
            padding: self.short(file, ENCRYPTIONPADDING),
            wrapped_key: self.value(file, ENCRYPTIONKEY),
            hash_algorithm: self.byte(file, ENCRYPTIONHASHALGORITHM).map(DigestId),
            hash: self.value(file, ENCRYPTIONHASH),
        })
    }

    /// What the signature covers: the whole file without the SIGNATURE field, as the two parts around it.
    /// `None` when there is no SIGNATURE.
    #[must_use]
    pub fn covered<'a>(&self, file: &'a [u8]) -> Option<[&'a [u8]; 2]> {
        let field = self.field(SIGNATURE)?;
        Some([file.get(..field.offset)?, file.get(field.end()..)?])
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

/// VERSION or SIGNERVERSION.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// First byte.
    pub major: u8,
    /// Second byte.
    pub minor: u8,
}

impl Version {
    /// Of CTL and ITL files.
    pub const TRUST_LIST: Self = Self { major: 1, minor: 2 };
    /// Of `.sgn` files.
    pub const SIGNED: Self = Self { major: 1, minor: 0 };
    /// Of `.enc.sgn` files.
    pub const ENCRYPTED: Self = Self { major: 2, minor: 0 };
}

impl std::fmt::Display for Version {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}.{}", self.major, self.minor)
    }
}

impl std::str::FromStr for Version {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = text.split_once('.').and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
        let (major, minor) = parsed.ok_or_else(|| format!("`{text}` is not a version; write it like 1.1"))?;
        Ok(Self { major, minor })
    }
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

/// Who writes like this: the order of fields and the form of names [sources/trust-lists#two-ways-of-writing].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    /// CUCM: SIGNERNAME, SERIALNUMBER, CANAME; names `CN=..;OU=..`; records with DNSNAME and IPADDRESS.
    #[default]
    Cucm,
    /// The tools that came before: SIGNERNAME, CANAME, SERIALNUMBER; names joined by `,`; shorter records.
    Peer,
}

/// Who signs: the SIGNERID of a header and the size of the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignerId {
    /// Subject name, without NUL.
    pub name: Vec<u8>,
    /// Serial number, as the trust list writes it.
    pub serial: Vec<u8>,
    /// Issuer name, without NUL.
    pub issuer: Vec<u8>,
    /// Size of the RSA key.
    pub modulus: Modulus,
}

/// The encryption fields of a header to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encryption {
    /// AES-CBC initialisation vector.
    pub iv: [u8; 16],
    /// Number of padding bytes, 1 to 16.
    pub padding: u16,
    /// Size of the device key in bits.
    pub key_bits: u16,
    /// The AES key, wrapped for the device.
    pub wrapped_key: Vec<u8>,
    /// Digest of `hash`.
    pub hash_algorithm: DigestId,
    /// Hash of the plain text.
    pub hash: Vec<u8>,
}

/// A header to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderSpec {
    /// Order of the fields.
    pub layout: Layout,
    /// VERSION.
    pub version: Version,
    /// SIGNERVERSION, left out when `None`.
    pub signer_version: Option<Version>,
    /// SIGNERID.
    pub signer: SignerId,
    /// DIGESTALGORITHM: SHA-1 or SHA-512.
    pub digest: DigestId,
    /// FILENAME without NUL; left out when `None`.
    pub file_name: Option<Vec<u8>>,
    /// TIMESTAMP, seconds since 1970 UTC; left out when `None`.
    pub timestamp: Option<u32>,
    /// Encryption fields of a `.enc.sgn` file.
    pub encryption: Option<Encryption>,
    /// The header of an older file that this one is put in front of: stands behind the padding, counted in
    /// HEADERLENGTH, skipped by phones [sources/trust-lists#reset-file]. Empty for an ordinary file.
    pub older_header: Vec<u8>,
}

impl HeaderSpec {
    /// Lays out header and body with room for the signature. Everything that the format or the phones forbid is found
    /// here: what comes out can be signed.
    ///
    /// # Errors
    /// [`Unwritable`]: a part too long for 16 bits, a digest phones do not know or that does not fit the key.
    pub fn lay_out(&self, body: Vec<u8>) -> Result<Unsigned, Unwritable> {
        let modulus = self.signer.modulus;
        let digest_name = match self.digest {
            DigestId::SHA1 => "sha1",
            DigestId::SHA512 => "sha512",
            DigestId(other) => return Err(Unwritable::DigestNotWritten(other)),
        };
        if self.digest.least_rsa_bits().is_some_and(|least| modulus.bits() < least) {
            return Err(Unwritable::DigestTooLong { digest: digest_name, bits: modulus.bits() });
        }
        let mut before = Vec::with_capacity(256);
        write_field(&mut before, VERSION, "VERSION", &[self.version.major, self.version.minor])?;
        write_field(&mut before, HEADERLENGTH, "HEADERLENGTH", &[0, 0])?;
        if let Some(version) = self.signer_version {
            write_field(&mut before, SIGNERVERSION, "SIGNERVERSION", &[version.major, version.minor])?;
        }
        self.write_signer(&mut before)?;
        let mut after = Vec::with_capacity(64);
        if let Some(name) = &self.file_name {
            let mut value = name.clone();
            value.push(0);
            write_field(&mut after, FILENAME, "FILENAME", &value)?;
        }
        if let Some(seconds) = self.timestamp {
            write_field(&mut after, TIMESTAMP, "TIMESTAMP", &seconds.to_be_bytes())?;
        }
        if let Some(encryption) = &self.encryption {
            encryption.write(&mut after)?;
        }
        let signature = crate::tlv::FIELD_HEAD + modulus.signature_length();
        let unpadded = after.len();
        while !(before.len() + signature + after.len()).is_multiple_of(4)
            // Only behind a padding byte do phones pass over an older header.
            || (after.len() == unpadded && !self.older_header.is_empty())
        {
            after.push(PADDING);
        }
        after.extend_from_slice(&self.older_header);
        let length = before.len() + signature + after.len();
        let short = u16::try_from(length).map_err(|_| Unwritable::PartTooLong { part: "header", length })?;
        if let Some(place) = before.get_mut(8..10) {
            place.copy_from_slice(&short.to_be_bytes());
        }
        Ok(Unsigned { before, after, body, modulus, digest: self.digest })
    }

    fn write_signer(&self, out: &mut Vec<u8>) -> Result<(), Unwritable> {
        let mut children = Vec::with_capacity(160);
        let mut name = self.signer.name.clone();
        name.push(0);
        let mut issuer = self.signer.issuer.clone();
        issuer.push(0);
        write_field(&mut children, SIGNERNAME, "SIGNERNAME", &name)?;
        match self.layout {
            Layout::Cucm => {
                write_field(&mut children, SERIALNUMBER, "SERIALNUMBER", &self.signer.serial)?;
                write_field(&mut children, CANAME, "CANAME", &issuer)?;
            }
            Layout::Peer => {
                write_field(&mut children, CANAME, "CANAME", &issuer)?;
                write_field(&mut children, SERIALNUMBER, "SERIALNUMBER", &self.signer.serial)?;
            }
        }
        write_field(out, SIGNERID, "SIGNERID", &children)?;
        write_head(out, SIGNATUREINFO, "SIGNATUREINFO", 15)?;
        write_field(out, DIGESTALGORITHM, "DIGESTALGORITHM", &[self.digest.0])?;
        write_head(out, SIGNATUREALGOINFO, "SIGNATUREALGOINFO", 8)?;
        write_field(out, SIGNATUREALGORITHM, "SIGNATUREALGORITHM", &[0])?;
        write_field(out, SIGNATUREMODULUS, "SIGNATUREMODULUS", &[self.signer.modulus.code()])
    }
}

impl Encryption {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), Unwritable> {
        let mut iv = Vec::with_capacity(28);
        write_field(&mut iv, ENCRYPTION18, "ENCRYPTION18", &[0])?;
        write_field(&mut iv, ENCRYPTIONIV, "ENCRYPTIONIV", &self.iv)?;
        write_field(&mut iv, ENCRYPTIONPADDING, "ENCRYPTIONPADDING", &self.padding.to_be_bytes())?;
        let mut key = Vec::with_capacity(self.wrapped_key.len() + 16);
        write_field(&mut key, ENCRYPTION22, "ENCRYPTION22", &[0])?;
        write_field(&mut key, ENCRYPTIONKEYSIZE, "ENCRYPTIONKEYSIZE", &self.key_bits.to_be_bytes())?;
        write_field(&mut key, ENCRYPTIONKEYALGORITHM, "ENCRYPTIONKEYALGORITHM", &[1])?;
        write_field(&mut key, ENCRYPTIONKEY, "ENCRYPTIONKEY", &self.wrapped_key)?;
        let mut both = Vec::with_capacity(iv.len() + key.len() + 6);
        write_field(&mut both, ENCRYPTIONIVINFO, "ENCRYPTIONIVINFO", &iv)?;
        write_field(&mut both, ENCRYPTIONKEYINFO, "ENCRYPTIONKEYINFO", &key)?;
        write_field(out, ENCRYPTIONINFO, "ENCRYPTIONINFO", &both)?;
        write_field(out, ENCRYPTIONHASHALGORITHM, "ENCRYPTIONHASHALGORITHM", &[self.hash_algorithm.0])?;
        write_field(out, ENCRYPTIONHASH, "ENCRYPTIONHASH", &self.hash)
    }
}

/// A laid-out file without its signature. Only [`HeaderSpec::lay_out`] makes one, so whatever is signed was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsigned {
    before: Vec<u8>,
    after: Vec<u8>,
    body: Vec<u8>,
    modulus: Modulus,
    digest: DigestId,
}

impl Unsigned {
    /// The bytes to be signed, in three parts to be joined.
    #[must_use]
    pub fn to_be_signed(&self) -> [&[u8]; 3] {
        [&self.before, &self.after, &self.body]
    }

    /// The digest to sign with.
    #[must_use]
    pub fn digest(&self) -> DigestId {
        self.digest
    }

    /// The finished file.
    ///
    /// # Errors
    /// [`Unwritable::SignatureLength`] when the signature has not the size that SIGNATUREMODULUS announces.
    pub fn attach(self, signature: &[u8]) -> Result<Vec<u8>, Unwritable> {
        let expected = self.modulus.signature_length();
        if signature.len() != expected {
            return Err(Unwritable::SignatureLength { expected, found: signature.len() });
        }
        let mut file = self.before;
        file.reserve(crate::tlv::FIELD_HEAD + signature.len() + self.after.len() + self.body.len());
        write_field(&mut file, SIGNATURE, "SIGNATURE", signature)?;
        file.extend_from_slice(&self.after);
        file.extend_from_slice(&self.body);
        Ok(file)
    }
}

/// FILENAME of a CTL, whatever the name it is served under.
pub const CTL_FILE_NAME: &str = "CTLFile.tlv";
/// FILENAME of an ITL, whatever the name it is served under.
pub const ITL_FILE_NAME: &str = "ITLFile.tlv";
