//! What is wrong with bytes from outside: the place, the field, the reason.

/// Who has to change something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The bytes are no message of the protocol.
    Bytes,
    /// A message, but not one that this peer may send now.
    Peer,
    /// Our own side asked for something that cannot be written.
    Ours,
}

/// Bytes that do not follow their format. Never says anything about signatures: decoded is not verified.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("offset {offset}: {field}: {reason}")]
pub struct Malformed {
    /// Byte offset from the start of the file or message at which reading stopped.
    pub offset: usize,
    /// Name of the field as `show ctl` prints it, or of the part that was being read.
    pub field: &'static str,
    /// What is wrong there.
    pub reason: Reason,
}

impl Malformed {
    pub(crate) fn new(offset: usize, field: &'static str, reason: Reason) -> Self {
        Self { offset, field, reason }
    }
}

/// The reason inside a [`Malformed`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The input ends before the field does.
    #[error("needs {need} bytes, the file has {have}")]
    Truncated {
        /// Bytes the field needs in all.
        need: usize,
        /// Bytes that are there.
        have: usize,
    },
    /// A field must stand at this place and does not.
    #[error("tag {found} stands where tag {expected} must stand")]
    WrongTag {
        /// Tag that the format puts here.
        expected: u8,
        /// Tag that was found.
        found: u8,
    },
    /// The length of a field whose size is fixed.
    #[error("has length {found}, must have {expected}")]
    WrongLength {
        /// Length that the format fixes.
        expected: usize,
        /// Length that was found.
        found: usize,
    },
    /// A value runs past the part that holds it.
    #[error("its {length} bytes run past the end of the {container} at offset {end}")]
    RunsPast {
        /// Length the field claims, in bytes.
        length: usize,
        /// Name of the part: header, record, message.
        container: &'static str,
        /// Offset of the end of that part.
        end: usize,
    },
    /// A number outside the values that make sense.
    #[error("{found} is outside {least}..={most}")]
    OutOfRange {
        /// Value found.
        found: usize,
        /// Smallest value allowed.
        least: usize,
        /// Largest value allowed.
        most: usize,
    },
    /// The file is larger than a reader takes.
    #[error("{found} bytes are above the limit of {limit} bytes")]
    TooLarge {
        /// Size found, in bytes.
        found: usize,
        /// Largest size taken, in bytes.
        limit: usize,
    },
}

/// A value that cannot be written in the format; the fault is the caller's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unwritable {
    /// A field longer than its 16-bit length can say.
    #[error("{field} has {length} bytes, the format holds at most 65535")]
    FieldTooLong {
        /// Name of the field.
        field: &'static str,
        /// Length in bytes.
        length: usize,
    },
    /// The header or a record grows past 65535 bytes.
    #[error("the {part} would have {length} bytes, the format holds at most 65535")]
    PartTooLong {
        /// `header` or `record`.
        part: &'static str,
        /// Length in bytes.
        length: usize,
    },
    /// Digest and key size do not fit together: a SHA-512 signature needs RSA of at least 752 bits.
    #[error("a {digest} signature does not fit into RSA {bits}; sign with a larger key or with sha1")]
    DigestTooLong {
        /// Name of the digest.
        digest: &'static str,
        /// Size of the key in bits.
        bits: usize,
    },
    /// Only SHA-1 and SHA-512 are written (phones know no other).
    #[error("digest id {0} is not written; phones know 1 (sha1) and 3 (sha512)")]
    DigestNotWritten(u8),
    /// The signature has not the size that the header announces.
    #[error("the signature has {found} bytes, the header announces {expected}")]
    SignatureLength {
        /// Bytes that SIGNATUREMODULUS announces.
        expected: usize,
        /// Bytes the signer gave.
        found: usize,
    },
    /// Tag 13 is padding and cannot be a field of a header.
    #[error("tag 13 is padding and cannot be written as a field")]
    PaddingTag,
}
