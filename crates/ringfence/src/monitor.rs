//! `ringfence monitor`: what expires, as the certificate monitor sees it now.

use cluster::Surroundings;
use cluster::alarms::Alarm;
use cluster::monitor::decide::alarm_of;
use cluster::monitor::watched::Watched;
use cluster::rows::Unreadable;
use daemon::monitor::MonitorSettings;
use daemon::settings::Settings;
use daemon::surroundings::System;
use pki::date::utc;
use ringfence_core::Cluster;
use serde_json::{Value, json};

use crate::exit::{Answer, Failure};
use crate::opened::{Data, could_not};
use crate::terminal;

/// Severity of syslog up to which somebody has to act: critical, 7 days or less.
const ACT: u8 = 2;

/// Which certificates expire, what depends on them, who acknowledged it
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: ringfence monitor --json | jq '.[] | select(.in_use)'\n\nExit codes: 0 nothing urgent, 1 a certificate \
                        in use has a week or less and nobody acknowledged it, or \
                        something cannot be read, 2 could not tell."
)]
pub struct Args {
    #[command(flatten)]
    data: Data,
    /// List the certificates too that are good for long
    #[arg(long)]
    all: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// LSCs in a table at most, those that end first: more than anybody reads. JSON has all.
const LISTED_LSCS: usize = 1000;

/// A certificate and what is to be said of it.
type Row = (Watched, Option<&'static Alarm>);

impl Args {
    /// Lists them, the gravest first; as JSON those of nodes and trust stores before the LSCs, which come by their end.
    pub fn run(self) -> Result<Answer, Failure> {
        let opened = self.data.open()?;
        let publisher = opened.runtime.block_on(opened.cluster.node(None)).map_err(could_not)?;
        let path = opened.cluster.directory(&publisher).settings();
        let settings = Settings::read(&path).map_err(|error| Failure::CouldNotTell(error.to_string()))?.monitor;
        let urgent = opened.runtime.block_on(self.list(&opened.cluster, &settings))?;
        Ok(if urgent { Answer::No } else { Answer::Yes })
    }

    /// Whether one of them is urgent.
    async fn list(&self, cluster: &Cluster, settings: &MonitorSettings) -> Result<bool, Failure> {
        let schedule = cluster.monitor_schedule(settings.window_days, settings.repeat_hours);
        let now = System::default().now();
        let judged = |watched: Vec<Watched>| -> Vec<Row> {
            let rows = watched.into_iter().map(|one| (alarm_of(&one, &schedule, now), one));
            rows.filter(|(alarm, _)| self.all || alarm.is_some()).map(|(alarm, one)| (one, alarm)).collect()
        };
        let damaged = cluster.unreadable().await.map_err(could_not)?;
        let mut rows = judged(cluster.watched().await.map_err(could_not)?);
        rows.sort_by_key(by_gravity);
        let mut urgent = rows.iter().any(is_urgent);
        let mut json = Json::default();
        if self.json {
            json.print(&rows)?;
        }
        let (mut lscs, mut left_out) = (0, 0);
        let until = if self.all { i64::MAX } else { schedule.horizon(now) };
        let mut pages = settings.lsc.then(|| cluster.watched_lscs(until));
        while let Some(pages) = &mut pages
            && let Some(page) = pages.next().await.map_err(could_not)?
        {
            let mut page = judged(page.lscs);
            urgent |= page.iter().any(is_urgent);
            if self.json {
                json.print(&page)?;
            } else {
                left_out += page.len();
                page.truncate(LISTED_LSCS - lscs);
                lscs += page.len();
                left_out -= page.len();
                rows.extend(page);
            }
        }
        if self.json {
            json.unreadable(&damaged)?;
            json.end()?;
        } else if rows.is_empty() {
            terminal::print(&format!("Nothing expires within {}.\n", terminal::counted(settings.window_days, "day")))?;
        } else {
            rows.sort_by_key(by_gravity);
            terminal::print(&table(&rows))?;
            if left_out > 0 {
                terminal::print(&format!(
                    "and {} more, later; --json lists all\n",
                    terminal::counted(left_out, "LSC")
                ))?;
            }
        }
        if !self.json {
            let line = |one: &Unreadable| terminal::one_line(&format!("unreadable: {one}")) + "\n";
            terminal::print(&damaged.iter().map(line).collect::<String>())?;
        }
        // Until it is mended nobody knows what it was.
        Ok(urgent || !damaged.is_empty())
    }
}

fn by_gravity((one, alarm): &Row) -> (u8, i64) {
    (alarm.map_or(u8::MAX, |alarm| alarm.severity()), one.not_after)
}

fn is_urgent((one, alarm): &Row) -> bool {
    alarm.is_some_and(|alarm| alarm.severity() <= ACT) && one.acknowledged.is_none()
}

/// An array that is written while it is read.
#[derive(Default)]
struct Json {
    begun: bool,
}

impl Json {
    fn print(&mut self, rows: &[Row]) -> Result<(), Failure> {
        let mut out = String::new();
        for (one, alarm) in rows {
            out.push_str(if self.begun { ",\n" } else { "[\n" });
            self.begun = true;
            out.push_str(terminal::json(&described(one, *alarm)).trim_end());
        }
        terminal::print(&out)
    }

    fn unreadable(&mut self, damaged: &[Unreadable]) -> Result<(), Failure> {
        let mut out = String::new();
        for one in damaged {
            out.push_str(if self.begun { ",\n" } else { "[\n" });
            self.begun = true;
            let value = json!({ "kind": "unreadable", "table": one.table, "key": one.key, "reason": one.reason });
            out.push_str(terminal::json(&value).trim_end());
        }
        terminal::print(&out)
    }

    fn end(&self) -> Result<(), Failure> {
        terminal::print(if self.begun { "\n]\n" } else { "[]\n" })
    }
}

fn described(one: &Watched, alarm: Option<&Alarm>) -> Value {
    json!({
        "sha256": one.fingerprint,
        "unit": one.unit,
        "file": one.file,
        "kind": one.kind.word(),
        "not_after": utc(one.not_after),
        "in_use": !one.depends.is_empty(),
        "depends": one.depends,
        "alarm": alarm.map(|alarm| alarm.name),
        "severity": alarm.map(|alarm| alarm.severity()),
        "acknowledged": one.acknowledged.as_ref().map(|known| json!({"by": known.actor, "reason": known.reason})),
    })
}

fn table(rows: &[Row]) -> String {
    let row = |(one, alarm): &Row| {
        let mut depends = one.depends.clone();
        if depends.is_empty() {
            depends.push("nothing".to_owned());
        }
        if let Some(known) = &one.acknowledged {
            depends.push(format!("acknowledged by {}: {}", known.actor, known.reason));
        }
        let row = [
            format!("{}/{}", one.unit, one.file),
            one.fingerprint.get(..16).unwrap_or_default().to_owned(),
            utc(one.not_after).split('T').next().unwrap_or_default().to_owned(),
            alarm.map_or("", |alarm| alarm.name).to_owned(),
            depends.join("; "),
        ];
        row.map(|text| terminal::one_line(&text)).to_vec()
    };
    let rows: Vec<Vec<String>> = rows.iter().map(row).collect();
    terminal::table(&["CERTIFICATE", "SHA-256", "UNTIL", "ALARM", "DEPENDS ON IT"], &rows)
}
