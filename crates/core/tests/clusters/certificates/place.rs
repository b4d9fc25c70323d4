//! A cluster of two nodes.

use cluster::certificates::requests::RequestCertificate;
use cluster::certificates::trusted::PutTrusted;
use std::time::SystemTime;

use cluster::certificates::requests::RequestChoice;
use cluster::certificates::upload::Upload;
use cluster::nodes::NewCluster;
use cluster::releases::release;
use cluster::rows::{CertificateRow, NodeRow};
use cluster::units::Unit;
use cluster::{Actor, Level};
use pki::{Certificate, SoftKey};
use ringfence_core::{Cluster, CoreError, Serving};
use tempfile::TempDir;
use testbed::{Clock, in_domain, make_in, new_cluster, serve};

pub struct Place {
    pub folder: TempDir,
    pub cluster: Cluster,
    pub publisher: NodeRow,
    pub subscriber: NodeRow,
    /// What a process holds that serves the nodes, so that their services can be acted on.
    #[allow(dead_code)] // held, and looked at by few
    pub served: Vec<Serving>,
    pub clock: Clock,
    pub actor: Actor,
}

impl Place {
    /// A cluster; one of 10.5 came from 9.1, as that of [sources/published-clusters#two-nodes].
    pub async fn new(release_name: &str) -> Self {
        Self::of(release_name, (release_name == "10.5").then_some("9.1")).await
    }

    /// A fresh installation.
    pub async fn fresh(release_name: &str) -> Self {
        Self::of(release_name, None).await
    }

    async fn of(release_name: &str, from: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let nodes = [("pub", "127.0.0.1"), ("sub", "127.0.0.2")];
        let new = NewCluster {
            upgraded_from: from.and_then(release),
            ..in_domain("example.com", new_cluster(release_name, &nodes))
        };
        let made = folder.path().metadata().unwrap().modified().unwrap();
        let since_1970 = made.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        // an hour after the folder is made: OpenSSL dates what it signs by the clock of the machine, which goes on
        let mut clock = Clock::at(i64::try_from(since_1970.as_millis()).unwrap() + 3_600_000);
        let cluster = make_in(folder.path(), &new, &mut clock).await;
        let publisher = cluster.node(None).await.unwrap();
        let subscriber = cluster.node(Some("sub")).await.unwrap();
        let served = serve(&cluster).await;
        let actor = Actor::new("admin", Level::ReadWrite);
        Self { folder, cluster, publisher, subscriber, served, clock, actor }
    }

    /// The files of a trust store, in the order of the alphabet.
    pub async fn files(&self, store: &str) -> Vec<String> {
        let lines = self.cluster.list_certificates(&self.publisher, true).await.unwrap();
        let inside = lines.iter().filter_map(|line| line.strip_prefix(store)?.strip_prefix('/')?.split(':').next());
        let mut files: Vec<String> = inside.map(str::to_owned).collect();
        files.sort();
        files
    }

    /// The certificate that a name means on the publisher.
    pub async fn shown(&self, trust: bool, name: &str) -> Certificate {
        self.cluster.find_certificate(&self.publisher, trust, name).await.unwrap()
    }

    pub async fn trust(&mut self, certificates: &[Certificate], stores: &[&str]) {
        let (cluster, node) = (self.cluster.clone(), self.publisher.clone());
        cluster.perform(&self.actor, &node, &PutTrusted::new(certificates, stores), &mut self.clock).await.unwrap();
    }

    /// A request of a unit of the publisher, PEM.
    pub async fn request(&mut self, unit: Unit, choice: &RequestChoice) -> String {
        let (cluster, node) = (self.cluster.clone(), self.publisher.clone());
        let made = cluster
            .perform(&self.actor, &node, &RequestCertificate { unit, choice: choice.clone() }, &mut self.clock)
            .await;
        made.unwrap().to_pem().to_owned()
    }

    /// Uploads a file on the publisher, as `set cert import own` does.
    pub async fn upload(&mut self, unit: Unit, file: &[u8], key: Option<&SoftKey>) -> Result<(), CoreError> {
        let (cluster, node) = (self.cluster.clone(), self.publisher.clone());
        let upload = Upload { key: key.cloned(), ..Upload::new(unit, file) };
        let plan = cluster.plan_upload(&self.actor, &node, upload, &mut self.clock).await?;
        cluster.perform(&self.actor, &plan.at, &plan.upload, &mut self.clock).await.map(drop)
    }

    /// The label and text of the refusal of an upload; nothing may have changed.
    pub async fn refused(&mut self, unit: Unit, file: &[u8], key: Option<&SoftKey>) -> (&'static str, String) {
        let before = self.state().await;
        let refusal = self.upload(unit, file, key).await.unwrap_err();
        assert_eq!(self.state().await, before, "a refusal changes nothing");
        match refusal {
            CoreError::Refused { label, text } => (label, text),
            other => panic!("{other}"),
        }
    }

    /// Everything that is listed, and what waits.
    async fn state(&self) -> (Vec<String>, Vec<CertificateRow>, usize) {
        let own = self.cluster.list_certificates(&self.publisher, false).await.unwrap();
        let rows = self.cluster.store().certificates().await.unwrap();
        (own, rows, self.cluster.requests(&self.publisher).await.unwrap().len())
    }
}
