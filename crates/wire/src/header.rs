//! The header that trust lists, `.sgn` and `.enc.sgn` files share [sources/trust-lists#header],
//! [sources/signed-files#container], [sources/signed-files#encrypted].

mod read;
mod write;

pub(crate) use read::Header;
pub use read::{EncryptionFields, HeaderView};
pub use write::{Encryption, HeaderSpec, Layout, SignerId, Unsigned};

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
/// DIGESTALGORITHM, see [`DigestId`](crate::digest::DigestId).
pub const DIGESTALGORITHM: u8 = 8;
/// SIGNATUREALGOINFO, container of 10 and 11.
pub const SIGNATUREALGOINFO: u8 = 9;
/// SIGNATUREALGORITHM, 0 = RSA.
pub const SIGNATUREALGORITHM: u8 = 10;
/// SIGNATUREMODULUS, see [`Modulus`](crate::digest::Modulus).
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
/// ENCRYPTIONHASHALGORITHM, see [`DigestId`](crate::digest::DigestId).
pub const ENCRYPTIONHASHALGORITHM: u8 = 26;
/// ENCRYPTIONHASH of the plain text.
pub const ENCRYPTIONHASH: u8 = 27;
/// SIGNERVERSION (major, minor); 1.1 allows newer algorithms.
pub const SIGNERVERSION: u8 = 28;

const CONTAINERS: [u8; 6] =
    [SIGNERID, SIGNATUREINFO, SIGNATUREALGOINFO, ENCRYPTIONINFO, ENCRYPTIONIVINFO, ENCRYPTIONKEYINFO];

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

/// FILENAME of a CTL, whatever the name it is served under.
pub const CTL_FILE_NAME: &str = "CTLFile.tlv";
/// FILENAME of an ITL, whatever the name it is served under.
pub const ITL_FILE_NAME: &str = "ITLFile.tlv";
