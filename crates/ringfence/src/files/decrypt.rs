//! `ringfence decrypt FILE --key KEY`.

use std::path::PathBuf;

use pki::NameForm;
use pki::verify::check;
use wire::signed_file::SignedFile;

use crate::exit::{Answer, Failure};
use crate::files::device_key;
use crate::files::input::{self, Input};
use crate::files::names;
use crate::files::output::{Readers, Target};
use crate::terminal::{self, BAD, paint};

/// Open an encrypted config with the key of its device
///
/// Writes the name without `.enc.sgn`, readable for its owner only, unless --output says otherwise. With --cert the
/// signature is checked first and nothing is written when it does not hold.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: ringfence decrypt SEP58971ECC97C1.cnf.xml.enc.sgn --key lsc.key --cert CallManager.pem -o -"
)]
pub struct Args {
    /// A .enc.sgn file; `-` for standard input
    file: PathBuf,
    /// Key of the device; of a folder, the key that fits
    #[arg(long, value_name = "KEY", env = "RINGFENCE_DEVICE_KEY")]
    key: PathBuf,
    /// Certificate of the signer
    #[arg(long, value_name = "CERT")]
    cert: Option<PathBuf>,
    #[command(flatten)]
    target: Target,
}

impl Args {
    /// Opens and writes.
    pub fn run(self) -> Result<Answer, Failure> {
        let input = Input::read(&self.file)?;
        let file = SignedFile::decode(input.bytes.clone()).map_err(|error| input.malformed(&error))?;
        if !file.is_encrypted() {
            let reason =
                "ENCRYPTIONINFO: is missing: the file is not encrypted; `ringfence strip` takes its header off";
            return Err(Failure::of(&input.name, reason));
        }
        let path = names::place_of_content(&input, names::ENCRYPTED, &self.target)?;
        self.target.check(&path)?;
        if let Some(cert) = &self.cert {
            let signer = input::certificate(cert)?;
            let verdict = check(file.header(), &signer);
            if !verdict.is_valid() {
                let reason = format!(
                    "SIGNATURE does not hold for {} ({}); nothing was written",
                    signer.subject(NameForm::Cucm),
                    verdict.label()
                );
                return self.refuse(&input, &reason);
            }
        } else {
            terminal::warn("the signature was not checked; --cert CERT of the signer does that");
        }
        match device_key::open_with(&file, &self.key)? {
            Ok(opened) => {
                self.target.write(&path, &opened.plain, Readers::Owner)?;
                Ok(Answer::Yes)
            }
            // Fields that cannot be are malformed input; a key that does not fit is a plain no.
            Err(error @ pki::encrypt::OpenError::Mismatch) => self.refuse(&input, &error.to_string()),
            Err(error) => Err(Failure::of(&input.name, error)),
        }
    }

    fn refuse(&self, input: &Input, reason: &str) -> Result<Answer, Failure> {
        let line = format!("{}: {} {reason}", input.name, paint(BAD, "refused:"));
        terminal::note(&line);
        Ok(Answer::No)
    }
}
