//! The socket that requests come to.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};

use nix::sys::socket::{setsockopt, sockopt};
use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSockRef, UdpSocketState};

/// Room for one request. The longest allowed has 512 bytes; a longer one is cut here and refused by its length.
const ROOM: usize = 1024;

/// Listening socket that knows which of our addresses a datagram was sent to.
pub(super) struct Listener {
    socket: UdpSocket,
    state: UdpSocketState,
    local: SocketAddr,
    buffers: Vec<[u8; ROOM]>,
    metas: [RecvMeta; BATCH_SIZE],
}

/// One datagram that came to the listening socket.
pub(super) struct Incoming {
    /// Who sent it.
    pub peer: SocketAddr,
    /// Which of our addresses it was sent to.
    pub asked: IpAddr,
    /// Its bytes, at most [`ROOM`].
    pub bytes: Vec<u8>,
}

impl Listener {
    pub fn bind(addr: SocketAddr) -> io::Result<Self> {
        let socket = UdpSocket::bind(addr)?;
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        // coalesced datagrams would need 64 KiB of room each, for nothing: clients send one request
        setsockopt(&socket, sockopt::UdpGroSegment, &false)?;
        let local = socket.local_addr()?;
        Ok(Self {
            socket,
            state,
            local,
            buffers: vec![[0; ROOM]; BATCH_SIZE],
            metas: [RecvMeta::default(); BATCH_SIZE],
        })
    }

    pub const fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Takes what has come, up to a batch, in one system call.
    pub fn receive(&mut self) -> io::Result<Vec<Incoming>> {
        let mut slices: Vec<_> = self.buffers.iter_mut().map(|b| IoSliceMut::new(b)).collect();
        let count = match self.state.recv(UdpSockRef::from(&self.socket), &mut slices, &mut self.metas) {
            Ok(count) => count,
            Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => 0,
            Err(e) => return Err(e),
        };
        let received = self.metas.iter().zip(&self.buffers).take(count);
        Ok(received
            .map(|(meta, buffer)| Incoming {
                peer: meta.addr,
                asked: meta.dst_ip.unwrap_or_else(|| self.local.ip()),
                bytes: buffer.get(..meta.len).unwrap_or(buffer).to_vec(),
            })
            .collect())
    }

    /// Sends the error that answers a request which starts no transfer, from the address that was asked.
    pub fn refuse(&self, peer: SocketAddr, asked: IpAddr, error: &[u8]) {
        let transmit =
            Transmit { destination: peer, ecn: None, contents: error, segment_size: None, src_ip: Some(asked) };
        if let Err(error) = self.state.try_send(UdpSockRef::from(&self.socket), &transmit) {
            // the client asks again
            tracing::debug!(target: "tftp", %peer, %error, "refusal not sent");
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
