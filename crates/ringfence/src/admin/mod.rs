//! `ringfence admin`: the `admin:` shell on a terminal, from a pipe, or as single commands.
//!
//! * [`interactive`]: prompt, Tab, paging on a local terminal
//! * [`script`]: `-c` and lines of a pipe

mod interactive;
mod script;

use std::io::IsTerminal;
use std::sync::Arc;

use clap::ValueEnum;
use cluster::Level;
use daemon::settings::Settings;
use sftp::SftpExchange;
use shell::Session;

use crate::exit::{Answer, Failure};
use crate::opened::{Data, actor, could_not};
use crate::terminal;

/// The admin: shell of a node: certificates, trust lists, services, parameters
///
/// Without -c it takes commands from the terminal, or line by line from standard input. A script ends at the first command
/// that fails. What goes wrong with -c is printed on standard error. A confirmation is answered by the next line of standard input, or by --yes.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: ringfence admin -c 'utils ctl set-cluster mixed-mode' --yes\n         \
                        ringfence admin -c help\n\nExit codes: 0 done, 1 refused or answered with no, 2 could not be done, \
                        64 wrong usage: no such command or argument.")]
pub struct Args {
    #[command(flatten)]
    data: Data,
    /// Node to act on; the publisher without it
    #[arg(long, value_name = "NAME")]
    node: Option<String>,
    /// Privilege level: 0 reads, 1 changes, 4 is the administrator of the installation
    #[arg(long, value_name = "LEVEL", default_value = "4")]
    level: Privilege,
    /// Run this command and end (may be repeated)
    #[arg(short, long, value_name = "COMMAND")]
    command: Vec<String>,
    /// Answer every confirmation with yes
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Privilege {
    #[value(name = "0")]
    Read,
    #[value(name = "1")]
    ReadWrite,
    #[value(name = "4")]
    Install,
}

impl Privilege {
    const fn level(self) -> Level {
        match self {
            Self::Read => Level::Read,
            Self::ReadWrite => Level::ReadWrite,
            Self::Install => Level::Install,
        }
    }
}

impl Args {
    /// Runs the shell.
    pub fn run(self) -> Result<Answer, Failure> {
        let on_terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
        let talks = on_terminal && self.command.is_empty();
        if talks && self.yes {
            return Err(Failure::WrongUsage("--yes goes with -c or with commands from a pipe".to_owned()));
        }
        let opened = self.data.open()?;
        let node = opened.runtime.block_on(opened.cluster.node(self.node.as_deref())).map_err(could_not)?;
        // What serve would refuse to start with stops only the command that needs it.
        let settings = Settings::read(&opened.cluster.directory(&node).settings());
        let monitor = settings.map(|settings| settings.monitor.choice()).map_err(|error| error.to_string());
        let session = Session::new(opened.cluster.clone(), node, actor(self.level.level()));
        let mut session = session.with_exchange(Arc::new(SftpExchange)).with_monitor(monitor);
        session.set_columns(terminal::columns());
        if !self.command.is_empty() {
            script::commands(&opened, &mut session, &self.command, self.yes)
        } else if talks {
            interactive::run(&opened, &mut session)
        } else {
            script::standard_input(&opened, &mut session, self.yes)
        }
    }
}
