//! `show cert monitor`, `set cert acknowledge`. Ours.

use cluster::Surroundings;
use cluster::monitor::decide::alarm_of;
use cluster::monitor::watched::Watched;
use cluster::parameters::{ENABLE_CRL, ENABLE_OCSP};
use cluster::revocation::Policy;
use ringfence_core::{CoreError, Table};

use super::capf::{counted, day};
use crate::session::{Reply, Session, one_line};

/// Digits of a SHA-256 that are shown: enough to name a certificate.
const DIGITS: usize = 16;

impl Session {
    pub(crate) async fn show_monitor(&self, all: bool, now: i64) -> Result<Reply, CoreError> {
        let chosen = self.monitor.clone().map_err(|reason| CoreError::refused("settings", reason))?;
        let schedule = self.cluster.monitor_schedule(chosen.window_days, chosen.repeat_hours);
        let row = |one: Watched| {
            let alarm = alarm_of(&one, &schedule, now);
            let name = alarm.map_or("-", |alarm| alarm.name);
            let days = (one.not_after - now.div_euclid(1000)).div_euclid(86_400);
            let row = [
                one.fingerprint.get(..DIGITS).unwrap_or_default().to_owned(),
                format!("{}/{}", one.unit, one.file),
                one.kind.word().to_owned(),
                days.to_string(),
                name.to_owned(),
                notes(&one),
            ];
            let severity = alarm.map_or(u8::MAX, |alarm| alarm.severity());
            (severity, one.not_after, row.map(|value| Some(one_line(&value))).to_vec())
        };
        let watched = self.cluster.watched().await?.into_iter();
        let mut rows: Vec<_> = watched.filter(|one| all || alarm_of(one, &schedule, now).is_some()).map(row).collect();
        let mut left_out = 0;
        if chosen.lsc {
            let until = if all { i64::MAX } else { schedule.horizon(now) };
            // The page that ends first: more than anybody reads here.
            let page = self.cluster.watched_lscs(until).next().await?.unwrap_or_default();
            let shown = i64::try_from(page.lscs.len()).unwrap_or(i64::MAX);
            left_out = self.cluster.count_watched_lscs(until).await?.saturating_sub(shown);
            rows.extend(page.lscs.into_iter().map(row));
        }
        if rows.is_empty() {
            return Ok(Reply::done(format!("Nothing expires within {}.\n", counted(chosen.window_days, "day"))));
        }
        rows.sort_by_key(|(severity, until, _)| (*severity, *until));
        let columns = ["sha256", "certificate", "kind", "days", "alarm", "notes"].map(str::to_owned).to_vec();
        let mut text = self.table(&Table { columns, rows: rows.into_iter().map(|(_, _, row)| row).collect() });
        if left_out > 0 {
            text.push_str(&format!(
                "and {} more, later; `ringfence monitor --json` lists all\n",
                counted(left_out, "LSC")
            ));
        }
        Ok(Reply::done(text))
    }

    /// `show cert revocation`.
    pub(crate) async fn show_revocation(&self) -> Result<Reply, CoreError> {
        if !Policy::of(&self.cluster.parameters().await?).is_on() {
            return Ok(Reply::done(format!(
                "Revocation is not checked: `set parameter {ENABLE_OCSP} T` or `set parameter {ENABLE_CRL} T` switches it on.\n"
            )));
        }
        let found = self.cluster.revocations().await?;
        if found.is_empty() {
            return Ok(Reply::done("Nothing was checked yet: `utils cert revocation check` does it now.\n"));
        }
        let zone = self.cluster.zone();
        let rows = found.into_iter().map(|(name, row)| {
            let values = [name, row.state, day(row.checked_at / 1000, zone), row.detail];
            values.map(|value| Some(one_line(&value))).to_vec()
        });
        let columns = ["certificate", "state", "checked", "detail"].map(str::to_owned).to_vec();
        Ok(Reply::done(self.table(&Table { columns, rows: rows.collect() })))
    }

    /// `utils cert revocation check`.
    pub(crate) async fn check_revocation(&self, surroundings: &mut dyn Surroundings) -> Result<Reply, CoreError> {
        self.cluster.check_revocation(&self.actor, surroundings).await?;
        self.show_revocation().await
    }

    pub(crate) async fn acknowledge(
        &self,
        digits: &str,
        reason: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let one = self.cluster.acknowledge(&self.actor, digits, reason, surroundings).await?;
        let what = one_line(&format!("{}/{}", one.unit, one.file));
        Ok(Reply::done(format!("{what} is acknowledged; the monitor is silent about it until it gets worse.\n")))
    }

    pub(crate) async fn unacknowledge(
        &self,
        digits: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let there = self.cluster.take_back_acknowledgement(&self.actor, digits, surroundings).await?;
        let text = if there { "The monitor speaks about it again.\n" } else { "It was not acknowledged.\n" };
        Ok(Reply::done(text))
    }
}

fn notes(one: &Watched) -> String {
    let mut words = one.depends.clone();
    if words.is_empty() {
        words.push("nothing depends on it".to_owned());
    }
    if let Some(known) = &one.acknowledged {
        words.push(format!("acknowledged by {}: {}", known.actor, known.reason));
    }
    words.join("; ")
}
