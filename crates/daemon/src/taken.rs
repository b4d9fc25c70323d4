//! Up to where a node has taken over what changed stands in the rows, so that what every node has taken can be forgotten
//! (`ringfence_core::forgetting`).

use std::sync::atomic::{AtomicI64, Ordering};

use cluster::rows::{ChangeRow, NodeRow};
use ringfence_core::Cluster;

/// How long the publisher waits before it forgets again, milliseconds: rows stay for a day anyway.
const FORGET_EVERY: i64 = 3_600_000;

/// What was noted last.
#[derive(Debug)]
pub(crate) struct Taken {
    noted: AtomicI64,
    forgot_at: AtomicI64,
}

impl Taken {
    /// Nothing was noted yet.
    pub(crate) const fn new() -> Self {
        Self { noted: AtomicI64::new(i64::MIN), forgot_at: AtomicI64::new(i64::MIN) }
    }

    /// Notes up to which change the node has taken over what changed; writes only when that is news.
    pub(crate) async fn note(&self, cluster: &Cluster, node: &NodeRow, change: i64) {
        if self.noted.load(Ordering::Relaxed) == change {
            return;
        }
        match cluster.note_taken(node, change).await {
            Ok(()) => self.noted.store(change, Ordering::Relaxed),
            // Nothing waits for it but rows that are old; the next look tries again.
            Err(error) => tracing::debug!(%error, "what this node has taken over is not noted yet"),
        }
    }

    /// On the publisher: forgets what all have taken, once an hour. `now` in milliseconds since 1970 UTC.
    pub(crate) async fn forget(&self, cluster: &Cluster, now: i64) {
        let last = self.forgot_at.load(Ordering::Relaxed);
        // A clock that was set back must not make it wait for years.
        if (last..last.saturating_add(FORGET_EVERY)).contains(&now) {
            return;
        }
        self.forgot_at.store(now, Ordering::Relaxed);
        match cluster.forget_old(now).await {
            Ok(0) => {}
            Ok(rows) => tracing::info!(rows, "old rows that nobody needs any more were forgotten"),
            Err(error) => tracing::warn!(%error, "old rows are not forgotten yet"),
        }
    }
}

/// Whether a change between `since` and the first of these was forgotten. A node that was away for too long reads everything anew.
pub(crate) fn is_torn(since: i64, changes: &[ChangeRow]) -> bool {
    changes.first().is_some_and(|first| first.seq != since.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_seen() {
        let change = |seq| ChangeRow { seq, at: 0, kind: "enrolment".to_owned(), subject: String::new() };
        assert!(!is_torn(4, &[]) && !is_torn(4, &[change(5), change(6)]));
        assert!(is_torn(4, &[change(6)]));
        assert!(is_torn(4, &[change(3)]), "another database was put in its place");
    }
}
