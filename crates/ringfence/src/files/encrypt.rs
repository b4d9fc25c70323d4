//! `ringfence encrypt FILE --device CERT`.

use std::path::{Path, PathBuf};

use cluster::config::stub::stub;
use pki::OpensslRandom;
use pki::encrypt::encrypt_file;
use pki::sign::{FileSpec, sign_file};

use crate::exit::{Answer, Failure};
use crate::files::input::{self, Input};
use crate::files::names;
use crate::files::output::{Readers, Target};
use crate::files::signer::{Making, Pair, warn_size};

/// Encrypt a config for one device and sign it
///
/// Writes FILE.enc.sgn unless --output says otherwise. Phones first ask for the stub, FILE.sgn, which --stub writes too.
/// The plain file stays: do not serve it.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: ringfence encrypt SEP58971ECC97C1.cnf.xml --device lsc.pem --cert CallManager.pem --stub"
)]
pub struct Args {
    /// The plain config; `-` for standard input
    file: PathBuf,
    /// Certificate of the device: its LSC, else its MIC; RSA
    #[arg(long, value_name = "CERT")]
    device: PathBuf,
    /// Certificate of the signer, with role TFTP or CCM+TFTP in the phones' lists
    #[arg(long, value_name = "CERT")]
    cert: PathBuf,
    /// Its key [default: in the file of the certificate]
    #[arg(long, value_name = "KEY")]
    key: Option<PathBuf>,
    /// Write the signed stub too, to FILE.sgn or to the file named here
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    stub: Option<Option<PathBuf>>,
    #[command(flatten)]
    making: Making,
    #[command(flatten)]
    target: Target,
}

impl Args {
    /// Encrypts, signs and writes.
    pub fn run(self) -> Result<Answer, Failure> {
        let input = Input::read(&self.file)?;
        let path = self.target.path_or(beside(&input, names::ENCRYPTED))?;
        self.target.check(&path)?;
        let stub_path = self.stub_path(&input)?;
        if let Some(stub_path) = &stub_path {
            self.target.check(stub_path)?;
        }
        let name = match (&self.making.filename, input.base_name()) {
            (Some(name), _) => name.clone(),
            (None, Some(base)) => format!("{base}{}", names::ENCRYPTED),
            (None, None) => {
                let reason = "standard input has no name: say with --filename what the phone asks for";
                return Err(Failure::WrongUsage(reason.to_owned()));
            }
        };
        let device = input::certificate(&self.device)?;
        let pair = Pair::read(&self.cert, self.key.as_deref())?;
        warn_size(pair.certificate());
        let identity = pair.identity()?;
        let spec = FileSpec {
            layout: self.making.layout.into(),
            digest: self.making.digest,
            file_name: &name,
            timestamp: self.making.timestamp()?,
        };
        let failed = |error: &dyn std::fmt::Display| Failure::of(&input.name, error);
        // made without --stub too: what is not well-formed could not be read by the phone
        let xml = stub(&input.bytes, &pki::hash::hex(&device.md5()), "true").map_err(|error| failed(&error))?;
        let stub = match &stub_path {
            None => None,
            Some(stub_path) => {
                let stub_name = names::stub_of(&name).unwrap_or_else(|| name.clone());
                let spec = FileSpec { file_name: &stub_name, ..spec.clone() };
                let signed = sign_file(&spec, xml, &identity).map_err(|error| failed(&error))?;
                Some((stub_path, signed))
            }
        };
        let encrypted = encrypt_file(&spec, &input.bytes, &device, &identity, &mut OpensslRandom)
            .map_err(|error| failed(&error))?;
        self.target.write(&path, &encrypted, Readers::Everybody)?;
        if let Some((stub_path, signed)) = stub {
            self.target.write(stub_path, &signed, Readers::Everybody)?;
        }
        Ok(Answer::Yes)
    }

    fn stub_path(&self, input: &Input) -> Result<Option<PathBuf>, Failure> {
        let Some(named) = &self.stub else {
            return Ok(None);
        };
        // Beside the encrypted config, under the name that the phone asks for first.
        let derived = || {
            let named = self.target.path().filter(|path| *path != Path::new("-"))?;
            Some(named.with_file_name(names::stub_of(named.file_name()?.to_str()?)?))
        };
        let path = named.clone().or_else(derived).or_else(|| beside(input, names::SIGNED));
        path.map(Some).ok_or_else(|| {
            Failure::WrongUsage("standard input has no name: say with --stub=FILE where the stub goes".to_owned())
        })
    }
}

fn beside(input: &Input, suffix: &str) -> Option<PathBuf> {
    let name = format!("{}{suffix}", input.base_name()?);
    Some(input.path.as_deref()?.with_file_name(name))
}
