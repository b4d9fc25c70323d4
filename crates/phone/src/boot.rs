//! The order of a boot [phone-files.md 2]: CTL, ITL, config; each checked before the next is asked for.

use std::time::{Duration, Instant};

use trust::{Change, DeviceMessage, ListKind, Offer, Verdict, display};
use wire::file_name::{BadFileName, FileName};
use wire::header::{CTL_FILE_NAME, ITL_FILE_NAME};
use wire::signed_file::SignedFile;

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
}

pub(crate) async fn boot(phone: &mut Phone) -> BootReport {
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
        problems: Vec::new(),
        status_code: 0,
        took: Duration::ZERO,
    };
    let mut boot = Boot { phone, report, fetcher: Fetcher::default() };
    boot.phone.belief.boot_begins();
    match boot.files().await {
        Ok(Ok(outcome)) => boot.report.outcome = outcome,
        Ok(Err(NoServer)) => {}
        Err(bad) => boot.report.problems.push(bad.to_string()),
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
}

impl Boot<'_> {
    async fn files(&mut self) -> Result<Result<Outcome, NoServer>, BadFileName> {
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
        if let Offered::Read(config) = &offered
            && config.encrypted
        {
            let file = name.file("", ".cnf.xml.enc.sgn")?;
            offered = match self.config(&file, true).await {
                Ok(offered) => offered,
                Err(NoServer) => return Ok(Err(NoServer)),
            };
        }
        let refused = self.report.verdicts.iter().any(|judged| !judged.verdict.is_accepted());
        Ok(Ok(match offered {
            _ if refused => Outcome::Refused,
            Offered::Read(_) => Outcome::Trusted,
            Offered::Nothing | Offered::Useless | Offered::Refused => Outcome::NoConfig,
        }))
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
            Err(why) => {
                self.problem(&format!("{name}: {why}"));
                return Ok(Offered::Useless);
            }
        };
        let config = match config::parse(&plain) {
            Ok(config) => config,
            Err(error) => {
                self.problem(&format!("{name}: {error}"));
                return Ok(Offered::Useless);
            }
        };
        // a stub only says that the config is encrypted, and XMLDefault names no TVS servers: what the phone has stays
        if config.full_config != Some(false) {
            if config.root == "device" {
                self.phone.belief.set_tvs_servers(config.tvs.clone());
            }
            self.phone.belief.set_config(Some(plain));
        }
        Ok(Offered::Read(Box::new(config)))
    }

    /// The XML of an accepted config; an encrypted one is opened with the key of the phone.
    fn open(&self, file: &[u8], payload: Vec<u8>) -> Result<Vec<u8>, String> {
        let Ok(signed) = SignedFile::decode(file) else {
            return Ok(payload);
        };
        if !signed.is_encrypted() {
            return Ok(payload);
        }
        let key =
            self.phone.settings.device_key.as_ref().ok_or(
                "the config is encrypted and the phone has no device key; give it one or switch encryption off",
            )?;
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
