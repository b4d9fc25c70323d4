//! The six packets of TFTP.

use std::fmt;

use super::malformed::take_text;
pub use super::malformed::{BadPacket, MAX_REQUEST};
use super::options::Options;

/// Most bytes of an error text that are kept. Enough for a sentence; the text ends in a log.
pub const MAX_ERROR_TEXT: usize = 200;

const READ: u16 = 1;
const WRITE: u16 = 2;
const DATA: u16 = 3;
const ACK: u16 = 4;
const ERROR: u16 = 5;
const OPTION_ACK: u16 = 6;

/// How bytes travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// As they are.
    Octet,
    /// As text with CR LF line ends, see [`super::netascii`].
    Netascii,
}

impl Mode {
    /// The word in a request.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Octet => "octet",
            Self::Netascii => "netascii",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// Codes of ERROR packets (RFC 1350, RFC 2347).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorCode {
    /// 0: see the text.
    NotDefined,
    /// 1
    FileNotFound,
    /// 2
    AccessViolation,
    /// 3
    DiskFull,
    /// 4
    IllegalOperation,
    /// 5
    UnknownTransferId,
    /// 6
    FileExists,
    /// 7
    NoSuchUser,
    /// 8: the options are not acceptable.
    OptionNegotiation,
    /// Any other.
    Other(u16),
}

impl ErrorCode {
    /// The number on the wire.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::NotDefined => 0,
            Self::FileNotFound => 1,
            Self::AccessViolation => 2,
            Self::DiskFull => 3,
            Self::IllegalOperation => 4,
            Self::UnknownTransferId => 5,
            Self::FileExists => 6,
            Self::NoSuchUser => 7,
            Self::OptionNegotiation => 8,
            Self::Other(code) => code,
        }
    }

    /// From the number on the wire.
    #[must_use]
    pub const fn from_code(code: u16) -> Self {
        match code {
            0 => Self::NotDefined,
            1 => Self::FileNotFound,
            2 => Self::AccessViolation,
            3 => Self::DiskFull,
            4 => Self::IllegalOperation,
            5 => Self::UnknownTransferId,
            6 => Self::FileExists,
            7 => Self::NoSuchUser,
            8 => Self::OptionNegotiation,
            other => Self::Other(other),
        }
    }
}

/// A read or write request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request<'a> {
    /// The name as it came; parse it with [`crate::file_name::FileName::from_bytes`].
    pub file: &'a [u8],
    /// How the bytes travel.
    pub mode: Mode,
    /// What the client asks for.
    pub options: Options,
}

/// One datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet<'a> {
    /// RRQ
    Read(Request<'a>),
    /// WRQ
    Write(Request<'a>),
    /// DATA: fewer bytes than the block size end the file.
    Data {
        /// Number modulo 65536; the first block is 1.
        block: u16,
        /// The bytes of the block.
        data: &'a [u8],
    },
    /// ACK
    Ack {
        /// Last block that arrived in order, 0 for the OACK.
        block: u16,
    },
    /// ERROR: ends the transfer.
    Error {
        /// Why.
        code: ErrorCode,
        /// In words; at most [`MAX_ERROR_TEXT`] bytes of what came, control characters replaced.
        text: String,
    },
    /// OACK
    OptionAck(Options),
}

impl<'a> Packet<'a> {
    /// Reads a datagram.
    ///
    /// # Errors
    /// [`BadPacket`] with the reason. Unknown options are skipped. Options out of range are skipped in requests
    /// (RFC 2347: not acknowledged) and refused in an OACK.
    pub fn decode(datagram: &'a [u8]) -> Result<Self, BadPacket> {
        let short = BadPacket::Short { bytes: datagram.len() };
        let (opcode, rest) = take_u16(datagram).ok_or(short)?;
        match opcode {
            READ => Ok(Self::Read(Request::decode(rest, datagram.len())?)),
            WRITE => Ok(Self::Write(Request::decode(rest, datagram.len())?)),
            DATA => take_u16(rest).map(|(block, data)| Self::Data { block, data }).ok_or(short),
            // bytes after the number are harmless padding of some stacks
            ACK => take_u16(rest).map(|(block, _)| Self::Ack { block }).ok_or(short),
            ERROR => {
                let (code, text) = take_u16(rest).ok_or(short)?;
                // the text is for people: one without its NUL is still an error packet
                Ok(Self::Error { code: ErrorCode::from_code(code), text: error_text(text) })
            }
            OPTION_ACK => {
                if datagram.len() > MAX_REQUEST {
                    return Err(BadPacket::Long { bytes: datagram.len() });
                }
                Options::decode_ack(rest).map(Self::OptionAck)
            }
            other => Err(BadPacket::Opcode(other)),
        }
    }

    /// Appends the packet to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Read(request) => request.encode(READ, out),
            Self::Write(request) => request.encode(WRITE, out),
            Self::Data { block, data } => {
                out.extend_from_slice(&data_header(*block));
                out.extend_from_slice(data);
            }
            Self::Ack { block } => {
                out.extend_from_slice(&ACK.to_be_bytes());
                out.extend_from_slice(&block.to_be_bytes());
            }
            Self::Error { code, text } => {
                out.extend_from_slice(&ERROR.to_be_bytes());
                out.extend_from_slice(&code.code().to_be_bytes());
                out.extend(text.bytes().filter(|&b| b != 0).take(MAX_ERROR_TEXT));
                out.push(0);
            }
            Self::OptionAck(options) => {
                out.extend_from_slice(&OPTION_ACK.to_be_bytes());
                options.encode(out);
            }
        }
    }

    /// The packet as a datagram.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode(&mut out);
        out
    }
}

impl<'a> Request<'a> {
    fn decode(rest: &'a [u8], whole: usize) -> Result<Self, BadPacket> {
        if whole > MAX_REQUEST {
            return Err(BadPacket::Long { bytes: whole });
        }
        let (file, rest) = take_text(rest).ok_or(BadPacket::Unended { field: "file name" })?;
        let (mode, rest) = take_text(rest).ok_or(BadPacket::Unended { field: "mode" })?;
        let mode = if mode.eq_ignore_ascii_case(b"octet") {
            Mode::Octet
        } else if mode.eq_ignore_ascii_case(b"netascii") {
            Mode::Netascii
        } else {
            return Err(BadPacket::Mode);
        };
        Ok(Self { file, mode, options: Options::decode_request(rest)? })
    }

    fn encode(&self, opcode: u16, out: &mut Vec<u8>) {
        out.extend_from_slice(&opcode.to_be_bytes());
        out.extend(self.file.iter().filter(|&&b| b != 0));
        out.push(0);
        out.extend_from_slice(self.mode.word().as_bytes());
        out.push(0);
        self.options.encode(out);
    }
}

/// The four bytes before the data of a block.
pub(super) const fn data_header(block: u16) -> [u8; super::DATA_HEADER] {
    let [high, low] = block.to_be_bytes();
    [0, DATA as u8, high, low]
}

/// A big-endian number and what follows it.
fn take_u16(bytes: &[u8]) -> Option<(u16, &[u8])> {
    bytes.split_first_chunk::<2>().map(|(number, rest)| (u16::from_be_bytes(*number), rest))
}

/// An error text made fit for a log line.
fn error_text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len()).min(MAX_ERROR_TEXT);
    let text = String::from_utf8_lossy(bytes.get(..end).unwrap_or_default());
    let mut tame: String = text.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    // a byte that is no UTF-8 grows to three
    tame.truncate(tame.floor_char_boundary(MAX_ERROR_TEXT));
    tame
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn request_as_in_rfc_2347() {
        let bytes = b"\0\x01foobar\0OcTeT\0BLKSIZE\x001432\0tsize\x000\0rollover\x000\0";
        let Packet::Read(request) = Packet::decode(bytes).unwrap() else { panic!("not a read") };
        assert_eq!(request.file, b"foobar");
        assert_eq!(request.mode, Mode::Octet);
        assert_eq!(request.options.block_size, Some(1432));
        assert_eq!(request.options.transfer_size, Some(0));
        assert_eq!(request.options.window, None);
    }

    #[test]
    fn bad_packets_say_why() {
        let long = [b"\0\x01".as_slice(), &[b'a'; 520], b"\0octet\0"].concat();
        let cases: &[(&[u8], BadPacket)] = &[
            (b"", BadPacket::Short { bytes: 0 }),
            (b"\0", BadPacket::Short { bytes: 1 }),
            (b"\0\x04\0", BadPacket::Short { bytes: 3 }),
            (b"\0\x03", BadPacket::Short { bytes: 2 }),
            (b"\0\x09abc", BadPacket::Opcode(9)),
            (b"\0\x01name", BadPacket::Unended { field: "file name" }),
            (b"\0\x01name\0octet", BadPacket::Unended { field: "mode" }),
            (b"\0\x01name\0mail\0", BadPacket::Mode),
            (b"\0\x01name\0octet\0blksize\x00512", BadPacket::Unended { field: "option" }),
            (b"\0\x06blksize\x007\0", BadPacket::OptionValue("blksize")),
            (&long, BadPacket::Long { bytes: long.len() }),
        ];
        for (bytes, wanted) in cases {
            assert_eq!(Packet::decode(bytes).unwrap_err(), *wanted);
        }
    }

    #[test]
    fn error_texts_are_tamed() {
        let packet = Packet::decode(b"\0\x05\0\x01no\x1b[2Jfile").unwrap();
        assert_eq!(packet, Packet::Error { code: ErrorCode::FileNotFound, text: "no?[2Jfile".into() });
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..600), opcode in 0u8..8) {
            let mut bytes = bytes;
            if let Some(first) = bytes.get_mut(..2) {
                first.copy_from_slice(&[0, opcode]);
            }
            if let Ok(packet) = Packet::decode(&bytes) {
                // what was understood survives another round
                let again = packet.to_bytes();
                prop_assert_eq!(Packet::decode(&again).unwrap(), packet);
            }
        }

        #[test]
        fn requests_survive(
            file in "[a-zA-Z0-9._/-]{1,64}",
            block_size in prop::option::of(8u16..=65464),
            timeout in prop::option::of(1u8..=255),
            transfer_size in prop::option::of(any::<u64>()),
            window in prop::option::of(1u16..),
        ) {
            let options = Options { block_size, timeout, transfer_size, window };
            let packet = Packet::Read(Request { file: file.as_bytes(), mode: Mode::Octet, options });
            let bytes = packet.to_bytes();
            prop_assert_eq!(Packet::decode(&bytes).unwrap(), packet);
        }
    }
}
