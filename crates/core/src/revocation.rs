//! Whether CAs have revoked certificates: whom to ask, what their answers come to, what is remembered of it
//! [sources/monitor#revocation].
//!
//! * [`Policy`]: the page *Certificate Revocation*, as parameters
//! * [`Ask`]: fetches the answers; this crate knows no socket
//!
//! A certificate that is uploaded is checked before it is taken; those that are there by the certificate monitor, whose alarms tell of
//! what it finds.

mod ask;
mod check;

use crate::CoreError;
use cluster::parameters::{
    CONFIGURED_LISTS, CONFIGURED_RESPONDER, ENABLE_CRL, ENABLE_OCSP, ENABLE_REVOCATION_CHECK, FULL_CHAIN, NONE,
    Parameters, REFUSE, REVOCATION_EVERY, REVOCATION_NOT_KNOWN, USE_CONFIGURED,
};

pub use ask::{Ask, Asked, NoNetwork, Question};
pub(crate) use check::note_findings;
pub use check::{Finding, State};

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
        let configured = parameters.get(cluster::parameters::OCSP_SOURCE) == USE_CONFIGURED;
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
    /// [`CoreError::Refused`]: `revoked`, `revocation-unknown`.
    pub fn allow(&self, findings: &[Finding]) -> Result<(), CoreError> {
        for finding in findings {
            match finding.state {
                State::Revoked => {
                    let text = format!(
                        "{} {}. It is of no use any more: ask its CA for a new one",
                        finding.subject, finding.detail
                    );
                    return Err(CoreError::refused("revoked", text));
                }
                State::Unknown | State::Unreachable if self.refuse_unknown => {
                    let text = format!(
                        "whether {} was revoked cannot be found out: {}. Mend that and try again, or \
                         `set parameter {REVOCATION_NOT_KNOWN} {}`",
                        finding.subject,
                        finding.detail,
                        cluster::parameters::WARN
                    );
                    return Err(CoreError::refused("revocation-unknown", text));
                }
                State::Good | State::Unknown | State::Unreachable => {}
            }
        }
        Ok(())
    }
}
