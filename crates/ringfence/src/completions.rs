//! `ringfence completions SHELL`.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, Command, CommandFactory};
use clap_complete::Shell;
use cluster::releases::RELEASES;

use crate::exit::{Answer, Failure};
use crate::terminal;

/// Print a completion script for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: ringfence completions bash > ~/.local/share/bash-completion/completions/ringfence")]
pub struct Args {
    /// bash, zsh, fish, elvish or powershell
    shell: Shell,
}

/// Any text, of which these are known: completion scripts and help name them, and whoever reads the value says what is wrong with another.
#[derive(Clone)]
pub struct Known(pub fn() -> Vec<&'static str>);

impl TypedValueParser for Known {
    type Value = String;

    fn parse_ref(&self, command: &Command, argument: Option<&Arg>, value: &OsStr) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new((self.0)().into_iter().map(PossibleValue::new)))
    }
}

/// The releases.
pub fn releases() -> Known {
    Known(|| RELEASES.iter().map(|release| release.name).collect())
}

impl Args {
    /// Prints the script.
    pub fn run(self) -> Result<Answer, Failure> {
        let mut script = Vec::with_capacity(64 << 10);
        clap_complete::generate(self.shell, &mut crate::CommandLine::command(), "ringfence", &mut script);
        terminal::print_bytes(&script)?;
        Ok(Answer::Yes)
    }
}
