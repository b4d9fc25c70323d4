//! The servers of a node as services: each runs, rests or starts again as the rows say. A service that is stopped gives up
//! its ports.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use cluster::rows::ServiceRow;
use cluster::services::{CAPF, CTL_PROVIDER, TFTP, TVS};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::capf::{CapfServer, NodeDesk};
use crate::ctl_provider::CtlProviderServer;
use crate::files::Fetcher;
use crate::node::Listen;
use crate::places::{Share, listen};
use crate::tftp::BindError;
use crate::tvs::TvsServer;
use crate::{http, tftp};

/// How long requests that run may go on when a service stops. The servers themselves stop after four seconds.
const DRAIN: Duration = Duration::from_millis(4100);

/// The services that have a server here.
const SERVED: [&str; 4] = [TFTP, TVS, CAPF, CTL_PROVIDER];

/// What the servers of a node are made from.
pub(crate) struct Servers {
    listen: Listen,
    /// What the process may open, for TFTP and HTTP; the others have their limits.
    share: Share,
    files: Arc<Fetcher>,
    tvs: TvsServer,
    /// On the publisher: CAPF and where it listens.
    capf: Option<(SocketAddr, CapfServer<NodeDesk>)>,
    /// On the publisher: the CTL provider and where it listens.
    ctl_provider: Option<(SocketAddr, CtlProviderServer)>,
    running: HashMap<&'static str, Running>,
}

/// A service that runs.
struct Running {
    started_at: i64,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Servers {
    pub(crate) fn new(
        listen: Listen,
        share: Share,
        files: Arc<Fetcher>,
        tvs: TvsServer,
        capf: Option<(SocketAddr, CapfServer<NodeDesk>)>,
        ctl_provider: Option<(SocketAddr, CtlProviderServer)>,
    ) -> Self {
        Self { listen, share, files, tvs, capf, ctl_provider, running: HashMap::new() }
    }

    /// CAPF can run from now on.
    pub(crate) fn set_capf(&mut self, address: SocketAddr, server: CapfServer<NodeDesk>) {
        self.capf = Some((address, server));
    }

    /// Where CAPF listens, with the port the system chose once it ran; `None` where there is none.
    pub(crate) fn capf(&self) -> Option<SocketAddr> {
        self.capf.as_ref().map(|(address, _)| *address)
    }

    /// Where the CTL provider listens, with the port the system chose; `None` where it does not run.
    pub(crate) fn ctl_provider(&self) -> Option<SocketAddr> {
        let running = self.running.contains_key(CTL_PROVIDER);
        self.ctl_provider.as_ref().filter(|_| running).map(|(address, _)| *address)
    }

    /// Where the servers listen; with the ports the system chose once they ran.
    pub(crate) fn listen(&self) -> &Listen {
        &self.listen
    }

    /// Stops what shall rest, starts what shall run, and starts again what was restarted.
    ///
    /// # Errors
    /// [`BindError`] of the first service that cannot listen; the others run.
    pub(crate) async fn follow(&mut self, rows: &[ServiceRow]) -> Result<(), BindError> {
        let mut failed = None;
        for name in SERVED {
            let Some(row) = rows.iter().find(|row| row.name == name) else {
                // The release has it no more.
                self.stop(name).await;
                continue;
            };
            if (name == CAPF && self.capf.is_none()) || (name == CTL_PROVIDER && self.ctl_provider.is_none()) {
                continue;
            }
            let started_at = self.running.get(name).map(|running| running.started_at);
            if started_at.is_some() && started_at != row.started.then_some(row.started_at) {
                self.stop(name).await;
            }
            if row.started && !self.running.contains_key(name) {
                match self.start(name, row.started_at).await {
                    Ok(running) => {
                        self.running.insert(name, running);
                    }
                    Err(error) => failed = failed.or(Some(error)),
                }
            }
        }
        failed.map_or(Ok(()), Err)
    }

    async fn start(&mut self, name: &str, started_at: i64) -> Result<Running, BindError> {
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        if name == TVS {
            let (listener, local) = listen(self.listen.tvs)?;
            self.listen.tvs = local;
            tasks.spawn(ended("TVS", self.tvs.clone().serve(listener, stopped)));
        } else if let Some((address, server)) = self.capf.as_mut().filter(|_| name == CAPF) {
            let (listener, local) = listen(*address)?;
            *address = local;
            tasks.spawn(ended("CAPF", server.clone().serve(listener, stopped)));
        } else if let Some((address, server)) = self.ctl_provider.as_mut().filter(|_| name == CTL_PROVIDER) {
            let (listener, local) = listen(*address)?;
            *address = local;
            tasks.spawn(ended("CTL provider", server.clone().serve(listener, stopped)));
        } else {
            let config = tftp::Config { listen: vec![self.listen.tftp], ..tftp::Config::default().shared(&self.share) };
            let tftp = tftp::Server::bind(config, Arc::clone(&self.files))?;
            let config = http::Config { listen: vec![self.listen.http], ..http::Config::default().shared(&self.share) };
            let http = http::Server::bind(config, Arc::clone(&self.files)).await?;
            keep(&mut self.listen.tftp, &tftp.local_addrs());
            keep(&mut self.listen.http, &http.local_addrs());
            tasks.spawn(ended("TFTP", tftp.run(stopped.clone())));
            tasks.spawn(ended("HTTP", http.run(stopped)));
        }
        Ok(Running { started_at, stop, tasks })
    }

    async fn stop(&mut self, name: &str) {
        let Some(mut running) = self.running.remove(name) else { return };
        running.stop.send_replace(true);
        let all = async { while running.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(DRAIN, all).await.is_err() {
            tracing::warn!(service = name, "some requests did not end in time and are cut");
        }
    }

    /// Stops all, together within the time of one.
    pub(crate) async fn stop_all(&mut self) {
        for running in self.running.values() {
            running.stop.send_replace(true);
        }
        let all = async {
            for running in self.running.values_mut() {
                while running.tasks.join_next().await.is_some() {}
            }
        };
        if tokio::time::timeout(DRAIN, all).await.is_err() {
            tracing::warn!("some requests did not end in time and are cut");
        }
        self.running.clear();
    }
}

/// The port that the system chose is kept, so that a restart listens on the same.
fn keep(place: &mut SocketAddr, chosen: &[SocketAddr]) {
    if let Some(chosen) = chosen.first() {
        *place = *chosen;
    }
}

async fn ended(name: &'static str, server: impl Future<Output = std::io::Result<()>>) {
    if let Err(error) = server.await {
        tracing::error!(server = name, %error, "the server ended; restart its service");
    }
}
