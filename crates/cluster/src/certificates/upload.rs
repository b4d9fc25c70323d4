//! `set cert import own`: the certificate that a CA gave for a request, or one with its key that was made elsewhere
//! [sources/certificates#upload].
//!
//! Everything is checked first and gives an [`UploadPlan`], which says what would change; nothing has changed then. Carrying it
//! out saves the key on every node that gets the certificate, then changes all rows in one transaction.

use pki::lsc::authority::is_issued_by;
use pki::signer::Signer;
use pki::{Certificate, SoftKey};

use super::key_choice::FOR_PHONES;
use super::log::{Logged, log_own};
use super::requests::{self, ListedRequest};
use super::stores::{put_trusted, replace_own};
use super::trusted::{named, noted};
use super::{checks, read};
use crate::draft::Draft;
use crate::nodes::NewNode;
use crate::operation::{Context, Decided, Kind, Lists, Made, Operation, Wanted};
use crate::readable::{KeepsCertificate, readable, request};
use crate::revocation::{Finding, Policy};
use crate::rows::{NodeRow, RequestRow, RequestState};
use crate::state::Asks;
use crate::units::{CHECKED, Unit, service};
use crate::write::Write;
use crate::{Refusal, State};
use crate::{anchors, guard};

/// What somebody uploads. What the nodes had before goes away, with its copies (CSCur97909 of the original), and phones are reset
/// once, however many nodes there are.
#[derive(Debug, Clone)]
pub struct Upload {
    /// For this unit.
    pub unit: Unit,
    /// PEM with one certificate, DER, or PKCS#7 in DER.
    pub file: Vec<u8>,
    /// The key of a certificate whose request was made elsewhere.
    pub key: Option<SoftKey>,
    /// Why it is taken although phones would be left behind or the clock is wrong; the audit entry keeps it. The wait of five
    /// minutes stays.
    pub force: Option<String>,
    /// It is the certificate of this unit of all nodes, and is used on all of them.
    pub reused: Option<Unit>,
    /// What the CAs say of it; empty when they were not asked.
    pub revocation: Vec<Finding>,
    /// The names of the nodes that get it, once it was planned.
    pub names: Vec<String>,
}

/// What an upload will do, when nothing stands against it.
#[derive(Debug, Clone)]
pub struct UploadPlan {
    /// The upload.
    pub upload: Upload,
    /// On this node.
    pub at: NodeRow,
    /// The certificate.
    pub certificate: Certificate,
    /// The nodes that get it, and what each has now.
    pub nodes: Vec<(NodeRow, Option<Certificate>)>,
    /// Certificates of its chain that go into the trust stores, because they came in the same file or stand in one only.
    pub chain: Vec<Certificate>,
    /// What is odd about it, and no reason to refuse it.
    pub doubts: Vec<String>,
    /// The trust stores of the unit, by number.
    stores: Vec<i64>,
    key: KeyFrom,
    /// What was forced, for the audit entry; empty when nothing was.
    forced: String,
}

/// Where the key is.
#[derive(Debug, Clone)]
enum KeyFrom {
    /// In the key store of the node that made this request.
    Request { row: Box<RequestRow>, node: NodeRow },
    /// It came with the certificate.
    Given(SoftKey),
}

impl UploadPlan {
    /// What it does, a line each.
    pub fn lines(&self) -> Vec<String> {
        let unit = self.upload.unit.name();
        let mut lines = Vec::new();
        for (node, old) in &self.nodes {
            let new = named(&self.certificate);
            lines.push(match old {
                Some(old) => format!("{}: {unit} becomes {new}, in the place of {}", node.name, named(old)),
                None => format!("{}: {unit} becomes {new}", node.name),
            });
        }
        let stores: Vec<&str> =
            self.stores.iter().filter_map(|number| service(*number)).map(|store| store.name).collect();
        for ca in &self.chain {
            lines.push(format!("{}: {} stands there", stores.join(", "), named(ca)));
        }
        let nodes: Vec<&str> = self.nodes.iter().map(|(node, _)| node.name.as_str()).collect();
        lines.push(match &self.key {
            KeyFrom::Request { node, .. } if nodes.iter().any(|name| *name != node.name) => {
                format!("the key travels from {} to the key stores of {}", node.name, nodes.join(", "))
            }
            KeyFrom::Request { node, .. } => format!("the key is in the key store of {}", node.name),
            KeyFrom::Given(_) => format!("the key that was given goes into the key stores of {}", nodes.join(", ")),
        });
        lines.extend(self.doubts.iter().map(|doubt| format!("note: {doubt}")));
        lines.extend(self.upload.revocation.iter().map(|finding| format!("revocation: {}", finding.line())));
        lines
    }
}

impl Upload {
    /// For a unit, from a file.
    pub fn new(unit: Unit, file: &[u8]) -> Self {
        Self {
            unit,
            file: file.to_vec(),
            key: None,
            force: None,
            reused: None,
            revocation: Vec::new(),
            names: Vec::new(),
        }
    }

    /// With the key of a certificate whose request was made elsewhere.
    #[must_use]
    pub fn with_key(self, key: SoftKey) -> Self {
        Self { key: Some(key), ..self }
    }

    /// By force, for this reason.
    #[must_use]
    pub fn forced(self, reason: &str) -> Self {
        Self { force: Some(reason.to_owned()), ..self }
    }

    /// The command, and the one that does it although the guard is against it.
    fn commands(&self) -> [String; 2] {
        match self.reused {
            None => {
                let unit = self.unit.name();
                [format!("set cert import own {unit}"), format!("set cert import own force {unit} FILE REASON")]
            }
            Some(from) => {
                [format!("set cert reuse {}", from.name()), format!("set cert reuse force {} REASON", from.name())]
            }
        }
    }

    /// What it will do on a node.
    ///
    /// # Errors
    /// [`Refusal`]: a unit that this node has not; [`Refusal::Refused`] with the reason: `no-request`, `key-mismatch`, `san-mismatch`,
    /// `usage-dropped`, `not-a-ca`, `no-chain`, `revoked`, the others of [`checks`], and what [`crate::guard`] refuses.
    pub fn plan(&self, state: &State, node: &NodeRow, now: i64) -> Result<UploadPlan, Refusal> {
        let (unit, reused) = (self.unit, self.reused);
        let [_, anyway] = &self.commands();
        state.check_unit(node, unit)?;
        let row = (state.release.requests.row)(unit).ok_or_else(|| {
            let text = format!("{} signs its own certificates; none is uploaded for it", unit.name());
            Refusal::refused("signs-itself", text)
        })?;
        let given = read::read(unit, &self.file)?;
        let (certificate, key) = key_for(state, node, unit, &given, self.key.as_ref())?;
        checks::key_kind(unit, &certificate)?;
        state.check_signing_key(unit, certificate.rsa_bits())?;
        checks::plain(&certificate, now)?;
        let mut multi_server = reused.is_some();
        if let KeyFrom::Request { row, .. } = &key {
            multi_server = row.multi_server;
            let asked = request(row).map_err(Refusal::Unreadable)?;
            checks::names(&asked.extensions(), &certificate)?;
        }
        checks::usages(unit, &row, &certificate)?;
        checks::constraints(unit, &certificate, now)?;
        let rows = &state.certificates;
        let forced = guard::check(state, unit, self.force.as_deref(), anyway, now)?;
        let stores = chain_stores(unit);
        let first = stores.first().copied().unwrap_or_default();
        let mut known = given.clone();
        let inside = readable(rows).filter(|(row, _)| row.services.contains(&first));
        known.extend(inside.map(|(_, certificate)| certificate));
        if certificate.is_self_issued() && !is_issued_by(&certificate, &certificate) {
            let text = "the certificate names itself as its issuer and is not signed with its own key";
            return Err(Refusal::refused("no-chain", text));
        }
        let store = service(first).map_or("", |store| store.name);
        let chain = checks::chain(&certificate, &known, store, now)?;
        let (mut nodes, mut doubts) = (Vec::new(), Vec::new());
        for other in state.nodes.iter().filter(|other| multi_server || other.pkid == node.pkid) {
            if state.check_unit(other, unit).is_err() {
                continue;
            }
            let old = rows.iter().find(|row| row.is_own(&other.pkid, unit.service()));
            let old = match old.map(KeepsCertificate::certificate).transpose() {
                Ok(old) => old,
                Err(unreadable) => {
                    doubts.push(format!("what {} has now is not known: {unreadable}", other.name));
                    None
                }
            };
            if let Some(old) = &old {
                checks::newer(unit, &other.name, old, &certificate)?;
            }
            guard::check_renewal(state, other, unit)?;
            nodes.push((other.clone(), old));
        }
        Policy::of(&state.parameters).allow(&self.revocation)?;
        doubts.extend(checks::signature_doubt(&certificate));
        if matches!(key, KeyFrom::Given(_)) && reused.is_none() {
            // CAPF and ITLRecovery have names of their own.
            let names = nodes.iter().filter(|_| unit != Unit::Capf);
            let names = names.map(|(node, _)| NewNode::try_from(node).map(|node| node.full_name()));
            let names = names.collect::<Result<Vec<_>, _>>().map_err(Refusal::internal)?;
            doubts.extend(checks::doubts(&certificate, &names, now));
        }
        let names = nodes.iter().map(|(node, _)| node.name.clone()).collect();
        Ok(UploadPlan {
            upload: Self { names, ..self.clone() },
            at: node.clone(),
            certificate,
            nodes,
            chain,
            doubts,
            stores,
            key,
            forced,
        })
    }
}

impl UploadPlan {
    /// The certificates that their CAs are asked about.
    pub fn asked_about(&self, state: &State) -> Vec<Certificate> {
        let policy = Policy::of(&state.parameters);
        let chain = self.chain.iter().filter(|_| policy.full_chain).cloned();
        std::iter::once(self.certificate.clone()).chain(chain).collect()
    }
}

impl Operation for Upload {
    type Done = UploadPlan;
    const KIND: Kind = Kind::Upload;
    const MAKES_KEYS: bool = true;

    fn words(&self, at: &NodeRow) -> String {
        let [command, _] = self.commands();
        let names = self.names.join(", ");
        format!("{command} on {}", if names.is_empty() { &at.name } else { &names })
    }

    fn asks(&self) -> Asks {
        Asks {
            evidence: true,
            held: CHECKED.contains(&self.unit),
            lists: anchors::asks(self.unit),
            phones: FOR_PHONES.contains(&self.unit),
            ..Asks::default()
        }
    }

    fn wants(&self, state: &State, context: &Context<'_>) -> Result<Vec<Wanted>, Refusal> {
        let plan = self.plan(state, context.at, context.now)?;
        let holders = plan.nodes.iter().map(|(node, _)| node.clone()).collect();
        Ok(vec![match plan.key {
            KeyFrom::Given(key) => Wanted::Given { key, holders },
            KeyFrom::Request { node, .. } => Wanted::Copy {
                from: node,
                certificate: Box::new(plan.certificate),
                next: format!("`set csr gen {}` makes another request with a key of its own", self.unit.name()),
                holders,
            },
        }])
    }

    fn decide(&self, draft: &mut Draft, _made: &[Made], context: &Context<'_>) -> Result<Decided<UploadPlan>, Refusal> {
        let Context { at, now, .. } = *context;
        let plan = self.plan(draft.state(), at, now)?;
        if let KeyFrom::Request { row, .. } = &plan.key {
            draft.write(Write::RequestState { key_id: row.key_id.clone(), state: RequestState::Used });
        }
        for (node, _) in &plan.nodes {
            replace_own(draft, node, self.unit, &plan.certificate, now)?;
            for ca in &plan.chain {
                put_trusted(draft, node, ca, &plan.stores)?;
            }
        }
        for finding in &self.revocation {
            draft.write(Write::Revocation(noted(finding, now)));
        }
        for (node, _) in &plan.nodes {
            log_own(draft, node, self.unit, Logged::Upload, now)?;
        }
        let (serial, forced) = (plan.certificate.serial_text(":", true), &plan.forced);
        let result = format!("new certificate, serial {serial}{forced}");
        Ok(Decided { done: plan, result, lists: Lists::Follow })
    }
}

/// The certificate of a file that belongs to the key that was given, or to a request that waits here.
fn key_for(
    state: &State,
    node: &NodeRow,
    unit: Unit,
    given: &[Certificate],
    key: Option<&SoftKey>,
) -> Result<(Certificate, KeyFrom), Refusal> {
    if let Some(key) = key {
        let own = given.iter().find(|certificate| certificate.spki() == key.spki());
        let own = own.ok_or_else(|| {
            let text = "the key does not belong to the certificate; give the key that its request was made with";
            Refusal::refused("key-mismatch", text)
        })?;
        return Ok((own.clone(), KeyFrom::Given(key.clone())));
    }
    let mut waiting = Vec::new();
    let mut elsewhere = Vec::new();
    for holder in &state.nodes {
        for request in requests::listed(&state.requests, holder) {
            let mine = request.unit == unit
                && request.row.state == RequestState::Waiting
                && (holder.pkid == node.pkid || request.row.multi_server);
            if mine { waiting.push((holder, request)) } else { elsewhere.push((holder, request)) }
        }
    }
    let find = |requests: &[(&NodeRow, ListedRequest)]| {
        requests.iter().find_map(|(holder, request)| {
            let own = given.iter().find(|certificate| certificate.spki() == request.request.spki())?;
            Some((own.clone(), (*holder).clone(), request.clone()))
        })
    };
    if let Some((own, holder, request)) = find(&waiting) {
        return Ok((own, KeyFrom::Request { row: Box::new(request.row), node: holder }));
    }
    let hint = find(&elsewhere).map(|(_, holder, request)| match request.row.state {
        RequestState::Replaced if request.unit == unit && holder.pkid == node.pkid => format!(
            "It belongs to {0}/{1}, which another request has replaced: `set csr restore {0}/{1}` makes that one wait again",
            unit.name(),
            request.file
        ),
        _ => format!("It belongs to {}/{} of {}: upload it there", request.unit.name(), request.file, holder.name),
    });
    if waiting.is_empty() {
        let path = if matches!(unit, Unit::CallManager | Unit::CallManagerEcdsa | Unit::Capf | Unit::Tvs) {
            "/usr/local/cm"
        } else {
            "/usr/local/platform"
        };
        let hint = hint.unwrap_or_else(|| {
            format!("Make a request with `set csr gen {}`, or give the key with the certificate", unit.name())
        });
        let name = unit.name();
        let text = format!("File {path}/.security/{name}/keys/{name}.csr Does Not Exist. {hint}");
        return Err(Refusal::refused("no-request", text));
    }
    let hint = hint.unwrap_or_else(|| {
        format!("`show csr own {}` is the request that waits; let the CA sign that one", unit.name())
    });
    Err(key_mismatch(&hint))
}

fn key_mismatch(hint: &str) -> Refusal {
    Refusal::refused("key-mismatch", format!("CSR Public Key and Certificate Public Key Do Not Match. {hint}"))
}

/// The trust stores of a unit's chain. Whoever checks LSCs looks into CallManager-trust too, so a chain of CAPF goes there.
fn chain_stores(unit: Unit) -> Vec<i64> {
    match unit {
        Unit::Capf => unit.trust_copies().to_vec(),
        _ => unit.trust_copies().iter().copied().take(1).collect(),
    }
}
