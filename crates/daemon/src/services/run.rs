//! Starting, stopping and draining the services of a node.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use cluster::rows::ServiceRow;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::served::Served;
use crate::tftp::BindError;

/// How long requests that run may go on when a service stops. The servers themselves stop after four seconds.
const DRAIN: Duration = Duration::from_millis(4100);

/// What runs of the services of a node.
#[derive(Default)]
pub(crate) struct Runs {
    running: HashMap<&'static str, Running>,
}

/// A service that runs.
struct Running {
    started_at: i64,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Runs {
    /// Whether a service runs.
    pub(crate) fn runs(&self, service: &str) -> bool {
        self.running.contains_key(service)
    }

    /// Stops what shall rest, starts what shall run, and starts again what was restarted.
    ///
    /// # Errors
    /// [`BindError`] of the first service that cannot listen; the others run.
    pub(crate) async fn follow(&mut self, all: &[Arc<dyn Served>], rows: &[ServiceRow]) -> Result<(), BindError> {
        let mut failed = None;
        for served in all {
            let name = served.service();
            let Some(row) = rows.iter().find(|row| row.name == name) else {
                // The release has it no more.
                self.stop(name).await;
                continue;
            };
            if !served.is_ready() {
                continue;
            }
            let started_at = self.running.get(name).map(|running| running.started_at);
            if started_at.is_some() && started_at != row.started.then_some(row.started_at) {
                self.stop(name).await;
            }
            if row.started && !self.running.contains_key(name) {
                let (stop, stopped) = watch::channel(false);
                match served.listen(stopped).await {
                    Ok(tasks) => {
                        self.running.insert(name, Running { started_at: row.started_at, stop, tasks });
                    }
                    Err(error) => failed = failed.or(Some(error)),
                }
            }
        }
        failed.map_or(Ok(()), Err)
    }

    async fn stop(&mut self, name: &str) {
        let Some(mut running) = self.running.remove(name) else { return };
        running.stop.send_replace(true);
        let all = async { while running.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(DRAIN, all).await.is_err() {
            tracing::warn!(service = name, "some requests did not end in time and are cut");
        }
    }

    /// Stops all, together within the time of one.
    pub(crate) async fn stop_all(&mut self) {
        for running in self.running.values() {
            running.stop.send_replace(true);
        }
        let all = async {
            for running in self.running.values_mut() {
                while running.tasks.join_next().await.is_some() {}
            }
        };
        if tokio::time::timeout(DRAIN, all).await.is_err() {
            tracing::warn!("some requests did not end in time and are cut");
        }
        self.running.clear();
    }
}
