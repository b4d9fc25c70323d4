//! Addresses of clients as sockets want them.

use std::net::SocketAddr;

/// Keeps the link of a link-local address.
pub(super) trait WithScope {
    fn with_scope_of(self, other: SocketAddr) -> Self;
}

impl WithScope for SocketAddr {
    fn with_scope_of(mut self, other: SocketAddr) -> Self {
        if let (Self::V6(address), Self::V6(other)) = (&mut self, other) {
            address.set_scope_id(other.scope_id());
        }
        self
    }
}

/// An IPv4 address in the form that a socket of both families wants.
pub(super) fn as_family_of(peer: SocketAddr, local: SocketAddr) -> SocketAddr {
    match (peer, local) {
        (SocketAddr::V4(v4), SocketAddr::V6(_)) => SocketAddr::new(v4.ip().to_ipv6_mapped().into(), v4.port()),
        _ => peer,
    }
}
