//! How a subcommand ends: 0 yes, 1 no, 2 could not tell, 64 wrong usage. Errors are one line on stderr.

use std::path::Path;

/// Printed below each `--help`.
pub const HELP: &str = "Exit codes: 0 yes, 1 no (invalid, refused, differs), 2 could not tell (unreadable, unreachable), \
                        64 wrong usage.";

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

impl From<lab::Failure> for Failure {
    fn from(failure: lab::Failure) -> Self {
        Self::CouldNotTell(failure.0)
    }
}
