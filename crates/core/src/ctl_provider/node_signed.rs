//! The CTL that the publisher signs. It goes the way of the one that a CTL client brings: kept first, then written node by node, so
//! that a node that fails is told of and finished later.

use cluster::rows::CtlFileRow;
use pki::SoftKey;
use pki::listing::ListKind;
use pki::sign::SigningIdentity;
use wire::ctl_provider::NodeStatus;
use wire::trust_list::TrustList;

use crate::CoreError;
use crate::cluster::Cluster;
use crate::published::PASSES;
use cluster::actor::Actor;
use cluster::parameters::SecurityMode;
use cluster::readable::list;
use cluster::restarts::{CTL_RESET, RESET_CTL, UPDATE_CTL};
use cluster::surroundings::Surroundings;
use cluster::trust_lists::check::left_behind;
use cluster::trust_lists::{self, CtlSigner, ListPlan};
use cluster::units::Unit;

/// The CTL of now: what says the same already, or the newest time stamp that another one must be newer than.
enum Now {
    Same(Vec<u8>),
    Other { last: u32 },
}

impl Cluster {
    /// Builds the CTL of the cluster for a mode, signed by the publisher, puts it on every node and sets the mode. It looks
    /// again as [`Self::settle`] does.
    ///
    /// # Errors
    /// [`CoreError`]. A node that fails is no error: it stands in the answer.
    pub(crate) async fn rebuild_ctl(
        &self,
        actor: &Actor,
        mode: SecurityMode,
        signer: CtlSigner,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Vec<NodeStatus>, CoreError> {
        let publisher = self.node(None).await?;
        let (mut placed, mut states) = (Vec::new(), Vec::new());
        self.check_lists_readable().await?;
        for _ in 0..PASSES {
            // Read first: a renewal that comes in between is told of by the next list only.
            let renewal = self.store().renewals().await?;
            let parameters = self.parameters().await?;
            let all = self.node_certificates().await?;
            let plan = trust_lists::ctl(self.release(), mode, parameters.digest(), signer, &all)?;
            let unit = signer.unit(self.release()).unwrap_or(Unit::CallManager);
            let key = self.key(&self.directory(&publisher), unit, &plan.signer)?;
            let file = match self.ctl_of_now(&plan, &key).await? {
                Now::Same(file) if file == placed => break,
                Now::Same(file) => file,
                Now::Other { last } => self.sign_ctl(&plan, &key, last, surroundings.now()).await?,
            };
            placed.clone_from(&file);
            let row = CtlFileRow {
                file: file.into(),
                security_mode: mode.value().to_owned(),
                taken_from: format!("{} on {}", actor.name(), publisher.name),
                taken_at: surroundings.now(),
                renewal,
                on_all_nodes: false,
            };
            let mut transaction = self.store().begin().await?;
            transaction.put_ctl_file(&row).await?;
            transaction.commit().await?;
            states = self.place_ctl(actor, row, surroundings).await?;
            if states.iter().any(|state| state.failure.is_some()) {
                break;
            }
        }
        self.note_ctl_step(signer, surroundings.now()).await?;
        Ok(states)
    }

    /// Whether all can be read that a list is made of.
    pub(crate) async fn check_lists_readable(&self) -> Result<(), CoreError> {
        self.unreadable_for_lists().await?.map_or(Ok(()), |unreadable| Err(CoreError::Unreadable(unreadable)))
    }

    /// Notes which step is done by a CTL of this signer. One by the second SAST is for the time until phones have it.
    async fn note_ctl_step(&self, signer: CtlSigner, now: i64) -> Result<(), CoreError> {
        let publisher = self.node(None).await?.pkid;
        let mut transaction = self.store().begin().await?;
        match signer {
            CtlSigner::First => transaction.note_restart_done(&publisher, UPDATE_CTL, now).await?,
            CtlSigner::Second => {
                transaction.note_restart_done(&publisher, RESET_CTL, now).await?;
                transaction.note_restart_cause(&publisher, CTL_RESET, now).await?;
            }
        }
        Ok(transaction.commit().await?)
    }

    /// The phones that will refuse a CTL that the publisher signs, as a sentence for the administrator to read before; `None` when
    /// there are none, or when the release has no such signer.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn left_behind_by(&self, signer: CtlSigner) -> Result<Option<String>, CoreError> {
        let mixed = self.parameters().await?.security_mode() == SecurityMode::Mixed;
        let publisher = self.node(None).await?;
        let all = self.node_certificates().await?;
        let own = all.iter().find(|own| own.publisher);
        let signer = signer.unit(self.release()).and_then(|unit| own?.readable(unit));
        let Some(signer) = signer else { return Ok(None) };
        let held = self.served_list(&publisher, ListKind::Ctl)?.map(|published| published.list);
        Ok(left_behind(signer, held.as_ref(), mixed, &self.store().devices().await?))
    }

    /// The CTL that was kept last, or without one that of the publisher, when it says what `plan` says.
    async fn ctl_of_now(&self, plan: &ListPlan, key: &SoftKey) -> Result<Now, CoreError> {
        let identity = SigningIdentity::new(&plan.signer, key)?;
        // A file that does not parse is simply replaced.
        let kept = self.store().ctl_file().await?.and_then(|row| list(&row).ok());
        let mut lists: Vec<TrustList> = kept.into_iter().collect();
        for node in self.store().nodes().await? {
            lists.extend(self.published_list(&node, ListKind::Ctl).ok().flatten().map(|published| published.list));
        }
        if let Some(list) = lists.first()
            && plan.is_published_as(list, &identity)?
        {
            return Ok(Now::Same(list.bytes().to_vec()));
        }
        let stamps = lists.iter().filter_map(|list| list.header().timestamp());
        Ok(Now::Other { last: stamps.max().unwrap_or_default() })
    }

    /// The audit log says so before: what it cannot take is not signed. A new list is newer than the one before, whatever the
    /// clock says.
    async fn sign_ctl(&self, plan: &ListPlan, key: &SoftKey, last: u32, now: i64) -> Result<Vec<u8>, CoreError> {
        let nodes = self.store().nodes().await?;
        let names: Vec<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
        let signer = format!("by {}", plan.signer.subject(pki::NameForm::Row));
        self.audit("system", &format!("sign CTL of {}", names.join(", ")), &signer, now).await?;
        let stamp = u32::try_from(now / 1000).unwrap_or(u32::MAX).max(last.saturating_add(1));
        Ok(plan.sign(stamp, &SigningIdentity::new(&plan.signer, key)?)?)
    }
}
