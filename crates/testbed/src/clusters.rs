//! Clusters in folders of their own.

use std::path::Path;

use cluster::Surroundings;
use cluster::nodes::{NewCluster, NewNode, SubjectParts};
use cluster::releases::release;
use jiff::tz::TimeZone;
use ringfence_core::{Cluster, Serving};
use tempfile::TempDir;

/// Host name of the publisher of [sources/published-clusters#two-nodes].
pub const PUBLISHER: &str = "cucm-1051-a-pub";
/// Host name of its subscriber.
pub const SUBSCRIBER: &str = "cucm-1051-a-sub1";

/// The parts of the subjects of [sources/published-clusters#two-nodes].
pub fn subject() -> SubjectParts {
    SubjectParts {
        country: "PL".into(),
        organization: "Cisco".into(),
        unit: "TAC".into(),
        state: "Malopolska".into(),
        locality: "Krakow".into(),
    }
}

/// A cluster of a release with these nodes, name and address, the publisher first, without a domain. One of 10.5 came from 9.1, as
/// that of [sources/published-clusters#two-nodes].
pub fn new_cluster(release_name: &str, nodes: &[(&str, &str)]) -> NewCluster {
    let node = |(name, address): &(&str, &str)| NewNode {
        name: (*name).to_owned(),
        domain: String::new(),
        address: address.parse().unwrap(),
    };
    NewCluster {
        release: release(release_name).unwrap(),
        upgraded_from: release("9.1").filter(|_| release_name == "10.5"),
        nodes: nodes.iter().map(node).collect(),
        subject: subject(),
    }
}

/// The same with all nodes in a domain.
#[must_use]
pub fn in_domain(domain: &str, mut new: NewCluster) -> NewCluster {
    for node in &mut new.nodes {
        domain.clone_into(&mut node.domain);
    }
    new
}

/// Makes a cluster in a folder of its own, which goes with the first of the two.
pub async fn make(new: &NewCluster, surroundings: &mut dyn Surroundings) -> (TempDir, Cluster) {
    let folder = tempfile::tempdir().unwrap();
    let cluster = make_in(folder.path(), new, surroundings).await;
    (folder, cluster)
}

/// Makes a cluster in a folder.
pub async fn make_in(folder: &Path, new: &NewCluster, surroundings: &mut dyn Surroundings) -> Cluster {
    Cluster::create(folder, new, TimeZone::UTC, surroundings).await.unwrap()
}

/// What a process holds that serves all nodes, so that their services can be acted on.
pub async fn serve(cluster: &Cluster) -> Vec<Serving> {
    let mut served = Vec::new();
    for node in cluster.store().nodes().await.unwrap() {
        served.extend(cluster.directory(&node).serve().unwrap());
    }
    served
}
