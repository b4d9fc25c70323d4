//! `set network`: another address, host name or domain for a node.
//!
//! CUCM renews all certificates of the node at once, and phones that miss it have nobody left who vouches. Here a new address renews
//! nothing, and a new name renews what phones check one by one: CallManager, TVS and ITLRecovery never in one step, each by the
//! function of `set cert regen`, and the next when the phones have fetched the lists that tell of the one before.

use std::net::Ipv4Addr;

use pki::listing::ListKind;
use store::rows::NodeRow;

use crate::CoreError;
use crate::actor::{Actor, Level};
use crate::cluster::{Cluster, NewNode};
use crate::parameters::SecurityMode;
use crate::restarts::{self, NETWORK};
use crate::surroundings::Surroundings;
use crate::units::Unit;

/// What phones check lists, configs and servers with, in the order in which it is renewed: TVS vouches for the first, the lists that
/// the first has signed tell of the second, and ITLRecovery is the way back as long as it stays.
const CHECKED: [Unit; 3] = [Unit::CallManager, Unit::Tvs, Unit::ItlRecovery];

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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OldName {
    /// The unit.
    pub unit: Unit,
    /// A CA has signed it, so a new one comes from there.
    pub of_a_ca: bool,
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
        if let Some(other) =
            others().find(|other| other.name.eq_ignore_ascii_case(&after.name) || other.address == after.address)
        {
            let text = format!("{} ({}) has this name or address already", other.name, other.address);
            return Err(CoreError::BadInput(text));
        }
        let old_names = self.old_names(&after).await?;
        if before == after && old_names.is_empty() {
            return Err(CoreError::BadInput(format!("{} is that already, and its certificates carry it", before.name)));
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
        let causes = std::iter::once(NETWORK).chain(old_names.iter().map(|old| old.unit.name()));
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
        let mut checked_before = None;
        for OldName { unit, of_a_ca } in plan.old_names {
            if of_a_ca {
                let text =
                    format!("a CA has signed it: `set csr gen {0}`, then `set cert import own {0}`", unit.name());
                done.waiting.push((unit, text));
            } else if let Some(first) = checked_before.filter(|_: &Unit| CHECKED.contains(&unit)) {
                done.waiting.push((unit, format!("comes after {}", first.name())));
            } else {
                match self.renew_for_name(actor, &plan.after, unit, surroundings).await {
                    Ok(()) => done.renewed.push(unit),
                    Err(CoreError::Refused { text, .. }) => done.waiting.push((unit, text)),
                    Err(other) => return Err(other),
                }
                checked_before = CHECKED.contains(&unit).then_some(unit);
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

    /// The certificates of a node that carry another name than its row.
    async fn old_names(&self, node: &NodeRow) -> Result<Vec<OldName>, CoreError> {
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
                found.push(OldName { unit, of_a_ca: !certificate.is_self_issued() || several });
            }
        }
        // First what phones do not check.
        found.sort_by_key(|old| CHECKED.iter().position(|unit| *unit == old.unit).map_or(0, |place| place + 1));
        Ok(found)
    }

    async fn renew_for_name(
        &self,
        actor: &Actor,
        node: &NodeRow,
        unit: Unit,
        surroundings: &mut dyn Surroundings,
    ) -> Result<(), CoreError> {
        if CHECKED.contains(&unit) {
            for other in CHECKED.into_iter().filter(|other| *other != unit) {
                self.check_fetched_since(other, surroundings.now()).await?;
            }
        }
        self.regenerate(actor, node, unit, surroundings).await.map(|_| ())
    }
}

fn gone(node: &NodeRow) -> CoreError {
    CoreError::BadInput(format!("{} is no longer a node of this cluster", node.name))
}
