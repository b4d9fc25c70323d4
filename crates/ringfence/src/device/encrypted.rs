//! `ringfence device encrypted-config`: *TFTP Encrypted Config* of phones.

use cluster::Level;
use daemon::surroundings::System;
use ringfence_core::CoreError;
use ringfence_core::enrolment::Selection;

use crate::exit::{Answer, Failure};
use crate::opened::{Data, actor, could_not};
use crate::terminal::{self, GOOD, paint};

/// Give out the configs of phones encrypted only, or in clear again; all of them or none
///
/// A phone needs an RSA certificate to open its config: an LSC, a MIC that it has proven, or an installation that is scheduled.
/// One that makes EC keys only is refused.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: ringfence device encrypted-config on SEP58971ECC97C1")]
pub struct EncryptedConfig {
    #[command(flatten)]
    data: Data,
    /// on or off
    state: State,
    /// Names of the phones
    #[arg(required_unless_present = "all")]
    names: Vec<String>,
    /// Every phone
    #[arg(long, conflicts_with = "names")]
    all: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum State {
    On,
    Off,
}

impl EncryptedConfig {
    /// Sets it. Exit code 1 when a phone could not open such a config.
    pub fn run(self) -> Result<Answer, Failure> {
        let opened = self.data.open()?;
        let selection = if self.all { Selection::All } else { Selection::Devices(self.names) };
        let actor = actor(Level::Install);
        let mut system = System::default();
        let on = self.state == State::On;
        let done = opened.cluster.set_encrypted_config(&actor, &selection, on, &mut system);
        match opened.runtime.block_on(done) {
            Ok(names) => {
                let word = if on { "encrypted" } else { "in clear" };
                for name in names {
                    terminal::print(&format!("{name} {}\n", paint(GOOD, word)))?;
                }
                Ok(Answer::Yes)
            }
            Err(error @ CoreError::Refused { .. }) => {
                terminal::error(&error.to_string());
                Ok(Answer::No)
            }
            Err(error) => Err(could_not(error)),
        }
    }
}
