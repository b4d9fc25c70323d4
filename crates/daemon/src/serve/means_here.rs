//! Options with which a command means this cluster and this node, for sentences that name one.

use cluster::rows::NodeRow;
use ringfence_core::Cluster;

use crate::settings::default_data_directory;

/// ` --data DIR` when it is not where everybody looks.
pub(super) fn data_option(cluster: &Cluster) -> String {
    let root = cluster.data().root();
    if root == default_data_directory() { String::new() } else { format!(" --data {}", root.display()) }
}

/// ` --node NAME` for a subscriber.
pub(super) fn node_option(node: &NodeRow) -> String {
    if node.publisher { String::new() } else { format!(" --node {}", node.name) }
}
