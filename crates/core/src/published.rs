//! What a node publishes: where its lists stand, and what is in them.

use std::path::PathBuf;

use cluster::rows::NodeRow;
use cluster::state::Published;
use cluster::trust_lists::ListPlan;
use pki::listing::ListKind;
use store::aside;
use wire::header::{CTL_FILE_NAME, ITL_FILE_NAME};
use wire::trust_list::TrustList;
use wire::trust_list::write_records;

use crate::CoreError;
use crate::cluster::Cluster;

/// Permission of a published file: phones get it without a password, so everybody may read it.
pub(crate) const MODE: u32 = 0o644;

/// Looks at the rows until the lists fit them, at most: each further one needs a change of another process in the moment between look
/// and writing.
pub(crate) const PASSES: usize = 32;

/// A list as it is published on a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedList {
    /// The file.
    pub list: TrustList,
    /// When it was written, seconds since 1970 UTC.
    pub modified: u64,
}

impl Cluster {
    /// Where a list of a node stands.
    pub fn list_path(&self, node: &NodeRow, kind: ListKind) -> PathBuf {
        let name = match kind {
            ListKind::Ctl => CTL_FILE_NAME,
            ListKind::Itl => ITL_FILE_NAME,
        };
        self.directory(node).published().join(name)
    }

    /// The list that a node publishes; `None` when there is no file.
    ///
    /// # Errors
    /// [`CoreError`]: unreadable, or it does not parse.
    pub fn published_list(&self, node: &NodeRow, kind: ListKind) -> Result<Option<PublishedList>, CoreError> {
        let path = self.list_path(node, kind);
        let Some(bytes) = aside::read(&path)? else {
            return Ok(None);
        };
        let list =
            TrustList::decode(bytes).map_err(|error| CoreError::Internal(format!("{}: {error}", path.display())))?;
        Ok(Some(PublishedList { list, modified: aside::modified(&path)?.unwrap_or_default() }))
    }

    /// The list that a node gives out: as [`Self::published_list`], but one that does not parse is not given out. It says so
    /// in the log, and the next command that builds the list replaces it.
    ///
    /// # Errors
    /// [`CoreError`]: unreadable.
    pub fn served_list(&self, node: &NodeRow, kind: ListKind) -> Result<Option<PublishedList>, CoreError> {
        match self.published_list(node, kind) {
            Err(CoreError::Internal(reason)) => {
                tracing::warn!(reason, "this list is not given out; build it again");
                Ok(None)
            }
            other => other,
        }
    }
}

impl Cluster {
    /// Whether a node publishes the ITL that a reset has written, with the records of `plan`.
    pub(crate) fn is_reset(
        &self,
        resets: &[(String, String)],
        node: &NodeRow,
        plan: &ListPlan,
    ) -> Result<bool, CoreError> {
        let Some((_, fingerprint)) = resets.iter().find(|(key, _)| *key == node.pkid) else { return Ok(false) };
        let Ok(Some(published)) = self.published_list(node, ListKind::Itl) else { return Ok(false) };
        let bytes = published.list.bytes();
        let records = bytes.get(published.list.header().length()..).unwrap_or_default();
        Ok(pki::hash::hex(&pki::hash::sha256(bytes)) == *fingerprint && records == write_records(&plan.records)?)
    }

    /// The lists that nodes give out.
    ///
    /// # Errors
    /// [`CoreError`].
    pub(crate) fn published_lists(&self, nodes: &[NodeRow], kinds: &[ListKind]) -> Result<Vec<Published>, CoreError> {
        let mut lists = Vec::new();
        for node in nodes {
            for kind in kinds.iter().copied() {
                if let Some(published) = self.served_list(node, kind)? {
                    lists.push(Published { node: node.name.clone(), kind, list: published.list });
                }
            }
        }
        Ok(lists)
    }

    /// The lists that nodes give out, each with its name: `CTL of cucm-pub`.
    pub(crate) async fn served_lists(&self) -> Result<Vec<(String, TrustList)>, CoreError> {
        let lists = self.published_lists(&self.store().nodes().await?, &[ListKind::Ctl, ListKind::Itl])?.into_iter();
        Ok(lists.map(|one| (format!("{} of {}", one.kind.word(), one.node), one.list)).collect())
    }
}
