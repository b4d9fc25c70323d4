//! *Cisco Certificate Expiry Monitor*: looks each day, each hour when it matters, at once when it is restarted and within a minute of a
//! change of certificates, and says what is to be said: into `log/alarms.log` always, to
//! [`syslog`] and by [`mail`] when `ringfence.toml` names them. [`metrics`] are there to be fetched at any time.
//!
//! What a receiver did not take is kept in the database, at most [`BACKLOG`](ringfence_core::alarms::BACKLOG), and tried again each minute.

pub mod mail;
pub mod metrics;
pub mod syslog;

use std::net::SocketAddr;
use std::time::Duration;

use cluster::rows::NodeRow;
use cluster::services::EXPIRY_MONITOR;
use cluster::{Actor, Level};
use ringfence_core::alarms::Receiver;
use ringfence_core::enrolment::CHANGE as ENROLMENT;
use ringfence_core::monitor::{Look, MonitorChoice};
use ringfence_core::{Cluster, CoreError};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::surroundings::{System, now};
use crate::taken::is_torn;
use crate::tftp::BindError;
use mail::MailSettings;
use metrics::Counted;
use syslog::SyslogSettings;

/// How often it is seen whether a look is due, the service runs, and a receiver is back.
const TICK: Duration = Duration::from_secs(60);

/// How often the rows are asked whether something changed: who restarts the service waits for no minute.
const GLANCE: Duration = Duration::from_secs(1);

/// How long after a change of certificates a look is due, milliseconds: others follow the first as a rule.
const SETTLED: i64 = 10_000;

/// The same for LSCs: a wave issues them for hours.
const SETTLED_LSCS: i64 = 50_000;

/// How long a look may take when the node stops. One that is cut says again what it had said.
const LAST_LOOK: Duration = Duration::from_secs(1);

/// `[monitor]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MonitorSettings {
    /// *Notification Start Time*: days before an expiry.
    pub window_days: u32,
    /// *Notification Frequency*: hours until the same is said again.
    pub repeat_hours: u32,
    /// *Enable LSC Monitoring*.
    pub lsc: bool,
    /// Where metrics are fetched: `GET /metrics` there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<SocketAddr>,
    /// A syslog receiver.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub syslog: Option<SyslogSettings>,
    /// *Enable E-mail notification*.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail: Option<MailSettings>,
}

impl Default for MonitorSettings {
    fn default() -> Self {
        let MonitorChoice { window_days, repeat_hours, lsc } = MonitorChoice::default();
        Self { window_days, repeat_hours, lsc, metrics: None, syslog: None, mail: None }
    }
}

impl MonitorSettings {
    /// What a list of the monitor needs to know, for a shell.
    #[must_use]
    pub const fn choice(&self) -> MonitorChoice {
        MonitorChoice { window_days: self.window_days, repeat_hours: self.repeat_hours, lsc: self.lsc }
    }
}

/// The monitor of a node. Dropping it ends it.
pub struct Monitor {
    metrics: Option<SocketAddr>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Monitor {
    /// Starts it. The publisher looks for the whole cluster; on a subscriber there are only metrics.
    ///
    /// # Errors
    /// [`BindError`] of the metrics.
    pub async fn start(
        cluster: &Cluster,
        node: &NodeRow,
        settings: &MonitorSettings,
        counted: Counted,
    ) -> Result<Self, BindError> {
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let mut metrics = None;
        if let Some(listen) = settings.metrics {
            let (address, server) =
                metrics::serve(listen, cluster.clone(), counted, settings.choice(), stopped.clone()).await?;
            metrics = Some(address);
            tasks.spawn(server);
        }
        if node.publisher {
            let runner = Runner::new(cluster, node, settings);
            tasks.spawn(runner.run(stopped));
        }
        Ok(Self { metrics, stop, tasks })
    }

    /// Where the metrics are, with the port the system chose.
    #[must_use]
    pub fn metrics(&self) -> Option<SocketAddr> {
        self.metrics
    }

    /// Ends it. A look that was begun may finish; what a receiver has begun to take is cut.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(LAST_LOOK, ended).await.is_err() {
            self.tasks.shutdown().await;
        }
    }
}

struct Runner {
    cluster: Cluster,
    node: NodeRow,
    settings: MonitorSettings,
    /// When the next look is due, milliseconds since 1970 UTC.
    next: i64,
    /// The last change of the rows that was seen; `None` before the first.
    seen: Option<i64>,
    /// When the service was started that was seen last.
    started_at: Option<i64>,
}

impl Runner {
    fn new(cluster: &Cluster, node: &NodeRow, settings: &MonitorSettings) -> Self {
        let (cluster, node, settings) = (cluster.clone(), node.clone(), settings.clone());
        Self { cluster, node, settings, next: i64::MIN, seen: None, started_at: None }
    }

    async fn run(mut self, mut stopped: watch::Receiver<bool>) {
        // What changes while the first look is on its way is seen behind it.
        self.glance(now()).await;
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut glances = tokio::time::interval(GLANCE);
        glances.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let tick = tokio::select! {
                _ = ticks.tick() => true,
                _ = glances.tick() => false,
                // An error means that the sender is gone: that is the end too.
                _ = stopped.wait_for(|stop| *stop) => return,
            };
            if tick || self.glance(now()).await {
                self.step().await;
            }
        }
    }

    /// Sees whether something changed that a look may say something about. Whether a step is due now.
    async fn glance(&mut self, now: i64) -> bool {
        match self.changed(now).await {
            Ok(service) => service || self.next.checked_sub(now).is_some_and(|left| left <= 0),
            // The next step says it.
            Err(_) => false,
        }
    }

    /// Brings the next look forward after a change of certificates. Whether a service changed.
    async fn changed(&mut self, now: i64) -> Result<bool, CoreError> {
        let last = self.cluster.store().last_change().await?;
        let Some(seen) = self.seen.replace(last).filter(|seen| *seen != last) else { return Ok(false) };
        let changes = self.cluster.store().changes_after(seen).await?;
        let mut service = is_torn(seen, &changes);
        if service {
            self.next = self.next.min(now + SETTLED);
        }
        for change in changes {
            match change.kind.as_str() {
                "service" => service = true,
                "certificate" => self.next = self.next.min(now + SETTLED),
                ENROLMENT => self.next = self.next.min(now + SETTLED_LSCS),
                _ => {}
            }
        }
        Ok(service)
    }

    /// Looks when it is time, and delivers what waits.
    async fn step(&mut self) {
        match self.runs().await {
            Ok(true) => {}
            // A service that starts again looks at once.
            Ok(false) => {
                self.next = i64::MIN;
                return;
            }
            Err(error) => {
                tracing::warn!(%error, "the certificate monitor waits");
                return;
            }
        }
        self.check_revocation().await;
        // A clock that was set back must not make it wait for years.
        let now = now();
        if self.next <= now || self.next > now + 2 * 86_400_000 {
            match self.look(now).await {
                Ok(look) => self.next = look.next,
                Err(error) => tracing::error!(%error, "the certificate monitor could not look; it tries again"),
            }
        }
        if let Err(error) = self.cluster.tell_ended_alarms(now).await {
            tracing::warn!(%error, "alarms that ended are not told of now; tried again");
        }
        self.deliver().await;
    }

    /// Whether the service runs; one that the catalogue of this cluster does not know yet does. One that was started again looks at
    /// once.
    async fn runs(&mut self) -> Result<bool, CoreError> {
        let rows = self.cluster.services_of(&self.node).await?;
        let Some(row) = rows.iter().find(|row| row.name == EXPIRY_MONITOR) else { return Ok(true) };
        if self.started_at.replace(row.started_at).is_some_and(|before| before != row.started_at) {
            self.next = i64::MIN;
        }
        Ok(row.started)
    }

    /// Asks CAs when it is time; what they say is told at once.
    async fn check_revocation(&mut self) {
        match self.cluster.revocation_is_due(now()).await {
            Ok(false) => return,
            Ok(true) => {}
            Err(error) => {
                tracing::warn!(%error, "revocation is not checked now");
                return;
            }
        }
        let actor = Actor::new("system", Level::Install);
        match self.cluster.check_revocation(&actor, &mut System::default()).await {
            Ok(findings) if findings.is_empty() => {}
            Ok(_) => self.next = i64::MIN,
            Err(error) => tracing::warn!(%error, "revocation could not be checked; tried again"),
        }
    }

    /// The receivers that the settings name.
    fn receivers(&self) -> Vec<Receiver> {
        let named = |receiver: &Receiver| match receiver {
            Receiver::Syslog => self.settings.syslog.is_some(),
            Receiver::Mail => self.settings.mail.is_some(),
        };
        Receiver::ALL.into_iter().filter(named).collect()
    }

    async fn look(&self, now: i64) -> Result<Look, CoreError> {
        let schedule = self.cluster.monitor_schedule(self.settings.window_days, self.settings.repeat_hours);
        self.cluster.monitor(&self.node, &schedule, self.settings.lsc, &self.receivers(), now).await
    }

    async fn deliver(&self) {
        for receiver in Receiver::ALL {
            if let Err(error) = self.deliver_to(receiver).await {
                tracing::warn!(%error, ?receiver, "alarms wait; tried again");
            }
        }
    }

    async fn deliver_to(&self, receiver: Receiver) -> Result<(), CoreError> {
        let waiting = self.cluster.undelivered_alarms(receiver).await?;
        let Some(last) = waiting.last() else { return Ok(()) };
        match receiver {
            Receiver::Syslog => {
                let Some(settings) = &self.settings.syslog else {
                    return self.cluster.note_delivered_alarms(receiver, i64::MAX).await;
                };
                let messages = waiting.iter().map(|alarm| syslog::message(settings, &self.node.name, alarm));
                let mut messages: Vec<String> = messages.collect();
                if let Err(error) = syslog::send(settings, &mut messages).await {
                    let waiting = messages.len();
                    tracing::warn!(server = settings.server, %error, waiting, "syslog takes no alarms now; tried again");
                }
                let taken = waiting.len().saturating_sub(messages.len());
                match taken.checked_sub(1).and_then(|index| waiting.get(index)) {
                    Some(alarm) => self.cluster.note_delivered_alarms(receiver, alarm.seq).await,
                    None => Ok(()),
                }
            }
            Receiver::Mail => {
                let Some(settings) = &self.settings.mail else {
                    return self.cluster.note_delivered_alarms(receiver, i64::MAX).await;
                };
                let count = waiting.len();
                let subject = format!("{}: {count} alarm{}", self.node.name, if count == 1 { "" } else { "s" });
                let facility = self.settings.syslog.as_ref().map_or(mail::FACILITY, |syslog| syslog.facility);
                let mut body = mail::events(&self.node, facility, &waiting, now(), self.cluster.zone());
                body.push_str("\nAll of them, with what depends on each: `ringfence monitor` on the node.\n");
                if let Err(error) = mail::send(settings, &subject, body).await {
                    tracing::warn!(%error, waiting = count, "the alarms could not be mailed; tried again");
                    return Ok(());
                }
                self.cluster.note_delivered_alarms(receiver, last.seq).await
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // tests may stop at the first surprise
    use cluster::nodes::NewCluster;
    use jiff::tz::TimeZone;

    use cluster::service_control::{Act, ControlService};

    use super::*;
    use crate::settings::ClusterSettings;

    #[tokio::test]
    async fn a_service_that_is_stopped_looks_at_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let new: NewCluster = ClusterSettings::default().new_cluster().unwrap();
        let cluster = Cluster::create(folder.path(), &new, TimeZone::UTC, &mut System::default()).await.unwrap();
        let node = cluster.node(None).await.unwrap();
        let actor = Actor::new("admin", Level::ReadWrite);
        let mut runner = Runner::new(&cluster, &node, &MonitorSettings::default());
        let _served = cluster.directory(&node).serve().unwrap();
        cluster
            .perform(&actor, &node, &ControlService::new(EXPIRY_MONITOR, Act::Stop), &mut System::default())
            .await
            .unwrap();
        runner.step().await;
        assert_eq!(runner.next, i64::MIN);
        cluster
            .perform(&actor, &node, &ControlService::new(EXPIRY_MONITOR, Act::Start), &mut System::default())
            .await
            .unwrap();
        runner.step().await;
        assert!(runner.next > now());
        cluster
            .perform(&actor, &node, &ControlService::new(EXPIRY_MONITOR, Act::Stop), &mut System::default())
            .await
            .unwrap();
        runner.step().await;
        assert_eq!(runner.next, i64::MIN, "it looks at once when it starts again");
    }

    #[tokio::test]
    async fn a_restart_looks_at_once_and_a_new_certificate_brings_the_look_forward() {
        let folder = tempfile::tempdir().unwrap();
        let new: NewCluster = ClusterSettings::default().new_cluster().unwrap();
        let cluster = Cluster::create(folder.path(), &new, TimeZone::UTC, &mut System::default()).await.unwrap();
        let node = cluster.node(None).await.unwrap();
        let actor = Actor::new("admin", Level::ReadWrite);
        let mut runner = Runner::new(&cluster, &node, &MonitorSettings::default());
        let _served = cluster.directory(&node).serve().unwrap();
        runner.step().await;
        assert!(!runner.glance(now()).await, "nothing happened since");
        let daily = runner.next;
        assert!(daily > now() + 3_600_000);

        cluster
            .perform(
                &actor,
                &node,
                &ControlService::new(EXPIRY_MONITOR, Act::Restart),
                &mut testbed::Clock::at(now() + 1000),
            )
            .await
            .unwrap();
        assert!(runner.glance(now()).await, "somebody restarted it");
        assert!(runner.runs().await.unwrap() && runner.next == i64::MIN);
        runner.step().await;
        assert!(runner.next > now() + 3_600_000 && !runner.glance(now()).await);

        // Any other service is no reason to look, only to see whether this one still runs.
        cluster
            .perform(&actor, &node, &ControlService::new("TVS", Act::Restart), &mut System::default())
            .await
            .unwrap();
        assert!(runner.glance(now()).await);
        assert!(runner.runs().await.unwrap() && runner.next > now() + 3_600_000);
        cluster
            .perform(
                &actor,
                &node,
                &cluster::certificates::regenerate::Regenerate::unit(cluster::units::Unit::Ipsec),
                &mut System::default(),
            )
            .await
            .unwrap();
        let at = now();
        assert!(!runner.glance(at).await, "others may follow");
        assert_eq!(runner.next, at + SETTLED);
        assert!(!runner.glance(at + SETTLED - 1).await && runner.glance(at + SETTLED).await, "within a minute");
    }
}
