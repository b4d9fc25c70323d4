//! What a service with a server is to the node.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use cluster::rows::NodeRow;
use ringfence_core::Cluster;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::node::StartError;
use crate::parts::Part;
use crate::tftp::BindError;

/// What it waits for.
pub(crate) type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A service with a server.
pub(crate) trait Served: Send + Sync {
    /// Its name in the rows.
    fn service(&self) -> &'static str;

    /// The part of the node that it is; `None` when it shows nothing of its own.
    fn part(&self) -> Option<Part> {
        None
    }

    /// Takes over what it shows from the rows. Connections that are open go on.
    fn refresh<'a>(&'a self, _: &'a Cluster, _: &'a NodeRow) -> Later<'a, Result<(), StartError>> {
        Box::pin(async { Ok(()) })
    }

    /// Whether it has what it needs to run.
    fn is_ready(&self) -> bool {
        true
    }

    /// Listens, and gives what serves until `stopped` and then drains.
    fn listen(&self, stopped: watch::Receiver<bool>) -> Later<'_, Result<JoinSet<()>, BindError>>;
}

/// Where a server listens; with the port that the system chose once it ran, so that a restart listens on the same.
#[derive(Debug)]
pub(crate) struct Address(Mutex<SocketAddr>);

impl Address {
    pub(crate) const fn new(address: SocketAddr) -> Self {
        Self(Mutex::new(address))
    }

    pub(crate) fn get(&self) -> SocketAddr {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set(&self, chosen: SocketAddr) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = chosen;
    }
}

/// Says so when a server ends by itself.
pub(crate) async fn ended(name: &'static str, server: impl Future<Output = std::io::Result<()>>) {
    if let Err(error) = server.await {
        tracing::error!(server = name, %error, "the server ended; restart its service");
    }
}
