//! The socket of one transfer.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use nix::sys::socket::{setsockopt, sockopt};
use socket2::{Domain, Socket, Type};
use wire::tftp::{Burst, DATA_HEADER, Data, Transfer};

/// Most datagrams the kernel cuts from one buffer (UDP_MAX_SEGMENTS of Linux before 6.9).
const MAX_SEGMENTS: usize = 64;

/// Most bytes the kernel takes in one buffer: an IPv4 packet without its headers, rounded down.
const MAX_BUFFER: usize = 65_000;

/// Headers of IPv4 and UDP, bytes.
const HEADERS: u16 = 28;

/// Largest block that crosses every Ethernet without being cut into fragments: what phones ask for.
const ALWAYS_FITS: u16 = 1428;

/// A connected socket: the kernel hands over what this client sends, and tells when its port is closed.
pub(super) struct TransferSocket {
    socket: UdpSocket,
    /// A window goes out in one call, cut by the kernel (UDP segmentation offload).
    segmented: bool,
}

impl TransferSocket {
    /// A new port on `ours`, the address the client asked, connected to `peer`.
    pub fn open(ours: IpAddr, peer: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(peer), Type::DGRAM.nonblocking(), None)?;
        let mut local = SocketAddr::new(ours, 0);
        if let (SocketAddr::V6(local), SocketAddr::V6(peer)) = (&mut local, peer) {
            // a link-local address means nothing without its link
            local.set_scope_id(peer.scope_id());
        }
        socket.bind(&local.into())?;
        socket.connect(&peer.into())?;
        Ok(Self { socket: socket.into(), segmented: false })
    }

    /// The largest block at most `asked` that goes to the client in one packet. IPv4 only: the system does not tell
    /// for IPv6, where the sender fragments by itself.
    pub fn unfragmented(&self, asked: u16) -> u16 {
        if asked <= ALWAYS_FITS {
            return asked;
        }
        match nix::sys::socket::getsockopt(&self.socket, sockopt::IpMtu) {
            Ok(mtu) => {
                let mtu = u16::try_from(mtu).unwrap_or(u16::MAX);
                asked.min(mtu.saturating_sub(HEADERS + DATA_HEADER as u16).max(ALWAYS_FITS))
            }
            Err(_) => asked,
        }
    }

    /// Lets the kernel cut windows of this transfer. False if it cannot.
    pub fn segment<B: Data>(&mut self, transfer: &Transfer<B>) -> bool {
        let segment = i32::from(transfer.block_size()) + DATA_HEADER as i32;
        self.segmented = setsockopt(&self.socket, sockopt::UdpGsoSegment, &segment).is_ok();
        self.segmented
    }

    /// Sends a burst. What the system has no room for now counts as lost on the way: the protocol repeats it.
    ///
    /// # Errors
    /// `ConnectionRefused` when the client closed its port; others when the network is unreachable.
    pub fn send(&mut self, burst: &Burst) -> io::Result<()> {
        let segment = burst.segment();
        let mut rest = burst.bytes();
        if self.segmented && rest.len() > segment {
            let chunk = segment * MAX_SEGMENTS.min(MAX_BUFFER / segment).max(1);
            while !rest.is_empty() {
                let (now, later) = rest.split_at(chunk.min(rest.len()));
                match self.socket.send(now) {
                    Ok(_) => rest = later,
                    Err(e) if offload_refused(&e) => {
                        // a way without checksum offload, or whose MTU has shrunk
                        self.segmented = false;
                        break;
                    }
                    Err(e) => return unless_full(e),
                }
            }
        }
        for datagram in rest.chunks(segment) {
            if let Err(e) = self.socket.send(datagram) {
                return unless_full(e);
            }
        }
        Ok(())
    }

    /// Takes one datagram of the client; `None` when there is none.
    pub fn receive<'a>(&self, buffer: &'a mut [u8]) -> io::Result<Option<&'a [u8]>> {
        match self.socket.recv(buffer) {
            Ok(length) => Ok(buffer.get(..length)),
            Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(None),
            Err(e) => Err(e),
        }
    }
}

impl AsFd for TransferSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn errno(error: &io::Error) -> Option<Errno> {
    error.raw_os_error().map(Errno::from_raw)
}

fn offload_refused(error: &io::Error) -> bool {
    matches!(errno(error), Some(Errno::EIO | Errno::EINVAL | Errno::EMSGSIZE | Errno::EOPNOTSUPP))
}

fn unless_full(error: io::Error) -> io::Result<()> {
    match errno(&error) {
        // EPERM: a packet filter dropped it
        Some(Errno::EAGAIN | Errno::ENOBUFS | Errno::EINTR | Errno::EPERM) => Ok(()),
        _ => Err(error),
    }
}
