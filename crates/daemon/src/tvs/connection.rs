//! One connection: handshake, then requests and answers in turn.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use openssl::ssl::ErrorCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_openssl::SslStream;
use wire::tvs::{Answer, Ask, Received, ServerSession};

use super::counters::one;
use super::{TrustSource, TvsCounters, TvsLimits, TvsLog};
use crate::line_log::{LogLines, on_one_line};
use crate::places::{Place, TurnedAway};
use crate::tls_server::{After, Converse, NoHandshake, Terms, Visitor};

/// Bytes read at once: a request with a usual certificate has about 1 kB.
const CHUNK: usize = 4096;

/// What all connections of a server have in common.
pub(super) struct Shared {
    pub(super) source: Arc<dyn TrustSource>,
    pub(super) log: TvsLog,
    pub(super) limits: TvsLimits,
    pub(super) counters: Arc<TvsCounters>,
}

/// Why a connection came to its end.
enum End {
    /// The phone closed it.
    Closed,
    /// The phone closed it without the good-bye of TLS.
    Vanished,
    /// The server is going down.
    Shutdown,
    /// No whole request in time, or an answer not taken.
    TimedOut(&'static str),
    /// Bytes that cannot be answered.
    Refused(wire::tvs::Error),
    /// The socket or TLS failed.
    Failed(io::Error),
}

impl Converse for Shared {
    fn terms(&self) -> Terms {
        Terms {
            name: "TVS",
            connections: "TVS connections",
            places: self.limits.places(),
            handshake: self.limits.handshake,
            drain: self.limits.drain,
        }
    }

    fn came(&self) {
        one(&self.counters.connections);
    }

    fn turned_away(&self, _: &TurnedAway) {
        one(&self.counters.refused);
    }

    fn made_room(&self) {
        one(&self.counters.made_room);
    }

    fn no_handshake(&self, peer: SocketAddr, _: u64, why: NoHandshake) {
        let NoHandshake::Failed(reason) = why else { return };
        one(&self.counters.handshakes_failed);
        self.log.line(&format!("debug ERROR:tvsIdleTLS : handshake with {peer} failed: {}", on_one_line(&reason)));
    }

    async fn converse(&self, visitor: Visitor<'_>, stream: &mut SslStream<TcpStream>) -> After {
        one(&self.counters.handshakes);
        if stream.ssl().session_reused() {
            one(&self.counters.resumed);
        }
        let mut lines = LogLines::now();
        lines.push("debug tvsIdleTLSEstablished");
        lines.push("debug Starting Timer after SSL Negotiation");
        self.log.lines(lines);
        let Visitor { peer, place, mut shutdown, .. } = visitor;
        let end = self.answers(peer, stream, place, &mut shutdown).await;
        self.note_end(peer, end);
        After::Close
    }
}

impl Shared {
    async fn answers(
        &self,
        peer: SocketAddr,
        stream: &mut SslStream<TcpStream>,
        place: &Place,
        shutdown: &mut watch::Receiver<bool>,
    ) -> End {
        let mut session = ServerSession::new();
        let mut chunk = [0; CHUNK];
        let mut deadline = Instant::now() + self.limits.request;
        loop {
            let read = if session.is_idle() {
                tokio::select! {
                    biased;
                    read = timeout_at(deadline, stream.read(&mut chunk)) => read,
                    // an error means that the sender is gone, which is the end too
                    _ = shutdown.wait_for(|stop| *stop) => return End::Shutdown,
                }
            } else {
                timeout_at(deadline, stream.read(&mut chunk)).await
            };
            let bytes = match read {
                Err(_) if session.is_idle() => return End::TimedOut("no request in time"),
                Err(_) => return End::TimedOut("no whole request in time"),
                Ok(Err(error)) if session.is_idle() && is_end(&error) => return End::Vanished,
                Ok(Err(error)) => return End::Failed(error),
                Ok(Ok(0)) => return End::Closed,
                Ok(Ok(count)) => chunk.get(..count).unwrap_or_default(),
            };
            if let Err(error) = session.receive(bytes) {
                return End::Refused(error);
            }
            loop {
                let received = match session.next_request() {
                    Ok(Some(received)) => received,
                    Ok(None) => break,
                    Err(error) => return End::Refused(error),
                };
                if !place.busy() {
                    return End::Closed;
                }
                let answer = match self.answer(peer, &received) {
                    Ok(answer) => answer,
                    Err(error) => return End::Refused(error),
                };
                place.waits();
                match timeout(self.limits.request, stream.write_all(&answer)).await {
                    Err(_) => return End::TimedOut("answer not taken in time"),
                    Ok(Err(error)) => return End::Failed(error),
                    Ok(Ok(())) => deadline = Instant::now() + self.limits.request,
                }
            }
        }
    }

    /// Looks up, logs, counts; gives the bytes of the answer.
    fn answer(&self, peer: SocketAddr, received: &Received) -> Result<Vec<u8>, wire::tvs::Error> {
        let Received { request, tolerated } = received;
        // the log of the original does not name the phone
        tracing::debug!(%peer, device = request.device_name.as_ref().map(tracing::field::display), "TVS request");
        let mut lines = LogLines::now();
        let mut log = |line: &str| lines.push(line);
        let answer = match &request.ask {
            Ask::Verify { certificate } => {
                one(&self.counters.verify);
                self.source.verify(certificate, &mut log)
            }
            Ask::Query { subject, issuer, serial } => {
                one(&self.counters.query);
                let answer = self.source.query(subject, issuer, serial, &mut log);
                if let Answer::Found(_) = answer {
                    log("debug convertX509ToDER -x509cert");
                }
                log("debug tvsHandleQueryCertReq: Timer started from tvsHandleNewPhConnection");
                answer
            }
        };
        if answer == Answer::NotValid {
            one(&self.counters.not_valid);
        }
        if !tolerated.is_empty() {
            self.counters.add_tolerated(*tolerated);
        }
        self.log.lines(lines);
        answer.encode(&request.ask, request.session_id)
    }

    fn note_end(&self, peer: SocketAddr, end: End) {
        match end {
            End::Closed | End::Vanished | End::Shutdown => {}
            End::TimedOut(what) => {
                one(&self.counters.timed_out);
                self.log.line(&format!("debug ERROR:TVS_STATE_AWAIT_REQ : {peer}: {what}, connection closed"));
            }
            End::Refused(error) => {
                one(&self.counters.malformed);
                self.log.line(&format!("debug ERROR:TVS_STATE_AWAIT_REQ : {peer}: {error}, connection closed"));
            }
            End::Failed(error) => {
                let text = on_one_line(&error.to_string());
                self.log.line(&format!("debug ERROR:TVS_STATE_AWAIT_REQ : {peer}: {text}"));
            }
        }
    }
}

/// True when the stream simply ended.
fn is_end(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<openssl::ssl::Error>());
    let ended = inner.is_some_and(|error| error.code() == ErrorCode::SYSCALL && error.io_error().is_none());
    ended || matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset)
}
