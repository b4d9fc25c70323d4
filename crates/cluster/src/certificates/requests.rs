//! Requests to a CA: one waits per node and unit; those before it are kept with their keys
//! [sources/shell#certificate-commands], [sources/certificates#requests].

use pki::extensions::AltName;
use pki::name::Subject;
use pki::request::CertificateRequest;
pub use pki::request::RequestDigest;

pub use super::request_choice::{ParentDomain, RequestChoice};

use super::digests::digest;
use super::key_choice::FOR_PHONES;
use super::log::{Logged, log_own};
use crate::draft::Draft;
use crate::nodes::{NewNode, check_host_name};
use crate::operation::{Context, Decided, Kind, Lists, Made, Operation, Wanted, WantedRequest};
use crate::readable;
use crate::rows::{NodeRow, RequestRow, RequestState};
use crate::state::Asks;
use crate::units::Unit;
use crate::write::Write;
use crate::{Refusal, State};

/// Names that are asked for besides those of the nodes: what a page of the original shows, and far more than a cluster has.
const EXTRA_NAMES: usize = 100;

/// Letters of a CN at most (RFC 5280 appendix A, ub-common-name).
const COMMON_NAME_LIMIT: usize = 64;

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

/// The requests of a node: those that wait, in the order of units, then those before them, the newest first.
pub fn listed(rows: &[RequestRow], node: &NodeRow) -> Vec<ListedRequest> {
    let mut all = Vec::new();
    for row in rows {
        let Some(unit) = Unit::of_service(row.service).filter(|_| row.node == node.pkid) else { continue };
        let short: String = row.key_id.chars().take(8).collect();
        let file = match row.state {
            RequestState::Waiting => format!("{}.csr", unit.name()),
            RequestState::Replaced => format!("{}_{short}.csr", unit.name()),
            RequestState::Used => continue,
        };
        // For one that cannot be read no certificate can be uploaded; who lists what cannot be read tells of it.
        let Ok(request) = readable::request(row) else { continue };
        all.push(ListedRequest { unit, file, row: row.clone(), request });
    }
    let place = |unit: Unit| Unit::ALL.iter().position(|known| *known == unit);
    all.sort_by_key(|one| (one.row.state != RequestState::Waiting, place(one.unit)));
    all
}

/// The request that `UNIT` or `UNIT/FILE.csr` means on a node; `None` when there is none.
pub fn find(rows: &[RequestRow], node: &NodeRow, name: &str) -> Option<ListedRequest> {
    let (unit, file) = name.split_once('/').map_or((name, None), |(unit, file)| (unit, Some(file)));
    listed(rows, node).into_iter().find(|one| {
        one.unit.name().eq_ignore_ascii_case(unit)
            && match file {
                None => one.row.state == RequestState::Waiting,
                Some(file) => one.file.eq_ignore_ascii_case(file),
            }
    })
}

/// `set csr gen UNIT`: a new key in the key store of the node, and a request for it. The request before it is kept, with its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestCertificate {
    /// The unit.
    pub unit: Unit,
    /// What was chosen.
    pub choice: RequestChoice,
}

impl Operation for RequestCertificate {
    type Done = CertificateRequest;
    const KIND: Kind = Kind::RequestCertificate;
    const MAKES_KEYS: bool = true;

    fn words(&self, at: &NodeRow) -> String {
        format!("set csr gen {} on {}", self.unit.name(), at.name)
    }

    fn asks(&self) -> Asks {
        Asks { phones: FOR_PHONES.contains(&self.unit), keys: true, ..Asks::default() }
    }

    fn wants(&self, state: &State, context: &Context<'_>) -> Result<Vec<Wanted>, Refusal> {
        let Self { unit, choice } = self;
        state.check_unit(context.at, *unit)?;
        let rules = state.release.requests;
        let row = (rules.row)(*unit).ok_or_else(|| {
            let text = format!("{} signs its own certificates; no CA signs for it", unit.name());
            Refusal::refused("signs-itself", text)
        })?;
        if choice.multi_server && !row.multi_server {
            let text =
                format!("one certificate for all nodes is not possible for {}; each node has its own", unit.name());
            return Err(Refusal::refused("not-multi-server", text));
        }
        let bits = state.key_length(*unit, choice.bits)?;
        let digest = digest(*unit, bits, rules.digests, choice.digest)?;
        let wanted = WantedRequest { choice: choice.clone(), row, bits, digest };
        // Only the names are checked: which CN it has is drawn with the key.
        let sample = state.subject_parts(context.at).named(unit.name());
        wanted.names(state, context.at, *unit, sample)?;
        Ok(vec![Wanted::Request { node: context.at.clone(), unit: *unit, request: Box::new(wanted) }])
    }

    fn decide(
        &self,
        draft: &mut Draft,
        made: &[Made],
        context: &Context<'_>,
    ) -> Result<Decided<CertificateRequest>, Refusal> {
        let Some(Made::Request(request)) = made.first() else {
            return Err(Refusal::Internal("no request was made".to_owned()));
        };
        let Context { at, now, .. } = *context;
        // One whose key is gone cannot wait again, so it is none of those that are kept.
        let before = draft.state().requests.clone();
        for row in before.into_iter().filter(|row| row.node == at.pkid && row.service == self.unit.service()) {
            if row.state == RequestState::Waiting && !draft.state().has_key(at, &row.key_id)? {
                draft.write(Write::RequestState { key_id: row.key_id, state: RequestState::Used });
            }
        }
        let key_id = pki::hash::hex(&request.key_id());
        let result = format!("key {key_id}");
        draft.write(Write::Request(Box::new(RequestRow {
            node: at.pkid.clone(),
            service: self.unit.service(),
            pem: request.to_pem().to_owned().into(),
            key_id,
            multi_server: self.choice.multi_server,
            state: RequestState::Waiting,
            created_at: now,
        })));
        log_own(draft, at, self.unit, Logged::Request, now)?;
        Ok(Decided { done: request.clone(), result, lists: Lists::Stay })
    }
}

impl WantedRequest {
    /// Subject and names of the request. `subject` is that of the unit's next certificate.
    ///
    /// # Errors
    /// [`Refusal::BadInput`]: a name that is none, too many of them.
    pub fn names(
        &self,
        state: &State,
        node: &NodeRow,
        unit: Unit,
        subject: Subject,
    ) -> Result<(Subject, Vec<AltName>), Refusal> {
        let (choice, rules) = (&self.choice, state.release.requests);
        let mut subject = subject;
        if !choice.with_ou.unwrap_or(rules.with_ou) {
            subject.unit.clear();
        }
        if choice.multi_server {
            let suffix = if unit.is_ec() { "-EC-ms" } else { "-ms" };
            let place = NewNode::try_from(node).map_err(Refusal::internal)?;
            subject.common_name = NewNode { name: format!("{}{suffix}", node.name), ..place }.full_name();
        }
        if let Some(name) = &choice.common_name {
            check_name(name)?;
            if name.len() > COMMON_NAME_LIMIT {
                let text = format!("{name} has more than {COMMON_NAME_LIMIT} letters, which a common name may have");
                return Err(Refusal::BadInput(text));
            }
            subject.common_name.clone_from(name);
        }
        let names = if self.row.ca_path_length.is_some() {
            Vec::new()
        } else {
            names_for(state, node, unit, &subject.common_name, choice)?
        };
        Ok((subject, names))
    }
}

/// `set csr restore`: a request that was replaced waits again, and the one that waited becomes a replaced one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreRequest {
    /// `UNIT/FILE.csr`.
    pub name: String,
}

impl RestoreRequest {
    fn replaced(&self, state: &State, node: &NodeRow) -> Result<ListedRequest, Refusal> {
        let found = find(&state.requests, node, &self.name).filter(|one| one.row.state == RequestState::Replaced);
        found.ok_or_else(|| {
            let text = format!("no replaced request {}; `show csr list own` names those that are there", self.name);
            Refusal::BadInput(text)
        })
    }
}

impl Operation for RestoreRequest {
    type Done = ListedRequest;
    const KIND: Kind = Kind::RestoreRequest;

    fn words(&self, at: &NodeRow) -> String {
        format!("set csr restore {} on {}", self.name, at.name)
    }

    fn asks(&self) -> Asks {
        Asks { keys: true, ..Asks::default() }
    }

    fn decide(
        &self,
        draft: &mut Draft,
        _made: &[Made],
        context: &Context<'_>,
    ) -> Result<Decided<ListedRequest>, Refusal> {
        let (name, node) = (&self.name, context.at);
        let found = self.replaced(draft.state(), node)?;
        if !draft.state().has_key(node, &found.row.key_id)? {
            let text = format!(
                "the key of {name} is not in the key store of {}; a certificate for it is of no use",
                node.name
            );
            return Err(Refusal::refused("no-key", text));
        }
        let mine = |row: &&RequestRow| row.node == node.pkid && row.service == found.row.service;
        let waiting: Vec<String> = draft
            .state()
            .requests
            .iter()
            .filter(mine)
            .filter(|row| row.state == RequestState::Waiting)
            .map(|row| row.key_id.clone())
            .collect();
        for key_id in waiting {
            draft.write(Write::RequestState { key_id, state: RequestState::Replaced });
        }
        let key_id = found.row.key_id.clone();
        let result = format!("key {key_id}");
        draft.write(Write::RequestState { key_id, state: RequestState::Waiting });
        Ok(Decided { done: found, result, lists: Lists::Stay })
    }
}

/// The names of a request: the CN and the node always, because whoever checks a name looks into the subjectAltName only
/// (CSCus47235 of the original), every node when it is for all, the domain, what `set web-security` says, and what was asked for.
fn names_for(
    state: &State,
    node: &NodeRow,
    unit: Unit,
    common_name: &str,
    choice: &RequestChoice,
) -> Result<Vec<AltName>, Refusal> {
    if choice.names.len() > EXTRA_NAMES {
        let text = format!("{} names are too many; {EXTRA_NAMES} are taken", choice.names.len());
        return Err(Refusal::BadInput(text));
    }
    let own = NewNode::try_from(node).map_err(Refusal::internal)?.full_name();
    let mut all = vec![AltName::from_text(common_name), AltName::from_text(&own)];
    if choice.multi_server {
        for other in &state.nodes {
            if state.check_unit(other, unit).is_ok() {
                all.push(AltName::from_text(&NewNode::try_from(other).map_err(Refusal::internal)?.full_name()));
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
    all.extend(state.alternate_host_name(node).map(AltName::from_text));
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

/// A name of hosts, without wildcards [sources/certificates#names-and-keys].
fn check_name(name: &str) -> Result<(), Refusal> {
    if name.contains('*') {
        let text = format!("{} is a wildcard; such certificates are not supported", name.escape_debug());
        return Err(Refusal::BadInput(text));
    }
    name.split('.').try_for_each(check_host_name)
}
