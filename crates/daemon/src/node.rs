//! All servers of one node, kept up to date with the rows.
//!
//! * `live`: what changes while they run; `contexts`: the certificates they show; `files`: what TFTP and HTTP give out

mod contexts;
mod files;
mod live;
mod options;

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use cluster::parameters::CAPF_PORT;
use cluster::rows::NodeRow;
use cluster::tvs::TvsCache;
use cluster::units::Unit;
use pki::OpensslRandom;
use pki::capf::Sha2Proof;
use ringfence_core::files::NodeFiles;
use ringfence_core::{Cluster, CoreError};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;

use self::contexts::{capf_part, or_closed, service_context};
use self::files::Files;
use self::live::{Live, Seen};
use self::options::log;
pub use self::options::{Listen, NodeOptions, PublisherOptions, StartError};
use crate::capf::{CapfCounters, CapfLimits};
use crate::ctl_provider::{CtlProviderLimits, CtlProviderServer};
use crate::files::Fetcher;
use crate::monitor::metrics::{self, Counted};
use crate::parts::{Part, Parts};
use crate::places::{Server, Share};
use crate::servers::Servers;
use crate::surroundings::{System, now};
use crate::taken::Taken;
use crate::tls::SwappableTls;
use crate::troubles::Troubles;
use crate::tvs::{TvsCounters, TvsLimits, TvsServer};
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
        let log = log(&cluster, &node, "tvs.log")?;
        let tvs = service_context(&cluster, &node, Unit::Tvs, options.legacy_tls).await;
        let (tvs, context) = or_closed(tvs, Unit::Tvs)?;
        let trust = Arc::new(ArcSwap::from_pointee(TvsCache::new()));
        let tls: SwappableTls = Arc::new(ArcSwap::from_pointee(context));
        let tvs_counters = Arc::new(TvsCounters::default());
        let server = TvsServer {
            tls: Arc::clone(&tls),
            source: Arc::clone(&trust) as Arc<_>,
            log: log.clone(),
            limits: TvsLimits::default().shared(&share),
            counters: Arc::clone(&tvs_counters),
        };
        let mut capf_known = [0; 32];
        let (part, mut capf_server) = (OnceLock::new(), None);
        let capf_setup = node.publisher.then(|| (publisher.clone(), Arc::new(CapfCounters::default())));
        if let Some((options_of_capf, counters)) = &capf_setup {
            match capf_part(&cluster, &node, &files, options.legacy_tls, options_of_capf.sha2).await {
                Ok((known, made)) => {
                    capf_known = known;
                    capf_server = Some((options_of_capf.capf, made.server(options_of_capf, counters)));
                    part.get_or_init(|| made);
                }
                Err(error) => tracing::error!(%error, "CAPF does not run until that is mended"),
            }
        }
        let (mut ctl_provider, mut ctl_tls) = (None, None);
        if node.publisher {
            let tomcat = service_context(&cluster, &node, Unit::Tomcat, false).await;
            let (known, context) = or_closed(tomcat, Unit::Tomcat)?;
            let tls: SwappableTls = Arc::new(ArcSwap::from_pointee(context));
            let limits = CtlProviderLimits::default().shared(&share);
            let server = CtlProviderServer::new(cluster.clone(), Arc::clone(&tls), limits);
            ctl_provider = Some((publisher.ctl_provider, server));
            ctl_tls = Some((tls, Mutex::new(known)));
        }
        let fetcher = Fetcher::new(Arc::new(Files(Arc::clone(&files))));
        let servers = Servers::new(options.listen, share.clone(), fetcher, server, capf_server, ctl_provider);
        let live = Arc::new(Live {
            trust,
            tls,
            legacy_tls: options.legacy_tls,
            capf: part,
            capf_setup,
            parts: Mutex::new(Parts::told_before(&cluster.parts_behind(&node).await?)),
            ctl_provider: ctl_tls,
            taking_over: Mutex::new(()),
            taken: Taken::new(),
            waves: Waves::new(),
            seen: Mutex::new(Seen { change, ctl: None, tvs, capf: capf_known }),
            servers: Mutex::new(servers),
            troubles: Troubles::default(),
            cluster,
            node: ArcSwap::from_pointee(node),
            files,
            log,
            tvs_counters,
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
        let servers = live.servers.lock().await;
        let (listen, capf) = (servers.listen().clone(), servers.capf());
        drop(servers);
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
        self.live.servers.lock().await.ctl_provider()
    }

    /// Bytes of files in memory.
    #[must_use]
    pub fn held_files(&self) -> usize {
        self.live.files.held()
    }

    /// What phones did at CAPF; `None` on a subscriber.
    #[must_use]
    pub fn capf_counters(&self) -> Option<&CapfCounters> {
        self.live.capf_setup.as_ref().map(|(_, counters)| &**counters)
    }

    /// What phones did here, for metrics.
    #[must_use]
    pub fn counted(&self) -> Counted {
        Counted {
            tvs: Arc::clone(&self.live.tvs_counters),
            capf: self.live.capf_setup.as_ref().map(|(_, counters)| Arc::clone(counters)),
            logs: std::iter::once(self.live.log.drops("tvs.log"))
                .chain(self.live.capf.get().map(|capf| capf.log.drops("capf.log")))
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
        if !self.live.log.flush(limit) {
            tracing::warn!("log/tvs.log is not written any more");
        }
        if self.live.capf.get().is_some_and(|capf| !capf.log.flush(limit)) {
            tracing::warn!("log/capf.log is not written any more");
        }
    }

    /// Stops taking requests, lets those that run finish, and returns when all are done, within five seconds.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        self.live.servers.lock().await.stop_all().await;
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
