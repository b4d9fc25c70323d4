//! The cluster of a data directory, for the subcommands that act on it beside a running node.

use std::path::PathBuf;
use std::sync::Arc;

use daemon::revocation::HttpAsk;
use daemon::settings::default_data_directory;
use jiff::tz::TimeZone;
use ringfence_core::{Actor, Cluster, CoreError, Level};
use tokio::runtime::Runtime;

use crate::exit::Failure;

/// Which data directory.
#[derive(Debug, clap::Args)]
pub struct Data {
    /// Data directory of the cluster
    #[arg(long, value_name = "DIR", env = "RINGFENCE_DATA", default_value_os_t = default_data_directory())]
    data: PathBuf,
}

/// An open cluster and the runtime that its operations run on.
pub struct Opened {
    /// The cluster.
    pub cluster: Cluster,
    /// The runtime.
    pub runtime: Runtime,
}

impl Drop for Opened {
    /// Leaves the database whole on its own; the next command would take the rest of its log for that of a killed process.
    fn drop(&mut self) {
        self.runtime.block_on(self.cluster.store().close());
    }
}

impl Data {
    /// Opens the cluster. Makes nothing: that is what `serve` does.
    pub fn open(&self) -> Result<Opened, Failure> {
        let runtime = Runtime::new().map_err(|error| Failure::CouldNotTell(error.to_string()))?;
        let cluster = runtime
            .block_on(Cluster::open(&self.data, TimeZone::system()))
            .map_err(|error| Failure::at(&self.data, error))?;
        let cluster = cluster.ok_or_else(|| {
            Failure::at(&self.data, "no cluster here; run `ringfence serve` first, or name its directory with --data")
        })?;
        Ok(Opened { cluster: cluster.asking(Arc::new(HttpAsk)), runtime })
    }
}

/// The user who runs this program, for the audit log. The right to open the data directory is his password.
pub fn actor(level: Level) -> Actor {
    let user = nix::unistd::User::from_uid(nix::unistd::getuid());
    let name = user.ok().flatten().map_or_else(|| "admin".to_owned(), |user| user.name);
    Actor::new(name, level)
}

/// An operation that did not happen.
pub fn could_not(error: CoreError) -> Failure {
    Failure::CouldNotTell(error.to_string())
}
