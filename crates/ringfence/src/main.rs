//! `ringfence`: the command line, nothing else.
//!
//! * [`files`]: the offline tools on trust lists and signed files: show, verify, build, sign, strip, encrypt, decrypt, diff
//! * [`serve`]: a node; [`config`]: what is in force there; [`mod@lab`]: a cluster and phones in one process
//! * [`mod@phone`]: virtual phones; [`tvs`], [`capf`]: clients of TVS and CAPF
//! * [`ctl_client`]: signs the CTL with tokens; [`token`]: the tokens themselves
//! * [`module`]: where the PKCS#11 module of the tokens lies
//! * [`audit`]: the audit log; [`inventory`]: every certificate and LSC; [`cert`]: one of a node as a file
//! * [`backup`], [`restore`]: the data directory as one sealed file, and back
//! * [`monitor`]: what expires; [`truth`]: whether the ports present what is on record
//! * [`import`]: taking over what another program knows
//! * [`completions`]: completion scripts for shells; [`known`]: values that they name
//! * [`exit`], [`terminal`], [`secret`]: how a subcommand ends, and what it prints where; [`memory`]: where its memory comes from
//!
//! A subcommand is a module with `Args` and `run(self) -> Result<Answer, Failure>`; it gets one line in [`Command`] and
//! one in [`Command::run`].

mod admin;
mod audit;
mod backup;
mod capf;
mod cert;
mod completions;
mod config;
mod ctl_client;
mod device;
mod exit;
mod files;
mod import;
mod inventory;
mod known;
mod lab;
mod memory;
mod module;
mod monitor;
mod opened;
mod phone;
mod restore;
mod secret;
mod serve;
mod server;
mod terminal;
mod token;
mod truth;
mod tvs;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::exit::{Answer, Failure};

/// The open trust plane for Cisco IP phones.
#[derive(Debug, Parser)]
#[command(name = "ringfence", version, after_help = exit::HELP, arg_required_else_help = true)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Show(files::show::Args),
    Verify(files::verify::Args),
    Build(files::build::Args),
    Sign(files::sign::Args),
    Strip(files::strip::Args),
    Encrypt(files::encrypt::Args),
    Decrypt(files::decrypt::Args),
    Diff(files::diff::Args),
    Lab(lab::Args),
    Serve(serve::Args),
    Config(config::Args),
    Admin(admin::Args),
    Device(device::Args),
    Audit(audit::Args),
    Backup(backup::Args),
    Restore(restore::Args),
    Inventory(inventory::Args),
    Monitor(monitor::Args),
    Import(import::Args),
    Phone(Box<phone::Args>),
    Tvs(tvs::Args),
    Capf(Box<capf::Args>),
    Cert(cert::Args),
    CtlClient(Box<ctl_client::Args>),
    Token(token::Args),
    Truth(truth::Args),
    Completions(completions::Args),
}

impl Command {
    fn run(self) -> Result<Answer, Failure> {
        match self {
            Self::Show(args) => args.run(),
            Self::Verify(args) => args.run(),
            Self::Build(args) => args.run(),
            Self::Sign(args) => args.run(),
            Self::Strip(args) => args.run(),
            Self::Encrypt(args) => args.run(),
            Self::Decrypt(args) => args.run(),
            Self::Diff(args) => args.run(),
            Self::Lab(args) => args.run(),
            Self::Serve(args) => args.run(),
            Self::Config(args) => args.run(),
            Self::Admin(args) => args.run(),
            Self::Device(args) => args.run(),
            Self::Audit(args) => args.run(),
            Self::Backup(args) => args.run(),
            Self::Restore(args) => args.run(),
            Self::Inventory(args) => args.run(),
            Self::Monitor(args) => args.run(),
            Self::Import(args) => args.run(),
            Self::Phone(args) => args.run(),
            Self::Tvs(args) => args.run(),
            Self::Capf(args) => args.run(),
            Self::Cert(args) => args.run(),
            Self::CtlClient(args) => args.run(),
            Self::Token(args) => args.run(),
            Self::Truth(args) => args.run(),
            Self::Completions(args) => args.run(CommandLine::command()),
        }
    }
}

/// EX_USAGE of sysexits.h.
const WRONG_USAGE: u8 = 64;

/// Prints the failure, if it is one, and gives the exit code.
fn code(result: Result<Answer, Failure>) -> ExitCode {
    match result {
        Ok(Answer::Yes) => ExitCode::SUCCESS,
        Ok(Answer::No) => ExitCode::from(1),
        Ok(Answer::CouldNotTell) => ExitCode::from(2),
        Ok(Answer::WrongUsage) => ExitCode::from(WRONG_USAGE),
        Err(failure) => {
            terminal::error(&failure.to_string());
            ExitCode::from(match failure {
                Failure::Refused(_) => 1,
                Failure::CouldNotTell(_) => 2,
                Failure::WrongUsage(_) => WRONG_USAGE,
            })
        }
    }
}

/// Prints help, version or a complaint of the parser, and gives the exit code.
fn usage(error: &clap::Error) -> ExitCode {
    if error.use_stderr() {
        // It repeats what was typed.
        terminal::told(&error.render().ansi().to_string());
        ExitCode::from(WRONG_USAGE)
    } else if error.print().is_err() {
        ExitCode::from(2)
    } else {
        ExitCode::SUCCESS
    }
}

fn main() -> ExitCode {
    // Most commands have keys or passwords in memory: no core dump, and no debugger of the same user.
    if let Err(error) = nix::sys::prctl::set_dumpable(false) {
        return code(Err(Failure::of("prctl(PR_SET_DUMPABLE)", error)));
    }
    match CommandLine::try_parse() {
        Ok(line) => code(line.command.run()),
        Err(error) => usage(&error),
    }
}
