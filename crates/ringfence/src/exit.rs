//! How a subcommand ends: 0 yes, 1 no, 2 could not tell, 64 wrong usage. Errors are one line on stderr.

use std::path::Path;
use std::process::ExitCode;

use crate::terminal;

/// Printed below each `--help`.
pub const HELP: &str = "Exit codes: 0 yes, 1 no (invalid, refused, differs), 2 could not tell (unreadable, unreachable), \
                        64 wrong usage.";

/// EX_USAGE of sysexits.h.
const WRONG_USAGE: u8 = 64;

/// What a subcommand found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Done, valid, the same.
    Yes,
    /// Invalid, refused, different: the reason was printed.
    No,
    /// Something could not be read, reached, made or written, which was printed.
    CouldNotTell,
    /// What was typed is no command, which was printed.
    WrongUsage,
}

/// Why a subcommand has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Something could not be read, reached, made or written.
    #[error("{0}")]
    CouldNotTell(String),
    /// Refused: a wrong password, a name that there is not.
    #[error("{0}")]
    Refused(String),
    /// Options that do not go together.
    #[error("{0}")]
    WrongUsage(String),
}

impl Failure {
    /// A failure that concerns a file: its name first.
    pub fn of(name: &str, reason: impl std::fmt::Display) -> Self {
        Self::CouldNotTell(format!("{name}: {reason}"))
    }

    /// A failure that concerns a path.
    pub fn at(path: &Path, reason: impl std::fmt::Display) -> Self {
        Self::of(&path.display().to_string(), reason)
    }
}

/// Prints the failure, if it is one, and gives the exit code.
pub fn code(result: Result<Answer, Failure>) -> ExitCode {
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
pub fn usage(error: &clap::Error) -> ExitCode {
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
