//! How a session ends, and what to write down about it.

use std::fmt;
use std::time::Instant;

use super::Error;
use super::timeouts::{LONGEST, Timeouts};
use super::values::Reason;

/// Where a session stood. Each stage has one message of the phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// AUTH_REQUEST to the decision on AUTH_RESPONSE.
    Authentication,
    /// KEY_GENERATE_REQUEST to the certificate.
    KeyGeneration,
    /// STORE_CERTIFICATE_REQUEST to the confirmation: the phone may hold the certificate, or not.
    Store,
    /// FETCH_CERTIFICATE_REQUEST to the certificate.
    Fetch,
    /// DELETE_CERTIFICATE_REQUEST to the confirmation: the phone may hold a certificate, or not.
    Delete,
}

impl Stage {
    /// Words for a log line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Authentication => "authentication",
            Self::KeyGeneration => "key generation",
            Self::Store => "storing the certificate",
            Self::Fetch => "fetching the certificate",
            Self::Delete => "deleting the certificate",
        }
    }

    /// The end of the time that a phone has in this stage, when it starts now.
    pub(super) fn ends(self, timeouts: &Timeouts, now: Instant) -> Instant {
        let within = match self {
            Self::Authentication => timeouts.authentication,
            Self::KeyGeneration => timeouts.key_generation,
            Self::Store | Self::Fetch | Self::Delete => timeouts.answer,
        };
        now + within.min(LONGEST)
    }
}

/// The nine causes that CUCM writes behind *Upgrade Failed*, *Delete Failed* and *Troubleshoot Failed*; the latter lacks
/// the two of the CA [sources/capf#statuses].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Failure {
    /// Invalid LSC.
    InvalidLsc,
    /// Invalid Authentication String.
    InvalidAuthenticationString,
    /// Invalid MIC.
    InvalidMic,
    /// Invalid Credentials.
    InvalidCredentials,
    /// Phone Communication Failure.
    PhoneCommunication,
    /// Key Generation Failed/Timeout: also a key that is not the one that was asked for.
    KeyGeneration,
    /// CA Communication Failure.
    CaCommunication,
    /// CA Rejected Connection.
    CaRejected,
    /// User Initiated Request Late/Timeout.
    Late,
}

impl Failure {
    /// All of them, in the order of CUCM: the statuses 9 to 17 and 18 to 26.
    pub const ALL: [Self; 9] = [
        Self::InvalidLsc,
        Self::InvalidAuthenticationString,
        Self::InvalidMic,
        Self::InvalidCredentials,
        Self::PhoneCommunication,
        Self::KeyGeneration,
        Self::CaCommunication,
        Self::CaRejected,
        Self::Late,
    ];

    /// A short name that stays the same, for logs and counters.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::InvalidLsc => "invalid-lsc",
            Self::InvalidAuthenticationString => "invalid-authentication-string",
            Self::InvalidMic => "invalid-mic",
            Self::InvalidCredentials => "invalid-credentials",
            Self::PhoneCommunication => "phone-communication",
            Self::KeyGeneration => "key-generation",
            Self::CaCommunication => "ca-communication",
            Self::CaRejected => "ca-rejected",
            Self::Late => "late",
        }
    }
}

/// Why the server's side says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// No such device: END_SESSION reason 9. Nothing is written anywhere.
    UnknownDevice,
    /// Something is wrong with what the phone gave: END_SESSION reason 7.
    Failed(Failure),
    /// A limit was met: another session of this device, too many tries, too many sessions. END_SESSION reason 7.
    Limit,
    /// Not now: the phone's key is on record and waits for the certificate of an offline CA. END_SESSION reason 0, so that the
    /// phone sees no failure and does not try again at once \[inferred\].
    Waits,
    /// Our own fault, such as a row that could not be written. END_SESSION reason 7.
    Internal,
}

impl Refusal {
    /// What END_SESSION says.
    #[must_use]
    pub const fn reason(self) -> Reason {
        match self {
            Self::UnknownDevice => Reason::UNKNOWN_DEVICE,
            Self::Waits => Reason::NO_ACTION,
            Self::Failed(_) | Self::Limit | Self::Internal => Reason::FAILURE,
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::UnknownDevice => "unknown-device",
            Self::Failed(failure) => failure.label(),
            Self::Limit => "limit",
            Self::Waits => "waits",
            Self::Internal => "internal",
        }
    }
}

/// How a server session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// The phone has stored the certificate, and that is on record.
    Installed,
    /// The phone has deleted its certificate, and that is on record.
    Deleted,
    /// The phone has shown its certificate, and that is on record.
    Fetched,
    /// Nothing was scheduled, or nothing that the phone could do something for now.
    NothingPending,
    /// The caller said no.
    Refused(Refusal),
    /// The phone said it could not: no key, certificate not stored, none to delete, none to show. The operation stays
    /// scheduled.
    PhoneFailed(Reason),
    /// The phone did not answer in the time of its stage.
    TimedOut,
    /// The connection ended before the session did.
    Closed,
    /// The phone sent what it may not send.
    Protocol(Error),
    /// The caller gave an answer to another question, or none; or one that cannot be sent. A fault in the program.
    Misused(&'static str),
}

/// The end of a server session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Where it ended.
    pub stage: Stage,
    /// How.
    pub cause: Cause,
    /// The reason of END_SESSION, whether or not it reached the phone; `None` when the connection is closed without one.
    pub reason: Option<Reason>,
}

impl Ended {
    /// True when the session did what it was for, or there was nothing to do.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        matches!(
            self.cause,
            Cause::Installed | Cause::Deleted | Cause::Fetched | Cause::NothingPending | Cause::Refused(Refusal::Waits)
        )
    }

    /// The cause that belongs into the status of the device. `None`: there is none, so the status is the success, the
    /// plain *Failed* (the phone said no, or we are at fault), or stays (unknown device, limit, nothing pending).
    #[must_use]
    pub const fn failure(&self) -> Option<Failure> {
        match (&self.cause, self.stage) {
            (Cause::Refused(Refusal::Failed(failure)), _) => Some(*failure),
            (Cause::TimedOut | Cause::PhoneFailed(_), Stage::KeyGeneration) => Some(Failure::KeyGeneration),
            (Cause::TimedOut | Cause::Closed | Cause::Protocol(_), _) => Some(Failure::PhoneCommunication),
            _ => None,
        }
    }

    /// A short name that stays the same, for logs and counters.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match &self.cause {
            Cause::Installed => "installed",
            Cause::Deleted => "deleted",
            Cause::Fetched => "fetched",
            Cause::NothingPending => "nothing-pending",
            Cause::Refused(refusal) => refusal.label(),
            Cause::PhoneFailed(_) => "phone-failed",
            Cause::TimedOut => "timed-out",
            Cause::Closed => "closed",
            Cause::Protocol(error) => error.label(),
            Cause::Misused(_) => "misused",
        }
    }
}

impl fmt::Display for Ended {
    /// One line for the log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.stage.name())?;
        match &self.cause {
            Cause::Installed => write!(f, "certificate installed")?,
            Cause::Deleted => write!(f, "certificate deleted")?,
            Cause::Fetched => write!(f, "certificate fetched")?,
            Cause::NothingPending => write!(f, "nothing pending")?,
            Cause::Refused(refusal) => write!(f, "refused ({})", refusal.label())?,
            Cause::PhoneFailed(reason) => write!(f, "the phone could not, its reason is {reason}")?,
            Cause::TimedOut => write!(f, "no answer in time")?,
            Cause::Closed => write!(f, "the phone closed the connection")?,
            Cause::Protocol(error) => write!(f, "{error}")?,
            Cause::Misused(what) => write!(f, "fault in the program: {what}")?,
        }
        match self.reason {
            Some(reason) => write!(f, "; ended with reason {reason}"),
            None => write!(f, "; closed without END_SESSION"),
        }
    }
}
