//! A load with good clients of every server before it, during it and after it, and what it cost the node: one row of a table.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::load::{Load, Target};
use super::visit::{Server, Visitor};

/// How long a good client waits before it counts as not served.
const PATIENCE: Duration = Duration::from_secs(10);

/// Pause of a good client between two visits: each of them asks some thirty times a second at most.
const PAUSE: Duration = Duration::from_millis(25);

/// How often memory and open files are looked at.
const LOOK: Duration = Duration::from_millis(100);

/// During a load the slowest of a hundred good clients may wait so many times as long as without it.
pub const SLOWER: u32 = 2;

/// Waits below this are not compared: on a busy machine they are those of the machine.
pub const FLOOR: Duration = Duration::from_millis(5);

/// Bytes that a load may cost above the quiet figure, and how many times of it may stay a minute after, in percent.
pub const MORE_BYTES: u64 = 256 << 20;
/// Percent of the quiet memory that may stay.
pub const STAYS: u64 = 120;

/// How long each part of a row takes.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// Quiet, before the load.
    pub before: Duration,
    /// Until all of the crowd have come.
    pub coming: Duration,
    /// The load.
    pub during: Duration,
    /// Until memory is looked at again.
    pub rest: Duration,
    /// Good clients after that.
    pub after: Duration,
}

/// How long good clients of one server waited, sorted.
#[derive(Debug, Clone, Default)]
pub struct Waits(Vec<Duration>);

impl Waits {
    /// So many in a hundred waited no longer.
    #[must_use]
    pub fn percentile(&self, percent: usize) -> Duration {
        let last = self.0.len().saturating_sub(1);
        self.0.get((last * percent).div_ceil(100)).copied().unwrap_or_default()
    }

    /// Adds others.
    pub fn join(&mut self, others: Self) {
        self.0.extend(others.0);
        self.0.sort_unstable();
    }

    /// How many there were.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

/// Good clients of one server.
#[derive(Debug, Clone)]
pub struct Served {
    /// Which.
    pub server: Server,
    /// Before, during and after.
    pub waits: [Waits; 3],
    /// Visits that were in vain, and why the first of them was.
    pub failed: Vec<String>,
}

impl Served {
    /// How many times longer one in a hundred waited during the load.
    #[must_use]
    pub fn slower(&self) -> f64 {
        let [before, during, _] = &self.waits;
        let least = before.percentile(99).max(FLOOR);
        during.percentile(99).as_secs_f64() / least.as_secs_f64()
    }
}

/// What a process takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Taken {
    /// Bytes in memory.
    pub memory: u64,
    /// Files that are open.
    pub files: usize,
}

impl Taken {
    /// Of a process now; nothing when it is gone.
    #[must_use]
    pub fn by(process: u32) -> Self {
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
        let kibibytes: u64 = line.split_whitespace().next().and_then(|digits| digits.parse().ok()).unwrap_or(0);
        let files = std::fs::read_dir(format!("/proc/{process}/fd")).map_or(0, Iterator::count);
        Self { memory: kibibytes << 10, files }
    }
}

/// What came of a load.
#[derive(Debug, Clone)]
pub struct Row {
    /// The load.
    pub load: String,
    /// Good clients, of each server.
    pub served: Vec<Served>,
    /// Before, the most during, and after.
    pub taken: [Taken; 3],
}

impl Row {
    /// The server whose good clients it slowed down most.
    #[must_use]
    pub fn worst(&self) -> Option<&Served> {
        self.served.iter().max_by(|one, other| one.slower().total_cmp(&other.slower()))
    }

    /// Visits that were in vain, and all.
    #[must_use]
    pub fn failures(&self) -> (usize, usize) {
        let failed: usize = self.served.iter().map(|served| served.failed.len()).sum();
        let done: usize = self.served.iter().flat_map(|served| &served.waits).map(Waits::count).sum();
        (failed, failed + done)
    }

    /// The line of the table, at most 80 columns.
    #[must_use]
    pub fn line(&self) -> String {
        let mut columns = vec![format!("{:<14}", self.load)];
        match self.worst() {
            Some(worst) => {
                columns.push(format!("{:<7}", worst.server.name()));
                let waits = worst.waits.iter();
                columns.extend(waits.map(|waits| {
                    format!("{:>9}", format!("{}/{}", ms(waits.percentile(50)), ms(waits.percentile(99))))
                }));
            }
            None => columns.push(" ".repeat(7 + 3 * 10)),
        }
        let (failed, all) = self.failures();
        columns.push(format!("{:>7}", format!("{failed}/{all}")));
        let [before, during, after] = self.taken.map(|taken| taken.memory >> 20);
        columns.push(format!("{:>10}", format!("{before}/{during}/{after}")));
        columns.push(format!("{:>4}", self.taken[1].files));
        columns.join(" ")
    }

    /// The goals that were missed, each a line.
    #[must_use]
    pub fn missed(&self) -> Vec<String> {
        let mut out = Vec::new();
        for served in &self.served {
            let [before, during, _] = &served.waits;
            if during.percentile(99) > before.percentile(99).max(FLOOR) * SLOWER {
                let (before, during) = (ms(before.percentile(99)), ms(during.percentile(99)));
                out.push(format!("{}: p99 {during} ms during, {before} ms before", served.server.name()));
            }
            if let Some(first) = served.failed.first() {
                out.push(format!("{} visits in vain, the first: {first}", served.failed.len()));
            }
        }
        let [before, during, after] = self.taken.map(|taken| taken.memory);
        if during > before + MORE_BYTES {
            out.push(format!("memory {} MiB above the quiet figure", (during - before) >> 20));
        }
        if after * 100 > before * STAYS {
            out.push(format!("{:.2} times the quiet memory stay", after as f64 / before as f64));
        }
        out
    }
}

/// The head of the table.
pub const HEAD: &str = "load           slowest    before    during     after failed  MiB b/d/a files";

fn ms(wait: Duration) -> String {
    let ms = wait.as_secs_f64() * 1e3;
    if ms < 9.95 { format!("{ms:.1}") } else { format!("{ms:.0}") }
}

/// Good clients of a node, one of each server at a time, for so long. Their waits by server, and what was in vain.
pub async fn visits(target: &Target, length: Duration) -> Vec<(Server, Waits, Vec<String>)> {
    let mut visiting = JoinSet::new();
    let end = Instant::now() + length;
    for (number, (server, address)) in target.servers().iter().copied().enumerate() {
        let from = Ipv4Addr::new(127, 0, 99, u8::try_from(number + 1).unwrap_or(1));
        visiting.spawn(async move {
            let (mut waits, mut failed) = (Vec::new(), Vec::new());
            match Visitor::new(from, PATIENCE) {
                Err(error) => failed.push(error.to_string()),
                Ok(visitor) => {
                    while Instant::now() < end {
                        match visitor.visit(server, address).await {
                            Ok(wait) => waits.push(wait),
                            Err(why) => failed.push(why),
                        }
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            }
            waits.sort_unstable();
            (number, server, Waits(waits), failed)
        });
    }
    let mut all = visiting.join_all().await;
    all.sort_by_key(|(number, ..)| *number);
    all.into_iter().map(|(_, server, waits, failed)| (server, waits, failed)).collect()
}

/// The most that a process takes until it is stopped.
async fn most(process: u32, mut stop: tokio::sync::oneshot::Receiver<()>) -> Taken {
    let mut most = Taken::default();
    while stop.try_recv().is_err() {
        let now = Taken::by(process);
        most = Taken { memory: most.memory.max(now.memory), files: most.files.max(now.files) };
        tokio::time::sleep(LOOK).await;
    }
    most
}

/// One load of a crowd of `size` on a node that runs as `process`.
pub async fn measure(load: Load, size: usize, target: &Target, process: u32, times: Times) -> Row {
    measure_with(load.label(), || load.begin(target, size), target, process, times).await
}

/// The same for anything that goes on until it is dropped.
pub async fn measure_with<T>(
    name: &str,
    begin: impl FnOnce() -> T,
    target: &Target,
    process: u32,
    times: Times,
) -> Row {
    let before = visits(target, times.before).await;
    let quiet = Taken::by(process);
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let watching = tokio::spawn(most(process, stopped));
    let crowd = begin();
    let mut coming = visits(target, times.coming).await;
    let during = visits(target, times.during).await;
    drop(crowd);
    let most = match stop.send(()) {
        Ok(()) => watching.await.unwrap_or_default(),
        Err(()) => Taken::default(),
    };
    tokio::time::sleep(times.rest).await;
    let after = Taken::by(process);
    let last = visits(target, times.after).await;
    let mut served = Vec::new();
    for ((((server, before, failed), (_, during, more)), (_, after, last)), (.., first)) in
        before.into_iter().zip(during).zip(last).zip(coming.drain(..))
    {
        let failed = [failed, first, more, last].concat();
        served.push(Served { server, waits: [before, during, after], failed });
    }
    Row { load: name.to_owned(), served, taken: [quiet, most, after] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(all: &[u64]) -> Waits {
        Waits(all.iter().map(|ms| Duration::from_millis(*ms)).collect())
    }

    #[test]
    fn a_row_fits_and_says_what_was_missed() {
        let taken = |memory: u64, files| Taken { memory: memory << 20, files };
        let served = |server, during| Served {
            server,
            waits: [waits(&[1, 2, 15]), waits(&[20, 20, during]), waits(&[1])],
            failed: Vec::new(),
        };
        let mut row = Row {
            load: "half-open-tls".to_owned(),
            served: vec![served(Server::Tftp, 21), served(Server::Capf, 29)],
            taken: [taken(40, 50), taken(200, 2100), taken(41, 50)],
        };
        assert!(row.missed().is_empty(), "{:?}", row.missed());
        row.served.push(served(Server::CtlProvider, 1100));
        row.served[2].failed.push("CTL: no".to_owned());
        row.taken[1] = taken(310, 2100);
        row.taken[2] = taken(60, 50);
        assert!(row.line().len() <= 80 && HEAD.len() <= 80, "{}", row.line());
        assert!(row.line().starts_with("half-open-tls  CTL        2.0/15   20/1100"), "{}", row.line());
        assert_eq!(
            row.missed(),
            [
                "CTL: p99 1100 ms during, 15 ms before",
                "1 visits in vain, the first: CTL: no",
                "memory 270 MiB above the quiet figure",
                "1.50 times the quiet memory stay"
            ]
        );
    }
}
