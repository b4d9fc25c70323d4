//! The TFTP server: read only, from a [`Fetcher`].
//!
//! One thread runs all transfers over epoll (`event_loop`): a lock-step transfer costs two system calls a block and
//! no hand-over between threads. What the source has at hand is answered in the same turn in which the request was
//! read; what must be looked up, made or read first is brought by the [`Fetcher`], so that no disk holds up the thread. Each transfer has a socket of its own, connected
//! to the client and bound to the address that was asked (`socket`); the protocol is [`wire::tftp::Transfer`].
//!
//! Who a request is from is what it says, so it may be forged (docs/security.md). A request from the address and port of a
//! transfer that runs changes nothing, unless that has waited a second for its acknowledgement: then it is the phone that has
//! booted and uses the same port. A transfer that was never acknowledged is short, makes room when places are short, and its
//! address gets little (`strangers`).

mod event_loop;
mod listener;
mod pieces;
mod socket;
mod strangers;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use nix::sys::eventfd::{EfdFlags, EventFd};
use tokio::sync::{oneshot, watch};
use wire::tftp::{Caps, Pace};

use crate::files::Fetcher;
use crate::places::{Server as Sharer, Share};
use event_loop::EventLoop;
use listener::Listener;

/// How to serve.
#[derive(Debug, Clone)]
pub struct Config {
    /// Addresses to listen on; port 0 lets the system choose.
    pub listen: Vec<SocketAddr>,
    /// Largest block and window that are granted. A block is cut further to what crosses the way in one packet (IPv4).
    pub caps: Caps,
    /// Waits and retransmissions.
    pub pace: Pace,
    /// Most transfers at a time. Each takes a file descriptor; 1024 is the usual limit of a process. When there are more, one
    /// makes room that has no acknowledgement yet, or has waited for one too long; if there is none the request is not
    /// answered, so that the client asks again.
    pub max_transfers: usize,
    /// Most transfers of one client address at a time; phones behind a router share one.
    pub max_per_address: usize,
    /// A transfer that has waited so long for an acknowledgement ends when its client asks anew.
    pub anew_after: Duration,
    /// Bytes a minute to an address that has not acknowledged anything for an hour.
    pub stranger_bytes: u32,
    /// How long running transfers may go on after the shutdown signal.
    pub drain: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            caps: Caps::default(),
            pace: Pace::default(),
            max_transfers: 512,
            max_per_address: 256,
            anew_after: Duration::from_secs(1),
            stranger_bytes: 64 * 1024,
            drain: Duration::from_secs(4),
        }
    }
}

impl Config {
    /// No more than its share of what the process may open.
    pub(crate) fn shared(mut self, share: &Share) -> Self {
        share.limit(Sharer::Tftp, &mut self.max_transfers, &mut self.max_per_address);
        self
    }
}

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

/// A server that listens; [`Server::run`] makes it answer.
pub struct Server {
    config: Config,
    fetcher: Arc<Fetcher>,
    listeners: Vec<Listener>,
}

impl Server {
    /// Opens the listening sockets.
    ///
    /// # Errors
    /// [`BindError`] for the first address that does not work.
    pub fn bind(config: Config, fetcher: Arc<Fetcher>) -> Result<Self, BindError> {
        let listeners = config
            .listen
            .iter()
            .map(|&addr| Listener::bind(addr).map_err(|e| BindError::new("UDP", addr, e)))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self { config, fetcher, listeners })
    }

    /// Where it listens, in the order of [`Config::listen`], with the ports the system chose.
    #[must_use]
    pub fn local_addrs(&self) -> Vec<SocketAddr> {
        self.listeners.iter().map(Listener::local_addr).collect()
    }

    /// Serves until `shutdown` turns true (or its sender is gone), then lets running transfers finish for
    /// [`Config::drain`]. Dropping the future ends all transfers at once. Wants a tokio runtime for the files that
    /// are made on request.
    ///
    /// # Errors
    /// When epoll or its thread cannot be made, or the thread died.
    pub async fn run(self, mut shutdown: watch::Receiver<bool>) -> io::Result<()> {
        let stop = Arc::new(Stop::new()?);
        let event_loop = EventLoop::new(
            self.config,
            self.fetcher,
            self.listeners,
            Arc::clone(&stop),
            tokio::runtime::Handle::current(),
        )?;
        let (ended, mut end) = oneshot::channel();
        std::thread::Builder::new().name("tftp".into()).spawn(move || {
            if ended.send(event_loop.run()).is_err() {
                tracing::debug!(target: "tftp", "ended, nobody waits");
            }
        })?;
        let _now_if_dropped = StopNow(Arc::clone(&stop));
        tokio::select! {
            result = &mut end => return result.unwrap_or_else(|_| Err(io::Error::other("the TFTP thread died"))),
            // an error means that the sender is gone: a shutdown as well
            _ = shutdown.wait_for(|&stop| stop) => stop.signal(Stop::DRAIN),
        }
        end.await.unwrap_or_else(|_| Err(io::Error::other("the TFTP thread died")))
    }
}

/// Tells the thread to stop, and wakes it.
struct Stop {
    state: AtomicU8,
    wake: EventFd,
}

impl Stop {
    const RUN: u8 = 0;
    /// No new transfers.
    const DRAIN: u8 = 1;
    /// No transfers.
    const NOW: u8 = 2;

    fn new() -> io::Result<Self> {
        let wake = EventFd::from_flags(EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC)?;
        Ok(Self { state: AtomicU8::new(Self::RUN), wake })
    }

    fn signal(&self, state: u8) {
        self.state.fetch_max(state, Ordering::SeqCst);
        self.wake();
    }

    /// Makes the thread look at what is new.
    fn wake(&self) {
        if let Err(error) = self.wake.write(1) {
            // full means that a wake-up is under way
            tracing::trace!(target: "tftp", %error, "not woken");
        }
    }

    fn state(&self) -> u8 {
        self.state.load(Ordering::SeqCst)
    }
}

struct StopNow(Arc<Stop>);

impl Drop for StopNow {
    fn drop(&mut self) {
        self.0.signal(Stop::NOW);
    }
}
