//! What can go wrong, sorted by who is at fault.

use cluster::Refusal;
use cluster::rows::Unreadable;
use cluster::trust_lists::Unplanned;
use store::StoreError;

/// An operation did not happen, and nothing of it lasts; but for [`CoreError::ListsBehind`].
#[derive(Debug, thiserror::Error)]
pub enum CoreError {
    /// The actor may not do this.
    #[error("{actor} has privilege level {has}, this needs level {needs}")]
    NotPermitted {
        /// Who.
        actor: String,
        /// His level.
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
    /// Database or files.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A row or a file that this needs cannot be read. Made by name, never by `?`: whoever reads a row says first that nothing can
    /// be done without it.
    #[error("{0}")]
    Unreadable(Unreadable),
    /// The operation did happen and lasts; what phones are given is that of before.
    #[error(
        "The change is made, do not repeat it. The lists for phones do not follow it yet: {0}. When that is mended a running node \
         writes them by itself, and `utils service restart Cisco Tftp` does it at once"
    )]
    ListsBehind(Box<Self>),
    /// Our own fault or that of what we hold.
    #[error("{0}")]
    Internal(String),
}

impl CoreError {
    /// A refusal.
    pub fn refused(label: &'static str, text: impl Into<String>) -> Self {
        Self::Refused { label, text: text.into() }
    }

    /// Our own fault, from an error that should not have come.
    pub fn internal(error: impl std::fmt::Display) -> Self {
        Self::Internal(error.to_string())
    }
}

impl From<Refusal> for CoreError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotPermitted { actor, has, needs } => Self::NotPermitted { actor, has, needs },
            Refusal::Refused { label, text } => Self::Refused { label, text },
            Refusal::BadInput(reason) => Self::BadInput(reason),
            Refusal::Unreadable(unreadable) => Self::Unreadable(unreadable),
            Refusal::Internal(reason) => Self::Internal(reason),
        }
    }
}

impl From<Unplanned> for CoreError {
    fn from(reason: Unplanned) -> Self {
        match reason {
            Unplanned::Missing(missing) => Self::internal(missing),
            unreadable @ Unplanned::Unreadable { .. } => Self::refused("row-unreadable", unreadable.to_string()),
        }
    }
}

macro_rules! internal_from {
    ($($error:ty),+ $(,)?) => {
        $(impl From<$error> for CoreError {
            fn from(error: $error) -> Self {
                Self::internal(error)
            }
        })+
    };
}

internal_from!(
    cluster::nodes::BadAddress,
    pki::SignError,
    pki::RandomError,
    pki::key::KeyError,
    pki::profile::ProfileError,
    pki::certificate::CertificateError,
    wire::error::Unwritable,
);
