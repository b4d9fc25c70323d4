//! All servers of one node, kept up to date with the rows.
//!
//! * `live`: what changes while they run; `contexts`: the certificates they show; `files`: what TFTP and HTTP give out

pub(crate) mod contexts;
mod files;
mod live;
mod options;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use cluster::parameters::CAPF_PORT;
use cluster::rows::NodeRow;
use pki::OpensslRandom;
use pki::capf::Sha2Proof;
use ringfence_core::files::NodeFiles;
use ringfence_core::{Cluster, CoreError};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;

use self::files::Files;
use self::live::{Live, Seen};
use self::options::log;
pub use self::options::{Listen, NodeOptions, PublisherOptions, StartError};
use crate::capf::{CapfCounters, CapfLimits};
use crate::ctl_provider::CtlProviderLimits;
use crate::files::Fetcher;
use crate::monitor::metrics::{self, Counted};
use crate::parts::{Part, Parts};
use crate::places::{Server, Share};
use crate::services::Services;
use crate::services::capf::Capf;
use crate::services::ctl_provider::CtlProvider;
use crate::services::files::Files as FileService;
use crate::services::run::Runs;
use crate::services::served::Served;
use crate::services::tvs::Tvs;
use crate::surroundings::{System, now};
use crate::taken::Taken;
use crate::troubles::Troubles;
use crate::tvs::TvsLimits;
use crate::waves::Waves;
use crate::{http, tftp};

/// How long the last write may take when the node stops.
const LAST_WRITE: Duration = Duration::from_millis(400);

/// How long each log may take to be written when the node stops.
const LAST_LINES: Duration = Duration::from_millis(50);

/// Rows and files that cannot be read and are told of at the start; `utils unreadable list` names the others.
const TOLD: usize = 50;

/// The running servers of a node. Dropping it ends them at once; [`Node::stop`] lets them finish.
pub struct Node {
    listen: Listen,
    share: Share,
    capf: Option<SocketAddr>,
    live: Arc<Live>,
    stop: watch::Sender<bool>,
    follower: JoinSet<()>,
}

impl Node {
    /// Opens the sockets of a node and serves. CAPF listens on the address of TVS: on the port that configs name, or on one that
    /// the system chooses when it chooses that of TVS too.
    ///
    /// # Errors
    /// [`StartError`]; nothing listens then.
    pub async fn start(cluster: Cluster, node: NodeRow, options: NodeOptions) -> Result<Self, StartError> {
        let tvs = options.listen.tvs;
        let known = cluster.parameters().await?.number(CAPF_PORT, u32::from(wire::capf::PORT));
        let port = if tvs.port() == 0 { 0 } else { u16::try_from(known).unwrap_or(wire::capf::PORT) };
        let ctl_provider = at(tvs.ip(), if tvs.port() == 0 { 0 } else { wire::ctl_provider::PORT });
        let (capf, capf_limits, sha2) = (at(tvs.ip(), port), CapfLimits::default(), Sha2Proof::Required);
        let publisher = PublisherOptions { capf, capf_limits, sha2, ctl_provider };
        Self::start_with(cluster, node, options, publisher).await
    }

    /// The same, with what the services of the publisher are told; it counts there only.
    ///
    /// # Errors
    /// [`StartError`]; nothing listens then.
    pub async fn start_with(
        cluster: Cluster,
        node: NodeRow,
        options: NodeOptions,
        mut publisher: PublisherOptions,
    ) -> Result<Self, StartError> {
        let directory = cluster.directory(&node);
        let serving = directory.serve().map_err(CoreError::from)?.ok_or_else(|| served_already(&cluster, &node))?;
        match directory.remove_leftovers() {
            Ok(removed) => removed.iter().for_each(|file| tracing::info!(file, "was left half written: removed")),
            Err(error) => tracing::warn!(%error, "what was left half written stays"),
        }
        for unreadable in cluster.watch_unreadable(now()).await?.iter().take(TOLD) {
            tracing::warn!("{unreadable}");
        }
        cluster.tftp_starts(&node, &System::default()).await?;
        cluster.settle(&mut System::default()).await?;
        let change = cluster.store().last_change().await.map_err(CoreError::from)?;
        cluster.note_folder(&node, options.folder.as_ref()).await?;
        let files = NodeFiles::new(cluster.snapshot(&node).await?, options.folder);
        let files = Arc::new(files.encrypting(Box::new(OpensslRandom)).holding(options.held));
        let looked = Arc::clone(&files);
        let hides = tokio::task::spawn_blocking(move || {
            looked.look_at_folder(now())?;
            looked.say_what_hides()
        })
        .await;
        if let Err(reason) =
            hides.map_err(|error| error.to_string()).and_then(|hides| hides.map_err(|error| error.to_string()))
        {
            tracing::warn!(reason, "whether files of the folder hide those of the node is not known");
        }
        let share = share(&node, &publisher.capf_limits);
        publisher.capf_limits = publisher.capf_limits.shared(&share);
        let (legacy, tvs) = (options.legacy_tls, options.listen.tvs);
        let log = log(&cluster, &node, "tvs.log")?;
        let tvs = Tvs::open(&cluster, &node, tvs, legacy, &share, log).await?;
        let (mut capf, mut ctl_provider) = (None, None);
        if node.publisher {
            ctl_provider = Some(Arc::new(CtlProvider::open(&cluster, &node, publisher.ctl_provider, &share).await?));
            capf = Some(Arc::new(Capf::open(&cluster, &node, publisher, legacy, &files).await));
        }
        let fetcher = Fetcher::new(Arc::new(Files(Arc::clone(&files))));
        let served = FileService::new(options.listen.tftp, options.listen.http, share.clone(), fetcher);
        let live = Arc::new(Live {
            services: Services { files: Arc::new(served), tvs: Arc::new(tvs), capf, ctl_provider },
            runs: Mutex::new(Runs::default()),
            parts: Mutex::new(Parts::told_before(&cluster.parts_behind(&node).await?)),
            taking_over: Mutex::new(()),
            taken: Taken::new(),
            waves: Waves::new(),
            seen: Mutex::new(Seen { change, ctl: None }),
            troubles: Troubles::default(),
            cluster,
            node: ArcSwap::from_pointee(node),
            files,
        });
        live.refresh_trust(true).await?;
        live.follow_services().await?;
        for part in [Part::Lists, Part::Files, Part::Trust, Part::Services] {
            live.told(part, Ok(())).await;
        }
        // Those that may go without their key at the start.
        for part in [Part::Tvs, Part::Capf, Part::CtlProvider] {
            drop(live.take_over(part).await);
        }
        // What the start itself has left for the logs stands there when it is done.
        live.write_log_lines().await;
        let services = &live.services;
        let capf = services.capf.as_ref().filter(|capf| capf.is_ready()).map(|capf| capf.address.get());
        let (files, tvs) = (&services.files, &services.tvs);
        let listen = Listen { tftp: files.tftp.get(), http: files.http.get(), tvs: tvs.address.get() };
        let (stop, stopped) = watch::channel(false);
        let mut follower = JoinSet::new();
        follower.spawn(Arc::clone(&live).follow(stopped, serving));
        Ok(Self { listen, share, capf, live, stop, follower })
    }

    /// Where the servers listen, with the ports the system chose.
    #[must_use]
    pub fn listen(&self) -> &Listen {
        &self.listen
    }

    /// How many files the process may open and who gets how many; what helps when they are too few.
    #[must_use]
    pub fn open_files(&self) -> (String, Option<String>) {
        (self.share.summary(), self.share.warning())
    }

    /// Where CAPF listens, with the port the system chose; `None` on a subscriber. While its service is stopped nobody listens
    /// there.
    #[must_use]
    pub fn capf(&self) -> Option<SocketAddr> {
        self.capf
    }

    /// Where the CTL provider listens, with the port the system chose; `None` where it is not activated.
    pub async fn ctl_provider(&self) -> Option<SocketAddr> {
        self.live.ctl_provider().await
    }

    /// Bytes of files in memory.
    #[must_use]
    pub fn held_files(&self) -> usize {
        self.live.files.held()
    }

    /// What phones did at CAPF; `None` on a subscriber.
    #[must_use]
    pub fn capf_counters(&self) -> Option<&CapfCounters> {
        self.live.services.capf.as_ref().map(|capf| &*capf.counters)
    }

    /// What phones did here, for metrics.
    #[must_use]
    pub fn counted(&self) -> Counted {
        Counted {
            tvs: Arc::clone(&self.live.services.tvs.server.counters),
            capf: self.live.services.capf.as_ref().map(|capf| Arc::clone(&capf.counters)),
            logs: std::iter::once(self.live.services.tvs.server.log.drops("tvs.log"))
                .chain(self.live.capf_part().map(|capf| capf.log.drops("capf.log")))
                .collect(),
        }
    }

    /// The node.
    #[must_use]
    pub fn row(&self) -> Arc<NodeRow> {
        self.live.node.load_full()
    }

    /// Writes down what phones did and takes over what changed in the rows now, without waiting for the next look.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn refresh(&self) -> Result<(), StartError> {
        self.live.write_seen().await;
        // What a part could not take over stands as an alarm.
        self.live.refresh().await.map(drop)
    }

    /// Waits until the lines of `log/tvs.log` and `log/capf.log` are on the disk, for so long at most.
    pub fn flush_log(&self, limit: Duration) {
        if !self.live.services.tvs.server.log.flush(limit) {
            tracing::warn!("log/tvs.log is not written any more");
        }
        if self.live.capf_part().is_some_and(|capf| !capf.log.flush(limit)) {
            tracing::warn!("log/capf.log is not written any more");
        }
    }

    /// Stops taking requests, lets those that run finish, and returns when all are done, within five seconds.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        self.live.runs.lock().await.stop_all().await;
        // Who follows the rows may wait for a database that somebody else holds; phones have waited long enough.
        let last = async {
            while self.follower.join_next().await.is_some() {}
            self.live.write_seen().await;
            self.live.write_last_log_lines().await;
        };
        if tokio::time::timeout(LAST_WRITE, last).await.is_err() {
            tracing::warn!("the database is busy: what phones did last is not noted");
        }
        self.flush_log(LAST_LINES);
    }
}

/// What the process may open, shared out between the servers of a node.
fn share(node: &NodeRow, capf: &CapfLimits) -> Share {
    let (tftp, http) = (tftp::Config::default().max_transfers, http::Config::default().max_connections);
    let mut wanted = vec![(Server::Tftp, tftp), (Server::Http, http), (Server::Tvs, TvsLimits::default().connections)];
    if node.publisher {
        wanted.push((Server::Capf, capf.connections));
        wanted.push((Server::CtlProvider, CtlProviderLimits::default().connections));
    }
    wanted.push((Server::Metrics, metrics::CONNECTIONS));
    Share::now(&wanted)
}

/// Another process serves the node, by its name. One that has taken the lock and not said yet who it is has none.
pub(crate) fn served_already(cluster: &Cluster, node: &NodeRow) -> CoreError {
    let directory = cluster.directory(node);
    let process = match directory.served() {
        Ok(Some(served)) => served.process(),
        _ => "another process".to_owned(),
    };
    CoreError::Internal(format!(
        "{} is served by {process} already, which holds {}: stop that one first",
        node.name,
        directory.root().join("serve.lock").display()
    ))
}

/// An address with a port.
#[must_use]
pub fn at(address: IpAddr, port: u16) -> SocketAddr {
    SocketAddr::new(address, port)
}
