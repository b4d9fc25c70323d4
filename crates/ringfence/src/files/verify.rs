//! `ringfence verify FILE --trust LIST | --cert CERT`: would a phone that holds these lists take this file?

use std::path::PathBuf;

use pki::Certificate;
use pki::hash::hex;
use pki::verify::{Verdict, check, check_against_itself};
use serde_json::json;
use trust::Model;
use wire::role::Role;
use wire::trust_list::TrustList;

use crate::exit::{Answer, Failure};
use crate::files::finding::{Finding, certificate_text, explain, signer_of};
use crate::files::held::Held;
use crate::files::input::{self, Input};
use crate::files::kind::{self, Decoded};
use crate::phone::model;
use crate::terminal::{self, BAD, GOOD, paint};

/// Would a phone take this trust list or signed file?
///
/// With --trust the answer is that of a phone which holds these lists: signer, role, FILENAME, and the limits of its model. Where the
/// phone would ask TVS the file is refused, and the sentence says so; the line below tells what the signature itself is worth. With
/// --cert only the signature is checked. A trust list alone is held against its own SAST record. Ends with 0 when the file is taken or
/// its signature holds, 1 when it is refused, 2 when it cannot be read.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: ringfence verify SEP58971ECC97C1.cnf.xml.sgn --trust CTLFile.tlv --trust ITLFile.tlv")]
pub struct Args {
    /// The file to check; `-` for standard input
    file: PathBuf,
    /// The CTL or the ITL that the phone holds; given twice for both
    #[arg(long, value_name = "LIST")]
    trust: Vec<PathBuf>,
    /// Certificate of the signer (PEM or DER); with --trust, for the line about the signature
    #[arg(long, value_name = "CERT")]
    cert: Option<PathBuf>,
    /// Model of the phone that holds the lists
    #[arg(long, value_name = "MODEL", default_value = "8861", value_parser = model)]
    model: &'static Model,
    /// Name that the phone asks for, where the file has another one here, or comes from standard input
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Args {
    /// Checks and explains.
    pub fn run(self) -> Result<Answer, Failure> {
        let input = Input::read(&self.file)?;
        let decoded = match Decoded::of(&input) {
            Err(failure) if self.json => {
                let reason = failure.to_string();
                let reason = reason.strip_prefix(&format!("{}: ", input.name)).unwrap_or(&reason).to_owned();
                let finding = Finding { label: "malformed", field: None, reason, record: None, signature: None };
                let value = json_of(&input, kind::label(&input), &finding, Signer::default());
                terminal::print(&terminal::json(&value))?;
                return Err(failure);
            }
            other => other?,
        };
        let certificate = self.cert.as_deref().map(input::certificate).transpose()?;
        let held = Held::read(&self.trust)?;
        let finding = match (&decoded, &certificate) {
            _ if !self.trust.is_empty() => {
                let asked = self.name.as_deref().or_else(|| input.base_name());
                held.finding(self.model, &decoded, asked, certificate.as_ref())?
            }
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
            let signature = finding.signature.iter().map(|text| format!("  signature: {text}\n"));
            return terminal::print(&format!("{name}: {word} {}\n{}", finding.reason, signature.collect::<String>()));
        }
        let header = decoded.header();
        let lossy = |bytes: Option<&[u8]>| bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        let signer = Signer {
            subject: lossy(header.signer_name()),
            issuer: lossy(header.issuer_name()),
            serial: header.serial().map(hex),
        };
        terminal::print(&terminal::json(&json_of(input, Some(decoded.label()), finding, signer)))
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
        "signature": finding.signature,
    })
}

fn field_of(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Valid | Verdict::BadSignature | Verdict::KeyKind(_) => "SIGNATURE",
        Verdict::Untrusted => "SIGNERID",
        Verdict::Malformed(field, _) => field,
        Verdict::Unsupported(_) => "DIGESTALGORITHM",
    }
}

fn alone(list: &TrustList) -> Finding {
    let found = check_against_itself(list);
    let signer = signer_of(list.header());
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
        signature: None,
    }
}

fn with_certificate(decoded: &Decoded, certificate: &Certificate) -> Finding {
    let header = decoded.header();
    let verdict = check(header, certificate);
    let mut reason = explain(&verdict, &certificate_text(certificate));
    let named = header.serial().unwrap_or_default();
    let same = named == certificate.serial() || named == certificate.serial_reversed();
    if !same && verdict.is_valid() {
        reason.push_str("; but SIGNERID names ");
        reason.push_str(&signer_of(header));
        reason.push_str(", which is what phones look up");
    } else if !same && verdict == Verdict::BadSignature {
        reason = format!(
            "SIGNATURE does not hold for {}: the file names another signer, {}",
            certificate_text(certificate),
            signer_of(header)
        );
    }
    Finding { label: verdict.label(), field: Some(field_of(&verdict)), reason, record: None, signature: None }
}
