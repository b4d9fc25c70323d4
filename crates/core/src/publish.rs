//! Published lists: what the file servers of a node give out. Rebuilt after every change that touches them; a list that
//! says the same is not written again [sources/releases#rebuilds].

use crate::published::{MODE, PASSES};

use cluster::parameters::{Parameters, ROLLBACK_ENDED, ROLLBACK_ENDS};
use cluster::rows::NodeRow;
use pki::listing::{self, ListKind};
use pki::sign::SigningIdentity;
use pki::{NameForm, SoftKey};
use store::aside;
use wire::trust_list::TrustList;

use crate::CoreError;
use crate::cluster::Cluster;
use cluster::surroundings::Surroundings;
use cluster::trust_lists::{self, ListPlan};

/// A list to be published: what stands in it, who signs, and the last renewal that it tells of.
struct Job {
    kind: ListKind,
    plan: ListPlan,
    key: SoftKey,
    renewal: i64,
}

/// What is published on some nodes.
enum There {
    /// The list of the job on all of them: its SHA-256.
    Same(String),
    /// Something else; the time stamp of the newest, seconds since 1970 UTC.
    Other { last: u32 },
}

fn digest(list: &[u8]) -> String {
    pki::hash::hex(&pki::hash::sha256(list))
}

/// Whether a rollback was turned off, and no list was seen that follows that.
fn ends_rollback(parameters: &Parameters) -> bool {
    parameters.get(ROLLBACK_ENDED) == ROLLBACK_ENDS && !parameters.rollback()
}

impl Cluster {
    /// The text of `show ctl` or `show itl` on a node.
    ///
    /// # Errors
    /// [`CoreError`].
    pub fn show_list(&self, node: &NodeRow, kind: ListKind) -> Result<String, CoreError> {
        Ok(match self.published_list(node, kind)? {
            Some(published) => listing::list(&published.list, kind, published.modified, self.zone()),
            None => listing::missing(kind),
        })
    }

    /// Brings every ITL up to date with the certificates and parameters. Does nothing when all are.
    ///
    /// After it has written it looks again: between the look at the rows and the writing another process may have changed them and
    /// published its lists, which older ones must not replace.
    ///
    /// A list that a row belongs to that cannot be read stays as it is: `Some` says why. A key that cannot be read says the same.
    ///
    /// # Errors
    /// [`CoreError`]; lists that were written stay, the others are written by the next call.
    pub async fn settle(&self, surroundings: &mut dyn Surroundings) -> Result<Option<String>, CoreError> {
        let (mut failed, mut kept) = (None, None);
        for _ in 0..PASSES {
            let mut changed = false;
            kept = None;
            // Read first: a renewal that comes in between is told of by the next list only.
            let renewal = self.store().renewals().await?;
            let parameters = self.parameters().await?;
            let all = self.node_certificates().await?;
            let resets = self.store().itl_resets().await?;
            if let Some(unreadable) = self.unreadable_for_lists().await? {
                kept = Some(format!("{unreadable}. Until then the lists stay as they are"));
                break;
            }
            for (row, node) in self.store().nodes().await?.iter().zip(&all) {
                let plan = match trust_lists::itl(self.release(), &parameters, node, &all) {
                    Ok(plan) => plan,
                    Err(unplanned) => {
                        kept = Some(unplanned.to_string());
                        continue;
                    }
                };
                match self.settle_itl(row, plan, &resets, renewal, surroundings.now()).await {
                    Ok(done) => changed |= done,
                    Err(CoreError::Unreadable(unreadable)) => {
                        kept = Some(format!("{unreadable}. Until then the ITL file of {} stays as it is", row.name));
                    }
                    // The other nodes get theirs.
                    Err(error) => failed = failed.or(Some(error)),
                }
            }
            if failed.is_some() || !changed {
                // What was read before the lists were looked at: they are those after the end.
                if failed.is_none() && kept.is_none() && ends_rollback(&parameters) {
                    self.end_rollback(surroundings.now()).await?;
                }
                break;
            }
        }
        self.watch_ctl_file(surroundings.now()).await?;
        self.watch_recovery_backup(surroundings.now()).await?;
        if let Some(reason) = &kept {
            tracing::warn!(reason, "THE PUBLISHED LISTS STAY AS THEY ARE");
        }
        failed.map_or(Ok(kept), Err)
    }

    /// A rollback is over when the lists that follow its end are published: what was fetched until here may still be blank.
    async fn end_rollback(&self, now: i64) -> Result<(), CoreError> {
        let mut transaction = self.store().begin().await?;
        if !ends_rollback(&self.parameters().await?) {
            return Ok(());
        }
        transaction.set_parameter(ROLLBACK_ENDED, &now.to_string()).await?;
        Ok(transaction.commit().await?)
    }

    /// The same behind a change that lasts already.
    ///
    /// # Errors
    /// [`CoreError::ListsBehind`]: whoever repeated the change would make it twice.
    pub(crate) async fn settle_change(&self, surroundings: &mut dyn Surroundings) -> Result<(), CoreError> {
        let behind = |error| CoreError::ListsBehind(Box::new(error));
        let Some(reason) = self.settle(surroundings).await.map_err(behind)? else { return Ok(()) };
        // What did not concern the lists is done.
        let renewal = self.store().renewals().await?;
        for node in self.store().nodes().await? {
            let told = self.store().published_list(ListKind::Itl.word(), &node.name).await?;
            if told.is_none_or(|(_, told)| told < renewal) {
                return Err(behind(CoreError::refused("row-unreadable", reason)));
            }
        }
        Ok(())
    }

    /// The ITL of a node. Whether anything was written or noted.
    async fn settle_itl(
        &self,
        row: &NodeRow,
        plan: ListPlan,
        resets: &[(String, String)],
        renewal: i64,
        now: i64,
    ) -> Result<bool, CoreError> {
        let only = std::slice::from_ref(row);
        if self.is_reset(resets, row, &plan)? {
            // The records are those of the plan, so it tells as much.
            let Some(reset) = self.published_list(row, ListKind::Itl)? else { return Ok(false) };
            return self.note_published(only, ListKind::Itl, &digest(reset.list.bytes()), renewal, None).await;
        }
        let key = self.key(&self.directory(row), self.release().itl_signer, &plan.signer)?;
        self.publish(only, Job { kind: ListKind::Itl, plan, key, renewal }, now).await
    }

    /// Signs a list once and writes it on `nodes`, unless it is published on all of them in the same bytes already. The audit log
    /// says so before: what it cannot take is not signed. Notes which list each node gives out, and up to which renewal it tells.
    /// Whether anything was written or noted.
    async fn publish(&self, nodes: &[NodeRow], job: Job, now: i64) -> Result<bool, CoreError> {
        let (job_kind, kind, renewal) = (job.kind, job.kind.word(), job.renewal);
        let (cluster, rows) = (self.clone(), nodes.to_vec());
        let check = move || {
            let _lock = cluster.data().lock()?;
            let there = cluster.published_on(&rows, &job)?;
            Ok::<_, CoreError>((there, job))
        };
        let (there, job) = tokio::task::spawn_blocking(check).await.map_err(CoreError::internal)??;
        let (written, digest) = match there {
            There::Same(digest) => (false, digest),
            There::Other { .. } => {
                let names: Vec<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
                let command = format!("sign {kind} of {}", names.join(", "));
                let signer = format!("by {}", job.plan.signer.subject(NameForm::Row));
                self.audit("system", &command, &signer, now).await?;
                let (cluster, rows) = (self.clone(), nodes.to_vec());
                let work = move || cluster.publish_blocking(&rows, &job, now);
                tokio::task::spawn_blocking(work).await.map_err(CoreError::internal)??
            }
        };
        self.note_published(nodes, job_kind, &digest, renewal, written.then_some(now)).await
    }

    /// Notes which list nodes give out, and up to which renewal it tells; when it was written, if it was written now. `false` when
    /// that was noted already.
    async fn note_published(
        &self,
        nodes: &[NodeRow],
        kind: ListKind,
        digest: &str,
        renewal: i64,
        written: Option<i64>,
    ) -> Result<bool, CoreError> {
        let mut noted = written.is_none();
        for node in nodes {
            let known = self.store().published_list(kind.word(), &node.name).await?;
            noted &= known.is_some_and(|(known, told)| known == digest && told == renewal);
        }
        if noted {
            return Ok(false);
        }
        let mut transaction = self.store().begin().await?;
        for node in nodes {
            transaction.note_published_list(kind.word(), &node.name, digest, renewal).await?;
            if let Some(now) = written {
                transaction.note_change(now, "list", &format!("{} of {}", kind.word(), node.name)).await?;
            }
        }
        transaction.commit().await?;
        Ok(true)
    }

    /// Whether files were written, and the SHA-256 of the list that the nodes give out now.
    fn publish_blocking(&self, nodes: &[NodeRow], job: &Job, now: i64) -> Result<(bool, String), CoreError> {
        let _lock = self.data().lock()?;
        let last = match self.published_on(nodes, job)? {
            There::Same(digest) => return Ok((false, digest)),
            There::Other { last } => last,
        };
        // A new list is newer than the one before, whatever the clock says.
        let stamp = u32::try_from(now / 1000).unwrap_or(u32::MAX).max(last.saturating_add(1));
        let file = job.plan.sign(stamp, &SigningIdentity::new(&job.plan.signer, &job.key)?)?;
        for node in nodes {
            aside::write(&self.list_path(node, job.kind), &file, MODE)?;
        }
        Ok((true, digest(&file)))
    }

    /// What is published on the nodes now.
    fn published_on(&self, nodes: &[NodeRow], job: &Job) -> Result<There, CoreError> {
        let identity = SigningIdentity::new(&job.plan.signer, &job.key)?;
        let mut published: Option<TrustList> = None;
        let mut same = true;
        let mut last = 0;
        for node in nodes {
            // A published file that does not parse is simply replaced.
            let list = self.published_list(node, job.kind).ok().flatten().map(|published| published.list);
            let stamp = list.as_ref().and_then(|list| list.header().timestamp());
            last = last.max(stamp.unwrap_or_default());
            same &= match (&published, &list) {
                (None, Some(list)) => job.plan.is_published_as(list, &identity)?,
                (Some(first), Some(list)) => first == list,
                (_, None) => false,
            };
            published = published.or(list);
        }
        let there = published.filter(|_| same).map(|list| There::Same(digest(list.bytes())));
        Ok(there.unwrap_or(There::Other { last }))
    }

    /// Deletes a published list of a node. Whether it was there.
    ///
    /// # Errors
    /// [`CoreError`].
    pub(crate) async fn unpublish(&self, node: &NodeRow, kind: ListKind, now: i64) -> Result<bool, CoreError> {
        let there = aside::remove(&self.list_path(node, kind))?;
        if kind == ListKind::Ctl {
            self.ctl_deleted(now).await?;
        }
        let mut transaction = self.store().begin().await?;
        transaction.note_change(now, "list", &format!("{} of {}", kind.word(), node.name)).await?;
        transaction.commit().await?;
        Ok(there)
    }
}
