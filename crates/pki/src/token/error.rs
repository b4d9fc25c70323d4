//! What goes wrong with tokens, each with the next step.

use cryptoki::error::{Error, RvError};

use super::module::TokenInfo;

/// What a token says about the tries that its PIN has left. PKCS#11 has flags for it, not a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PinState {
    /// Nothing was tried wrongly since the last log-in.
    Fine,
    /// At least one wrong PIN since then: fewer tries are left (CKF_USER_PIN_COUNT_LOW).
    FewerLeft,
    /// One more wrong PIN locks the token (CKF_USER_PIN_FINAL_TRY).
    LastTry,
    /// Locked (CKF_USER_PIN_LOCKED).
    Locked,
}

impl std::fmt::Display for PinState {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Fine => "the token names no limit of tries",
            Self::FewerLeft => "fewer tries are left than before",
            Self::LastTry => "one try is left, and another wrong password locks the token",
            Self::Locked => "no try is left",
        })
    }
}

/// Why a token does not do what it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The module file is not there or not readable.
    #[error("{path}: {reason}; name the PKCS#11 module of the token with --module")]
    NoModule {
        /// The file.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// A file, but no PKCS#11 module.
    #[error("{path} is not a PKCS#11 module: {reason}")]
    NotAModule {
        /// The file.
        path: String,
        /// What the loader or the module said.
        reason: String,
    },
    /// No slot has a token.
    #[error("no Security Token is inserted")]
    NoToken,
    /// None with this label or serial number.
    #[error("no Security Token has the label or serial number `{wanted}`; inserted are: {found}")]
    NoSuchToken {
        /// What was asked for.
        wanted: String,
        /// Labels and serial numbers.
        found: String,
    },
    /// Several with this label.
    #[error("{count} Security Tokens have the label `{wanted}`; name one by its serial number: {serials}")]
    AmbiguousToken {
        /// What was asked for.
        wanted: String,
        /// How many.
        count: usize,
        /// Their serial numbers.
        serials: String,
    },
    /// The PIN is wrong. It was tried once.
    #[error("the password of token {token} is wrong: {state}")]
    WrongPin {
        /// The token.
        token: String,
        /// The tries that are left.
        state: PinState,
    },
    /// Locked by wrong PINs.
    #[error(
        "token {token} is locked after wrong passwords; unlock it with the tool of its maker, or use another token"
    )]
    Locked {
        /// The token.
        token: String,
    },
    /// No PIN was ever set.
    #[error("token {token} has no password yet; set one with the tool of its maker")]
    NoPin {
        /// The token.
        token: String,
    },
    /// Pulled out.
    #[error("token {token} was removed; nothing was signed, insert it and begin again")]
    Removed {
        /// The token.
        token: String,
    },
    /// No certificate on it.
    #[error(
        "token {token} holds no certificate of its own; a Security Token of a CTL has one that its maker has issued"
    )]
    NoCertificate {
        /// The token.
        token: String,
    },
    /// Only those of CAs.
    #[error("token {token} holds no certificate of its own but those of CAs, which sign no lists: {certificates}")]
    Authority {
        /// The token.
        token: String,
        /// Labels and subjects.
        certificates: String,
    },
    /// No private key for a certificate.
    #[error("token {token} has no private key for {certificate}: {reason}")]
    NoKey {
        /// The token.
        token: String,
        /// Its subject.
        certificate: String,
        /// Which of the two: no key with its id, or one that belongs to something else.
        reason: &'static str,
    },
    /// Several private keys with the id of one certificate.
    #[error("token {token} has {count} private keys with the id of {certificate}; remove all but one")]
    SeveralKeys {
        /// The token.
        token: String,
        /// Subject of the certificate.
        certificate: String,
        /// How many.
        count: usize,
    },
    /// Several certificates with a key.
    #[error(
        "token {token} has several certificates: {certificates}; name one with TOKEN/LABEL, or with TOKEN/SERIAL-NUMBER when \
         they have one label"
    )]
    SeveralCertificates {
        /// The token.
        token: String,
        /// Labels and subjects.
        certificates: String,
    },
    /// No certificate with this label or serial number.
    #[error("token {token} has no certificate `{wanted}`; there are: {certificates}")]
    NoSuchCertificate {
        /// The token.
        token: String,
        /// What was asked for.
        wanted: String,
        /// Labels and subjects.
        certificates: String,
    },
    /// Not RSA of a size that phones verify.
    #[error("token {token} has a {kind} key: phones verify lists with RSA of 512, 1024, 2048 and 4096 bits only")]
    Unsuitable {
        /// The token.
        token: String,
        /// Kind of the key.
        kind: String,
    },
    /// Its certificate is over or has not begun.
    #[error("the certificate of token {token} {state} {date}; {next}")]
    OutOfDate {
        /// The token.
        token: String,
        /// `expired on` or `is not valid before`.
        state: &'static str,
        /// Day, `YYYY-MM-DD`.
        date: String,
        /// What helps.
        next: &'static str,
    },
    /// A certificate that does not parse.
    #[error("a certificate on token {token} cannot be read: {reason}")]
    BadCertificate {
        /// The token.
        token: String,
        /// Why.
        reason: String,
    },
    /// A signature that its own certificate does not verify.
    #[error("token {token} gave a signature that its own certificate does not verify; nothing was signed")]
    BadSignature {
        /// The token.
        token: String,
    },
    /// The module did not come back.
    #[error(
        "the PKCS#11 module did not answer within {seconds} s and is not asked again; pull the token out, insert it and \
         begin again"
    )]
    Hangs {
        /// How long it was waited for.
        seconds: u64,
    },
    /// Anything else that the module says.
    #[error("{what} failed: {reason}")]
    Module {
        /// What was done.
        what: &'static str,
        /// What the module said.
        reason: String,
    },
}

impl TokenError {
    /// What a module answered while something was done with a token.
    pub(super) fn of(error: &Error, what: &'static str, token: &TokenInfo) -> Self {
        let token = || token.name();
        match error {
            Error::Pkcs11(
                RvError::TokenNotPresent
                | RvError::DeviceRemoved
                | RvError::SessionHandleInvalid
                | RvError::SessionClosed
                | RvError::SlotIdInvalid,
                _,
            ) => Self::Removed { token: token() },
            Error::Pkcs11(RvError::PinLocked, _) => Self::Locked { token: token() },
            Error::Pkcs11(RvError::UserPinNotInitialized, _) => Self::NoPin { token: token() },
            other => Self::Module { what, reason: reason(other) },
        }
    }
}

/// The name of an answer, such as `CKR_FUNCTION_FAILED`, without the sentences that the standard has for it.
pub(super) fn reason(error: &Error) -> String {
    match error {
        Error::Pkcs11(answer, function) => format!("{function:?} answered {answer:?}"),
        other => other.to_string(),
    }
}
