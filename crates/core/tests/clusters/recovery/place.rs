//! A cluster of two nodes in a folder of its own, with a clock that the test moves.

use cluster::Surroundings;
use cluster::nodes::{NewCluster, NewNode, SubjectParts};
use cluster::parameters::SecurityMode;
use cluster::releases::release;
use cluster::rows::NodeRow;
use cluster::units::Unit;
use cluster::{Actor, Level};
use jiff::tz::TimeZone;
use pki::listing::ListKind;
use pki::{NameForm, OpensslRandom, Random};
use ringfence_core::{Cluster, CoreError, Serving};
use wire::trust_list::TrustList;

/// The clock of a test.
pub struct Clock {
    pub now: i64,
    random: OpensslRandom,
}

impl Surroundings for Clock {
    fn now(&self) -> i64 {
        self.now
    }

    fn random(&mut self) -> &mut dyn Random {
        &mut self.random
    }

    fn rsa_keys(&self) -> cluster::surroundings::MakeRsaKey {
        std::sync::Arc::new(crate::keys::rsa_key)
    }
}

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
        let folder = tempfile::tempdir().unwrap();
        let node = |name: &str, last| NewNode {
            name: name.to_owned(),
            domain: "vasank.com".to_owned(),
            address: [10, 106, 97, last].into(),
        };
        let new = NewCluster {
            release: release(release_name).unwrap(),
            // as that of [sources/published-clusters#two-nodes]
            upgraded_from: release("9.1").filter(|_| release_name == "10.5"),
            nodes: vec![node("labserver1", 178), node("labserver2", 179)],
            subject: SubjectParts {
                country: "IN".into(),
                organization: "Cisco".into(),
                unit: "TAC".into(),
                state: "KA".into(),
                locality: "BGL".into(),
            },
        };
        // Fri Mar 11 00:16:30 UTC 2016
        let mut clock = Clock { now: 1_457_655_390_000, random: OpensslRandom };
        let cluster = Cluster::create(folder.path(), &new, TimeZone::UTC, &mut clock).await.unwrap();
        let publisher = cluster.node(None).await.unwrap();
        let subscriber = cluster.node(Some("labserver2")).await.unwrap();
        let served = [&publisher, &subscriber].map(|node| cluster.directory(node).serve().unwrap().unwrap()).into();
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
        self.cluster.regenerate(&self.actor, &node, unit, &mut self.clock).await.map(|_| ())
    }

    /// A published list.
    pub fn list(&self, node: &NodeRow, kind: ListKind) -> TrustList {
        self.cluster.published_list(node, kind).unwrap().unwrap().list
    }

    /// SIGNERNAME of a published list.
    pub fn signer(&self, node: &NodeRow, kind: ListKind) -> String {
        let list = self.list(node, kind);
        String::from_utf8(list.header().signer_name(list.bytes()).unwrap().to_vec()).unwrap()
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
