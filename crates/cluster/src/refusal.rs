//! Why something is not done.

use crate::rows::Unreadable;

/// Nothing was done, and nothing of it lasts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The actor may not do this.
    #[error("{actor} has privilege level {has}, this needs level {needs}")]
    NotPermitted {
        /// Who.
        actor: String,
        /// Their level.
        has: u8,
        /// The level needed.
        needs: u8,
    },
    /// A rule forbids it now. The text is the whole answer for a person.
    #[error("{text}")]
    Refused {
        /// Stable word for machines.
        label: &'static str,
        /// One or two sentences.
        text: String,
    },
    /// What was given makes no sense here.
    #[error("{0}")]
    BadInput(String),
    /// A row or a file that this needs cannot be read. Made by name, never by `?`: whoever reads a row says first that nothing can
    /// be done without it.
    #[error("{0}")]
    Unreadable(Unreadable),
    /// Our own fault or that of what we hold.
    #[error("{0}")]
    Internal(String),
}

impl Refusal {
    /// Our own fault, from an error that should not have come.
    pub fn internal(error: impl std::fmt::Display) -> Self {
        Self::Internal(error.to_string())
    }

    /// A rule forbids it.
    pub fn refused(label: &'static str, text: impl Into<String>) -> Self {
        Self::Refused { label, text: text.into() }
    }
}

/// Longest reason, bytes: a sentence or two in the audit log.
const REASON_LIMIT: usize = 400;

/// The reason that somebody gives for a force.
///
/// # Errors
/// [`Refusal::BadInput`]: it says nothing, or too much.
pub fn check_reason(force: Option<&str>) -> Result<Option<&str>, Refusal> {
    let reason = force.map(str::trim);
    if reason.is_some_and(|reason| reason.is_empty() || reason.len() > REASON_LIMIT) {
        return Err(Refusal::BadInput(format!("force needs a reason of 1 to {REASON_LIMIT} bytes")));
    }
    Ok(reason)
}
