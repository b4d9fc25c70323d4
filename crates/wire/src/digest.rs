//! Digest ids and RSA sizes as signed headers write them [sources/trust-lists#header].

/// DIGESTALGORITHM, HASHALGORITHM and ENCRYPTIONHASHALGORITHM. Unknown ids survive a round trip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DigestId(pub u8);

impl DigestId {
    /// SHA-1: what every phone knows.
    pub const SHA1: Self = Self(1);
    /// SHA-256: read, never written.
    pub const SHA256: Self = Self(2);
    /// SHA-512: newer phones, by the parameter *TFTP File Signature Algorithm*.
    pub const SHA512: Self = Self(3);

    /// Name for people and machines: `sha1`, `sha256`, `sha512`; `None` for an unknown id.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::SHA1 => Some("sha1"),
            Self::SHA256 => Some("sha256"),
            Self::SHA512 => Some("sha512"),
            _ => None,
        }
    }

    /// Size of the hash in bytes; `None` for an unknown id.
    #[must_use]
    pub const fn hash_length(self) -> Option<usize> {
        match self {
            Self::SHA1 => Some(20),
            Self::SHA256 => Some(32),
            Self::SHA512 => Some(64),
            _ => None,
        }
    }

    /// Smallest RSA size in bits whose PKCS#1 v1.5 signature holds this hash: DigestInfo and 11 bytes of padding.
    #[must_use]
    pub const fn least_rsa_bits(self) -> Option<usize> {
        match self {
            Self::SHA1 => Some((15 + 20 + 11) * 8),
            Self::SHA256 => Some((19 + 32 + 11) * 8),
            Self::SHA512 => Some((19 + 64 + 11) * 8),
            _ => None,
        }
    }
}

impl std::str::FromStr for DigestId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.to_ascii_lowercase().replace('-', "").as_str() {
            "sha1" => Ok(Self::SHA1),
            "sha512" => Ok(Self::SHA512),
            _ => Err(format!("`{text}` is not a digest that phones take; write sha1 or sha512")),
        }
    }
}

impl std::fmt::Display for DigestId {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.name() {
            Some(name) => out.write_str(name),
            None => write!(out, "0x{:02x}", self.0),
        }
    }
}

/// SIGNATUREMODULUS: the RSA sizes a header can announce. There is no value for 3072 bits
/// [sources/trust-lists#signature].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Modulus {
    /// 512 bits, code 0.
    Rsa512,
    /// 1024 bits, code 1.
    Rsa1024,
    /// 2048 bits, code 2.
    Rsa2048,
    /// 4096 bits, code 3.
    Rsa4096,
}

impl Modulus {
    /// The size of a key in bits; `None` for a size that no header can announce.
    #[must_use]
    pub const fn from_bits(bits: usize) -> Option<Self> {
        match bits {
            512 => Some(Self::Rsa512),
            1024 => Some(Self::Rsa1024),
            2048 => Some(Self::Rsa2048),
            4096 => Some(Self::Rsa4096),
            _ => None,
        }
    }

    /// The value of the field.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Rsa512 => 0,
            Self::Rsa1024 => 1,
            Self::Rsa2048 => 2,
            Self::Rsa4096 => 3,
        }
    }

    /// Size of the key in bits.
    #[must_use]
    pub const fn bits(self) -> usize {
        512 << self.code_shift()
    }

    /// Size of a signature in bytes.
    #[must_use]
    pub const fn signature_length(self) -> usize {
        self.bits() / 8
    }

    const fn code_shift(self) -> u32 {
        match self {
            Self::Rsa512 => 0,
            Self::Rsa1024 => 1,
            Self::Rsa2048 => 2,
            Self::Rsa4096 => 3,
        }
    }
}
