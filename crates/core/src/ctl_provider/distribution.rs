//! A CTL that was taken, on its way to the nodes; what is not on every node stands as an alarm until it is.

use pki::listing::ListKind;
use store::aside;
use store::rows::{CtlFileRow, NodeRow};
use wire::ctl_provider::NodeStatus;

use crate::CoreError;
use crate::actor::{Actor, Level};
use crate::alarms::CTL_NOT_DISTRIBUTED;
use crate::cluster::Cluster;
use crate::parameters;
use crate::publish::MODE;
use crate::surroundings::Surroundings;

impl Cluster {
    /// `utils ctl distribute`: puts the CTL that was taken last on the nodes that have it not.
    ///
    /// # Errors
    /// [`CoreError::Refused`]: there is none. A node that fails stands in the answer.
    pub async fn distribute_ctl(
        &self,
        actor: &Actor,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Vec<NodeStatus>, CoreError> {
        actor.require(Level::ReadWrite)?;
        let row = self.store().ctl_file().await?.ok_or_else(|| {
            let text = "There is no CTL file of a CTL client to distribute: the nodes have signed since, or nobody has";
            CoreError::refused("no-ctl-taken", text)
        })?;
        self.place_ctl(actor, row, surroundings).await
    }

    /// The file first, the mode after it, as [`Cluster::set_security_mode`] does.
    pub(super) async fn place_ctl(
        &self,
        actor: &Actor,
        row: CtlFileRow,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Vec<NodeStatus>, CoreError> {
        let nodes = self.store().nodes().await?;
        let (cluster, rows, file) = (self.clone(), nodes.clone(), row.file.clone());
        let work = move || cluster.write_ctl(&rows, &file);
        let states = tokio::task::spawn_blocking(work).await.map_err(CoreError::internal)??;
        let failed: Vec<&NodeStatus> = states.iter().filter(|state| state.failure.is_some()).collect();
        for state in &failed {
            let reason = state.failure.as_deref().unwrap_or_default();
            tracing::error!(
                node = state.host,
                reason,
                "THE NODES GIVE OUT DIFFERENT CTL FILES: mend this node, then run `utils ctl distribute`"
            );
        }
        let now = surroundings.now();
        let mut transaction = self.store().begin().await?;
        transaction.set_parameter(parameters::CLUSTER_SECURITY_MODE, &row.security_mode).await?;
        transaction.note_change(now, "parameter", parameters::CLUSTER_SECURITY_MODE).await?;
        for (node, _) in nodes.iter().zip(&states).filter(|(_, state)| state.failure.is_none()) {
            transaction.note_change(now, "list", &format!("{} of {}", ListKind::Ctl.word(), node.name)).await?;
        }
        let result = match failed.as_slice() {
            [] => "on all nodes".to_owned(),
            some => {
                format!("failed on {}", some.iter().map(|state| state.host.as_str()).collect::<Vec<_>>().join(", "))
            }
        };
        transaction.note_audit(now, actor.name(), "distribute CTLFile.tlv", &result).await?;
        for (node, state) in nodes.iter().zip(&states) {
            let Some(reason) = &state.failure else { continue };
            // Again at each try: the reason may be another one.
            transaction.clear_alarm(CTL_NOT_DISTRIBUTED.name, &node.name).await?;
            let message = format!("CTLFile.tlv was not written on {}: {reason}", node.name);
            self.stand(&mut transaction, node, &CTL_NOT_DISTRIBUTED, &node.name, &message, now).await?;
        }
        transaction.put_ctl_file(&CtlFileRow { on_all_nodes: failed.is_empty(), ..row }).await?;
        transaction.commit().await?;
        self.settle(surroundings).await?;
        Ok(states)
    }

    fn write_ctl(&self, nodes: &[NodeRow], file: &[u8]) -> Result<Vec<NodeStatus>, CoreError> {
        let _lock = self.data().lock()?;
        let state = |node: &NodeRow| {
            let path = self.list_path(node, ListKind::Ctl);
            let failure = aside::write(&path, file, MODE).err().map(|error| error.to_string());
            NodeStatus { host: node.address.clone(), location: path.display().to_string(), failure }
        };
        Ok(nodes.iter().map(state).collect())
    }

    /// What stands in the way of phones as long as a CTL is not on every node; `None` when all is well.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn ctl_trouble(&self) -> Result<Option<String>, CoreError> {
        let row = self.store().ctl_file().await?.filter(|row| !row.on_all_nodes);
        Ok(row.map(|row| {
            format!(
                "the CTL file that {} brought is not on every node: phones get different CTL files. Run `utils ctl \
                 distribute`",
                row.taken_from
            )
        }))
    }

    /// Lets the alarm stand for every node that has not what was taken, and ends it for the others. When all have it, but nobody
    /// has noted that, it stands for the publisher: the mode of the cluster may not be set yet.
    pub(crate) async fn watch_ctl_file(&self, now: i64) -> Result<(), CoreError> {
        let taken = self.store().ctl_file().await?.filter(|row| !row.on_all_nodes);
        let standing = self.store().standing_alarms().await?;
        let standing: Vec<&str> = standing
            .iter()
            .filter(|alarm| alarm.name == CTL_NOT_DISTRIBUTED.name)
            .map(|alarm| alarm.subject.as_str())
            .collect();
        if taken.is_none() && standing.is_empty() {
            return Ok(());
        }
        let nodes = self.store().nodes().await?;
        let has = |node: &NodeRow, file: &[u8]| {
            let found = aside::read(&self.list_path(node, ListKind::Ctl));
            matches!(found, Ok(Some(found)) if found == file)
        };
        let behind: Vec<&NodeRow> = match &taken {
            None => Vec::new(),
            Some(row) if nodes.iter().all(|node| has(node, &row.file)) => {
                nodes.iter().filter(|node| node.publisher).collect()
            }
            Some(row) => nodes.iter().filter(|node| !has(node, &row.file)).collect(),
        };
        let mut transaction = self.store().begin().await?;
        for subject in standing.iter().filter(|subject| behind.iter().all(|node| node.name != **subject)) {
            transaction.clear_alarm(CTL_NOT_DISTRIBUTED.name, subject).await?;
        }
        for (node, row) in behind.iter().zip(taken.iter().cycle()) {
            let message =
                format!("The CTL file that {} brought was not brought to {} to the end", row.taken_from, node.name);
            self.stand(&mut transaction, node, &CTL_NOT_DISTRIBUTED, &node.name, &message, now).await?;
        }
        Ok(transaction.commit().await?)
    }

    /// The nodes sign, or somebody has deleted the file: what tokens signed is not distributed again.
    pub(crate) async fn forget_ctl_file(&self, now: i64) -> Result<(), CoreError> {
        let mut transaction = self.store().begin().await?;
        transaction.remove_ctl_file().await?;
        transaction.commit().await?;
        self.watch_ctl_file(now).await
    }
}
