//! `ringfence verify FILE --trust LIST | --cert CERT`: would a phone that holds these lists take this file?

use std::path::PathBuf;

use pki::hash::{hex, spell};
use pki::verify::{Verdict, check, check_against_itself};
use pki::{Certificate, NameForm};
use serde_json::json;
use wire::role::Role;
use wire::trust_list::{RecordView, TrustList};

use crate::exit::{Answer, Failure};
use crate::files::input::{self, Input};
use crate::files::kind::{self, Decoded};
use crate::terminal::{self, BAD, GOOD, field_text, paint};

/// Check the signature of a trust list or a signed file
///
/// With --trust the signer is looked up as a phone does it: a list must be signed by a SAST record, a config by a record
/// with role TFTP or CCM+TFTP. With --cert only the signature is checked. A trust list alone is held against its own
/// SAST record. Ends with 0 when the signature holds, 1 when the file is refused, 2 when it cannot be read.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: ringfence verify SEP58971ECC97C1.cnf.xml.sgn --trust CTLFile.tlv --trust ITLFile.tlv")]
pub struct Args {
    /// The file to check; `-` for standard input
    file: PathBuf,
    /// A CTL or ITL that the phone holds; may be given several times
    #[arg(long, value_name = "LIST")]
    trust: Vec<PathBuf>,
    /// Certificate of the signer (PEM or DER); with --trust, the certificate that a list holds as a hash
    #[arg(long, value_name = "CERT")]
    cert: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What was found, in the words for machines and for people.
struct Finding {
    /// A label of [`Verdict`], or `wrong-role`.
    label: &'static str,
    /// The field that decided; none of a file that cannot be read.
    field: Option<&'static str>,
    /// One sentence.
    reason: String,
    /// List name, index from 0, role.
    record: Option<(String, usize, Option<Role>)>,
}

struct Belief {
    name: String,
    list: TrustList,
}

impl Args {
    /// Checks and explains.
    pub fn run(self) -> Result<Answer, Failure> {
        let input = Input::read(&self.file)?;
        let decoded = match Decoded::of(&input) {
            Err(failure) if self.json => {
                let reason = failure.to_string();
                let reason = reason.strip_prefix(&format!("{}: ", input.name)).unwrap_or(&reason).to_owned();
                let finding = Finding { label: "malformed", field: None, reason, record: None };
                let value = json_of(&input, kind::named(&input), &finding, Signer::default());
                terminal::print(&format!("{value:#}\n"))?;
                return Err(failure);
            }
            other => other?,
        };
        let certificate = self.cert.as_deref().map(input::certificate).transpose()?;
        let beliefs = self.trust.iter().map(|path| Belief::read(path)).collect::<Result<Vec<_>, _>>()?;
        let finding = match (&decoded, &certificate) {
            _ if !beliefs.is_empty() => with_lists(&decoded, &beliefs, certificate.as_ref()),
            (_, Some(certificate)) => with_certificate(&decoded, certificate),
            (Decoded::List(list), None) => alone(list),
            (Decoded::Signed(_), None) => {
                return Err(Failure::WrongUsage(format!(
                    "{}: a signed file does not carry its certificate: give --trust LIST or --cert CERT",
                    input.name
                )));
            }
        };
        self.print(&input, &decoded, &finding)?;
        Ok(if finding.label == "valid" { Answer::Yes } else { Answer::No })
    }

    fn print(&self, input: &Input, decoded: &Decoded, finding: &Finding) -> Result<(), Failure> {
        let valid = finding.label == "valid";
        if !self.json {
            let word = if valid { paint(GOOD, "valid:") } else { paint(BAD, "refused:") };
            let name = terminal::one_line(&input.name);
            return terminal::print(&format!("{name}: {word} {}\n", finding.reason));
        }
        let (header, bytes) = (decoded.header(), decoded.bytes());
        let lossy = |bytes: Option<&[u8]>| bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        let signer = Signer {
            subject: lossy(header.signer_name(bytes)),
            issuer: lossy(header.issuer_name(bytes)),
            serial: header.serial(bytes).map(hex),
        };
        terminal::print(&format!("{:#}\n", json_of(input, Some(decoded.label()), finding, signer)))
    }
}

/// The signer as the header names it; nothing of a file that cannot be read.
#[derive(Default)]
struct Signer {
    subject: Option<String>,
    issuer: Option<String>,
    serial: Option<String>,
}

/// The same names for every file.
fn json_of(input: &Input, kind: Option<&str>, finding: &Finding, signer: Signer) -> serde_json::Value {
    let record = finding
        .record
        .as_ref()
        .map(|(list, index, role)| json!({ "list": list, "index": index, "role": role.map(|role| role.to_string()) }));
    json!({
        "file": input.name,
        "kind": kind,
        "verdict": finding.label,
        "field": finding.field,
        "signer": { "subject": signer.subject, "issuer": signer.issuer, "serial": signer.serial },
        "record": record,
        "reason": finding.reason,
    })
}

impl Belief {
    fn read(path: &std::path::Path) -> Result<Self, Failure> {
        let input = Input::read(path)?;
        let list = TrustList::decode(input.bytes.clone()).map_err(|error| input.malformed(&error))?;
        // A list that was damaged on its way here would give wrong answers about other files. One without its own
        // signer is fine: the phone checked it with another list.
        match check_against_itself(&list).verdict {
            Verdict::Valid | Verdict::Untrusted => Ok(Self { name: input.name, list }),
            verdict => {
                let reason = format!(
                    "no phone would hold this list: {}; give one whose signature holds",
                    explain(&verdict, &signer_of(list.header(), list.bytes()))
                );
                Err(Failure::of(&input.name, reason))
            }
        }
    }
}

/// The sentence of a verdict about a signer.
fn explain(verdict: &Verdict, signer: &str) -> String {
    match verdict {
        Verdict::Valid => format!("SIGNATURE holds for {signer}"),
        Verdict::BadSignature => {
            format!("SIGNATURE does not hold for {signer}: the file was changed after signing or signed by another key")
        }
        Verdict::KeyKind(kind) => format!(
            "SIGNATURE by {signer} is worth nothing to a phone: its key is {kind}, and phones check RSA with PKCS#1 v1.5 only"
        ),
        Verdict::Untrusted => format!("signer {signer} has no SAST record"),
        Verdict::Malformed(field, reason) => format!("{field} {reason} (signer {signer})"),
        Verdict::Unsupported(digest) => format!(
            "DIGESTALGORITHM {} is not known to any phone (signer {signer}); sign again with sha1 or sha512",
            digest.0
        ),
    }
}

fn field_of(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Valid | Verdict::BadSignature | Verdict::KeyKind(_) => "SIGNATURE",
        Verdict::Untrusted => "SIGNERID",
        Verdict::Malformed(field, _) => field,
        Verdict::Unsupported(_) => "DIGESTALGORITHM",
    }
}

/// Name and serial number of the signer as the header gives them.
fn signer_of(header: &wire::header::Header, file: &[u8]) -> String {
    let name = header.signer_name(file).map_or_else(|| "without a name".to_owned(), |name| subject(field_text(name)));
    let serial = header.serial(file).map_or_else(|| "missing".to_owned(), |serial| spell(serial, ":", true));
    format!("{name}, serial {serial}")
}

/// A subject may be empty (RFC 5280 4.1.2.6).
fn subject(name: String) -> String {
    if name.is_empty() { "(without a subject)".to_owned() } else { name }
}

fn certificate_text(certificate: &Certificate) -> String {
    let name = subject(terminal::one_line(&certificate.subject(NameForm::Cucm)));
    format!("{name}, serial {}", certificate.serial_text(":", true))
}

fn alone(list: &TrustList) -> Finding {
    let found = check_against_itself(list);
    let signer = signer_of(list.header(), list.bytes());
    let mut reason = explain(&found.verdict, &signer);
    match found.verdict {
        Verdict::Valid => reason.push_str(
            " in its own SAST record; whether a phone believes that record, --trust with the list it holds tells",
        ),
        Verdict::Untrusted => reason.push_str(" in the file itself; give --trust LIST or --cert CERT"),
        _ => {}
    }
    Finding {
        label: found.verdict.label(),
        field: Some(field_of(&found.verdict)),
        reason,
        record: found.signer_record.map(|index| ("the file itself".to_owned(), index, Some(Role::SAST))),
    }
}

fn with_certificate(decoded: &Decoded, certificate: &Certificate) -> Finding {
    let (header, bytes) = (decoded.header(), decoded.bytes());
    let verdict = check(header, bytes, certificate);
    let mut reason = explain(&verdict, &certificate_text(certificate));
    let named = header.serial(bytes).unwrap_or_default();
    let same = named == certificate.serial() || named == certificate.serial_reversed();
    if !same && verdict.is_valid() {
        reason.push_str("; but SIGNERID names ");
        reason.push_str(&signer_of(header, bytes));
        reason.push_str(", which is what phones look up");
    } else if !same && verdict == Verdict::BadSignature {
        reason = format!(
            "SIGNATURE does not hold for {}: the file names another signer, {}",
            certificate_text(certificate),
            signer_of(header, bytes)
        );
    }
    Finding { label: verdict.label(), field: Some(field_of(&verdict)), reason, record: None }
}

/// Why a record with the serial number of the signer does not do.
enum Miss {
    Name(&'static str),
    Role(Option<Role>),
    OnlyHash,
}

/// Looks the signer up as a phone does: SERIALNUMBER, CANAME and SIGNERNAME in the lists, then the role.
fn with_lists(decoded: &Decoded, beliefs: &[Belief], given: Option<&Certificate>) -> Finding {
    let (header, bytes) = (decoded.header(), decoded.bytes());
    let signer = signer_of(header, bytes);
    let names = beliefs.iter().map(|belief| terminal::one_line(&belief.name));
    let names = names.collect::<Vec<_>>().join(", ");
    let (is_list, wanted) = match decoded {
        Decoded::List(_) => (true, "SAST"),
        Decoded::Signed(_) => (false, "TFTP or CCM+TFTP"),
    };
    let refused = |label, field, reason| Finding { label, field: Some(field), reason, record: None };
    let Some(serial) = header.serial(bytes) else {
        let reason = format!("SERIALNUMBER is missing, so no record can be looked up (signer {signer})");
        return refused("malformed", "SERIALNUMBER", reason);
    };
    let mut failed: Option<Finding> = None;
    let mut misses = Vec::new();
    for (belief, index, record) in records_with(beliefs, serial) {
        let place = format!("record {} of {}", index + 1, terminal::one_line(&belief.name));
        let role = record.role();
        let fits = role.is_some_and(|role| if is_list { role.signs_lists() } else { role.signs_configs() });
        if !fits {
            misses.push((place, Miss::Role(role)));
            continue;
        }
        let certificate = match certificate_of(record, given) {
            Ok(Some(certificate)) => certificate,
            Ok(None) => {
                misses.push((place, Miss::OnlyHash));
                continue;
            }
            Err(reason) => {
                failed = failed.or_else(|| Some(refused("malformed", "CERTIFICATE", format!("{reason} ({place})"))));
                continue;
            }
        };
        if let Some(field) = other_name(header, bytes, record, &certificate) {
            misses.push((place, Miss::Name(field)));
            continue;
        }
        let verdict = check(header, bytes, &certificate);
        let role_text = role.map(|role| role.to_string()).unwrap_or_default();
        let reason = match verdict {
            Verdict::Valid => format!("SIGNATURE holds for {signer}: {role_text}, {place}"),
            _ => explain(&verdict, &signer),
        };
        let finding = Finding {
            label: verdict.label(),
            field: Some(field_of(&verdict)),
            reason,
            record: Some((belief.name.clone(), index, role)),
        };
        if verdict.is_valid() {
            return finding;
        }
        failed = failed.or(Some(finding));
    }
    if let Some(finding) = failed {
        return finding;
    }
    // The record that came closest is the most telling: only the certificate, the name, the role was missing.
    misses.sort_by_key(|(_, miss)| match miss {
        Miss::OnlyHash => 0,
        Miss::Role(_) => 2,
        Miss::Name(_) => 1,
    });
    match misses.first() {
        None => refused(
            "untrusted",
            "SERIALNUMBER",
            format!("signer {signer} has no {wanted} record in {names}; a phone would ask TVS"),
        ),
        Some((place, Miss::Role(role))) => {
            let role = role.map_or_else(|| "no role".to_owned(), |role| format!("role {role}"));
            refused(
                "wrong-role",
                "FUNCTION",
                format!("signer {signer} has {role} in {place}, {wanted} is needed; a phone would ask TVS"),
            )
        }
        Some((place, Miss::OnlyHash)) => refused(
            "untrusted",
            "CERTHASH",
            format!("signer {signer} stands in {place} without a certificate; give it with --cert"),
        ),
        Some((place, Miss::Name(field))) => refused(
            "untrusted",
            field,
            format!(
                "{field} of signer {signer} differs from the name in {place}, which has the same serial number; a phone would ask TVS"
            ),
        ),
    }
}

fn records_with<'a>(
    beliefs: &'a [Belief],
    serial: &'a [u8],
) -> impl Iterator<Item = (&'a Belief, usize, RecordView<'a>)> {
    beliefs.iter().flat_map(move |belief| {
        let records = belief.list.records().enumerate();
        records
            .filter(move |(_, record)| record.serial() == Some(serial))
            .map(move |(index, record)| (belief, index, record))
    })
}

/// The field of SIGNERID whose name is not that of the record, in whatever form the list writes names.
fn other_name(
    header: &wire::header::Header,
    file: &[u8],
    record: RecordView<'_>,
    certificate: &Certificate,
) -> Option<&'static str> {
    let forms = [NameForm::Cucm, NameForm::Peer, NameForm::CtlClient];
    let same = |named: Option<&[u8]>, written: Option<&[u8]>, name_of: &dyn Fn(NameForm) -> String| {
        let Some(named) = named else { return true };
        written == Some(named) || forms.iter().any(|form| name_of(*form).as_bytes() == named)
    };
    if !same(header.issuer_name(file), record.issuer(), &|form| certificate.issuer(form)) {
        return Some("CANAME");
    }
    if !same(header.signer_name(file), record.subject(), &|form| certificate.subject(form)) {
        return Some("SIGNERNAME");
    }
    None
}

/// The certificate of a record; for a hash the one that was given, if it has that hash.
fn certificate_of(record: RecordView<'_>, given: Option<&Certificate>) -> Result<Option<Certificate>, String> {
    if let Some(der) = record.certificate() {
        return Certificate::from_der(der)
            .map(Some)
            .map_err(|error| format!("CERTIFICATE of the signer does not parse: {error}"));
    }
    let (Some((algorithm, hash)), Some(given)) = (record.certificate_hash(), given) else {
        return Ok(None);
    };
    let found = pki::hash::digest(algorithm, &[given.der()]);
    Ok((found.as_deref() == Some(hash)).then(|| given.clone()))
}
