//! `ringfence tvs verify|query`: one question to one TVS server, by hand.
//!
//! The connection is the one of the phones ([`::phone::tvs`]); so is the order: the certificate of the server first,
//! then the question. What a server answers to QUERY is held against what was asked, as a phone does with the
//! signature.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ::phone::Waits;
use ::phone::tls::PhoneTls;
use ::phone::tvs::{ExchangeError, TvsConnection, resolve};
use clap::{ArgGroup, Subcommand, ValueEnum};
use pki::hash::{hex, spell};
use pki::verify::{Verdict, check};
use pki::{Certificate, NameForm};
use serde_json::{Value, json};
use trust::Party;
use wire::role::Role;
use wire::tvs::{Answer as TvsAnswer, Ask, ClientSession, DeviceName, PORT};

use crate::exit::{Answer, Failure};
use crate::files::input::{self, Input};
use crate::files::kind::Decoded;
use crate::files::output::{Readers, Target};
use crate::server::{Check, Place, certificate_json, certificate_text, timeout};
use crate::terminal::{self, BAD, GOOD, NOTICE, field_text, one_line, paint};

/// The form of real names, because the peer's server hangs up on others [sources/tvs#tolerance]. The MAC address is
/// locally administered, so no real phone has it.
const DEVICE: &str = "CP-8861-SEP020000000001";

/// Ask a Trust Verification Service what it knows
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: ringfence tvs query --file SEP58971ECC97C1.cnf.xml.sgn --server 10.0.0.5 --trust ITLFile.tlv"
)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Verify(Verify),
    Query(Box<Query>),
}

/// Ask whether a certificate is known, and for what
///
/// Ends with 0 when it is known, 1 when the server says it is not valid, 2 when the server is not reached, is not the
/// expected one or breaks the protocol.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: ringfence tvs verify tomcat.pem --server 10.0.0.5 --trust ITLFile.tlv")]
struct Verify {
    /// Certificate, PEM or DER
    #[arg(value_name = "CERT")]
    certificate: PathBuf,
    #[command(flatten)]
    connect: Connect,
}

/// Ask for the certificate that has these names
///
/// With --output the certificate of the answer is written as PEM, if it is the one that was asked for.
///
/// Ends with 0 when the server gives the certificate, 1 when it knows none or gives another one (with --file: one whose
/// key did not sign the file), 2 when the server is not reached, is not the expected one or breaks the protocol. The
/// servers of usecallmanager-daemons do not know this question and close the connection.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: ringfence tvs query --file ITLFile.tlv --server 10.0.0.5 --expect tvs.pem -o signer.pem"
)]
#[command(group(ArgGroup::new("about").required(true).args(["cert", "subject", "file"])))]
struct Query {
    /// The names of this certificate (PEM or DER)
    #[arg(long, value_name = "CERT")]
    cert: Option<PathBuf>,
    /// Form of the names of --cert
    #[arg(long, value_enum, default_value_t = Form::Cucm, conflicts_with_all = ["subject", "file"])]
    form: Form,
    /// Subject name, such as `CN=cucm-pub;OU=TAC;O=Cisco`
    #[arg(long, value_name = "NAME", requires_all = ["issuer", "serial"])]
    subject: Option<String>,
    /// Issuer name
    #[arg(long, value_name = "NAME", requires = "subject", conflicts_with_all = ["cert", "file"])]
    issuer: Option<String>,
    /// Serial number in hexadecimal digits; colons may stand between them
    #[arg(long, value_name = "HEX", requires = "subject", conflicts_with_all = ["cert", "file"], value_parser = serial)]
    serial: Option<Serial>,
    /// The signer of this CTL, ITL or .sgn file
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    connect: Connect,
}

/// Forms of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// `CN=..;OU=..`
    Cucm,
    /// `C=..,O=..`
    Peer,
}

/// Which server, and how it is spoken to.
#[derive(Debug, clap::Args)]
struct Connect {
    /// The server, address or name; port 2445 unless another one is given
    #[arg(long, value_name = "HOST[:PORT]", value_parser = server)]
    server: Place,
    /// Device name that the server logs; an empty one sends none
    #[arg(long, value_name = "NAME", default_value = DEVICE)]
    device: String,
    /// Speak TLS 1.0 with RSA key exchange only, as the 7900 series does
    #[arg(long)]
    legacy_tls: bool,
    /// The server has to show this certificate (PEM or DER)
    #[arg(long, value_name = "CERT", conflicts_with = "trust")]
    expect: Option<PathBuf>,
    /// The certificate of the server has to stand in this ITL with role TVS
    #[arg(long, value_name = "ITL")]
    trust: Option<PathBuf>,
    /// Seconds to wait for the connection, for TLS and for the answer, each
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = timeout)]
    timeout: Duration,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Bytes of a serial number; a type of its own, because a list of bytes would be many values of an option.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Serial(Vec<u8>);

fn server(text: &str) -> Result<Place, String> {
    Place::parse(text, PORT)
}

fn serial(text: &str) -> Result<Serial, String> {
    let digits: String = text.trim_start_matches("0x").chars().filter(|digit| !matches!(digit, ':' | ' ')).collect();
    match hex::decode(&digits) {
        Ok(bytes) if bytes.is_empty() => Err("a serial number has at least one byte".to_owned()),
        Ok(bytes) => Ok(Serial(bytes)),
        Err(error) => Err(format!("write it as 6F969D or 6F:96:9D: {error}")),
    }
}

impl Args {
    /// Asks and tells.
    pub fn run(self) -> Result<Answer, Failure> {
        match self.command {
            Command::Verify(verify) => verify.run(),
            Command::Query(query) => query.run(),
        }
    }
}

impl Verify {
    fn run(self) -> Result<Answer, Failure> {
        let certificate = input::certificate(&self.certificate)?;
        let ask = Ask::Verify { certificate: certificate.der().to_vec() };
        let talk = self.connect.talk(&ask)?;
        let report = Report { question: "verify", about: Party::owner(&certificate), talk, known: None, wrong: None };
        let report = match report.talk.answer {
            TvsAnswer::Verified(_) => Report { known: Some(certificate), ..report },
            _ => report,
        };
        report.print(self.connect.json, false)?;
        Ok(report.verdict())
    }
}

/// What was asked about in a QUERY, as far as the answer can be held against it.
enum Asked {
    /// The very certificate.
    Certificate(Certificate),
    /// Names only.
    Names,
    /// The signer of a file.
    Signer(String, Box<Decoded>),
}

impl Query {
    fn run(self) -> Result<Answer, Failure> {
        let to_stdout = self.target.path() == Some(Path::new("-"));
        if to_stdout && self.connect.json {
            return Err(Failure::WrongUsage(
                "--json and `--output -` both want standard output; give --output the name of a file".to_owned(),
            ));
        }
        if let Some(path) = self.target.path() {
            self.target.check(path)?;
        }
        let (about, asked) = self.about()?;
        let Party { subject, issuer, serial } = about.clone();
        let talk = self.connect.talk(&Ask::Query { subject, issuer, serial })?;
        let mut report = Report { question: "query", about, talk, known: None, wrong: None };
        if let TvsAnswer::Found(found) = &report.talk.answer {
            let certificate = Certificate::from_der(&found.certificate).map_err(|error| {
                Failure::of(&report.talk.place, format!("the certificate of the answer does not parse: {error}"))
            })?;
            report.wrong = wrong(&asked, &report.about, &certificate);
            report.known = Some(certificate);
        }
        let verdict = report.verdict();
        if let (Some(path), Some(certificate), Answer::Yes) = (self.target.path(), &report.known, verdict) {
            self.target.write(path, certificate.to_pem().as_bytes(), Readers::Everybody)?;
        }
        report.print(self.connect.json, to_stdout)?;
        Ok(verdict)
    }

    fn about(&self) -> Result<(Party, Asked), Failure> {
        if let Some(path) = &self.cert {
            let certificate = input::certificate(path)?;
            let form = match self.form {
                Form::Cucm => NameForm::Cucm,
                Form::Peer => NameForm::Peer,
            };
            let party = Party {
                subject: certificate.subject(form).into_bytes(),
                issuer: certificate.issuer(form).into_bytes(),
                serial: certificate.serial().to_vec(),
            };
            return Ok((party, Asked::Certificate(certificate)));
        }
        if let Some(path) = &self.file {
            let input = Input::read(path)?;
            let decoded = Decoded::of(&input)?;
            let party = Party::signer(decoded.header()).ok_or_else(|| {
                Failure::of(&input.name, "SIGNERID lacks a name or the serial number, so nobody can be asked for it")
            })?;
            return Ok((party, Asked::Signer(input.name, Box::new(decoded))));
        }
        match (&self.subject, &self.issuer, &self.serial) {
            (Some(subject), Some(issuer), Some(Serial(serial))) => {
                let (subject, issuer) = (subject.clone().into_bytes(), issuer.clone().into_bytes());
                Ok((Party { subject, issuer, serial: serial.clone() }, Asked::Names))
            }
            _ => Err(Failure::WrongUsage("give --cert, --file, or --subject with --issuer and --serial".to_owned())),
        }
    }
}

/// Why the certificate of an answer is not the one that was asked for.
fn wrong(asked: &Asked, about: &Party, found: &Certificate) -> Option<String> {
    match asked {
        Asked::Certificate(certificate) => (certificate.der() != found.der())
            .then(|| "the server has another certificate under these names and this serial number".to_owned()),
        Asked::Signer(name, file) => match check(file.header(), found) {
            Verdict::Valid => None,
            Verdict::Malformed(field, reason) => Some(format!("{name}: {field} {reason}")),
            Verdict::KeyKind(kind) => {
                Some(format!("{name}: its signer has a key ({kind}) that phones do not verify with"))
            }
            Verdict::Unsupported(digest) => Some(format!("{name}: DIGESTALGORITHM {} is not known", digest.0)),
            Verdict::BadSignature | Verdict::Untrusted => {
                Some(format!("SIGNATURE of {name} does not hold for the certificate of the answer"))
            }
        },
        Asked::Names => {
            let bare = |serial: &[u8]| serial.iter().copied().skip_while(|byte| *byte == 0).collect::<Vec<u8>>();
            // tokens stand in lists with their serial number byte-reversed
            let same = bare(&about.serial) == bare(found.serial()) || about.serial == found.serial_reversed();
            (!same).then(|| "the certificate of the answer has another serial number".to_owned())
        }
    }
}

/// A finished conversation.
struct Talk {
    place: String,
    version: &'static str,
    cipher: &'static str,
    certificate: Vec<u8>,
    vouched: Option<(&'static str, String)>,
    answer: TvsAnswer,
}

impl Connect {
    fn talk(&self, ask: &Ask) -> Result<Talk, Failure> {
        let check = Check::of(self.expect.as_deref(), self.trust.as_deref())?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::CouldNotTell(format!("cannot start: {error}")))?;
        let place = self.server.to_string();
        let talk = runtime.block_on(self.converse(ask, check, &place));
        // A DNS that hangs is waited for by nobody.
        runtime.shutdown_background();
        talk.map_err(|why| Failure::of(&place, why))
    }

    async fn converse(&self, ask: &Ask, check: Check, place: &str) -> Result<Talk, String> {
        let wait = self.timeout;
        let waits = Waits { connect: wait, tvs: wait, ..Waits::default() };
        let tls = PhoneTls::new(self.legacy_tls).map_err(|error| format!("TLS: {error}"))?;
        let next_step = |why: String| format!("{why}; check --server, its port and --legacy-tls");
        let address = resolve(&self.server.host, self.server.port, &BTreeMap::new(), wait).await.map_err(next_step)?;
        let mut connection = TvsConnection::open(&tls, address, &waits).await.map_err(next_step)?;
        check.judge(connection.certificate(), Role::TVS)?;
        let mut session = ClientSession::default();
        let device = (!self.device.is_empty()).then(|| DeviceName::new(self.device.as_bytes()));
        let request = session.request(device, ask.clone()).map_err(|error| error.to_string())?;
        let answer = connection.exchange(&mut session, &request, wait).await;
        let answer = answer.map_err(|error| match (&error, ask) {
            (ExchangeError::Closed, Ask::Query { .. }) => format!("{error}, as servers do that know VERIFY only"),
            _ => error.to_string(),
        })?;
        let talk = Talk {
            place: place.to_owned(),
            version: connection.version(),
            cipher: connection.cipher(),
            certificate: connection.certificate().to_vec(),
            vouched: check.vouched(),
            answer,
        };
        if let Err(error) = connection.close(wait).await {
            terminal::warn(&format!("{place}: close: {error}"));
        }
        Ok(talk)
    }
}

/// What is told in the end.
struct Report {
    question: &'static str,
    about: Party,
    talk: Talk,
    /// The certificate that the server knows.
    known: Option<Certificate>,
    /// Why it is not the one that was asked for.
    wrong: Option<String>,
}

impl Report {
    fn verdict(&self) -> Answer {
        if self.known.is_some() && self.wrong.is_none() { Answer::Yes } else { Answer::No }
    }

    /// Roles by name, and the time to live in seconds.
    fn trust(&self) -> Option<(Vec<String>, u32)> {
        let trust = match &self.talk.answer {
            TvsAnswer::Verified(trust) => trust,
            TvsAnswer::Found(found) => &found.trust,
            TvsAnswer::NotValid => return None,
        };
        Some((trust.roles().iter().map(|role| Role(u16::from(*role)).to_string()).collect(), trust.ttl_seconds()))
    }

    fn print(&self, json: bool, stdout_is_taken: bool) -> Result<(), Failure> {
        let text = if json { terminal::json(&self.json()) } else { terminal::screen(&self.text()) };
        if stdout_is_taken {
            terminal::note(text.trim_end());
            return Ok(());
        }
        terminal::print(&text)
    }

    fn json(&self) -> Value {
        let (roles, ttl) = self.trust().unzip();
        let vouched = self.talk.vouched.as_ref();
        let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let server = Certificate::from_der(&self.talk.certificate).ok();
        json!({
            "server": {
                "address": self.talk.place,
                "tls": self.talk.version,
                "cipher": self.talk.cipher,
                "checked": vouched.map(|(option, file)| json!({ "option": option, "file": file })),
                "certificate": certificate_json(server.as_ref(), &self.talk.certificate),
            },
            "question": self.question,
            "about": {
                "subject": lossy(&self.about.subject),
                "issuer": lossy(&self.about.issuer),
                "serial": hex(&self.about.serial),
            },
            "status": if roles.is_some() { "valid" } else { "not-valid" },
            "roles": roles,
            "ttl_seconds": ttl,
            "certificate": self.known.as_ref().map(|known| certificate_json(Some(known), known.der())),
            "wrong": self.wrong,
        })
    }

    fn text(&self) -> String {
        let talk = &self.talk;
        let mut out = format!("Server       {}, {} {}\n", one_line(&talk.place), talk.version, talk.cipher);
        out.push_str(&certificate_text(Certificate::from_der(&talk.certificate).ok().as_ref(), &talk.certificate));
        let checked = match &talk.vouched {
            Some((option, file)) => format!("checked by --{option} {}", one_line(file)),
            None => paint(NOTICE, "not checked: anybody may have answered; give --expect CERT or --trust ITL"),
        };
        out.push_str(&format!("             {checked}\n"));
        out.push_str(&format!(
            "Question     {} {}, serial {}\n",
            self.question.to_uppercase(),
            field_text(&self.about.subject),
            spell(&self.about.serial, ":", true)
        ));
        let Some((roles, ttl)) = self.trust() else {
            out.push_str(&format!("Status       {}\n", paint(BAD, "not valid")));
            return out;
        };
        out.push_str(&format!("Status       {}\n", paint(GOOD, "valid")));
        out.push_str(&format!("Roles        {}\nTTL          {ttl} s\n", roles.join(", ")));
        if let Some(known) = &self.known {
            out.push_str("Certificate\n");
            out.push_str(&certificate_text(Some(known), known.der()));
        }
        if let Some(wrong) = &self.wrong {
            out.push_str(&format!("Refused      {}\n", paint(BAD, &one_line(wrong))));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_options() {
        assert_eq!(serial("0x6F:96 9d"), Ok(Serial(vec![0x6F, 0x96, 0x9D])));
        assert!(serial("").is_err() && serial("6F9").is_err() && serial("six").is_err());
    }
}
