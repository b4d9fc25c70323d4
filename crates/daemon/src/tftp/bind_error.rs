//! Why a server cannot listen.

use std::io;
use std::net::SocketAddr;

/// Why a server cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another program has the port.
    #[error("{transport} {addr} is in use: stop the program that listens there, or configure another port")]
    InUse {
        /// UDP or TCP.
        transport: &'static str,
        /// The address wanted.
        addr: SocketAddr,
    },
    /// Ports below 1024 need a right.
    #[error("no right to listen on {transport} {addr}: grant CAP_NET_BIND_SERVICE, or configure a port above 1023")]
    Denied {
        /// UDP or TCP.
        transport: &'static str,
        /// The address wanted.
        addr: SocketAddr,
    },
    /// The machine has another address: it was moved, or its settings come from another one.
    #[error(
        "cannot listen on {transport} {addr}: this machine has no address {}; name one that it has with --listen or as [listen] address in \
         ringfence.toml, or none to listen on all",
        addr.ip()
    )]
    NotHere {
        /// UDP or TCP.
        transport: &'static str,
        /// The address wanted.
        addr: SocketAddr,
    },
    /// Anything else.
    #[error("cannot listen on {transport} {addr}: {source}")]
    Other {
        /// UDP or TCP.
        transport: &'static str,
        /// The address wanted.
        addr: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

impl BindError {
    /// The sentence for what the system said.
    #[must_use]
    pub fn new(transport: &'static str, addr: SocketAddr, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::InUse { transport, addr },
            io::ErrorKind::PermissionDenied => Self::Denied { transport, addr },
            io::ErrorKind::AddrNotAvailable => Self::NotHere { transport, addr },
            _ => Self::Other { transport, addr, source },
        }
    }
}
