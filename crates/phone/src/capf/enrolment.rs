//! When a phone goes to CAPF, to which server and with what, and what came of it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use trust::{Offer, Silence, Tried, TvsServer};
use wire::capf::{ClientEnded, DeviceName, Password, Reason};
use wire::role::Role;

use super::connection::CapfConnection;
use super::session::{Done, LEFT, Party, SessionReport, Shows, run};
use crate::certificates::DeviceCertificates;
use crate::config::Config;
use crate::phone::Phone;
use crate::report::{Judged, TvsTalk, milliseconds};
use crate::tvs::resolve;

/// What the last config says about CAPF.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct CapfConfig {
    pub(crate) mode: Mode,
    pub(crate) servers: Vec<TvsServer>,
}

impl CapfConfig {
    pub(crate) fn of(config: &Config) -> Self {
        Self { mode: Mode::of(config.capf_mode), servers: config.capf.clone() }
    }
}

/// `capfAuthMode` [sources/phones#config-elements], [sources/capf#authentication].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Mode {
    /// 0 or not there: no operation is pending.
    #[default]
    Nothing,
    /// 1: *By Authentication String*.
    String,
    /// 2: *By Null String*.
    NullString,
    /// 3: *By Existing Certificate (Precedence to LSC)*.
    Lsc,
    /// 4: *By Existing Certificate (Precedence to MIC)*.
    Mic,
}

impl Mode {
    /// The mode of a config; unknown numbers are no operation.
    #[must_use]
    pub const fn of(number: Option<u8>) -> Self {
        match number {
            Some(1) => Self::String,
            Some(2) => Self::NullString,
            Some(3) => Self::Lsc,
            Some(4) => Self::Mic,
            _ => Self::Nothing,
        }
    }

    /// A short name that stays the same, for machines.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::String => "string",
            Self::NullString => "null-string",
            Self::Lsc => "lsc",
            Self::Mic => "mic",
        }
    }

    /// What the phone shows; `None`: the user has to type the string first.
    fn shows(self, typed: Option<Password>, certificates: &DeviceCertificates) -> Option<Shows> {
        let (lsc, mic) = (certificates.lsc(), certificates.mic());
        let certificate = |shown: Option<&_>| Some(Shows::Certificate { shown: shown.cloned(), mic: mic.cloned() });
        match (self, typed) {
            (Self::String, typed) => typed.map(Shows::String),
            (Self::NullString, _) => Some(Shows::NullString),
            (Self::Lsc, _) => certificate(lsc.or(mic)),
            (Self::Mic, _) => certificate(mic.or(lsc)),
            // nobody has said how: with what there is
            (Self::Nothing, Some(typed)) => Some(Shows::String(typed)),
            (Self::Nothing, None) => match lsc.or(mic) {
                None => Some(Shows::NullString),
                some => certificate(some),
            },
        }
    }
}

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

    const fn words(self) -> &'static str {
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

impl Phone {
    /// Goes to CAPF; `typed` is what the user typed just now.
    pub(crate) async fn enrol(&mut self, cause: Cause, typed: Option<Password>) -> (Enrolment, Vec<TvsTalk>) {
        let started = Instant::now();
        let CapfConfig { mode, servers } = self.capf.clone();
        self.console.notice("capfStart", &format!("CAPF session, reason: {}, mode: {}", cause.words(), mode.label()));
        let mut enrolment = Enrolment {
            cause,
            mode,
            tried: Vec::new(),
            server: None,
            judged: None,
            session: None,
            outcome: Outcome::NoServer,
            took: Duration::ZERO,
        };
        let mut talks = Vec::new();
        let typed = typed.or_else(|| self.settings.authentication_string.clone());
        match mode.shows(typed, &self.certificates) {
            None => enrolment.outcome = Outcome::AwaitsString,
            Some(shows) => {
                for attempt in 1..=self.settings.waits.capf_tries.max(1) {
                    if attempt > 1 {
                        tokio::time::sleep(self.settings.waits.capf_pause).await;
                    }
                    self.visit(&mut enrolment, &servers, &shows, &mut talks).await;
                    if !matches!(enrolment.outcome, Outcome::NoServer | Outcome::Broken(_)) {
                        break;
                    }
                }
            }
        }
        enrolment.took = started.elapsed();
        let text = format!("{}: {}", enrolment.outcome.label(), enrolment.reason());
        if enrolment.outcome.is_good() {
            self.console.notice("capfDone", &text);
        } else {
            self.console.error("capfDone", &text);
        }
        (enrolment, talks)
    }

    /// Tries the servers in their order until one has a session with the phone.
    async fn visit(
        &mut self,
        enrolment: &mut Enrolment,
        servers: &[TvsServer],
        shows: &Shows,
        talks: &mut Vec<TvsTalk>,
    ) {
        for server in servers {
            match self.session(server, shows, talks).await {
                Ok((judged, session)) => {
                    enrolment.outcome = Outcome::of(&session);
                    enrolment.server = Some(server.to_string());
                    enrolment.judged = Some(judged);
                    enrolment.session = Some(session);
                    return;
                }
                Err(why) => {
                    self.console.error("capfConnect", &format!("CAPF {server}: {why}"));
                    enrolment.tried.push(Tried { server: server.to_string(), why: Silence::Failed(why) });
                }
            }
        }
    }

    /// One session with one server, once its certificate is believed.
    async fn session(
        &mut self,
        server: &TvsServer,
        shows: &Shows,
        talks: &mut Vec<TvsTalk>,
    ) -> Result<(Judged, SessionReport), String> {
        let waits = self.settings.waits;
        let name = DeviceName::new(self.settings.name.as_str()).map_err(|error| error.to_string())?;
        let address = resolve(&server.address, server.port, &self.settings.hosts, waits.connect).await?;
        let connection = CapfConnection::open(&self.tls, address, &waits).await?;
        let text = format!("Connected to CAPF {server}, {} {}", connection.version(), connection.cipher());
        self.console.notice("capfConnect", &text);
        let offer = Offer::TlsServer { role: Role::CAPF, certificate: connection.certificate() };
        let (verdict, talk) = self.decide(&offer).await;
        talks.extend(talk);
        self.log_verdict(&format!("CAPF {server}"), &verdict);
        if !verdict.is_accepted() {
            return Err(verdict.reason());
        }
        let judged = Judged { what: format!("CAPF {server}"), offer: offer.noun(), verdict };
        let keys = self.settings.keys.clone();
        let party = Party {
            name,
            shows: shows.clone(),
            keys: &keys,
            store: &mut self.certificates,
            wait: waits.capf,
            misbehave: self.settings.misbehave,
        };
        let report = run(connection, party, &mut self.console).await;
        Ok((judged, report))
    }
}
