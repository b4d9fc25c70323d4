//! One phone.

use std::time::Instant;

use trust::{Belief, Decision, DeviceMessage, Offer, TvsCache, TvsReply, Verdict, judge, judge_with_answer};
use wire::role::Role;
use wire::tvs::{Answer, Ask, FIRST_SESSION_ID};

use crate::capf::mode::CapfConfig;
use crate::certificates::DeviceCertificates;
use crate::config;
use crate::console::Console;
use crate::factory::{self, FactoryError};
use crate::judged::{AskKind, Judged, TvsTalk};
use crate::memory::{self, Keep, MemoryError};
use crate::screen;
use crate::settings::PhoneSettings;
use crate::tls::{NoTls, PhoneTls};
use crate::tvs;

/// Why there is no phone, or its memory does not hold.
#[derive(Debug, thiserror::Error)]
pub enum PhoneError {
    /// Its memory.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// The factory made no MIC.
    #[error(transparent)]
    Factory(#[from] FactoryError),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}; this OpenSSL may lack TLS 1.0")]
    Tls(#[from] openssl::error::ErrorStack),
    /// A server cannot be reached.
    #[error("{server}: {why}")]
    Unreachable {
        /// Address of the server.
        server: String,
        /// Why, with the next step.
        why: String,
    },
}

/// A virtual phone. Its belief is kept after each change.
#[derive(Debug)]
pub struct Phone {
    pub(crate) settings: PhoneSettings,
    pub(crate) belief: Belief,
    pub(crate) console: Console,
    pub(crate) certificates: DeviceCertificates,
    /// What the last config said about CAPF.
    pub(crate) capf: CapfConfig,
    pub(crate) cache: TvsCache,
    pub(crate) tls: PhoneTls,
    next_session_id: u32,
    started: Instant,
}

impl Phone {
    /// Switches a phone on; its belief and its certificates are read from where they are kept. Nothing is fetched yet.
    /// Blocks while a factory makes a MIC.
    ///
    /// # Errors
    /// [`PhoneError`].
    pub fn new(settings: PhoneSettings) -> Result<Self, PhoneError> {
        let tls = PhoneTls::new(settings.legacy_tls)?;
        Self::with_tls(settings, tls)
    }

    /// The same with TLS shared by several phones.
    ///
    /// # Errors
    /// [`PhoneError::Memory`], [`PhoneError::Factory`].
    pub fn with_tls(settings: PhoneSettings, tls: PhoneTls) -> Result<Self, PhoneError> {
        let belief = match &settings.keep {
            Keep::InMemory => Belief::new(settings.model),
            Keep::In(directory) => memory::load(directory, settings.model, &settings.name)?,
        };
        let mut certificates = DeviceCertificates::load(&settings.keep)?;
        if let Some(mic) = &settings.mic {
            certificates.set_mic(mic.clone())?;
        } else if let (None, Some(ca), true) = (certificates.mic(), &settings.factory, factory::has_mic(settings.model))
        {
            certificates.set_mic(ca.mic(settings.model, &settings.name)?)?;
        }
        // a config that this phone kept was read once
        let capf = match belief.config().map(config::parse) {
            Some(Ok(config)) => CapfConfig::of(&config),
            _ => CapfConfig::default(),
        };
        Ok(Self {
            certificates,
            capf,
            console: Console::new(settings.zone.clone()),
            settings,
            belief,
            cache: TvsCache::default(),
            tls,
            next_session_id: FIRST_SESSION_ID,
            started: Instant::now(),
        })
    }

    /// What it is.
    #[must_use]
    pub fn settings(&self) -> &PhoneSettings {
        &self.settings
    }

    /// What it is, to be changed between boots: it was moved to another server.
    pub fn settings_mut(&mut self) -> &mut PhoneSettings {
        &mut self.settings
    }

    /// What it believes.
    #[must_use]
    pub fn belief(&self) -> &Belief {
        &self.belief
    }

    /// Its certificates.
    #[must_use]
    pub fn certificates(&self) -> &DeviceCertificates {
        &self.certificates
    }

    /// Its console log.
    #[must_use]
    pub fn console(&self) -> &Console {
        &self.console
    }

    /// Takes the lines of its console log; numbering goes on.
    pub fn take_console(&mut self) -> Vec<String> {
        self.console.take()
    }

    /// Its *Trust List* screen.
    #[must_use]
    pub fn screen(&self) -> String {
        screen::trust_list(&self.belief)
    }

    /// The user erases CTL and ITL in the menu. The config stays.
    ///
    /// # Errors
    /// [`PhoneError::Memory`] when that cannot be kept.
    pub fn erase_lists(&mut self) -> Result<DeviceMessage, PhoneError> {
        self.belief.erase_lists();
        self.console.notice("eraseTrustLists", &DeviceMessage::ErasingCtlAndItlFiles.to_string());
        self.save()?;
        Ok(DeviceMessage::ErasingCtlAndItlFiles)
    }

    /// Decides about the certificate (DER) of a TLS server, such as an HTTPS service with [`Role::APP_SERVER`]; asks
    /// TVS with VERIFY when the lists do not decide it.
    pub async fn check_server(&mut self, what: &str, role: Role, certificate: &[u8]) -> (Judged, Option<TvsTalk>) {
        let offer = Offer::TlsServer { role, certificate };
        let (verdict, talk) = self.decide(&offer).await;
        self.log_verdict(what, &verdict);
        let judged = Judged { what: what.to_owned(), offer: offer.noun(), verdict };
        (judged, talk)
    }

    /// Connects to a TLS server, takes the certificate it shows and decides about it.
    ///
    /// # Errors
    /// [`PhoneError::Unreachable`] when there is no certificate to decide about.
    pub async fn check_tls(
        &mut self,
        host: &str,
        port: u16,
        role: Role,
    ) -> Result<(Judged, Option<TvsTalk>), PhoneError> {
        let server = format!("{host}:{port}");
        let unreachable = |why| PhoneError::Unreachable { server: server.clone(), why };
        let waits = self.settings.waits;
        let check = |why| unreachable(format!("{why}; check address and port"));
        let address = tvs::resolve(host, port, &self.settings.hosts, waits.connect).await.map_err(check)?;
        let connected = self.tls.connect(address, &waits).await;
        let (stream, certificate) = connected.map_err(|error| match error {
            NoTls::Version(_) | NoTls::Ciphers(_) if self.is_service_of_a_node(host, port) => {
                unreachable(error.to_string())
            }
            NoTls::Version(_) | NoTls::Ciphers(_) => unreachable(error.of_another_server().to_string()),
            NoTls::Failed(why) => check(why),
        })?;
        drop(stream);
        Ok(self.check_server(&server, role, &certificate).await)
    }

    /// Whether a TLS server is TVS or CAPF, by the config of this phone or by its port: any other is somebody's web server.
    fn is_service_of_a_node(&self, host: &str, port: u16) -> bool {
        let mut servers = self.belief.tvs_servers().iter().chain(&self.capf.servers);
        let named = servers.any(|server| server.port == port && server.address == host);
        named || [wire::tvs::PORT, wire::capf::PORT].contains(&port)
    }

    /// Decides about an offer; asks TVS when the lists do not decide it.
    pub(crate) async fn decide(&mut self, offer: &Offer<'_>) -> (Verdict, Option<TvsTalk>) {
        let question = match judge(&self.belief, offer) {
            Decision::Final(verdict) => return (verdict, None),
            Decision::AskTvs(question) => question,
        };
        let asked = Instant::now();
        let seconds = self.started.elapsed().as_secs();
        // the moments of the print: before the question about the signer of a list, and when it was answered
        // [sources/phones#console]
        let is_list = matches!(offer, Offer::Ctl(_) | Offer::Itl(_));
        if is_list {
            self.console.flush_requested();
            self.cache.flush();
        }
        let (reply, tried) = match self.cache.find(&question.ask, seconds) {
            Some(reply) => {
                self.console.notice("tvsLookupCertCache", &format!("Found {}", question.about));
                (reply, Vec::new())
            }
            None => {
                let session_id = self.next_session_id;
                self.next_session_id = session_id.wrapping_add(1);
                tvs::ask(&self.tls, &self.settings, &self.belief, &question.ask, session_id, &mut self.console).await
            }
        };
        let verdict = judge_with_answer(&self.belief, offer, &reply);
        let mut talk = TvsTalk {
            ask: match question.ask {
                Ask::Query { .. } => AskKind::Query,
                Ask::Verify { .. } => AskKind::Verify,
            },
            about: question.about.to_string(),
            tried,
            answer: None,
            cached: false,
            took: asked.elapsed(),
        };
        if let TvsReply::Answered { server, answer, cached } = &reply {
            self.log_answer(server, answer, *cached);
            if is_list {
                self.console.flushed();
            }
            // only what proved right is kept: a wrong certificate must not block the next try
            if !cached && verdict.is_accepted() {
                self.keep_answer(question.ask, server, answer, seconds);
            }
            talk.answer = Some((server.clone(), tvs::describe(answer)));
            talk.cached = *cached;
        }
        (verdict, Some(talk))
    }

    fn log_answer(&mut self, server: &str, answer: &Answer, cached: bool) {
        if cached {
            return;
        }
        let text = format!("TVS {server}: {}", tvs::describe(answer));
        match answer {
            Answer::NotValid => self.console.error("tvsReceiveResponse", &text),
            _ => self.console.notice("tvsReceiveResponse", &text),
        }
    }

    fn keep_answer(&mut self, ask: Ask, server: &str, answer: &Answer, seconds: u64) {
        let ttl = match answer {
            Answer::Verified(trust) => trust.ttl_seconds(),
            Answer::Found(found) => found.trust.ttl_seconds(),
            Answer::NotValid => return,
        };
        self.cache.keep(ask, server, answer, seconds);
        let expires = if ttl % 3600 == 0 { format!("{} hours", ttl / 3600) } else { format!("{ttl} seconds") };
        self.console.notice("tvsAddCertCache", &format!("TVS added cert to TVS cache - expires in {expires}"));
    }

    pub(crate) fn log_verdict(&mut self, what: &str, verdict: &Verdict) {
        let text = format!("{what}: {}", verdict.reason());
        if verdict.is_accepted() {
            self.console.notice("verifyFile", &text);
        } else {
            self.console.error("verifyFile", &text);
        }
    }

    pub(crate) fn save(&self) -> Result<(), MemoryError> {
        match &self.settings.keep {
            Keep::InMemory => Ok(()),
            Keep::In(directory) => memory::save(directory, &self.belief, &self.settings.name),
        }
    }
}
