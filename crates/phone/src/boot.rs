//! The order of a boot [sources/phones#boot-order]: CTL, ITL, config; each checked before the next is asked for. CAPF
//! when the config says so, when the config is encrypted for another certificate, or when it does not open
//! [sources/signed-files#what-the-phone-does-with-it]; with another certificate everything is fetched again.

use std::time::{Duration, Instant};

use trust::{Change, DeviceMessage, ListKind, Offer, Verdict, display};
use wire::file_name::{BadFileName, FileName};
use wire::header::{CTL_FILE_NAME, ITL_FILE_NAME};
use wire::signed_file::SignedFile;

use crate::capf::mode::CapfConfig;
use crate::capf::{Cause, Mode};
use crate::certificates::Credential;
use crate::config::{self, Config};
use crate::fetch::Fetcher;
use crate::phone::Phone;
use crate::report::{BootReport, FileOutcome, Judged, Outcome};

/// Ends a boot before its time: no file server answers.
struct NoServer;

/// What asking for a config came to.
enum Offered {
    /// Nothing there.
    Nothing,
    /// Not believed; the phone stays with its old config.
    Refused,
    /// Believed, and read.
    Read(Box<Config>),
    /// Believed, but of no use.
    Useless,
    /// Believed, but the phone cannot open it: why.
    Closed(String),
}

/// What a round of files came to.
enum Round {
    /// All there is to fetch was fetched.
    Done(Outcome),
    /// The phone has another certificate now.
    Again,
}

/// Most rounds of files in a boot: one more after a visit to CAPF that changed the LSC. A server that schedules without
/// end gets the phone again at its next boot.
const ROUNDS: usize = 2;

impl Phone {
    /// Boots: asks for the files in the order of a real phone, checks each, keeps what it accepts. Never fails as a
    /// whole: what went wrong stands in the report.
    pub async fn boot(&mut self) -> BootReport {
        boot(self).await
    }

    /// A reset from the server or the menu: the answers of TVS are forgotten, then the phone boots.
    pub async fn reset(&mut self) -> BootReport {
        self.cache.flush();
        self.boot().await
    }
}

async fn boot(phone: &mut Phone) -> BootReport {
    let started = Instant::now();
    let held = [ListKind::Ctl, ListKind::Itl].map(|kind| phone.belief.list(kind).is_some());
    let report = BootReport {
        name: phone.settings.name.to_string(),
        model: phone.settings.model.name,
        outcome: Outcome::Unreachable,
        files: Vec::new(),
        verdicts: Vec::new(),
        tvs: Vec::new(),
        messages: Vec::new(),
        enrolments: Vec::new(),
        problems: Vec::new(),
        status_code: 0,
        took: Duration::ZERO,
    };
    let mut boot = Boot { phone, report, fetcher: Fetcher::default(), may_enrol: true };
    boot.phone.belief.boot_begins();
    for round in 1..=ROUNDS {
        boot.may_enrol = round < ROUNDS;
        match boot.files().await {
            Ok(Ok(Round::Again)) => {
                boot.phone.console.notice("phone", "Certificate changed, fetching everything again")
            }
            Ok(Ok(Round::Done(outcome))) => {
                boot.report.outcome = outcome;
                break;
            }
            Ok(Err(NoServer)) => break,
            Err(bad) => {
                boot.report.problems.push(bad.to_string());
                break;
            }
        }
    }
    if let Err(error) = boot.phone.save() {
        boot.problem(&error.to_string());
    }
    let mut report = boot.report;
    let [had_ctl, had_itl] = held;
    report.status_code = display::status_code(
        |kind| match kind {
            ListKind::Ctl => had_ctl,
            ListKind::Itl => had_itl,
        },
        report.verdict("CTL"),
        report.verdict("ITL"),
    );
    report.took = started.elapsed();
    report
}

struct Boot<'p> {
    phone: &'p mut Phone,
    report: BootReport,
    fetcher: Fetcher,
    /// Whether a visit to CAPF is still open in this boot.
    may_enrol: bool,
}

impl Boot<'_> {
    async fn files(&mut self) -> Result<Result<Round, NoServer>, BadFileName> {
        let before = self.report.verdicts.len();
        let name = self.phone.settings.name.clone();
        let ctl = [name.file("CTL", ".tlv")?];
        if self.list(ListKind::Ctl, &ctl).await.is_err() {
            return Ok(Err(NoServer));
        }
        if self.phone.settings.model.security_by_default {
            let itl = [name.file("ITL", ".tlv")?, FileName::parse(ITL_FILE_NAME)?];
            if self.list(ListKind::Itl, &itl).await.is_err() {
                return Ok(Err(NoServer));
            }
        }
        if !self.phone.belief.has_lists() {
            self.message(DeviceMessage::NoTrustListInstalled);
        }
        let signed = self.phone.belief.wants_signed_configs();
        let suffix = if signed { ".sgn" } else { "" };
        let configs =
            [name.file("", &format!(".cnf.xml{suffix}"))?, FileName::parse(&format!("XMLDefault.cnf.xml{suffix}"))?];
        let mut offered = Offered::Nothing;
        for file in &configs {
            offered = match self.config(file, signed).await {
                Ok(offered) => offered,
                Err(NoServer) => return Ok(Err(NoServer)),
            };
            if !matches!(offered, Offered::Nothing) {
                break;
            }
        }
        if let Offered::Read(config) = &offered {
            let encrypted = config.encrypted;
            if let Some(cause) = self.cause(config)
                && self.enrol(cause).await
            {
                return Ok(Ok(Round::Again));
            }
            if encrypted {
                let file = name.file("", ".cnf.xml.enc.sgn")?;
                offered = match self.config(&file, true).await {
                    Ok(offered) => offered,
                    Err(NoServer) => return Ok(Err(NoServer)),
                };
            }
        }
        if let Offered::Closed(why) = &offered {
            let (why, at) = (why.clone(), self.report.problems.len());
            self.phone.console.error("phone", &why);
            if self.enrol(Cause::CannotOpen).await {
                return Ok(Ok(Round::Again));
            }
            // in front of what became of the visit
            self.report.problems.insert(at, why);
        }
        let refused = self.report.verdicts.iter().skip(before).any(|judged| !judged.verdict.is_accepted());
        Ok(Ok(Round::Done(match offered {
            _ if refused => Outcome::Refused,
            Offered::Read(_) => Outcome::Trusted,
            Offered::Nothing | Offered::Useless | Offered::Closed(_) | Offered::Refused => Outcome::NoConfig,
        })))
    }

    /// Why this config sends the phone to CAPF, before anything else is fetched.
    fn cause(&self, config: &Config) -> Option<Cause> {
        if Mode::of(config.capf_mode) != Mode::Nothing {
            return Some(Cause::Scheduled);
        }
        let encrypted = config.encrypted || config.full_config == Some(false);
        if !encrypted || config.certificate_hash.is_empty() {
            return None;
        }
        let fits = match self.phone.certificates.current() {
            Some(current) => current.is_meant_by(&config.certificate_hash),
            // a key without a certificate: whether it is the right one shows when the config is opened
            None => self.phone.settings.device_key.is_some(),
        };
        if fits { None } else { Some(Cause::CertificateHash) }
    }

    /// Goes to CAPF, once in a round; says whether the phone has another certificate now.
    async fn enrol(&mut self, cause: Cause) -> bool {
        if !self.may_enrol {
            return false;
        }
        self.may_enrol = false;
        let (enrolment, talks) = self.phone.enrol(cause, None).await;
        self.report.tvs.extend(talks);
        if !enrolment.outcome.is_good() {
            self.report.problems.push(format!("CAPF: {}", enrolment.reason()));
        }
        let changed = enrolment.outcome.changed();
        self.report.enrolments.push(enrolment);
        changed
    }

    /// Asks for a list under its names, until one is there, and decides about it.
    async fn list(&mut self, kind: ListKind, names: &[FileName]) -> Result<(), NoServer> {
        for name in names {
            let Some(bytes) = self.fetch(name).await? else {
                continue;
            };
            let offer = match kind {
                ListKind::Ctl => Offer::Ctl(&bytes),
                ListKind::Itl => Offer::Itl(&bytes),
            };
            let verdict = self.judge(name.as_str(), &offer).await;
            if let Some(message) = DeviceMessage::of(&verdict) {
                self.message(message);
            }
            return Ok(());
        }
        if kind == ListKind::Ctl {
            self.message(DeviceMessage::FileNotFound(CTL_FILE_NAME.to_owned()));
        }
        Ok(())
    }

    async fn config(&mut self, name: &FileName, signed: bool) -> Result<Offered, NoServer> {
        let Some(bytes) = self.fetch(name).await? else {
            return Ok(Offered::Nothing);
        };
        let offer = if signed {
            Offer::SignedConfig { name: name.as_str(), file: &bytes }
        } else {
            Offer::UnsignedConfig(&bytes)
        };
        let verdict = self.judge(name.as_str(), &offer).await;
        let Verdict::Accepted(accepted) = verdict else {
            return Ok(Offered::Refused);
        };
        let Change::StoreConfig(payload) = accepted.change else {
            return Ok(Offered::Useless);
        };
        let plain = match self.open(&bytes, payload) {
            Ok(plain) => plain,
            Err(why) => return Ok(Offered::Closed(format!("{name}: {why}"))),
        };
        let config = match config::parse(&plain) {
            Ok(config) => config,
            Err(error) => {
                self.problem(&format!("{name}: {error}"));
                return Ok(Offered::Useless);
            }
        };
        // The phone lives by XMLDefault.cnf.xml too: what that names of CAPF and TVS counts, what it leaves out stays as it was.
        // No source says whether real phones take TVS from it [inferred]
        let own = config.root == "device";
        if own || !config.capf.is_empty() {
            self.phone.capf = CapfConfig::of(&config);
        }
        // a stub only says that the config is encrypted: what the phone has stays
        if config.full_config != Some(false) {
            if own || !config.tvs.is_empty() {
                self.phone.belief.set_tvs_servers(config.tvs.clone());
            }
            self.phone.belief.set_config(Some(plain));
        }
        Ok(Offered::Read(Box::new(config)))
    }

    /// The XML of an accepted config; an encrypted one is opened with the key of the LSC, else of the MIC.
    fn open(&self, file: &[u8], payload: Vec<u8>) -> Result<Vec<u8>, String> {
        let Ok(signed) = SignedFile::decode(file) else {
            return Ok(payload);
        };
        if !signed.is_encrypted() {
            return Ok(payload);
        }
        let key = self.phone.certificates.current().map(Credential::key).or(self.phone.settings.device_key.as_ref());
        let key =
            key.ok_or("the config is encrypted and the phone has no device key; give it one or switch encryption off")?;
        let opened = pki::encrypt::open(&signed, key).map_err(|error| error.to_string())?;
        Ok(opened.plain.to_vec())
    }

    /// Fetches a file; `None` when the server does not have it.
    async fn fetch(&mut self, name: &FileName) -> Result<Option<Vec<u8>>, NoServer> {
        let (event, bytes) = self.fetcher.fetch(&self.phone.settings, name).await;
        let console = &mut self.phone.console;
        match &event.outcome {
            FileOutcome::Fetched { transport, server, bytes } => {
                console.notice("fetchFile", &format!("{name}: {bytes} bytes by {transport} from {server}"))
            }
            FileOutcome::NotFound => console.notice("fetchFile", &format!("{name}: not found")),
            FileOutcome::Failed(why) => console.error("fetchFile", &format!("{name}: {why}")),
        }
        let failed = matches!(event.outcome, FileOutcome::Failed(_));
        self.report.files.push(event);
        if failed {
            return Err(NoServer);
        }
        Ok(bytes)
    }

    /// Decides about an offer and takes over what was accepted. A config is kept only after it was read.
    async fn judge(&mut self, what: &str, offer: &Offer<'_>) -> Verdict {
        let (verdict, talk) = self.phone.decide(offer).await;
        self.phone.log_verdict(what, &verdict);
        if let Verdict::Accepted(accepted) = &verdict
            && !matches!(accepted.change, Change::StoreConfig(_))
        {
            self.phone.belief.apply(accepted);
        }
        self.report.tvs.extend(talk);
        self.report.verdicts.push(Judged { what: what.to_owned(), offer: offer.noun(), verdict: verdict.clone() });
        verdict
    }

    fn message(&mut self, message: DeviceMessage) {
        if !self.report.messages.contains(&message) {
            self.phone.console.notice("statusMessage", &message.to_string());
            self.report.messages.push(message);
        }
    }

    fn problem(&mut self, problem: &str) {
        self.phone.console.error("phone", problem);
        self.report.problems.push(problem.to_owned());
    }
}
