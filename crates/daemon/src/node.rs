//! All servers of one node, kept up to date with the rows.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use openssl::ssl::SslContext;
use openssl::x509::X509;
use pki::capf::Sha2Proof;
use pki::listing::ListKind;
use pki::{Certificate, OpensslRandom};
use ringfence_core::enrolment::{Authority, CHANGE, Desk, Policy};
use ringfence_core::files::{FileError, FolderSettings, Found, NodeFiles};
use ringfence_core::parameters::{CAPF_PORT, TVS_TIME_TO_LIVE};
use ringfence_core::tvs::TvsCache;
use ringfence_core::units::Unit;
use ringfence_core::{ChangeRow, Cluster, CoreError, NodeRow, Serving};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;

use crate::capf::{CapfCounters, CapfLimits, CapfLog, CapfServer, NodeDesk};
use crate::ctl_provider::{CtlProviderLimits, CtlProviderServer};
use crate::files::{Answer, Content, FetchError, Fetcher, FileRequest, FileSource, Making};
use crate::following::Asks;
use crate::monitor::metrics::{self, Counted};
use crate::parts::{Part, Parts};
use crate::places::{Server, Share};
use crate::servers::Servers;
use crate::surroundings::{System, now};
use crate::taken::{Taken, is_torn};
use crate::tftp::BindError;
use crate::tls::{SwappableTls, TlsError, closed_context, phone_context};
use crate::troubles::{Place, Troubles};
use crate::tvs::{TvsCounters, TvsLimits, TvsLog, TvsServer};
use crate::waves::Waves;
use crate::{http, tftp};

/// How often the rows are looked at for a change by another process: one that does not ask this node to look is noticed this late.
const LOOK: Duration = Duration::from_millis(250);

/// How long after a part has failed anew a question may still be about the change that did it: who changed something asks at once.
const NEWS: Duration = Duration::from_secs(2);

/// How often what phones did is written to the database: every so many looks.
const SEEN_EVERY: u32 = 8;

/// How often overdue operations are ended, a wave goes on and resets are sent, on the publisher: every so many looks.
const ENROLMENT_EVERY: u32 = 8;

/// Devices of which each is read anew on its own after a change; more of them are read together.
const SINGLE_DEVICES: usize = 64;

/// How long the last write may take when the node stops.
const LAST_WRITE: Duration = Duration::from_millis(400);

/// How long each log may take to be written when the node stops.
const LAST_LINES: Duration = Duration::from_millis(50);

/// Rows and files that cannot be read and are told of at the start; `utils unreadable list` names the others.
const TOLD: usize = 50;

/// Largest `log/tvs.log` and `log/capf.log` before it is set aside, bytes.
const LOG_LIMIT: u64 = 16 << 20;

/// Where the servers of a node listen; port 0 lets the system choose.
#[derive(Debug, Clone)]
pub struct Listen {
    /// TFTP.
    pub tftp: SocketAddr,
    /// HTTP.
    pub http: SocketAddr,
    /// TVS. The port is the one that configs name.
    pub tvs: SocketAddr,
}

/// How a node serves.
#[derive(Debug, Clone)]
pub struct NodeOptions {
    /// Where it listens.
    pub listen: Listen,
    /// TLS 1.0 for old phones.
    pub legacy_tls: bool,
    /// A folder of files that people bring.
    pub folder: Option<FolderSettings>,
    /// Bytes of files in memory at most; [`ringfence_core::files::HELD`] when nobody says otherwise.
    pub held: usize,
}

/// How the services of the publisher serve.
#[derive(Debug, Clone)]
pub struct PublisherOptions {
    /// Where CAPF listens; port 0 lets the system choose.
    pub capf: SocketAddr,
    /// What phones may take of CAPF.
    pub capf_limits: CapfLimits,
    /// Whether phones may show a certificate without the proof with SHA-512.
    pub sha2: Sha2Proof,
    /// Where the CTL provider listens once it is activated; port 0 lets the system choose.
    pub ctl_provider: SocketAddr,
}

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A port.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// Rows, keys, lists.
    #[error(transparent)]
    Core(#[from] CoreError),
    /// The TVS certificate.
    #[error("TVS: {0}")]
    Tls(#[from] TlsError),
    /// The tomcat certificate.
    #[error("CTL provider: {0}")]
    CtlProvider(TlsError),
    /// The CAPF certificate.
    #[error("CAPF: {0}")]
    Capf(TlsError),
    /// The log.
    #[error("{path}: {source}")]
    Log {
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
}

/// The running servers of a node. Dropping it ends them at once; [`Node::stop`] lets them finish.
pub struct Node {
    listen: Listen,
    share: Share,
    capf: Option<SocketAddr>,
    live: Arc<Live>,
    stop: watch::Sender<bool>,
    follower: JoinSet<()>,
}

/// What changes while the servers run.
struct Live {
    cluster: Cluster,
    /// As the rows have it: `set network` changes it while it runs.
    node: ArcSwap<NodeRow>,
    files: Arc<NodeFiles>,
    trust: Arc<ArcSwap<TvsCache>>,
    tls: SwappableTls,
    legacy_tls: bool,
    log: TvsLog,
    tvs_counters: Arc<TvsCounters>,
    /// On the publisher, once its certificate and key were there.
    capf: OnceLock<CapfPart>,
    /// On the publisher: how CAPF serves, and what phones did there.
    capf_setup: Option<(PublisherOptions, Arc<CapfCounters>)>,
    /// On the publisher: the TLS of the CTL provider, and what its certificate is known by.
    ctl_provider: Option<(SwappableTls, Mutex<[u8; 32]>)>,
    seen: Mutex<Seen>,
    taken: Taken,
    waves: Waves,
    parts: Mutex<Parts>,
    /// Held while changes are taken over: of two at the same time the slower one would put back what it had read before.
    taking_over: Mutex<()>,
    servers: Mutex<Servers>,
    troubles: Troubles,
}

/// CAPF on the publisher.
struct CapfPart {
    desk: Arc<NodeDesk>,
    tls: SwappableTls,
    log: CapfLog,
}

/// What the servers answer from, to see what is new.
struct Seen {
    change: i64,
    ctl: Option<Vec<u8>>,
    tvs: [u8; 32],
    capf: [u8; 32],
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

/// The TLS context of the node's certificate of a unit, and what the certificate is known by.
async fn service_context(
    cluster: &Cluster,
    node: &NodeRow,
    unit: Unit,
    legacy: bool,
) -> Result<([u8; 32], SslContext), StartError> {
    let all = cluster.node_certificates().await?;
    let certificate = all.iter().find(|own| own.name == node.name).map_or(Ok(None), |own| own.get(unit));
    let certificate = certificate.map_err(|unreadable| CoreError::Unreadable(unreadable.clone()))?;
    let certificate = certificate.ok_or_else(|| {
        let (node, unit) = (&node.name, unit.name());
        CoreError::Internal(format!("{node} has no {unit} certificate; `set cert regen {unit}` makes one"))
    })?;
    let key = cluster.key(&cluster.directory(node), unit, certificate)?;
    let x509 = X509::from_der(certificate.der()).map_err(|error| CoreError::Internal(error.to_string()))?;
    let context = phone_context(&x509, &[], key.openssl(), legacy);
    let context = context.map_err(|error| match unit {
        Unit::Tvs => StartError::Tls(error),
        _ => StartError::CtlProvider(error),
    })?;
    Ok((certificate.sha256(), context))
}

/// The TLS context of a service; of one without a certificate and key that can be used a context that ends every handshake, until that is
/// mended. One damaged row or file must not keep a node from giving out lists and configs.
fn or_closed(
    found: Result<([u8; 32], SslContext), StartError>,
    unit: Unit,
) -> Result<([u8; 32], SslContext), StartError> {
    match found {
        Err(error) => {
            tracing::error!(unit = unit.name(), %error, "this service accepts no connections until that is mended");
            Ok(([0; 32], closed_context().map_err(StartError::Tls)?))
        }
        found => found,
    }
}

/// Opens a log of a node.
fn log(cluster: &Cluster, node: &NodeRow, name: &str) -> Result<TvsLog, StartError> {
    let path = cluster.directory(node).log().join(name);
    TvsLog::to_file(&path, LOG_LIMIT).map_err(|source| StartError::Log { path: path.display().to_string(), source })
}

/// CAPF, and what the certificates that it sends are known by.
async fn capf_part(
    cluster: &Cluster,
    node: &NodeRow,
    files: &Arc<NodeFiles>,
    legacy: bool,
    sha2: Sha2Proof,
) -> Result<([u8; 32], CapfPart), StartError> {
    let desk = Desk::open(cluster.clone(), Policy { sha2 }).await?;
    let (known, context) = capf_context(&desk.authority(), legacy)?;
    let part = CapfPart {
        desk: Arc::new(NodeDesk::new(desk, cluster.clone(), Arc::clone(files))),
        tls: Arc::new(ArcSwap::from_pointee(context)),
        log: log(cluster, node, "capf.log")?,
    };
    Ok((known, part))
}

impl CapfPart {
    fn server(&self, options: &PublisherOptions, counters: &Arc<CapfCounters>) -> CapfServer<NodeDesk> {
        CapfServer {
            tls: Arc::clone(&self.tls),
            desk: Arc::clone(&self.desk),
            log: self.log.clone(),
            limits: options.capf_limits.clone(),
            counters: Arc::clone(counters),
        }
    }
}

fn capf_context(authority: &Authority, legacy: bool) -> Result<([u8; 32], SslContext), StartError> {
    let read = |certificate: &Certificate| X509::from_der(certificate.der());
    let certificate = read(authority.certificate()).map_err(|error| CoreError::Internal(error.to_string()))?;
    let chain = authority.chain();
    let above = chain.iter().copied().map(read).collect::<Result<Vec<X509>, _>>();
    let above = above.map_err(|error| CoreError::Internal(error.to_string()))?;
    let context = phone_context(&certificate, &above, authority.key().openssl(), legacy).map_err(StartError::Capf)?;
    let sent: Vec<u8> = [authority.certificate()].into_iter().chain(chain).flat_map(Certificate::sha256).collect();
    Ok((pki::hash::sha256(&sent), context))
}

impl Live {
    /// Follows the rows until the end, at once when somebody asks for it.
    async fn follow(self: Arc<Self>, mut stopped: watch::Receiver<bool>, serving: Serving) {
        let mut ticks = tokio::time::interval(LOOK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let data = self.cluster.data();
        let place = Place::of(data.root());
        // Before the watch, because it makes the file.
        let mut asked = data.asked().unwrap_or_default();
        let asks = Asks::watch(&data.asks());
        let (mut answered, mut withheld, mut heard, mut count) = (0, 0, 0, 0_u32);
        let mut news = None;
        let mut trouble = String::new();
        let mut looking = JoinSet::new();
        loop {
            let ticked = tokio::select! {
                _ = ticks.tick() => true,
                () = asks.next() => false,
                // An error means that the sender is gone: that is the end too.
                _ = stopped.wait_for(|stop| *stop) => return,
            };
            let stands = place.stands();
            let gone = stands.is_err();
            self.troubles.told("the data directory is gone; phones are served from what is known", stands);
            if ticked {
                count = count.wrapping_add(1);
                self.look_at_folder(&mut looking);
            }
            if gone {
                continue;
            }
            if ticked {
                self.now_and_then(count).await;
            }
            // Before the look: what is asked for after it needs another.
            asked = data.asked().unwrap_or(asked);
            if asked > answered {
                self.write_seen().await;
            }
            let now = self.look().await.err().map(|error| error.to_string()).unwrap_or_default();
            if self.parts.lock().await.take_news() {
                news = Some(Instant::now());
                heard = answered;
            }
            // Whoever asks now may have caused it, so he is not told that all is well; with what is known, and stands as an alarm, nobody
            // is held up.
            if asked > heard && news.is_some_and(|since: Instant| since.elapsed() < NEWS) {
                withheld = asked;
            }
            heard = asked;
            if now.is_empty() && asked > answered.max(withheld) {
                let said = serving.answer(asked);
                if said.is_ok() {
                    answered = asked;
                }
                self.troubles.told("who waits for this node is not told that it follows", said);
            }
            if now != trouble && !now.is_empty() {
                tracing::error!(error = now, "the servers go on with what they knew before");
            }
            trouble = now;
        }
    }

    /// Has the folder of files looked at, one look at a time: the next when a slow disk has answered.
    fn look_at_folder(&self, running: &mut JoinSet<()>) {
        while running.try_join_next().is_some() {}
        if running.is_empty() {
            let files = Arc::clone(&self.files);
            running.spawn_blocking(move || {
                if let Err(error) = files.look_at_folder(now()) {
                    tracing::debug!(%error, "the folder of files is not seen as it is now");
                }
            });
        }
    }

    /// What need not happen at each look.
    async fn now_and_then(&self, count: u32) {
        if count.is_multiple_of(SEEN_EVERY) {
            self.write_seen().await;
            let change = self.seen.lock().await.change;
            self.taken.note(&self.cluster, &self.node.load_full(), change).await;
        }
        if self.node.load().publisher && count.is_multiple_of(ENROLMENT_EVERY) {
            self.step_enrolment().await;
            self.send_resets().await;
            let noted = self.cluster.note_failed_log_ins(now()).await.map(drop);
            self.troubles.told("failed log-ins are not noted yet", noted);
            self.taken.forget(&self.cluster, now()).await;
        }
    }

    /// What happens by itself: causes that waited are written down, operations run out of time, a wave goes on.
    async fn step_enrolment(&self) {
        let stepped = self.waves.step(&self.cluster, now()).await.map(drop);
        self.troubles.told("operations and waves of CAPF wait", stepped);
    }

    /// Takes over what changed, if something did; else tries what failed before, when it is time.
    async fn look(&self) -> Result<(), StartError> {
        let change = self.cluster.store().last_change().await.map_err(CoreError::from)?;
        if self.seen.lock().await.change != change {
            // What a part could not take over stands as an alarm.
            return self.refresh().await.map(drop);
        }
        let _turn = self.taking_over.lock().await;
        for part in Part::ALL {
            if self.parts.lock().await.is_due(part, Instant::now()) {
                drop(self.take_over(part).await);
            }
        }
        Ok(())
    }

    /// Takes over what changed. What the first part that could not follow says; the others follow all the same.
    async fn refresh(&self) -> Result<Result<(), StartError>, StartError> {
        let _turn = self.taking_over.lock().await;
        let since = self.seen.lock().await.change;
        let changes = self.cluster.store().changes_after(since).await.map_err(CoreError::from)?;
        let enrolments_only = changes.iter().all(|change| change.kind == CHANGE || change.kind == "reset");
        let mut first = Ok(());
        if changes.is_empty() || is_torn(since, &changes) || !enrolments_only || !self.refresh_devices(&changes).await?
        {
            for part in Part::ALL {
                first = first.and(self.take_over(part).await);
            }
        }
        for change in changes.iter().filter(|change| change.kind == "reset") {
            tracing::info!(phones = change.subject, "phones must be reset to fetch their lists again");
        }
        if let Some(last) = changes.last() {
            self.seen.lock().await.change = last.seq;
        }
        Ok(first)
    }

    /// One part takes over what changed, and what became of it is told.
    async fn take_over(&self, part: Part) -> Result<(), StartError> {
        let done = match part {
            Part::Lists => self.refresh_lists().await,
            Part::Files => self.refresh_files().await,
            Part::Trust => self.refresh_trust(false).await,
            Part::Tvs => self.refresh_tvs().await,
            Part::Capf => self.refresh_capf().await,
            Part::CtlProvider => self.refresh_ctl_provider().await,
            Part::Services => self.follow_services().await,
        };
        self.told(part, done.as_ref().map(|&()| ()).map_err(ToString::to_string)).await;
        done
    }

    /// Lets an alarm stand about a part that failed, and ends the one about a part that follows.
    async fn told(&self, part: Part, done: Result<(), String>) {
        let node = self.node.load_full();
        let mut parts = self.parts.lock().await;
        let told = match &done {
            Ok(()) if parts.follows(part) => self.cluster.part_follows(&node, part.name()).await,
            Err(why) if parts.failed(part, why, Instant::now()) => {
                tracing::error!(part = part.name(), error = why, "it goes on with what it knew before");
                self.cluster.part_is_behind(&node, part.name(), why, now()).await
            }
            _ => return,
        };
        match told {
            Ok(()) => parts.told(part, done.err()),
            Err(error) => tracing::warn!(part = part.name(), %error, "no alarm could be raised or ended about it"),
        }
    }

    /// The lists that the node publishes.
    async fn refresh_lists(&self) -> Result<(), StartError> {
        self.refresh_row().await?;
        self.cluster.settle(&mut System::default()).await?;
        Ok(())
    }

    async fn refresh_files(&self) -> Result<(), StartError> {
        self.files.swap(self.cluster.snapshot(&self.node.load_full()).await?);
        Ok(())
    }

    /// TVS shows its certificate of now.
    async fn refresh_tvs(&self) -> Result<(), StartError> {
        let (now, context) = service_context(&self.cluster, &self.node.load_full(), Unit::Tvs, self.legacy_tls).await?;
        let mut seen = self.seen.lock().await;
        if now != seen.tvs {
            self.tls.store(Arc::new(context));
            seen.tvs = now;
        }
        Ok(())
    }

    /// The name and the address of the node.
    async fn refresh_row(&self) -> Result<(), StartError> {
        let nodes = self.cluster.store().nodes().await.map_err(CoreError::from)?;
        if let Some(row) = nodes.into_iter().find(|row| row.pkid == self.node.load().pkid) {
            self.node.store(Arc::new(row));
        }
        Ok(())
    }

    /// Takes over the devices whose enrolment changed, and nothing else. `false`: one of them is new, so everything has to
    /// be read.
    async fn refresh_devices(&self, changes: &[ChangeRow]) -> Result<bool, StartError> {
        let changed = changes.iter().filter(|change| change.kind == CHANGE).map(|change| change.subject.as_str());
        let names: HashSet<&str> = changed.collect();
        if names.len() > SINGLE_DEVICES {
            self.files.swap(self.cluster.snapshot(&self.node.load_full()).await?);
            return Ok(true);
        }
        for name in names {
            let entry = self.cluster.device_entry(name).await?;
            if !entry.is_some_and(|entry| self.files.swap_device(name, entry)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The provider shows the tomcat certificate of now.
    async fn refresh_ctl_provider(&self) -> Result<(), StartError> {
        let Some((tls, known)) = &self.ctl_provider else { return Ok(()) };
        let (now, context) = service_context(&self.cluster, &self.node.load_full(), Unit::Tomcat, false).await?;
        let mut known = known.lock().await;
        if *known != now {
            tls.store(Arc::new(context));
            *known = now;
        }
        Ok(())
    }

    /// The CAPF certificate, CAPF-trust, the validity of LSCs.
    async fn refresh_capf(&self) -> Result<(), StartError> {
        let Some((options, counters)) = &self.capf_setup else { return Ok(()) };
        let Some(capf) = self.capf.get() else {
            // It was not there at the start, and is now.
            let node = self.node.load_full();
            let (known, made) = capf_part(&self.cluster, &node, &self.files, self.legacy_tls, options.sha2).await?;
            let server = self.capf.get_or_init(|| made).server(options, counters);
            self.seen.lock().await.capf = known;
            self.servers.lock().await.set_capf(options.capf, server);
            return self.follow_services().await;
        };
        capf.desk.desk().reload().await?;
        let (known, context) = capf_context(&capf.desk.desk().authority(), self.legacy_tls)?;
        let mut seen = self.seen.lock().await;
        if known != seen.capf {
            capf.tls.store(Arc::new(context));
            seen.capf = known;
        }
        Ok(())
    }

    /// Starts and stops servers as the rows of their services say.
    async fn follow_services(&self) -> Result<(), StartError> {
        let rows = self.cluster.services_of(&self.node.load_full()).await?;
        Ok(self.servers.lock().await.follow(&rows).await?)
    }

    /// The certificates of all stores, the CTL of the node.
    async fn refresh_trust(&self, first: bool) -> Result<(), StartError> {
        let parameters = self.cluster.parameters().await?;
        let time_to_live = parameters.number(TVS_TIME_TO_LIVE, 86_400);
        let entries = self.cluster.tvs_entries(time_to_live).await?;
        let mut cache = self.trust.load().with_database(entries);
        let mut seen = self.seen.lock().await;
        let ctl = self.cluster.served_list(&self.node.load_full(), ListKind::Ctl)?.map(|published| published.list);
        let bytes = ctl.as_ref().map(|list| list.bytes().to_vec());
        if bytes != seen.ctl || (first && bytes.is_some()) {
            cache = cache.with_ctl(ctl.as_ref(), time_to_live, &mut |line| self.log.line(line));
            seen.ctl = bytes;
        }
        self.trust.store(Arc::new(cache));
        Ok(())
    }

    /// Writes down what phones did since the last time: those that are not known, the lists that the others fetched, and why CAPF
    /// refused them.
    async fn write_seen(&self) {
        if let Some(capf) = self.capf.get() {
            let noted = capf.desk.desk().note_refusals(now()).await.map(drop);
            self.troubles.told("why CAPF refused phones could not be noted", noted);
        }
        let unknown = self.files.take_unknown();
        if !unknown.is_empty() {
            let noted = self.cluster.note_unknown_devices(&unknown).await.map(drop);
            self.troubles.told("unknown phones could not be noted", noted);
        }
        let fetched = self.files.fetched().take(&self.node.load_full());
        if !fetched.is_empty() {
            let noted = self.cluster.note_fetched_lists(&fetched).await.map(drop);
            self.troubles.told("which phones have fetched their lists could not be noted", noted);
        }
        let strangers = self.files.fetched().take_strangers(&self.node.load_full());
        if !strangers.is_empty() {
            let noted = self.cluster.note_stranger_lists(&strangers).await.map(drop);
            self.troubles.told("phones that nobody added could not be noted", noted);
        }
    }

    /// Phones that a renewal concerns are reset when it is quiet again.
    async fn send_resets(&self) {
        let sent = self.cluster.send_resets(now()).await.map(drop);
        self.troubles.told("phones that need their new lists are not reset yet", sent);
    }
}

/// The files of a node for TFTP and HTTP.
struct Files(Arc<NodeFiles>);

impl FileSource for Files {
    fn sent(&self, request: &FileRequest<'_>, content: &Content) {
        // Lists are always whole in memory; of other files their name counts.
        let bytes = content.whole().cloned().unwrap_or_default();
        self.0.sent(request.name, request.peer.ip(), &bytes, now());
    }

    fn ready(&self, request: &FileRequest<'_>) -> Option<Content> {
        self.0.ready(request.name)
    }

    fn is_known(&self, request: &FileRequest<'_>) -> bool {
        self.0.is_known(request.name)
    }

    fn look_up(&self, request: &FileRequest<'_>) -> Result<Answer, FetchError> {
        Ok(match self.0.look_up(request.name, request.peer.ip(), now()).map_err(not_fetched)? {
            Found::Content(content) => Answer::Content(content),
            Found::Making(making) => {
                let files = Arc::clone(&self.0);
                let (key, reads_much) = (making.key(), making.reads_much());
                let make = move || files.make(&making, now()).map_err(not_fetched);
                Answer::Making(Making { key, reads_much, make: Box::new(make) })
            }
        })
    }
}

fn not_fetched(error: FileError) -> FetchError {
    match error {
        FileError::NotFound => FetchError::NotFound,
        FileError::Busy => FetchError::Busy,
        FileError::Failed(reason) => FetchError::Failed(reason),
    }
}

/// An address with a port.
#[must_use]
pub fn at(address: IpAddr, port: u16) -> SocketAddr {
    SocketAddr::new(address, port)
}
