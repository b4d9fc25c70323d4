//! `ringfence lab`: the scenarios of the crate `lab`, shown on the terminal.

use std::path::PathBuf;

use cluster::releases::{Release, names, release};
use daemon::following::PATIENCE;
use lab::{Scenario, World};
use tokio::signal::unix::{SignalKind, signal};

use crate::exit::{Answer, Failure};
use crate::known::{Known, releases};
use crate::terminal;

/// Rehearse on a cluster of two nodes with phones: mixed mode, renewals, enrolment, moves, recovery, upgrades, tokens
///
/// Plays up to 14 scenarios; --list names them. Each makes a cluster of its own, whose nodes run TFTP, HTTP, TVS and CAPF, and where tokens
/// take part the CTL provider, and virtual phones that boot there.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: ringfence lab --scenario certificate-regeneration\n\nRuns on addresses of the loopback network, \
                        on free ports, in a directory that is removed afterwards. Exit code 1 when a phone ends otherwise \
                        than the scenario says, 2 when something is missing that a scenario needs."
)]
pub struct Args {
    /// Release whose behaviour the cluster follows
    #[arg(long, default_value = "10.5", value_parser = releases())]
    release: String,
    /// Run this scenario (may be repeated); all without it
    #[arg(long, value_name = "NAME", value_parser = scenarios())]
    scenario: Vec<String>,
    /// Name the scenarios and end
    #[arg(long)]
    list: bool,
    /// Keep the cluster of the last scenario running until Ctrl-C
    #[arg(long)]
    stay: bool,
    /// Keep the clusters in this directory, one folder per scenario
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

fn scenarios() -> Known {
    Known(|| Scenario::ALL.iter().map(|scenario| scenario.name()).collect())
}

impl Args {
    /// Runs the scenarios.
    pub fn run(self) -> Result<Answer, Failure> {
        if self.list {
            let row = |scenario: &Scenario| vec![scenario.name().to_owned(), scenario.purpose().to_owned()];
            let rows: Vec<Vec<String>> = Scenario::ALL.iter().map(row).collect();
            terminal::print(&terminal::table(&["SCENARIO", "WHAT HAPPENS"], &rows))?;
            return Ok(Answer::Yes);
        }
        let release = self.release()?;
        let scenarios = self.scenarios(release)?;
        let runtime = tokio::runtime::Runtime::new().map_err(|error| Failure::CouldNotTell(error.to_string()))?;
        let log = daemon::serve::log_to(std::io::stderr()).map_err(|error| Failure::CouldNotTell(error.to_string()))?;
        let answer = runtime.block_on(self.play(release, &scenarios));
        log.flush(PATIENCE);
        answer
    }

    fn release(&self) -> Result<&'static Release, Failure> {
        release(&self.release)
            .ok_or_else(|| Failure::WrongUsage(format!("release {} is not known; there are {}", self.release, names())))
    }

    fn scenarios(&self, release: &Release) -> Result<Vec<Scenario>, Failure> {
        if self.scenario.is_empty() {
            return Ok(Scenario::ALL.to_vec());
        }
        let named = self.scenario.iter().map(|name| {
            let scenario = Scenario::named(name)
                .ok_or_else(|| Failure::WrongUsage(format!("no scenario {name}; `ringfence lab --list` names them")))?;
            match scenario.not_in(release) {
                Some(why) => {
                    Err(Failure::WrongUsage(format!("{name} cannot be told of release {}: {why}", release.name)))
                }
                None => Ok(scenario),
            }
        });
        named.collect()
    }

    async fn play(&self, release: &'static Release, scenarios: &[Scenario]) -> Result<Answer, Failure> {
        let temporary = tempfile::tempdir().map_err(|error| Failure::CouldNotTell(error.to_string()))?;
        let base = self.keep.clone().unwrap_or_else(|| temporary.path().to_path_buf());
        let mut ended = Vec::new();
        for (index, scenario) in scenarios.iter().enumerate() {
            if let Some(why) = scenario.not_in(release) {
                ended.push((*scenario, End::NotIn(release.name, why)));
                continue;
            }
            if let Some(what) = scenario.lacks() {
                ended.push((*scenario, End::Lacks(what)));
                continue;
            }
            let directory = base.join(scenario.name());
            let (world, mut differences) = scenario.run(release, &directory, shown).await?;
            let (rows, others) = world.compare_endings()?;
            differences.extend(others);
            terminal::print(&format!("\n{}", terminal::table(&lab::TITLES, &rows)))?;
            for difference in &differences {
                terminal::print(&format!("{} {difference}\n", terminal::paint(terminal::BAD, "differs:")))?;
            }
            ended.push((*scenario, End::Told { differences: differences.len(), phones: world.phones.len() }));
            if self.stay && index + 1 == scenarios.len() {
                stay(&world).await?;
            }
            world.end().await;
        }
        summary(&ended)
    }
}

/// The screen of a transcript.
fn shown(text: &str) -> Result<(), lab::Failure> {
    terminal::print(text).map_err(|failure| lab::Failure(failure.to_string()))
}

/// How a scenario ended.
enum End {
    /// It was told, with so many phones and differences.
    Told { differences: usize, phones: usize },
    /// The release has no such story: its name, why.
    NotIn(&'static str, &'static str),
    /// Something that it needs is missing on this machine.
    Lacks(String),
}

/// One line for each scenario. Differences are an answer; without any, a scenario that could not be told is none.
fn summary(ended: &[(Scenario, End)]) -> Result<Answer, Failure> {
    terminal::print("\n")?;
    let mut answer = Answer::Yes;
    let mut lacking = Vec::new();
    for (scenario, end) in ended {
        let line = match end {
            End::Told { differences: 0, phones } => {
                format!("{}, {}", terminal::counted(*phones, "phone"), terminal::paint(terminal::GOOD, "as told"))
            }
            End::Told { differences, phones } => {
                answer = Answer::No;
                let word = terminal::paint(terminal::BAD, &terminal::counted(*differences, "difference"));
                format!("{}, {word}", terminal::counted(*phones, "phone"))
            }
            End::NotIn(release, why) => format!("not told of release {release}: {why}"),
            End::Lacks(what) => {
                lacking.push((scenario.name(), what));
                format!("{}: {what}", terminal::paint(terminal::BAD, "could not be run"))
            }
        };
        terminal::print(&format!("{:<26}{line}\n", scenario.name()))?;
    }
    match lacking.first() {
        Some((_, what)) if answer == Answer::Yes => {
            let names: Vec<&str> = lacking.iter().map(|(name, _)| *name).collect();
            Err(Failure::CouldNotTell(format!("{}: {what}", names.join(", "))))
        }
        _ => Ok(answer),
    }
}

async fn stay(world: &World) -> Result<(), Failure> {
    terminal::print("\nThe cluster stays until Ctrl-C:\n")?;
    for (name, listen) in world.listens() {
        terminal::print(&format!("  {name:<20}TFTP {}  HTTP {}  TVS {}\n", listen.tftp, listen.http, listen.tvs))?;
    }
    terminal::print(&format!("  ringfence admin --data {}\n", world.data().display()))?;
    let could_not = |error: std::io::Error| Failure::CouldNotTell(error.to_string());
    let mut terminate = signal(SignalKind::terminate()).map_err(could_not)?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        interrupted = tokio::signal::ctrl_c() => interrupted.map_err(could_not),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_a_no_and_a_scenario_that_could_not_be_told_is_none() {
        let told = |differences| (Scenario::Rollback, End::Told { differences, phones: 2 });
        let left_out = || (Scenario::LostTokens, End::NotIn("15", "it has no Cisco CTL Provider, so no tokens"));
        let lacks = || (Scenario::TokensToTokenless, End::Lacks("softhsm2-util is not on this machine".to_owned()));
        assert_eq!(summary(&[told(0), left_out()]), Ok(Answer::Yes));
        assert_eq!(summary(&[told(0), told(1), told(0)]), Ok(Answer::No));
        // Whoever asks whether phones end as told hears of a difference first.
        assert_eq!(summary(&[lacks(), told(3)]), Ok(Answer::No));
        assert!(
            matches!(summary(&[told(0), lacks()]), Err(Failure::CouldNotTell(what)) if what.starts_with("tokens-to"))
        );
    }
}
