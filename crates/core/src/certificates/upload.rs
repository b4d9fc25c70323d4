//! `set cert import own`: the certificate that a CA gave for a request, or one with its key that was made elsewhere
//! [sources/certificates#upload].
//!
//! Everything is checked first and gives an [`UploadPlan`], which says what would change; nothing has changed then. Carrying it
//! out saves the key on every node that gets the certificate, then changes all rows in one transaction.

use cluster::certificates::{checks, read};
use cluster::rows::{NodeRow, RequestRow, RequestState};
use pki::lsc::authority::{is_authority, is_issued_by};
use pki::signer::Signer;
use pki::{Certificate, NameForm, SoftKey};
use wire::role::Role;

use super::requests::ListedRequest;
use super::rows::{put_trusted, replace_own};
use crate::CoreError;
use crate::certificate_log::Logged;
use crate::cluster::Cluster;
use crate::revocation::note_findings;
use cluster::actor::{Actor, Level};
use cluster::nodes::NewNode;
use cluster::readable::{KeepsCertificate, readable, request};
use cluster::revocation::{Finding, Policy};
use cluster::surroundings::Surroundings;
use cluster::units::trust_store;
use cluster::units::{Unit, service};

/// What somebody uploads.
#[derive(Debug, Clone, Copy)]
pub struct Upload<'a> {
    /// For this unit.
    pub unit: Unit,
    /// PEM with one certificate, DER, or PKCS#7 in DER.
    pub file: &'a [u8],
    /// The key of a certificate whose request was made elsewhere.
    pub key: Option<&'a SoftKey>,
    /// Why it is taken although phones would be left behind or the clock is wrong; the audit entry keeps it. The wait of five
    /// minutes stays.
    pub force: Option<&'a str>,
    /// It is the certificate of this unit of all nodes, and is used on all of them.
    pub reused: Option<Unit>,
}

impl Upload<'_> {
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
}

/// What an upload will do. Made by [`Cluster::plan_upload`], when nothing stands against it.
#[derive(Debug, Clone)]
pub struct UploadPlan {
    /// The unit.
    pub unit: Unit,
    /// The certificate.
    pub certificate: Certificate,
    /// The nodes that get it, and what each has now.
    pub nodes: Vec<(NodeRow, Option<Certificate>)>,
    /// Certificates of its chain that go into the trust stores, because they came in the same file or stand in one only.
    pub chain: Vec<Certificate>,
    /// What the CAs say of it; empty when they are not asked.
    pub revocation: Vec<Finding>,
    /// What is odd about it, and no reason to refuse it.
    pub doubts: Vec<String>,
    /// The trust stores of the unit, by number.
    stores: Vec<i64>,
    key: KeyFrom,
    force: Option<String>,
    /// The command, and the one that forces it.
    commands: [String; 2],
}

/// What is to be said of certificates that went into a trust store.
#[derive(Debug, Clone, Default)]
pub struct Imported {
    /// What the CAs say of them; empty when they are not asked.
    pub findings: Vec<Finding>,
    /// Others of the same name that stand there, which look alike in every list.
    pub same_name: Vec<String>,
    /// Each certificate that was given, once: what it is.
    pub given: Vec<Given>,
}

/// A certificate that was given for a trust store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// Subject and serial number.
    pub name: String,
    /// `CA`, `self-signed`, `leaf of CA X`.
    pub kind: String,
    /// The roles that the store gives it.
    pub roles: &'static [Role],
    /// It stands there already.
    pub already: bool,
}

impl Given {
    /// One line of it.
    #[must_use]
    pub fn line(&self) -> String {
        let roles: Vec<String> = self.roles.iter().map(ToString::to_string).collect();
        let roles = if roles.is_empty() { "no role".to_owned() } else { format!("role {}", roles.join(", ")) };
        let already = if self.already { "; stands there already" } else { "" };
        format!("{}: {}, {roles}{already}", self.name, self.kind)
    }
}

/// What a certificate is among others.
fn kind(certificate: &Certificate) -> String {
    if is_authority(certificate) {
        return "CA".to_owned();
    }
    if certificate.is_self_issued() {
        return "self-signed".to_owned();
    }
    let issuer = certificate.issuer_common_name().unwrap_or_else(|| certificate.issuer(NameForm::Cucm));
    format!("leaf of CA {issuer}")
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
        let unit = self.unit.name();
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
        lines.extend(self.revocation.iter().map(|finding| format!("revocation: {}", finding.line())));
        lines
    }
}

/// Subject and serial number, for people.
fn named(certificate: &Certificate) -> String {
    let serial = certificate.serial_text(":", true);
    format!("{} (serial {serial})", certificate.subject(NameForm::Cucm))
}

impl Cluster {
    /// Checks an upload on a node. What it would do. CAs are asked about revocation when that is switched on.
    ///
    /// # Errors
    /// [`CoreError`]: the level, a unit that this node has not; [`CoreError::Refused`] with the reason: `no-request`,
    /// `key-mismatch`, `san-mismatch`, `usage-dropped`, `not-a-ca`, `no-chain`, `revoked`, the others of `checks`, and
    /// what [`crate::guard`] refuses.
    pub async fn plan_upload(
        &self,
        actor: &Actor,
        node: &NodeRow,
        upload: &Upload<'_>,
        surroundings: &mut dyn Surroundings,
    ) -> Result<UploadPlan, CoreError> {
        actor.require(Level::ReadWrite)?;
        let now = surroundings.now();
        let Upload { unit, file, key, force, reused } = *upload;
        let commands = upload.commands();
        let [_, anyway] = &commands;
        self.check_unit(node, unit)?;
        let row = (self.release().requests.row)(unit).ok_or_else(|| {
            let text = format!("{} signs its own certificates; none is uploaded for it", unit.name());
            CoreError::refused("signs-itself", text)
        })?;
        let given = read::read(unit, file)?;
        let (certificate, key) = self.key_for(node, unit, &given, key).await?;
        checks::key_kind(unit, &certificate)?;
        self.check_signing_key(unit, certificate.rsa_bits()).await?;
        checks::plain(&certificate, now)?;
        let mut multi_server = reused.is_some();
        if let KeyFrom::Request { row, .. } = &key {
            multi_server = row.multi_server;
            let asked = request(row).map_err(CoreError::Unreadable)?;
            checks::names(&asked.extensions(), &certificate)?;
        }
        checks::usages(unit, &row, &certificate)?;
        checks::constraints(unit, &certificate, now)?;
        let rows = self.store().certificates().await?;
        self.check_guard(unit, force, anyway, now).await?;
        let stores = chain_stores(unit);
        let first = stores.first().copied().unwrap_or_default();
        let mut known = given.clone();
        let inside = readable(&rows).filter(|(row, _)| row.services.contains(&first));
        known.extend(inside.map(|(_, certificate)| certificate));
        if certificate.is_self_issued() && !is_issued_by(&certificate, &certificate) {
            let text = "the certificate names itself as its issuer and is not signed with its own key";
            return Err(CoreError::refused("no-chain", text));
        }
        let store = service(first).map_or("", |store| store.name);
        let chain = checks::chain(&certificate, &known, store, now)?;
        let all = self.store().nodes().await?;
        let (mut nodes, mut doubts) = (Vec::new(), Vec::new());
        for other in all.into_iter().filter(|other| multi_server || other.pkid == node.pkid) {
            if self.check_unit(&other, unit).is_err() {
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
            self.check_renewal(&other, unit).await?;
            nodes.push((other, old));
        }
        let mut checked = vec![certificate.clone()];
        let policy = Policy::of(&self.parameters().await?);
        checked.extend(chain.iter().filter(|_| policy.full_chain).cloned());
        let revocation = self.find_revoked(&checked, &chain, surroundings).await?;
        policy.allow(&revocation)?;
        doubts.extend(checks::signature_doubt(&certificate));
        if matches!(key, KeyFrom::Given(_)) && reused.is_none() {
            // CAPF and ITLRecovery have names of their own.
            let names = nodes.iter().filter(|_| unit != Unit::Capf);
            let names = names.map(|(node, _)| NewNode::try_from(node).map(|node| node.full_name()));
            doubts.extend(checks::doubts(&certificate, &names.collect::<Result<Vec<_>, _>>()?, now));
        }
        let force = force.map(str::to_owned);
        Ok(UploadPlan { unit, certificate, nodes, chain, revocation, doubts, stores, key, force, commands })
    }

    /// Carries out what was planned: the key on every node that gets the certificate, then own certificates, copies and chain in
    /// one transaction, then lists. What the nodes had before goes away, with its copies (CSCur97909 of the original), and
    /// phones are reset once, however many nodes there are.
    ///
    /// # Errors
    /// [`CoreError`]; the request was replaced meanwhile, or another certificate was changed that has to wait for this one.
    pub async fn upload(
        &self,
        actor: &Actor,
        plan: &UploadPlan,
        surroundings: &mut dyn Surroundings,
    ) -> Result<(), CoreError> {
        actor.require(Level::ReadWrite)?;
        let unit = plan.unit;
        let names: Vec<&str> = plan.nodes.iter().map(|(node, _)| node.name.as_str()).collect();
        let [command, anyway] = &plan.commands;
        let command = format!("{command} on {}", names.join(", "));
        self.audit(actor.name(), &command, "begun", surroundings.now()).await?;
        let key = match &plan.key {
            KeyFrom::Given(key) => key.clone(),
            KeyFrom::Request { node, .. } => self.request_key(node, unit, &plan.certificate)?,
        };
        for (node, _) in &plan.nodes {
            self.directory(node).keys().save(&key.key_id(), &key.to_pem()?)?;
        }
        let now = surroundings.now();
        let mut transaction = self.store().begin().await?;
        let forced = self.check_guard(unit, plan.force.as_deref(), anyway, now).await?;
        if let KeyFrom::Request { row, .. } = &plan.key {
            let waits = |known: &RequestRow| known.key_id == row.key_id && known.state == RequestState::Waiting;
            if !transaction.requests().await?.iter().any(waits) {
                return Err(key_mismatch(
                    "Another request was made meanwhile; look at `show csr list own` and try again",
                ));
            }
            transaction.set_request_state(&row.key_id, RequestState::Used).await?;
        }
        for (node, _) in &plan.nodes {
            replace_own(&mut transaction, node, unit, &plan.certificate, now).await?;
            for ca in &plan.chain {
                put_trusted(&mut transaction, node, ca, &plan.stores).await?;
            }
        }
        note_findings(&mut transaction, &plan.revocation, now).await?;
        let serial = plan.certificate.serial_text(":", true);
        transaction
            .note_audit(now, actor.name(), &command, &format!("new certificate, serial {serial}{forced}"))
            .await?;
        for (node, _) in &plan.nodes {
            self.log_own(&mut transaction, node, unit, Logged::Upload, now).await?;
        }
        transaction.commit().await?;
        self.settle_change(surroundings).await
    }

    /// `set cert import trust`: puts certificates into a trust store. They are checked first: dates, size, no wildcard, and none
    /// older than one of the same name and key that stands there; CAPF-trust takes CAs only, because everything in it issues.
    /// Phone-SAST-trust makes signers of trust lists: one at a time, with a key that phones verify with. The same certificate twice counts
    /// once. Others of the same name stand beside each other, and the answer says so. What their CAs say of them, when those are asked.
    ///
    /// # Errors
    /// [`CoreError`]: the level, no such trust store; [`CoreError::Refused`] with the reason.
    pub async fn import_trusted(
        &self,
        actor: &Actor,
        node: &NodeRow,
        given: &[Certificate],
        store: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Imported, CoreError> {
        actor.require(Level::ReadWrite)?;
        let now = surroundings.now();
        let mut imported = Imported::default();
        let service = trust_store(store)?;
        let number = service.number;
        let phones_only = service.name == "CAPF-trust";
        let signers = service.roles.contains(&Role::SAST);
        let mut once: Vec<Certificate> = Vec::with_capacity(given.len());
        for certificate in given {
            if !once.contains(certificate) {
                once.push(certificate.clone());
            }
        }
        let given = once.as_slice();
        if signers && given.len() > 1 {
            let text = format!(
                "{} makes signers of trust lists, and the file holds {} certificates. Give the one that is meant in a file of its own",
                service.name,
                given.len()
            );
            return Err(CoreError::refused("one-at-a-time", text));
        }
        let rows = self.store().certificates().await?;
        let inside = readable(&rows).filter(|(row, _)| row.services.contains(&number));
        let inside: Vec<Certificate> = inside.map(|(_, certificate)| certificate).collect();
        for certificate in given {
            checks::plain(certificate, now)?;
            if signers {
                checks::signer_of_lists(certificate)?;
            }
            if phones_only && !is_authority(certificate) {
                let name = certificate.subject(NameForm::Cucm);
                let text = format!(
                    "{name} is no CA: it lacks BasicConstraints CA:TRUE or keyCertSign, and CAPF-trust holds those that issue \
                     certificates of phones. Give the certificate of its CA"
                );
                return Err(CoreError::refused("not-a-ca", text));
            }
            imported.given.push(Given {
                name: named(certificate),
                kind: kind(certificate),
                roles: service.roles,
                already: inside.contains(certificate),
            });
            let same_name = |old: &&Certificate| *old != certificate && old.has_subject_of(certificate);
            imported.same_name.extend(inside.iter().filter(same_name).map(named));
            let same_key = |old: &&Certificate| *old != certificate && old.spki() == certificate.spki();
            if let Some(text) = inside.iter().filter(same_key).find_map(|old| checks::older(old, certificate)) {
                return Err(CoreError::refused("older", text));
            }
        }
        if imported.given.iter().all(|one| one.already) {
            return Ok(imported);
        }
        let policy = Policy::of(&self.parameters().await?);
        let mut checked = given.to_vec();
        checked.retain(|one| policy.full_chain || !is_authority(one));
        let mut known = given.to_vec();
        known.extend(readable(&rows).map(|(_, certificate)| certificate));
        let findings = self.find_revoked(&checked, &known, surroundings).await?;
        policy.allow(&findings)?;
        let settled = self.put_trusted_logged(actor, node, given, &[store], Some(now), surroundings).await;
        let settled = match settled {
            Ok(()) => Ok(()),
            Err(behind @ CoreError::ListsBehind(_)) => Err(behind),
            Err(error) => return Err(error),
        };
        let mut transaction = self.store().begin().await?;
        note_findings(&mut transaction, &findings, now).await?;
        transaction.commit().await?;
        settled?;
        imported.findings = findings;
        Ok(imported)
    }

    /// The certificate of a file that belongs to the key that was given, or to a request that waits here.
    async fn key_for(
        &self,
        node: &NodeRow,
        unit: Unit,
        given: &[Certificate],
        key: Option<&SoftKey>,
    ) -> Result<(Certificate, KeyFrom), CoreError> {
        if let Some(key) = key {
            let own = given.iter().find(|certificate| certificate.spki() == key.spki());
            let own = own.ok_or_else(|| {
                let text = "the key does not belong to the certificate; give the key that its request was made with";
                CoreError::refused("key-mismatch", text)
            })?;
            return Ok((own.clone(), KeyFrom::Given(key.clone())));
        }
        let nodes = self.store().nodes().await?;
        let mut waiting = Vec::new();
        let mut elsewhere = Vec::new();
        for holder in &nodes {
            for request in self.requests(holder).await? {
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
            // Without its key the certificate would be of no use.
            self.request_key(&holder, unit, &own)?;
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
            return Err(CoreError::refused("no-request", text));
        }
        let hint = hint.unwrap_or_else(|| {
            format!("`show csr own {}` is the request that waits; let the CA sign that one", unit.name())
        });
        Err(key_mismatch(&hint))
    }
}

impl Cluster {
    /// The key that a request was made for.
    fn request_key(&self, node: &NodeRow, unit: Unit, certificate: &Certificate) -> Result<SoftKey, CoreError> {
        let next = format!("`set csr gen {}` makes another request with a key of its own", unit.name());
        self.key_or(&self.directory(node), certificate, &next)
    }
}

fn key_mismatch(hint: &str) -> CoreError {
    CoreError::refused("key-mismatch", format!("CSR Public Key and Certificate Public Key Do Not Match. {hint}"))
}

/// The trust stores of a unit's chain. Whoever checks LSCs looks into CallManager-trust too, so a chain of CAPF goes there.
fn chain_stores(unit: Unit) -> Vec<i64> {
    match unit {
        Unit::Capf => unit.trust_copies().to_vec(),
        _ => unit.trust_copies().iter().copied().take(1).collect(),
    }
}
