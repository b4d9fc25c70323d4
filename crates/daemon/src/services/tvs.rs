//! TVS.

use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use cluster::rows::NodeRow;
use cluster::services::TVS;
use cluster::tvs::TvsCache;
use cluster::units::Unit;
use ringfence_core::Cluster;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;

use super::served::{Address, Later, Served, ended};
use crate::node::StartError;
use crate::node::contexts::{or_closed, service_context};
use crate::parts::Part;
use crate::places::{Share, listen};
use crate::tftp::BindError;
use crate::tls::swappable;
use crate::tvs::{TvsCounters, TvsLimits, TvsLog, TvsServer};

/// TVS.
pub(crate) struct Tvs {
    pub(crate) address: Address,
    /// What it knows of certificates.
    pub(crate) trust: Arc<ArcSwap<TvsCache>>,
    pub(crate) server: TvsServer,
    legacy_tls: bool,
    /// The certificate that it shows.
    known: Mutex<[u8; 32]>,
}

impl Tvs {
    pub(crate) async fn open(
        cluster: &Cluster,
        node: &NodeRow,
        address: SocketAddr,
        legacy_tls: bool,
        share: &Share,
        log: TvsLog,
    ) -> Result<Self, StartError> {
        let (known, context) = or_closed(service_context(cluster, node, Unit::Tvs, legacy_tls).await, Unit::Tvs)?;
        let trust = Arc::new(ArcSwap::from_pointee(TvsCache::new()));
        let server = TvsServer {
            tls: swappable(context),
            source: Arc::clone(&trust) as Arc<_>,
            log,
            limits: TvsLimits::default().shared(share),
            counters: Arc::new(TvsCounters::default()),
        };
        Ok(Self { address: Address::new(address), trust, server, legacy_tls, known: Mutex::new(known) })
    }
}

impl Served for Tvs {
    fn service(&self) -> &'static str {
        TVS
    }

    fn part(&self) -> Option<Part> {
        Some(Part::Tvs)
    }

    fn refresh<'a>(&'a self, cluster: &'a Cluster, node: &'a NodeRow) -> Later<'a, Result<(), StartError>> {
        Box::pin(async move {
            let (now, context) = service_context(cluster, node, Unit::Tvs, self.legacy_tls).await?;
            let mut known = self.known.lock().await;
            if *known != now {
                self.server.tls.store(Arc::new(context));
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
            tasks.spawn(ended("TVS", self.server.clone().serve(listener, stopped)));
            Ok(tasks)
        })
    }
}
