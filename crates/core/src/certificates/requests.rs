//! Requests to a CA: one waits per node and unit; those before it are kept with their keys
//! [sources/shell#certificate-commands], [sources/certificates#requests].

use cluster::certificates::digests::digest;
use cluster::rows::{NodeRow, RequestRow, RequestState};
use pki::extensions::AltName;
pub use pki::request::RequestDigest;
use pki::request::{CertificateRequest, RequestSpec, request};

use super::make::new_key;
use crate::CoreError;
use crate::certificate_log::Logged;
use crate::cluster::Cluster;
use cluster::actor::{Actor, Level};
use cluster::nodes::{NewNode, check_host_name};
use cluster::readable;
use cluster::releases::requests::RequestRow as Row;
use cluster::surroundings::Surroundings;
use cluster::units::Unit;

/// Names that are asked for besides those of the nodes: what a page of the original shows, and far more than a cluster has.
const EXTRA_NAMES: usize = 100;

/// Letters of a CN at most (RFC 5280 appendix A, ub-common-name).
const COMMON_NAME_LIMIT: usize = 64;

/// What an administrator chose for a request. The default is what the page of the original shows first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestChoice {
    /// The certificate is for this unit of all nodes.
    pub multi_server: bool,
    /// CN; `None` for the name of the node.
    pub common_name: Option<String>,
    /// Which domain stands in the subjectAltName.
    pub parent_domain: ParentDomain,
    /// More names for the subjectAltName.
    pub names: Vec<String>,
    /// RSA size or curve in bits.
    pub bits: Option<u32>,
    /// Digest of the request's signature.
    pub digest: Option<RequestDigest>,
    /// Whether the subject has its OU; `None` for the default of the release.
    pub with_ou: Option<bool>,
}

/// Which domain stands in the subjectAltName.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ParentDomain {
    /// That of the node.
    #[default]
    OfNode,
    /// None.
    Left,
    /// This one.
    Named(String),
}

/// A request of a node, as it is listed.
#[derive(Debug, Clone)]
pub struct ListedRequest {
    /// The unit.
    pub unit: Unit,
    /// Its file name: `tomcat.csr` for the one that waits, with digits of its key for one before it.
    pub file: String,
    /// The row.
    pub row: RequestRow,
    /// The request.
    pub request: CertificateRequest,
}

/// Everything that is decided before a key is made.
struct Asked {
    subject: pki::name::Subject,
    names: Vec<AltName>,
    row: Row,
    bits: u32,
    digest: RequestDigest,
}

impl Cluster {
    /// `set csr gen UNIT`: a new key in the key store of the node, and a request for it. The request before it is kept, with its
    /// key.
    ///
    /// # Errors
    /// [`CoreError`]: the level, a unit that this node has not or that always signs its own certificate, a choice that the
    /// release does not offer.
    pub async fn request_certificate(
        &self,
        actor: &Actor,
        node: &NodeRow,
        unit: Unit,
        choice: &RequestChoice,
        surroundings: &mut dyn Surroundings,
    ) -> Result<CertificateRequest, CoreError> {
        actor.require(Level::ReadWrite)?;
        self.check_unit(node, unit)?;
        let asked = self.ask_for(node, unit, choice, surroundings).await?;
        let command = format!("set csr gen {} on {}", unit.name(), node.name);
        self.audit(actor.name(), &command, "begun", surroundings.now()).await?;
        let keys = surroundings.rsa_keys();
        let work = move || -> Result<_, CoreError> {
            let key = new_key(unit.is_ec(), asked.bits, &keys)?;
            let spec = RequestSpec {
                subject: &asked.subject,
                names: &asked.names,
                usages: asked.row.usages,
                purposes: asked.row.purposes,
                ca_path_length: asked.row.ca_path_length,
                digest: asked.digest,
            };
            let request = request(&spec, &key)?;
            Ok((key, request))
        };
        let (key, request) = tokio::task::spawn_blocking(work).await.map_err(CoreError::internal)??;
        self.directory(node).keys().save(&key.key_id(), &key.to_pem()?)?;
        let now = surroundings.now();
        let row = RequestRow {
            node: node.pkid.clone(),
            service: unit.service(),
            pem: request.to_pem().to_owned().into(),
            key_id: pki::hash::hex(&key.key_id()),
            multi_server: choice.multi_server,
            state: RequestState::Waiting,
            created_at: now,
        };
        let mut transaction = self.store().begin().await?;
        // One whose key is gone cannot wait again, so it is none of those that are kept.
        let there = self.directory(node).keys().files()?;
        for before in transaction.requests().await? {
            let same = before.node == row.node && before.service == row.service;
            let file = format!("{}.pem", before.key_id);
            if same && before.state == RequestState::Waiting && !there.iter().any(|(name, _)| *name == file) {
                transaction.set_request_state(&before.key_id, RequestState::Used).await?;
            }
        }
        transaction.put_request(&row).await?;
        transaction.note_audit(now, actor.name(), &command, &format!("key {}", row.key_id)).await?;
        self.log_own(&mut transaction, node, unit, Logged::Request, now).await?;
        transaction.commit().await?;
        Ok(request)
    }

    /// The requests of a node: those that wait, in the order of units, then those before them, the newest first.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn requests(&self, node: &NodeRow) -> Result<Vec<ListedRequest>, CoreError> {
        let mut all = Vec::new();
        for row in self.store().requests().await? {
            let Some(unit) = Unit::of_service(row.service).filter(|_| row.node == node.pkid) else { continue };
            let short: String = row.key_id.chars().take(8).collect();
            let file = match row.state {
                RequestState::Waiting => format!("{}.csr", unit.name()),
                RequestState::Replaced => format!("{}_{short}.csr", unit.name()),
                RequestState::Used => continue,
            };
            // For one that cannot be read no certificate can be uploaded; `crate::unreadable` tells of it.
            let Ok(request) = readable::request(&row) else { continue };
            all.push(ListedRequest { unit, file, row, request });
        }
        let place = |unit: Unit| Unit::ALL.iter().position(|known| *known == unit);
        all.sort_by_key(|one| (one.row.state != RequestState::Waiting, place(one.unit)));
        Ok(all)
    }

    /// The request that `UNIT` or `UNIT/FILE.csr` means on a node; `None` when there is none.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn find_request(&self, node: &NodeRow, name: &str) -> Result<Option<ListedRequest>, CoreError> {
        let (unit, file) = name.split_once('/').map_or((name, None), |(unit, file)| (unit, Some(file)));
        let all = self.requests(node).await?;
        Ok(all.into_iter().find(|one| {
            one.unit.name().eq_ignore_ascii_case(unit)
                && match file {
                    None => one.row.state == RequestState::Waiting,
                    Some(file) => one.file.eq_ignore_ascii_case(file),
                }
        }))
    }

    /// `set csr restore`: a request that was replaced waits again, and the one that waited becomes a replaced one.
    ///
    /// # Errors
    /// [`CoreError`]: the level, no such request, a key that is not there any more.
    pub async fn restore_request(
        &self,
        actor: &Actor,
        node: &NodeRow,
        name: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<ListedRequest, CoreError> {
        actor.require(Level::ReadWrite)?;
        let found = self.find_request(node, name).await?.filter(|one| one.row.state == RequestState::Replaced);
        let found = found.ok_or_else(|| {
            let text = format!("no replaced request {name}; `show csr list own` names those that are there");
            CoreError::BadInput(text)
        })?;
        if self.directory(node).keys().load(&found.request.key_id())?.is_none() {
            let text = format!(
                "the key of {name} is not in the key store of {}; a certificate for it is of no use",
                node.name
            );
            return Err(CoreError::refused("no-key", text));
        }
        let now = surroundings.now();
        let mut transaction = self.store().begin().await?;
        let mine = |row: &&RequestRow| row.node == node.pkid && row.service == found.row.service;
        for row in transaction.requests().await?.iter().filter(mine).filter(|row| row.state == RequestState::Waiting) {
            transaction.set_request_state(&row.key_id, RequestState::Replaced).await?;
        }
        transaction.set_request_state(&found.row.key_id, RequestState::Waiting).await?;
        let command = format!("set csr restore {name} on {}", node.name);
        transaction.note_audit(now, actor.name(), &command, &format!("key {}", found.row.key_id)).await?;
        transaction.commit().await?;
        Ok(found)
    }

    /// Whether a node has a unit.
    pub(super) fn check_unit(&self, node: &NodeRow, unit: Unit) -> Result<(), CoreError> {
        if self.release().units(node.publisher).any(|own| own == unit) {
            return Ok(());
        }
        let text = format!("{} has no {} certificate of its own; run this on the publisher", node.name, unit.name());
        Err(CoreError::refused("unit-not-on-node", text))
    }

    async fn ask_for(
        &self,
        node: &NodeRow,
        unit: Unit,
        choice: &RequestChoice,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Asked, CoreError> {
        let rules = self.release().requests;
        let row = (rules.row)(unit).ok_or_else(|| {
            let text = format!("{} signs its own certificates; no CA signs for it", unit.name());
            CoreError::refused("signs-itself", text)
        })?;
        if choice.multi_server && !row.multi_server {
            let text =
                format!("one certificate for all nodes is not possible for {}; each node has its own", unit.name());
            return Err(CoreError::refused("not-multi-server", text));
        }
        let bits = self.key_length(unit, choice.bits).await?;
        let digest = digest(unit, bits, rules.digests, choice.digest)?;
        let place = NewNode::try_from(node)?;
        let mut subject = self.new_subject(unit, node, surroundings).await?;
        if !choice.with_ou.unwrap_or(rules.with_ou) {
            subject.unit.clear();
        }
        if choice.multi_server {
            let suffix = if unit.is_ec() { "-EC-ms" } else { "-ms" };
            subject.common_name = NewNode { name: format!("{}{suffix}", node.name), ..place.clone() }.full_name();
        }
        if let Some(name) = &choice.common_name {
            check_name(name)?;
            if name.len() > COMMON_NAME_LIMIT {
                let text = format!("{name} has more than {COMMON_NAME_LIMIT} letters, which a common name may have");
                return Err(CoreError::BadInput(text));
            }
            subject.common_name.clone_from(name);
        }
        let names = if row.ca_path_length.is_some() {
            Vec::new()
        } else {
            self.names_for(node, unit, &subject.common_name, choice).await?
        };
        Ok(Asked { subject, names, row, bits, digest })
    }

    /// The names of a request: the CN and the node always, because whoever checks a name looks into the subjectAltName only
    /// (CSCus47235 of the original), every node when it is for all, the domain, what `set web-security` says, and what was asked for.
    async fn names_for(
        &self,
        node: &NodeRow,
        unit: Unit,
        common_name: &str,
        choice: &RequestChoice,
    ) -> Result<Vec<AltName>, CoreError> {
        if choice.names.len() > EXTRA_NAMES {
            let text = format!("{} names are too many; {EXTRA_NAMES} are taken", choice.names.len());
            return Err(CoreError::BadInput(text));
        }
        let own = NewNode::try_from(node)?.full_name();
        let mut all = vec![AltName::from_text(common_name), AltName::from_text(&own)];
        if choice.multi_server {
            for other in self.store().nodes().await? {
                if self.check_unit(&other, unit).is_ok() {
                    all.push(AltName::from_text(&NewNode::try_from(&other)?.full_name()));
                }
            }
        }
        match &choice.parent_domain {
            ParentDomain::OfNode if !node.domain.is_empty() => all.push(AltName::from_text(&node.domain)),
            ParentDomain::Named(domain) => {
                check_name(domain)?;
                all.push(AltName::from_text(domain));
            }
            ParentDomain::OfNode | ParentDomain::Left => {}
        }
        all.extend(self.alternate_host_name(node).await?.as_deref().map(AltName::from_text));
        for name in &choice.names {
            check_name(name)?;
            all.push(AltName::from_text(name));
        }
        let mut once = Vec::with_capacity(all.len());
        for name in all {
            if !once.iter().any(|known: &AltName| known.folded() == name.folded()) {
                once.push(name);
            }
        }
        Ok(once)
    }
}

/// A name of hosts, without wildcards [sources/certificates#names-and-keys].
fn check_name(name: &str) -> Result<(), CoreError> {
    if name.contains('*') {
        let text = format!("{} is a wildcard; such certificates are not supported", name.escape_debug());
        return Err(CoreError::BadInput(text));
    }
    Ok(name.split('.').try_for_each(check_host_name)?)
}
