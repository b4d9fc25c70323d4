//! `set cert regen`: a new key and certificate for a unit [sources/shell#regeneration]. When it is refused stands in
//! [`crate::guard`].

use pki::Certificate;

use super::key_choice::{FOR_PHONES, KeyChoice};
use super::log::{Logged, log_own};
use super::stores::replace_own;
use crate::draft::Draft;
use crate::operation::{Context, Decided, Kind, Lists, Made, Operation, Wanted};
use crate::releases::Recovery;
use crate::rows::NodeRow;
use crate::state::Asks;
use crate::units::{CHECKED, Unit};
use crate::{Refusal, State};
use crate::{anchors, guard};

/// A new key and certificate for a unit of a node: the trust-store copies are exchanged, lists rebuilt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Regenerate {
    /// The unit.
    pub unit: Unit,
    /// Key length and hash that somebody chose.
    pub choice: KeyChoice,
    /// Why it is done although phones would be left behind or the clock is wrong. The wait of five minutes stays.
    pub force: Option<String>,
}

/// What a renewal did.
#[derive(Debug, Clone)]
pub struct Regenerated {
    /// The unit.
    pub unit: Unit,
    /// The new certificate.
    pub certificate: Certificate,
}

impl Regenerate {
    /// As the release makes it.
    pub fn unit(unit: Unit) -> Self {
        Self { unit, choice: KeyChoice::default(), force: None }
    }

    /// With a key that somebody chose.
    #[must_use]
    pub fn with(self, choice: KeyChoice) -> Self {
        Self { choice, ..self }
    }

    /// By force, for this reason.
    #[must_use]
    pub fn forced(self, reason: &str) -> Self {
        Self { force: Some(reason.to_owned()), ..self }
    }

    fn guard(&self, state: &State, now: i64) -> Result<String, Refusal> {
        let anyway = format!("set cert regen force {} REASON", self.unit.name());
        guard::check(state, self.unit, self.force.as_deref(), &anyway, now)
    }

    /// Whether it may be done now. What was forced, for the audit entry; empty when nothing was.
    ///
    /// # Errors
    /// [`Refusal::Refused`].
    pub fn check(&self, state: &State, node: &NodeRow, now: i64) -> Result<String, Refusal> {
        state.check_unit(node, self.unit)?;
        guard::check_renewal(state, node, self.unit)?;
        self.guard(state, now)
    }
}

impl Operation for Regenerate {
    type Done = Regenerated;
    const KIND: Kind = Kind::Regenerate;
    const MAKES_KEYS: bool = true;

    fn words(&self, at: &NodeRow) -> String {
        format!("set cert regen {} on {}", self.unit.name(), at.name)
    }

    fn asks(&self) -> Asks {
        Asks {
            evidence: true,
            held: CHECKED.contains(&self.unit),
            lists: anchors::asks(self.unit),
            phones: FOR_PHONES.contains(&self.unit),
            ..Asks::default()
        }
    }

    fn wants(&self, state: &State, context: &Context<'_>) -> Result<Vec<Wanted>, Refusal> {
        self.check(state, context.at, context.now)?;
        let profile = state.chosen_profile(self.unit, self.choice)?;
        let shared = self.unit == Unit::ItlRecovery && state.release.recovery == Recovery::Shared;
        let holders = if shared { state.nodes.clone() } else { vec![context.at.clone()] };
        Ok(vec![Wanted::Certificate { node: context.at.clone(), unit: self.unit, profile, holders }])
    }

    fn decide(&self, draft: &mut Draft, made: &[Made], context: &Context<'_>) -> Result<Decided<Regenerated>, Refusal> {
        let Context { at, now, .. } = *context;
        let forced = self.check(draft.state(), at, now)?;
        let certificate = Made::certificate(made)?;
        replace_own(draft, at, self.unit, certificate, now)?;
        log_own(draft, at, self.unit, Logged::Regenerate, now)?;
        let result = format!("new certificate, serial {}{forced}", certificate.serial_text(":", true));
        let done = Regenerated { unit: self.unit, certificate: certificate.clone() };
        Ok(Decided { done, result, lists: Lists::Follow })
    }
}
