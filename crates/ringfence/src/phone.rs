//! `ringfence phone`: one virtual phone, or a fleet of them, against any file server.

use std::collections::BTreeMap;
use std::net::{IpAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ::phone::capf::{Enrolment, MenuError, Shown};
use ::phone::name::parse_mac;
use ::phone::report::{FileOutcome, Judged, TvsTalk};
use ::phone::{
    BootReport, Credential, Fleet, FleetReport, Keep, ManufacturingCa, Misbehaviour, Outcome, Phone, PhoneError,
    PhoneName, PhoneSettings,
};
use pki::SoftKey;
use serde_json::json;
use trust::Model;
use wire::capf::Password;
use wire::role::Role;

use crate::exit::{Answer, Failure};
use crate::files::input;
use crate::files::output::write_new;
use crate::terminal::{self, BAD, GOOD, NOTICE, Progress, counted, one_line, paint};

/// MAC address of a phone without one: locally administered, so no real phone has it.
const FIRST_MAC: u64 = 0x0200_0000_0001;

/// Most phones of a fleet: each is some kB, and MAC addresses should not run into those of others.
const MOST_PHONES: u64 = 1_000_000;

/// Boot a virtual phone, or a fleet of them
///
/// The phone asks for its files in the order of a real one (HTTP, then TFTP), checks each with what it believes, asks TVS
/// where its lists do not decide, and keeps what it accepts in the directory of --state. It goes to CAPF when its config
/// says so, or when an encrypted config is not for its certificate. Ends with 0 when everything is trusted, 1 when
/// something is refused, CAPF is in vain or there is no config, 2 when no server answers.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    ringfence phone --server 10.0.0.5 --model 7965 --mac 001DA2386C2E --state phone1 -v\n  \
    ringfence phone --server 127.0.0.1 --tftp-port 6969 --fleet 1000\n  \
    ringfence phone --state phone1 --model 7965 --mac 001DA2386C2E --erase --screen\n  \
    ringfence phone --server 10.0.0.5 --state phone1 --press '**#' --press Update --press 4829 --press Submit")]
pub struct Args {
    /// File server, address or name; may be given several times, in the order of DHCP option 150
    #[arg(long, value_name = "ADDR")]
    server: Vec<String>,
    /// HTTP port of the file servers
    #[arg(long, value_name = "PORT", default_value_t = ::phone::settings::HTTP_PORT)]
    http_port: u16,
    /// TFTP port of the file servers
    #[arg(long, value_name = "PORT", default_value_t = ::phone::settings::TFTP_PORT)]
    tftp_port: u16,
    /// Model, such as 7960, 7965, 8861, ATA191, Jabber
    #[arg(long, default_value = "8861", value_parser = model)]
    model: &'static Model,
    /// MAC address; the device name is made from it. The first one of a fleet
    #[arg(long, value_parser = mac, conflicts_with = "name")]
    mac: Option<u64>,
    /// Device name, such as SEP001DA2386C2E
    #[arg(long, value_parser = name)]
    name: Option<PhoneName>,
    /// Address of a host that DNS does not know, such as a TVS server; may be given several times
    #[arg(long, value_name = "NAME=ADDR", value_parser = host)]
    host: Vec<(String, IpAddr)>,
    /// Directory in which the phone keeps its belief; of a fleet, one directory per phone in it
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// A private key alone (PEM), to open encrypted configs when the phone has neither LSC nor MIC
    #[arg(long, value_name = "KEY")]
    device_key: Option<PathBuf>,
    /// MIC of the phone: certificate and key (PEM)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["fleet", "factory"])]
    mic: Option<PathBuf>,
    /// Manufacturing CA of a lab: certificate and key (PEM), made when the file is not there; phones without a MIC get one of it
    #[arg(long, value_name = "FILE")]
    factory: Option<PathBuf>,
    /// Authentication string that the user types when the config says so; better in the environment, where no process list
    /// shows it
    #[arg(long, value_name = "DIGITS", env = "RINGFENCE_AUTHENTICATION_STRING", hide_env_values = true, value_parser = string)]
    string: Option<Password>,
    /// How often CAPF is tried when no server is reached or the session breaks; real phones try 3 times, 30 s apart
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=10))]
    capf_tries: u8,
    /// Do something wrong on purpose, against CAPF and TVS servers
    #[arg(long, value_name = "KIND", value_parser = misbehaviour,
        long_help = format!("Do something wrong on purpose, against CAPF and TVS servers: {}. `late` may say how late, in \
        seconds: late=2.5", Misbehaviour::names()))]
    misbehave: Option<Misbehaviour>,
    /// Speak TLS 1.0 with RSA key exchange only, as the 7900 series does
    #[arg(long)]
    legacy_tls: bool,
    /// Boot this many phones
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=MOST_PHONES),
        conflicts_with_all = ["name", "erase", "screen", "check", "press"])]
    fleet: Option<u64>,
    /// How many phones of a fleet boot at the same time
    #[arg(long, value_name = "N", default_value_t = ::phone::fleet::CONCURRENCY as u64,
        value_parser = clap::value_parser!(u64).range(1..=4096))]
    concurrency: u64,
    /// Erase CTL and ITL first, as a user does in the menu
    #[arg(long)]
    erase: bool,
    /// Show the Trust List screen at the end
    #[arg(long)]
    screen: bool,
    /// After the boot, decide about the certificate of this HTTPS service; may be given several times
    #[arg(long, value_name = "HOST:PORT", value_parser = service)]
    check: Vec<(String, u16)>,
    /// After the boot, press this in the LSC menu: `**#`, Update, digits, Submit, Erase, Exit; may be given several times
    #[arg(long, value_name = "KEY", allow_hyphen_values = true)]
    press: Vec<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Print the console log of the phone
    #[arg(short, long)]
    verbose: bool,
}

/// The model by its name; the error names all.
pub fn model(text: &str) -> Result<&'static Model, String> {
    Model::find(text).ok_or_else(|| format!("model is not known; known are {}", Model::names()))
}

fn mac(text: &str) -> Result<u64, String> {
    parse_mac(text).map_err(|error| error.to_string())
}

fn name(text: &str) -> Result<PhoneName, String> {
    PhoneName::parse(text).map_err(|error| error.to_string())
}

fn string(text: &str) -> Result<Password, String> {
    Password::new(text.as_bytes()).map_err(|error| error.to_string())
}

fn misbehaviour(text: &str) -> Result<Misbehaviour, String> {
    text.parse().map_err(|error: ::phone::misbehave::BadMisbehaviour| error.to_string())
}

fn host(text: &str) -> Result<(String, IpAddr), String> {
    let (name, address) = text.split_once('=').ok_or("write it as NAME=ADDR, such as cucm-pub=127.0.0.1")?;
    let address = address.parse().map_err(|_| format!("`{address}` is not an IP address"))?;
    Ok((name.to_ascii_lowercase(), address))
}

fn service(text: &str) -> Result<(String, u16), String> {
    let parts = text.rsplit_once(':');
    let (host, port) = parts.ok_or("write it as HOST:PORT, such as cucm-pub:8443")?;
    let port = port.parse().map_err(|_| format!("`{port}` is not a port"))?;
    Ok((host.trim_matches(['[', ']']).to_owned(), port))
}

impl Args {
    /// Boots and tells.
    pub fn run(self) -> Result<Answer, Failure> {
        let nothing_to_do = self.server.is_empty() && !self.erase && !self.screen && self.press.is_empty();
        if nothing_to_do || (self.fleet.is_some() && self.server.is_empty()) {
            return Err(Failure::WrongUsage(
                "name the file server with --server ADDR (or --erase, --screen, --press with --state DIR)".to_owned(),
            ));
        }
        if self.server.is_empty() && self.state.is_none() {
            return Err(Failure::WrongUsage(
                "without --server the phone has to be in a directory: give --state DIR".to_owned(),
            ));
        }
        let settings = self.settings()?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::CouldNotTell(format!("cannot start: {error}")))?;
        match self.fleet {
            Some(count) => runtime.block_on(self.boot_fleet(settings, count)),
            None => runtime.block_on(self.boot_one(settings)),
        }
    }

    fn settings(&self) -> Result<PhoneSettings, Failure> {
        let mut servers = Vec::new();
        for server in &self.server {
            servers.push(address(server)?);
        }
        let mac = self.mac.unwrap_or(FIRST_MAC);
        let name = self.name.clone().unwrap_or_else(|| PhoneName::from_mac(self.model, mac));
        let any = IpAddr::from([0, 0, 0, 0]);
        let mut settings = PhoneSettings::new(self.model, name, any);
        settings.servers = servers;
        settings.http_port = self.http_port;
        settings.tftp_port = self.tftp_port;
        settings.hosts = self.host.iter().cloned().collect::<BTreeMap<_, _>>();
        settings.legacy_tls = self.legacy_tls;
        if let Some(directory) = &self.state {
            settings.keep = Keep::In(directory.clone());
        }
        if let Some(path) = &self.device_key {
            settings.device_key = Some(device_key(path)?);
        }
        if let Some(path) = &self.mic {
            settings.mic = Some(credential(path)?);
        }
        if let Some(path) = &self.factory {
            settings.factory = Some(Arc::new(factory(path)?));
        }
        settings.authentication_string = self.string.clone();
        settings.waits.capf_tries = self.capf_tries;
        settings.misbehave = self.misbehave;
        Ok(settings)
    }

    async fn boot_one(&self, settings: PhoneSettings) -> Result<Answer, Failure> {
        let mut phone = Phone::new(settings).map_err(|error| failure(&error))?;
        let mut text = String::new();
        if self.erase {
            let message = phone.erase_lists().map_err(|error| failure(&error))?;
            text.push_str(&format!("{message}\n"));
        }
        let boot = match self.server.is_empty() {
            true => None,
            false => Some(phone.boot().await),
        };
        let mut checks = Vec::new();
        for (host, port) in &self.check {
            checks.push((format!("{host}:{port}"), phone.check_tls(host, *port, Role::APP_SERVER).await));
        }
        let mut pressed = Vec::new();
        let mut menu = phone.lsc_menu();
        for input in &self.press {
            pressed.push(menu.enter(input).await.map_err(|error| match error {
                MenuError::Phone(error) => failure(&error),
                wrong => Failure::WrongUsage(format!("--press: {wrong}")),
            })?);
        }
        if self.json {
            terminal::print(&terminal::json(&self.json(&phone, boot.as_ref(), &checks, &pressed)))?;
        } else {
            if self.verbose {
                for line in phone.console().lines() {
                    text.push_str(&one_line(line));
                    text.push('\n');
                }
            }
            if let Some(boot) = &boot {
                text.push_str(&told(boot));
            }
            for (server, checked) in &checks {
                text.push_str(&check_told(server, checked));
            }
            for shown in &pressed {
                text.push_str(&pressed_told(shown));
            }
            if self.screen {
                text.push_str(&phone.screen());
            }
            terminal::print(&text)?;
        }
        if let Some(boot) = &boot
            && boot.outcome == Outcome::Unreachable
        {
            return Err(Failure::CouldNotTell(format!(
                "{}: no file server answers: {}; check --server and the ports",
                boot.name,
                boot.reason()
            )));
        }
        let lost = checks.iter().filter(|(_, checked)| checked.is_err()).count();
        if lost > 0 {
            let of = counted(checks.len() as u64, "server");
            return Err(Failure::CouldNotTell(format!("{lost} of {of} could not be checked, for the reason above")));
        }
        let after = pressed.iter().filter_map(|shown| shown.boot.as_deref());
        let visits = pressed.iter().filter_map(|shown| shown.enrolment.as_ref());
        let good = boot.iter().chain(after).all(is_good)
            && visits.into_iter().all(|visit| visit.outcome.is_good())
            && checks.iter().all(|(_, checked)| checked.as_ref().is_ok_and(|(judged, _)| judged.verdict.is_accepted()));
        Ok(if good { Answer::Yes } else { Answer::No })
    }

    fn json(
        &self,
        phone: &Phone,
        boot: Option<&BootReport>,
        checks: &[(String, Checked)],
        pressed: &[Shown],
    ) -> serde_json::Value {
        let mut all = boot.map_or_else(
            || json!({ "name": phone.settings().name.as_str(), "model": self.model.name }),
            BootReport::to_json,
        );
        let checks: Vec<_> = checks
            .iter()
            .map(|(server, checked)| match checked {
                Ok((judged, _)) => json!({
                    "server": judged.what,
                    "accepted": judged.verdict.is_accepted(),
                    "verdict": judged.verdict.label(),
                    "reason": judged.verdict.reason(),
                }),
                Err(error) => json!({ "server": server, "error": error.to_string() }),
            })
            .collect();
        if let Some(fields) = all.as_object_mut() {
            if !checks.is_empty() {
                fields.insert("checks".to_owned(), json!(checks));
            }
            if !pressed.is_empty() {
                let pressed: Vec<_> = pressed
                    .iter()
                    .map(|shown| {
                        json!({
                            "screen": shown.screen,
                            "enrolment": shown.enrolment.as_ref().map(Enrolment::to_json),
                            "boot": shown.boot.as_ref().map(|boot| boot.to_json()),
                        })
                    })
                    .collect();
                fields.insert("pressed".to_owned(), json!(pressed));
            }
            if self.screen {
                fields.insert("screen".to_owned(), json!(phone.screen()));
            }
            if self.verbose {
                fields.insert("console".to_owned(), json!(phone.console().lines()));
            }
        }
        all
    }

    async fn boot_fleet(&self, template: PhoneSettings, count: u64) -> Result<Answer, Failure> {
        let wrong = |_| Failure::WrongUsage("the fleet is too large for this machine".to_owned());
        let fleet = Fleet {
            template,
            first_mac: self.mac.unwrap_or(FIRST_MAC),
            count: usize::try_from(count).map_err(wrong)?,
            concurrency: usize::try_from(self.concurrency).map_err(wrong)?,
        };
        let bar = Progress::new(fleet.count, "{bar:40} {pos}/{len} phones, {rate}, {eta} left {msg}");
        let mut lost = 0_u64;
        let report = fleet
            .boot(|boot| {
                if boot.outcome != Outcome::Trusted {
                    lost += 1;
                    bar.say(format!("{lost} not trusted"));
                }
                bar.add(1);
            })
            .await;
        drop(bar);
        let report = report.map_err(|error| failure(&error))?;
        if self.json {
            terminal::print(&terminal::json(&report.to_json()))?;
        } else {
            terminal::print(&fleet_told(&report, count))?;
        }
        let ended = |outcome| report.ended(outcome);
        if ended(Outcome::Refused) + ended(Outcome::NoConfig) + report.enrolments_in_vain > 0 {
            return Ok(Answer::No);
        }
        match ended(Outcome::Unreachable) {
            0 => Ok(Answer::Yes),
            lost => Err(Failure::CouldNotTell(format!(
                "{lost} of {} found no file server; check --server and the ports",
                counted(count, "phone")
            ))),
        }
    }
}

fn address(server: &str) -> Result<IpAddr, Failure> {
    if let Ok(address) = server.parse() {
        return Ok(address);
    }
    let mut found = (server, 0).to_socket_addrs().map_err(|error| Failure::of(server, error))?;
    let first = found.next().map(|address| address.ip());
    first.ok_or_else(|| Failure::of(server, "the name has no address"))
}

fn device_key(path: &Path) -> Result<SoftKey, Failure> {
    input::key(path)
}

fn credential(path: &Path) -> Result<Credential, Failure> {
    Credential::new(input::key(path)?, input::certificate(path)?).map_err(|error| Failure::at(path, error))
}

/// The factory of a lab, made when it is not there.
fn factory(path: &Path) -> Result<ManufacturingCa, Failure> {
    if path.exists() {
        return Ok(ManufacturingCa::from_credential(credential(path)?));
    }
    let ca = ManufacturingCa::new().map_err(|error| Failure::at(path, error))?;
    let pem = ca.to_pem().map_err(|error| Failure::at(path, error))?;
    write_new(path, &pem)?;
    Ok(ca)
}

/// Trusted, and CAPF not in vain.
fn is_good(boot: &BootReport) -> bool {
    boot.outcome == Outcome::Trusted && boot.enrolments.iter().all(|enrolment| enrolment.outcome.is_good())
}

fn failure(error: &PhoneError) -> Failure {
    Failure::CouldNotTell(error.to_string())
}

fn styled(outcome: Outcome) -> String {
    let style = match outcome {
        Outcome::Trusted => GOOD,
        Outcome::Refused | Outcome::Unreachable => BAD,
        Outcome::NoConfig => NOTICE,
    };
    paint(style, outcome.label())
}

fn short(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 1.0 { format!("{:.1} ms", seconds * 1000.0) } else { format!("{seconds:.2} s") }
}

/// A boot for people.
fn told(boot: &BootReport) -> String {
    let mut rows = Vec::new();
    for (index, file) in boot.files.iter().enumerate() {
        let came = match &file.outcome {
            FileOutcome::Fetched { transport, bytes, .. } => {
                format!("{bytes} bytes, {transport}, {}", short(file.took))
            }
            FileOutcome::NotFound => "not found".to_owned(),
            FileOutcome::Failed(_) => "failed".to_owned(),
        };
        // with a new LSC everything was fetched a second time, and judged again
        let earlier = boot.files.iter().take(index);
        let earlier = earlier.filter(|other| other.name == file.name && is_fetched(&other.outcome)).count();
        let judged = is_fetched(&file.outcome)
            .then(|| boot.verdicts.iter().filter(|judged| judged.what == file.name).nth(earlier));
        let judged = judged.flatten();
        let (word, why) = match (judged, &file.outcome) {
            (Some(judged), _) => {
                let word = if judged.verdict.is_accepted() { "accepted" } else { "refused" };
                (word, judged.verdict.reason())
            }
            (None, FileOutcome::Failed(why)) => ("", why.clone()),
            (None, _) => ("", String::new()),
        };
        rows.push(vec![file.name.clone(), came, word.to_owned(), one_line(&why)]);
    }
    let table = terminal::table(&["FILE", "CAME", "VERDICT", "WHY"], &rows);
    let mut text =
        format!("{} ({}): {} after {}\n{table}", boot.name, boot.model, styled(boot.outcome), short(boot.took));
    for talk in &boot.tvs {
        text.push_str(&talk_told(talk));
    }
    for enrolment in &boot.enrolments {
        text.push_str(&enrolment_told(enrolment));
    }
    for problem in &boot.problems {
        text.push_str(&format!("Problem: {}\n", one_line(problem)));
    }
    for message in &boot.messages {
        text.push_str(&format!("Display: {message}\n"));
    }
    text
}

fn is_fetched(outcome: &FileOutcome) -> bool {
    matches!(outcome, FileOutcome::Fetched { .. })
}

fn enrolment_told(enrolment: &Enrolment) -> String {
    let mut text = String::new();
    for tried in &enrolment.tried {
        text.push_str(&format!("CAPF {}\n", one_line(&tried.to_string())));
    }
    let style = if enrolment.outcome.is_good() { GOOD } else { BAD };
    let server = enrolment.server.as_ref().map(|server| format!(" {server}")).unwrap_or_default();
    let key = enrolment.session.as_ref().and_then(|session| session.wanted);
    let key = key.map(|key| format!(", {key}")).unwrap_or_default();
    text.push_str(&format!(
        "CAPF{}: {}: {}{key}, {}\n",
        one_line(&server),
        paint(style, enrolment.outcome.label()),
        one_line(&enrolment.reason()),
        short(enrolment.took)
    ));
    text
}

/// A screen of the LSC menu, and what *Submit* brought.
fn pressed_told(shown: &Shown) -> String {
    let mut text = shown.enrolment.as_ref().map(enrolment_told).unwrap_or_default();
    if let Some(boot) = &shown.boot {
        text.push_str(&told(boot));
    }
    text.push_str(&shown.screen);
    text
}

fn talk_told(talk: &TvsTalk) -> String {
    let mut text = String::new();
    for tried in &talk.tried {
        text.push_str(&format!("TVS {}\n", one_line(&tried.to_string())));
    }
    let answer = match &talk.answer {
        Some((server, answer)) => format!("TVS {server} to {}: {answer}", talk.ask),
        None => format!("TVS: no server answered {}", talk.ask),
    };
    let kept = if talk.cached { ", kept from before" } else { "" };
    text.push_str(&format!("{} about {}{kept}, {}\n", one_line(&answer), one_line(&talk.about), short(talk.took)));
    text
}

/// A server that was looked at, or why it could not be.
type Checked = Result<(Judged, Option<TvsTalk>), PhoneError>;

fn check_told(server: &str, checked: &Checked) -> String {
    let (judged, talk) = match checked {
        Ok((judged, talk)) => (judged, talk.as_ref()),
        Err(error) => return format!("{server}: {}: {}\n", paint(NOTICE, "not checked"), one_line(&error.to_string())),
    };
    let word = if judged.verdict.is_accepted() { paint(GOOD, "accepted") } else { paint(BAD, "refused") };
    let mut text = talk.map(talk_told).unwrap_or_default();
    let reason = one_line(&judged.verdict.reason());
    text.push_str(&format!("{}: {word}: {reason}\n", judged.what));
    text
}

/// A fleet for people.
fn fleet_told(report: &FleetReport, count: u64) -> String {
    let row = |((offer, verdict), phones): (&(&str, &str), &usize)| {
        vec![(*offer).to_owned(), (*verdict).to_owned(), phones.to_string()]
    };
    let rows: Vec<Vec<String>> = report.verdicts.iter().map(row).collect();
    let outcomes = terminal::table(&["OFFER", "VERDICT", "PHONES"], &rows);
    let ended: Vec<String> =
        report.outcomes.iter().map(|(outcome, phones)| format!("{phones} {}", styled(*outcome))).collect();
    let mut text = format!("{}: {}\n{outcomes}", counted(count, "phone"), ended.join(", "));
    text.push_str(&format!(
        "Boot: half within {}, 99 of 100 within {}, the slowest {}\n",
        short(report.p50),
        short(report.p99),
        short(report.max)
    ));
    if !report.enrolments.is_empty() {
        let visits: Vec<String> = report.enrolments.iter().map(|(label, visits)| format!("{visits} {label}")).collect();
        text.push_str(&format!("CAPF: {}\n", visits.join(", ")));
    }
    let rate = count as f64 / report.took.as_secs_f64().max(f64::MIN_POSITIVE);
    text.push_str(&format!(
        "All in {}: {rate:.0} boots/s, {}, {} to TVS\n",
        short(report.took),
        counted(report.files, "file"),
        counted(report.tvs_questions, "question")
    ));
    for (name, outcome, reason) in &report.failures {
        text.push_str(&format!("{name}: {}: {}\n", styled(*outcome), one_line(reason)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_options() {
        assert_eq!(host("CUCM-Pub=127.0.0.2").unwrap().0, "cucm-pub");
        assert!(host("cucm-pub").unwrap_err().contains("NAME=ADDR"));
        assert!(host("cucm-pub=there").unwrap_err().contains("not an IP address"));
        assert_eq!(service("cucm-pub:8443").unwrap(), ("cucm-pub".to_owned(), 8443));
        assert_eq!(service("[::1]:443").unwrap(), ("::1".to_owned(), 443));
        assert!(service("cucm-pub:http").is_err() && service("cucm-pub").is_err());
        assert!(model("7999").unwrap_err().contains("Jabber"));
        assert!(mac("0").is_err() && name("..").is_err());
    }

    #[test]
    fn times() {
        assert_eq!(short(Duration::from_micros(1_260)), "1.3 ms");
        assert_eq!(short(Duration::from_millis(2_500)), "2.50 s");
    }
}
