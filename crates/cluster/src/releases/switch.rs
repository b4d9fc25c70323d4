//! Another release for a cluster: upgrade and downgrade. Certificates and the CTL are carried unchanged, byte for byte; the ITLs
//! are built anew, because the release says who signs them.

use super::{Recovery, Release, names, release};
use crate::certificates::stores::{insert_own, note_former, refresh_roles, replace_own, take_own};
use crate::draft::Draft;
use crate::guard;
use crate::operation::{Context, Decided, Kind, Lists, Made, Operation, Wanted};
use crate::parameters::RELEASE;
use crate::rows::NodeRow;
use crate::state::Asks;
use crate::units::Unit;
use crate::write::Write;
use crate::{Refusal, State};

/// What an upgrade does with the ITLRecovery certificate of the publisher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CarriedRecovery {
    /// It stays. One is made where the release needs one and there is none.
    Kept,
    /// Another one is made although there is one, as refresh upgrades to 12.5(1) before SU3 did: a rehearsal of field
    /// notice 70613.
    Renewed,
}

/// `utils system switch-version RELEASE`, on the publisher: the cluster follows another release from now on. What it followed
/// before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwitchRelease {
    /// The release.
    pub name: String,
    /// What becomes of the ITLRecovery certificate.
    pub recovery: CarriedRecovery,
}

impl SwitchRelease {
    /// To a release, as an upgrade does that carries everything.
    pub fn to(name: &str) -> Self {
        Self { name: name.to_owned(), recovery: CarriedRecovery::Kept }
    }

    /// With another ITLRecovery certificate.
    #[must_use]
    pub fn renewing_recovery(self) -> Self {
        Self { recovery: CarriedRecovery::Renewed, ..self }
    }

    fn renews(&self) -> bool {
        self.recovery == CarriedRecovery::Renewed
    }

    /// Whether the cluster can follow this release. The release.
    ///
    /// # Errors
    /// [`Refusal::BadInput`]: it is not known; [`Refusal::Refused`]: it is followed already; another ITLRecovery certificate for a
    /// release whose upgrade never made one, or during a rollback.
    pub fn check(&self, state: &State, now: i64) -> Result<&'static Release, Refusal> {
        let name = self.name.as_str();
        let to = release(name)
            .ok_or_else(|| Refusal::BadInput(format!("no release {}; there are {}", name.escape_debug(), names())))?;
        if state.release.name == to.name {
            return Err(Refusal::refused("same-release", format!("The cluster follows release {name} already")));
        }
        if self.renews() {
            if !to.may_renew_recovery {
                let text =
                    format!("An upgrade to {name} keeps the ITLRecovery certificate; only one to 12.5 renewed it");
                return Err(Refusal::refused("recovery-is-kept", text));
            }
            guard::check_no_rollback(state)?;
            guard::check_rollback_over(state, now)?;
        }
        Ok(to)
    }
}

impl Operation for SwitchRelease {
    type Done = &'static Release;
    const KIND: Kind = Kind::SwitchRelease;
    const MAKES_KEYS: bool = true;

    fn words(&self, _at: &NodeRow) -> String {
        format!("utils system switch-version {}", self.name)
    }

    fn asks(&self) -> Asks {
        Asks { held: self.renews(), ..Asks::default() }
    }

    /// The certificates that the release needs and that are not there, and the key of a shared ITLRecovery for every node.
    fn wants(&self, state: &State, context: &Context<'_>) -> Result<Vec<Wanted>, Refusal> {
        let to = self.check(state, context.now)?;
        let mut wanted = Vec::new();
        for (row, own) in state.nodes.iter().zip(&state.own()?) {
            for unit in to.units(row.publisher) {
                let shared = unit == Unit::ItlRecovery && to.recovery == Recovery::Shared;
                let holders = if shared { state.nodes.clone() } else { vec![row.clone()] };
                // One that cannot be read is none that is missing.
                match own.get(unit).map_err(|unreadable| Refusal::Unreadable(unreadable.clone()))? {
                    Some(certificate) if !(self.renews() && unit == Unit::ItlRecovery) => {
                        if shared {
                            let next = "Put it back from a backup, or `set cert regen ITLRecovery` makes certificate and key anew";
                            wanted.push(Wanted::Copy {
                                from: row.clone(),
                                certificate: Box::new(certificate.clone()),
                                next: next.to_owned(),
                                holders,
                            });
                        }
                    }
                    _ => {
                        let profile = (to.certificates)(unit).1;
                        wanted.push(Wanted::Certificate { node: row.clone(), unit, profile, holders });
                    }
                }
            }
        }
        Ok(wanted)
    }

    fn decide(
        &self,
        draft: &mut Draft,
        made: &[Made],
        context: &Context<'_>,
    ) -> Result<Decided<&'static Release>, Refusal> {
        let now = context.now;
        let (from, to) = (draft.state().release, self.check(draft.state(), now)?);
        let all = draft.state().own()?;
        for one in made {
            let Made::Certificate { node, unit, certificate } = one else { continue };
            if self.renews() {
                replace_own(draft, node, *unit, certificate, now)?;
            } else {
                insert_own(draft, node, *unit, certificate, None)?;
            }
        }
        if to.recovery == Recovery::Shared {
            // Those of the subscribers stay in the trust stores: phones that hold their lists ask TVS about them.
            let others: Vec<NodeRow> = draft.state().nodes.iter().filter(|node| !node.publisher).cloned().collect();
            for other in others {
                if let Some(key) = take_own(draft, &other, Unit::ItlRecovery) {
                    refresh_roles(draft, &key);
                }
                let own = all.iter().find(|own| own.name == other.name).and_then(|own| own.readable(Unit::ItlRecovery));
                if let Some(old) = own {
                    note_former(draft, &other, Unit::ItlRecovery, old, now);
                }
            }
        }
        draft.set_parameter(RELEASE, to.name);
        let before = from.name.to_owned();
        draft.write(Write::FormerSetting { setting: "release".to_owned(), node: String::new(), value: before });
        draft.tell("release", to.name);
        Ok(Decided { done: from, result: format!("release {} before", from.name), lists: Lists::Follow })
    }
}
