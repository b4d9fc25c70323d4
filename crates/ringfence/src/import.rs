//! `ringfence import peer`: the databases and certificate files of usecallmanager's tools, taken over whole or not at all
//! [sources/open-tools#data-bases].

use std::path::{Path, PathBuf};

use clap::Subcommand;
use cluster::Level;
use daemon::surroundings::System;
use ringfence_core::CoreError;
use ringfence_core::caller::with_rights_to;
use ringfence_core::import::{Count, PeerImport, PeerSummary, given_certificates, read_capf, read_tvs};
use serde_json::{Value, json};
use tokio::runtime::Builder;

use crate::exit::{Answer, Failure};
use crate::files::input::{Input, certificate, key};
use crate::opened::{Data, Opened, actor, could_not};
use crate::terminal::{self, GOOD, Progress, one_line, paint};

/// From this many devices on, a bar says how far it is: some seconds of work.
const LARGE: usize = 1000;

/// Devices that were left as they are, by name, in the summary for people.
const SHOWN: usize = 20;

/// Take over what another program knows
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Peer(Peer),
}

impl Args {
    /// Runs the subcommand.
    pub fn run(self) -> Result<Answer, Failure> {
        match self.command {
            Command::Peer(args) => args.run(),
        }
    }
}

/// Take over the databases of usecallmanager's TVS and CAPF; all of it or nothing
///
/// Certificates keep their roles and the time that phones may keep an answer about them, and go into the trust stores of those roles; devices keep what is scheduled, authentication
/// string, key size and LSC. A device that has an LSC here already, or something pending, is left as it is, and one whose config is
/// encrypted here when its keys there are EC. The files are only read.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: ringfence import peer --tvs tvs.sqlite3 --capf capf.sqlite3 --issuer capf.pem --dry-run\n\n\
                        Exit codes: 0 taken over, 2 refused or unreadable; nothing was changed then."
)]
pub struct Peer {
    #[command(flatten)]
    data: Data,
    /// Database of TVS
    #[arg(long, value_name = "FILE", required_unless_present = "capf")]
    tvs: Option<PathBuf>,
    /// Database of CAPF; the DEVICE.pem files beside it are compared with it
    #[arg(long, value_name = "FILE")]
    capf: Option<PathBuf>,
    /// CA certificates that issued the LSCs, PEM (may be repeated); not needed for those that the TVS database has as CAPF
    #[arg(long, value_name = "FILE")]
    issuer: Vec<PathBuf>,
    /// Private key of the first --issuer: makes it the own CAPF, so that its LSCs hang on the CAPF in use
    #[arg(long, value_name = "FILE", requires = "issuer")]
    issuer_key: Option<PathBuf>,
    /// Model of the devices that are not known here: the databases name none
    #[arg(long, default_value = "8861")]
    model: String,
    /// Say what would be done, change nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Peer {
    fn run(self) -> Result<Answer, Failure> {
        // What is named may lie in the data directory.
        self.data.settle()?;
        let (import, differing) = self.read()?;
        let opened = self.data.open()?;
        for text in &differing {
            terminal::warn(text);
        }
        let summary = self.put(&opened, &import)?;
        terminal::print(&if self.json {
            terminal::json(&in_json(&summary, &differing, self.dry_run))
        } else {
            for_people(&summary, self.dry_run)
        })?;
        Ok(Answer::Yes)
    }

    /// Everything is read and checked before anything is touched.
    fn read(&self) -> Result<(PeerImport, Vec<String>), Failure> {
        let mut import = PeerImport { model: self.model.clone(), ..PeerImport::default() };
        let mut differing = Vec::new();
        if let Some(path) = &self.tvs {
            import.certificates = database(path, read_tvs(path))?;
        }
        if let Some(path) = &self.capf {
            (import.devices, differing) = database(path, read_capf(path))?;
        }
        for path in &self.issuer {
            import.issuers.extend(issuers(path)?);
        }
        if let (Some(first), Some(path)) = (self.issuer.first(), &self.issuer_key) {
            import.capf = Some((certificate(first)?, key(path)?));
        }
        Ok((import, differing))
    }

    fn put(&self, opened: &Opened, import: &PeerImport) -> Result<PeerSummary, Failure> {
        let count = import.devices.len();
        let bar = if count >= LARGE {
            Progress::new(count, "{bar:40} {pos}/{len} devices, {eta} left")
        } else {
            Progress::hidden()
        };
        let mut tell = |done: usize| bar.reached(done);
        let actor = actor(Level::Install);
        let mut system = System::default();
        let done = opened.cluster.import_peer(&actor, import, self.dry_run, &mut system, &mut tell);
        opened.runtime.block_on(done).map_err(could_not)
    }
}

/// Reads a database that is named. The threads that do it are started, and end, with the rights to that one.
fn database<T>(path: &Path, read: impl Future<Output = Result<T, CoreError>>) -> Result<T, Failure> {
    let reading = || {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Ok(runtime.block_on(read))
    };
    let done = with_rights_to(path, reading).and_then(|done| done).map_err(|error| Failure::at(path, error))?;
    done.map_err(could_not)
}

fn issuers(path: &Path) -> Result<Vec<pki::Certificate>, Failure> {
    let input = Input::read(path)?;
    given_certificates(&input.bytes).map_err(|error| Failure::of(&input.name, error))
}

fn rows(summary: &PeerSummary) -> [(&'static str, Count); 4] {
    [
        ("certificates", summary.certificates),
        ("devices", summary.devices),
        ("LSCs", summary.lscs),
        ("pending operations", summary.operations),
    ]
}

fn for_people(summary: &PeerSummary, dry: bool) -> String {
    let row = |(name, count): (&str, Count)| {
        vec![name.to_owned(), count.added.to_string(), count.changed.to_string(), count.left.to_string()]
    };
    let mut out = terminal::table(&["", "ADDED", "CHANGED", "LEFT"], &rows(summary).map(row));
    for (device, reason) in summary.left.iter().take(SHOWN) {
        out.push_str(&format!("left: {} {reason}\n", one_line(device)));
    }
    if summary.left.len() > SHOWN {
        out.push_str(&format!("left: {} more; --json names them\n", summary.left.len() - SHOWN));
    }
    if summary.capf {
        out.push_str("its CAPF is the own one now; the CAPF that was here stays in the trust stores\n");
    }
    out.push_str(&if summary.is_nothing() {
        "nothing was changed: all of it is here already\n".to_owned()
    } else if dry {
        "this is what would be done; nothing was changed\n".to_owned()
    } else {
        format!("{}\n", paint(GOOD, "taken over"))
    });
    out
}

fn in_json(summary: &PeerSummary, differing: &[String], dry: bool) -> Value {
    let counts = |count: Count| json!({ "added": count.added, "changed": count.changed, "left": count.left });
    json!({
        "certificates": counts(summary.certificates),
        "devices": counts(summary.devices),
        "lscs": counts(summary.lscs),
        "pending_operations": counts(summary.operations),
        "own_capf": summary.capf,
        "left": summary.left.iter().map(|(device, reason)| json!({ "device": device, "reason": reason })).collect::<Vec<_>>(),
        "warnings": differing,
        "dry_run": dry,
    })
}
