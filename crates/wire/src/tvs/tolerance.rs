//! The deviations of a request that are answered all the same.

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

    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// The set of deviations of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tolerated(u16);

impl Tolerated {
    /// None.
    pub const NONE: Self = Self(0);

    /// True when the request had the usual form.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// True when the request had this deviation.
    #[must_use]
    pub const fn contains(self, tolerance: Tolerance) -> bool {
        self.0 & tolerance.bit() != 0
    }

    /// The deviations, in the order of [`Tolerance::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Tolerance> {
        Tolerance::ALL.into_iter().filter(move |tolerance| self.contains(*tolerance))
    }

    pub(super) const fn add(&mut self, tolerance: Tolerance) {
        self.0 |= tolerance.bit();
    }
}
