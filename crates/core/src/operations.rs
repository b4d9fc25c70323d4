//! What an administrator does to the whole cluster: its security mode, its CTL, its parameters.

use cluster::rows::NodeRow;
use pki::listing::ListKind;
use store::StoreError;
use store::sql::{Limits, Question, Table};
use wire::ctl_provider::NodeStatus;

use crate::CoreError;
use crate::cluster::Cluster;
use crate::ctl_provider::outcome;
use cluster::actor::{Actor, Level};
use cluster::parameters::SecurityMode;
use cluster::settings::SetParameter;
use cluster::surroundings::Surroundings;
use cluster::trust_lists::CtlSigner;

/// Characters of a statement that stand in the audit log: a line of the shell.
const AUDITED: usize = 8192;

impl Cluster {
    /// `utils ctl set-cluster mixed-mode | non-secure-mode`, on the publisher.
    ///
    /// The CTL is written first and the mode after it: a cluster in mixed mode without a CTL would leave phones that
    /// must encrypt without a list. A node that fails stands in the answer; the mode is set all the same, because the others
    /// give the file out.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn set_security_mode(
        &self,
        actor: &Actor,
        node: &NodeRow,
        mode: SecurityMode,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Vec<NodeStatus>, CoreError> {
        self.check_security_mode(actor, node).await?;
        let command = format!("utils ctl set-cluster {}", mode.words());
        self.audit(actor.name(), &command, "begun", surroundings.now()).await?;
        let states = self.rebuild_ctl(actor, mode, CtlSigner::First, surroundings).await?;
        self.audit(actor.name(), &command, &outcome("mode set", &states), surroundings.now()).await?;
        Ok(states)
    }

    /// Whether the mode can be set by the publisher alone, for whoever asks before.
    ///
    /// # Errors
    /// As [`Self::set_security_mode`].
    pub async fn check_security_mode(&self, actor: &Actor, node: &NodeRow) -> Result<(), CoreError> {
        self.on_publisher(actor, node)?;
        self.require_tokenless().await?;
        self.check_lists_readable().await
    }

    /// Whether there is a CTL to update, for whoever asks before. The mode.
    ///
    /// # Errors
    /// As [`Self::update_ctl`].
    pub async fn check_update_ctl(&self, actor: &Actor, node: &NodeRow) -> Result<SecurityMode, CoreError> {
        self.on_publisher(actor, node)?;
        self.require_tokenless().await?;
        let mode = self.check_mixed_mode().await?;
        self.check_lists_readable().await?;
        Ok(mode)
    }

    /// Whether the cluster is in mixed mode.
    pub(crate) async fn check_mixed_mode(&self) -> Result<SecurityMode, CoreError> {
        let mode = self.parameters().await?.security_mode();
        if mode == SecurityMode::NonSecure {
            let text = "The cluster is not in mixed mode. `utils ctl set-cluster mixed-mode` makes the CTL file";
            return Err(CoreError::refused("not-mixed-mode", text));
        }
        Ok(mode)
    }

    /// `utils ctl update CTLFile`, on the publisher. A node that fails stands in the answer.
    ///
    /// # Errors
    /// [`CoreError`]: the cluster is not in mixed mode.
    pub async fn update_ctl(
        &self,
        actor: &Actor,
        node: &NodeRow,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Vec<NodeStatus>, CoreError> {
        let mode = self.check_update_ctl(actor, node).await?;
        let command = "utils ctl update CTLFile";
        self.audit(actor.name(), command, "begun", surroundings.now()).await?;
        let states = self.rebuild_ctl(actor, mode, CtlSigner::First, surroundings).await?;
        self.audit(actor.name(), command, &outcome("CTL file updated", &states), surroundings.now()).await?;
        Ok(states)
    }

    /// Releases before 10.0 know no CTL without tokens [sources/releases#signers].
    async fn require_tokenless(&self) -> Result<(), CoreError> {
        self.parameters().await?;
        if self.release().ctl_sasts.is_empty() {
            let text = format!(
                "Release {} has no CTL file without tokens: sign it with two tokens and the CTL client, or move to a newer \
                 release with `utils system switch-version`",
                self.release().name
            );
            return Err(CoreError::refused("no-tokenless-ctl", text));
        }
        Ok(())
    }

    /// `file delete tftp CTLFile.tlv` and its sisters: deletes a published list of a node. Whether it was there.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn delete_list(
        &self,
        actor: &Actor,
        node: &NodeRow,
        kind: ListKind,
        surroundings: &mut dyn Surroundings,
    ) -> Result<bool, CoreError> {
        actor.require(Level::ReadWrite)?;
        let command = format!("file delete {}File.tlv on {}", kind.word(), node.name);
        self.audit(actor.name(), &command, "deleted", surroundings.now()).await?;
        self.unpublish(node, kind, surroundings.now()).await
    }

    /// `set parameter`, wherever it is typed.
    ///
    /// # Errors
    /// As [`Self::perform`]; what [`SetParameter`] refuses.
    pub async fn set_parameter(
        &self,
        actor: &Actor,
        name: &str,
        value: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<(), CoreError> {
        let publisher = self.node(None).await?;
        self.perform(actor, &publisher, &SetParameter::new(name, value), surroundings).await
    }

    /// `run sql`: one `select` of what is shown. That it was asked is in the audit log before it is answered.
    ///
    /// # Errors
    /// [`CoreError`]: the level, the statement, a limit.
    pub async fn run_sql(&self, actor: &Actor, statement: &str, now: i64) -> Result<Table, CoreError> {
        actor.require(Level::ReadWrite)?;
        let question = Question::read(statement);
        let asked: String = statement.chars().take(AUDITED).collect();
        let result = if question.is_ok() { "allowed" } else { "refused" };
        self.audit(actor.name(), &format!("run sql {asked}"), result, now).await?;
        let answer = match question {
            Ok(question) => self.store().select(&question, Limits::default()).await,
            Err(error) => Err(error),
        };
        answer.map_err(|error| match error {
            StoreError::NotASelect(reason) | StoreError::Statement(reason) => CoreError::refused("run-sql", reason),
            error => error.into(),
        })
    }
}
