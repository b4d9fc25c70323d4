//! What was decided about what a phone was offered, and what it asked TVS for it.

use std::time::Duration;

use serde_json::{Value, json};
use trust::{Tried, Verdict};

/// What was decided about a file or a TLS server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// Name of the file, or address of the server.
    pub what: String,
    /// The kind of offer: `CTL`, `ITL`, `signed config` ...
    pub offer: &'static str,
    /// The verdict with its reason.
    pub verdict: Verdict,
}

/// The kinds of question to TVS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskKind {
    /// Who signed this file?
    Query,
    /// Is this certificate known?
    Verify,
}

impl std::fmt::Display for AskKind {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Query => "QUERY",
            Self::Verify => "VERIFY",
        })
    }
}

/// A question to TVS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TvsTalk {
    /// Which question.
    pub ask: AskKind,
    /// Who it was about.
    pub about: String,
    /// Servers that gave no answer.
    pub tried: Vec<Tried>,
    /// The server that answered, and what; `None` when none did.
    pub answer: Option<(String, String)>,
    /// The answer was kept from an earlier question.
    pub cached: bool,
    /// How long it took.
    pub took: Duration,
}

impl TvsTalk {
    pub(crate) fn to_json(&self) -> Value {
        let tried: Vec<String> = self.tried.iter().map(ToString::to_string).collect();
        let (server, answer) = match &self.answer {
            Some((server, answer)) => (Some(server), Some(answer)),
            None => (None, None),
        };
        json!({
            "ask": self.ask.to_string(),
            "about": self.about,
            "server": server,
            "answer": answer,
            "cached": self.cached,
            "tried": tried,
            "milliseconds": milliseconds(self.took),
        })
    }
}

pub(crate) fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
