//! `ringfence strip FILE`.

use std::path::PathBuf;

use crate::exit::{Answer, Failure};
use crate::files::input::Input;
use crate::files::kind::Decoded;
use crate::files::names;
use crate::files::output::{Readers, Target};
use crate::terminal;

/// Take the header off a signed file, without looking at the signature
///
/// Writes the name without `.sgn` unless --output says otherwise.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: ringfence strip SEP58971ECC97C1.cnf.xml.sgn -o -")]
pub struct Args {
    /// A .sgn file; `-` for standard input
    file: PathBuf,
    #[command(flatten)]
    target: Target,
}

impl Args {
    /// Writes the payload.
    pub fn run(self) -> Result<Answer, Failure> {
        let input = Input::read(&self.file)?;
        let signed = match Decoded::of(&input)? {
            Decoded::Signed(signed) => signed,
            Decoded::List(_) => {
                return Err(Failure::of(&input.name, "is a trust list, which has no payload"));
            }
        };
        let path = names::place_of_content(&input, names::SIGNED, &self.target)?;
        if signed.is_encrypted() {
            terminal::warn("the payload is cipher text; `ringfence decrypt` opens it with the key of the device");
        }
        self.target.write(&path, signed.payload(), Readers::Everybody)?;
        Ok(Answer::Yes)
    }
}
