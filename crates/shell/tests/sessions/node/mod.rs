//! A cluster of two nodes with the names and serial numbers of [sources/published-clusters#two-nodes], and a session on
//! one of them.

use cluster::Surroundings;
use cluster::nodes::{NewCluster, NewNode, SubjectParts};
use cluster::releases::release;
use cluster::units::Unit;
use cluster::{Actor, Level};
use jiff::tz::TimeZone;
use ringfence_core::{Cluster, OpensslRandom, Random, RandomError, Serving};
use shell::{Outcome, Session, State};

/// Fri Mar 06 21:04:39 UTC 2015, as in [sources/published-clusters#two-nodes].
pub const START: i64 = 1_425_675_879_000;

/// A clock that the test moves, and the serial numbers of that cluster.
pub struct Seed {
    pub now: i64,
    pub renewed: bool,
    random: OpensslRandom,
}

impl Surroundings for Seed {
    fn now(&self) -> i64 {
        self.now
    }

    fn random(&mut self) -> &mut dyn Random {
        &mut self.random
    }

    fn rsa_keys(&self) -> cluster::surroundings::MakeRsaKey {
        std::sync::Arc::new(crate::keys::rsa_key)
    }

    fn serial(&mut self, node: &str, unit: Unit) -> Result<[u8; 16], RandomError> {
        let mut serial = [0x51; 16];
        self.random.fill(&mut serial[1..])?;
        if unit == Unit::CallManager && node == "cucm-1051-a-pub" && !self.renewed {
            serial = [0x70, 0xCA, 0xF6, 0x4E, 0x09, 0x07, 0x51, 0xB9, 0xDF, 0x22, 0xF4, 0x9F, 0x75, 0x4F, 0xC5, 0xBB];
        }
        Ok(serial)
    }

    fn capf_suffix(&mut self) -> Result<String, RandomError> {
        Ok("e41e7d87".to_owned())
    }
}

/// A cluster in a folder of its own.
pub struct Place {
    pub folder: tempfile::TempDir,
    pub cluster: Cluster,
    pub seed: Seed,
    /// What a process holds that serves the nodes, so that their services can be acted on.
    #[allow(dead_code)] // held, and looked at by few
    pub served: Vec<Serving>,
}

impl Place {
    pub async fn new(release_name: &str) -> Self {
        let nodes = [("cucm-1051-a-pub", "10.48.47.153"), ("cucm-1051-a-sub1", "10.48.47.154")];
        Self::of(release_name, &nodes).await
    }

    /// A cluster of these nodes, the publisher first.
    pub async fn of(release_name: &str, nodes: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let node = |name: &str, address: &str| NewNode {
            name: name.to_owned(),
            domain: String::new(),
            address: address.parse().unwrap(),
        };
        let new = NewCluster {
            release: release(release_name).unwrap(),
            // as that of [sources/published-clusters#two-nodes]
            upgraded_from: release("9.1").filter(|_| release_name == "10.5"),
            nodes: nodes.iter().map(|(name, address)| node(name, address)).collect(),
            subject: SubjectParts {
                country: "PL".into(),
                organization: "Cisco".into(),
                unit: "TAC".into(),
                state: "Malopolska".into(),
                locality: "Krakow".into(),
            },
        };
        let mut seed = Seed { now: START, renewed: false, random: OpensslRandom };
        let cluster = Cluster::create(folder.path(), &new, TimeZone::UTC, &mut seed).await.unwrap();
        let mut served = Vec::new();
        for node in cluster.store().nodes().await.unwrap() {
            served.extend(cluster.directory(&node).serve().unwrap());
        }
        Self { folder, cluster, seed, served }
    }

    pub async fn session(&self, node: Option<&str>, level: Level) -> Session {
        let node = self.cluster.node(node).await.unwrap();
        Session::new(self.cluster.clone(), node, Actor::new("admin", level))
    }

    /// Types lines and gives the transcript: what a terminal would show, from the first line on.
    pub async fn type_in(&mut self, session: &mut Session, lines: &[&str]) -> (String, Outcome) {
        let mut shown = String::new();
        let mut outcome = Outcome::Done;
        let mut prompt = shell::PROMPT;
        let mut secret = false;
        for line in lines {
            shown.push_str(prompt);
            shown.push_str(if secret { "" } else { line });
            shown.push('\n');
            let reply = session.line(line, &mut self.seed).await;
            shown.push_str(&reply.text);
            outcome = reply.outcome;
            secret = matches!(reply.state, State::AskSecret(_));
            prompt = match reply.state {
                State::Prompt => shell::PROMPT,
                State::Ask(question) | State::AskSecret(question) => question,
                State::Paste => "",
                State::Quit => return (shown, outcome),
            };
        }
        (shown + prompt, outcome)
    }
}
