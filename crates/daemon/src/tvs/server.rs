//! The accept loop.

use std::io;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;

use super::connection::{Connection, Shared};
use super::counters::one;
use super::{TrustSource, TvsCounters, TvsLimits, TvsLog};
use crate::places::Places;
use crate::tls::SwappableTls;

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
        let places = Places::new("TVS", self.limits.places());
        let Self { tls, source, log, limits, counters } = self;
        let drain = limits.drain;
        let shared = Arc::new(Shared { source, log, limits, counters });
        let connection_shutdown = shutdown.clone();
        loop {
            let next = tokio::select! {
                next = places.next(&listener) => next,
                // an error means that the sender is gone: nobody is left who could ask for the end
                _ = shutdown.wait_for(|stop| *stop) => break,
            };
            let Ok((tcp, peer, place)) = next else {
                one(&shared.counters.refused);
                continue;
            };
            one(&shared.counters.connections);
            let context = tls.load_full();
            let connection =
                Connection { tcp, peer, context, shared: Arc::clone(&shared), shutdown: connection_shutdown.clone() };
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
            tracing::warn!(open, "TVS connections did not end in time and are cut");
        }
        Ok(())
    }
}
