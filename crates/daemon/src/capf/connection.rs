//! One connection: handshake, then one session.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_openssl::SslStream;
use wire::capf::{Cause, Ended, Question, Refusal, ServerSession, ServerStep, Stage};

use super::counters::one;
use super::{CapfCounters, CapfLimits, CapfLog, EnrolmentDesk};
use crate::line_log::on_one_line;
use crate::places::{Place, TurnedAway};
use crate::tls_server::{After, Converse, NoHandshake, Terms, Visitor};

/// Bytes read at once: an AUTH_RESPONSE with two certificates has some kilobytes.
const CHUNK: usize = 4096;

/// What all connections of a server have in common.
pub(super) struct Shared<D> {
    pub(super) desk: Arc<D>,
    pub(super) log: CapfLog,
    pub(super) limits: CapfLimits,
    pub(super) counters: Arc<CapfCounters>,
}

impl<D: EnrolmentDesk> Converse for Shared<D> {
    fn terms(&self) -> Terms {
        Terms {
            name: "CAPF",
            connections: "CAPF sessions",
            places: self.limits.places(),
            handshake: self.limits.handshake,
            drain: self.limits.drain,
        }
    }

    fn came(&self) {
        one(&self.counters.connections);
    }

    fn turned_away(&self, away: &TurnedAway) {
        one(&self.counters.refused);
        if let Some(times) = away.times {
            let CapfLimits { connections, per_address, .. } = self.limits;
            let limit = if away.share {
                format!("this address has {per_address} open connections ([capf] per_address)")
            } else {
                format!("{connections} connections are open ([capf] connections)")
            };
            self.log.line(&format!("debug 0:UNKNOWN:{}: {times} turned away: {limit}", away.peer.ip()));
        }
    }

    fn made_room(&self) {
        one(&self.counters.made_room);
    }

    fn no_handshake(&self, peer: SocketAddr, number: u64, why: NoHandshake) {
        if let NoHandshake::Failed(reason) = why {
            self.handshake_failed(number, peer, &reason);
        }
    }

    async fn converse(&self, visitor: Visitor<'_>, stream: &mut SslStream<TcpStream>) -> After {
        let Visitor { peer, number, place, mut shutdown } = visitor;
        one(&self.counters.handshakes);
        let Some(session_id) = self.desk.session_id() else {
            self.handshake_failed(number, peer, "the random source gave no session id");
            return After::Close;
        };
        let mut session = ServerSession::new(session_id, self.limits.stages);
        let mut visit = self.desk.visit(session_id, peer.ip());
        let ended = self.session(stream, &mut session, &mut visit, place, &mut shutdown).await;
        self.counters.add(&ended, session.tolerated());
        // A session that the shutdown broke off says nothing about its phone.
        if !(*shutdown.borrow() && ended.label() == "closed") {
            self.desk.ended(&visit, &ended).await;
        }
        let device = D::device(&visit).unwrap_or("UNKNOWN");
        let reason = D::reason(&visit).map(|reason| format!(": {}", on_one_line(reason))).unwrap_or_default();
        let line = format!("debug {number}:{device}:{peer}: {}{reason}", on_one_line(&ended.to_string()));
        self.log.line(&line);
        // END_SESSION reaches a phone that said too much only so.
        if matches!(ended.cause, Cause::Protocol(_)) { After::ReadOn } else { After::Close }
    }
}

impl<D: EnrolmentDesk> Shared<D> {
    async fn session(
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
        self.log.line(&format!("debug {number}:UNKNOWN:{peer}: handshake failed: {}", on_one_line(reason)));
    }
}

fn now() -> std::time::Instant {
    Instant::now().into_std()
}
