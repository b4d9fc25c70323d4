//! The accept loop.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use super::connection::{Connection, Shared};
use super::counters::one;
use super::limits::Addresses;
use super::{TrustSource, TvsCounters, TvsLimits, TvsLog};
use crate::tls::SwappableTls;

/// Pause after `accept` failed, mostly because the process has no file descriptors left: long enough for some to come
/// back, short enough that no phone gives up.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A TVS server before it runs.
#[derive(Clone)]
pub struct TvsServer {
    /// The TLS context; swap it when the TVS certificate is renewed.
    pub tls: SwappableTls,
    /// Who knows the certificates.
    pub source: Arc<dyn TrustSource>,
    /// `log/tvs.log`.
    pub log: TvsLog,
    /// What phones may take.
    pub limits: TvsLimits,
    /// What phones did.
    pub counters: Arc<TvsCounters>,
}

impl TvsServer {
    /// Serves until `shutdown` becomes true (or its sender is gone), then closes idle connections, lets answers be
    /// finished for [`TvsLimits::drain`] and returns.
    ///
    /// # Errors
    /// None at present: failures of single connections and of `accept` are counted and logged, and it goes on.
    pub async fn serve(self, listener: TcpListener, mut shutdown: watch::Receiver<bool>) -> io::Result<()> {
        let most = u32::try_from(self.limits.connections.min(Semaphore::MAX_PERMITS)).unwrap_or(u32::MAX);
        let places = Arc::new(Semaphore::new(most as usize));
        let addresses = Arc::new(Addresses::default());
        let Self { tls, source, log, limits, counters } = self;
        let (per_address, drain) = (limits.per_address, limits.drain);
        let shared = Arc::new(Shared { source, log, limits, counters });
        let connection_shutdown = shutdown.clone();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                // an error means that the sender is gone: nobody is left who could ask for the end
                _ = shutdown.wait_for(|stop| *stop) => break,
            };
            let (tcp, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "TVS cannot take a connection; are there file descriptors left?");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let place = Arc::clone(&places).try_acquire_owned().ok();
            let room = place.zip(addresses.enter(peer.ip(), per_address));
            let Some(room) = room else {
                one(&shared.counters.refused);
                continue;
            };
            one(&shared.counters.connections);
            let connection = Connection {
                tcp,
                peer,
                context: tls.load_full(),
                shared: Arc::clone(&shared),
                shutdown: connection_shutdown.clone(),
            };
            tokio::spawn(async move {
                connection.run().await;
                drop(room);
            });
        }
        drop(listener);
        if timeout(drain, places.acquire_many(most)).await.is_err() {
            let open = (most as usize).saturating_sub(places.available_permits());
            tracing::warn!(open, "TVS connections did not end in time and are cut");
        }
        Ok(())
    }
}
