//! The server before it runs.

use std::io;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;

use super::connection::Shared;
use super::{CapfCounters, CapfLimits, CapfLog, EnrolmentDesk};
use crate::tls::SwappableTls;
use crate::tls_server;

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
    pub async fn serve(self, listener: TcpListener, shutdown: watch::Receiver<bool>) -> io::Result<()> {
        let Self { tls, desk, log, limits, counters } = self;
        tls_server::serve(Arc::new(Shared { desk, log, limits, counters }), tls, listener, shutdown).await
    }
}
