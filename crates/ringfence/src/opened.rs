//! The cluster of a data directory, for the subcommands that act on it beside a running node.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cluster::{Actor, Level};
use daemon::following::{PATIENCE, behind, follow};
use daemon::revocation::HttpAsk;
use daemon::settings::default_data_directory;
use jiff::tz::TimeZone;
use ringfence_core::{Cluster, CoreError, DataDirectory, caller};
use tokio::runtime::{Builder, Runtime};

use crate::exit::Failure;
use crate::terminal;

/// Which data directory.
#[derive(Debug, clap::Args)]
pub struct Data {
    /// Data directory of the cluster
    #[arg(long, value_name = "DIR", env = "RINGFENCE_DATA", default_value_os_t = default_data_directory())]
    data: PathBuf,
}

/// How long a command waits for nodes to write down what phones did, before it reads that: a node that does not answer says nothing
/// against the rows.
const FRESH: Duration = Duration::from_millis(500);

/// An open cluster and the runtime that its operations run on. When it is dropped the nodes that run follow what was changed.
pub struct Opened {
    /// The cluster.
    pub cluster: Cluster,
    /// The runtime.
    pub runtime: Runtime,
    /// The last change that the nodes follow.
    followed: Cell<i64>,
}

impl Opened {
    /// Before something is read: nodes that run write down what phones did.
    pub fn fresh(&self) {
        // What cannot be asked for now is read as it stands.
        if let Err(error) = self.runtime.block_on(follow(&self.cluster, FRESH)) {
            tracing::debug!(%error, "nodes cannot be asked");
        }
    }

    /// After a command: waits once until the nodes that run have taken over all that was changed; names those that did not.
    pub fn follow(&self) {
        let done = self.runtime.block_on(async {
            let last = self.cluster.store().last_change().await?;
            if self.followed.replace(last) == last {
                return Ok(Vec::new());
            }
            follow(&self.cluster, PATIENCE).await
        });
        match done {
            Ok(left) if left.is_empty() => {}
            Ok(left) => terminal::warn(&behind(&left)),
            Err(error) => {
                terminal::warn(&format!("it is not known whether the nodes have taken the change over: {error}"))
            }
        }
    }
}

impl Drop for Opened {
    /// Leaves the database whole on its own; the next command would take the rest of its log for that of a killed process.
    fn drop(&mut self) {
        self.follow();
        self.runtime.block_on(self.cluster.store().close());
    }
}

impl Data {
    /// The directory, for who does not open what is in it.
    pub fn directory(&self) -> &Path {
        &self.data
    }

    /// Works from here on as the user whom the directory belongs to. Before the first thread is started; files that the caller named
    /// are read and written as [`ringfence_core::caller::with_rights_to`] says, so after this.
    pub fn settle(&self) -> Result<(), Failure> {
        caller::settle(&DataDirectory::new(&self.data)).map_err(|error| Failure::CouldNotTell(error.to_string()))
    }

    /// Opens the cluster. Makes nothing: that is what `serve` does.
    pub fn open(&self) -> Result<Opened, Failure> {
        self.settle()?;
        // A command waits for the database, for nodes and for people: one thread beside that of the command does.
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(|error| Failure::CouldNotTell(error.to_string()))?;
        let cluster = runtime
            .block_on(Cluster::open(&self.data, TimeZone::system()))
            .map_err(|error| Failure::at(&self.data, error))?;
        let cluster = cluster.ok_or_else(|| {
            Failure::at(&self.data, "no cluster here; run `ringfence serve` first, or name its directory with --data")
        })?;
        let last = runtime.block_on(cluster.store().last_change()).map_err(|error| Failure::at(&self.data, error))?;
        let opened = Opened { cluster: cluster.asking(Arc::new(HttpAsk)), runtime, followed: Cell::new(last) };
        opened.fresh();
        Ok(opened)
    }
}

/// The user who runs this program, for the audit log. The right to open the data directory is his password.
pub fn actor(level: Level) -> Actor {
    let user = nix::unistd::User::from_uid(nix::unistd::getuid());
    let name = user.ok().flatten().map_or_else(|| "admin".to_owned(), |user| user.name);
    Actor::new(name, level)
}

/// The same, but what was given is refused: exit code 1.
pub fn refused(error: impl Into<CoreError>) -> Failure {
    match error.into() {
        CoreError::BadInput(text) | CoreError::Refused { text, .. } => Failure::Refused(text),
        other => could_not(other),
    }
}

/// An operation that did not happen.
pub fn could_not(error: CoreError) -> Failure {
    Failure::CouldNotTell(error.to_string())
}
