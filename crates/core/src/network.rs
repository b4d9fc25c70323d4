//! `set network`: another address, host name or domain for a node.
//!
//! CUCM renews all certificates of the node at once, and phones that miss it have nobody left who vouches. Here a new address renews
//! nothing, and a new name renews what phones check one by one: CallManager, TVS and ITLRecovery never in one step, each by the
//! function of `set cert regen`, and the next when the phones have fetched the lists that tell of the one before.

use cluster::units::CHECKED;
use std::net::Ipv4Addr;

use cluster::rows::NodeRow;
use pki::listing::ListKind;

use crate::CoreError;
use crate::cluster::Cluster;
use crate::restarts::{self, NETWORK};
use cluster::actor::{Actor, Level};
use cluster::nodes::NewNode;
use cluster::parameters::SecurityMode;
use cluster::surroundings::Surroundings;
use cluster::units::Unit;

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

impl Cluster {
    /// What a change will do.
    ///
    /// # Errors
    /// [`CoreError::BadInput`]: a name that is none, what another node has, or what this node is already.
    pub async fn plan_network(
        &self,
        node: &NodeRow,
        change: &NetworkChange,
        now: i64,
    ) -> Result<NetworkPlan, CoreError> {
        let mixed = self.parameters().await?.security_mode() == SecurityMode::Mixed;
        let nodes = self.store().nodes().await?;
        let before = nodes.iter().find(|row| row.pkid == node.pkid).cloned().ok_or_else(|| gone(node))?;
        let after = change.applied_to(&before);
        NewNode::try_from(&after)?.check()?;
        let others = || nodes.iter().filter(|other| other.pkid != before.pkid);
        let same_name = |other: &&NodeRow| other.name.eq_ignore_ascii_case(&after.name);
        if let Some(other) = others().find(|other| same_name(other) || other.address == after.address) {
            let what = if same_name(&other) { "name" } else { "address" };
            return Err(CoreError::BadInput(format!("{} ({}) has this {what} already", other.name, other.address)));
        }
        let old_names = match change {
            // Certificates carry no address; what waits for another name goes on with the command of that.
            NetworkChange::Address(_) => Vec::new(),
            NetworkChange::Hostname(_) | NetworkChange::Domain(_) => self.old_names(&before, &after, now).await?,
        };
        if before == after && old_names.is_empty() {
            return Err(CoreError::BadInput(match change {
                NetworkChange::Address(_) => {
                    format!("{} is that already: its address is {}", before.name, before.address)
                }
                _ => format!("{} is that already, and its certificates carry it", before.name),
            }));
        }
        let held = self.waited_for(ListKind::Itl, now).await?;
        let mut renewal = 0;
        for unit in CHECKED {
            renewal = renewal.max(self.store().last_renewal(unit.service()).await?.map_or(0, |last| last.seq));
        }
        let behind = held.iter().filter(|held| held.fetched.is_none() || held.renewal < renewal);
        let behind = behind.map(|held| held.device.clone()).collect();
        let mode = if mixed { SecurityMode::Mixed } else { SecurityMode::NonSecure };
        let mut steps = Vec::new();
        let renewed = old_names.iter().filter(|old| old.waits.is_none()).map(|old| old.unit.name());
        let causes = std::iter::once(NETWORK).filter(|_| before != after).chain(renewed);
        for step in causes.flat_map(|cause| restarts::steps(self.release(), mode, cause)) {
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

    /// `set network` on a node; the same again goes on with the renewals that wait.
    ///
    /// # Errors
    /// [`CoreError`]: the level; what [`Self::plan_network`] refuses. What a guard refuses to renew stands in the answer.
    pub async fn set_network(
        &self,
        actor: &Actor,
        node: &NodeRow,
        change: &NetworkChange,
        surroundings: &mut dyn Surroundings,
    ) -> Result<NetworkDone, CoreError> {
        actor.require(Level::ReadWrite)?;
        let plan = self.plan_network(node, change, surroundings.now()).await?;
        let moved = plan.before != plan.after;
        if moved {
            self.move_node(actor, &plan, change, surroundings).await?;
        }
        let mut done = NetworkDone { node: plan.after.clone(), moved, renewed: Vec::new(), waiting: Vec::new() };
        for old in plan.old_names {
            if let Some(reason) = old.reason() {
                done.waiting.push((old.unit, reason));
                continue;
            }
            match self.regenerate(actor, &plan.after, old.unit, surroundings).await {
                Ok(_) => done.renewed.push(old.unit),
                // Somebody was faster.
                Err(CoreError::Refused { text, .. }) => done.waiting.push((old.unit, text)),
                Err(other) => return Err(other),
            }
        }
        Ok(done)
    }

    async fn move_node(
        &self,
        actor: &Actor,
        plan: &NetworkPlan,
        change: &NetworkChange,
        surroundings: &mut dyn Surroundings,
    ) -> Result<(), CoreError> {
        let NetworkPlan { before, after, .. } = plan;
        let former = match change {
            NetworkChange::Address(_) => ("address", &before.address),
            NetworkChange::Hostname(_) => ("hostname", &before.name),
            NetworkChange::Domain(_) => ("domain", &before.domain),
        };
        let now = surroundings.now();
        let mut transaction = self.store().begin().await?;
        transaction.move_node(before, after).await?;
        transaction.note_former_setting(former.0, &before.pkid, former.1).await?;
        transaction.note_restart_cause(&before.pkid, NETWORK, now).await?;
        transaction.note_change(now, "node", &after.name).await?;
        let command = format!("set network {} on {}", change.words(), before.name);
        transaction.note_audit(now, actor.name(), &command, &format!("{} before", former.1)).await?;
        transaction.commit().await?;
        self.settle_change(surroundings).await
    }

    /// The certificates of a node that carry another name than it then has, in the order in which they are renewed, each with what
    /// keeps it from that now.
    async fn old_names(&self, before: &NodeRow, after: &NodeRow, now: i64) -> Result<Vec<OldName>, CoreError> {
        let mut found = self.names_of_others(after).await?;
        let mut first = None;
        for old in found.iter_mut().filter(|old| old.waits.is_none()) {
            let checked = CHECKED.contains(&old.unit);
            old.waits = match first {
                Some(first) if checked => Some(Wait::After(first)),
                _ => match self.may_renew_for_name(before, old.unit, now).await {
                    Ok(()) => None,
                    Err(CoreError::Refused { text, .. }) => Some(Wait::Refused(text)),
                    Err(other) => return Err(other),
                },
            };
            first = first.or_else(|| checked.then_some(old.unit));
        }
        Ok(found)
    }

    async fn names_of_others(&self, node: &NodeRow) -> Result<Vec<OldName>, CoreError> {
        let rows = self.store().certificates().await?;
        let own = self.node_certificates().await?;
        let nodes = self.store().nodes().await?;
        let own = nodes.iter().zip(own).find(|(row, _)| row.pkid == node.pkid).map(|(_, own)| own);
        let own = own.ok_or_else(|| gone(node))?;
        let place = NewNode::try_from(node)?;
        let mut found = Vec::new();
        for unit in self.release().units(node.publisher) {
            // What cannot be read is told of elsewhere, and is not renewed unasked.
            let Ok(Some(certificate)) = own.get(unit) else { continue };
            // The name of a CAPF is a number, which stays.
            let Some(wanted) = place.common_name(unit) else { continue };
            let several = rows.iter().any(|row| {
                row.fingerprint == pki::hash::hex(&certificate.sha256())
                    && row.nodes.len() > 1
                    && unit != Unit::ItlRecovery
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
    async fn may_renew_for_name(&self, node: &NodeRow, unit: Unit, now: i64) -> Result<(), CoreError> {
        self.check_may_renew(node, unit, None, now).await?;
        if CHECKED.contains(&unit) {
            for other in CHECKED.into_iter().filter(|other| *other != unit) {
                self.check_fetched_since(other, now).await?;
            }
        }
        Ok(())
    }
}

fn gone(node: &NodeRow) -> CoreError {
    CoreError::BadInput(format!("{} is no longer a node of this cluster", node.name))
}
