//! The provider before it runs.

use std::io;
use std::sync::Arc;

use ringfence_core::Cluster;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::CtlProviderLimits;
use super::desk::Shared;
use crate::tls::SwappableTls;
use crate::tls_server;

/// A CTL provider before it runs. Clones share the desk.
#[derive(Clone)]
pub struct CtlProviderServer {
    shared: Arc<Shared>,
    tls: SwappableTls,
}

impl CtlProviderServer {
    /// A provider for a cluster.
    #[must_use]
    pub fn new(cluster: Cluster, tls: SwappableTls, limits: CtlProviderLimits) -> Self {
        Self { shared: Arc::new(Shared::new(cluster, limits)), tls }
    }

    /// Serves until `shutdown` becomes true (or its sender is gone), then lets a change that has begun finish, and returns.
    ///
    /// # Errors
    /// None at present: failures of single connections and of `accept` are logged, and it goes on.
    pub async fn serve(self, listener: TcpListener, shutdown: watch::Receiver<bool>) -> io::Result<()> {
        tls_server::serve(self.shared, self.tls, listener, shutdown).await
    }
}
