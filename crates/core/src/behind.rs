//! Parts of a node that cannot take over what changed: each stands as an alarm of its own until it follows again.

use cluster::alarms::NODE_BEHIND;
use cluster::rows::NodeRow;

use crate::CoreError;
use crate::cluster::Cluster;

impl Cluster {
    /// The parts of a node about which an alarm stands.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn parts_behind(&self, node: &NodeRow) -> Result<Vec<String>, CoreError> {
        let standing = self.store().standing_alarms().await?.into_iter();
        let of_node = standing.filter(|alarm| alarm.name == NODE_BEHIND.name);
        Ok(of_node
            .filter_map(|alarm| Some(alarm.subject.strip_prefix(&format!("{} ", node.pkid))?.to_owned()))
            .collect())
    }

    /// Lets an alarm stand about a part of a node, in the place of another one about it.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn part_is_behind(&self, node: &NodeRow, part: &str, why: &str, now: i64) -> Result<(), CoreError> {
        let subject = format!("{} {part}", node.pkid);
        let mut transaction = self.store().begin().await?;
        transaction.clear_alarm(NODE_BEHIND.name, &subject).await?;
        let message = format!("{part} of {}: {why}", node.name);
        self.stand(&mut transaction, node, &NODE_BEHIND, &subject, &message, now).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Ends the alarm about a part of a node.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn part_follows(&self, node: &NodeRow, part: &str) -> Result<(), CoreError> {
        let mut transaction = self.store().begin().await?;
        transaction.clear_alarm(NODE_BEHIND.name, &format!("{} {part}", node.pkid)).await?;
        transaction.commit().await?;
        Ok(())
    }
}
