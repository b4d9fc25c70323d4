//! `ringfence show FILE`.

use std::path::PathBuf;

use jiff::tz::TimeZone;
use pki::date::date;
use pki::encrypt::{OpenError, Opened};
use pki::hash::{hex, md5, sha1, sha256};
use pki::listing::{self, ListKind};
use pki::verify::check;
use pki::{Certificate, NameForm};
use serde_json::{Map, Value, json};
use wire::signed_file::SignedFile;

use crate::exit::{Answer, Failure};
use crate::files::input::{self, Input};
use crate::files::kind::Decoded;
use crate::files::{describe, device_key, names, table};
use crate::terminal::{self, BAD, GOOD, paint};

/// Show every field of a trust list, a signed file or an encrypted config
///
/// A trust list is printed in the words and columns of `show ctl` and held against its own SAST record; a signed file is
/// held against --cert. Ends with 0 whatever the signature says; `ringfence verify` judges.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: ringfence show --json SEP58971ECC97C1.cnf.xml.sgn --cert CallManager.pem")]
pub struct Args {
    /// CTLFile.tlv, ITLFile.tlv, a .sgn or .enc.sgn file; `-` for standard input
    file: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Certificate of the signer of a signed file (PEM or DER)
    #[arg(long, value_name = "CERT")]
    cert: Option<PathBuf>,
    /// Key of the device, to look into an encrypted config; of a folder, the key that fits
    #[arg(long, value_name = "DEVICE_KEY", env = "RINGFENCE_DEVICE_KEY")]
    key: Option<PathBuf>,
}

impl Args {
    /// Prints the file.
    pub fn run(self) -> Result<Answer, Failure> {
        let input = Input::read(&self.file)?;
        let decoded = match Decoded::of(&input) {
            Err(failure) if self.json => {
                terminal::print(&pretty(describe::broken(&input, &failure)))?;
                return Err(failure);
            }
            other => other?,
        };
        let signer = self.cert.as_deref().map(input::certificate).transpose()?;
        let text = match &decoded {
            Decoded::List(list) if self.json => pretty(describe::shaped(describe::trust_list(list))),
            Decoded::List(list) => listing::list(list, ListKind::of(list), input.modified, &TimeZone::system()),
            Decoded::Signed(file) => {
                let opened = self.opened(file)?;
                let stub = Stub::beside(&input, file);
                if self.json {
                    let mut out = describe::signed_file(file, signer.as_ref());
                    if file.is_encrypted() {
                        insert_encryption(&mut out, file, opened.as_ref());
                        if let Some(stub) = &stub {
                            stub.insert(&mut out, signer.as_ref());
                        }
                    }
                    pretty(describe::shaped(out))
                } else {
                    signed_text(&input, file, signer.as_ref(), opened.as_ref(), stub.as_ref())
                }
            }
        };
        terminal::print(&text)?;
        Ok(Answer::Yes)
    }

    fn opened(&self, file: &SignedFile) -> Result<Option<Result<Opened, OpenError>>, Failure> {
        match &self.key {
            Some(path) if file.is_encrypted() => device_key::open_with(file, path).map(Some),
            _ => Ok(None),
        }
    }
}

fn pretty(map: Map<String, Value>) -> String {
    terminal::json(&Value::Object(map))
}

/// What the header says about the plain text, and what the key of the device adds.
fn insert_encryption(out: &mut Map<String, Value>, file: &SignedFile, opened: Option<&Result<Opened, OpenError>>) {
    let mut put = |name: &str, value: Value| out.insert(name.to_owned(), value);
    let Some(fields) = file.header().encryption() else {
        return;
    };
    put("iv", json!(fields.iv.map(hex)));
    put("plain_length", json!(plain_length(file)));
    let hash = fields.hash_algorithm.and_then(wire::digest::DigestId::name);
    put("hash", json!(hash));
    match opened {
        Some(Ok(opened)) => {
            put("decrypt", json!("ok"));
            put("aes_key", json!(hex(&opened.key)));
            put("plain_length", json!(opened.plain.len()));
            put("plain_sha256", json!(hex(&sha256(&opened.plain))));
        }
        Some(Err(error)) => {
            put("decrypt", json!(error.label()));
            put("decrypt_reason", json!(error.to_string()));
        }
        None => {}
    }
}

/// Length of the plain text by the padding count, when both can be.
fn plain_length(file: &SignedFile) -> Option<usize> {
    let padding = file.header().encryption()?.padding?;
    let padding = usize::from(padding);
    (1..=16).contains(&padding).then(|| file.payload().len().checked_sub(padding))?
}

/// The stub of an encrypted config: the `.sgn` that stands beside the `.enc.sgn`.
struct Stub {
    name: String,
    file: SignedFile,
}

impl Stub {
    fn beside(input: &Input, file: &SignedFile) -> Option<Self> {
        if !file.is_encrypted() {
            return None;
        }
        let path = input.path.as_deref()?.with_file_name(names::stub_of(input.base_name()?)?);
        if !path.is_file() {
            return None;
        }
        // The stub is an extra: one that cannot be read is left out, and can be shown itself.
        let Ok(stub) = Input::read(&path) else {
            return None;
        };
        match SignedFile::decode(stub.bytes) {
            Ok(file) => Some(Self { name: stub.name, file }),
            Err(_) => None,
        }
    }

    /// certHash of the stub: MD5 of the certificate whose key opens the config.
    fn cert_hash(&self) -> Option<&str> {
        let text = std::str::from_utf8(self.file.payload());
        let Ok(text) = text else { return None };
        let (_, rest) = text.split_once("<certHash>")?;
        let (hash, _) = rest.split_once("</certHash>")?;
        Some(hash.trim())
    }

    fn insert(&self, out: &mut Map<String, Value>, signer: Option<&Certificate>) {
        out.insert("cert_hash_md5".to_owned(), json!(self.cert_hash()));
        let stub = describe::shaped(describe::signed_file(&self.file, signer));
        out.insert("stub".to_owned(), Value::Object(stub));
    }
}

fn signed_text(
    input: &Input,
    file: &SignedFile,
    signer: Option<&Certificate>,
    opened: Option<&Result<Opened, OpenError>>,
    stub: Option<&Stub>,
) -> String {
    let bytes = file.bytes();
    let zone = TimeZone::system();
    let mut out = format!(
        "The checksum value of the signed file:\n{}(MD5)\n{}(SHA1)\n\nLength of signed file: {}\n\
         The signed file was last modified on {}\n\n{}\n",
        hex(&md5(bytes)),
        hex(&sha1(bytes)),
        bytes.len(),
        date(input.modified, &zone),
        table::header(file.header(), &zone),
    );
    let verdict = match signer {
        None => "Signature: not checked, give --cert CERT or use `ringfence verify`".to_owned(),
        Some(signer) => {
            let verdict = check(file.header(), signer);
            let style = if verdict.is_valid() { GOOD } else { BAD };
            let name = terminal::one_line(&signer.subject(NameForm::Cucm));
            format!("Signature: {} with {name}", paint(style, verdict.label()))
        }
    };
    out.push_str(&verdict);
    let payload = file.payload();
    out.push_str(&format!(
        "\nPayload:   {} bytes at offset {}, {}\n           SHA-256 {}\n",
        payload.len(),
        file.header().length(),
        sort_of(file),
        hex(&sha256(payload)),
    ));
    if let Some(length) = plain_length(file).filter(|_| file.is_encrypted()) {
        out.push_str(&format!("Plain:     {length} bytes by the padding count\n"));
    }
    match opened {
        Some(Ok(opened)) => out.push_str(&format!(
            "Decrypt:   {}, {} bytes, SHA-256 {}\n",
            paint(GOOD, "ok"),
            opened.plain.len(),
            hex(&sha256(&opened.plain)),
        )),
        Some(Err(error)) => out.push_str(&format!("Decrypt:   {}: {error}\n", paint(BAD, error.label()))),
        None if file.is_encrypted() => out.push_str("Decrypt:   give --key DEVICE_KEY\n"),
        None => {}
    }
    if let Some(stub) = stub {
        let hash = stub.cert_hash().unwrap_or("no certHash");
        let name = terminal::one_line(&stub.name);
        out.push_str(&format!("Stub:      {name}, certHash {}\n", terminal::one_line(hash)));
    }
    out
}

fn sort_of(file: &SignedFile) -> &'static str {
    let payload = file.payload();
    if file.is_encrypted() {
        "cipher text"
    } else if payload.is_empty() {
        "empty"
    } else if wire::signed_file::is_plain_xml(payload) {
        "XML"
    } else if std::str::from_utf8(payload).is_ok() {
        "text"
    } else {
        "binary"
    }
}
