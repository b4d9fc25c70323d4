//! `ringfence sign FILE`.

use std::path::PathBuf;

use pki::sign::{FileSpec, sign_file};

use crate::exit::{Answer, Failure};
use crate::files::input::Input;
use crate::files::names;
use crate::files::output::{Readers, Target};
use crate::files::signer::{Making, Pair, warn_size};
use crate::terminal;

/// Sign a config or any other file that phones fetch
///
/// Writes FILE.sgn unless --output says otherwise. FILENAME in the header must be the name the phone asks for, with its
/// folder if it asks with one.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: ringfence sign SEP58971ECC97C1.cnf.xml --cert CallManager.pem --key CallManager.key")]
pub struct Args {
    /// The file to sign; `-` for standard input
    file: PathBuf,
    /// Certificate of the signer, with role TFTP or CCM+TFTP in the phones' lists
    #[arg(long, value_name = "CERT")]
    cert: PathBuf,
    /// Its key [default: in the file of the certificate]
    #[arg(long, value_name = "KEY")]
    key: Option<PathBuf>,
    #[command(flatten)]
    making: Making,
    #[command(flatten)]
    target: Target,
}

impl Args {
    /// Signs and writes.
    pub fn run(self) -> Result<Answer, Failure> {
        let input = Input::read(&self.file)?;
        let base = input.base_name().map(|name| format!("{name}.sgn"));
        let beside = match (&input.path, &base) {
            (Some(path), Some(name)) => Some(path.with_file_name(name)),
            _ => None,
        };
        let path = self.target.path_or(beside)?;
        self.target.check(&path)?;
        let name = self.making.filename.clone().or(base).ok_or_else(|| {
            Failure::WrongUsage("standard input has no name: say with --filename what phones ask for".to_owned())
        })?;
        if input.base_name().is_some_and(|name| names::without(name, names::SIGNED).is_some()) {
            terminal::warn(&format!("{} is signed already, by its name", input.name));
        }
        let pair = Pair::read(&self.cert, self.key.as_deref())?;
        warn_size(pair.certificate());
        let spec = FileSpec {
            layout: self.making.layout.into(),
            digest: self.making.digest,
            file_name: &name,
            timestamp: self.making.timestamp()?,
        };
        let signed =
            sign_file(&spec, input.bytes, &pair.identity()?).map_err(|error| Failure::of(&input.name, error))?;
        self.target.write(&path, &signed, Readers::Everybody)?;
        Ok(Answer::Yes)
    }
}
