//! How a node serves, and why it does not.

use std::net::SocketAddr;

use cluster::rows::NodeRow;
use pki::capf::Sha2Proof;
use ringfence_core::files::FolderSettings;
use ringfence_core::{Cluster, CoreError};

use crate::capf::CapfLimits;
use crate::tftp::BindError;
use crate::tls::TlsError;
use crate::tvs::TvsLog;

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

/// Opens a log of a node.
pub(super) fn log(cluster: &Cluster, node: &NodeRow, name: &str) -> Result<TvsLog, StartError> {
    let path = cluster.directory(node).log().join(name);
    TvsLog::to_file(&path, LOG_LIMIT).map_err(|source| StartError::Log { path: path.display().to_string(), source })
}
