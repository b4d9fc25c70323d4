//! `set network`: another address, host name or domain for a node.
//!
//! CUCM renews all certificates of the node at once, and phones that miss it have nobody left who vouches. Here a new address renews
//! nothing, and a new name renews what phones check one by one: CallManager, TVS and ITLRecovery never in one step, each by the
//! function of `set cert regen`, and the next when the phones have fetched the lists that tell of the one before.

use std::net::Ipv4Addr;

use pki::listing::ListKind;

use crate::certificates::regenerate::Regenerate;
use crate::draft::Draft;
use crate::guard;
use crate::nodes::NewNode;
use crate::operation::{Context, Decided, Kind, Lists, Made, Operation};
use crate::parameters::SecurityMode;
use crate::restarts::{self, NETWORK};
use crate::rows::NodeRow;
use crate::state::{AskedLists, Asks};
use crate::units::{CHECKED, Unit};
use crate::write::Write;
use crate::{Refusal, State};

/// What is to be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetworkChange {
    /// `set network ip`.
    Address(Ipv4Addr),
    /// `set network hostname`.
    Hostname(String),
    /// `set network domain`; empty for none.
    Domain(String),
}

impl NetworkChange {
    /// The command without `set network`.
    pub fn words(&self) -> String {
        match self {
            Self::Address(address) => format!("ip {address}"),
            Self::Hostname(name) => format!("hostname {name}"),
            Self::Domain(domain) if domain.is_empty() => "domain none".to_owned(),
            Self::Domain(domain) => format!("domain {domain}"),
        }
    }

    fn applied_to(&self, node: &NodeRow) -> NodeRow {
        let mut after = node.clone();
        match self {
            Self::Address(address) => after.address = address.to_string(),
            Self::Hostname(name) => after.name.clone_from(name),
            Self::Domain(domain) => after.domain.clone_from(domain),
        }
        after
    }
}

/// A certificate that carries another name than its node will have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldName {
    /// The unit.
    pub unit: Unit,
    /// What keeps it from being renewed now, if anything does.
    pub waits: Option<Wait>,
}

/// Why a certificate is not renewed now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wait {
    /// A CA has signed it, so a new one comes from there.
    OfACa,
    /// Its turn comes after that of another one, which phones check too.
    After(Unit),
    /// What is refused now, with the reason.
    Refused(String),
}

impl OldName {
    /// Why it is not renewed now, as an answer says it.
    pub fn reason(&self) -> Option<String> {
        Some(match self.waits.as_ref()? {
            Wait::OfACa => {
                format!("a CA has signed it: `set csr gen {0}`, then `set cert import own {0}`", self.unit.name())
            }
            Wait::After(first) => format!("comes after {}", first.name()),
            Wait::Refused(text) => text.clone(),
        })
    }
}

/// What a change does, before it is made.
#[derive(Debug, Clone)]
pub struct NetworkPlan {
    /// The node now.
    pub before: NodeRow,
    /// The node then.
    pub after: NodeRow,
    /// Certificates that carry another name than the node then has, in the order in which they are renewed.
    pub old_names: Vec<OldName>,
    /// Whether there are other nodes, whose TVS vouches meanwhile.
    pub alone: bool,
    /// Whether phones hold a CTL.
    pub mixed: bool,
    /// The steps that follow, each once, those of the change itself first.
    pub steps: Vec<&'static str>,
    /// Phones that renewals wait for.
    pub phones: usize,
    /// Those of them that were not seen to fetch an ITL with the signers of now.
    pub behind: Vec<String>,
}

/// What was done.
#[derive(Debug, Clone)]
pub struct NetworkDone {
    /// The node now.
    pub node: NodeRow,
    /// Whether anything about the node itself was changed; not when the command only goes on with the renewals.
    pub moved: bool,
    /// Renewed.
    pub renewed: Vec<Unit>,
    /// Still to be renewed, and why not now.
    pub waiting: Vec<(Unit, String)>,
}

/// What a change will do.
///
/// # Errors
/// [`Refusal::BadInput`]: a name that is none, what another node has, or what this node is already.
pub fn plan(state: &State, node: &NodeRow, change: &NetworkChange, now: i64) -> Result<NetworkPlan, Refusal> {
    let mixed = state.parameters.security_mode() == SecurityMode::Mixed;
    let nodes = &state.nodes;
    let before = nodes.iter().find(|row| row.pkid == node.pkid).cloned().ok_or_else(|| gone(node))?;
    let after = change.applied_to(&before);
    NewNode::try_from(&after).map_err(Refusal::internal)?.check()?;
    let others = || nodes.iter().filter(|other| other.pkid != before.pkid);
    let same_name = |other: &&NodeRow| other.name.eq_ignore_ascii_case(&after.name);
    if let Some(other) = others().find(|other| same_name(other) || other.address == after.address) {
        let what = if same_name(&other) { "name" } else { "address" };
        return Err(Refusal::BadInput(format!("{} ({}) has this {what} already", other.name, other.address)));
    }
    let old_names = match change {
        // Certificates carry no address; what waits for another name goes on with the command of that.
        NetworkChange::Address(_) => Vec::new(),
        NetworkChange::Hostname(_) | NetworkChange::Domain(_) => old_names(state, &before, &after, now)?,
    };
    if before == after && old_names.is_empty() {
        return Err(Refusal::BadInput(match change {
            NetworkChange::Address(_) => {
                format!("{} is that already: its address is {}", before.name, before.address)
            }
            _ => format!("{} is that already, and its certificates carry it", before.name),
        }));
    }
    let held = state.waited_for(ListKind::Itl, now)?;
    let mut renewal = 0;
    for unit in CHECKED {
        renewal = renewal.max(state.last_renewal(unit).map_or(0, |last| last.seq));
    }
    let behind = held.iter().filter(|held| held.fetched.is_none() || held.renewal < renewal);
    let behind = behind.map(|held| held.device.clone()).collect();
    let mode = if mixed { SecurityMode::Mixed } else { SecurityMode::NonSecure };
    let mut steps = Vec::new();
    let renewed = old_names.iter().filter(|old| old.waits.is_none()).map(|old| old.unit.name());
    let causes = std::iter::once(NETWORK).filter(|_| before != after).chain(renewed);
    for step in causes.flat_map(|cause| restarts::steps(state.release, mode, cause)) {
        if !steps.contains(&step) {
            steps.push(step);
        }
    }
    Ok(NetworkPlan {
        alone: others().next().is_none(),
        before,
        after,
        old_names,
        mixed,
        steps,
        phones: held.len(),
        behind,
    })
}

/// `set network` on a node: name, domain or address. The renewals that follow are operations of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoveNode {
    /// What is to be changed.
    pub change: NetworkChange,
}

impl Operation for MoveNode {
    type Done = NetworkPlan;
    const KIND: Kind = Kind::MoveNode;

    fn words(&self, at: &NodeRow) -> String {
        format!("set network {} on {}", self.change.words(), at.name)
    }

    fn asks(&self) -> Asks {
        // A new address renews nothing.
        let renews = !matches!(self.change, NetworkChange::Address(_));
        let lists = if renews { AskedLists::Ctl } else { AskedLists::None };
        Asks { evidence: renews, held: true, lists, ..Asks::default() }
    }

    fn decide(
        &self,
        draft: &mut Draft,
        _made: &[Made],
        context: &Context<'_>,
    ) -> Result<Decided<NetworkPlan>, Refusal> {
        let plan = plan(draft.state(), context.at, &self.change, context.now)?;
        let NetworkPlan { before, after, .. } = &plan;
        let (setting, value) = match self.change {
            NetworkChange::Address(_) => ("address", &before.address),
            NetworkChange::Hostname(_) => ("hostname", &before.name),
            NetworkChange::Domain(_) => ("domain", &before.domain),
        };
        let result = format!("{value} before");
        // The same again only goes on with the renewals.
        if before != after {
            let former =
                Write::FormerSetting { setting: setting.to_owned(), node: before.pkid.clone(), value: value.clone() };
            draft.write(Write::Moved { before: Box::new(before.clone()), after: Box::new(after.clone()) });
            draft.write(former);
            draft.write(Write::RestartCause { node: before.pkid.clone(), cause: NETWORK });
            draft.tell("node", after.name.as_str());
        }
        Ok(Decided { done: plan, result, lists: Lists::Follow })
    }
}

/// The certificates of a node that carry another name than it then has, in the order in which they are renewed, each with what
/// keeps it from that now.
fn old_names(state: &State, before: &NodeRow, after: &NodeRow, now: i64) -> Result<Vec<OldName>, Refusal> {
    let mut found = names_of_others(state, after)?;
    let mut first = None;
    for old in found.iter_mut().filter(|old| old.waits.is_none()) {
        let checked = CHECKED.contains(&old.unit);
        old.waits = match first {
            Some(first) if checked => Some(Wait::After(first)),
            _ => match may_renew_for_name(state, before, old.unit, now) {
                Ok(()) => None,
                Err(Refusal::Refused { text, .. }) => Some(Wait::Refused(text)),
                Err(other) => return Err(other),
            },
        };
        first = first.or_else(|| checked.then_some(old.unit));
    }
    Ok(found)
}

fn names_of_others(state: &State, node: &NodeRow) -> Result<Vec<OldName>, Refusal> {
    let rows = &state.certificates;
    let own = state.own()?;
    let nodes = &state.nodes;
    let own = nodes.iter().zip(own).find(|(row, _)| row.pkid == node.pkid).map(|(_, own)| own);
    let own = own.ok_or_else(|| gone(node))?;
    let place = NewNode::try_from(node).map_err(Refusal::internal)?;
    let mut found = Vec::new();
    for unit in state.release.units(node.publisher) {
        // What cannot be read is told of elsewhere, and is not renewed unasked.
        let Ok(Some(certificate)) = own.get(unit) else { continue };
        // The name of a CAPF is a number, which stays.
        let Some(wanted) = place.common_name(unit) else { continue };
        let several = rows.iter().any(|row| {
            row.fingerprint == pki::hash::hex(&certificate.sha256()) && row.nodes.len() > 1 && unit != Unit::ItlRecovery
        });
        if certificate.common_name().as_deref() != Some(&wanted) {
            let of_a_ca = !certificate.is_self_issued() || several;
            found.push(OldName { unit, waits: of_a_ca.then_some(Wait::OfACa) });
        }
    }
    // First what phones do not check.
    found.sort_by_key(|old| CHECKED.iter().position(|unit| *unit == old.unit).map_or(0, |place| place + 1));
    Ok(found)
}

/// Whether a certificate may be renewed for its name now: what `set cert regen` asks, and that the phones have a list that tells of
/// all that they check.
fn may_renew_for_name(state: &State, node: &NodeRow, unit: Unit, now: i64) -> Result<(), Refusal> {
    Regenerate::unit(unit).check(state, node, now)?;
    if CHECKED.contains(&unit) {
        for other in CHECKED.into_iter().filter(|other| *other != unit) {
            guard::check_fetched_since(state, other, now)?;
        }
    }
    Ok(())
}

fn gone(node: &NodeRow) -> Refusal {
    Refusal::BadInput(format!("{} is no longer a node of this cluster", node.name))
}
