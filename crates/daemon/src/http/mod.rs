//! The HTTP/1.1 server for files, port 6970: GET and HEAD from the same [`FileSource`] as TFTP.
//!
//! `answer` turns a request into a response; here are connections: accepted up to a limit, with time-outs for
//! headers and for idle keep-alive, drained at the shutdown signal.

mod answer;
mod range;

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use crate::files::FileSource;
use crate::once_a_minute::OnceAMinute;
pub use crate::tftp::BindError;

/// Most bytes of a request head. Phones send about 200; hyper wants at least 8 KiB.
pub const MAX_HEAD: usize = 16 * 1024;

/// Most header lines of a request.
pub const MAX_HEADERS: usize = 64;

/// How to serve.
#[derive(Debug, Clone)]
pub struct Config {
    /// Addresses to listen on; port 0 lets the system choose.
    pub listen: Vec<SocketAddr>,
    /// Most connections at a time; further ones wait in the queue of the system.
    pub max_connections: usize,
    /// Most connections of one client address; further ones are closed at once.
    pub max_per_address: usize,
    /// Longest wait for a complete request head, and for the next request of a connection that is kept alive.
    pub head_timeout: Duration,
    /// Longest life of a connection: ends clients that never read what they asked for.
    pub longest_connection: Duration,
    /// How long running answers may go on after the shutdown signal.
    pub drain: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            max_connections: 512,
            max_per_address: 256,
            head_timeout: Duration::from_secs(15),
            longest_connection: Duration::from_secs(600),
            drain: Duration::from_secs(4),
        }
    }
}

/// A server that listens; [`Server::run`] makes it answer.
pub struct Server {
    config: Config,
    source: Arc<dyn FileSource>,
    listeners: Vec<(TcpListener, SocketAddr)>,
}

impl Server {
    /// Opens the listening sockets. Wants a tokio runtime.
    ///
    /// # Errors
    /// [`BindError`] for the first address that does not work.
    pub async fn bind(config: Config, source: Arc<dyn FileSource>) -> Result<Self, BindError> {
        let mut listeners = Vec::new();
        for &addr in &config.listen {
            let named = |e| BindError::new("TCP", addr, e);
            let listener = TcpListener::bind(addr).await.map_err(named)?;
            let local = listener.local_addr().map_err(named)?;
            listeners.push((listener, local));
        }
        Ok(Self { config, source, listeners })
    }

    /// Where it listens, in the order of [`Config::listen`], with the ports the system chose.
    #[must_use]
    pub fn local_addrs(&self) -> Vec<SocketAddr> {
        self.listeners.iter().map(|(_, local)| *local).collect()
    }

    /// Serves until `shutdown` turns true (or its sender is gone), then lets running answers finish for
    /// [`Config::drain`]. Dropping the future closes all connections.
    ///
    /// # Errors
    /// Never for what a client does; a listener that died ends the server.
    pub async fn run(self, shutdown: watch::Receiver<bool>) -> io::Result<()> {
        let Self { config, source, listeners } = self;
        let shared = Arc::new(Shared {
            room: Arc::new(Semaphore::new(config.max_connections)),
            per_address: Mutex::default(),
            unresolved: Mutex::default(),
            config,
            source,
        });
        let mut accepting = JoinSet::new();
        for (listener, _) in listeners {
            accepting.spawn(accept(listener, Arc::clone(&shared), shutdown.clone()));
        }
        while let Some(ended) = accepting.join_next().await {
            ended.map_err(io::Error::other)?;
        }
        Ok(())
    }
}

struct Shared {
    config: Config,
    source: Arc<dyn FileSource>,
    room: Arc<Semaphore>,
    per_address: Mutex<HashMap<IpAddr, usize>>,
    /// Names that stay inside no folder, by the address that asks.
    unresolved: Mutex<OnceAMinute>,
}

/// A place among the connections, given back when dropped.
struct Seat {
    shared: Arc<Shared>,
    ip: IpAddr,
    _room: OwnedSemaphorePermit,
}

impl Shared {
    fn seat(self: &Arc<Self>, ip: IpAddr, room: OwnedSemaphorePermit) -> Option<Seat> {
        let mut counts = self.per_address.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(ip).or_default();
        if *count >= self.config.max_per_address {
            return None;
        }
        *count += 1;
        Some(Seat { shared: Arc::clone(self), ip, _room: room })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut counts = self.shared.per_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.ip) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.ip);
            }
        }
    }
}

/// Accepts until shutdown, then waits for its connections.
async fn accept(listener: TcpListener, shared: Arc<Shared>, shutdown: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    let mut stop = shutdown.clone();
    loop {
        let accepted = tokio::select! {
            _ = stop.wait_for(|&stop| stop) => break,
            Some(ended) = connections.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(target: "http", %error, "connection task died");
                }
                continue;
            }
            accepted = next_connection(&listener, &shared) => accepted,
        };
        let Some((stream, peer, room)) = accepted else { continue };
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        match shared.seat(peer.ip(), room) {
            Some(seat) => {
                connections.spawn(serve(stream, peer, seat, shutdown.clone()));
            }
            None => tracing::warn!(target: "http", %peer, "too many connections of this address, closed"),
        }
    }
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(shared.config.drain, drained).await.is_err() {
        tracing::warn!(target: "http", open = connections.len(), "connections cut at shutdown");
    }
}

async fn next_connection(
    listener: &TcpListener,
    shared: &Shared,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let room = Arc::clone(&shared.room).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => Some((stream, peer, room)),
        Err(error) => {
            // out of file descriptors, or the client is gone already; the former needs some time
            tracing::warn!(target: "http", %error, "cannot accept");
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}

async fn serve(stream: TcpStream, peer: SocketAddr, seat: Seat, mut shutdown: watch::Receiver<bool>) {
    // an answer of two segments would wait for a delayed acknowledgement
    if let Err(error) = SockRef::from(&stream).set_tcp_nodelay(true) {
        tracing::debug!(target: "http", %peer, %error, "no TCP_NODELAY");
    }
    let config = &seat.shared.config;
    let shared = &seat.shared;
    let service = service_fn(|request| {
        let source = Arc::clone(&shared.source);
        async move { Ok::<_, Infallible>(answer::answer(&request, peer, source, &shared.unresolved).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(config.head_timeout)
        .max_buf_size(MAX_HEAD)
        .max_headers(MAX_HEADERS)
        .keep_alive(true)
        // a client may close its side when it has asked
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let life = tokio::time::sleep(config.longest_connection);
    tokio::pin!(life);
    let mut stopping = false;
    loop {
        tokio::select! {
            result = connection.as_mut() => {
                if let Err(error) = result {
                    tracing::debug!(target: "http", %peer, %error, "connection ended");
                }
                return;
            }
            () = life.as_mut() => {
                tracing::warn!(target: "http", %peer, "connection lived too long, closed");
                return;
            }
            _ = shutdown.wait_for(|&stop| stop), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}
