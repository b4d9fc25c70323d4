//! One connection: handshake, then one session.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use openssl::ssl::SslContext;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_openssl::SslStream;
use wire::capf::{Cause, Ended, Question, Refusal, ServerSession, ServerStep, Stage};

use super::counters::one;
use super::{CapfCounters, CapfLimits, CapfLog, EnrolmentDesk};
use crate::places::Place;
use crate::tls::accept;

/// Bytes read at once: an AUTH_RESPONSE with two certificates has some kilobytes.
const CHUNK: usize = 4096;

/// How long a good-bye may take; it is a courtesy.
const FAREWELL: Duration = Duration::from_millis(500);

/// What is read and thrown away after END_SESSION of a phone that said too much: a socket that is closed with unread bytes sends a
/// reset, and the phone may lose END_SESSION by it. Four messages of the largest size; beyond it the phone has no claim.
const UNREAD: usize = 1 << 18;

/// What all connections of a server have in common.
pub(super) struct Shared<D> {
    pub(super) desk: Arc<D>,
    pub(super) log: CapfLog,
    pub(super) limits: CapfLimits,
    pub(super) counters: Arc<CapfCounters>,
}

pub(super) struct Connection<D> {
    pub(super) number: u64,
    pub(super) tcp: TcpStream,
    pub(super) peer: SocketAddr,
    pub(super) context: Arc<SslContext>,
    pub(super) shared: Arc<Shared<D>>,
    pub(super) shutdown: watch::Receiver<bool>,
}

impl<D: EnrolmentDesk> Connection<D> {
    /// Runs to the end of the connection. Whatever happens is counted and logged here.
    pub(super) async fn run(self, place: &Place) {
        let Self { number, tcp, peer, context, shared, mut shutdown } = self;
        let handshake = tokio::select! {
            done = timeout(shared.limits.handshake, accept(tcp, peer.ip(), &context)) => done,
            // an error means that the sender is gone, which is the end too
            _ = shutdown.wait_for(|stop| *stop) => return,
        };
        let mut stream = match handshake {
            Ok(Ok(stream)) => stream,
            Ok(Err(reason)) => return shared.handshake_failed(number, peer, &reason),
            Err(_) => return shared.handshake_failed(number, peer, "no whole handshake in time"),
        };
        one(&shared.counters.handshakes);
        let Some(session_id) = shared.desk.session_id() else {
            return shared.handshake_failed(number, peer, "the random source gave no session id");
        };
        let mut session = ServerSession::new(session_id, shared.limits.stages);
        let mut visit = shared.desk.visit(session_id, peer.ip());
        // Of its own, so that a connection that says nothing takes no room for it.
        let ended = Box::pin(shared.converse(&mut stream, &mut session, &mut visit, place, &mut shutdown)).await;
        shared.counters.add(&ended, session.tolerated());
        // A session that the shutdown broke off says nothing about its phone.
        if !(*shutdown.borrow() && ended.label() == "closed") {
            shared.desk.ended(&visit, &ended).await;
        }
        let device = D::device(&visit).unwrap_or("UNKNOWN");
        let reason = D::reason(&visit).map(|reason| format!(": {}", one_line(reason))).unwrap_or_default();
        let line = format!("debug {number}:{device}:{peer}: {}{reason}", one_line(&ended.to_string()));
        shared.log.line(&line);
        // lost or late: the connection is dropped either way
        drop(timeout(FAREWELL, stream.shutdown()).await);
        if matches!(ended.cause, Cause::Protocol(_)) {
            drop(timeout(FAREWELL, drain(stream.get_mut())).await);
        }
    }
}

/// Reads until the phone has closed, [`UNREAD`] bytes at most.
async fn drain(tcp: &mut TcpStream) -> io::Result<()> {
    tcp.shutdown().await?;
    let mut chunk = [0; CHUNK];
    let mut left = UNREAD;
    while left > 0 {
        match tcp.read(&mut chunk).await? {
            0 => break,
            count => left = left.saturating_sub(count),
        }
    }
    Ok(())
}

impl<D: EnrolmentDesk> Shared<D> {
    async fn converse(
        &self,
        stream: &mut SslStream<TcpStream>,
        session: &mut ServerSession,
        visit: &mut D::Visit,
        place: &Place,
        shutdown: &mut watch::Receiver<bool>,
    ) -> Ended {
        let mut chunk = [0; CHUNK];
        loop {
            match session.step(now()) {
                // one call, one TLS record
                ServerStep::Send(bytes) => {
                    let written = timeout(self.limits.write, stream.write_all(&bytes)).await;
                    if !matches!(written, Ok(Ok(()))) {
                        session.closed();
                    }
                }
                ServerStep::Receive { until } => {
                    // A phone that is storing a certificate is waited for, one that makes a key is not.
                    let waits = matches!(session.stage(), Stage::Authentication | Stage::KeyGeneration);
                    let read = tokio::select! {
                        biased;
                        // Its answer would be refused, and until then it would take the place of somebody.
                        () = self.desk.overtaken(visit) => {
                            session.end_at_once(Refusal::Limit);
                            continue;
                        }
                        read = timeout_at(Instant::from_std(until), stream.read(&mut chunk)) => read,
                        _ = shutdown.wait_for(|stop| *stop), if waits => Ok(Ok(0)),
                    };
                    match read {
                        Ok(Ok(0)) => session.closed(),
                        Ok(Err(error)) => {
                            tracing::debug!(%error, "CAPF: a connection broke");
                            session.closed();
                        }
                        Ok(Ok(count)) => session.receive(chunk.get(..count).unwrap_or_default(), now()),
                        // the session sees itself that the time is over
                        Err(_) => {}
                    }
                }
                ServerStep::Ask(Question::Authenticate(auth)) => {
                    // Its first message is whole. A crowd that only says the name of a device at work makes room; from its turn on
                    // each keeps its place.
                    let waited = place.held() && {
                        self.desk.turn(visit, &auth).await;
                        place.busy()
                    };
                    if !waited {
                        session.closed();
                        continue;
                    }
                    match self.desk.admit(visit, &auth).await {
                        Ok(operation) => session.operation(operation),
                        Err(refused) => session.refuse(refused.refusal),
                    }
                }
                ServerStep::Ask(Question::Issue { public_key, wanted }) => {
                    match self.desk.issue(visit, &public_key, wanted).await {
                        Ok(certificate) => session.issued(&certificate),
                        Err(refused) => session.refuse(refused.refusal),
                    }
                }
                ServerStep::Ask(Question::Record(done)) => match self.desk.record(visit, &done).await {
                    Ok(()) => session.recorded(),
                    Err(refused) => session.refuse(refused.refusal),
                },
                ServerStep::End(ended) => return ended,
            }
        }
    }

    fn handshake_failed(&self, number: u64, peer: SocketAddr, reason: &str) {
        one(&self.counters.handshakes_failed);
        self.log.line(&format!("debug {number}:UNKNOWN:{peer}: handshake failed: {}", one_line(reason)));
    }
}

fn now() -> std::time::Instant {
    Instant::now().into_std()
}

/// Texts of OpenSSL may have line ends; a log line has none.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
