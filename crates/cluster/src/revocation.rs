//! What the page *Certificate Revocation* says, and whether a certificate may be taken [sources/monitor#revocation].

use crate::Refusal;
use crate::parameters::{
    CONFIGURED_LISTS, CONFIGURED_RESPONDER, ENABLE_CRL, ENABLE_OCSP, ENABLE_REVOCATION_CHECK, FULL_CHAIN, NONE,
    Parameters, REFUSE, REVOCATION_EVERY, REVOCATION_NOT_KNOWN, USE_CONFIGURED,
};
use pki::revocation::RevocationStatus;

/// What is known of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Its CA says that it is good.
    Good,
    /// Its CA has revoked it.
    Revoked,
    /// Somebody answered, and nothing follows from it; or there is nobody to ask.
    Unknown,
    /// Nobody answered.
    Unreachable,
}

impl State {
    /// The word of a row.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Revoked => "revoked",
            Self::Unknown => "unknown",
            Self::Unreachable => "unreachable",
        }
    }
}

/// What a check came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// SHA-256 of the certificate, lower-case hexadecimal.
    pub fingerprint: String,
    /// Its subject, for people.
    pub subject: String,
    /// What is known.
    pub state: State,
    /// Who said so; empty when nobody did.
    pub source: String,
    /// The rest of a sentence that begins with the subject, or why nothing is known.
    pub detail: String,
}

impl Finding {
    /// One line: subject, state, why.
    #[must_use]
    pub fn line(&self) -> String {
        format!("{}: {}, {}", self.subject, self.state.word(), self.detail)
    }
}

impl Finding {
    /// Takes over what an address said. Whether nobody else needs to be asked.
    pub fn note(&mut self, address: &str, status: Result<RevocationStatus, String>) -> bool {
        let day = |at: u64| pki::date::date(at, &jiff::tz::TimeZone::UTC);
        let (state, detail) = match status {
            Ok(RevocationStatus::Good) => (State::Good, format!("is good, says {address}")),
            Ok(RevocationStatus::Revoked { since, reason }) => {
                let reason = reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
                (State::Revoked, format!("was revoked on {}{reason}, says {address}", day(since)))
            }
            Ok(RevocationStatus::Unknown(reason)) => (State::Unknown, format!("{address}: {reason}")),
            Err(reason) => (State::Unreachable, format!("{address}: {reason}")),
        };
        let settled = matches!(state, State::Good | State::Revoked);
        // All that went wrong is said, not the last trouble only.
        if settled || self.source.is_empty() {
            self.detail = detail;
        } else {
            self.detail = format!("{}; {detail}", self.detail);
        }
        // Somebody who answers and does not know says more than one who does not answer.
        if settled || self.source.is_empty() || state == State::Unknown {
            self.state = state;
        }
        self.source = address.to_owned();
        settled
    }
}

/// Milliseconds of an hour.
const HOUR: i64 = 3_600_000;

/// What the page *Certificate Revocation* says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// *Enable OCSP*.
    pub ocsp: bool,
    /// *Enable CRL*.
    pub crl: bool,
    /// The responder that is asked in the place of those that certificates name.
    pub responder: Option<String>,
    /// Lists that are read beside those that certificates name.
    pub lists: Vec<String>,
    /// *Enable Full Chain Revocation check*: the CAs above a certificate too.
    pub full_chain: bool,
    /// Whether a certificate of which nothing is known is refused. Ours; the original does so in its Common Criteria mode.
    pub refuse_unknown: bool,
    /// How often those that are there are checked, milliseconds; `None`: never.
    pub every: Option<i64>,
}

impl Policy {
    /// As the parameters say.
    #[must_use]
    pub fn of(parameters: &Parameters) -> Self {
        let on = |name: &str| parameters.get(name) == "T";
        let addresses = |name: &str| -> Vec<String> {
            parameters.get(name).split_whitespace().filter(|word| *word != NONE).map(str::to_owned).collect()
        };
        let configured = parameters.get(crate::parameters::OCSP_SOURCE) == USE_CONFIGURED;
        let every = i64::from(parameters.number(REVOCATION_EVERY, 24)) * HOUR;
        Self {
            ocsp: on(ENABLE_OCSP),
            crl: on(ENABLE_CRL),
            responder: addresses(CONFIGURED_RESPONDER).pop().filter(|_| configured),
            lists: addresses(CONFIGURED_LISTS),
            full_chain: on(FULL_CHAIN),
            refuse_unknown: parameters.get(REVOCATION_NOT_KNOWN) == REFUSE,
            every: on(ENABLE_REVOCATION_CHECK).then_some(every),
        }
    }

    /// Whether anybody is asked at all.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        self.ocsp || self.crl
    }

    /// Whether certificates may be taken of which this was found.
    ///
    /// # Errors
    /// [`Refusal::Refused`]: `revoked`, `revocation-unknown`.
    pub fn allow(&self, findings: &[Finding]) -> Result<(), Refusal> {
        for finding in findings {
            match finding.state {
                State::Revoked => {
                    let text = format!(
                        "{} {}. It is of no use any more: ask its CA for a new one",
                        finding.subject, finding.detail
                    );
                    return Err(Refusal::refused("revoked", text));
                }
                State::Unknown | State::Unreachable if self.refuse_unknown => {
                    let text = format!(
                        "whether {} was revoked cannot be found out: {}. Mend that and try again, or \
                         `set parameter {REVOCATION_NOT_KNOWN} {}`",
                        finding.subject,
                        finding.detail,
                        crate::parameters::WARN
                    );
                    return Err(Refusal::refused("revocation-unknown", text));
                }
                State::Good | State::Unknown | State::Unreachable => {}
            }
        }
        Ok(())
    }
}
