//! The small values: reasons, ways of authentication, kinds of certificates and keys.

use std::fmt;

/// REASON: how something went [sources/capf#reasons]. Four values are known; any other survives a round trip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reason(pub u8);

impl Reason {
    /// END_SESSION: nothing was scheduled; also after a fetch.
    pub const NO_ACTION: Self = Self(0);
    /// Success. In AUTH_RESPONSE: the phone wants its certificate renewed.
    pub const SUCCESS: Self = Self(1);
    /// Failure of any kind, a wrong password included.
    pub const FAILURE: Self = Self(7);
    /// END_SESSION: no such device.
    pub const UNKNOWN_DEVICE: Self = Self(9);

    /// Words for people; `None` for a value whose meaning is not known.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::NO_ACTION => Some("no action"),
            Self::SUCCESS => Some("success"),
            Self::FAILURE => Some("failure"),
            Self::UNKNOWN_DEVICE => Some("unknown device"),
            _ => None,
        }
    }
}

impl Reason {
    /// How END_SESSION with this reason reads to the phone: the number, and what it means there.
    #[must_use]
    pub fn sentence(self) -> String {
        let means = match self {
            Self::FAILURE => {
                ": the authentication string or the certificate that was shown is wrong, or a limit was met; the log of the server says which"
            }
            Self::UNKNOWN_DEVICE => ": the server does not know this device; look at its name, or add it there",
            _ => "",
        };
        format!("the server ended the session with reason {self}{means}")
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{} ({name})", self.0),
            None => write!(f, "{}", self.0),
        }
    }
}

/// AUTH_TYPE of an AUTH_REQUEST [sources/capf#elements], [sources/capf#authentication]. A server does not know yet who
/// will answer, so it writes 0; a phone takes any value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AuthType(pub u8);

impl AuthType {
    /// Not said.
    pub const NONE: Self = Self(0);
    /// By Authentication String.
    pub const PASSWORD: Self = Self(1);
    /// By Null String.
    pub const NO_PASSWORD: Self = Self(2);
    /// By Existing Certificate (Precedence to LSC).
    pub const LSC: Self = Self(3);
    /// By Existing Certificate (Precedence to MIC).
    pub const MIC: Self = Self(4);
}

/// CERTIFICATE_TYPE: what a certificate is to the phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum CertificateType {
    /// Locally significant certificate: issued by CAPF.
    Lsc = 1,
    /// Manufacturer-installed certificate.
    Mic = 2,
}

impl CertificateType {
    /// The type of a value.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Lsc),
            2 => Some(Self::Mic),
            _ => None,
        }
    }
}

/// The key that a phone is asked to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeySpec {
    /// KEY_TYPE 0 with KEY_SIZE.
    Rsa(RsaSize),
    /// KEY_TYPE 1 with CURVE.
    Ec(Curve),
}

impl fmt::Display for KeySpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa(size) => write!(f, "RSA {}", size.bits()),
            Self::Ec(curve) => write!(f, "EC {}", curve.name()),
        }
    }
}

/// KEY_SIZE: the RSA sizes that phones make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum RsaSize {
    /// 512 bits.
    Bits512 = 512,
    /// 1024 bits.
    Bits1024 = 1024,
    /// 2048 bits.
    Bits2048 = 2048,
    /// 3072 bits.
    Bits3072 = 3072,
    /// 4096 bits.
    Bits4096 = 4096,
}

impl RsaSize {
    /// All of them, rising.
    pub const ALL: [Self; 5] = [Self::Bits512, Self::Bits1024, Self::Bits2048, Self::Bits3072, Self::Bits4096];

    /// The size of so many bits.
    #[must_use]
    pub fn from_bits(bits: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|size| size.bits() == bits)
    }

    /// Bits of the modulus: 512, 1024, 2048, 3072 or 4096.
    #[must_use]
    pub const fn bits(self) -> u16 {
        self as u16
    }
}

/// CURVE: the curves that phones make keys on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Curve {
    /// NIST P-256.
    Secp256r1 = 0,
    /// NIST P-384.
    Secp384r1 = 1,
    /// NIST P-521.
    Secp521r1 = 2,
}

impl Curve {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::Secp256r1, Self::Secp384r1, Self::Secp521r1];

    /// The curve of a value.
    #[must_use]
    pub fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|curve| *curve as u8 == byte)
    }

    /// The name in SEC 2: `secp256r1`, `secp384r1`, `secp521r1`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Secp256r1 => "secp256r1",
            Self::Secp384r1 => "secp384r1",
            Self::Secp521r1 => "secp521r1",
        }
    }

    /// Size in bits as CUCM shows it: 256, 384 or 521.
    #[must_use]
    pub const fn bits(self) -> u16 {
        match self {
            Self::Secp256r1 => 256,
            Self::Secp384r1 => 384,
            Self::Secp521r1 => 521,
        }
    }
}
