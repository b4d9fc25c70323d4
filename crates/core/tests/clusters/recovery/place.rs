//! A cluster of two nodes.

use cluster::certificates::regenerate::Regenerate;
use cluster::nodes::{NewCluster, SubjectParts};
use cluster::parameters::SecurityMode;
use cluster::rows::NodeRow;
use cluster::units::Unit;
use cluster::{Actor, Level};
use pki::NameForm;
use pki::listing::ListKind;
use ringfence_core::{Cluster, CoreError, Serving};
use testbed::{Clock, in_domain, make, new_cluster, serve, subject};
use wire::trust_list::TrustList;

/// A cluster.
pub struct Place {
    pub folder: tempfile::TempDir,
    pub cluster: Cluster,
    pub clock: Clock,
    pub actor: Actor,
    pub publisher: NodeRow,
    pub subscriber: NodeRow,
    /// What a process holds that serves the nodes, so that their services can be acted on.
    #[allow(dead_code)] // held, and looked at by few
    pub served: Vec<Serving>,
}

impl Place {
    /// `labserver1.vasank.com` of [sources/published-clusters#presentation] and a subscriber.
    pub async fn new(release_name: &str) -> Self {
        let nodes = [("labserver1", "10.106.97.178"), ("labserver2", "10.106.97.179")];
        let subject = SubjectParts { country: "IN".into(), state: "KA".into(), locality: "BGL".into(), ..subject() };
        let new = in_domain("vasank.com", NewCluster { subject, ..new_cluster(release_name, &nodes) });
        // Fri Mar 11 00:16:30 UTC 2016
        let mut clock = Clock::at(1_457_655_390_000);
        let (folder, cluster) = make(&new, &mut clock).await;
        let publisher = cluster.node(None).await.unwrap();
        let subscriber = cluster.node(Some("labserver2")).await.unwrap();
        let served = serve(&cluster).await;
        let actor = Actor::new("admin", Level::Install);
        Self { folder, cluster, clock, actor, publisher, subscriber, served }
    }

    /// The same in mixed mode.
    pub async fn mixed(release_name: &str) -> Self {
        let mut place = Self::new(release_name).await;
        let (cluster, node) = (place.cluster.clone(), place.publisher.clone());
        cluster.set_security_mode(&place.actor, &node, SecurityMode::Mixed, &mut place.clock).await.unwrap();
        place
    }

    /// Renews a unit of the publisher, ten minutes after what was before.
    pub async fn renew(&mut self, unit: Unit) -> Result<(), CoreError> {
        self.clock.now += 600_000;
        let node = self.publisher.clone();
        self.cluster.perform(&self.actor, &node, &Regenerate::unit(unit), &mut self.clock).await.map(|_| ())
    }

    /// A published list.
    pub fn list(&self, node: &NodeRow, kind: ListKind) -> TrustList {
        self.cluster.published_list(node, kind).unwrap().unwrap().list
    }

    /// SIGNERNAME of a published list.
    pub fn signer(&self, node: &NodeRow, kind: ListKind) -> String {
        let list = self.list(node, kind);
        String::from_utf8(list.header().signer_name().unwrap().to_vec()).unwrap()
    }

    /// The own certificate of a unit: subject and serial number.
    pub async fn own(&self, node: &NodeRow, unit: Unit) -> Option<(String, String)> {
        let all = self.cluster.node_certificates().await.unwrap();
        let own = all.iter().find(|own| own.name == node.name)?.readable(unit)?;
        Some((own.subject(NameForm::Cucm), pki::hash::hex(own.serial())))
    }
}

/// The label of a refusal.
pub fn label(error: &CoreError) -> &'static str {
    match error {
        CoreError::Refused { label, .. } => label,
        other => panic!("no refusal: {other}"),
    }
}
