//! The choices of the CAPF block of a phone, with the numbers and words of the original [sources/capf#phone-block],
//! [sources/capf#statuses].

use std::str::FromStr;

use pki::capf::SHA512_BITS;
use wire::capf::{Curve, Failure, KeySpec, RsaSize};

use crate::Refusal;

/// *Certificate Operation*.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// *No Pending Operation*.
    None,
    /// *Install/Upgrade*.
    Install,
    /// *Delete*.
    Delete,
    /// *Troubleshoot*.
    Troubleshoot,
}

impl Operation {
    /// All, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::None, Self::Install, Self::Delete, Self::Troubleshoot];

    /// Number in `typecertificateoperation`, 1 to 4.
    pub const fn number(self) -> i64 {
        match self {
            Self::None => 1,
            Self::Install => 2,
            Self::Delete => 3,
            Self::Troubleshoot => 4,
        }
    }

    /// From the number; anything unknown is nothing pending.
    pub fn from_number(number: i64) -> Self {
        Self::ALL.into_iter().find(|operation| operation.number() == number).unwrap_or(Self::None)
    }

    /// The words of the page.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "No Pending Operation",
            Self::Install => "Install/Upgrade",
            Self::Delete => "Delete",
            Self::Troubleshoot => "Troubleshoot",
        }
    }

    /// One word for a command: `none`, `install`, `delete`, `troubleshoot`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Install => "install",
            Self::Delete => "delete",
            Self::Troubleshoot => "troubleshoot",
        }
    }
}

/// *Authentication Mode*.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuthenticationMode {
    /// *By Authentication String*.
    AuthenticationString,
    /// *By Null String*.
    NullString,
    /// *By Existing Certificate (Precedence to LSC)*.
    ExistingLsc,
    /// *By Existing Certificate (Precedence to MIC)*.
    ExistingMic,
}

impl AuthenticationMode {
    /// All, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::AuthenticationString, Self::NullString, Self::ExistingLsc, Self::ExistingMic];

    /// Number in `typeauthenticationmode` and value of `capfAuthMode`, 1 to 4.
    pub const fn number(self) -> i64 {
        match self {
            Self::AuthenticationString => 1,
            Self::NullString => 2,
            Self::ExistingLsc => 3,
            Self::ExistingMic => 4,
        }
    }

    /// From the number; anything unknown is the strictest: a string.
    pub fn from_number(number: i64) -> Self {
        Self::ALL.into_iter().find(|mode| mode.number() == number).unwrap_or(Self::AuthenticationString)
    }

    /// The words of the page.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AuthenticationString => "By Authentication String",
            Self::NullString => "By Null String",
            Self::ExistingLsc => "By Existing Certificate (Precedence to LSC)",
            Self::ExistingMic => "By Existing Certificate (Precedence to MIC)",
        }
    }

    /// One word for a command: `string`, `null`, `lsc`, `mic`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::AuthenticationString => "string",
            Self::NullString => "null",
            Self::ExistingLsc => "lsc",
            Self::ExistingMic => "mic",
        }
    }
}

/// *Key Order*.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyOrder {
    /// *RSA Only*.
    RsaOnly,
    /// *EC Only*.
    EcOnly,
    /// *EC Preferred, RSA Backup*: a phone that fails to make an EC key is asked for an RSA key when it comes again.
    EcPreferred,
}

impl KeyOrder {
    /// All, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::RsaOnly, Self::EcOnly, Self::EcPreferred];

    /// Number in `typekeyorder`, 1 to 3.
    pub const fn number(self) -> i64 {
        match self {
            Self::RsaOnly => 1,
            Self::EcOnly => 2,
            Self::EcPreferred => 3,
        }
    }

    /// From the number; anything unknown is RSA only.
    pub fn from_number(number: i64) -> Self {
        Self::ALL.into_iter().find(|order| order.number() == number).unwrap_or(Self::RsaOnly)
    }

    /// The words of the page.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RsaOnly => "RSA Only",
            Self::EcOnly => "EC Only",
            Self::EcPreferred => "EC Preferred, RSA Backup",
        }
    }

    /// One word for a command: `rsa-only`, `ec-only`, `ec-preferred`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::RsaOnly => "rsa-only",
            Self::EcOnly => "ec-only",
            Self::EcPreferred => "ec-preferred",
        }
    }
}

macro_rules! from_word {
    ($kind:ty, $what:literal) => {
        impl FromStr for $kind {
            type Err = Refusal;

            /// Takes the word or the words of the page, whatever the case.
            fn from_str(text: &str) -> Result<Self, Refusal> {
                let fits = |kind: &Self| {
                    kind.word().eq_ignore_ascii_case(text.trim()) || kind.name().eq_ignore_ascii_case(text.trim())
                };
                Self::ALL.into_iter().find(fits).ok_or_else(|| {
                    let words: Vec<&str> = Self::ALL.into_iter().map(Self::word).collect();
                    Refusal::BadInput(format!("`{text}` is no {}; write {}", $what, words.join(", ")))
                })
            }
        }
    };
}

from_word!(Operation, "certificate operation");
from_word!(AuthenticationMode, "authentication mode");
from_word!(KeyOrder, "key order");

/// What keys a phone is asked to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyPlan {
    /// RSA or EC.
    pub order: KeyOrder,
    /// *RSA Key Size (Bits)*.
    pub rsa: RsaSize,
    /// *EC Key Size (Bits)*.
    pub ec: Curve,
}

impl Default for KeyPlan {
    /// RSA only, 2048 bits; P-384 when EC is chosen.
    fn default() -> Self {
        Self { order: KeyOrder::RsaOnly, rsa: RsaSize::Bits2048, ec: Curve::Secp384r1 }
    }
}

impl KeyPlan {
    /// From the numbers of a row; sizes that are not known become the default ones.
    pub fn from_numbers(order: i64, rsa_bits: i64, ec_bits: i64) -> Self {
        let default = Self::default();
        let rsa = u16::try_from(rsa_bits).ok().and_then(RsaSize::from_bits);
        Self {
            order: KeyOrder::from_number(order),
            rsa: rsa.unwrap_or(default.rsa),
            ec: Curve::ALL.into_iter().find(|curve| i64::from(curve.bits()) == ec_bits).unwrap_or(default.ec),
        }
    }

    /// Whether an LSC of such a key has room for the proof with SHA-512, without which CAPF takes no certificate.
    pub fn proves_sha2(self) -> bool {
        self.order == KeyOrder::EcOnly || usize::from(self.rsa.bits()) >= SHA512_BITS
    }

    /// What to ask for. `rsa_wanted`: an EC key was tried in vain, or would not do.
    pub const fn ask_for(self, rsa_wanted: bool) -> KeySpec {
        match self.order {
            KeyOrder::RsaOnly => KeySpec::Rsa(self.rsa),
            KeyOrder::EcOnly => KeySpec::Ec(self.ec),
            KeyOrder::EcPreferred if rsa_wanted => KeySpec::Rsa(self.rsa),
            KeyOrder::EcPreferred => KeySpec::Ec(self.ec),
        }
    }
}

/// *Certificate Operation Status*: `device.tkcertificatestatus`, 1 to 33.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Status(i64);

/// The words of `typecertificatestatus`, from 1 [sources/capf#statuses].
const STATUSES: [&str; 33] = [
    "None",
    "Operation Pending",
    "Upgrade Success",
    "Delete Success",
    "Troubleshoot Success",
    "Upgrade Failed",
    "Delete Failed",
    "Troubleshoot Failed",
    "Upgrade Failed: Invalid LSC",
    "Upgrade Failed: Invalid Authentication String",
    "Upgrade Failed: Invalid MIC",
    "Upgrade Failed: Invalid Credentials",
    "Upgrade Failed: Phone Communication Failure",
    "Upgrade Failed: Key Generation Failed/Timeout",
    "Upgrade Failed: CA Communication Failure",
    "Upgrade Failed: CA Rejected Connection",
    "Upgrade Failed: User Initiated Request Late/Timeout",
    "Delete Failed: Invalid LSC",
    "Delete Failed: Invalid Authentication String",
    "Delete Failed: Invalid MIC",
    "Delete Failed: Invalid Credentials",
    "Delete Failed: Phone Communication Failure",
    "Delete Failed: Key Generation Failed/Timeout",
    "Delete Failed: CA Communication Failure",
    "Delete Failed: CA Rejected Connection",
    "Delete Failed: User Initiated Request Late/Timeout",
    "Troubleshoot Failed: Invalid LSC",
    "Troubleshoot Failed: Invalid Authentication String",
    "Troubleshoot Failed: Invalid MIC",
    "Troubleshoot Failed: Invalid Credentials",
    "Troubleshoot Failed: Phone Communication Failure",
    "Troubleshoot Failed: Key Generation Failed/Timeout",
    "Troubleshoot Failed: User Initiated Request Late/Timeout",
];

impl Status {
    /// Nothing was ever scheduled.
    pub const NONE: Self = Self(1);
    /// Scheduled, and the phone has not come yet.
    pub const PENDING: Self = Self(2);
    /// The phone has stored its LSC.
    pub const UPGRADE_SUCCESS: Self = Self(3);

    /// From the number; anything unknown is none.
    pub const fn from_number(number: i64) -> Self {
        match number {
            1..=33 => Self(number),
            _ => Self::NONE,
        }
    }

    /// 1 to 33.
    pub const fn number(self) -> i64 {
        self.0
    }

    /// The words of the page.
    pub fn name(self) -> &'static str {
        let index = usize::try_from(self.0 - 1).unwrap_or_default();
        STATUSES.get(index).copied().unwrap_or_default()
    }

    /// 3, 4 or 5.
    pub const fn is_success(self) -> bool {
        matches!(self.0, 3..=5)
    }

    /// 6 to 33.
    pub const fn is_failure(self) -> bool {
        self.0 >= 6
    }

    /// How an operation ends well.
    pub const fn success(operation: Operation) -> Self {
        match operation {
            Operation::None => Self::NONE,
            Operation::Install => Self::UPGRADE_SUCCESS,
            Operation::Delete => Self(4),
            Operation::Troubleshoot => Self(5),
        }
    }

    /// How it fails, with the cause when there is one. *Troubleshoot* knows no causes of the CA.
    pub fn failed(operation: Operation, cause: Option<Failure>) -> Self {
        let cause = cause.and_then(|cause| (0..).zip(Failure::ALL).find(|(_, known)| *known == cause));
        match (operation, cause) {
            (Operation::None, _) => Self::NONE,
            (Operation::Install, None) => Self(6),
            (Operation::Delete, None) => Self(7),
            (Operation::Install, Some((place, _))) => Self(9 + place),
            (Operation::Delete, Some((place, _))) => Self(18 + place),
            (Operation::Troubleshoot, None | Some((_, Failure::CaCommunication | Failure::CaRejected))) => Self(8),
            (Operation::Troubleshoot, Some((_, Failure::Late))) => Self(33),
            (Operation::Troubleshoot, Some((place, _))) => Self(27 + place),
        }
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_those_of_the_sources() {
        let failed = |operation, cause| Status::failed(operation, Some(cause));
        assert_eq!(failed(Operation::Install, Failure::InvalidLsc).number(), 9);
        assert_eq!(failed(Operation::Install, Failure::Late).number(), 17);
        assert_eq!(failed(Operation::Delete, Failure::InvalidAuthenticationString).number(), 19);
        assert_eq!(failed(Operation::Delete, Failure::Late).number(), 26);
        assert_eq!(failed(Operation::Troubleshoot, Failure::KeyGeneration).number(), 32);
        assert_eq!(failed(Operation::Troubleshoot, Failure::Late).number(), 33);
        assert_eq!(failed(Operation::Troubleshoot, Failure::CaRejected).number(), 8);
        for (operation, word) in [(Operation::Install, "Upgrade"), (Operation::Delete, "Delete")] {
            for cause in Failure::ALL {
                assert!(failed(operation, cause).name().starts_with(&format!("{word} Failed: ")), "{cause:?}");
            }
        }
        assert_eq!(Status::from_number(34), Status::NONE);
        assert_eq!(Status::failed(Operation::Install, None).name(), "Upgrade Failed");
        assert_eq!(Status::success(Operation::Troubleshoot).name(), "Troubleshoot Success");
    }

    #[test]
    fn words_are_read_as_they_are_written() {
        assert_eq!("Install/upgrade".parse::<Operation>().unwrap(), Operation::Install);
        assert_eq!("mic".parse::<AuthenticationMode>().unwrap(), AuthenticationMode::ExistingMic);
        let error = "md5".parse::<KeyOrder>().unwrap_err().to_string();
        assert_eq!(error, "`md5` is no key order; write rsa-only, ec-only, ec-preferred");
    }
}
