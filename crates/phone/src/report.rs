//! What came of a boot.

use std::net::IpAddr;
use std::time::Duration;

use serde_json::{Value, json};
use trust::{DeviceMessage, Verdict};

use crate::capf::Enrolment;
use crate::judged::milliseconds;
pub use crate::judged::{AskKind, Judged, TvsTalk};

/// How a file travelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// HTTP.
    Http,
    /// TFTP.
    Tftp,
}

impl std::fmt::Display for Transport {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Http => "HTTP",
            Self::Tftp => "TFTP",
        })
    }
}

/// What came of asking for a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileOutcome {
    /// It came.
    Fetched {
        /// How.
        transport: Transport,
        /// From where.
        server: IpAddr,
        /// Its size.
        bytes: usize,
    },
    /// A server does not have it.
    NotFound,
    /// No server gave an answer that can be used: why, for each.
    Failed(String),
}

/// A file that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEvent {
    /// Its name.
    pub name: String,
    /// What came of it.
    pub outcome: FileOutcome,
    /// How long it took.
    pub took: Duration,
}

/// How a boot ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// Everything that was offered is believed, and there is a config.
    Trusted,
    /// Something that was offered is not believed. The phone goes on with what it had.
    Refused,
    /// Everything that was offered is believed, but no config was offered, or one that cannot be used.
    NoConfig,
    /// No file server answered.
    Unreachable,
}

impl Outcome {
    /// A short name that stays the same, for machines.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Trusted => "trusted",
            Self::Refused => "refused",
            Self::NoConfig => "no-config",
            Self::Unreachable => "unreachable",
        }
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.label())
    }
}

/// A boot, from the first file to the config.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootReport {
    /// Device name.
    pub name: String,
    /// Name of the model.
    pub model: &'static str,
    /// How it ended.
    pub outcome: Outcome,
    /// Files in the order they were asked for.
    pub files: Vec<FileEvent>,
    /// Verdicts in order.
    pub verdicts: Vec<Judged>,
    /// Questions to TVS in order.
    pub tvs: Vec<TvsTalk>,
    /// Messages on the display, in order.
    pub messages: Vec<DeviceMessage>,
    /// Visits to CAPF. After one that changed the LSC, the files and verdicts of a second round follow.
    pub enrolments: Vec<Enrolment>,
    /// What went wrong besides verdicts: a config that is no XML, a visit to CAPF in vain, a belief that could not be saved.
    pub problems: Vec<String>,
    /// `StatusCode` of the alarm DeviceTLInfo, 1 to 9.
    pub status_code: u8,
    /// How long it took.
    pub took: Duration,
}

impl BootReport {
    /// The first verdict on an offer of this kind: `CTL`, `ITL`, `signed config`, `unsigned config`.
    #[must_use]
    pub fn verdict(&self, offer: &str) -> Option<&Verdict> {
        let judged = self.verdicts.iter().find(|judged| judged.offer == offer)?;
        Some(&judged.verdict)
    }

    /// The first refusal in words: what was refused, and why.
    #[must_use]
    pub fn refusal(&self) -> Option<String> {
        let judged = self.verdicts.iter().find(|judged| !judged.verdict.is_accepted())?;
        Some(format!("{}: {}", judged.what, judged.verdict.reason()))
    }

    /// What a table says in its last column: the first refusal, the first problem, or the last ground.
    #[must_use]
    pub fn reason(&self) -> String {
        if let Some(refusal) = self.refusal() {
            return refusal;
        }
        if let Some(problem) = self.problems.first() {
            return problem.clone();
        }
        let failed = self.files.iter().find_map(|file| match &file.outcome {
            FileOutcome::Failed(why) => Some(format!("{}: {why}", file.name)),
            _ => None,
        });
        if let (Outcome::Unreachable, Some(why)) = (self.outcome, failed) {
            return why;
        }
        let last = self.verdicts.last();
        last.map(|judged| format!("{}: {}", judged.what, judged.verdict.reason())).unwrap_or_default()
    }

    /// Everything, for machines. Durations in milliseconds.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let files: Vec<Value> = self.files.iter().map(file_json).collect();
        let verdicts: Vec<Value> = self
            .verdicts
            .iter()
            .map(|judged| {
                json!({
                    "what": judged.what,
                    "offer": judged.offer,
                    "accepted": judged.verdict.is_accepted(),
                    "verdict": judged.verdict.label(),
                    "reason": judged.verdict.reason(),
                })
            })
            .collect();
        let tvs: Vec<Value> = self.tvs.iter().map(TvsTalk::to_json).collect();
        let messages: Vec<String> = self.messages.iter().map(ToString::to_string).collect();
        json!({
            "name": self.name,
            "model": self.model,
            "outcome": self.outcome.label(),
            "status_code": self.status_code,
            "milliseconds": milliseconds(self.took),
            "files": files,
            "verdicts": verdicts,
            "tvs": tvs,
            "messages": messages,
            "enrolments": self.enrolments.iter().map(Enrolment::to_json).collect::<Vec<_>>(),
            "problems": self.problems,
        })
    }
}

fn file_json(file: &FileEvent) -> Value {
    let took = milliseconds(file.took);
    match &file.outcome {
        FileOutcome::Fetched { transport, server, bytes } => json!({
            "name": file.name, "outcome": "fetched", "transport": transport.to_string(),
            "server": server.to_string(), "bytes": bytes, "milliseconds": took,
        }),
        FileOutcome::NotFound => {
            json!({ "name": file.name, "outcome": "not-found", "milliseconds": took })
        }
        FileOutcome::Failed(why) => json!({
            "name": file.name, "outcome": "failed", "reason": why, "milliseconds": took,
        }),
    }
}
