//! `show ctl`, `show itl`, `utils ctl` [cucm-behaviour.md 1.5, 1.6].

use ringfence_core::guard::{ListStatus, status};
use ringfence_core::parameters::SecurityMode;
use ringfence_core::{CoreError, HeldListRow, ListKind, Surroundings, date};

use crate::question::Question;
use crate::run::capf::{counted, table};
use crate::run::sql::layout;
use crate::session::{Outcome, Reply, Session, one_line};

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

    /// `show ctl status`, `show itl status`: as the tables of `run sql`, and a line with the sum.
    pub(crate) async fn show_status(&self, kind: ListKind, missing: bool) -> Result<Reply, CoreError> {
        let held = self.cluster.held_lists(kind).await?;
        if held.is_empty() {
            return Ok(Reply::done("No phones are known.\n"));
        }
        let matching = held.iter().filter(|held| status(held) == ListStatus::Match).count();
        let sum = format!("{matching} of {} have the {} file of now\n", counted(held.len(), "phone"), kind.word());
        let shown = held.into_iter().filter(|held| !missing || status(held) != ListStatus::Match);
        let rows: Vec<_> = shown.map(|held| self.status_row(held)).collect();
        if rows.is_empty() {
            return Ok(Reply::done(sum));
        }
        let title = format!("{}filestatus", kind.word().to_ascii_lowercase());
        let columns = ["name", &title, "server", "address", "fetched"];
        Ok(Reply::done(format!("{}{sum}", layout(&table(&columns, rows)))))
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

    pub(crate) fn ask_for_mixed_mode(&mut self) -> Reply {
        self.ask(Question::SetMode(SecurityMode::Mixed))
    }

    pub(crate) fn ask_for_non_secure_mode(&mut self) -> Reply {
        self.ask(Question::SetMode(SecurityMode::NonSecure))
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

    /// Node by node, in the columns of the CTL client [seed 000].
    pub(crate) async fn distribute_ctl(&self, surroundings: &mut dyn Surroundings) -> Result<Reply, CoreError> {
        let nodes = self.cluster.distribute_ctl(&self.actor, surroundings).await?;
        let mut text = "Server File Location Status\n".to_owned();
        let mut failed = false;
        for node in &nodes {
            let status = node.failure.as_ref().map_or_else(|| "Passed".to_owned(), |why| format!("Failed: {why}"));
            failed |= node.failure.is_some();
            text.push_str(&one_line(&format!("{} {} {status}", node.host, node.location)));
            text.push('\n');
        }
        if failed {
            text.push_str(
                "WARNING: phones get different CTL files from different nodes until this command passes on all\n",
            );
            return Ok(Reply { outcome: Outcome::Failed, ..Reply::done(text) });
        }
        Ok(Reply::done(text))
    }

    /// What follows a change of the CTL: the restarts, and that a rollback is being prepared, which a CTL does not end.
    pub(super) async fn after_ctl(&self, done: Result<(), CoreError>, success: &str) -> Reply {
        let text = async {
            done?;
            let warning = self.rollback_warning().await?;
            Ok(format!("{success}{}\n{warning}", self.cluster.release().ctl_restart))
        };
        text.await.map_or_else(|error: CoreError| Reply::error(&error), Reply::done)
    }
}
