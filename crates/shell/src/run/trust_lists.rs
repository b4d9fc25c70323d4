//! `show ctl`, `show itl`, `utils ctl` [sources/shell#trust-list-commands], [sources/listings#trust-list].

use cluster::Surroundings;
use cluster::held::{ListStatus, is_waited_for, status};
use cluster::parameters::SecurityMode;
use cluster::rows::HeldListRow;
use cluster::trust_lists::CtlSigner;
use ringfence_core::{CoreError, ListKind, NodeStatus, date};

use crate::question::Question;
use crate::run::capf::table;
use crate::session::{Reply, Session, one_line};

impl Session {
    pub(crate) async fn show_ctl(&self) -> Result<Reply, CoreError> {
        self.show_list(ListKind::Ctl).await
    }

    pub(crate) async fn show_itl(&self) -> Result<Reply, CoreError> {
        self.show_list(ListKind::Itl).await
    }

    /// The listing; below it what phones will not find there any more.
    async fn show_list(&self, kind: ListKind) -> Result<Reply, CoreError> {
        let mut text = self.cluster.show_list(&self.node, kind)?;
        if kind == ListKind::Itl {
            text.push_str(&self.rollback_warning().await?);
        }
        let findings = self.cluster.anchors().await?;
        for finding in findings.iter().filter(|finding| finding.list == kind) {
            text.push_str(&format!("WARNING: {}.\n", one_line(&finding.to_string())));
        }
        Ok(Reply::done(text))
    }

    /// `show ctl status`, `show itl status`: as the tables of `run sql`, and a line with the sum. Phones that nobody added are a
    /// table of their own.
    pub(crate) async fn show_status(&self, kind: ListKind, missing: bool, now: i64) -> Result<Reply, CoreError> {
        let held = self.cluster.held_lists(kind).await?;
        if held.is_empty() {
            return Ok(Reply::done("No phones are known.\n"));
        }
        let title = format!("{}filestatus", kind.word().to_ascii_lowercase());
        let (known, strangers): (Vec<_>, Vec<_>) = held.into_iter().partition(|held| held.known);
        let sum = |held: &[HeldListRow]| {
            let matching = held.iter().filter(|held| status(held) == ListStatus::Match).count();
            format!("{matching} of {} phones have the current {} file\n", held.len(), kind.word())
        };
        let shown = |held: &HeldListRow| !missing || status(held) != ListStatus::Match;
        let known_sum = sum(&known);
        let rows: Vec<_> = known.into_iter().filter(shown).map(|held| self.status_row(held)).collect();
        let mut text = String::new();
        if !rows.is_empty() {
            text.push_str(&self.table(&table(&["name", &title, "server", "address", "fetched"], rows)));
        }
        text.push_str(&known_sum);
        if strangers.is_empty() {
            return Ok(Reply::done(text));
        }
        text.push_str("\nPhones that nobody added\n");
        let strangers_sum = sum(&strangers);
        let rows: Vec<_> = strangers.into_iter().filter(shown).map(|held| self.stranger_row(held, now)).collect();
        if !rows.is_empty() {
            let columns = ["name", &title, "server", "address", "last seen", "config", "waited for"];
            text.push_str(&self.table(&table(&columns, rows)));
        }
        text.push_str(&strangers_sum);
        text.push_str(
            "`ringfence device add` makes them phones of the cluster, `ringfence device forget NAME` or `forget all` ends the wait \
             for them\n",
        );
        Ok(Reply::done(text))
    }

    fn stranger_row(&self, held: HeldListRow, now: i64) -> Vec<Option<String>> {
        let config = if held.tvs { "its own" } else { "XMLDefault" }.to_owned();
        let waits = if is_waited_for(&held, now) { "yes" } else { "no" }.to_owned();
        let mut row = self.status_row(held);
        row.extend([Some(config), Some(waits)]);
        row
    }

    fn status_row(&self, held: HeldListRow) -> Vec<Option<String>> {
        let word = status(&held).word().to_owned();
        let (server, address, at) = match held.fetched {
            Some(fetched) => {
                let seconds = u64::try_from(fetched.fetched_at / 1000).unwrap_or_default();
                let at = date(seconds, self.cluster.zone());
                (Some(fetched.server_name), Some(fetched.address), Some(at))
            }
            None => (None, None, None),
        };
        vec![Some(held.device), Some(word), server, address, at]
    }

    /// A question about a CTL that the publisher will sign; above it the phones that will refuse that.
    pub(crate) async fn ask_about_ctl(&mut self, question: Question, signer: CtlSigner) -> Result<Reply, CoreError> {
        match question {
            Question::SetMode(_) => self.cluster.check_security_mode(&self.actor, &self.node).await?,
            Question::ResetCtl => self.cluster.check_reset_ctl(&self.actor, &self.node).await.map(drop)?,
            _ => self.cluster.check_update_ctl(&self.actor, &self.node).await.map(drop)?,
        }
        let left_behind = self.cluster.left_behind_by(signer).await?;
        let warning = left_behind.map(|text| format!("WARNING: {}.\n", one_line(&text)));
        Ok(self.ask(question).above(&warning.unwrap_or_default()))
    }

    pub(crate) async fn set_security_mode(&self, mode: SecurityMode, surroundings: &mut dyn Surroundings) -> Reply {
        let name = match mode {
            SecurityMode::Mixed => "Mixed Mode",
            SecurityMode::NonSecure => "Non Secure Mode",
        };
        let done = self.cluster.set_security_mode(&self.actor, &self.node, mode, surroundings).await;
        self.after_ctl(done, &format!("Cluster set to {name}\n")).await.above(&format!("\nMoving Cluster to {name}\n"))
    }

    pub(crate) async fn update_ctl(&self, surroundings: &mut dyn Surroundings) -> Reply {
        let done = self.cluster.update_ctl(&self.actor, &self.node, surroundings).await;
        self.after_ctl(done, "CTL file Updated\n").await.above("\nUpdating CTL file\n")
    }

    pub(crate) async fn distribute_ctl(&self, surroundings: &mut dyn Surroundings) -> Result<Reply, CoreError> {
        let nodes = self.cluster.distribute_ctl(&self.actor, surroundings).await?;
        let reply = Reply::done(node_by_node(&nodes));
        Ok(if failed(&nodes) { reply.failed(DIFFERENT_CTLS) } else { reply })
    }

    /// What follows a change of the CTL: the restarts, and that a rollback is being prepared, which a CTL does not end. When
    /// a node failed, what became of each.
    pub(super) async fn after_ctl(&self, done: Result<Vec<NodeStatus>, CoreError>, success: &str) -> Reply {
        let text = async {
            let nodes = done?;
            let warning = self.rollback_warning().await?;
            let restart = self.cluster.release().ctl_restart;
            if failed(&nodes) {
                return Ok(Reply::done(format!("{}{restart}\n{warning}", node_by_node(&nodes))).failed(DIFFERENT_CTLS));
            }
            Ok(Reply::done(format!("{success}{restart}\n{warning}")))
        };
        text.await.unwrap_or_else(|error: CoreError| Reply::error(&error))
    }
}

/// What follows when a node has not the CTL of the others.
const DIFFERENT_CTLS: &str =
    "WARNING: phones get different CTL files from different nodes until `utils ctl distribute` passes on all\n";

pub(super) fn failed(nodes: &[NodeStatus]) -> bool {
    nodes.iter().any(|node| node.failure.is_some())
}

/// What became of a file on each node, in the columns of the CTL client [sources/ctl-client#wizard].
pub(super) fn node_by_node(nodes: &[NodeStatus]) -> String {
    let mut text = "Server File Location Status\n".to_owned();
    for node in nodes {
        let status = node.failure.as_ref().map_or_else(|| "Passed".to_owned(), |why| format!("Failed: {why}"));
        text.push_str(&one_line(&format!("{} {} {status}", node.host, node.location)));
        text.push('\n');
    }
    text
}
