//! `ringfence serve`: runs a node. The first start makes everything it needs.

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroUsize;
use std::path::PathBuf;

use daemon::monitor::Monitor;
use daemon::node::{Node, StartError};
use daemon::serve::{ServeError, StopSignals, open_or_create, start, summary};
use daemon::settings::{Settings, SubscriberSettings, default_data_directory};

use ringfence_core::Cluster;

use crate::exit::{Answer, Failure};
use crate::terminal;

/// Run a node: TFTP, HTTP 6970 and TVS. The first start makes the cluster, its keys and its lists.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: ringfence serve --tftpboot /srv/tftp\n\nOptions win over ringfence.toml in the data \
                        directory; the first start writes them there. SIGTERM lets running requests finish (5 s at most).")]
pub struct Args {
    /// Data directory: database, keys, published files, logs
    #[arg(long, env = "RINGFENCE_DATA", default_value_os_t = default_data_directory())]
    data: PathBuf,
    /// Serve this node of the cluster instead of the publisher
    #[arg(long)]
    node: Option<String>,
    /// Address to listen on
    #[arg(long)]
    listen: Option<IpAddr>,
    /// UDP port of TFTP (69, or 6969 without the right to 69)
    #[arg(long)]
    tftp_port: Option<u16>,
    /// TCP port of HTTP
    #[arg(long)]
    http_port: Option<u16>,
    /// TCP port of TVS, named in configs
    #[arg(long)]
    tvs_port: Option<u16>,
    /// Take TLS 1.0 from the 7900 series
    #[arg(long)]
    legacy_tls: bool,
    /// Connections to CAPF at most; ringfence.toml has more waits and limits
    #[arg(long, value_name = "COUNT")]
    capf_connections: Option<NonZeroUsize>,
    /// Connections to CAPF from one address at most: as many as phones sit behind one address
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
    /// First start: release whose behaviour the cluster follows
    #[arg(long)]
    release: Option<String>,
    /// First start: release that the cluster came from, whose certificates it keeps (10.5 of 9.1: 1024 bits)
    #[arg(long, value_name = "RELEASE")]
    upgraded_from: Option<String>,
    /// First start: host name of the node
    #[arg(long)]
    name: Option<String>,
    /// First start: domain behind the host name
    #[arg(long)]
    domain: Option<String>,
    /// First start: address that phones reach the node at
    #[arg(long)]
    address: Option<Ipv4Addr>,
    /// First start: a further node of the cluster (may be repeated), served by `serve --node NAME`
    #[arg(long, value_name = "NAME=ADDRESS")]
    subscriber: Vec<SubscriberSettings>,
}

impl Args {
    /// Runs until SIGTERM or SIGINT.
    pub fn run(self) -> Result<Answer, Failure> {
        let runtime = tokio::runtime::Runtime::new().map_err(could_not)?;
        daemon::serve::log_to_stderr();
        runtime.block_on(self.serve())
    }

    async fn serve(self) -> Result<Answer, Failure> {
        let mut signals = StopSignals::new().map_err(could_not)?;
        let (cluster, node, monitor, summary) = self.started().await.map_err(could_not)?;
        terminal::print(&summary)?;
        signals.wait().await;
        terminal::note("stopping: running requests may finish");
        monitor.stop().await;
        node.stop().await;
        cluster.store().close().await;
        Ok(Answer::Yes)
    }

    async fn started(&self) -> Result<(Cluster, Node, Monitor, String), ServeError> {
        let settings = self.settings()?;
        let prepared = open_or_create(&self.data, &settings, &mut |text| terminal::note(text)).await?;
        let cluster = prepared.cluster;
        let row = cluster.node(self.node.as_deref()).await?;
        let node = start(&cluster, row, &settings).await?;
        let monitor = Monitor::start(&cluster, node.row(), &settings.monitor, node.counted()).await;
        let monitor = monitor.map_err(StartError::from)?;
        let mut summary = summary(&cluster, &node, &settings).await?;
        if let Some(address) = monitor.metrics() {
            summary.push_str(&format!("  metrics: http://{address}/metrics\n"));
        }
        Ok((cluster, node, monitor, summary))
    }

    fn settings(&self) -> Result<Settings, ServeError> {
        let mut settings = Settings::read(&self.data.join("ringfence.toml"))?;
        fn set<T: Clone>(place: &mut T, given: Option<&T>) {
            if let Some(value) = given {
                *place = value.clone();
            }
        }
        set(&mut settings.listen.address, self.listen.as_ref());
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
        set(&mut settings.cluster.release, self.release.as_ref());
        if self.upgraded_from.is_some() {
            settings.cluster.upgraded_from.clone_from(&self.upgraded_from);
        }
        set(&mut settings.cluster.name, self.name.as_ref());
        set(&mut settings.cluster.domain, self.domain.as_ref());
        set(&mut settings.cluster.address, self.address.as_ref());
        settings.cluster.subscriber.extend(self.subscriber.iter().cloned());
        Ok(settings)
    }
}

fn could_not(error: impl std::fmt::Display) -> Failure {
    Failure::CouldNotTell(error.to_string())
}
