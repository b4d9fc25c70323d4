//! Many phones, a bounded number of them booting at a time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::judged::milliseconds;
use crate::memory::Keep;
use crate::name::PhoneName;
use crate::phone::{Phone, PhoneError};
use crate::report::{BootReport, Outcome};
use crate::settings::PhoneSettings;
use crate::tls::PhoneTls;

/// Phones that boot at the same time, unless told otherwise.
pub const CONCURRENCY: usize = 64;

/// Most failures that a report spells out; the others are counted.
const MOST_FAILURES: usize = 20;

/// A fleet of equal phones with MAC addresses that follow one another.
#[derive(Debug, Clone)]
pub struct Fleet {
    /// What all phones have in common; the name is made from the MAC address, a directory gets one below it per phone.
    pub template: PhoneSettings,
    /// MAC address of the first one.
    pub first_mac: u64,
    /// How many.
    pub count: usize,
    /// How many boot at the same time, at least 1.
    pub concurrency: usize,
}

/// The boots of a fleet.
#[derive(Debug, Clone, Default)]
pub struct FleetReport {
    /// How many boots ended how.
    pub outcomes: BTreeMap<Outcome, usize>,
    /// How many verdicts of each kind: (offer, label).
    pub verdicts: BTreeMap<(&'static str, &'static str), usize>,
    /// How many visits to CAPF of each outcome, by its label.
    pub enrolments: BTreeMap<&'static str, usize>,
    /// Visits to CAPF that came to nothing good.
    pub enrolments_in_vain: usize,
    /// Questions that went to TVS.
    pub tvs_questions: usize,
    /// Files that came.
    pub files: usize,
    /// Boots that did not end in trust, or went to CAPF in vain: name, outcome and reason of the first twenty.
    pub failures: Vec<(String, Outcome, String)>,
    /// Half of the boots took at most this long.
    pub p50: Duration,
    /// 99 of 100 boots took at most this long.
    pub p99: Duration,
    /// The slowest boot.
    pub max: Duration,
    /// From the start of the first boot to the end of the last.
    pub took: Duration,
}

impl Fleet {
    /// Boots all phones. `progress` hears of each boot when it ends.
    ///
    /// # Errors
    /// [`PhoneError`] of the first phone that cannot be made: TLS, or a directory that cannot be read.
    pub async fn boot(&self, mut progress: impl FnMut(&BootReport)) -> Result<FleetReport, PhoneError> {
        let started = Instant::now();
        let tls = PhoneTls::new(self.template.legacy_tls)?;
        let mut running = JoinSet::new();
        let mut report = FleetReport::default();
        let mut times = Vec::with_capacity(self.count);
        let mut next = 0;
        while next < self.count || !running.is_empty() {
            while next < self.count && running.len() < self.concurrency.max(1) {
                let (settings, tls) = (self.settings(next), tls.clone());
                running.spawn(async move {
                    // a factory makes keys, which would hold up the others
                    let mut phone = match tokio::task::spawn_blocking(move || Phone::with_tls(settings, tls)).await {
                        Ok(made) => made?,
                        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                        Err(_) => return Ok(None),
                    };
                    Ok::<_, PhoneError>(Some(phone.boot().await))
                });
                next += 1;
            }
            match running.join_next().await {
                Some(Ok(boot)) => {
                    let Some(boot) = boot? else { continue };
                    progress(&boot);
                    times.push(boot.took);
                    report.count(&boot);
                }
                Some(Err(error)) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                Some(Err(_)) | None => {}
            }
        }
        times.sort_unstable();
        report.p50 = percentile(&times, 50);
        report.p99 = percentile(&times, 99);
        report.max = percentile(&times, 100);
        report.took = started.elapsed();
        Ok(report)
    }

    fn settings(&self, index: usize) -> PhoneSettings {
        let mut settings = self.template.clone();
        let mac = self.first_mac.wrapping_add(index as u64);
        settings.name = PhoneName::from_mac(settings.model, mac);
        if let Keep::In(directory) = &settings.keep {
            settings.keep = Keep::In(directory.join(settings.name.as_str()));
        }
        settings
    }
}

impl FleetReport {
    /// How many boots ended so.
    #[must_use]
    pub fn ended(&self, outcome: Outcome) -> usize {
        self.outcomes.get(&outcome).copied().unwrap_or_default()
    }

    fn count(&mut self, boot: &BootReport) {
        *self.outcomes.entry(boot.outcome).or_default() += 1;
        for judged in &boot.verdicts {
            let key = (judged.offer, judged.verdict.label());
            *self.verdicts.entry(key).or_default() += 1;
        }
        for enrolment in &boot.enrolments {
            *self.enrolments.entry(enrolment.outcome.label()).or_default() += 1;
            self.enrolments_in_vain += usize::from(!enrolment.outcome.is_good());
        }
        self.tvs_questions += boot.tvs.iter().filter(|talk| !talk.cached).count();
        self.files +=
            boot.files.iter().filter(|file| matches!(file.outcome, crate::report::FileOutcome::Fetched { .. })).count();
        let vain = boot.enrolments.iter().any(|enrolment| !enrolment.outcome.is_good());
        if (boot.outcome != Outcome::Trusted || vain) && self.failures.len() < MOST_FAILURES {
            self.failures.push((boot.name.clone(), boot.outcome, boot.reason()));
        }
    }

    /// Everything, for machines. Durations in milliseconds.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let outcomes: serde_json::Map<String, Value> =
            self.outcomes.iter().map(|(outcome, count)| (outcome.label().to_owned(), json!(count))).collect();
        let verdicts: Vec<Value> = self
            .verdicts
            .iter()
            .map(|((offer, verdict), count)| json!({ "offer": offer, "verdict": verdict, "count": count }))
            .collect();
        let failures: Vec<Value> = self
            .failures
            .iter()
            .map(|(name, outcome, reason)| json!({ "name": name, "outcome": outcome.label(), "reason": reason }))
            .collect();
        json!({
            "outcomes": outcomes,
            "verdicts": verdicts,
            "enrolments": self.enrolments,
            "tvs_questions": self.tvs_questions,
            "files": self.files,
            "failures": failures,
            "milliseconds": {
                "p50": milliseconds(self.p50),
                "p99": milliseconds(self.p99),
                "max": milliseconds(self.max),
                "all": milliseconds(self.took),
            },
        })
    }
}

/// The value that `percent` of the sorted values do not exceed; zero when there are none.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(rank).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles() {
        let times: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(percentile(&times, 50), Duration::from_millis(100));
        assert_eq!(percentile(&times, 99), Duration::from_millis(198));
        assert_eq!(percentile(&times, 100), Duration::from_millis(200));
        assert_eq!(percentile(&[], 99), Duration::ZERO);
        let one = [Duration::from_millis(7)];
        assert_eq!(percentile(&one, 50), one[0]);
    }
}
