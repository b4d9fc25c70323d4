//! One connection: handshake, log-in, then requests one by one.

use std::net::SocketAddr;
use std::time::Duration;

use cluster::{Actor, Level};
use ringfence_core::CoreError;
use ringfence_core::administrators::Password;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tokio_openssl::SslStream;
use wire::ctl_provider::{Login, Reply, Request, ServerStream};

use super::desk::{Place, Shared};
use crate::following;
use crate::log_in::log_in;
use crate::places::Place as Seat;
use crate::surroundings::System;
use crate::tls_server::{After, Converse, NoHandshake, Terms, Visitor};

/// Bytes read at once: what is too long is seen before much of it has come.
const CHUNK: usize = 4096;

/// Why a connection ends, for the log.
type End = String;

impl Converse for Shared {
    fn terms(&self) -> Terms {
        Terms {
            name: "CTL provider",
            connections: "connections of CTL clients",
            places: self.limits.places(),
            handshake: self.limits.handshake,
            drain: self.limits.drain,
        }
    }

    fn no_handshake(&self, peer: SocketAddr, _: u64, why: NoHandshake) {
        gone(
            peer,
            &match why {
                NoHandshake::ShutDown => "shut down".to_owned(),
                NoHandshake::Failed(reason) => reason,
            },
        );
    }

    async fn converse(&self, visitor: Visitor<'_>, stream: &mut SslStream<TcpStream>) -> After {
        let Visitor { peer, place: seat, mut shutdown, .. } = visitor;
        let mut talk = Talk { stream, reader: ServerStream::default(), shutdown: &mut shutdown };
        let end = match admit(&mut talk, self, peer, seat).await {
            Err(end) => end,
            Ok((actor, place)) => {
                let end = serve(&mut talk, self, &actor, peer).await;
                drop(place);
                end
            }
        };
        gone(peer, &end);
        After::Close
    }
}

fn gone(peer: SocketAddr, reason: &str) {
    tracing::info!(%peer, reason, "CTL client gone");
}

/// Messages over a stream.
struct Talk<'a, S> {
    stream: &'a mut S,
    reader: ServerStream,
    shutdown: &'a mut watch::Receiver<bool>,
}

impl<S: AsyncReadExt + AsyncWriteExt + Unpin> Talk<'_, S> {
    /// The next request: `idle` until its first byte, `message` for the rest.
    async fn next(&mut self, idle: Duration, message: Duration) -> Result<Request, End> {
        let mut chunk = [0; CHUNK];
        let mut until = Instant::now() + idle;
        let mut begun = false;
        loop {
            let read = tokio::select! {
                biased;
                read = tokio::time::timeout_at(until, self.stream.read(&mut chunk)) => read,
                _ = self.shutdown.wait_for(|stop| *stop) => return Err("shut down".to_owned()),
            };
            let count = match read {
                Ok(Ok(0)) => return Err("closed by the client".to_owned()),
                Ok(Ok(count)) => count,
                Ok(Err(error)) => return Err(error.to_string()),
                Err(_) => return Err("no message in time".to_owned()),
            };
            if !std::mem::replace(&mut begun, true) {
                until = Instant::now() + message;
            }
            match self.reader.receive(chunk.get(..count).unwrap_or_default()) {
                Ok(Some(request)) => return Ok(request),
                Ok(None) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    async fn send(&mut self, reply: &Reply, limit: Duration) -> Result<(), End> {
        let frame = reply.encode().map_err(|error| error.to_string())?;
        match timeout(limit, self.stream.write_all(&frame)).await {
            Ok(Ok(())) => timeout(limit, self.stream.flush()).await.map_or_else(
                |_| Err("the client takes no answer".to_owned()),
                |flushed| flushed.map_err(|error| error.to_string()),
            ),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("the client takes no answer".to_owned()),
        }
    }

    async fn refuse(&mut self, label: &str, text: &str, limit: Duration) -> End {
        let reply = Reply::Refused { label: label.to_owned(), text: text.to_owned() };
        let sent = self.send(&reply, limit).await;
        sent.err().unwrap_or_else(|| format!("refused: {label}"))
    }
}

/// The log-in: the right of an administrator, and the desk.
async fn admit<'a, S: AsyncReadExt + AsyncWriteExt + Unpin>(
    talk: &mut Talk<'_, S>,
    shared: &'a Shared,
    peer: SocketAddr,
    seat: &Seat,
) -> Result<(Actor, Place<'a>), End> {
    let limit = shared.limits.message;
    let Request::Login(Login { user, password }) = talk.next(limit, limit).await? else {
        return Err("no log-in".to_owned());
    };
    // Now, before the wait that others who guess at his account give him: while it lasts he is not silent. A crowd that waits so makes
    // room: it could take all places by guessing.
    if !seat.held() {
        return Err("it was closed for somebody else".to_owned());
    }
    let password = Password::new(password.bytes());
    let actor = match log_in(&shared.cluster, &user, password, peer.ip(), || seat.busy()).await {
        Ok(actor) => actor,
        Err(error) => return Err(talk.refuse(label(&error), &error.to_string(), limit).await),
    };
    if let Err(refusal) = actor.require(Level::ReadWrite) {
        let error = CoreError::from(refusal);
        return Err(talk.refuse(label(&error), &error.to_string(), limit).await);
    }
    let place = match shared.sit_down(&format!("{} at {}", actor.name(), peer.ip())) {
        Ok(place) => place,
        Err(other) => {
            let text = format!("Another CTL client is at work: {other}. Try again when it has finished");
            return Err(talk.refuse("busy", &text, limit).await);
        }
    };
    talk.reader.admit();
    let release = shared.cluster.release().name.to_owned();
    talk.send(&Reply::Welcome { release }, limit).await?;
    Ok((actor, place))
}

/// Requests of somebody who is logged in. A change that has begun is finished, whatever the connection does.
async fn serve<S: AsyncReadExt + AsyncWriteExt + Unpin>(
    talk: &mut Talk<'_, S>,
    shared: &Shared,
    actor: &Actor,
    peer: SocketAddr,
) -> End {
    loop {
        let request = match talk.next(shared.limits.idle, shared.limits.message).await {
            Ok(request) => request,
            Err(end) => return end,
        };
        let answer = match request {
            Request::Login(_) => {
                return talk.refuse("logged-in", "You are logged in already", shared.limits.message).await;
            }
            Request::Look => shared.cluster.ctl_client_view(actor).await.map(Reply::Cluster),
            Request::Store(upload) => {
                let cluster = shared.cluster.clone();
                let (actor, from) = (actor.clone(), peer.ip().to_string());
                // A task of its own: it goes on when the client is cut off.
                let taken = tokio::spawn(async move {
                    let mut stored = cluster.take_ctl(&actor, &upload, &from, &mut System::default()).await?;
                    let left = following::follow(&cluster, following::PATIENCE).await?;
                    stored.warnings.extend((!left.is_empty()).then(|| following::behind(&left)));
                    Ok::<_, CoreError>(stored)
                });
                match taken.await {
                    Ok(Ok(stored)) => Ok(Reply::Stored { nodes: stored.nodes, warnings: stored.warnings }),
                    Ok(Err(error)) => Err(error),
                    Err(error) => Err(CoreError::internal(error)),
                }
            }
        };
        let now = Instant::now().into_std();
        let reply = answer.unwrap_or_else(|error| {
            match error {
                // A rule forbids it, and the client says so to its administrator: nothing is wrong here.
                CoreError::Refused { .. } => tracing::info!(%peer, %error, "a request of a CTL client was refused"),
                _ => {
                    let more = shared.told.count("a request of a CTL client failed", peer.ip(), now);
                    if let Some(more) = more {
                        tracing::warn!(%peer, %error, "a request of a CTL client failed{more}");
                    }
                }
            }
            Reply::Refused { label: label(&error).to_owned(), text: error.to_string() }
        });
        if let Err(end) = talk.send(&reply, shared.limits.message).await {
            return end;
        }
    }
}

/// The word for machines.
fn label(error: &CoreError) -> &'static str {
    match error {
        CoreError::Refused { label, .. } => label,
        CoreError::NotPermitted { .. } => "not-permitted",
        CoreError::BadInput(_) => "bad-input",
        CoreError::ListsBehind(_) => "lists-behind",
        CoreError::Store(_) | CoreError::Unreadable(_) | CoreError::Internal(_) => "failed",
    }
}
