//! `ringfence serve`: a node as a program. The first start makes everything it needs.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use jiff::tz::TimeZone;
use ringfence_core::Cluster;
use ringfence_core::files::FolderSettings;
use ringfence_core::parameters::{CAPF_PORT, TVS_PORT};
use ringfence_core::{Actor, CoreError, Level, NodeRow};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::node::{Listen, Node, NodeOptions, PublisherOptions, StartError, at};
use crate::revocation::HttpAsk;
use crate::settings::{Settings, SettingsError, default_data_directory};
use crate::surroundings::System;
use crate::tftp::BindError;

/// The port of TFTP, and the one without the right to the first.
const TFTP_PORT: u16 = 69;
const TFTP_PORT_WITHOUT_RIGHT: u16 = 6969;

/// The port of TVS when nobody says otherwise.
pub const DEFAULT_TVS_PORT: u16 = 2445;

/// Why a node does not run. Nothing was altered that was there before.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The settings.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The settings cannot be written.
    #[error("the settings cannot be written: {0}")]
    Toml(#[from] toml::ser::Error),
    /// The servers.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Rows, keys, lists.
    #[error(transparent)]
    Core(#[from] CoreError),
    /// Signals.
    #[error("signals cannot be received: {0}")]
    Signal(std::io::Error),
}

/// A node that is about to run.
pub struct Prepared {
    /// The cluster.
    pub cluster: Cluster,
    /// Whether this start made it.
    pub first_start: bool,
}

/// Opens the cluster of a data directory, or makes it. `tell` hears what takes its time.
///
/// # Errors
/// [`ServeError`].
pub async fn open_or_create(
    directory: &Path,
    settings: &Settings,
    tell: &mut (dyn FnMut(&str) + Send),
) -> Result<Prepared, ServeError> {
    let zone = TimeZone::system();
    if let Some(cluster) = Cluster::open(directory, zone.clone()).await? {
        cluster.store().check().await.map_err(CoreError::from)?;
        return Ok(Prepared { cluster: cluster.asking(Arc::new(HttpAsk)), first_start: false });
    }
    let new = settings.cluster.new_cluster()?;
    check_ports(settings)?;
    tell(&format!("First start: making the cluster in {} (keys take a few seconds)", directory.display()));
    let cluster = Cluster::create(directory, &new, zone, &mut System::default()).await?;
    Ok(Prepared { cluster: cluster.asking(Arc::new(HttpAsk)), first_start: true })
}

/// Opens what the first start will need and closes it again: a port in use or a folder that is not there must not leave a
/// half-made cluster.
fn check_ports(settings: &Settings) -> Result<(), ServeError> {
    if let Some(path) = &settings.files.tftpboot {
        FolderSettings::open(path, settings.files.merge)?;
    }
    let listen = &settings.listen;
    let tcp = |port| {
        let address = at(listen.address, port);
        std::net::TcpListener::bind(address).map(drop).map_err(|error| BindError::new("TCP", address, error))
    };
    tcp(listen.http).map_err(StartError::from)?;
    tcp(listen.tvs.unwrap_or(DEFAULT_TVS_PORT)).map_err(StartError::from)?;
    tcp(capf_port(settings, wire::capf::PORT)).map_err(StartError::from)?;
    let address = at(listen.address, listen.tftp.unwrap_or(TFTP_PORT));
    match std::net::UdpSocket::bind(address).map_err(|error| BindError::new("UDP", address, error)) {
        Err(BindError::Denied { .. }) if listen.tftp.is_none() => Ok(()),
        bound => Ok(bound.map(drop).map_err(StartError::from)?),
    }
}

/// The port of CAPF: as the settings say, else any free one where HTTP takes any, else the one of the cluster.
fn capf_port(settings: &Settings, known: u16) -> u16 {
    settings.listen.capf.unwrap_or(if settings.listen.http == 0 { 0 } else { known })
}

/// Starts the servers of a node with its settings. TFTP moves to 6969 without the right to 69, unless the settings name
/// a port.
///
/// # Errors
/// [`ServeError`].
pub async fn start(cluster: &Cluster, node: NodeRow, settings: &Settings) -> Result<Node, ServeError> {
    let folder = match &settings.files.tftpboot {
        Some(path) => Some(FolderSettings::open(path, settings.files.merge)?),
        None => None,
    };
    let known = cluster.parameters().await?.number(TVS_PORT, u32::from(DEFAULT_TVS_PORT));
    let known = u16::try_from(known).unwrap_or(DEFAULT_TVS_PORT);
    let tvs = settings.listen.tvs.unwrap_or(known);
    if tvs != known && !node.publisher {
        let text = format!(
            "the TVS of this cluster listens on port {known}, which configs name for every node; leave out --tvs-port"
        );
        return Err(CoreError::BadInput(text).into());
    }
    let address = settings.listen.address;
    let options = |tftp: SocketAddr| NodeOptions {
        listen: Listen { tftp, http: at(address, settings.listen.http), tvs: at(address, tvs) },
        legacy_tls: settings.phones.legacy_tls,
        folder: folder.clone(),
    };
    let known_capf = cluster.parameters().await?.number(CAPF_PORT, u32::from(wire::capf::PORT));
    let known_capf = u16::try_from(known_capf).unwrap_or(wire::capf::PORT);
    let free = if settings.listen.http == 0 { 0 } else { wire::ctl_provider::PORT };
    let publisher = || PublisherOptions {
        capf: at(address, capf_port(settings, known_capf)),
        capf_limits: settings.capf.limits(),
        sha2: settings.capf.sha2(),
        ctl_provider: at(address, settings.listen.ctl_provider.unwrap_or(free)),
    };
    let wanted = at(address, settings.listen.tftp.unwrap_or(TFTP_PORT));
    let started = match Node::start_with(cluster.clone(), node.clone(), options(wanted), publisher()).await {
        Err(StartError::Bind(BindError::Denied { addr, .. })) if addr == wanted && settings.listen.tftp.is_none() => {
            Node::start_with(cluster.clone(), node, options(at(address, TFTP_PORT_WITHOUT_RIGHT)), publisher()).await?
        }
        started => started?,
    };
    // Only a node that listens may change what configs say.
    let listens = started.listen().tvs.port();
    let system = Actor::new("system", Level::Install);
    if listens != known {
        cluster.set_parameter(&system, TVS_PORT, &listens.to_string(), &mut System::default()).await?;
        started.refresh().await?;
    }
    // Nobody listens on port 0: the service was stopped when the node started.
    let capf = started.capf().map(|address| address.port()).filter(|port| *port != 0 && *port != known_capf);
    if let Some(port) = capf {
        cluster.set_parameter(&system, CAPF_PORT, &port.to_string(), &mut System::default()).await?;
        started.refresh().await?;
    }
    cluster.write_settings(&settings.to_toml()?)?;
    Ok(started)
}

/// What listens where and what to do next, in under a screen.
///
/// # Errors
/// [`CoreError`].
pub async fn summary(cluster: &Cluster, node: &Node, settings: &Settings) -> Result<String, CoreError> {
    let row = node.row();
    let listen = node.listen();
    let mode = match cluster.parameters().await?.security_mode() {
        ringfence_core::parameters::SecurityMode::Mixed => "mixed mode",
        ringfence_core::parameters::SecurityMode::NonSecure => "non-secure",
    };
    let devices = cluster.store().devices().await?.len();
    let mut out = String::new();
    let mut line = |text: &str| writeln!(out, "{text}").map_err(CoreError::internal);
    line(&format!("{} ({}), release {}, {mode}, {devices} devices", row.name, row.address, cluster.release().name))?;
    line("")?;
    line(&format!("  TFTP  udp {}", listen.tftp))?;
    line(&format!("  HTTP  tcp {}", listen.http))?;
    line(&format!("  TVS   tcp {}{}", listen.tvs, if settings.phones.legacy_tls { "  (TLS 1.0 and up)" } else { "" }))?;
    if let Some(capf) = node.capf() {
        let stopped = if cluster.capf_runs().await? { "" } else { "  (stopped)" };
        line(&format!("  CAPF  tcp {capf}{stopped}"))?;
    }
    if let Some(ctl_provider) = node.ctl_provider().await {
        line(&format!("  CTL   tcp {ctl_provider}"))?;
    }
    if let Some(trouble) = cluster.ctl_trouble().await? {
        line(&format!("  WARNING: {trouble}"))?;
    }
    if let Some(folder) = &settings.files.tftpboot {
        let merge = if settings.files.merge { "TVS and CAPF merged into configs" } else { "configs untouched" };
        line(&format!("  files {} ({merge})", folder.display()))?;
    }
    line(&format!("  data  {}", cluster.data().root().display()))?;
    if listen.tftp.port() == TFTP_PORT_WITHOUT_RIGHT {
        line("")?;
        line("TFTP has no right to port 69. Phones ask there: grant it with")?;
        line("  setcap cap_net_bind_service=+ep <this program>")?;
    }
    line("")?;
    let root = cluster.data().root();
    let data = if root == default_data_directory() { String::new() } else { format!(" --data {}", root.display()) };
    line("Next:")?;
    line(&format!("  point DHCP option 150 (or 66) at {}", row.address))?;
    line(&format!("  ringfence device add SEP001122334455 --model 8861{data}"))?;
    line(&format!("  ringfence admin -c \"show itl\"{data}"))?;
    line(&format!("  ringfence device list --unknown{data}      phones that asked and are not known"))?;
    Ok(out)
}

/// SIGTERM and SIGINT. From the moment one is made the signals no longer end the program at once, so it is made before
/// the servers start.
pub struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// Begins to listen.
    ///
    /// # Errors
    /// [`ServeError::Signal`].
    pub fn new() -> Result<Self, ServeError> {
        let listen = |kind| signal(kind).map_err(ServeError::Signal);
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    /// Waits for one of them.
    pub async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Sends the messages of the servers to stderr: warnings and worse, or what `RINGFENCE_LOG` says.
pub fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("RINGFENCE_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_writer(std::io::stderr)
        .finish();
    // Somebody who set another subscriber before (a test) keeps it.
    if tracing::subscriber::set_global_default(subscriber).is_err() {
        tracing::debug!("messages go where they went before");
    }
}
