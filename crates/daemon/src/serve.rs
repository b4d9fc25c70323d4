//! `ringfence serve`: a node as a program. The first start makes everything it needs.
//!
//! * `later`: a start that names what the cluster is not; `stopping`: the end

mod error;
mod later;
mod means_here;
mod stopping;

use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use cluster::parameters::{CAPF_PORT, TVS_PORT};
use cluster::rows::NodeRow;
use cluster::{Actor, Level};
use jiff::tz::TimeZone;
use ringfence_core::Cluster;
use ringfence_core::files::FolderSettings;
use ringfence_core::{CoreError, DataDirectory};

pub use self::error::ServeError;
use self::means_here::{data_option, node_option};
pub use self::stopping::StopSignals;
use crate::line_log::LineLog;
use crate::node::{Listen, Node, NodeOptions, PublisherOptions, StartError, at};
use crate::revocation::HttpAsk;
use crate::rights;
use crate::settings::{ClusterSettings, ListenSettings, Settings};
use crate::surroundings::{System, now};
use crate::tftp::BindError;

/// The port of TFTP, and the one without the right to the first.
const TFTP_PORT: u16 = 69;
const TFTP_PORT_WITHOUT_RIGHT: u16 = 6969;

/// The port of TVS when nobody says otherwise.
pub const DEFAULT_TVS_PORT: u16 = 2445;

/// A node that is about to run.
pub struct Prepared {
    /// The cluster.
    pub cluster: Cluster,
    /// The node.
    pub node: NodeRow,
    /// The settings that count.
    pub settings: Settings,
    /// Those of them that its `ringfence.toml` says.
    pub file: Settings,
    /// What the administrator should know.
    pub warnings: Vec<String>,
    /// No start of this cluster has come as far as serving: this one writes the ports that configs name.
    pub first: bool,
}

/// Opens the cluster of a data directory, or makes it, and reads the settings of the node; `options` puts those of the command line
/// over them. `tell` hears what takes its time.
///
/// # Errors
/// [`ServeError`].
pub async fn prepare(
    directory: &Path,
    node: Option<&str>,
    options: &(dyn Fn(&mut Settings) + Sync),
    tell: &mut (dyn FnMut(&str) + Send),
) -> Result<Prepared, ServeError> {
    let zone = TimeZone::system();
    let data = DataDirectory::new(directory);
    data.check_owner().map_err(CoreError::from)?;
    if let Some(said) = data.close_to_others().map_err(CoreError::from)? {
        tell(&said);
    }
    let opened = match Cluster::open(directory, zone.clone()).await? {
        Some(cluster) => {
            cluster.store().check().await.map_err(CoreError::from)?;
            Some(cluster)
        }
        None => None,
    };
    let Some(cluster) = opened else {
        if let Some(name) = node {
            let text = format!(
                "{}: no cluster here that {name} could be a node of: the first start is that of the publisher, without --node and with \
                 --subscriber {name}=ADDRESS",
                directory.display()
            );
            return Err(ServeError::Later(text));
        }
        let file = Settings::read(&directory.join("ringfence.toml"))?;
        let mut settings = file.clone();
        options(&mut settings);
        rights::check(&settings)?;
        let (cluster, warnings) = create(directory, &mut settings, zone, tell).await?;
        let node = cluster.node(None).await?;
        return Ok(Prepared {
            cluster: cluster.asking(Arc::new(HttpAsk)),
            node,
            settings,
            file,
            warnings,
            first: true,
        });
    };
    let former = match node {
        Some(name) => cluster.node_formerly(name).await?,
        None => None,
    };
    let renamed = former.as_ref().zip(node).map(|(now, name)| {
        format!(
            "this start still names --node {name}; a command has made it {now} since, and that counts: say --node {now} instead",
            now = now.name
        )
    });
    let node = match former {
        Some(now) => now,
        None => cluster.node(node).await?,
    };
    // On record when it listens: a first start that was cut short is made up for by the next, and a copy of the database knows of it.
    let first = node.publisher && !cluster.store().ports_chosen().await.map_err(CoreError::from)?;
    let path = cluster.directory(&node).settings();
    let file = if node.publisher || path.exists() {
        Settings::read(&path)?
    } else {
        // What a subscriber is not told itself is that of the publisher, but for where it listens.
        let of_publisher = Settings::read(&cluster.directory(&cluster.node(None).await?).settings())?;
        Settings { cluster: ClusterSettings::default(), listen: ListenSettings::default(), ..of_publisher }
    };
    let mut settings = file.clone();
    options(&mut settings);
    rights::check(&settings)?;
    let mut warnings: Vec<String> = renamed.into_iter().collect();
    warnings.extend(later::check(&cluster, &node, &mut settings, first).await?);
    Ok(Prepared { cluster: cluster.asking(Arc::new(HttpAsk)), node, settings, file, warnings, first })
}

/// The first start.
async fn create(
    directory: &Path,
    settings: &mut Settings,
    zone: TimeZone,
    tell: &mut (dyn FnMut(&str) + Send),
) -> Result<(Cluster, Vec<String>), ServeError> {
    if settings.cluster.address.is_none()
        && let Some(IpAddr::V4(listen)) = settings.listen.address.filter(|address| !address.is_unspecified())
    {
        // Who listens on one address is reached there.
        settings.cluster.address = Some(listen);
    }
    let chosen = settings.cluster.address.is_none();
    // Nothing is there yet, so whoever is at fault is who starts it.
    let new = settings.cluster.new_cluster().map_err(|error| ServeError::Later(error.to_string()))?;
    check_ports(settings)?;
    tell(&format!("First start: making the cluster in {} (keys take a few seconds)", directory.display()));
    let subject = &new.subject;
    let parts = [
        ("C", &subject.country),
        ("O", &subject.organization),
        ("OU", &subject.unit),
        ("ST", &subject.state),
        ("L", &subject.locality),
    ];
    let parts: Vec<String> =
        parts.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| format!("{name}={value}")).collect();
    tell(&format!(
        "First start: certificates say {} for years; --country, --organization, --unit, --state and --locality name others, `set \
         web-security` does for later ones",
        parts.join(", ")
    ));
    let cluster = Cluster::create(directory, &new, zone, &mut System::default()).await?;
    let loopback = new.nodes.first().is_some_and(|node| node.address.is_loopback());
    let warning = || {
        format!(
            "this machine has no address that phones reach, so configs and lists name 127.0.0.1: `ringfence admin{} -c 'set network ip \
             ADDRESS'` changes it",
            data_option(&cluster)
        )
    };
    let warnings = (chosen && loopback).then(warning).into_iter().collect();
    Ok((cluster, warnings))
}

/// Opens the folder of the settings.
fn folder(settings: &Settings) -> Result<Option<FolderSettings>, CoreError> {
    let Some(path) = &settings.files.tftpboot else { return Ok(None) };
    let opened = FolderSettings::open(path, settings.files.merge);
    opened.map(Some).map_err(|error| {
        let next = "make it (mkdir -p), name another one with --tftpboot, or leave it out";
        CoreError::BadInput(format!("{error}: {next}"))
    })
}

/// Opens what the first start will need and closes it again: a port in use or a folder that is not there must not leave a
/// half-made cluster.
fn check_ports(settings: &Settings) -> Result<(), ServeError> {
    folder(settings)?;
    let listen = &settings.listen;
    let on = listen.on(true, None);
    let tcp = |port| {
        let address = at(on, port);
        std::net::TcpListener::bind(address).map(drop).map_err(|error| BindError::new("TCP", address, error))
    };
    tcp(listen.http).map_err(StartError::from)?;
    tcp(listen.tvs.unwrap_or(DEFAULT_TVS_PORT)).map_err(StartError::from)?;
    tcp(capf_port(settings, wire::capf::PORT)).map_err(StartError::from)?;
    let address = at(on, listen.tftp.unwrap_or(TFTP_PORT));
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
/// a port. Only the first start of the cluster chooses the ports of TVS and CAPF, which configs name; later ones listen there, also
/// where the settings have 0.
///
/// # Errors
/// [`ServeError`].
pub async fn start(prepared: &Prepared) -> Result<Node, ServeError> {
    let Prepared { cluster, settings, first, .. } = prepared;
    let (node, first) = (prepared.node.clone(), *first);
    if let Err(error) = crate::places::raise() {
        tracing::warn!(%error, "what this process may open is not raised: it stays as it was started with");
    }
    let folder = folder(settings)?;
    let known = cluster.parameters().await?.number(TVS_PORT, u32::from(DEFAULT_TVS_PORT));
    let known = u16::try_from(known).unwrap_or(DEFAULT_TVS_PORT);
    let tvs = settings.listen.tvs.filter(|port| first || *port != 0).unwrap_or(known);
    let address = settings.listen.on(node.publisher, node.address.parse().ok());
    let options = |tftp: SocketAddr| NodeOptions {
        listen: Listen { tftp, http: at(address, settings.listen.http), tvs: at(address, tvs) },
        legacy_tls: settings.phones.legacy_tls,
        held: settings.files.memory(),
        folder: folder.clone(),
    };
    // Of a port that cannot be read the start knows more than the rows.
    let lost = cluster.lost_settings().await?;
    let says = |parameter: &str, given: Option<u16>| lost.parameter(parameter) && given.is_some_and(|port| port != 0);
    let (says_tvs, says_capf) = (says(TVS_PORT, settings.listen.tvs), says(CAPF_PORT, settings.listen.capf));
    let known_capf = cluster.parameters().await?.number(CAPF_PORT, u32::from(wire::capf::PORT));
    let known_capf = u16::try_from(known_capf).unwrap_or(wire::capf::PORT);
    let free = match settings.listen.http {
        0 => cluster.ctl_provider_port().await?.unwrap_or(0),
        _ => wire::ctl_provider::PORT,
    };
    let publisher = || PublisherOptions {
        capf: at(address, if first || says_capf { capf_port(settings, known_capf) } else { known_capf }),
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
    if first || says_tvs || says_capf {
        // Only a node that listens may say where. Nobody listens on port 0: the service was stopped when the node started.
        let capf = started.capf().map_or(0, |address| address.port());
        let ports = [(TVS_PORT, started.listen().tvs.port(), known), (CAPF_PORT, capf, known_capf)];
        for (name, port, _) in ports.into_iter().filter(|(_, port, known)| port != known && *port != 0) {
            let system = Actor::new("system", Level::Install);
            cluster.set_parameter(&system, name, &port.to_string(), &mut System::default()).await?;
            started.refresh().await?;
        }
    }
    if first {
        cluster.note_ports_chosen(now()).await?;
    }
    let kept = Settings { cluster: ClusterSettings::default(), ..settings.clone() };
    cluster.write_settings(&started.row(), &kept.to_toml()?)?;
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
        cluster::parameters::SecurityMode::Mixed => "mixed mode",
        cluster::parameters::SecurityMode::NonSecure => "non-secure",
    };
    let devices = cluster.store().devices().await?.len();
    let mut out = String::new();
    let mut line = |text: &str| writeln!(out, "{text}").map_err(CoreError::internal);
    let counted = cluster::counted(devices, "device");
    line(&format!("{} ({}), release {}, {mode}, {counted}", row.name, row.address, cluster.release().name))?;
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
    line(&format!("  open  {}", node.open_files().0))?;
    // Somebody who asked for that port has his reasons.
    if listen.tftp.port() == TFTP_PORT_WITHOUT_RIGHT && settings.listen.tftp.is_none() {
        line("")?;
        line("TFTP has no right to port 69. Phones ask there: grant it with")?;
        line("  setcap cap_net_bind_service=+ep <this program>")?;
    }
    line("")?;
    let (data, only) = (data_option(cluster), node_option(&row));
    line("Next:")?;
    line(&format!("  point DHCP option 150 (or 66) at {}", row.address))?;
    if devices == 0 {
        line(&format!("  ringfence device add SEP001122334455 --model 8861{data}"))?;
    }
    line(&format!("  ringfence admin{only} -c \"show itl\"{data}"))?;
    line(&format!("  ringfence device list --unknown{data}      phones that asked and are not known"))?;
    Ok(out)
}

/// What the administrator should know about where a node listens and what its `ringfence.toml` lacks.
#[must_use]
pub fn warnings(cluster: &Cluster, node: &Node, prepared: &Prepared) -> Vec<String> {
    let mut all = Vec::new();
    let (row, listens) = (node.row(), node.listen().tvs.ip());
    let reached = row.address.parse::<IpAddr>().is_ok_and(|address| listens.is_unspecified() || listens == address);
    if !reached {
        all.push(format!(
            "{} listens on {listens}, but configs and lists name {}: --listen {1} at the start, or `ringfence admin{}{} -c 'set network ip \
             {listens}'`",
            row.name,
            row.address,
            data_option(cluster),
            node_option(&row)
        ));
    }
    all.extend(node.open_files().1);
    let path = cluster.directory(&row).settings();
    let beyond = Settings { cluster: ClusterSettings::default(), ..prepared.settings.clone() }
        .beyond(&Settings { cluster: ClusterSettings::default(), ..prepared.file.clone() });
    // A file that this start has written has them all.
    let lacks = Settings::read(&path).is_ok_and(|there| there == prepared.file) && !beyond.is_empty();
    if lacks {
        all.push(format!(
            "{} is not rewritten and lacks what this start was told, which the next one has to be told again: {}",
            path.display(),
            beyond.join("; ")
        ));
    }
    all
}

/// Sends the messages of the servers to stderr: warnings and worse, or what `RINGFENCE_LOG` says. Who does not read them holds up
/// nobody: what is too much for `out` is dropped and counted there.
///
/// # Errors
/// When the thread that writes cannot be started.
pub fn log_to(out: impl std::io::Write + Send + 'static) -> std::io::Result<LineLog> {
    let log = LineLog::plain(out)?;
    let filter = tracing_subscriber::EnvFilter::try_from_env("RINGFENCE_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_writer(log.clone())
        .finish();
    // Somebody who set another subscriber before (a test) keeps it.
    if tracing::subscriber::set_global_default(subscriber).is_err() {
        tracing::debug!("messages go where they went before");
    }
    Ok(log)
}
