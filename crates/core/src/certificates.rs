//! Certificates as faces ask for them: what is there, and what an upload will do before it is done. What may be done stands in
//! [`cluster::certificates`].

use cluster::certificates::list;
use cluster::certificates::requests::{self, ListedRequest};
use cluster::certificates::reuse::reusable;
use cluster::certificates::trusted::{self, DeleteTrusted, Deletion, ImportTrusted, Imported};
use cluster::certificates::upload::{Upload, UploadPlan};
use cluster::certificates::{default_cas, default_cas::DefaultCa, default_cas::DefaultCaState};
use cluster::nodes::SubjectParts;
use cluster::operation::{Context, Operation};
use cluster::releases::Release;
use cluster::rows::{HeldListRow, NodeRow, Unreadable};
use cluster::state::{AskedLists, Asks};
use cluster::units::Unit;
use cluster::{Actor, Surroundings, anchors};
use pki::Certificate;
use pki::listing::ListKind;

use crate::CoreError;
use crate::cluster::Cluster;

impl Cluster {
    /// `show cert list own|trust`: lines of `<unit>/<file>.pem: <description>`.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn list_certificates(&self, node: &NodeRow, trust: bool) -> Result<Vec<String>, CoreError> {
        let rows = self.store().certificates().await?;
        Ok(list::lines(&rows, &self.store().descriptions().await?, node, trust))
    }

    /// The certificate that `show cert own|trust NAME` means: `UNIT` or `UNIT/FILE.pem`.
    ///
    /// # Errors
    /// [`CoreError::BadInput`] when there is none; [`CoreError::Unreadable`].
    pub async fn find_certificate(&self, node: &NodeRow, trust: bool, name: &str) -> Result<Certificate, CoreError> {
        Ok(list::find(&self.store().certificates().await?, node, trust, name)?)
    }

    /// The requests of a node: those that wait, in the order of units, then those before them, the newest first.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn requests(&self, node: &NodeRow) -> Result<Vec<ListedRequest>, CoreError> {
        Ok(requests::listed(&self.store().requests().await?, node))
    }

    /// The request that `UNIT` or `UNIT/FILE.csr` means on a node; `None` when there is none.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn find_request(&self, node: &NodeRow, name: &str) -> Result<Option<ListedRequest>, CoreError> {
        Ok(requests::find(&self.store().requests().await?, node, name))
    }

    /// What an upload on a node will do, with what the CAs say of it when they are asked.
    ///
    /// # Errors
    /// [`CoreError::NotPermitted`]; what [`Upload::plan`] refuses.
    pub async fn plan_upload(
        &self,
        actor: &Actor,
        node: &NodeRow,
        upload: Upload,
        surroundings: &mut dyn Surroundings,
    ) -> Result<UploadPlan, CoreError> {
        Upload::KIND.permit(actor, node)?;
        let state = self.state(upload.asks()).await?;
        let now = surroundings.now();
        let plan = upload.plan(&state, node, now)?;
        self.check_wanted(&upload.wants(&state, &Context { actor, at: node, now })?)?;
        let revocation = self.find_revoked(&plan.asked_about(&state), &plan.chain, surroundings).await?;
        Ok(Upload { revocation, ..plan.upload }.plan(&state, node, surroundings.now())?)
    }

    /// What it will do when the certificate that all nodes have for `from` is used for the other unit of its pair too.
    ///
    /// # Errors
    /// [`CoreError::NotPermitted`]; what [`reusable`] and [`Upload::plan`] refuse.
    pub async fn plan_reuse(
        &self,
        actor: &Actor,
        node: &NodeRow,
        from: Unit,
        force: Option<&str>,
        surroundings: &mut dyn Surroundings,
    ) -> Result<UploadPlan, CoreError> {
        Upload::KIND.permit(actor, node)?;
        let (unit, certificate) = reusable(&self.state(Asks::default()).await?, node, from)?;
        let key = self.key(&self.directory(node), from, &certificate)?;
        let upload = Upload::reused(from, unit, &certificate, key);
        let upload = Upload { force: force.map(str::to_owned), ..upload };
        self.plan_upload(actor, node, upload, surroundings).await
    }

    /// `set cert import trust`, with what the CAs say when they are asked.
    ///
    /// # Errors
    /// [`CoreError::NotPermitted`]; what [`ImportTrusted::check`] refuses.
    pub async fn import_trusted(
        &self,
        actor: &Actor,
        node: &NodeRow,
        given: &[Certificate],
        store: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Imported, CoreError> {
        let mut import = ImportTrusted::new(given, store);
        ImportTrusted::KIND.permit(actor, node)?;
        let state = self.state(import.asks()).await?;
        let imported = import.check(&state, surroundings.now())?;
        if imported.given.iter().all(|one| one.already) {
            return Ok(imported);
        }
        let (checked, known) = import.asked_about(&state);
        import.revocation = self.find_revoked(&checked, &known, surroundings).await?;
        self.perform(actor, node, &import, surroundings).await
    }

    /// `set cert delete`; an entry that cannot be read is taken out as `utils unreadable delete` does it.
    ///
    /// # Errors
    /// [`CoreError::NotPermitted`]; what [`DeleteTrusted`] refuses.
    pub async fn delete_trusted(
        &self,
        actor: &Actor,
        node: &NodeRow,
        deletion: &DeleteTrusted,
        surroundings: &mut dyn Surroundings,
    ) -> Result<(), CoreError> {
        match self.perform(actor, node, deletion, surroundings).await {
            Err(CoreError::Unreadable(Unreadable { table, key, .. })) => {
                self.delete_unreadable(actor, (&table, &key), None, surroundings).await.map(drop)
            }
            done => done,
        }
    }

    /// Whether a file of a trust store can be deleted, for whoever asks before.
    ///
    /// # Errors
    /// As [`Self::delete_trusted`].
    pub async fn check_deletion(
        &self,
        actor: &Actor,
        node: &NodeRow,
        deletion: &DeleteTrusted,
        now: i64,
    ) -> Result<(), CoreError> {
        match self.check(actor, node, deletion, now).await {
            Err(CoreError::Unreadable(Unreadable { table, key, .. })) => {
                self.check_unreadable_deletion((&table, &key)).await
            }
            checked => checked,
        }
    }

    /// `show cert deleted`: what was deleted and can still be taken back, the last first. `now` in milliseconds since 1970 UTC.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn deletions(&self, now: i64) -> Result<Vec<Deletion>, CoreError> {
        Ok(trusted::deletions(&self.parameters().await?, &self.store().deleted_certificates().await?, now))
    }

    /// The default CAs, and where each stands.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn default_cas(&self) -> Result<Vec<(DefaultCa, DefaultCaState)>, CoreError> {
        Ok(default_cas::list(&self.state(Asks::default()).await?))
    }

    /// All devices by name with the list of a kind that each fetched last, then the phones that nobody added.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn held_lists(&self, kind: ListKind) -> Result<Vec<HeldListRow>, CoreError> {
        Ok(self.store().held_lists(kind.word()).await?)
    }

    /// The subject parts of a node: what `set web-security` has set, or those that the cluster was made with.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn subject_parts(&self, node: &NodeRow) -> Result<SubjectParts, CoreError> {
        Ok(self.state(Asks::default()).await?.subject_parts(node))
    }

    /// All lists compared with the live certificates; empty when phones find what they need.
    ///
    /// # Errors
    /// [`CoreError`]: rows or files that cannot be read.
    pub async fn anchors(&self) -> Result<Vec<anchors::Finding>, CoreError> {
        let mut state = self.state(Asks::default()).await?;
        for node in &state.nodes {
            for kind in [ListKind::Ctl, ListKind::Itl] {
                match self.published_lists(std::slice::from_ref(node), &[kind]) {
                    Ok(published) => state.asked.lists.extend(published),
                    // Told of as a node that has not the CTL of the others.
                    Err(_) if kind == ListKind::Ctl && self.ctl_trouble().await?.is_some() => {}
                    Err(error) => return Err(error),
                }
            }
        }
        state.asked.which = AskedLists::All;
        Ok(anchors::anchors(&state)?)
    }

    /// Whether in another release nobody could sign the next CTL, as a sentence for the administrator to read before.
    ///
    /// # Errors
    /// As [`Self::anchors`].
    pub async fn anchors_lost_by(&self, to: &Release) -> Result<Option<String>, CoreError> {
        Ok(anchors::lost_by(&self.state(Asks { lists: AskedLists::Ctl, ..Asks::default() }).await?, to)?)
    }
}
