//! Why a datagram is no packet, and the texts in it.

/// Longest request in bytes (RFC 2347 section 3).
pub const MAX_REQUEST: usize = 512;

/// Why a datagram is no TFTP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadPacket {
    /// Fewer bytes than the packet needs.
    #[error("TFTP packet ends after {bytes} bytes")]
    Short {
        /// Its length.
        bytes: usize,
    },
    /// An opcode that does not exist.
    #[error("unknown TFTP opcode {0}")]
    Opcode(u16),
    /// A request longer than [`MAX_REQUEST`].
    #[error("TFTP request has {bytes} bytes, at most {MAX_REQUEST} are allowed")]
    Long {
        /// Its length.
        bytes: usize,
    },
    /// A text without the NUL at its end.
    #[error("TFTP {field} is not ended by NUL")]
    Unended {
        /// Which text.
        field: &'static str,
    },
    /// Neither octet nor netascii (mail is obsolete since RFC 1350).
    #[error("unknown TFTP mode, octet or netascii is wanted")]
    Mode,
    /// An option of an OACK that is outside its range.
    #[error("TFTP option {0} is out of range")]
    OptionValue(&'static str),
}

/// A text up to its NUL and what follows it.
pub(super) fn take_text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|&b| b == 0)?;
    let (text, rest) = bytes.split_at_checked(end)?;
    Some((text, rest.get(1..)?))
}
