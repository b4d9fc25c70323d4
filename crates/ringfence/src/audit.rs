//! `ringfence audit`: the audit log of a cluster.

use clap::Subcommand;
use cluster::Level;
use ringfence_core::audit::AuditRow;
use serde_json::{Value, json};

use crate::exit::{Answer, Failure};
use crate::opened::{Data, actor, could_not};
use crate::terminal;

/// The audit log of a cluster: check it, export it
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: ringfence audit export --after 1200 >> audit.jsonl")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check that no entry was altered or taken out; exit code 1 when one was
    Verify {
        #[command(flatten)]
        data: Data,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the entries as JSON lines, the oldest first
    Export {
        #[command(flatten)]
        data: Data,
        /// Only the entries behind this number
        #[arg(long, value_name = "NUMBER", default_value_t = 0)]
        after: i64,
    },
}

impl Args {
    /// Runs the subcommand.
    pub fn run(self) -> Result<Answer, Failure> {
        match self.command {
            Command::Verify { data, json } => verify(&data, json),
            Command::Export { data, after } => export(&data, after),
        }
    }
}

fn verify(data: &Data, as_json: bool) -> Result<Answer, Failure> {
    let opened = data.open()?;
    let verdict = opened.runtime.block_on(opened.cluster.verify_audit(&actor(Level::Read))).map_err(could_not)?;
    let faults: Vec<String> = verdict.faults.iter().map(ToString::to_string).collect();
    if as_json {
        let shown = json!({
            "whole": faults.is_empty(),
            "entries": verdict.entries,
            "last_hash": verdict.head,
            "lines_compared": verdict.lines,
            "half_lines": verdict.half_lines,
            "faults": faults,
        });
        terminal::print(&terminal::json(&shown))?;
    } else if faults.is_empty() {
        let good = terminal::paint(terminal::GOOD, "whole");
        terminal::print(&format!(
            "{good}: {}, last hash {}\n",
            terminal::counted(verdict.entries, "entry"),
            verdict.head
        ))?;
    } else {
        let bad = terminal::paint(terminal::BAD, "altered");
        terminal::print(&format!("{bad}:\n  {}\n", faults.join("\n  ")))?;
    }
    if verdict.half_lines > 0 && !as_json {
        terminal::print(&format!(
            "  {} half-written lines of log/audit.log are no alteration; log/audit.log.half has those that were set aside\n",
            verdict.half_lines
        ))?;
    }
    Ok(if faults.is_empty() { Answer::Yes } else { Answer::No })
}

fn export(data: &Data, after: i64) -> Result<Answer, Failure> {
    let opened = data.open()?;
    let actor = actor(Level::Read);
    let mut last = after;
    loop {
        let page = opened.runtime.block_on(opened.cluster.audit_after(&actor, last)).map_err(could_not)?;
        let Some(end) = page.last() else { return Ok(Answer::Yes) };
        last = end.seq;
        let lines: String = page.iter().map(|row| terminal::json_line(&entry(row))).collect();
        terminal::print(&lines)?;
    }
}

fn entry(row: &AuditRow) -> Value {
    json!({
        "seq": row.seq,
        "at_ms": row.at,
        "actor": row.actor,
        "command": row.command,
        "result": row.result,
        "hash": row.hash,
    })
}
