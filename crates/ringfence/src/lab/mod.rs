//! `ringfence lab`: a cluster of two nodes and phones in one process, told as a transcript.
//!
//! * [`scenario`], [`enrolment`]: the stories; [`ending`]: how their phones must end; [`world`]: the cluster, its administrator, its phones
//! * [`seed`]: names and serial numbers of the documents; [`transcript`]: what is shown

mod ending;
mod enrolment;
mod moves;
mod recovery;
mod scenario;
mod seed;
mod transcript;
mod world;

use std::path::PathBuf;

use daemon::serve::StopSignals;
use ringfence_core::releases::{self, Release, release};

use crate::exit::{Answer, Failure};
use crate::terminal;
use scenario::Scenario;
use world::World;

/// Rehearse on a cluster of two nodes with phones: from non-secure to mixed mode, through a renewal.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: ringfence lab --scenario certificate-regeneration\n\nRuns on 127.0.0.1 and 127.0.0.2, on \
                        free ports, in a directory that is removed afterwards. Exit code 1 when a phone ends otherwise \
                        than the scenario says."
)]
pub struct Args {
    /// Release whose behaviour the cluster follows
    #[arg(long, default_value = "10.5")]
    release: String,
    /// Run this scenario (may be repeated); all without it
    #[arg(long, value_name = "NAME")]
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

impl Args {
    /// Runs the scenarios.
    pub fn run(self) -> Result<Answer, Failure> {
        if self.list {
            for scenario in Scenario::ALL {
                terminal::print(&format!("{:<26}{}\n", scenario.name(), scenario.purpose()))?;
            }
            return Ok(Answer::Yes);
        }
        let release = self.release()?;
        let scenarios = self.scenarios()?;
        let runtime = tokio::runtime::Runtime::new().map_err(|error| Failure::CouldNotTell(error.to_string()))?;
        daemon::serve::log_to_stderr();
        runtime.block_on(self.play(release, &scenarios))
    }

    fn release(&self) -> Result<&'static Release, Failure> {
        release(&self.release).ok_or_else(|| {
            Failure::WrongUsage(format!("release {} is not known; there are {}", self.release, releases::names()))
        })
    }

    fn scenarios(&self) -> Result<Vec<Scenario>, Failure> {
        if self.scenario.is_empty() {
            return Ok(Scenario::ALL.to_vec());
        }
        let named = self.scenario.iter().map(|name| {
            Scenario::named(name)
                .ok_or_else(|| Failure::WrongUsage(format!("no scenario {name}; `ringfence lab --list` names them")))
        });
        named.collect()
    }

    async fn play(&self, release: &'static Release, scenarios: &[Scenario]) -> Result<Answer, Failure> {
        let temporary = tempfile::tempdir().map_err(|error| Failure::CouldNotTell(error.to_string()))?;
        let base = self.keep.clone().unwrap_or_else(|| temporary.path().to_path_buf());
        let mut answer = Answer::Yes;
        let mut ended = Vec::new();
        for (index, scenario) in scenarios.iter().enumerate() {
            let directory = base.join(scenario.name());
            let (world, mut differences) = scenario.run(release, &directory).await?;
            let (table, others) = world.compare_endings()?;
            differences.extend(others);
            terminal::print(&format!("\n{table}\n"))?;
            for difference in &differences {
                answer = Answer::No;
                terminal::print(&format!("{} {difference}\n", terminal::paint(terminal::BAD, "differs:")))?;
            }
            ended.push((scenario.name(), differences.len(), world.phones.len()));
            if self.stay && index + 1 == scenarios.len() {
                stay(&world).await?;
            }
            world.end().await;
        }
        summary(&ended)?;
        Ok(answer)
    }
}

fn summary(ended: &[(&str, usize, usize)]) -> Result<(), Failure> {
    terminal::print("\n")?;
    for (name, differences, phones) in ended {
        let word = if *differences == 0 {
            terminal::paint(terminal::GOOD, "as told")
        } else {
            terminal::paint(terminal::BAD, &format!("{differences} differences"))
        };
        terminal::print(&format!("{name:<26}{phones} phones, {word}\n"))?;
    }
    Ok(())
}

async fn stay(world: &World) -> Result<(), Failure> {
    terminal::print("\nThe cluster stays until Ctrl-C:\n")?;
    for (name, listen) in world.listens() {
        terminal::print(&format!("  {name:<20}TFTP {}  HTTP {}  TVS {}\n", listen.tftp, listen.http, listen.tvs))?;
    }
    terminal::print(&format!("  ringfence admin --data {}\n", world.data().display()))?;
    let mut signals = StopSignals::new().map_err(|error| Failure::CouldNotTell(error.to_string()))?;
    signals.wait().await;
    Ok(())
}
