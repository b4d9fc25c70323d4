//! Who decides about a session.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use cluster::Surroundings;
use pki::{OpensslRandom, Random};
use ringfence_core::Cluster;
use ringfence_core::enrolment::{Desk, Refused, Visit};
use ringfence_core::files::NodeFiles;
use tokio::time::{Instant, timeout_at};
use wire::capf::{AuthResponse, Done, Ended, KeySpec, Operation};

use crate::once_a_minute::OnceAMinute;
use crate::surroundings::{System, now};

/// How long a session waits for one of another address that makes a key for the same device, before it takes its place: longer than
/// most phones need for a key, short enough for the patience of the one that waits `[inferred]`.
const TURN: Duration = Duration::from_secs(20);

/// Answers the questions of sessions ([`wire::capf::Question`]). It may wait for the disk.
pub trait EnrolmentDesk: Send + Sync + 'static {
    /// What one session has come to.
    type Visit: Send;

    /// The id of the next session; `None` when there are no random bytes. Random, so that it hardly ever comes twice, not even
    /// after a restart: a proof of a MIC is made over it.
    fn session_id(&self) -> Option<u32> {
        let mut id = [0_u8; 4];
        match OpensslRandom.fill(&mut id) {
            Ok(()) => Some(u32::from_be_bytes(id)),
            Err(_) => None,
        }
    }

    /// A session of this address begins.
    fn visit(&self, session_id: u32, from: IpAddr) -> Self::Visit;

    /// Waits for sessions that stand before this one. Nothing is decided meanwhile, and its connection may be closed.
    fn turn(&self, visit: &Self::Visit, auth: &AuthResponse) -> impl Future<Output = ()> + Send;

    /// Is the phone let in, and what is scheduled for it?
    fn admit(
        &self,
        visit: &mut Self::Visit,
        auth: &AuthResponse,
    ) -> impl Future<Output = Result<Operation, Refused>> + Send;

    /// The certificate for a key, DER.
    fn issue(
        &self,
        visit: &mut Self::Visit,
        public_key: &[u8],
        wanted: KeySpec,
    ) -> impl Future<Output = Result<Vec<u8>, Refused>> + Send;

    /// Puts on record what the phone has done.
    fn record(&self, visit: &mut Self::Visit, done: &Done) -> impl Future<Output = Result<(), Refused>> + Send;

    /// Waits until the session that was let in is of no use any more, because another one of its device was let in.
    fn overtaken(&self, visit: &mut Self::Visit) -> impl Future<Output = ()> + Send;

    /// A session has ended; puts on record what is left.
    fn ended(&self, visit: &Self::Visit, ended: &Ended) -> impl Future<Output = ()> + Send;

    /// The device, for the log; `None` as long as it is not known.
    fn device(visit: &Self::Visit) -> Option<&str>;

    /// Why the session was refused, for the log.
    fn reason(visit: &Self::Visit) -> Option<&str>;
}

/// The desk of a node: the rows of the cluster and the system's clock. What a phone has done stands in its config before it
/// is told the success, on this node; the others follow with their next look at the rows.
pub struct NodeDesk {
    desk: Desk,
    cluster: Cluster,
    files: Arc<NodeFiles>,
    clock: fn() -> i64,
    told: OnceAMinute,
}

/// The system with another clock.
struct At {
    now: i64,
    system: System,
}

impl Surroundings for At {
    fn now(&self) -> i64 {
        self.now
    }

    fn random(&mut self) -> &mut dyn Random {
        self.system.random()
    }
}

impl NodeDesk {
    /// A desk that keeps the files of its node up to date.
    #[must_use]
    pub fn new(desk: Desk, cluster: Cluster, files: Arc<NodeFiles>) -> Self {
        Self { desk, cluster, files, clock: now, told: OnceAMinute::default() }
    }

    /// The same with another clock: milliseconds since 1970 UTC.
    #[must_use]
    pub fn with_clock(self, clock: fn() -> i64) -> Self {
        Self { clock, ..self }
    }

    /// The desk behind it.
    #[must_use]
    pub fn desk(&self) -> &Desk {
        &self.desk
    }

    async fn publish(&self, device: &str, from: IpAddr) {
        let entry = match self.cluster.device_entry(device).await {
            Ok(Some(entry)) => entry,
            // The next look at the rows finds that it is gone.
            Ok(None) => return,
            Err(error) => {
                if let Some(more) = self.told.count("a config follows later", from, Instant::now().into_std()) {
                    tracing::warn!(device, %error, "its config follows with the next look at the rows{more}");
                }
                return;
            }
        };
        if !self.files.swap_device(device, entry) {
            tracing::debug!(device, "not in the snapshot yet");
        }
    }
}

impl EnrolmentDesk for NodeDesk {
    type Visit = Visit;

    fn visit(&self, session_id: u32, from: IpAddr) -> Visit {
        self.desk.visit(session_id, from)
    }

    async fn turn(&self, visit: &Visit, auth: &AuthResponse) {
        wait_for_those_before(TURN, || self.desk.another_at_work(auth.device_name.as_str(), visit.from())).await;
    }

    async fn admit(&self, visit: &mut Visit, auth: &AuthResponse) -> Result<Operation, Refused> {
        self.desk.admit(visit, auth, (self.clock)()).await
    }

    async fn issue(&self, visit: &mut Visit, public_key: &[u8], wanted: KeySpec) -> Result<Vec<u8>, Refused> {
        let mut surroundings = At { now: (self.clock)(), system: System::default() };
        let certificate = self.desk.issue(visit, public_key, wanted, &mut surroundings).await?;
        Ok(certificate.der().to_vec())
    }

    async fn record(&self, visit: &mut Visit, done: &Done) -> Result<(), Refused> {
        self.desk.record(visit, done, (self.clock)()).await?;
        if let Some(device) = visit.device() {
            self.publish(device, visit.from()).await;
        }
        Ok(())
    }

    async fn overtaken(&self, visit: &mut Visit) {
        self.desk.overtaken(visit).await;
    }

    async fn ended(&self, visit: &Visit, ended: &Ended) {
        if let Err(error) = self.desk.ended(visit, ended, (self.clock)()).await {
            let more = self.told.count("a status could not be written", visit.from(), Instant::now().into_std());
            if let Some(more) = more {
                tracing::error!(device = visit.device(), %error, "the status of the device could not be written{more}");
            }
        }
    }

    fn device(visit: &Visit) -> Option<&str> {
        visit.device()
    }

    fn reason(visit: &Visit) -> Option<&str> {
        visit.reason()
    }
}

/// Waits for the end of each session that stands before this one, and no longer than the limit in all.
async fn wait_for_those_before<F: Future<Output = ()>>(limit: Duration, mut before: impl FnMut() -> Option<F>) {
    let turn = Instant::now() + limit;
    while let Some(ended) = before() {
        // One that has ended is no timeout, however late it is: sessions that come one after the other would hold it up for ever.
        if timeout_at(turn, ended).await.is_err() || Instant::now() >= turn {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    const SHORT: Duration = Duration::from_millis(5);
    /// Longer than any test.
    const LONG: Duration = Duration::from_secs(86_400);

    #[tokio::test]
    async fn a_session_waits_for_those_before_it_and_not_for_ever() {
        wait_for_those_before(LONG, || None::<std::future::Ready<()>>).await;
        let mut left = 3;
        let each_ends = || {
            left -= 1;
            (left > 0).then(|| ready(()))
        };
        wait_for_those_before(LONG, each_ends).await;
        assert_eq!(left, 0, "it looks again after each");
        let begun = Instant::now();
        wait_for_those_before(SHORT, || Some(pending())).await;
        assert!(begun.elapsed() >= SHORT, "a silent one is waited for");
        wait_for_those_before(SHORT, || Some(ready(()))).await;
    }
}
