//! The own certificates of the nodes, and those that cannot be read.

use cluster::readable::KeepsCertificate;
use cluster::rows::{CertificateRow, NodeRow, Unreadable};
use cluster::trust_lists::NodeCertificates;
use cluster::units::Unit;

use crate::CoreError;
use crate::cluster::Cluster;
use crate::unreadable::OWN;

/// `lost` are the rows that say which certificate a unit has and that name none.
fn node_certificates(
    node: &NodeRow,
    rows: &[CertificateRow],
    lost: &[Unreadable],
) -> Result<NodeCertificates, CoreError> {
    let (mut own, mut unreadable) = (Vec::new(), Vec::new());
    for unit in Unit::ALL {
        let key = cluster::rows::unreadable::own_key(&node.pkid, unit);
        unreadable.extend(lost.iter().find(|row| row.key == key).map(|row| (unit, row.clone())));
    }
    for row in rows {
        let units = Unit::ALL.into_iter().filter(|unit| row.is_own(&node.pkid, unit.service()));
        match row.certificate() {
            Ok(certificate) => own.extend(units.map(|unit| (unit, certificate.clone()))),
            Err(reason) => unreadable.extend(units.map(|unit| (unit, reason.clone()))),
        }
    }
    own.sort_by_key(|(unit, _)| *unit);
    let address = node.address.parse().map_err(|_| {
        CoreError::Internal(format!("node {} has the address `{}`, which is not IPv4", node.name, node.address))
    })?;
    Ok(NodeCertificates { name: node.name.clone(), address, publisher: node.publisher, own, unreadable })
}

impl Cluster {
    /// The nodes with their own certificates, the publisher first.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn node_certificates(&self) -> Result<Vec<NodeCertificates>, CoreError> {
        let rows = self.store().certificates().await?;
        let nodes = self.store().nodes().await?;
        let lost = self.unreadable_own().await?;
        nodes.iter().map(|node| node_certificates(node, &rows, &lost)).collect()
    }
}

impl Cluster {
    /// The rows that say which certificate a unit has and that cannot be read, or name none.
    pub(crate) async fn unreadable_own(&self) -> Result<Vec<Unreadable>, CoreError> {
        self.unreadable_rows(&[OWN]).await
    }
}
