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
    /// The node ends: nothing starts any more.
    closed: bool,
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
        if self.closed {
            return Ok(());
        }
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

    /// Stops all for good, together within the time of one.
    pub(crate) async fn stop_all(&mut self) {
        self.closed = true;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::served::Later;

    /// It serves until it is told to stop.
    struct Server;

    impl Served for Server {
        fn service(&self) -> &'static str {
            "Cisco Tftp"
        }

        fn listen(&self, mut stopped: watch::Receiver<bool>) -> Later<'_, Result<JoinSet<()>, BindError>> {
            Box::pin(async move {
                let mut tasks = JoinSet::new();
                tasks.spawn(async move { drop(stopped.wait_for(|stop| *stop).await) });
                Ok(tasks)
            })
        }
    }

    #[tokio::test]
    async fn nothing_starts_again_once_all_was_stopped() {
        let (all, mut runs): ([Arc<dyn Served>; 1], _) = ([Arc::new(Server)], Runs::default());
        let name = "Cisco Tftp";
        let row = |started_at| ServiceRow {
            node: "node".to_owned(),
            name: name.to_owned(),
            started: true,
            activated: true,
            started_at,
        };
        for started_at in [1, 2] {
            runs.follow(&all, &[row(started_at)]).await.unwrap();
            assert!(runs.runs(name));
        }
        runs.stop_all().await;
        // Who follows the rows had waited for its turn meanwhile.
        for started_at in [2, 3] {
            runs.follow(&all, &[row(started_at)]).await.unwrap();
            assert!(!runs.runs(name));
        }
    }
}
