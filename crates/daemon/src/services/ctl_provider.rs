//! The CTL provider, on the publisher.

use std::net::SocketAddr;
use std::sync::Arc;

use cluster::rows::NodeRow;
use cluster::services::CTL_PROVIDER;
use cluster::units::Unit;
use ringfence_core::Cluster;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;

use super::served::{Address, Later, Served, ended};
use crate::ctl_provider::{CtlProviderLimits, CtlProviderServer};
use crate::node::StartError;
use crate::node::contexts::{or_closed, service_context};
use crate::parts::Part;
use crate::places::{Share, listen};
use crate::tftp::BindError;
use crate::tls::{SwappableTls, swappable};

/// The CTL provider. It shows the tomcat certificate.
pub(crate) struct CtlProvider {
    pub(crate) address: Address,
    server: CtlProviderServer,
    tls: SwappableTls,
    /// The certificate that it shows.
    known: Mutex<[u8; 32]>,
}

impl CtlProvider {
    pub(crate) async fn open(
        cluster: &Cluster,
        node: &NodeRow,
        address: SocketAddr,
        share: &Share,
    ) -> Result<Self, StartError> {
        let (known, context) = or_closed(service_context(cluster, node, Unit::Tomcat, false).await, Unit::Tomcat)?;
        let tls = swappable(context);
        let server =
            CtlProviderServer::new(cluster.clone(), Arc::clone(&tls), CtlProviderLimits::default().shared(share));
        Ok(Self { address: Address::new(address), server, tls, known: Mutex::new(known) })
    }
}

impl Served for CtlProvider {
    fn service(&self) -> &'static str {
        CTL_PROVIDER
    }

    fn part(&self) -> Option<Part> {
        Some(Part::CtlProvider)
    }

    fn refresh<'a>(&'a self, cluster: &'a Cluster, node: &'a NodeRow) -> Later<'a, Result<(), StartError>> {
        Box::pin(async move {
            let (now, context) = service_context(cluster, node, Unit::Tomcat, false).await?;
            let mut known = self.known.lock().await;
            if *known != now {
                self.tls.store(Arc::new(context));
                *known = now;
            }
            Ok(())
        })
    }

    fn listen(&self, stopped: watch::Receiver<bool>) -> Later<'_, Result<JoinSet<()>, BindError>> {
        Box::pin(async move {
            let (listener, local) = listen(self.address.get())?;
            self.address.set(local);
            let mut tasks = JoinSet::new();
            tasks.spawn(ended("CTL provider", self.server.clone().serve(listener, stopped)));
            Ok(tasks)
        })
    }
}
