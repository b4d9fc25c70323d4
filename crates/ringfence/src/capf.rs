//! `ringfence capf install|update|fetch|delete`: one session with a CAPF server, by hand, as a phone has it.
//!
//! The session is the one of the virtual phone ([`::phone::capf`]). The server decides what is done; the name of the
//! subcommand says what this side agrees to, so a server that has another operation scheduled gets a failure and nothing is
//! written or removed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ::phone::capf::{CapfConnection, LscStore, Outcome, Party, SessionReport, Shows, session};
use ::phone::console::Console;
use ::phone::tls::PhoneTls;
use ::phone::tvs::resolve;
use ::phone::{Credential, KeySource, Waits};
use clap::Subcommand;
use pki::Certificate;
use serde_json::{Value, json};
use wire::capf::{ClientEnded, DeviceName, PORT, Password, Reason};
use wire::role::Role;

use crate::exit::{Answer, Failure};
use crate::files::input;
use crate::files::output::{Readers, Target};
use crate::server::{Check, Place, certificate_json, certificate_text, timeout};
use crate::terminal::{self, BAD, GOOD, NOTICE, one_line, paint};

/// Get, renew, show or lose the LSC of a device
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: ringfence capf install --server 10.0.0.5 --device SEP58971ECC97C1 -o lsc.pem")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Install(Install),
    Update(Update),
    Fetch(Fetch),
    Delete(Delete),
}

/// Get a first LSC, by null string or by authentication string
///
/// The key is made as the server asks for it. Certificate and key are written to one PEM file, readable for its owner only,
/// before the server hears that they are stored.
///
/// Ends with 0 when the LSC is there and the server knows it, 1 when the server refuses or has another operation for this
/// device or none, 2 when it is not reached, is not the expected one or breaks the session.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: ringfence capf install --server 10.0.0.5 --device SEP58971ECC97C1 -o lsc.pem")]
struct Install {
    /// Authentication string; without it by null string. Better in the environment, where no process list shows it
    #[arg(long, value_name = "DIGITS", env = "RINGFENCE_AUTHENTICATION_STRING", hide_env_values = true,
        value_parser = password)]
    password: Option<Password>,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    connect: Connect,
}

/// Get a new LSC, by the certificate that the device has
///
/// Ends as `install`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: ringfence capf update --server 10.0.0.5 --device SEP58971ECC97C1 --certificate lsc.pem --mic mic.pem -o new.pem"
)]
struct Update {
    #[command(flatten)]
    existing: Existing,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    connect: Connect,
}

/// Show the LSC to a server that wants to see it
///
/// Ends with 0 when it was shown, 1 when there is none, or the server refuses or wants something else, 2 when the server is
/// not reached, is not the expected one or breaks the session.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: ringfence capf fetch --server 10.0.0.5 --device SEP58971ECC97C1 --lsc lsc.pem --password 4829"
)]
struct Fetch {
    #[command(flatten)]
    held: Held,
    #[command(flatten)]
    connect: Connect,
}

/// Delete the LSC when the server wants it: the file is removed
///
/// Ends as `fetch`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: ringfence capf delete --server 10.0.0.5 --device SEP58971ECC97C1 --lsc lsc.pem")]
struct Delete {
    #[command(flatten)]
    held: Held,
    #[command(flatten)]
    connect: Connect,
}

/// The certificate that the device authenticates with.
#[derive(Debug, clap::Args)]
struct Existing {
    /// LSC or MIC that is shown; its key may be in the same PEM file
    #[arg(long, value_name = "CERT")]
    certificate: PathBuf,
    /// Its private key, when it is in another file
    #[arg(long, value_name = "KEY")]
    key: Option<PathBuf>,
    /// MIC with its key (PEM), for the proof with the session id; without it that proof is left out
    #[arg(long, value_name = "FILE")]
    mic: Option<PathBuf>,
}

/// The LSC that the device has, and how it authenticates.
#[derive(Debug, clap::Args)]
struct Held {
    /// The LSC (PEM or DER); a file that is not there is a device without one
    #[arg(long, value_name = "FILE")]
    lsc: PathBuf,
    /// Authentication string. Better in the environment, where no process list shows it
    #[arg(long, value_name = "DIGITS", env = "RINGFENCE_AUTHENTICATION_STRING", hide_env_values = true,
        value_parser = password, conflicts_with = "certificate")]
    password: Option<Password>,
    /// LSC or MIC to authenticate with; its key may be in the same PEM file
    #[arg(long, value_name = "CERT")]
    certificate: Option<PathBuf>,
    /// Its private key, when it is in another file
    #[arg(long, value_name = "KEY", requires = "certificate")]
    key: Option<PathBuf>,
    /// MIC with its key (PEM), for the proof with the session id
    #[arg(long, value_name = "FILE", requires = "certificate")]
    mic: Option<PathBuf>,
}

/// Which server, and how it is spoken to.
#[derive(Debug, clap::Args)]
struct Connect {
    /// The server, address or name; port 3804 unless another one is given
    #[arg(long, value_name = "HOST[:PORT]", value_parser = server)]
    server: Place,
    /// Device name, such as SEP58971ECC97C1
    #[arg(long, value_name = "NAME", value_parser = device)]
    device: DeviceName,
    /// Speak TLS 1.0 with RSA key exchange only, as the 7900 series does
    #[arg(long)]
    legacy_tls: bool,
    /// The server has to show this certificate (PEM or DER)
    #[arg(long, value_name = "CERT", conflicts_with = "trust")]
    expect: Option<PathBuf>,
    /// The certificate of the server has to stand in this CTL or ITL with role CAPF
    #[arg(long, value_name = "LIST")]
    trust: Option<PathBuf>,
    /// Seconds to wait for the connection, for TLS and for each message, each
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = timeout)]
    timeout: Duration,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Print the messages of the session
    #[arg(short, long)]
    verbose: bool,
}

fn password(text: &str) -> Result<Password, String> {
    Password::new(text.as_bytes()).map_err(|error| error.to_string())
}

fn device(text: &str) -> Result<DeviceName, String> {
    DeviceName::new(text).map_err(|error| error.to_string())
}

fn server(text: &str) -> Result<Place, String> {
    Place::parse(text, PORT)
}

impl Args {
    /// Has the session and tells.
    pub fn run(self) -> Result<Answer, Failure> {
        match self.command {
            Command::Install(install) => {
                let shows = install.password.map_or(Shows::NullString, Shows::String);
                install_with(&install.target, &install.connect, shows)
            }
            Command::Update(update) => {
                let Existing { certificate, key, mic } = &update.existing;
                let shows = by_certificate(certificate, key.as_deref(), mic.as_deref())?;
                install_with(&update.target, &update.connect, shows)
            }
            Command::Fetch(fetch) => {
                let held = fetch.held.certificate()?;
                let mut files = Files { agreed: Agreed::Fetch(held.as_ref()), changed: None };
                fetch.connect.run(fetch.held.shows()?, &mut files, false)
            }
            Command::Delete(delete) => {
                let mut files = Files { agreed: Agreed::Delete(&delete.held.lsc), changed: None };
                delete.connect.run(delete.held.shows()?, &mut files, false)
            }
        }
    }
}

fn install_with(target: &Target, connect: &Connect, shows: Shows) -> Result<Answer, Failure> {
    let path =
        target.path().ok_or_else(|| Failure::WrongUsage("name the file for the LSC with --output".to_owned()))?;
    let to_stdout = path == Path::new("-");
    if to_stdout && connect.json {
        return Err(Failure::WrongUsage(
            "--json and `--output -` both want standard output; give --output the name of a file".to_owned(),
        ));
    }
    target.check(path)?;
    // The server has issued the LSC by the time it is written.
    target.check_folder(path)?;
    let mut files = Files { agreed: Agreed::Install(target, path), changed: None };
    connect.run(shows, &mut files, to_stdout)
}

fn by_certificate(certificate: &Path, key: Option<&Path>, mic: Option<&Path>) -> Result<Shows, Failure> {
    let shown = credential(certificate, key.unwrap_or(certificate))?;
    let mic = mic.map(|path| credential(path, path)).transpose()?;
    Ok(Shows::Certificate { shown: Some(shown), mic })
}

fn credential(certificate: &Path, key: &Path) -> Result<Credential, Failure> {
    let (pair, at) = (input::certificate(certificate)?, certificate);
    Credential::new(input::key(key)?, pair).map_err(|error| Failure::at(at, error))
}

impl Held {
    /// The LSC; none when the file is not there.
    fn certificate(&self) -> Result<Option<Certificate>, Failure> {
        if self.lsc.exists() { input::certificate(&self.lsc).map(Some) } else { Ok(None) }
    }

    fn shows(&self) -> Result<Shows, Failure> {
        match (&self.certificate, &self.password) {
            (Some(certificate), _) => by_certificate(certificate, self.key.as_deref(), self.mic.as_deref()),
            (None, Some(password)) => Ok(Shows::String(password.clone())),
            (None, None) => Ok(Shows::NullString),
        }
    }
}

/// The one operation that was agreed to, and what it works on.
enum Agreed<'a> {
    Install(&'a Target, &'a Path),
    Fetch(Option<&'a Certificate>),
    Delete(&'a Path),
}

impl Agreed<'_> {
    const fn word(&self) -> &'static str {
        match self {
            Self::Install(..) => "install",
            Self::Fetch(_) => "fetch",
            Self::Delete(_) => "delete",
        }
    }

    fn not(&self, wanted: &str) -> String {
        format!("the server has {wanted} scheduled for this device, not {}; nothing was done", self.word())
    }
}

struct Files<'a> {
    agreed: Agreed<'a>,
    /// The file that was written or removed.
    changed: Option<PathBuf>,
}

impl LscStore for Files<'_> {
    fn may_install(&mut self) -> Result<(), String> {
        match self.agreed {
            Agreed::Install(..) => Ok(()),
            _ => Err(self.agreed.not("install")),
        }
    }

    fn install(&mut self, lsc: Credential) -> Result<(), String> {
        let Agreed::Install(target, path) = self.agreed else {
            return Err(self.agreed.not("install"));
        };
        let pem = lsc.to_pem().map_err(|error| error.to_string())?;
        target.write(path, &pem, Readers::Owner).map_err(|error| error.to_string())?;
        self.changed = Some(path.to_owned());
        Ok(())
    }

    fn show(&mut self) -> Result<Option<Certificate>, String> {
        match self.agreed {
            Agreed::Fetch(lsc) => Ok(lsc.cloned()),
            _ => Err(self.agreed.not("fetch")),
        }
    }

    fn delete(&mut self) -> Result<bool, String> {
        let Agreed::Delete(path) = self.agreed else {
            return Err(self.agreed.not("delete"));
        };
        match std::fs::remove_file(path) {
            Ok(()) => {
                self.changed = Some(path.to_owned());
                Ok(true)
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(format!("{}: {error}", path.display())),
        }
    }
}

/// A session that is over, with what is told about it.
struct Report {
    place: String,
    version: &'static str,
    cipher: &'static str,
    certificate: Vec<u8>,
    vouched: Option<(&'static str, String)>,
    device: DeviceName,
    way: &'static str,
    session: SessionReport,
    lines: Vec<String>,
}

impl Connect {
    fn run(&self, shows: Shows, files: &mut Files<'_>, stdout_is_taken: bool) -> Result<Answer, Failure> {
        let check = Check::of(self.expect.as_deref(), self.trust.as_deref())?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::CouldNotTell(format!("cannot start: {error}")))?;
        let place = self.server.to_string();
        let report = runtime.block_on(self.converse(shows, files, check, &place));
        // A DNS that hangs is waited for by nobody.
        runtime.shutdown_background();
        let report = report.map_err(|why| Failure::of(&place, why))?;
        let changed = files.changed.as_deref();
        let text = match self.json {
            true => terminal::json(&report.json(changed, self.verbose)),
            false => terminal::screen(&report.text(changed, self.verbose)),
        };
        if stdout_is_taken {
            terminal::note(text.trim_end());
        } else {
            terminal::print(&text)?;
        }
        report.answer()
    }

    async fn converse(&self, shows: Shows, files: &mut Files<'_>, check: Check, place: &str) -> Result<Report, String> {
        let wait = self.timeout;
        let waits = Waits { connect: wait, capf: wait, ..Waits::default() };
        let tls = PhoneTls::new(self.legacy_tls).map_err(|error| format!("TLS: {error}"))?;
        let next_step = |why: String| format!("{why}; check --server, its port and --legacy-tls");
        let address = resolve(&self.server.host, self.server.port, &BTreeMap::new(), wait).await.map_err(next_step)?;
        let connection = CapfConnection::open(&tls, address, &waits).await.map_err(next_step)?;
        check.judge(connection.certificate(), Role::CAPF)?;
        let (version, cipher) = (connection.version(), connection.cipher());
        let certificate = connection.certificate().to_vec();
        let way = match &shows {
            Shows::NullString => "null string",
            Shows::String(_) => "authentication string",
            Shows::Certificate { .. } => "existing certificate",
        };
        let keys = KeySource::default();
        let party = Party { name: self.device.clone(), shows, keys: &keys, store: files, wait, misbehave: None };
        let mut console = Console::new(jiff::tz::TimeZone::system());
        let session = session::run(connection, party, &mut console).await;
        Ok(Report {
            place: place.to_owned(),
            version,
            cipher,
            certificate,
            vouched: check.vouched(),
            device: self.device.clone(),
            way,
            session,
            lines: console.take(),
        })
    }
}

impl Report {
    fn outcome(&self) -> Outcome {
        Outcome::of(&self.session)
    }

    /// The certificate that was installed or shown.
    fn lsc(&self) -> Option<&Certificate> {
        match &self.session.done {
            ::phone::capf::Done::Installed(lsc) | ::phone::capf::Done::Shown(lsc) => Some(lsc),
            _ => None,
        }
    }

    /// Whether the server heard of what was done.
    fn is_confirmed(&self) -> bool {
        matches!(&self.session.ended, ClientEnded::Reason(Reason::SUCCESS | Reason::NO_ACTION))
    }

    fn answer(&self) -> Result<Answer, Failure> {
        match self.outcome() {
            outcome if outcome.changed() || outcome == Outcome::Shown => {
                if self.is_confirmed() {
                    return Ok(Answer::Yes);
                }
                let reason = format!("{outcome}, but {}: the server may not know it", self.session.ended);
                Err(Failure::of(&self.place, reason))
            }
            Outcome::Broken(why) => Err(Failure::of(&self.place, why)),
            _ => Ok(Answer::No),
        }
    }

    fn json(&self, changed: Option<&Path>, verbose: bool) -> Value {
        let server = Certificate::from_der(&self.certificate).ok();
        let ended = match &self.session.ended {
            ClientEnded::Reason(reason) => json!(reason.0),
            other => json!(other.to_string()),
        };
        let mut all = json!({
            "server": {
                "address": self.place,
                "tls": self.version,
                "cipher": self.cipher,
                "checked": self.vouched.as_ref().map(|(option, file)| json!({ "option": option, "file": file })),
                "certificate": certificate_json(server.as_ref(), &self.certificate),
            },
            "device": self.device.as_str(),
            "authentication": self.way,
            "session_id": self.session.session_id,
            "key": self.session.wanted.map(|key| key.to_string()),
            "outcome": self.outcome().label(),
            "reason": self.outcome().to_string(),
            "ended": ended,
            "tolerated": self.session.tolerated.iter().map(|one| one.label()).collect::<Vec<_>>(),
            "certificate": self.lsc().map(|lsc| certificate_json(Some(lsc), lsc.der())),
            "file": changed.map(|path| path.display().to_string()),
        });
        if let (true, Some(fields)) = (verbose, all.as_object_mut()) {
            fields.insert("console".to_owned(), json!(self.lines));
        }
        all
    }

    fn text(&self, changed: Option<&Path>, verbose: bool) -> String {
        let mut out = String::new();
        for line in self.lines.iter().filter(|_| verbose) {
            out.push_str(&format!("{}\n", one_line(line)));
        }
        out.push_str(&format!("Server       {}, {} {}\n", one_line(&self.place), self.version, self.cipher));
        out.push_str(&certificate_text(Certificate::from_der(&self.certificate).ok().as_ref(), &self.certificate));
        let checked = match &self.vouched {
            Some((option, file)) => format!("checked by --{option} {}", one_line(file)),
            None => paint(NOTICE, "not checked: anybody may have answered; give --expect CERT or --trust LIST"),
        };
        out.push_str(&format!("             {checked}\n"));
        out.push_str(&format!("Device       {}, by {}\n", self.device, self.way));
        if let Some(key) = self.session.wanted {
            out.push_str(&format!("Asked for    {key}\n"));
        }
        let outcome = self.outcome();
        let style = if outcome.is_good() && outcome != Outcome::NothingPending { GOOD } else { BAD };
        out.push_str(&format!("Result       {}\n", paint(style, &one_line(&outcome.to_string()))));
        if let Some(lsc) = self.lsc() {
            out.push_str("Certificate\n");
            out.push_str(&certificate_text(Some(lsc), lsc.der()));
        }
        if let Some(path) = changed {
            let word = if self.lsc().is_some() { "Written     " } else { "Removed     " };
            out.push_str(&format!("{word} {}\n", one_line(&path.display().to_string())));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_options() {
        assert!(device("SEP58971ECC97C1").is_ok() && device("").is_err() && device("a b").is_err());
        assert!(password("4829").is_ok() && password(&"1".repeat(65)).is_err());
    }
}
