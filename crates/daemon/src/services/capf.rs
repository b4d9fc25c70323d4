//! CAPF, on the publisher. Without its certificate and key it does not run; once they are there it does.

use std::sync::{Arc, OnceLock};

use cluster::rows::NodeRow;
use cluster::services::CAPF;
use ringfence_core::Cluster;
use ringfence_core::files::NodeFiles;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;

use super::served::{Address, Later, Served, ended};
use crate::capf::CapfCounters;
use crate::node::contexts::{CapfPart, capf_context, capf_part};
use crate::node::{PublisherOptions, StartError};
use crate::parts::Part;
use crate::places::listen;
use crate::tftp::BindError;

/// CAPF.
pub(crate) struct Capf {
    pub(crate) address: Address,
    pub(crate) counters: Arc<CapfCounters>,
    options: PublisherOptions,
    legacy_tls: bool,
    files: Arc<NodeFiles>,
    /// What it decides and shows, once its certificate and key were there.
    part: OnceLock<CapfPart>,
    /// The certificates that it sends.
    known: Mutex<[u8; 32]>,
}

impl Capf {
    pub(crate) async fn open(
        cluster: &Cluster,
        node: &NodeRow,
        options: PublisherOptions,
        legacy_tls: bool,
        files: &Arc<NodeFiles>,
    ) -> Self {
        let capf = Self {
            address: Address::new(options.capf),
            counters: Arc::new(CapfCounters::default()),
            options,
            legacy_tls,
            files: Arc::clone(files),
            part: OnceLock::new(),
            known: Mutex::new([0; 32]),
        };
        if let Err(error) = capf.make(cluster, node).await {
            tracing::error!(%error, "CAPF does not run until that is mended");
        }
        capf
    }

    /// What it decides and shows; `None` while it has no certificate and key.
    pub(crate) fn part(&self) -> Option<&CapfPart> {
        self.part.get()
    }

    async fn make(&self, cluster: &Cluster, node: &NodeRow) -> Result<(), StartError> {
        let (known, made) = capf_part(cluster, node, &self.files, self.legacy_tls, self.options.sha2).await?;
        *self.known.lock().await = known;
        self.part.get_or_init(|| made);
        Ok(())
    }
}

impl Served for Capf {
    fn service(&self) -> &'static str {
        CAPF
    }

    fn part(&self) -> Option<Part> {
        Some(Part::Capf)
    }

    /// The CAPF certificate, CAPF-trust, the validity of LSCs.
    fn refresh<'a>(&'a self, cluster: &'a Cluster, node: &'a NodeRow) -> Later<'a, Result<(), StartError>> {
        Box::pin(async move {
            // It was not there at the start, and may be now.
            let Some(part) = self.part.get() else { return self.make(cluster, node).await };
            part.desk.desk().reload().await?;
            let (now, context) = capf_context(&part.desk.desk().authority(), self.legacy_tls)?;
            let mut known = self.known.lock().await;
            if *known != now {
                part.tls.store(Arc::new(context));
                *known = now;
            }
            Ok(())
        })
    }

    fn is_ready(&self) -> bool {
        self.part.get().is_some()
    }

    fn listen(&self, stopped: watch::Receiver<bool>) -> Later<'_, Result<JoinSet<()>, BindError>> {
        Box::pin(async move {
            let mut tasks = JoinSet::new();
            if let Some(part) = self.part.get() {
                let (listener, local) = listen(self.address.get())?;
                self.address.set(local);
                let server = part.server(&self.options, &self.counters);
                tasks.spawn(ended("CAPF", server.serve(listener, stopped)));
            }
            Ok(tasks)
        })
    }
}
