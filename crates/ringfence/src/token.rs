//! `ringfence token`: what is on a Security Token; a token for labs.

use std::path::PathBuf;

use pki::token::TokenModule;
use pki::token::prepare::{Preparation, PrepareError, prepare};
use pki::{Certificate, NameForm};

use serde_json::json;

use crate::exit::{Answer, Failure};
use crate::files::input;
use crate::files::output::{Readers, Target};
use crate::module::{Module, refused};
use crate::{secret, terminal};

/// Security Tokens: list them, export their certificates, prepare one for a lab
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: ringfence token export --module /usr/lib/softhsm/libsofthsm2.so --token ADN008580ef --out SAST.pem"
)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// The tokens that are inserted, and their certificates
    List {
        #[command(flatten)]
        module: Module,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Write the certificate of a token, to be uploaded as Phone-SAST-trust
    Export {
        #[command(flatten)]
        module: Module,
        /// Label or serial number of the token, with /LABEL or /SERIAL behind it for one of several certificates
        #[arg(long)]
        token: String,
        /// PEM file
        #[arg(short, long, value_name = "FILE")]
        out: PathBuf,
        /// Replace the file when it exists
        #[arg(long)]
        force: bool,
    },
    /// Make a key on an empty token and a certificate for it, as those of the original look: for labs
    Prepare {
        #[command(flatten)]
        module: Module,
        /// Label or serial number of the token
        #[arg(long)]
        token: String,
        /// File with its password in the first line
        #[arg(long, value_name = "FILE")]
        pin_file: Option<PathBuf>,
        /// Name in its certificate
        #[arg(long, default_value = "SAST-ADN008580ef")]
        name: String,
        /// Serial number of its certificate, hexadecimal
        #[arg(long, default_value = "31af455500000008e983")]
        serial: String,
        /// RSA size
        #[arg(long, default_value_t = 1024)]
        bits: u32,
        /// Size of the certificate in bytes; 902 in the original
        #[arg(long)]
        size: Option<usize>,
        /// Certificate of the manufacturing CA, PEM
        #[arg(long, value_name = "FILE")]
        ca: PathBuf,
        /// Its key, PEM
        #[arg(long, value_name = "FILE")]
        ca_key: PathBuf,
    },
}

/// Ten years, as tokens of the original are valid.
const VALIDITY: u64 = 3652 * 86_400;

impl Args {
    /// Runs it.
    pub fn run(self) -> Result<Answer, Failure> {
        match self.what {
            What::List { module, json } => list(&module.open()?, json),
            What::Export { module, token, out, force } => {
                let target = Target::new(out.clone(), force);
                target.check(&out)?;
                let module = module.open()?;
                let (found, label) = module.find_named(&token).map_err(could_not)?;
                let open = module.open_token(&found).map_err(could_not)?;
                let certificate = open.certificate(label).map_err(could_not)?;
                if let Err(error) = found.check_date(&certificate, now()) {
                    terminal::warn(&error.to_string());
                }
                target.write(&out, certificate.to_pem().as_bytes(), Readers::Everybody)?;
                terminal::print(&format!("{}: {}\n", out.display(), certificate.subject(NameForm::Cucm)))?;
                Ok(Answer::Yes)
            }
            What::Prepare { module, token, pin_file, name, serial, bits, size, ca, ca_key } => {
                let issuer = Certificate::from_pem(&input::pem(&ca)?).map_err(|error| Failure::at(&ca, error))?;
                let key = input::key(&ca_key)?;
                let serial = hex::decode(&serial).map_err(|error| Failure::WrongUsage(format!("--serial: {error}")))?;
                let pin = match &pin_file {
                    Some(file) => secret::from_file(file)?,
                    None => secret::ask("Token password: ")?
                        .ok_or_else(|| Failure::CouldNotTell("no password was given".to_owned()))?,
                };
                let module = module.open()?;
                let found = module.find(&token).map_err(could_not)?;
                let validity = (now().saturating_sub(86_400), now() + VALIDITY);
                let what = Preparation { name: &name, bits, serial: &serial, validity, size };
                let certificate =
                    prepare(&module, &found, &pin, &what, (&issuer, &key)).map_err(|error| match error {
                        PrepareError::Token(error) => refused(error),
                        other => could_not(other),
                    })?;
                terminal::print(&format!("{}\n", certificate.subject(NameForm::Cucm)))?;
                Ok(Answer::Yes)
            }
        }
    }
}

/// Names are written as those of other certificates, not with the quotation marks of the CTL client, which cut them.
fn list(module: &TokenModule, as_json: bool) -> Result<Answer, Failure> {
    let tokens = module.tokens().map_err(could_not)?;
    let mut all = Vec::new();
    let mut text = String::new();
    for token in &tokens {
        let title = format!("{} (serial number {}), {} {}", token.label, token.serial, token.manufacturer, token.model);
        text.push_str(&format!("{}\n", terminal::one_line(&title)));
        let open = module.open_token(token).map_err(could_not)?;
        let mut certificates = Vec::new();
        for found in open.certificates().map_err(could_not)? {
            let certificate = &found.certificate;
            let subject = certificate.subject(NameForm::Cucm);
            text.push_str(&format!("  {}\n", terminal::one_line(&format!("{}: {subject}", found.label))));
            let (not_before, not_after) = certificate.dates();
            certificates.push(json!({
                "label": found.label,
                "subject": subject,
                "issuer": certificate.issuer(NameForm::Cucm),
                "serial": found.serial(),
                "sha256": pki::hash::hex(&certificate.sha256()),
                "not_before": pki::date::utc(not_before),
                "not_after": pki::date::utc(not_after),
            }));
        }
        all.push(json!({
            "label": token.label,
            "serial": token.serial,
            "manufacturer": token.manufacturer,
            "model": token.model,
            "certificates": certificates,
        }));
    }
    if tokens.is_empty() {
        text.push_str("No Security Token is inserted.\n");
    }
    terminal::print(&if as_json { terminal::json(&serde_json::Value::Array(all)) } else { text })?;
    Ok(if tokens.is_empty() { Answer::No } else { Answer::Yes })
}

fn now() -> u64 {
    u64::try_from(daemon::surroundings::now() / 1000).unwrap_or_default()
}

fn could_not(error: impl std::fmt::Display) -> Failure {
    Failure::CouldNotTell(error.to_string())
}
