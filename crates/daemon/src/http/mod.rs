//! The HTTP/1.1 server for files, port 6970: GET and HEAD from the same [`Fetcher`] as TFTP.
//!
//! `answer` turns a request into a response; here are connections: accepted up to a limit, with time-outs for
//! headers and for idle keep-alive, drained at the shutdown signal.

mod answer;
mod body;
mod range;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::files::Fetcher;
use crate::once_a_minute::OnceAMinute;
use crate::places::{Heard, Limits, Place, Places, SILENCE, Server as Sharer, Share, listen};
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
    /// Most connections at a time; a silent one is closed for a further one.
    pub max_connections: usize,
    /// Most connections of one client address.
    pub max_per_address: usize,
    /// How long a connection must have been silent before it is closed for another one.
    pub silence: Duration,
    /// Longest time without one byte read or written, but for the time that an answer takes here.
    pub longest_silence: Duration,
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
            silence: SILENCE,
            longest_silence: Duration::from_secs(30),
            head_timeout: Duration::from_secs(15),
            longest_connection: Duration::from_secs(600),
            drain: Duration::from_secs(4),
        }
    }
}

impl Config {
    /// No more than its share of what the process may open.
    pub(crate) fn shared(mut self, share: &Share) -> Self {
        share.limit(Sharer::Http, &mut self.max_connections, &mut self.max_per_address);
        self
    }
}

/// A server that listens; [`Server::run`] makes it answer.
pub struct Server {
    config: Config,
    fetcher: Arc<Fetcher>,
    listeners: Vec<(TcpListener, SocketAddr)>,
}

impl Server {
    /// Opens the listening sockets. Wants a tokio runtime.
    ///
    /// # Errors
    /// [`BindError`] for the first address that does not work.
    pub async fn bind(config: Config, fetcher: Arc<Fetcher>) -> Result<Self, BindError> {
        let mut listeners = Vec::new();
        for &addr in &config.listen {
            listeners.push(listen(addr)?);
        }
        Ok(Self { config, fetcher, listeners })
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
        let Self { config, fetcher, listeners } = self;
        let limits =
            Limits { most: config.max_connections, per_address: config.max_per_address, silence: config.silence };
        let shared =
            Arc::new(Shared { places: Places::new("HTTP", limits), told: OnceAMinute::default(), config, fetcher });
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
    fetcher: Arc<Fetcher>,
    places: Places,
    told: OnceAMinute,
}

/// Accepts until shutdown, then waits for its connections.
async fn accept(listener: TcpListener, shared: Arc<Shared>, shutdown: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    let mut stop = shutdown.clone();
    loop {
        let next = tokio::select! {
            _ = stop.wait_for(|&stop| stop) => break,
            Some(ended) = connections.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(target: "http", %error, "connection task died");
                }
                continue;
            }
            next = shared.places.next(&listener) => next,
        };
        // who was turned away stands in the log
        let Ok((stream, peer, place)) = next else { continue };
        connections.spawn(serve(stream, peer, Arc::new(place), Arc::clone(&shared), shutdown.clone()));
    }
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(shared.config.drain, drained).await.is_err() {
        tracing::warn!(target: "http", open = connections.len(), "connections cut at shutdown");
    }
}

async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    place: Arc<Place>,
    shared: Arc<Shared>,
    mut shutdown: watch::Receiver<bool>,
) {
    // an answer of two segments would wait for a delayed acknowledgement
    if let Err(error) = SockRef::from(&stream).set_tcp_nodelay(true) {
        tracing::debug!(target: "http", %peer, %error, "no TCP_NODELAY");
    }
    let config = &shared.config;
    let service = service_fn(|request| {
        let (place, shared) = (Arc::clone(&place), &shared);
        async move {
            if !place.busy() {
                // Its place was taken away before it had asked: the loop below cuts it.
                std::future::pending::<()>().await;
            }
            let answer = answer::answer(&request, peer, &shared.fetcher, &shared.told).await;
            place.waits();
            Ok::<_, Infallible>(answer)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(config.head_timeout)
        .max_buf_size(MAX_HEAD)
        .max_headers(MAX_HEADERS)
        .keep_alive(true)
        // a client may close its side when it has asked
        .half_close(true)
        .serve_connection(TokioIo::new(Heard::new(stream, Arc::clone(&place))), service);
    tokio::pin!(connection);
    let life = tokio::time::sleep(config.longest_connection);
    tokio::pin!(life);
    let mut stopping = false;
    let why = loop {
        tokio::select! {
            result = connection.as_mut() => {
                if let Err(error) = result {
                    tracing::debug!(target: "http", %peer, %error, "connection ended");
                }
                return;
            }
            () = life.as_mut() => break "it lived too long",
            () = place.silent(config.longest_silence) => break "no byte was read or written for too long",
            () = place.taken_away() => break "it was silent, and another one needed its place",
            _ = shutdown.wait_for(|&stop| stop), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    };
    place.cut();
    tracing::info!(target: "http", %peer, why, "connection closed");
}
