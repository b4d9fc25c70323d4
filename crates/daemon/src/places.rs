//! The places of a server: each connection takes one, and gives it back. Every server on TCP has a table of its own, so that none can take
//! the places of another.
//!
//! * `table`: who gets one, who is closed for it; `share`: how many there are, by what the process may open

mod share;
mod table;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

pub(crate) use self::share::{Server, Share, raise};
pub use self::table::Limits;
use self::table::{Entered, Table};
use crate::once_a_minute::{More, OnceAMinute};
use crate::tftp::BindError;

/// Pause after `accept` failed, mostly because the process has no file descriptors left: long enough for some to come back, short enough
/// that no phone gives up.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Connections that may wait to be taken, as many as the system allows (`net.core.somaxconn`, 4096). One more is not answered at all, and
/// its phone tries again after a second.
const BACKLOG: u32 = 4096;

/// How long a connection must have been silent before it is closed for another one.
pub const SILENCE: Duration = Duration::from_secs(1);

/// The places of one server. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Places(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    service: &'static str,
    limits: Limits,
    state: Mutex<Held>,
    told: OnceAMinute,
    /// Connections that have not ended, those among them whose place was taken away.
    open: watch::Sender<usize>,
}

#[derive(Debug)]
struct Held {
    table: Table,
    closes: HashMap<u64, Arc<Notify>>,
}

/// One place, given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    inner: Arc<Inner>,
    id: u64,
    close: Arc<Notify>,
    cut: AtomicBool,
}

/// A connection that found no place.
#[derive(Debug)]
pub(crate) struct TurnedAway {
    /// Who.
    pub(crate) peer: SocketAddr,
    /// Because of the share of its address, not of all places.
    pub(crate) share: bool,
    /// How often since the last line of the log, when a line is due.
    pub(crate) times: Option<u64>,
}

/// Listens, and says where: the port may be the system's choice.
///
/// # Errors
/// [`BindError`].
pub(crate) fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), BindError> {
    let open = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let listener = socket.listen(BACKLOG)?;
        let local = listener.local_addr()?;
        Ok((listener, local))
    };
    open().map_err(|error| BindError::new("TCP", address, error))
}

impl Inner {
    fn held(&self) -> MutexGuard<'_, Held> {
        // the table is whole between any two statements, also after a panic
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Places {
    pub(crate) fn new(service: &'static str, limits: Limits) -> Self {
        let state = Mutex::new(Held { table: Table::new(limits), closes: HashMap::new() });
        Self(Arc::new(Inner { service, limits, state, told: OnceAMinute::default(), open: watch::Sender::new(0) }))
    }

    /// The next connection with its place. Silent ones that were closed for it end by themselves ([`Place::taken_away`]).
    ///
    /// # Errors
    /// [`TurnedAway`]: its socket is closed, and the log has it once a minute for an address.
    pub(crate) async fn next(&self, listener: &TcpListener) -> Result<(TcpStream, SocketAddr, Place), TurnedAway> {
        let (tcp, peer) = loop {
            match listener.accept().await {
                Ok(accepted) => break accepted,
                Err(error) => self.accept_failed(listener, &error).await,
            }
        };
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        self.enter(peer).map(|place| (tcp, peer, place))
    }

    fn enter(&self, peer: SocketAddr) -> Result<Place, TurnedAway> {
        let now = Instant::now().into_std();
        let inner = &self.0;
        let mut held = inner.held();
        let entered = held.table.enter(peer.ip(), now);
        let id = match entered {
            Entered::Free(id) => id,
            Entered::For(id, closed) => {
                if let Some(close) = held.closes.remove(&closed) {
                    close.notify_one();
                }
                id
            }
            Entered::Full | Entered::ShareTaken => {
                drop(held);
                let share = entered == Entered::ShareTaken;
                let more = inner.told.count("turned away", peer.ip(), now);
                if let Some(more) = more {
                    let Limits { most, per_address, .. } = inner.limits;
                    let limit = if share { per_address } else { most };
                    tracing::warn!(
                        service = inner.service, address = %peer.ip(), limit, of_address = share, "turned away{more}"
                    );
                }
                return Err(TurnedAway { peer, share, times: more.map(More::times) });
            }
        };
        let close = Arc::new(Notify::new());
        held.closes.insert(id, Arc::clone(&close));
        drop(held);
        inner.open.send_modify(|open| *open += 1);
        Ok(Place { inner: Arc::clone(inner), id, close, cut: AtomicBool::new(false) })
    }

    async fn accept_failed(&self, listener: &TcpListener, error: &io::Error) {
        // Not of an address: there is none.
        let here = listener.local_addr().map_or_else(|_| std::net::Ipv4Addr::UNSPECIFIED.into(), |local| local.ip());
        if let Some(more) = self.0.told.count("cannot take a connection", here, Instant::now().into_std()) {
            tracing::warn!(
                service = self.0.service, %error,
                "cannot take a connection; are there file descriptors left? (`ulimit -n`, LimitNOFILE=){more}"
            );
        }
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }

    /// Waits until every connection has ended, for so long at most; how many are left then.
    pub(crate) async fn empty(&self, limit: Duration) -> usize {
        let mut open = self.0.open.subscribe();
        let ended = tokio::time::timeout(limit, open.wait_for(|open| *open == 0)).await;
        if ended.is_ok() { 0 } else { *self.0.open.borrow() }
    }
}

impl Place {
    /// The peer said something whole, and it is our turn: it is not closed for another one now. `false`: it was already.
    pub(crate) fn busy(&self) -> bool {
        self.inner.held().table.busy(self.id)
    }

    /// The peer said something whole, and has to wait before it is our turn: it is closed only as one of a crowd. `false`: it was already.
    pub(crate) fn held(&self) -> bool {
        self.inner.held().table.held(self.id, Instant::now().into_std())
    }

    /// It has its answer.
    pub(crate) fn waits(&self) {
        self.inner.held().table.waits(self.id, Instant::now().into_std());
    }

    /// Ends when somebody else needs the place.
    pub(crate) async fn taken_away(&self) {
        self.close.notified().await;
    }

    /// Ends when the peer has been silent for so long.
    pub(crate) async fn silent(&self, limit: Duration) {
        loop {
            let silent = self.inner.held().table.silent(self.id, Instant::now().into_std());
            match limit.checked_sub(silent).filter(|left| !left.is_zero()) {
                Some(left) => tokio::time::sleep(left).await,
                None => return,
            }
        }
    }

    /// What the peer has not read yet is thrown away when the connection is dropped: the system would keep it for minutes.
    pub(crate) fn cut(&self) {
        self.cut.store(true, Ordering::Relaxed);
    }

    fn heard(&self) {
        self.inner.held().table.heard(self.id, Instant::now().into_std());
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.inner.held();
        held.table.leave(self.id);
        held.closes.remove(&self.id);
        drop(held);
        self.inner.open.send_modify(|open| *open -= 1);
    }
}

/// A stream whose bytes, read or written, are signs of life.
#[derive(Debug)]
pub(crate) struct Heard {
    stream: TcpStream,
    place: Arc<Place>,
}

impl Heard {
    pub(crate) fn new(stream: TcpStream, place: Arc<Place>) -> Self {
        Self { stream, place }
    }

    fn wrote(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if matches!(written, Poll::Ready(Ok(1..))) {
            self.place.heard();
        }
        written
    }
}

impl Drop for Heard {
    fn drop(&mut self) {
        if self.place.cut.load(Ordering::Relaxed)
            && let Err(error) = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO))
        {
            tracing::debug!(%error, "a connection is not cut but closed");
        }
    }
}

impl AsyncRead for Heard {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, into);
        if into.filled().len() > before {
            self.place.heard();
        }
        read
    }
}

impl AsyncWrite for Heard {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.wrote(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.wrote(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
