//! The CTL of the cluster, on its way to the nodes; what is not on every node stands as an alarm until it is.

use cluster::rows::{CtlFileRow, NodeRow};
use pki::listing::ListKind;
use store::aside;
use wire::ctl_provider::NodeStatus;

use crate::CoreError;
use crate::cluster::Cluster;
use crate::published::MODE;
use cluster::actor::{Actor, Level};
use cluster::alarms::CTL_NOT_DISTRIBUTED;
use cluster::parameters;
use cluster::readable::list;
use cluster::restarts::CTL;
use cluster::surroundings::Surroundings;

impl Cluster {
    /// `utils ctl distribute`: puts the CTL of the cluster on the nodes that have it not.
    ///
    /// # Errors
    /// [`CoreError::Refused`]: there is none. A node that fails stands in the answer.
    pub async fn distribute_ctl(
        &self,
        actor: &Actor,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Vec<NodeStatus>, CoreError> {
        actor.require(Level::ReadWrite)?;
        let row = match self.store().ctl_file().await? {
            Some(row) => row,
            None => self.found_ctl(actor, surroundings.now()).await?,
        };
        // Nobody gets what no phone could read.
        list(&row).map_err(CoreError::Unreadable)?;
        self.place_ctl(actor, row, surroundings).await
    }

    /// A CTL that lies on a node and that nobody has kept: made before files of the nodes were, or put there by hand.
    async fn found_ctl(&self, actor: &Actor, now: i64) -> Result<CtlFileRow, CoreError> {
        for node in self.store().nodes().await? {
            let Some(published) = self.served_list(&node, ListKind::Ctl)? else { continue };
            return Ok(CtlFileRow {
                file: published.list.into_bytes().into(),
                security_mode: self.parameters().await?.security_mode().value().to_owned(),
                taken_from: format!("{} on {}", actor.name(), node.name),
                taken_at: now,
                renewal: 0,
                on_all_nodes: false,
            });
        }
        let text = "There is no CTL file to distribute: no node has one. `utils ctl set-cluster mixed-mode` or the CTL client makes one";
        Err(CoreError::refused("no-ctl-taken", text))
    }

    /// The file first, the mode after it, as [`Cluster::set_security_mode`] does.
    pub(super) async fn place_ctl(
        &self,
        actor: &Actor,
        row: CtlFileRow,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Vec<NodeStatus>, CoreError> {
        let nodes = self.store().nodes().await?;
        let file = list(&row).map_err(CoreError::Unreadable)?.into_bytes();
        let digest = pki::hash::hex(&pki::hash::sha256(&file));
        let (cluster, rows) = (self.clone(), nodes.clone());
        let work = move || cluster.write_ctl(&rows, &file);
        let placed = tokio::task::spawn_blocking(work).await.map_err(CoreError::internal)??;
        let (states, written): (Vec<NodeStatus>, Vec<bool>) = placed.into_iter().unzip();
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
        let kind = ListKind::Ctl.word();
        let changes_mode = self.parameters().await?.security_mode().value() != row.security_mode;
        let mut transaction = self.store().begin().await?;
        if changes_mode {
            transaction.set_parameter(parameters::CLUSTER_SECURITY_MODE, &row.security_mode).await?;
            transaction.note_change(now, "parameter", parameters::CLUSTER_SECURITY_MODE).await?;
        }
        for ((node, state), written) in nodes.iter().zip(&states).zip(written) {
            if state.failure.is_none() {
                transaction.note_published_list(kind, &node.name, &digest, row.renewal).await?;
            }
            if written {
                transaction.note_change(now, "list", &format!("{kind} of {}", node.name)).await?;
                transaction.note_restart_cause(&node.pkid, CTL, now).await?;
            }
        }
        transaction.note_audit(now, actor.name(), "distribute CTLFile.tlv", &outcome("on all nodes", &states)).await?;
        for (node, state) in nodes.iter().zip(&states) {
            let Some(reason) = &state.failure else { continue };
            // Again at each try: the reason may be another one.
            transaction.clear_alarm(CTL_NOT_DISTRIBUTED.name, &node.name).await?;
            let message = format!("CTLFile.tlv was not written on {}: {reason}", node.name);
            self.stand(&mut transaction, node, &CTL_NOT_DISTRIBUTED, &node.name, &message, now).await?;
        }
        transaction.put_ctl_file(&CtlFileRow { on_all_nodes: failed.is_empty(), ..row }).await?;
        transaction.commit().await?;
        self.settle_change(surroundings).await?;
        Ok(states)
    }

    /// Node by node, and whether the file was written there; one that is there already is left alone.
    fn write_ctl(&self, nodes: &[NodeRow], file: &[u8]) -> Result<Vec<(NodeStatus, bool)>, CoreError> {
        let _lock = self.data().lock()?;
        let state = |node: &NodeRow| {
            let path = self.list_path(node, ListKind::Ctl);
            let there = self.has_ctl(node, file);
            let written = if there { Ok(()) } else { aside::write(&path, file, MODE) };
            let failure = written.err().map(|error| error.to_string());
            let written = !there && failure.is_none();
            (NodeStatus { host: node.address.clone(), location: path.display().to_string(), failure }, written)
        };
        Ok(nodes.iter().map(state).collect())
    }

    fn has_ctl(&self, node: &NodeRow, file: &[u8]) -> bool {
        matches!(aside::read(&self.list_path(node, ListKind::Ctl)), Ok(Some(found)) if found == file)
    }

    /// What stands in the way of phones as long as a CTL is not on every node; `None` when all is well.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn ctl_trouble(&self) -> Result<Option<String>, CoreError> {
        let behind = self.without_ctl().await?;
        if behind.is_empty() {
            return Ok(None);
        }
        let row = self.store().ctl_file().await?.filter(|row| !row.on_all_nodes);
        let what = match row {
            Some(row) => format!("the CTL file from {} is not on every node", row.taken_from),
            None => {
                let names: Vec<&str> = behind.iter().map(|(node, _)| node.name.as_str()).collect();
                format!("{} has not the CTL file of the other nodes", names.join(", "))
            }
        };
        Ok(Some(format!(
            "{what}: phones get different CTL files. Run `utils ctl distribute`, or delete CTLFile.tlv on every node if there shall be none"
        )))
    }

    /// The nodes that have not the CTL of the cluster, and what the alarm says of each. When all have what was taken, but nobody
    /// has noted that, it is the publisher: the mode of the cluster may not be set yet.
    async fn without_ctl(&self) -> Result<Vec<(NodeRow, String)>, CoreError> {
        let mut nodes = self.store().nodes().await?;
        // A row that cannot be read says nothing of the nodes; `crate::unreadable` tells of it.
        let kept = self.store().ctl_file().await?.and_then(|row| list(&row).ok().map(|list| (row, list.into_bytes())));
        let Some((row, file)) = kept else {
            let read = |node: &NodeRow| aside::read(&self.list_path(node, ListKind::Ctl)).ok().flatten();
            if let Some(file) = nodes.iter().find_map(read) {
                nodes.retain(|node| !self.has_ctl(node, &file));
                let text = |node: &NodeRow| format!("{} has not the CTL file of the other nodes", node.name);
                return Ok(nodes.into_iter().map(|node| (node.clone(), text(&node))).collect());
            }
            return Ok(Vec::new());
        };
        let everywhere = nodes.iter().all(|node| self.has_ctl(node, &file));
        nodes.retain(|node| match everywhere {
            true => node.publisher && !row.on_all_nodes,
            false => !self.has_ctl(node, &file),
        });
        let text = |node: &NodeRow| match row.on_all_nodes {
            true => format!("The CTL file from {} was deleted or changed on {}", row.taken_from, node.name),
            false => format!("The CTL file from {} was not brought to {} to the end", row.taken_from, node.name),
        };
        Ok(nodes.into_iter().map(|node| (node.clone(), text(&node))).collect())
    }

    /// Lets the alarm stand for every node that has not the CTL of the cluster, and ends it for the others.
    pub(crate) async fn watch_ctl_file(&self, now: i64) -> Result<(), CoreError> {
        let behind = self.without_ctl().await?;
        let standing = self.store().standing_alarms().await?;
        let standing: Vec<&str> = standing
            .iter()
            .filter(|alarm| alarm.name == CTL_NOT_DISTRIBUTED.name)
            .map(|alarm| alarm.subject.as_str())
            .collect();
        if behind.is_empty() && standing.is_empty() {
            return Ok(());
        }
        let mut transaction = self.store().begin().await?;
        for subject in standing.iter().filter(|subject| behind.iter().all(|(node, _)| node.name != **subject)) {
            transaction.clear_alarm(CTL_NOT_DISTRIBUTED.name, subject).await?;
        }
        for (node, message) in &behind {
            self.stand(&mut transaction, node, &CTL_NOT_DISTRIBUTED, &node.name, message, now).await?;
        }
        Ok(transaction.commit().await?)
    }

    /// Somebody has deleted the CTL of a node. Only when no node has one any more there is none; until then the nodes differ.
    pub(crate) async fn ctl_deleted(&self, now: i64) -> Result<(), CoreError> {
        let nodes = self.store().nodes().await?;
        let is_left = |node: &NodeRow| matches!(aside::read(&self.list_path(node, ListKind::Ctl)), Ok(Some(_)));
        if !nodes.iter().any(is_left) {
            let mut transaction = self.store().begin().await?;
            transaction.remove_ctl_file().await?;
            transaction.commit().await?;
        }
        self.watch_ctl_file(now).await
    }
}

/// What the audit log says at the end: what was done, and on which nodes it failed.
pub(crate) fn outcome(done: &str, states: &[NodeStatus]) -> String {
    let failed: Vec<&str> =
        states.iter().filter(|state| state.failure.is_some()).map(|state| state.host.as_str()).collect();
    if failed.is_empty() { done.to_owned() } else { format!("failed on {}", failed.join(", ")) }
}
