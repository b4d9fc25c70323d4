//! The accept loop, and the desk that one client has at a time.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ringfence_core::Cluster;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::connection::Connection;
use crate::once_a_minute::OnceAMinute;
use crate::places::{Limits, Places, SILENCE, Server, Share};
use crate::tls::SwappableTls;

/// What clients may take.
#[derive(Debug, Clone)]
pub struct CtlProviderLimits {
    /// From the TCP connection to the end of the TLS handshake. Default 10 s.
    pub handshake: Duration,
    /// For the log-in, and for each message once it has begun. Default 30 s.
    pub message: Duration,
    /// How long somebody who is logged in may say nothing: he looks for tokens meanwhile. Default 15 minutes.
    pub idle: Duration,
    /// How long a change that has begun may go on after the shutdown was asked for. Default 4 s.
    pub drain: Duration,
    /// Open connections at most. When all are taken, one that has not logged in is closed for a further one. Default 16: there is one at
    /// the desk, the others are told so.
    pub connections: usize,
    /// Open connections of one address at most. Default 4.
    pub per_address: usize,
    /// How long a connection must have been silent before it is closed for another one. Default 1 s.
    pub silence: Duration,
}

impl Default for CtlProviderLimits {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            message: Duration::from_secs(30),
            idle: Duration::from_secs(900),
            drain: Duration::from_secs(4),
            connections: 16,
            per_address: 4,
            silence: SILENCE,
        }
    }
}

impl CtlProviderLimits {
    /// No more than its share of what the process may open.
    pub(crate) fn shared(mut self, share: &Share) -> Self {
        share.limit(Server::CtlProvider, &mut self.connections, &mut self.per_address);
        self
    }
}

/// A CTL provider before it runs. Clones share the desk.
#[derive(Clone)]
pub struct CtlProviderServer {
    shared: Arc<Shared>,
    tls: SwappableTls,
}

/// What all connections have in common.
pub(super) struct Shared {
    pub(super) cluster: Cluster,
    pub(super) limits: CtlProviderLimits,
    desk: Mutex<Option<String>>,
    pub(super) told: OnceAMinute,
}

/// The one place at the desk, given back when dropped.
pub(super) struct Place<'a>(&'a Shared);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        *self.0.desk.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Shared {
    /// Takes the desk, or says who has it.
    pub(super) fn sit_down(&self, who: &str) -> Result<Place<'_>, String> {
        let mut desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        match desk.as_ref() {
            Some(other) => Err(other.clone()),
            None => {
                *desk = Some(who.to_owned());
                Ok(Place(self))
            }
        }
    }
}

impl CtlProviderServer {
    /// A provider for a cluster.
    #[must_use]
    pub fn new(cluster: Cluster, tls: SwappableTls, limits: CtlProviderLimits) -> Self {
        let shared = Shared { cluster, limits, desk: Mutex::new(None), told: OnceAMinute::default() };
        Self { shared: Arc::new(shared), tls }
    }

    /// Serves until `shutdown` becomes true (or its sender is gone), then lets a change that has begun finish, and returns.
    ///
    /// # Errors
    /// None at present: failures of single connections and of `accept` are logged, and it goes on.
    pub async fn serve(self, listener: TcpListener, mut shutdown: watch::Receiver<bool>) -> io::Result<()> {
        let Self { shared, tls } = self;
        let CtlProviderLimits { connections: most, per_address, silence, drain, .. } = shared.limits;
        let places = Places::new("CTL provider", Limits { most, per_address, silence });
        let connection_shutdown = shutdown.clone();
        loop {
            let next = tokio::select! {
                next = places.next(&listener) => next,
                // an error means that the sender is gone: nobody is left who could ask for the end
                _ = shutdown.wait_for(|stop| *stop) => break,
            };
            let Ok((tcp, peer, place)) = next else { continue };
            let (context, shared) = (tls.load_full(), Arc::clone(&shared));
            let connection = Connection { tcp, peer, context, shared, shutdown: connection_shutdown.clone() };
            tokio::spawn(async move {
                tokio::select! {
                    biased;
                    () = place.taken_away() => {}
                    () = connection.run(&place) => {}
                }
            });
        }
        drop(listener);
        if places.empty(drain).await > 0 {
            tracing::warn!("a CTL client did not end in time and is cut");
        }
        Ok(())
    }
}
