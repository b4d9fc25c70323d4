//! The own certificates of the nodes, and those that cannot be read.

use cluster::rows::{OWN, Unreadable};
use cluster::state::own_of;
use cluster::trust_lists::NodeCertificates;

use crate::CoreError;
use crate::cluster::Cluster;

impl Cluster {
    /// The nodes with their own certificates, the publisher first.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn node_certificates(&self) -> Result<Vec<NodeCertificates>, CoreError> {
        let rows = self.store().certificates().await?;
        let nodes = self.store().nodes().await?;
        let lost = self.unreadable_own().await?;
        nodes.iter().map(|node| Ok(own_of(node, &rows, &lost)?)).collect()
    }
}

impl Cluster {
    /// The rows that say which certificate a unit has and that cannot be read, or name none.
    pub(crate) async fn unreadable_own(&self) -> Result<Vec<Unreadable>, CoreError> {
        self.unreadable_rows(&[OWN]).await
    }
}
