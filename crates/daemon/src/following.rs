//! A command returns when the nodes that run follow it: they are asked to look at the rows, and answer when they have taken over
//! what changed and written down what phones did (`store::serving` has the files).
//!
//! * [`follow`]: whoever changed something, or wants to read what phones did, asks and waits
//! * `Asks`: a node hears it

use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use ringfence_core::{Cluster, CoreError};
use tokio::net::unix::pipe::Receiver;

/// How long a command waits for nodes: reading 100 000 devices anew takes one or two seconds.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// Between two looks at the answers: a node takes a few milliseconds for a small change.
const BETWEEN: Duration = Duration::from_millis(2);

/// Asks all nodes of the cluster that run to look, and waits for them. The names of those that did not within `patience`; without
/// a node that runs it returns at once.
///
/// # Errors
/// [`CoreError`]: the rows, the files.
pub async fn follow(cluster: &Cluster, patience: Duration) -> Result<Vec<String>, CoreError> {
    let mut waiting = Vec::new();
    for node in cluster.store().nodes().await? {
        if let Some(served) = cluster.directory(&node).served()? {
            waiting.push((node.name, served));
        }
    }
    if waiting.is_empty() {
        return Ok(Vec::new());
    }
    let number = cluster.data().ask()?;
    let answers = async {
        loop {
            let mut left = Vec::new();
            for (name, served) in waiting.drain(..) {
                if !served.is_done_with(number)? {
                    left.push((name, served));
                }
            }
            waiting = left;
            if waiting.is_empty() {
                return Ok::<(), CoreError>(());
            }
            tokio::time::sleep(BETWEEN).await;
        }
    };
    // Who has not answered in time is still in the list.
    if let Ok(done) = tokio::time::timeout(patience, answers).await {
        done?;
    }
    Ok(waiting.into_iter().map(|(name, _)| name).collect())
}

/// What is said of nodes that did not follow in time, as a sentence.
#[must_use]
pub fn behind(names: &[String]) -> String {
    format!(
        "the change is made, but {} did not take it over within {} seconds and goes on with what it knew before; what its \
         `ringfence serve` prints says why",
        names.join(", "),
        PATIENCE.as_secs()
    )
}

/// Wakes when somebody asks. Where the system cannot watch files nothing wakes, and the node hears of it at its next look.
pub(crate) struct Asks(Option<Receiver>);

impl Asks {
    pub(crate) fn watch(file: &Path) -> Self {
        let watched = || {
            let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
            inotify.add_watch(file, AddWatchFlags::IN_MODIFY)?;
            // It is no pipe, but it is waited for and read like one.
            Receiver::from_owned_fd_unchecked(OwnedFd::from(inotify))
        };
        Self(watched().inspect_err(|error: &std::io::Error| tracing::debug!(%error, "questions are polled for")).ok())
    }

    /// Waits for the next question.
    pub(crate) async fn next(&self) {
        let Some(events) = &self.0 else { return std::future::pending().await };
        let mut buffer = [0; 4096];
        while events.readable().await.is_ok() {
            // What the events say is known; they are only taken away.
            if events.try_read(&mut buffer).is_ok_and(|length| length > 0) {
                return;
            }
        }
        std::future::pending().await
    }
}
