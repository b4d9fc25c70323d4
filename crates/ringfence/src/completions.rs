//! `ringfence completions SHELL`.

use clap_complete::Shell;

use crate::exit::{Answer, Failure};
use crate::terminal;

/// Print a completion script for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: ringfence completions bash > ~/.local/share/bash-completion/completions/ringfence")]
pub struct Args {
    /// bash, zsh, fish, elvish or powershell
    shell: Shell,
}

impl Args {
    /// Prints the script for a program.
    pub fn run(self, mut program: clap::Command) -> Result<Answer, Failure> {
        let mut script = Vec::with_capacity(64 << 10);
        clap_complete::generate(self.shell, &mut program, "ringfence", &mut script);
        terminal::print_bytes(&script)?;
        Ok(Answer::Yes)
    }
}
