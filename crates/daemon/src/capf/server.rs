//! The accept loop.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::net::TcpListener;
use tokio::sync::watch;

use super::connection::{Connection, Shared};
use super::counters::one;
use super::{CapfCounters, CapfLimits, CapfLog, EnrolmentDesk};
use crate::places::{Places, TurnedAway};
use crate::tls::SwappableTls;

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
        let places = Places::new("CAPF", self.limits.places());
        let Self { tls, desk, log, limits, counters } = self;
        let drain = limits.drain;
        let shared = Arc::new(Shared { desk, log, limits, counters });
        let numbers = AtomicU64::new(1);
        let connection_shutdown = shutdown.clone();
        loop {
            let next = tokio::select! {
                next = places.next(&listener) => next,
                // an error means that the sender is gone: nobody is left who could ask for the end
                _ = shutdown.wait_for(|stop| *stop) => break,
            };
            let (tcp, peer, place) = match next {
                Ok(next) => next,
                Err(TurnedAway { peer, share, times }) => {
                    one(&shared.counters.refused);
                    if let Some(times) = times {
                        let CapfLimits { connections, per_address, .. } = shared.limits;
                        let limit = if share {
                            format!("this address has {per_address} open connections ([capf] per_address)")
                        } else {
                            format!("{connections} connections are open ([capf] connections)")
                        };
                        shared.log.line(&format!("debug 0:UNKNOWN:{}: {times} turned away: {limit}", peer.ip()));
                    }
                    continue;
                }
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
            let shared = Arc::clone(&shared);
            tokio::spawn(async move {
                tokio::select! {
                    biased;
                    () = place.taken_away() => one(&shared.counters.made_room),
                    () = connection.run(&place) => {}
                }
            });
        }
        drop(listener);
        let open = places.empty(drain).await;
        if open > 0 {
            tracing::warn!(open, "CAPF sessions did not end in time and are cut");
        }
        Ok(())
    }
}
