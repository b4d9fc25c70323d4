//! A cluster of two nodes with the names and serial numbers of [sources/published-clusters#two-nodes], and a session on
//! one of them.

use cluster::{Actor, Level};
use ringfence_core::{Cluster, Serving};
use shell::{Outcome, Session, State};
use testbed::{Clock, PUBLISHER, SUBSCRIBER, make, new_cluster, serve};

/// Fri Mar 06 21:04:39 UTC 2015, as in [sources/published-clusters#two-nodes].
pub const START: i64 = 1_425_675_879_000;

/// A cluster in a folder of its own.
pub struct Place {
    pub folder: tempfile::TempDir,
    pub cluster: Cluster,
    pub clock: Clock,
    /// What a process holds that serves the nodes, so that their services can be acted on.
    #[allow(dead_code)] // held, and looked at by few
    pub served: Vec<Serving>,
}

impl Place {
    pub async fn new(release_name: &str) -> Self {
        let nodes = [(PUBLISHER, "10.48.47.153"), (SUBSCRIBER, "10.48.47.154")];
        Self::of(release_name, &nodes).await
    }

    /// A cluster of these nodes, the publisher first.
    pub async fn of(release_name: &str, nodes: &[(&str, &str)]) -> Self {
        let mut clock = Clock::of_the_published_cluster(START);
        let (folder, cluster) = make(&new_cluster(release_name, nodes), &mut clock).await;
        let served = serve(&cluster).await;
        Self { folder, cluster, clock, served }
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
            let reply = session.line(line, &mut self.clock).await;
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
