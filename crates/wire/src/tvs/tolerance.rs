//! The deviations of a request that are answered all the same.

use crate::tolerance::Deviation;

/// One deviation from the form that real phones send. None of them lets a certificate pass that is not known; each is
/// counted by the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Tolerance {
    /// Version 0 is answered like version 1 [sources/tvs#tolerance].
    VersionZero,
    /// The reserved byte is not 0. CUCM itself sends junk there [sources/tvs#message].
    ReservedByte,
    /// No device name: it is needed for the log only.
    DeviceNameMissing,
    /// The device name does not start with the byte 1.
    DeviceNameLead,
    /// The device name has not the form `CP-<model>-SEP<12 hex>`: ATA, soft phones and others have names of their own.
    DeviceNameForm,
    /// A tag that is not known (6, or above 9). It is skipped.
    UnknownElement,
    /// An element of an answer, or of the other command. It is skipped.
    UnexpectedElement,
    /// The same element again. The last one counts.
    RepeatedElement,
    /// A name without NUL at its end.
    NameWithoutNul,
    /// VERIFY without a certificate. It is answered as not known.
    CertificateMissing,
    /// QUERY without subject, issuer or serial number. The missing ones are compared as empty, so nothing is found.
    NameMissing,
}

impl Tolerance {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 11] = [
        Self::VersionZero,
        Self::ReservedByte,
        Self::DeviceNameMissing,
        Self::DeviceNameLead,
        Self::DeviceNameForm,
        Self::UnknownElement,
        Self::UnexpectedElement,
        Self::RepeatedElement,
        Self::NameWithoutNul,
        Self::CertificateMissing,
        Self::NameMissing,
    ];

    /// A short name that stays the same, for logs and counters.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::VersionZero => "version-zero",
            Self::ReservedByte => "reserved-byte",
            Self::DeviceNameMissing => "device-name-missing",
            Self::DeviceNameLead => "device-name-lead",
            Self::DeviceNameForm => "device-name-form",
            Self::UnknownElement => "unknown-element",
            Self::UnexpectedElement => "unexpected-element",
            Self::RepeatedElement => "repeated-element",
            Self::NameWithoutNul => "name-without-nul",
            Self::CertificateMissing => "certificate-missing",
            Self::NameMissing => "name-missing",
        }
    }
}

impl Deviation for Tolerance {
    const EVERY: &'static [Self] = &Self::ALL;

    fn number(self) -> u8 {
        self as u8
    }
}

/// The set of deviations of one request.
pub type Tolerated = crate::tolerance::Tolerated<Tolerance>;
