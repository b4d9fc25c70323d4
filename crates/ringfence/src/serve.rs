//! `ringfence serve`: runs a node. The first start makes everything it needs.

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use daemon::line_log::LineLog;
use daemon::monitor::Monitor;
use daemon::node::{Node, StartError};
use daemon::rights::{self, Rights};
use daemon::serve::{self, Prepared, ServeError, StopSignals, prepare, start, summary};
use daemon::settings::{Settings, SubscriberSettings, default_data_directory, shown, table};

use jiff::tz::TimeZone;
use ringfence_core::Cluster;

use crate::exit::{Answer, Failure};
use crate::known::releases;
use crate::{memory, terminal};

/// How long what hangs is waited for at the end, each time.
const LAST: Duration = Duration::from_millis(100);

/// How long the key is waited for that is being made when a first start is stopped: no library may be cut off in the middle.
const LAST_KEY: Duration = Duration::from_secs(3);

/// How long a look at what such a start left may take.
const LAST_LOOK: Duration = Duration::from_secs(1);

/// What stands below the options.
const EXAMPLE: &str = "Example: ringfence serve --tftpboot /srv/tftp\n\nOptions win over ringfence.toml of the node (data directory, of a \
                       subscriber nodes/NAME in it). The first start writes them there; a file that is there is never rewritten. What \
                       the cluster is (release, name, domain, address, subject, ports of TVS and CAPF) is changed by commands of \
                       `ringfence admin`, and a start that names something else stops. SIGTERM lets running requests finish (5 s at \
                       most).";

/// Run a node: TFTP, HTTP 6970, TVS; on the publisher CAPF too
///
/// The first start makes the cluster, its keys and its lists. A node serves files by TFTP (69) and HTTP (6970) and answers TVS (2445);
/// the publisher also CAPF (3804), the CTL provider (2444, once it is activated), the certificate monitor with its alarms by syslog and
/// e-mail, and metrics where they are set. It follows the behaviour of CUCM 9.1, 10.5, 11.5, 12.5, 14 or 15.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE, after_long_help = format!("{EXAMPLE}\n\n{}", table::listing()))]
pub struct Args {
    /// Data directory: database, keys, published files, logs
    #[arg(long, env = "RINGFENCE_DATA", default_value_os_t = default_data_directory())]
    data: PathBuf,
    /// Serve this node of the cluster instead of the publisher
    #[arg(long)]
    node: Option<String>,
    /// User to run as when root starts it (the owner of the data directory)
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Address to listen on (all; on a subscriber its own)
    #[arg(long)]
    listen: Option<IpAddr>,
    /// UDP port of TFTP (69, or 6969 without the right to 69)
    #[arg(long)]
    tftp_port: Option<u16>,
    /// TCP port of HTTP (6970)
    #[arg(long)]
    http_port: Option<u16>,
    /// TCP port of TVS, named in configs (2445); later `set parameter TVSPort`
    #[arg(long)]
    tvs_port: Option<u16>,
    /// Take TLS 1.0 from the 7900 series
    #[arg(long)]
    legacy_tls: bool,
    /// Connections to CAPF at most (2048); ringfence.toml has more waits and limits
    #[arg(long, value_name = "COUNT")]
    capf_connections: Option<NonZeroUsize>,
    /// Connections to CAPF from one address at most (256): as many as phones sit behind one address
    #[arg(long, value_name = "COUNT")]
    capf_per_address: Option<NonZeroUsize>,
    /// CAPF takes certificates without the proof with SHA-512: old phones, RSA keys of 512 bits
    #[arg(long)]
    capf_sha1_proofs: bool,
    /// A folder of files for phones, served as they are and signed; never written
    #[arg(long, value_name = "DIR")]
    tftpboot: Option<PathBuf>,
    /// Serve the configs of that folder untouched, without merging TVS and CAPF elements in
    #[arg(long)]
    no_merge: bool,
    /// First start: release whose behaviour the cluster follows (15)
    #[arg(long, value_parser = releases())]
    release: Option<String>,
    /// First start: release that the cluster came from, whose certificates it keeps (10.5 of 9.1: 1024 bits)
    #[arg(long, value_name = "RELEASE", value_parser = releases())]
    upgraded_from: Option<String>,
    /// First start: host name of the node (that of this machine)
    #[arg(long)]
    name: Option<String>,
    /// First start: domain after the host name (none)
    #[arg(long)]
    domain: Option<String>,
    /// First start: IPv4 address that phones reach the node at (that of --listen, else the one used towards others)
    #[arg(long)]
    address: Option<Ipv4Addr>,
    /// First start: C of all certificates, two capital letters (XX)
    #[arg(long)]
    country: Option<String>,
    /// First start: O of all certificates (Ringfence)
    #[arg(long)]
    organization: Option<String>,
    /// First start: OU of all certificates (Phones)
    #[arg(long)]
    unit: Option<String>,
    /// First start: ST of all certificates (none)
    #[arg(long)]
    state: Option<String>,
    /// First start: L of all certificates (none)
    #[arg(long)]
    locality: Option<String>,
    /// First start: a further node of the cluster (may be repeated), served by `serve --node NAME`
    #[arg(long, value_name = "NAME=ADDRESS")]
    subscriber: Vec<SubscriberSettings>,
}

impl Args {
    /// Runs until SIGTERM or SIGINT.
    pub fn run(self) -> Result<Answer, Failure> {
        // Before there is a thread: each has rights of its own.
        let rights = rights::step_down(&self.data, self.user.as_deref()).map_err(could_not)?;
        let signals = StopSignals::new().map_err(could_not)?;
        // Everything that is said from here on goes this way: who reads it may have stopped, and the servers must not.
        let told = Told(serve::log_to(anstream::stderr()).map_err(could_not)?);
        if let Err(why) = memory::give_back() {
            told.warn(&format!(
                "memory that a crowd of connections takes may not go back to the system at once: {why}"
            ));
        }
        let runtime = tokio::runtime::Runtime::new().map_err(could_not)?;
        let answer = runtime.block_on(self.serve(signals, &told, rights));
        // A thread that waits for a disk is not waited for.
        runtime.shutdown_timeout(if matches!(answer, Ok(None)) { LAST_KEY } else { LAST });
        told.0.flush(LAST);
        answer.map(|served| served.unwrap_or(Answer::Yes))
    }

    /// `None`: it was stopped before it served.
    async fn serve(self, mut signals: StopSignals, told: &Told, rights: Rights) -> Result<Option<Answer>, Failure> {
        let refused = |error| match error {
            ServeError::Later(text) => Failure::WrongUsage(text),
            other => could_not(other),
        };
        // A first start makes keys for seconds, and a look through a large database takes as long: both may end at any point.
        let prepared = tokio::select! {
            prepared = self.prepared(told) => prepared.map_err(refused)?,
            () = signals.wait() => {
                told.note(&self.left().await);
                return Ok(None);
            }
        };
        let (cluster, node, monitor, summary) = self.started(prepared, told, &rights).await.map_err(refused)?;
        // Who does not read it holds up nothing, the end neither.
        let printing = tokio::task::spawn_blocking(move || terminal::print(&summary));
        tokio::select! {
            printed = printing => {
                printed.map_err(could_not)??;
                signals.wait().await;
            }
            () = signals.wait() => {}
        }
        told.note("stopping: running requests may finish");
        tokio::join!(monitor.stop(), node.stop());
        // The database may wait for somebody else; what was committed is safe without a good-bye.
        drop(tokio::time::timeout(LAST, cluster.store().close()).await);
        Ok(Some(Answer::Yes))
    }

    async fn prepared(&self, told: &Told) -> Result<Prepared, ServeError> {
        let options = |settings: &mut Settings| self.put_into(settings);
        prepare(&self.data, self.node.as_deref(), &options, &mut |text| told.note(text)).await
    }

    /// What a start leaves that was stopped before it served.
    async fn left(&self) -> String {
        let data = self.data.display();
        let opened = tokio::time::timeout(LAST_LOOK, Cluster::open(&self.data, TimeZone::system())).await;
        match opened {
            Ok(Ok(None)) => format!("stopped: no cluster was made in {data} yet, the next start begins with it anew"),
            Ok(Ok(Some(cluster))) => {
                drop(tokio::time::timeout(LAST, cluster.store().close()).await);
                format!("stopped before it served: the cluster in {data} is whole, the next start goes on with it")
            }
            // It may wait for another process; what is on record is whole all the same.
            Ok(Err(_)) | Err(_) => format!("stopped before it served: nothing in {data} is half made, start it again"),
        }
    }

    async fn started(
        &self,
        prepared: Prepared,
        told: &Told,
        rights: &Rights,
    ) -> Result<(Cluster, Node, Monitor, String), ServeError> {
        prepared.warnings.iter().for_each(|warning| told.warn(warning));
        let Prepared { cluster, settings, .. } = &prepared;
        let node = start(&prepared).await?;
        let mut counted = node.counted();
        counted.logs.push(told.0.drops("stderr"));
        let monitor = Monitor::start(cluster, &node.row(), &settings.monitor, counted).await;
        let monitor = monitor.map_err(StartError::from)?;
        // With the file as it is now: a first start has written its options there.
        let file = Settings::read(&cluster.directory(&node.row()).settings())?;
        let text = shown::text(cluster, &node.row(), settings, &file).await?;
        cluster.write_started_with(&node.row(), &text)?;
        rights
            .warning()
            .iter()
            .chain(&serve::warnings(cluster, &node, &prepared))
            .for_each(|warning| told.warn(warning));
        let mut summary = summary(cluster, &node, settings).await?;
        if let Some(address) = monitor.metrics() {
            summary.push_str(&format!("  metrics: http://{address}/metrics\n"));
        }
        Ok((prepared.cluster, node, monitor, summary))
    }

    /// Puts the options over the settings.
    fn put_into(&self, settings: &mut Settings) {
        fn set<T: Clone>(place: &mut T, given: Option<&T>) {
            if let Some(value) = given {
                *place = value.clone();
            }
        }
        if self.user.is_some() {
            settings.serve.user.clone_from(&self.user);
        }
        settings.listen.address = self.listen.or(settings.listen.address);
        set(&mut settings.listen.http, self.http_port.as_ref());
        settings.listen.tvs = self.tvs_port.or(settings.listen.tvs);
        settings.listen.tftp = self.tftp_port.or(settings.listen.tftp);
        settings.phones.legacy_tls |= self.legacy_tls;
        set(&mut settings.capf.connections, self.capf_connections.as_ref());
        set(&mut settings.capf.per_address, self.capf_per_address.as_ref());
        settings.capf.sha1_proofs |= self.capf_sha1_proofs;
        if let Some(folder) = &self.tftpboot {
            // Kept in the settings, so it must mean the same folder wherever the next start is made.
            settings.files.tftpboot = Some(std::path::absolute(folder).unwrap_or_else(|_| folder.clone()));
        }
        settings.files.merge &= !self.no_merge;
        let cluster = &mut settings.cluster;
        let words = [
            (&mut cluster.release, &self.release),
            (&mut cluster.upgraded_from, &self.upgraded_from),
            (&mut cluster.name, &self.name),
            (&mut cluster.domain, &self.domain),
            (&mut cluster.country, &self.country),
            (&mut cluster.organization, &self.organization),
            (&mut cluster.unit, &self.unit),
            (&mut cluster.state, &self.state),
            (&mut cluster.locality, &self.locality),
        ];
        for (place, given) in words {
            if given.is_some() {
                place.clone_from(given);
            }
        }
        cluster.address = self.address.or(cluster.address);
        cluster.subscriber.extend(self.subscriber.iter().cloned());
    }
}

/// Standard error, which nobody waits for.
struct Told(LineLog);

impl Told {
    /// A finished line.
    fn note(&self, line: &str) {
        self.0.message(line);
    }

    /// One line that the user should know.
    fn warn(&self, text: &str) {
        self.0.message(&terminal::warning(text));
    }
}

fn could_not(error: impl std::fmt::Display) -> Failure {
    Failure::CouldNotTell(error.to_string())
}
