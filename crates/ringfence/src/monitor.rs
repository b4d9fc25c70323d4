//! `ringfence monitor`: what expires, as the certificate monitor sees it now.

use comfy_table::{ContentArrangement, Table, presets};
use daemon::settings::Settings;
use daemon::surroundings::System;
use pki::date::utc;
use ringfence_core::Surroundings;
use ringfence_core::alarms::Alarm;
use ringfence_core::monitor::{Watched, alarm_of};
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
                        in use has a week or less and nobody acknowledged it, 2 could not tell."
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

impl Args {
    /// Lists them, the gravest first.
    pub fn run(self) -> Result<Answer, Failure> {
        let opened = self.data.open()?;
        let path = opened.cluster.data().settings();
        let settings = Settings::read(&path).map_err(|error| Failure::CouldNotTell(error.to_string()))?.monitor;
        let schedule = opened.cluster.monitor_schedule(settings.window_days, settings.repeat_hours);
        let now = System::default().now();
        let watched = opened.runtime.block_on(opened.cluster.watched(settings.lsc)).map_err(could_not)?;
        let mut rows: Vec<(Watched, Option<&Alarm>)> = watched
            .into_iter()
            .map(|one| (alarm_of(&one, &schedule, now), one))
            .map(|(alarm, one)| (one, alarm))
            .collect();
        rows.retain(|(_, alarm)| self.all || alarm.is_some());
        rows.sort_by_key(|(one, alarm)| (alarm.map_or(u8::MAX, |alarm| alarm.severity()), one.not_after));
        if self.json {
            let shown: Vec<Value> = rows.iter().map(|(one, alarm)| described(one, *alarm)).collect();
            terminal::print(&format!("{:#}\n", Value::Array(shown)))?;
        } else if rows.is_empty() {
            terminal::print(&format!("Nothing expires within {} days.\n", settings.window_days))?;
        } else {
            terminal::print(&format!("{}\n", table(&rows)))?;
        }
        let urgent = rows
            .iter()
            .any(|(one, alarm)| alarm.is_some_and(|alarm| alarm.severity() <= ACT) && one.acknowledged.is_none());
        Ok(if urgent { Answer::No } else { Answer::Yes })
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

fn table(rows: &[(Watched, Option<&Alarm>)]) -> Table {
    let mut table = Table::new();
    table.set_content_arrangement(ContentArrangement::Dynamic).load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(["Certificate", "SHA-256", "Until", "Alarm", "Depends on it"]);
    for (one, alarm) in rows {
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
            utc(one.not_after),
            alarm.map_or("", |alarm| alarm.name).to_owned(),
            depends.join("\n"),
        ];
        table.add_row(row.map(|text| text.lines().map(terminal::one_line).collect::<Vec<_>>().join("\n")));
    }
    table
}
