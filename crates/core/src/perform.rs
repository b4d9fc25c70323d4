//! The one way to change a cluster: permit, read, decide, make keys, decide again when nobody else can change anything, write, audit,
//! publish. What is decided stands in [`cluster::operation`] and its operations.

mod keys;
mod read;
mod write;

pub(crate) use keys::self_signed_of;
pub(crate) use keys::{MadeCertificate, make_certificate};
pub(crate) use write::write_all;

use cluster::draft::Draft;
use cluster::operation::{Context, Decided, Lists, Operation};
use cluster::rows::NodeRow;
use cluster::{Actor, State, Surroundings};

use crate::CoreError;
use crate::cluster::Cluster;

impl Cluster {
    /// Does what somebody wants, on a node.
    ///
    /// What has to be written down before something is made stands in the audit log first; what it cannot take is not done. All rows are
    /// written together, with their entry, or none.
    ///
    /// # Errors
    /// [`CoreError::NotPermitted`], what the operation refuses, the store; nothing has changed then but keys that nobody uses.
    /// [`CoreError::ListsBehind`]: it is done, and phones do not get it yet.
    pub async fn perform<O: Operation>(
        &self,
        actor: &Actor,
        at: &NodeRow,
        operation: &O,
        surroundings: &mut dyn Surroundings,
    ) -> Result<O::Done, CoreError> {
        O::KIND.permit(actor, at)?;
        let at = &self.current(at).await?;
        let command = operation.words(at);
        let (mut made, mut last_change) = (Vec::new(), None);
        if O::MAKES_KEYS {
            // Before the keys, because they take their time; and again when nobody else can change anything.
            let state = self.state(operation.asks()).await?;
            let wanted = operation.wants(&state, &Context { actor, at, now: surroundings.now() })?;
            // What is noted now is no change before this one.
            last_change = Some(state.last_change);
            self.audit(actor.name(), &command, "begun", surroundings.now()).await?;
            made = self.make_wanted(&state, wanted, surroundings).await?;
        }
        let now = surroundings.now();
        let turn = self.store().begin().await;
        let state = self.state(operation.asks()).await?;
        let mut draft = Draft::new(State { last_change: last_change.unwrap_or(state.last_change), ..state });
        let at = &draft.state().node(at)?.clone();
        let Decided { done, result, lists } = operation.decide(&mut draft, &made, &Context { actor, at, now })?;
        if draft.writes().is_empty() {
            return Ok(done);
        }
        // What is refused, or needs no write, is answered on a disk that cannot be written too.
        let mut transaction = turn?;
        write_all(self, &mut transaction, draft.writes(), now).await?;
        transaction.note_audit(now, actor.name(), &command, &result).await?;
        transaction.commit().await?;
        match lists {
            Lists::Stay => {}
            Lists::Follow => self.settle_change(surroundings).await?,
            Lists::BuildAgain => drop(self.settle(surroundings).await?),
        }
        Ok(done)
    }

    /// Whether it would be done now, for whoever asks before.
    ///
    /// # Errors
    /// As [`Self::perform`].
    pub async fn check<O: Operation>(
        &self,
        actor: &Actor,
        at: &NodeRow,
        operation: &O,
        now: i64,
    ) -> Result<(), CoreError> {
        O::KIND.permit(actor, at)?;
        let at = &self.current(at).await?;
        let (state, context) = (self.state(operation.asks()).await?, Context { actor, at, now });
        if O::MAKES_KEYS {
            return self.check_wanted(&operation.wants(&state, &context)?);
        }
        operation.decide(&mut Draft::new(state), &[], &context)?;
        Ok(())
    }

    /// A node as its row is now: another process may have renamed it.
    async fn current(&self, node: &NodeRow) -> Result<NodeRow, CoreError> {
        let found = self.store().nodes().await?.into_iter().find(|row| row.pkid == node.pkid);
        found.ok_or_else(|| CoreError::BadInput(format!("{} is no longer a node of this cluster", node.name)))
    }
}

/// A draft of a change whose operation is not one of [`cluster::operation`] yet.
pub(crate) async fn draft(cluster: &Cluster) -> Result<Draft, CoreError> {
    let state: State = cluster.state(cluster::state::Asks::default()).await?;
    Ok(Draft::new(state))
}
