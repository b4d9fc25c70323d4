//! The deviations of a phone that are taken all the same.

use crate::tolerance::Deviation;

/// One deviation from the form that current phones send. None of them opens anything by itself; each is counted by the
/// server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Tolerance {
    /// VERSION below 3 [sources/capf#tolerance].
    OlderVersion,
    /// AUTH_RESPONSE without REASON: it is read by nobody.
    ReasonMissing,
    /// AUTH_RESPONSE without PASSWORD: only *By Authentication String* needs it.
    PasswordMissing,
    /// DEVICE_NAME or PASSWORD without NUL at its end [sources/capf#tolerance].
    TextWithoutNul,
    /// Bytes behind the NUL of DEVICE_NAME or PASSWORD. They are cut off.
    TextBehindNul,
    /// The device name is not `SEP` and twelve hexadecimal digits: ATA, soft clients and others.
    DeviceNameForm,
    /// A tag that is not known. It is skipped [sources/capf#tolerance].
    UnknownElement,
    /// An element of another message. It is skipped.
    UnexpectedElement,
    /// A part of SUDI_DATA that is not known. It is skipped.
    UnknownSudiPart,
    /// The entry type in front of a certificate is not 1: real phones may write 2 for a MIC [sources/capf#elements].
    CertificateEntryType,
    /// A certificate is shown with SIGNED_DATA but without SHA2_SIGNED_DATA: older phones know SHA-1 only. Whether such
    /// a phone is let in is a decision of the server's policy, not of this crate [sources/capf#proofs].
    Sha2ProofMissing,
    /// KEY_GENERATE_RESPONSE with a key and also a REASON (0 or 1).
    ReasonWithKey,
}

impl Tolerance {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 12] = [
        Self::OlderVersion,
        Self::ReasonMissing,
        Self::PasswordMissing,
        Self::TextWithoutNul,
        Self::TextBehindNul,
        Self::DeviceNameForm,
        Self::UnknownElement,
        Self::UnexpectedElement,
        Self::UnknownSudiPart,
        Self::CertificateEntryType,
        Self::Sha2ProofMissing,
        Self::ReasonWithKey,
    ];

    /// A short name that stays the same, for logs and counters.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::OlderVersion => "older-version",
            Self::ReasonMissing => "reason-missing",
            Self::PasswordMissing => "password-missing",
            Self::TextWithoutNul => "text-without-nul",
            Self::TextBehindNul => "text-behind-nul",
            Self::DeviceNameForm => "device-name-form",
            Self::UnknownElement => "unknown-element",
            Self::UnexpectedElement => "unexpected-element",
            Self::UnknownSudiPart => "unknown-sudi-part",
            Self::CertificateEntryType => "certificate-entry-type",
            Self::Sha2ProofMissing => "sha2-proof-missing",
            Self::ReasonWithKey => "reason-with-key",
        }
    }
}

impl Deviation for Tolerance {
    const EVERY: &'static [Self] = &Self::ALL;

    fn number(self) -> u8 {
        self as u8
    }
}

/// The set of deviations of one session.
pub type Tolerated = crate::tolerance::Tolerated<Tolerance>;
