//! Why a scenario cannot be told to its end.

use std::path::Path;

/// What could not be read, reached, made or written; one sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Failure(pub String);

impl Failure {
    /// One that concerns a path.
    pub(crate) fn at(path: &Path, reason: impl std::fmt::Display) -> Self {
        Self(format!("{}: {reason}", path.display()))
    }
}

/// What went wrong, whatever it was.
pub(crate) fn could_not(error: impl std::fmt::Display) -> Failure {
    Failure(error.to_string())
}
