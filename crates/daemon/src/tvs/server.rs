//! The server before it runs.

use std::io;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;

use super::connection::Shared;
use super::{TrustSource, TvsCounters, TvsLimits, TvsLog};
use crate::tls::SwappableTls;
use crate::tls_server;

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
    pub async fn serve(self, listener: TcpListener, shutdown: watch::Receiver<bool>) -> io::Result<()> {
        let Self { tls, source, log, limits, counters } = self;
        tls_server::serve(Arc::new(Shared { source, log, limits, counters }), tls, listener, shutdown).await
    }
}
