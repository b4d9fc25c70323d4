//! `ringfence inventory`: every certificate and LSC on record.

use std::io::IsTerminal;

use cluster::Surroundings;
use cluster::rows::Unreadable;
use cluster::{Level, moment};
use jiff::tz::TimeZone;
use pki::date::utc;
use ringfence_core::inventory::{Entry, Kind, Query, Status};
use ringfence_core::{Cluster, CoreError};
use serde_json::{Value, json};
use shell::columns::Columns;

use crate::exit::{Answer, Failure};
use crate::opened::{Data, actor, could_not};
use crate::terminal::{self, Progress, counted, one_line};

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
    /// A sentence for each instead of a table: the whole subject and everything that hangs on it
    #[arg(long, conflicts_with = "json")]
    long: bool,
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
        let device = self.device.unwrap_or_default();
        let query = Query {
            device: device.clone(),
            subject: self.subject.unwrap_or_default(),
            issuer: self.issuer.unwrap_or_default(),
            expires_by: self.expires_within.map(|days| now.saturating_add(i64::from(days) * DAY)),
            status: self.status.map(StatusWord::status),
        };
        // What cannot be read fits no question, and belongs into the answer to none.
        let unfiltered = query == Query::default();
        let reader = actor(Level::Read);
        let begun = opened.cluster.inventory(&reader, query, now);
        let mut inventory = opened.runtime.block_on(begun).map_err(could_not)?;
        let bar = bar(usize::try_from(inventory.lscs()).unwrap_or_default());
        let mut table: Option<Columns> = None;
        let mut any = false;
        let zone = opened.cluster.zone();
        while let Some(page) = opened.runtime.block_on(inventory.next()).map_err(could_not)? {
            if page.is_empty() {
                continue;
            }
            any = true;
            let lines: String = if self.json {
                page.iter().map(|entry| terminal::json_line(&value(entry))).collect()
            } else if self.long {
                terminal::screen(&page.iter().map(|entry| text(entry, zone)).collect::<String>())
            } else {
                // The columns of the first page are those of all: nobody waits for the last one.
                let rows: Vec<Vec<String>> = page.iter().map(|entry| row(entry, zone)).collect();
                let begun = table.is_some();
                let columns = table.get_or_insert_with(|| terminal::fit(&TITLES, &[&rows[..], &[widest()]].concat()));
                let head = if begun { String::new() } else { terminal::head(columns) };
                head + &columns.rows(&rows)
            };
            let read = bar.aside(|| terminal::print_on(&lines))?;
            if !read {
                return Ok(Answer::Yes);
            }
            bar.add(page.len());
        }
        drop(bar);
        if unfiltered {
            let damaged = opened.runtime.block_on(opened.cluster.unreadable()).map_err(could_not)?;
            let line = |one: &Unreadable| match self.json {
                true => terminal::json_line(
                    &json!({ "kind": "unreadable", "table": one.table, "key": one.key, "reason": one.reason }),
                ),
                false => terminal::screen(&(one_line(&format!("unreadable: {one}")) + "\n")),
            };
            terminal::print(&damaged.iter().map(line).collect::<String>())?;
        }
        if any {
            return Ok(Answer::Yes);
        }
        if !device.is_empty() && !opened.runtime.block_on(is_known(&opened.cluster, &device)).map_err(could_not)? {
            return Err(Failure::Refused(format!("no phone {device}; `ringfence device list` names them")));
        }
        if !self.json {
            terminal::print("nothing on record is like that\n")?;
        }
        Ok(Answer::Yes)
    }
}

async fn is_known(cluster: &Cluster, name: &str) -> Result<bool, CoreError> {
    Ok(cluster.store().devices().await?.iter().any(|row| row.name == name))
}

/// The titles of the table.
const TITLES: [&str; 5] = ["KIND", "STATUS", "UNTIL", "NAME", "WHERE"];

/// The longest words that a later page may have in the first columns.
fn widest() -> Vec<String> {
    ["certificate", "superseded", "9999-12-31", "", ""].map(str::to_owned).to_vec()
}

/// A bar while stdout goes into a file: a list that scrolls by needs none.
fn bar(total: usize) -> Progress {
    if std::io::stdout().is_terminal() {
        return Progress::hidden();
    }
    Progress::new(total, "{bar:40} {human_pos}/{human_len} {eta}")
}

/// A row of the table: the day, the common name, and where it is.
fn row(entry: &Entry, zone: &TimeZone) -> Vec<String> {
    let name = entry.subject.split(',').find_map(|part| part.trim().strip_prefix("CN="));
    let until = until(entry, zone);
    let row = [
        kind(entry).to_owned(),
        status(entry).to_owned(),
        until.split(' ').next().unwrap_or_default().to_owned(),
        name.unwrap_or(&entry.subject).to_owned(),
        hangs(entry).join("; "),
    ];
    row.map(|cell| one_line(&cell)).to_vec()
}

/// Its last second.
fn until(entry: &Entry, zone: &TimeZone) -> String {
    moment(entry.not_after.saturating_mul(1000), zone)
}

/// Who holds it, who presents it, who trusts it, and what hangs on it.
fn hangs(entry: &Entry) -> Vec<String> {
    let mut words: Vec<String> = entry.device.iter().map(|device| format!("held by {device}")).collect();
    let presented: Vec<String> = entry.presented.iter().map(|it| format!("{} of {}", it.unit, it.node)).collect();
    for (word, names) in [("presented by", &presented), ("trusted by", &entry.trusted), ("signed", &entry.signed)] {
        if !names.is_empty() {
            words.push(format!("{word} {}", names.join(", ")));
        }
    }
    if entry.lscs > 0 {
        let verb = if entry.lscs == 1 { "hangs" } else { "hang" };
        words.push(format!("{} {verb} on it", counted(entry.lscs, "LSC")));
    }
    words
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

fn text(entry: &Entry, zone: &TimeZone) -> String {
    let mut line = format!("{} {} until {}: {}", kind(entry), status(entry), until(entry, zone), entry.subject);
    for words in hangs(entry) {
        line.push_str(&format!("; {words}"));
    }
    one_line(&line) + "\n"
}
