//! `utils capf device wave`: LSCs for many phones, a batch at a time. Ours.

use cluster::Surroundings;
use ringfence_core::CoreError;
use ringfence_core::enrolment::{Wave, WavePlan, WaveState, Which};

use crate::question::Question;
use crate::run::capf::{CAPF_STOPPED, NAMES, counted};
use crate::run::capf_devices::{selection, three};
use crate::session::{Reply, Session};

/// Phones in a batch when nothing is said.
const BATCH: usize = 50;
/// Per cent of failures above which a wave stops when nothing is said.
const STOP_AT: u8 = 10;
/// Hours that a phone has when nothing is said: one that is switched off over night comes back in the morning.
const HOURS: i64 = 24;
/// Hours at most: 30 days.
const MOST_HOURS: i64 = 720;

/// Letters of a progress bar.
const BAR: usize = 40;

impl Session {
    pub(crate) async fn ask_for_wave(
        &mut self,
        arguments: &[&str],
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let [devices, mode, batch] = three(arguments);
        let stop_at = arguments.get(3).copied().unwrap_or_default();
        let hours = arguments.get(4).copied().unwrap_or_default();
        let which = if devices.eq_ignore_ascii_case("stale") { Which::Stale } else { Which::These(selection(devices)) };
        let plan = WavePlan {
            batch: number("batch size", batch, BATCH, 1..=10_000)?,
            stop_at: number("per cent", stop_at, STOP_AT, 0..=100)?,
            mode: mode.parse()?,
            time_allowed: number("number of hours", hours, HOURS, 1..=MOST_HOURS)? * 3_600_000,
            which,
        };
        let phones = self.cluster.check_wave(&self.actor, &plan, surroundings.now()).await?.len();
        Ok(self.ask(Question::StartWave { plan, phones }))
    }

    pub(crate) async fn start_wave(
        &self,
        plan: &WavePlan,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let wave = self.cluster.start_wave(&self.actor, plan, surroundings).await?;
        self.started_wave(&wave).await
    }

    pub(crate) async fn show_wave(&self, surroundings: &mut dyn Surroundings) -> Result<Reply, CoreError> {
        Ok(Reply::done(match self.cluster.step_wave(surroundings.now()).await? {
            Some(wave) => progress(&wave),
            None => "There was no wave yet.\n".to_owned(),
        }))
    }

    pub(crate) async fn resume_wave(&self, surroundings: &mut dyn Surroundings) -> Result<Reply, CoreError> {
        let wave = self.cluster.resume_wave(&self.actor, surroundings).await?;
        self.started_wave(&wave).await
    }

    async fn started_wave(&self, wave: &Wave) -> Result<Reply, CoreError> {
        let stopped = wave.state == WaveState::Running && !self.cluster.capf_runs().await?;
        Ok(Reply::done(progress(wave) + if stopped { CAPF_STOPPED } else { "" }))
    }

    pub(crate) async fn stop_wave(
        &self,
        give_up: bool,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        self.cluster.stop_wave(&self.actor, give_up, surroundings).await?;
        let wave = self.cluster.wave().await?;
        Ok(Reply::done(wave.as_ref().map(progress).unwrap_or_default()))
    }
}

/// A number within bounds; the default when nothing is said.
fn number<T>(what: &str, text: &str, default: T, bounds: std::ops::RangeInclusive<T>) -> Result<T, CoreError>
where
    T: std::str::FromStr + PartialOrd + std::fmt::Display,
{
    if text.is_empty() {
        return Ok(default);
    }
    text.parse().ok().filter(|number| bounds.contains(number)).ok_or_else(|| {
        CoreError::BadInput(format!("`{text}` is no {what}; write {} to {}", bounds.start(), bounds.end()))
    })
}

/// How a wave stands: a bar, numbers, the names of those that are missing.
fn progress(wave: &Wave) -> String {
    let state = match &wave.state {
        WaveState::Running => format!("batch {} of {}", wave.batch, wave.batches),
        WaveState::Stopped(reason) => format!("stopped in batch {} of {}: {reason}", wave.batch, wave.batches),
        WaveState::Done => "ended".to_owned(),
    };
    let finished = wave.done + wave.failed.len();
    let total = wave.total.max(1);
    let filled = BAR * finished / total;
    let bar = format!("{}{}", "#".repeat(filled), "-".repeat(BAR.saturating_sub(filled)));
    let mut text = format!(
        "Wave {}: {state}\n[{bar}] {} %\n{}: {} done, {} failed, {} pending, {} to come; stops above {} % failed\n",
        wave.number,
        100 * finished / total,
        counted(wave.total, "device"),
        wave.done,
        wave.failed.len(),
        wave.pending.len(),
        wave.total.saturating_sub(finished + wave.pending.len()),
        wave.stop_at
    );
    for (title, names) in [("Failed", &wave.failed), ("Pending", &wave.pending)] {
        if !names.is_empty() {
            let first: Vec<&str> = names.iter().take(NAMES).map(String::as_str).collect();
            let more = if names.len() > NAMES { format!(" and {} more", names.len() - NAMES) } else { String::new() };
            text.push_str(&format!("{title}: {}{more}\n", first.join(", ")));
        }
    }
    if matches!(wave.state, WaveState::Stopped(_)) {
        text.push_str("`utils capf device wave resume` goes on, those that failed once more at the end; `stop give-up` ends it.\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_and_numbers() {
        let names = |count: usize| (0..count).map(|number| format!("SEP{number:012}")).collect::<Vec<String>>();
        let wave = Wave {
            number: 3,
            state: WaveState::Stopped("12 of 20 devices failed, more than 10 %".to_owned()),
            total: 40,
            done: 8,
            failed: names(12),
            pending: names(1),
            batch: 2,
            batches: 4,
            stop_at: 10,
        };
        let text = progress(&wave);
        assert!(
            text.starts_with(
                "Wave 3: stopped in batch 2 of 4: 12 of 20 devices failed, more than 10 %\n\
                 [####################--------------------] 50 %\n\
                 40 devices: 8 done, 12 failed, 1 pending, 19 to come; stops above 10 % failed\n\
                 Failed: SEP000000000000, SEP000000000001, "
            ),
            "{text}"
        );
        assert!(
            text.contains(", SEP000000000009 and 2 more\nPending: SEP000000000000\n`utils capf device wave resume`")
        );
    }

    #[test]
    fn numbers_have_bounds() {
        assert_eq!(number("batch size", "", 50, 1..=10_000).unwrap(), 50);
        assert_eq!(number("batch size", "7", 50, 1..=10_000).unwrap(), 7);
        for text in ["0", "10001", "x", "-1"] {
            let error = number("batch size", text, 50_usize, 1..=10_000).unwrap_err();
            assert_eq!(error.to_string(), format!("`{text}` is no batch size; write 1 to 10000"));
        }
    }
}
