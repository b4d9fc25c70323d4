//! `ringfence device`: the phones of a cluster.
//!
//! * [`change`]: add, remove, forget; [`import`]: a list of many; [`list`]: list, show; [`encrypted`]: encrypted configs

mod change;
mod encrypted;
mod import;
mod list;
mod show;

use clap::Subcommand;

use crate::exit::{Answer, Failure};

/// The phones of a cluster: add, list, show, remove, forget, import, encrypted configs
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Add(change::Add),
    List(list::List),
    Show(show::Show),
    Remove(change::Remove),
    Forget(change::Forget),
    Import(import::Import),
    EncryptedConfig(encrypted::EncryptedConfig),
}

impl Args {
    /// Runs the subcommand.
    pub fn run(self) -> Result<Answer, Failure> {
        match self.command {
            Command::Add(args) => args.run(),
            Command::List(args) => args.run(),
            Command::Show(args) => args.run(),
            Command::Remove(args) => args.run(),
            Command::Forget(args) => args.run(),
            Command::Import(args) => args.run(),
            Command::EncryptedConfig(args) => args.run(),
        }
    }
}
