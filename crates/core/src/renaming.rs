//! `set network`: the move of a node, and the renewals that follow it, each an operation of its own.

use cluster::certificates::regenerate::Regenerate;
use cluster::network::{self, MoveNode, NetworkChange, NetworkDone, NetworkPlan};
use cluster::operation::Operation;
use cluster::rows::NodeRow;
use cluster::{Actor, Surroundings};

use crate::CoreError;
use crate::cluster::Cluster;

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
        let asks = MoveNode { change: change.clone() }.asks();
        Ok(network::plan(&self.state(asks).await?, node, change, now)?)
    }

    /// `set network` on a node; the same again goes on with the renewals that wait. What a guard refuses to renew stands in the answer.
    ///
    /// # Errors
    /// [`CoreError::NotPermitted`]; what [`Self::plan_network`] refuses.
    pub async fn set_network(
        &self,
        actor: &Actor,
        node: &NodeRow,
        change: &NetworkChange,
        surroundings: &mut dyn Surroundings,
    ) -> Result<NetworkDone, CoreError> {
        let plan = self.perform(actor, node, &MoveNode { change: change.clone() }, surroundings).await?;
        let moved = plan.before != plan.after;
        let mut done = NetworkDone { node: plan.after.clone(), moved, renewed: Vec::new(), waiting: Vec::new() };
        for old in plan.old_names {
            if let Some(reason) = old.reason() {
                done.waiting.push((old.unit, reason));
                continue;
            }
            match self.perform(actor, &plan.after, &Regenerate::unit(old.unit), surroundings).await {
                Ok(_) => done.renewed.push(old.unit),
                // Somebody was faster.
                Err(CoreError::Refused { text, .. }) => done.waiting.push((old.unit, text)),
                Err(other) => return Err(other),
            }
        }
        Ok(done)
    }
}
