//! A server on TLS: places, the accept loop, the handshake, the good-bye, the end. What is said on a connection is a [`Converse`].

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use openssl::ssl::SslContext;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_openssl::SslStream;

use crate::places::{Limits, Place, Places, TurnedAway};
use crate::tls::{SwappableTls, accept};

/// How long a good-bye may take; it is a courtesy.
const FAREWELL: Duration = Duration::from_millis(500);

/// What is read and thrown away of a client that said too much: a socket that is closed with unread bytes sends a reset, and the client may
/// lose the last message by it. Four messages of the largest size of CAPF; beyond it the client has no claim.
const UNREAD: usize = 1 << 18;

/// What a server wants of its connections.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    /// Its name, for the log.
    pub(crate) name: &'static str,
    /// What its connections are called there.
    pub(crate) connections: &'static str,
    pub(crate) places: Limits,
    /// From the TCP connection to the end of the handshake.
    pub(crate) handshake: Duration,
    /// How long connections may take to end after the shutdown was asked for.
    pub(crate) drain: Duration,
}

/// A connection after its handshake.
pub(crate) struct Visitor<'a> {
    pub(crate) peer: SocketAddr,
    /// From 1, in the order in which connections came.
    pub(crate) number: u64,
    pub(crate) place: &'a Place,
    pub(crate) shutdown: watch::Receiver<bool>,
}

/// Why there was no handshake.
pub(crate) enum NoHandshake {
    /// The server is going down.
    ShutDown,
    /// The reason.
    Failed(String),
}

/// What is left to do on a connection that has ended, after the good-bye of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    Close,
    /// The client may still be sending, and should get the last message all the same.
    ReadOn,
}

/// What happens on the connections of a server. Everything is counted and logged there.
pub(crate) trait Converse: Send + Sync + 'static {
    fn terms(&self) -> Terms;

    /// A connection came, and has a place.
    fn came(&self) {}

    /// One found none.
    fn turned_away(&self, _: &TurnedAway) {}

    /// One lost its place to another.
    fn made_room(&self) {}

    fn no_handshake(&self, peer: SocketAddr, number: u64, why: NoHandshake);

    /// From the handshake to the end.
    fn converse(&self, visitor: Visitor<'_>, stream: &mut SslStream<TcpStream>) -> impl Future<Output = After> + Send;
}

/// Serves until `shutdown` becomes true (or its sender is gone); then conversations end as they see fit, within the drain of the terms.
///
/// # Errors
/// None at present: failures of single connections and of `accept` are counted and logged, and it goes on.
pub(crate) async fn serve<C: Converse>(
    server: Arc<C>,
    tls: SwappableTls,
    listener: TcpListener,
    mut shutdown: watch::Receiver<bool>,
) -> io::Result<()> {
    let terms = server.terms();
    let places = Places::new(terms.name, terms.places);
    let mut number = 0;
    let connection_shutdown = shutdown.clone();
    loop {
        let next = tokio::select! {
            next = places.next(&listener) => next,
            // an error means that the sender is gone: nobody is left who could ask for the end
            _ = shutdown.wait_for(|stop| *stop) => break,
        };
        let (tcp, peer, place) = match next {
            Ok(next) => next,
            Err(turned_away) => {
                server.turned_away(&turned_away);
                continue;
            }
        };
        server.came();
        number += 1;
        let (server, shutdown, context) = (Arc::clone(&server), connection_shutdown.clone(), tls.load_full());
        tokio::spawn(async move {
            tokio::select! {
                biased;
                () = place.taken_away() => server.made_room(),
                () = run(&*server, Visitor { peer, number, place: &place, shutdown }, tcp, &context, terms) => {}
            }
        });
    }
    drop(listener);
    let open = places.empty(terms.drain).await;
    if open > 0 {
        tracing::warn!(open, "{} did not end in time and are cut", terms.connections);
    }
    Ok(())
}

/// One connection.
async fn run<C: Converse>(server: &C, mut visitor: Visitor<'_>, tcp: TcpStream, context: &SslContext, terms: Terms) {
    let Visitor { peer, number, .. } = visitor;
    let handshake = tokio::select! {
        done = timeout(terms.handshake, accept(tcp, peer.ip(), context)) => done,
        // an error means that the sender is gone, which is the end too
        _ = visitor.shutdown.wait_for(|stop| *stop) => return server.no_handshake(peer, number, NoHandshake::ShutDown),
    };
    let mut stream = match handshake {
        Ok(Ok(stream)) => stream,
        Ok(Err(reason)) => return server.no_handshake(peer, number, NoHandshake::Failed(reason)),
        Err(_) => {
            let reason = "no whole handshake in time".to_owned();
            return server.no_handshake(peer, number, NoHandshake::Failed(reason));
        }
    };
    // Of its own, so that a connection that says nothing takes no room for it.
    let after = Box::pin(server.converse(visitor, &mut stream)).await;
    // The good-bye of a client is answered; and OpenSSL forgets a session of its cache unless one was sent, even when it reaches nobody.
    // Lost or late: the connection is dropped either way
    drop(timeout(FAREWELL, stream.shutdown()).await);
    if after == After::ReadOn {
        drop(timeout(FAREWELL, read_on(stream.get_mut())).await);
    }
}

/// Reads until the client has closed, [`UNREAD`] bytes at most.
async fn read_on(tcp: &mut TcpStream) -> io::Result<()> {
    tcp.shutdown().await?;
    let mut chunk = [0; 4096];
    let mut left = UNREAD;
    while left > 0 {
        match tcp.read(&mut chunk).await? {
            0 => break,
            count => left = left.saturating_sub(count),
        }
    }
    Ok(())
}
