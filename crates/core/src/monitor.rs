//! The certificate monitor: what expires, who needs to know, and when to say it again [sources/monitor#schedule].
//!
//! * [`watch`]: what is watched, and what depends on it; the catalogue of alarms and what to say now are those of [`cluster::monitor`]
//!
//! The clock and the outputs (log, syslog, e-mail, metrics) are those of the `daemon`.

pub mod watch;

use std::collections::HashMap;

use cluster::rows::{AcknowledgementRow, NodeRow, NoticeRow};
use wire::printable;

use crate::CoreError;
use crate::alarms::Receiver;
use crate::cluster::Cluster;
use cluster::actor::{Actor, Level};
use cluster::monitor::decide::{self, Notice, Said, Schedule};
use cluster::monitor::watched::Watched;
use cluster::surroundings::Surroundings;

pub use watch::{LscPage, LscPages};

/// *Notification Start Time* when nobody says otherwise, days: there is time for a CA that takes its time. The default of the original is
/// not known.
pub const DEFAULT_WINDOW_DAYS: u32 = 90;

/// *Notification Frequency* when nobody says otherwise, hours: once a week.
pub const DEFAULT_REPEAT_HOURS: u32 = 7 * 24;

/// What was chosen for the monitor, in the settings of the node that runs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonitorChoice {
    /// *Notification Start Time*: days before an expiry.
    pub window_days: u32,
    /// *Notification Frequency*: hours until the same is said again.
    pub repeat_hours: u32,
    /// *Enable LSC Monitoring*.
    pub lsc: bool,
}

impl Default for MonitorChoice {
    fn default() -> Self {
        Self { window_days: DEFAULT_WINDOW_DAYS, repeat_hours: DEFAULT_REPEAT_HOURS, lsc: true }
    }
}

/// Letters of a reason at most: a line.
const REASON_LIMIT: usize = 200;

/// Digits of a SHA-256 at least, to name a certificate by its beginning.
const LEAST_DIGITS: usize = 8;

/// What a look of the monitor came to.
#[derive(Debug, Clone)]
pub struct Look {
    /// What was said of certificates of nodes and trust stores, the gravest first.
    pub notices: Vec<Notice>,
    /// How many LSCs were spoken about.
    pub lscs: usize,
    /// When to look again, milliseconds since 1970 UTC.
    pub next: i64,
}

impl Cluster {
    /// What a monitor of this release does at these times. `window_days` and `repeat_hours` are those of the page *Certificate Monitor*.
    pub fn monitor_schedule(&self, window_days: u32, repeat_hours: u32) -> Schedule {
        Schedule { window_days, repeat_hours, expired: self.release().expired_alarm }
    }

    /// Looks at everything, writes what is to be said into the log of alarms, lets it wait for receivers, and remembers that it was said:
    /// in one step, so that no alarm is lost.
    ///
    /// # Errors
    /// [`CoreError`]; what could not be remembered is said again at the next look.
    pub async fn monitor(
        &self,
        node: &NodeRow,
        schedule: &Schedule,
        lscs: bool,
        receivers: &[Receiver],
        now: i64,
    ) -> Result<Look, CoreError> {
        self.watch_unreadable(now).await?;
        let watched = self.watched().await?;
        let said: HashMap<String, Said> = self.store().notices().await?.into_iter().map(said).collect();
        let notices = decide::decide(&watched, &said, schedule, now, self.zone());
        self.say(node, &notices, receivers, now).await?;
        let mut look = Look { notices, lscs: 0, next: decide::next_look(&watched, schedule, now) };
        if lscs {
            let mut pages = self.watched_lscs(schedule.horizon(now));
            while let Some(page) = pages.next().await? {
                let notices = decide::decide(&page.lscs, &page.said, schedule, now, self.zone());
                self.say(node, &notices, receivers, now).await?;
                look.lscs += notices.len();
                look.next = look.next.min(decide::next_look(&page.lscs, schedule, now));
            }
        }
        Ok(look)
    }

    async fn say(&self, node: &NodeRow, notices: &[Notice], receivers: &[Receiver], now: i64) -> Result<(), CoreError> {
        if notices.is_empty() {
            return Ok(());
        }
        let mut transaction = self.store().begin().await?;
        for notice in notices {
            self.alarm(&mut transaction, node, notice.alarm, &notice.message, receivers, now).await?;
            let row = NoticeRow { fingerprint: notice.key.clone(), alarm: notice.alarm.name.to_owned(), said_at: now };
            transaction.put_notice(&row).await?;
        }
        self.limit_waiting_alarms(&mut transaction, receivers).await?;
        Ok(transaction.commit().await?)
    }

    /// `set cert acknowledge`: nothing more is said about a certificate until its alarm gets worse. The certificate is named by its
    /// SHA-256 or the first digits of it.
    ///
    /// # Errors
    /// [`CoreError`]: the level, no certificate or several, no reason.
    pub async fn acknowledge(
        &self,
        actor: &Actor,
        digits: &str,
        reason: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Watched, CoreError> {
        actor.require(Level::ReadWrite)?;
        let reason = reason.trim();
        if reason.is_empty() || reason.len() > REASON_LIMIT || !printable::is_one_line(reason) {
            return Err(CoreError::BadInput(format!("say why, in 1 to {REASON_LIMIT} printable letters")));
        }
        let found = self.watched_by_digits(digits).await?;
        let row = AcknowledgementRow {
            fingerprint: found.fingerprint.clone(),
            actor: actor.name().to_owned(),
            reason: reason.to_owned(),
            at: surroundings.now(),
        };
        let mut transaction = self.store().begin().await?;
        transaction.put_acknowledgement(&row).await?;
        let command = format!("set cert acknowledge {}", found.fingerprint);
        transaction.note_audit(row.at, actor.name(), &command, reason).await?;
        transaction.commit().await?;
        Ok(found)
    }

    /// `set cert unacknowledge`: takes an acknowledgement back. Whether there was one.
    ///
    /// # Errors
    /// As [`Self::acknowledge`].
    pub async fn take_back_acknowledgement(
        &self,
        actor: &Actor,
        digits: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<bool, CoreError> {
        actor.require(Level::ReadWrite)?;
        let found = self.watched_by_digits(digits).await?;
        let mut transaction = self.store().begin().await?;
        let there = transaction.remove_acknowledgement(&found.fingerprint).await?;
        let command = format!("set cert unacknowledge {}", found.fingerprint);
        let result = if there { "taken back" } else { "there was none" };
        transaction.note_audit(surroundings.now(), actor.name(), &command, result).await?;
        transaction.commit().await?;
        Ok(there)
    }

    async fn watched_by_digits(&self, digits: &str) -> Result<Watched, CoreError> {
        let digits = digits.to_ascii_lowercase().replace(':', "");
        if digits.len() < LEAST_DIGITS || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            let text = format!(
                "name a certificate by {LEAST_DIGITS} digits of its SHA-256 or more; `show cert monitor all` lists them"
            );
            return Err(CoreError::BadInput(text));
        }
        let mut found = self.watched().await?;
        found.retain(|one| one.fingerprint.starts_with(&digits));
        found.extend(self.store().watched_lscs_by_digits(&digits).await?.into_iter().map(watch::lsc));
        if found.len() > 1 {
            return Err(CoreError::BadInput(format!("several certificates begin with {digits}; give more digits")));
        }
        found.pop().ok_or_else(|| {
            CoreError::BadInput(format!("no certificate begins with {digits}; `show cert monitor all` lists them"))
        })
    }
}

fn said(row: NoticeRow) -> (String, Said) {
    (row.fingerprint, Said { alarm: row.alarm, at: row.said_at })
}
