//! Why a phone went to CAPF, and what came of it.

use std::time::Duration;

use serde_json::{Value, json};
use trust::Tried;
use wire::capf::{ClientEnded, Reason};

use super::mode::Mode;
use super::session::{Done, LEFT, SessionReport};
use crate::judged::{Judged, milliseconds};

/// Why a phone goes to CAPF [sources/signed-files#what-the-phone-does-with-it].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// `capfAuthMode` says so.
    Scheduled,
    /// The config is encrypted for another certificate, by its `certHash`.
    CertificateHash,
    /// The encrypted config does not open.
    CannotOpen,
    /// The user chose *Update*.
    User,
}

impl Cause {
    /// A short name that stays the same, for machines.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::CertificateHash => "certificate-hash",
            Self::CannotOpen => "cannot-open",
            Self::User => "user",
        }
    }

    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Scheduled => "capfAuthMode of the config",
            Self::CertificateHash => "public key mismatch",
            Self::CannotOpen => "decrypt failed",
            Self::User => "user initiated",
        }
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The phone has a new LSC.
    Installed,
    /// The phone has no LSC any more.
    Deleted,
    /// The phone showed its LSC.
    Shown,
    /// The server had nothing for this phone.
    NothingPending,
    /// The server ended the session: wrong string, wrong certificate, unknown device ...
    Refused(Reason),
    /// The phone could not do what the server wanted: why.
    NotDone(String),
    /// The session broke: why.
    Broken(String),
    /// No server was reached, or none that is believed; `tried` says why.
    NoServer,
    /// By string, and the user has typed none.
    AwaitsString,
}

impl Outcome {
    /// A short name that stays the same, for machines.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Installed => "installed",
            Self::Deleted => "deleted",
            Self::Shown => "shown",
            Self::NothingPending => "nothing-pending",
            Self::Refused(Reason::UNKNOWN_DEVICE) => "unknown-device",
            Self::Refused(_) => "refused",
            Self::NotDone(_) => "not-done",
            Self::Broken(_) => "broken",
            Self::NoServer => "no-server",
            Self::AwaitsString => "awaits-string",
        }
    }

    /// Whether the phone has another certificate than before, so that everything is fetched again.
    #[must_use]
    pub const fn changed(&self) -> bool {
        matches!(self, Self::Installed | Self::Deleted)
    }

    /// Whether nothing went wrong.
    #[must_use]
    pub const fn is_good(&self) -> bool {
        matches!(self, Self::Installed | Self::Deleted | Self::Shown | Self::NothingPending | Self::AwaitsString)
    }

    /// What a session came to.
    #[must_use]
    pub fn of(report: &SessionReport) -> Self {
        match (&report.done, &report.ended) {
            (Done::Installed(_), _) => Self::Installed,
            (Done::Deleted, _) => Self::Deleted,
            (Done::Shown(_), _) => Self::Shown,
            (Done::NotInstalled(why) | Done::NotDeleted(why) | Done::NotShown(why), _) => Self::NotDone(why.clone()),
            (Done::Nothing, ClientEnded::Reason(Reason::NO_ACTION | Reason::SUCCESS)) => Self::NothingPending,
            (Done::Nothing, ClientEnded::Reason(reason)) => Self::Refused(*reason),
            (Done::Nothing, _) if report.left => Self::Broken(LEFT.to_owned()),
            (Done::Nothing, ended) => Self::Broken(ended.to_string()),
        }
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Installed => out.write_str("LSC installed"),
            Self::Deleted => out.write_str("LSC deleted"),
            Self::Shown => out.write_str("LSC shown to the server"),
            Self::NothingPending => out.write_str("nothing pending for this phone"),
            Self::Refused(reason) => out.write_str(&reason.sentence()),
            Self::NotDone(why) | Self::Broken(why) => out.write_str(why),
            Self::NoServer => out.write_str("no CAPF server was reached or believed"),
            Self::AwaitsString => out.write_str("waits for the authentication string; type it in the LSC menu"),
        }
    }
}

/// A visit to CAPF.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolment {
    /// Why the phone went there.
    pub cause: Cause,
    /// How it was to authenticate.
    pub mode: Mode,
    /// Servers in vain, in the order they were tried.
    pub tried: Vec<Tried>,
    /// The server that had a session with the phone.
    pub server: Option<String>,
    /// Why the phone believed it.
    pub judged: Option<Judged>,
    /// The session.
    pub session: Option<SessionReport>,
    /// What came of it.
    pub outcome: Outcome,
    /// How long it took.
    pub took: Duration,
}

impl Enrolment {
    /// One sentence, with the last server that was tried in vain.
    #[must_use]
    pub fn reason(&self) -> String {
        match (&self.outcome, self.tried.last()) {
            (Outcome::NoServer, Some(tried)) => format!("{}: {tried}", self.outcome),
            (Outcome::NoServer, None) => "the config names no CAPF server".to_owned(),
            (outcome, _) => outcome.to_string(),
        }
    }

    /// Everything, for machines. Durations in milliseconds.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let tried: Vec<String> = self.tried.iter().map(ToString::to_string).collect();
        let session = self.session.as_ref();
        let ended = session.map(|session| match &session.ended {
            ClientEnded::Reason(reason) => json!(reason.0),
            other => json!(other.to_string()),
        });
        json!({
            "cause": self.cause.label(),
            "mode": self.mode.label(),
            "outcome": self.outcome.label(),
            "reason": self.reason(),
            "server": self.server,
            "verdict": self.judged.as_ref().map(|judged| judged.verdict.label()),
            "session_id": session.and_then(|session| session.session_id),
            "key": session.and_then(|session| session.wanted).map(|key| key.to_string()),
            "ended": ended,
            "tried": tried,
            "milliseconds": milliseconds(self.took),
        })
    }
}
