//! The accept loop.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout};

use super::connection::{Connection, Shared};
use super::counters::one;
use super::{CapfCounters, CapfLimits, CapfLog, EnrolmentDesk};
use crate::once_a_minute::OnceAMinute;
use crate::tls::SwappableTls;
use crate::tvs::Addresses;

/// Pause after `accept` failed, mostly because the process has no file descriptors left: long enough for some to come
/// back, short enough that no phone gives up.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A CAPF server before it runs.
pub struct CapfServer<D> {
    /// The TLS context; swap it when the CAPF certificate is renewed.
    pub tls: SwappableTls,
    /// Who decides.
    pub desk: Arc<D>,
    /// `log/capf.log`.
    pub log: CapfLog,
    /// What phones may take.
    pub limits: CapfLimits,
    /// What phones did.
    pub counters: Arc<CapfCounters>,
}

impl<D> Clone for CapfServer<D> {
    fn clone(&self) -> Self {
        Self {
            tls: Arc::clone(&self.tls),
            desk: Arc::clone(&self.desk),
            log: self.log.clone(),
            limits: self.limits.clone(),
            counters: Arc::clone(&self.counters),
        }
    }
}

impl<D: EnrolmentDesk> CapfServer<D> {
    /// Serves until `shutdown` becomes true (or its sender is gone), then breaks off sessions that wait for a phone, lets those be
    /// finished in which a phone may just be storing a certificate, for [`CapfLimits::drain`], and returns.
    ///
    /// # Errors
    /// None at present: failures of single connections and of `accept` are counted and logged, and it goes on.
    pub async fn serve(self, listener: TcpListener, mut shutdown: watch::Receiver<bool>) -> io::Result<()> {
        let most = u32::try_from(self.limits.connections.min(Semaphore::MAX_PERMITS)).unwrap_or(u32::MAX);
        let places = Arc::new(Semaphore::new(most as usize));
        let addresses = Arc::new(Addresses::default());
        let Self { tls, desk, log, limits, counters } = self;
        let (per_address, drain) = (limits.per_address, limits.drain);
        let shared = Arc::new(Shared { desk, log, limits, counters });
        let numbers = AtomicU64::new(1);
        let mut turned_away = OnceAMinute::default();
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
                    tracing::warn!(%error, "CAPF cannot take a connection; are there file descriptors left?");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let at_address = addresses.enter(peer.ip(), per_address);
            let full = at_address.is_some();
            let room = at_address.zip(Arc::clone(&places).try_acquire_owned().ok());
            let Some(room) = room else {
                one(&shared.counters.refused);
                if let Some(count) = turned_away.count(peer.ip(), Instant::now().into_std()) {
                    let limit = if full {
                        format!("{most} connections are open ([capf] connections)")
                    } else {
                        format!("this address has {per_address} open connections ([capf] per_address)")
                    };
                    let line = format!("debug 0:UNKNOWN:{}: {count} turned away: {limit}", peer.ip());
                    shared.log.line(&line);
                }
                continue;
            };
            one(&shared.counters.connections);
            let connection = Connection {
                number: numbers.fetch_add(1, Ordering::Relaxed),
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
            tracing::warn!(open, "CAPF sessions did not end in time and are cut");
        }
        Ok(())
    }
}
