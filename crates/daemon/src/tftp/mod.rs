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

mod bind_error;
mod config;
mod event_loop;
mod listener;
mod pieces;
mod socket;
mod stop;
mod strangers;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::{oneshot, watch};

pub use self::bind_error::BindError;
pub use self::config::Config;
use crate::files::Fetcher;
use event_loop::EventLoop;
use listener::Listener;
use stop::Stop;

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

struct StopNow(Arc<Stop>);

impl Drop for StopNow {
    fn drop(&mut self) {
        self.0.signal(Stop::NOW);
    }
}
