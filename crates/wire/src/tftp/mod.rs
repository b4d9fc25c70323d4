//! TFTP: packets and both ends of a read, without sockets.
//!
//! * [`packet`]: requests, data, acknowledgements, errors (RFC 1350), option acknowledgements (RFC 2347)
//! * [`options`]: blksize (RFC 2348), timeout and tsize (RFC 2349), windowsize (RFC 7440), and what a server grants
//! * [`netascii`]: text as it travels in mode `netascii`
//! * [`send`]: the server's side of a read, [`Transfer`]
//! * [`receive`]: the client's side of a read, [`Download`]
//!
//! Writing is not offered: nothing in a cluster is uploaded by TFTP. A session is fed with datagrams and with the
//! time, and says what to send; sockets and clocks belong to its owner.

mod malformed;
pub mod netascii;
pub mod options;
pub mod packet;
pub mod receive;
pub mod send;

pub use options::{Caps, Options};
pub use packet::{BadPacket, ErrorCode, Mode, Packet, Request};
pub use receive::{Download, DownloadError, Progress, Wish};
pub use send::{Burst, Data, Failure, Pace, Step, Transfer};

/// Block size when none is agreed on (RFC 1350).
pub const DEFAULT_BLOCK_SIZE: u16 = 512;

/// Opcode and block number before the bytes of a DATA packet.
pub const DATA_HEADER: usize = 4;
