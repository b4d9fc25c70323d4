//! A phone goes to CAPF: to which server and with what.

use std::time::{Duration, Instant};

use trust::{Offer, Silence, Tried, TvsServer};
use wire::capf::{DeviceName, Password};
use wire::role::Role;

use super::connection::CapfConnection;
use super::mode::CapfConfig;
use super::outcome::{Cause, Enrolment, Outcome};
use super::session::{Party, SessionReport, Shows, run};
use crate::judged::{Judged, TvsTalk};
use crate::phone::Phone;
use crate::tvs::resolve;

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
