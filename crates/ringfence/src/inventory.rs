//! `ringfence inventory`: every certificate and LSC on record.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use pki::date::utc;
use ringfence_core::inventory::{Entry, Kind, Query, Status};
use ringfence_core::{Level, Surroundings};
use serde_json::{Value, json};

use crate::exit::{Answer, Failure};
use crate::opened::{Data, actor, could_not};
use crate::terminal::{self, one_line};

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// Every certificate and LSC: who presents it, who trusts it, what hangs on it, when it ends
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: ringfence inventory --expires-within 30 --status valid --json")]
pub struct Args {
    #[command(flatten)]
    data: Data,
    /// Only what this phone holds
    #[arg(long, value_name = "NAME")]
    device: Option<String>,
    /// Only those with this text in their subject
    #[arg(long, value_name = "TEXT")]
    subject: Option<String>,
    /// Only those with this text in their issuer
    #[arg(long, value_name = "TEXT")]
    issuer: Option<String>,
    /// Only those that end within so many days, or have ended
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16))]
    expires_within: Option<u16>,
    /// Only those of this status
    #[arg(long)]
    status: Option<StatusWord>,
    /// Print JSON lines
    #[arg(long)]
    json: bool,
}

/// A status on the command line.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum StatusWord {
    Valid,
    Expired,
    NotYet,
    Intended,
    Superseded,
    Deleted,
}

impl StatusWord {
    const fn status(self) -> Status {
        match self {
            Self::Valid => Status::Valid,
            Self::Expired => Status::Expired,
            Self::NotYet => Status::NotYet,
            Self::Intended => Status::Intended,
            Self::Superseded => Status::Superseded,
            Self::Deleted => Status::Deleted,
        }
    }
}

impl Args {
    /// Prints page by page.
    pub fn run(self) -> Result<Answer, Failure> {
        let opened = self.data.open()?;
        let now = daemon::surroundings::System::default().now();
        let query = Query {
            device: self.device.unwrap_or_default(),
            subject: self.subject.unwrap_or_default(),
            issuer: self.issuer.unwrap_or_default(),
            expires_by: self.expires_within.map(|days| now.saturating_add(i64::from(days) * DAY)),
            status: self.status.map(StatusWord::status),
        };
        let reader = actor(Level::Read);
        let begun = opened.cluster.inventory(&reader, query, now);
        let mut inventory = opened.runtime.block_on(begun).map_err(could_not)?;
        let bar = bar(u64::try_from(inventory.lscs()).unwrap_or_default());
        while let Some(page) = opened.runtime.block_on(inventory.next()).map_err(could_not)? {
            let lines: String =
                page.iter().map(|entry| if self.json { format!("{}\n", value(entry)) } else { text(entry) }).collect();
            bar.suspend(|| terminal::print(&lines))?;
            bar.inc(u64::try_from(page.len()).unwrap_or_default());
        }
        bar.finish_and_clear();
        Ok(Answer::Yes)
    }
}

/// A bar on stderr while stdout goes elsewhere: a list that scrolls by needs none.
fn bar(total: u64) -> ProgressBar {
    if std::io::stdout().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
    match ProgressStyle::with_template("{bar:40} {human_pos}/{human_len} {eta}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

const fn kind(entry: &Entry) -> &'static str {
    match entry.kind {
        Kind::Certificate => "certificate",
        Kind::Lsc => "LSC",
        Kind::Mic => "MIC",
        Kind::Shown => "shown",
    }
}

const fn status(entry: &Entry) -> &'static str {
    match entry.status {
        Status::Valid => "valid",
        Status::Expired => "expired",
        Status::NotYet => "not-yet",
        Status::Intended => "intended",
        Status::Superseded => "superseded",
        Status::Deleted => "deleted",
    }
}

fn value(entry: &Entry) -> Value {
    let presented: Vec<Value> =
        entry.presented.iter().map(|it| json!({ "node": it.node, "unit": it.unit, "ports": it.ports })).collect();
    json!({
        "kind": kind(entry),
        "status": status(entry),
        "subject": entry.subject,
        "issuer": entry.issuer,
        "serial": entry.serial,
        "sha256": entry.sha256,
        "not_before": utc(entry.not_before),
        "not_after": utc(entry.not_after),
        "device": entry.device,
        "presented_by": presented,
        "trusted_by": entry.trusted,
        "lists_signed": entry.signed,
        "lscs_issued": entry.lscs,
    })
}

fn text(entry: &Entry) -> String {
    let mut line = format!("{} {} until {}: {}", kind(entry), status(entry), utc(entry.not_after), entry.subject);
    if let Some(device) = &entry.device {
        line.push_str(&format!("; held by {device}"));
    }
    let presented: Vec<String> = entry.presented.iter().map(|it| format!("{} of {}", it.unit, it.node)).collect();
    for (word, names) in [("presented by", &presented), ("trusted by", &entry.trusted), ("signed", &entry.signed)] {
        if !names.is_empty() {
            line.push_str(&format!("; {word} {}", names.join(", ")));
        }
    }
    if entry.lscs > 0 {
        line.push_str(&format!("; {} LSCs hang on it", entry.lscs));
    }
    one_line(&line) + "\n"
}
