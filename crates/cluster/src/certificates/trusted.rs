//! Trust stores by hand: putting certificates in, deleting them for good, taking a deletion back
//! [sources/trust-stores#stores], [sources/trust-stores#deletion].
//!
//! A deletion holds for the whole cluster and leaves a tombstone: what was deleted comes back neither by a copy, nor by a renewal,
//! nor by an import, only when somebody asks for it. The original forgot its deletions: the other nodes put the certificate back
//! (CSCto86463).

use pki::lsc::authority::{is_authority, is_issued_by};
use pki::{Certificate, NameForm};
use trust::is_about;
use wire::role::Role;

use super::checks;
use super::list::{Entry, entries};
use super::log::{log_deletion, log_trusted};
use super::stores::{add_trusted, added, put_trusted, refresh_roles};
use crate::draft::Draft;
use crate::operation::{Context, Decided, Kind, Lists, Made, Operation};
use crate::parameters;
use crate::readable::{KeepsCertificate, readable};
use crate::revocation::{Finding, Policy};
use crate::rows::keys::certificate_key;
use crate::rows::{CertificateRow, DeletedCertificateRow, NodeRow, RevocationRow};
use crate::state::{AskedLists, Asks};
use crate::units::{PHONE_CA_STORES, Service, Unit, service, trust_store};
use crate::wording::listed;
use crate::write::{AddedCertificate, Write};
use crate::{Refusal, State};

/// Certificates above one another that are followed at most: no chain that anybody uses is longer.
const CHAIN_DEPTH: usize = 8;

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// A deletion that is remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deletion {
    /// The trust store.
    pub store: &'static str,
    /// What the row remembers.
    pub row: DeletedCertificateRow,
    /// Until when it can be taken back, milliseconds since 1970 UTC.
    pub until: i64,
}

/// Somebody who needs a certificate: a stable word, and a sentence that names them.
pub struct User {
    /// The word.
    pub label: &'static str,
    /// The sentence.
    pub text: String,
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

/// Subject and serial number, for people.
pub(crate) fn named(certificate: &Certificate) -> String {
    let serial = certificate.serial_text(":", true);
    format!("{} (serial {serial})", certificate.subject(NameForm::Cucm))
}

/// `set cert import trust`: puts certificates into a trust store. They are checked first: dates, size, no wildcard, and none
/// older than one of the same name and key that stands there; CAPF-trust takes CAs only, because everything in it issues.
/// Phone-SAST-trust makes signers of trust lists: one at a time, with a key that phones verify with. The same certificate twice counts
/// once. Others of the same name stand beside each other, and the answer says so. What their CAs say of them, when those are asked.
#[derive(Debug, Clone)]
pub struct ImportTrusted {
    /// Each once.
    certificates: Vec<Certificate>,
    store: String,
    /// What their CAs say of them; empty when they were not asked.
    pub revocation: Vec<Finding>,
}

impl ImportTrusted {
    /// Certificates for a trust store, by its name.
    pub fn new(given: &[Certificate], store: &str) -> Self {
        let mut certificates: Vec<Certificate> = Vec::with_capacity(given.len());
        for certificate in given {
            if !certificates.contains(certificate) {
                certificates.push(certificate.clone());
            }
        }
        Self { certificates, store: store.to_owned(), revocation: Vec::new() }
    }

    /// The certificates that their CAs are asked about, and what stands above them.
    pub fn asked_about(&self, state: &State) -> (Vec<Certificate>, Vec<Certificate>) {
        let policy = Policy::of(&state.parameters);
        let mut checked = self.certificates.clone();
        checked.retain(|one| policy.full_chain || !is_authority(one));
        let mut known = self.certificates.clone();
        known.extend(readable(&state.certificates).map(|(_, certificate)| certificate));
        (checked, known)
    }

    /// What is to be said of them, when nothing stands against them.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn check(&self, state: &State, now: i64) -> Result<Imported, Refusal> {
        let mut imported = Imported { findings: self.revocation.clone(), ..Imported::default() };
        let service = trust_store(&self.store)?;
        let number = service.number;
        let phones_only = service.name == "CAPF-trust";
        let signers = service.roles.contains(&Role::SAST);
        if signers && self.certificates.len() > 1 {
            let text = format!(
                "{} makes signers of trust lists, and the file holds {} certificates. Give the one that is meant in a file of its own",
                service.name,
                self.certificates.len()
            );
            return Err(Refusal::refused("one-at-a-time", text));
        }
        let inside = readable(&state.certificates).filter(|(row, _)| row.services.contains(&number));
        let inside: Vec<Certificate> = inside.map(|(_, certificate)| certificate).collect();
        for certificate in &self.certificates {
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
                return Err(Refusal::refused("not-a-ca", text));
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
                return Err(Refusal::refused("older", text));
            }
        }
        Policy::of(&state.parameters).allow(&self.revocation)?;
        Ok(imported)
    }
}

impl Operation for ImportTrusted {
    type Done = Imported;
    const KIND: Kind = Kind::ImportTrusted;

    fn words(&self, _at: &NodeRow) -> String {
        let name = trust_store(&self.store).map_or(self.store.as_str(), |store| store.name);
        format!("set cert import trust {name}")
    }

    fn decide(&self, draft: &mut Draft, _made: &[Made], context: &Context<'_>) -> Result<Decided<Imported>, Refusal> {
        let Context { at, now, .. } = *context;
        let imported = self.check(draft.state(), now)?;
        let store = trust_store(&self.store)?;
        let result = put(draft, at, &self.certificates, &[store])?;
        if imported.given.iter().any(|one| !one.already) {
            log_trusted(draft, at, store.name, now)?;
            for finding in &self.revocation {
                draft.write(Write::Revocation(noted(finding, now)));
            }
        }
        Ok(Decided { done: imported, result, lists: Lists::Follow })
    }
}

/// Puts certificates into trust stores because somebody brings them along: the CAs of an offline CA, of a phone, of a peer. Those
/// that stand there already stay; one that was deleted comes back.
#[derive(Debug, Clone)]
pub struct PutTrusted {
    /// The certificates.
    pub certificates: Vec<Certificate>,
    /// The names of the trust stores.
    pub stores: Vec<String>,
}

impl PutTrusted {
    /// Certificates for trust stores, by their names.
    pub fn new(certificates: &[Certificate], stores: &[&str]) -> Self {
        Self { certificates: certificates.to_vec(), stores: stores.iter().map(|store| (*store).to_owned()).collect() }
    }
}

impl DeleteTrusted {
    /// An entry of a trust store, by its name.
    pub fn new(store: &str, file: &str) -> Self {
        Self { store: store.to_owned(), file: file.to_owned() }
    }
}

impl UndeleteTrusted {
    /// An entry of a trust store, by the name that it had.
    pub fn new(store: &str, file: &str) -> Self {
        Self { store: store.to_owned(), file: file.to_owned() }
    }
}

impl Operation for PutTrusted {
    type Done = ();
    const KIND: Kind = Kind::ImportTrusted;

    fn words(&self, _at: &NodeRow) -> String {
        format!("set cert import trust {}", self.stores.join(" "))
    }

    fn decide(&self, draft: &mut Draft, _made: &[Made], context: &Context<'_>) -> Result<Decided<()>, Refusal> {
        let stores = self.stores.iter().map(|name| trust_store(name)).collect::<Result<Vec<&Service>, Refusal>>()?;
        let result = put(draft, context.at, &self.certificates, &stores)?;
        if draft.writes().is_empty() {
            // Who brought them is in the audit log, even when all stood there.
            draft.tell("certificate", self.stores.join(", "));
        }
        Ok(Decided { done: (), result, lists: Lists::Follow })
    }
}

/// Puts certificates into trust stores. The result for the audit log. Writes nothing when all stand there.
fn put(
    draft: &mut Draft,
    node: &NodeRow,
    certificates: &[Certificate],
    stores: &[&'static Service],
) -> Result<String, Refusal> {
    let numbers: Vec<i64> = stores.iter().map(|store| store.number).collect();
    let before = draft.state().certificates.clone();
    let stands = |certificate: &Certificate| {
        let fingerprint = pki::hash::hex(&certificate.sha256());
        let row = before.iter().find(|row| row.fingerprint == fingerprint);
        row.is_some_and(|row| numbers.iter().all(|number| row.services.contains(number)))
    };
    let new: Vec<&Certificate> = certificates.iter().filter(|certificate| !stands(certificate)).collect();
    for certificate in &new {
        put_trusted(draft, node, certificate, &numbers)?;
    }
    if !new.is_empty() {
        let names: Vec<&str> = stores.iter().map(|store| store.name).collect();
        draft.tell("certificate", names.join(", "));
    }
    Ok(format!("{}: {}", crate::counted(certificates.len(), "certificate"), subjects(certificates)))
}

/// What is remembered of what a CA said.
pub fn noted(finding: &Finding, now: i64) -> RevocationRow {
    RevocationRow {
        fingerprint: finding.fingerprint.clone(),
        state: finding.state.word().to_owned(),
        source: finding.source.clone(),
        detail: finding.detail.clone(),
        checked_at: now,
    }
}

/// `set cert delete UNIT FILE`: takes a certificate out of a trust store of the whole cluster, and keeps it out. Refused with all
/// who need it: `own-certificate` for the copy of a certificate in use, `lscs-hang-on-it`, `lists-name-it` for a published CTL or ITL,
/// `chains-hang-on-it` for a CA above one of those.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteTrusted {
    /// The trust store.
    pub store: String,
    /// The name of the entry.
    pub file: String,
}

impl Operation for DeleteTrusted {
    type Done = ();
    const KIND: Kind = Kind::DeleteTrusted;

    fn words(&self, _at: &NodeRow) -> String {
        let name = trust_store(&self.store).map_or(self.store.as_str(), |store| store.name);
        format!("set cert delete {name} {}", self.file)
    }

    fn asks(&self) -> Asks {
        let of_phones = trust_store(&self.store).is_ok_and(|store| PHONE_CA_STORES.contains(&store.name));
        Asks { lists: AskedLists::All, lscs: of_phones, ..Asks::default() }
    }

    fn decide(&self, draft: &mut Draft, _made: &[Made], context: &Context<'_>) -> Result<Decided<()>, Refusal> {
        let Context { actor, at, now } = *context;
        let store = trust_store(&self.store)?;
        let state = draft.state();
        let Entry { row, certificate, .. } = entry(&state.certificates, at, store, &self.file)?;
        let certificate = certificate.map_err(Refusal::Unreadable)?;
        check_unused(state, store, row, &certificate)?;
        let key = row.pkid.clone();
        draft.write(Write::Bury {
            certificate: key.clone(),
            store: store.number,
            file: self.file.clone(),
            at: now,
            by: actor.name().to_owned(),
        });
        draft.write(Write::NotTrusted { certificate: key.clone(), store: store.number });
        refresh_roles(draft, &key);
        draft.write(Write::DropUnused);
        draft.tell("certificate", format!("{}/{} deleted", store.name, self.file));
        log_deletion(draft, at, (store.name, &self.file), now)?;
        Ok(Decided { done: (), result: certificate.subject(NameForm::Row), lists: Lists::Follow })
    }
}

/// `set cert undelete UNIT FILE`: puts back what was deleted last under this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UndeleteTrusted {
    /// The trust store.
    pub store: String,
    /// The name that the entry had.
    pub file: String,
}

impl Operation for UndeleteTrusted {
    type Done = Certificate;
    const KIND: Kind = Kind::UndeleteTrusted;

    fn words(&self, _at: &NodeRow) -> String {
        let name = trust_store(&self.store).map_or(self.store.as_str(), |store| store.name);
        format!("set cert undelete {name} {}", self.file)
    }

    fn decide(
        &self,
        draft: &mut Draft,
        _made: &[Made],
        context: &Context<'_>,
    ) -> Result<Decided<Certificate>, Refusal> {
        let store = trust_store(&self.store)?;
        let state = draft.state();
        let mut all = deletions(&state.parameters, &state.deleted, context.now).into_iter();
        let found = all.find(|deletion| deletion.row.service == store.number && deletion.row.file == self.file);
        let Some(Deletion { row, .. }) = found else {
            let text = format!(
                "{}/{} was not deleted within the last {} days; `show cert deleted` lists what can be taken back",
                store.name,
                self.file,
                retention(&state.parameters) / DAY
            );
            return Err(Refusal::BadInput(text));
        };
        let certificate = row.certificate().map_err(Refusal::Unreadable)?;
        draft.write(Write::Unbury { fingerprint: row.fingerprint.clone(), store: row.service });
        draft.write(Write::Certificate(Box::new(AddedCertificate {
            server_name: row.server_name.clone(),
            address: row.address.clone(),
            time_to_live: row.time_to_live,
            ..added(&certificate, context.at, &row.description)?
        })));
        let key = certificate_key(&row.fingerprint);
        add_trusted(draft, &key, &certificate, row.service);
        refresh_roles(draft, &key);
        draft.tell("certificate", format!("{}/{}", store.name, self.file));
        let result = certificate.subject(NameForm::Row);
        Ok(Decided { done: certificate, result, lists: Lists::Follow })
    }
}

/// The entry of a trust store with a name.
fn entry<'a>(
    rows: &'a [CertificateRow],
    node: &NodeRow,
    store: &'static Service,
    file: &str,
) -> Result<Entry<'a>, Refusal> {
    let found = entries(rows, node, true);
    let found = found.into_iter().find(|entry| entry.service.number == store.number && entry.file == file);
    found.ok_or_else(|| {
        Refusal::BadInput(format!(
            "no certificate {}/{}; `show cert list trust` names those that are there",
            store.name,
            file.escape_debug()
        ))
    })
}

/// How long a deletion can be taken back, milliseconds.
fn retention(parameters: &parameters::Parameters) -> i64 {
    i64::from(parameters.number(parameters::DELETED_RETENTION, parameters::DELETED_RETENTION_DAYS)) * DAY
}

/// `show cert deleted`: what was deleted and can still be taken back, the last first. `now` in milliseconds since 1970 UTC.
pub fn deletions(parameters: &parameters::Parameters, rows: &[DeletedCertificateRow], now: i64) -> Vec<Deletion> {
    let keep = retention(parameters);
    let all = rows.iter().filter_map(|row| {
        let until = row.deleted_at.saturating_add(keep);
        service(row.service).map(|store| Deletion { store: store.name, row: row.clone(), until })
    });
    all.filter(|deletion| now < deletion.until).collect()
}

/// Whether nobody needs a certificate in a trust store.
fn check_unused(
    state: &State,
    store: &Service,
    row: &CertificateRow,
    certificate: &Certificate,
) -> Result<(), Refusal> {
    let users = users(state, store, row, certificate)?;
    let Some(first) = users.first() else { return Ok(()) };
    let texts: Vec<&str> = users.iter().map(|user| user.text.as_str()).collect();
    Err(Refusal::refused(first.label, texts.join(". ")))
}

/// All who need a certificate in a trust store.
fn users(
    state: &State,
    store: &Service,
    row: &CertificateRow,
    certificate: &Certificate,
) -> Result<Vec<User>, Refusal> {
    let name = certificate.common_name().unwrap_or_else(|| certificate.subject(NameForm::Row));
    let mut users = Vec::new();
    // Somebody may have put an own certificate where it does not come by itself.
    let units = || row.own.iter().filter_map(|(_, service)| Unit::of_service(*service));
    let is_copy = units().any(|unit| unit.trust_copies().contains(&store.number));
    if is_copy {
        let text = format!("{name} is in use as an own certificate; regenerate that first");
        users.push(User { label: "own-certificate", text });
    }
    let is_phone_ca = PHONE_CA_STORES.contains(&store.name);
    if is_phone_ca {
        users.extend(hanging_lscs(state, &row.fingerprint, &name)?);
    }
    let lists = lists_naming(state, certificate)?;
    if !lists.is_empty() && (is_copy || units().next().is_none()) {
        let text = format!(
            "{name} stands in {}: phones rely on it. Build the list without it first; `utils ctl update CTLFile` does for a CTL",
            listed(&lists)
        );
        users.push(User { label: "lists-name-it", text });
    }
    let chains = chains(state, store, certificate, is_phone_ca)?;
    if !chains.is_empty() {
        let text = format!("{name} is the CA above {}: without it their chain ends nowhere", listed(&chains));
        users.push(User { label: "chains-hang-on-it", text });
    }
    Ok(users)
}

/// The published lists that name a certificate: `the CTL of cucm-pub`.
fn lists_naming(state: &State, certificate: &Certificate) -> Result<Vec<String>, Refusal> {
    let lists = state.lists()?.iter();
    let naming = lists.filter(|one| one.list.records().any(|record| is_about(&record, certificate)));
    Ok(naming.map(|one| format!("the {} of {}", one.kind.word(), one.node)).collect())
}

/// The LSCs that phones may hold from this CA.
///
/// # Errors
/// [`Refusal::Internal`]: they were not asked for.
pub fn hanging_lscs(state: &State, fingerprint: &str, name: &str) -> Result<Option<User>, Refusal> {
    let devices = state.lscs(fingerprint)?;
    if devices.is_empty() {
        return Ok(None);
    }
    let (verb, noun) = if devices.len() == 1 { ("hangs", "LSC") } else { ("hang", "LSCs") };
    let text = format!(
        "{} {noun} {verb} on {name}: their phones could not authenticate any more ({}). Issue them again first; `utils capf \
         stale-lsc list` names them",
        devices.len(),
        listed(devices)
    );
    Ok(Some(User { label: "lscs-hang-on-it", text }))
}

/// What hangs on a CA through its chain: own certificates whose unit looks into this trust store, and CAs of LSCs.
fn chains(state: &State, store: &Service, ca: &Certificate, is_phone_ca: bool) -> Result<Vec<String>, Refusal> {
    let all: Vec<(&CertificateRow, Certificate)> = readable(&state.certificates).collect();
    let mut found = Vec::new();
    for (row, certificate) in all.iter().filter(|(_, certificate)| certificate != ca) {
        let mut units: Vec<Unit> = row.own.iter().filter_map(|(_, service)| Unit::of_service(*service)).collect();
        units.dedup();
        let looking = units.into_iter().filter(|unit| unit.trust_copies().contains(&store.number));
        let looking: Vec<&str> = looking.map(Unit::name).collect();
        let title = || certificate.common_name().unwrap_or_default();
        let title = if !looking.is_empty() {
            format!("the {} certificate {}", looking.join(" and "), title())
        } else if is_phone_ca && !state.lscs(&row.fingerprint)?.is_empty() {
            format!("{}, which issued LSCs", title())
        } else {
            continue;
        };
        if above(certificate, &all).contains(&ca) {
            found.push(title);
        }
    }
    Ok(found)
}

/// The CAs that are here above a certificate, directly or by others; itself is none of them.
pub fn above<'a>(certificate: &Certificate, all: &'a [(&CertificateRow, Certificate)]) -> Vec<&'a Certificate> {
    let mut found: Vec<&Certificate> = Vec::new();
    let mut level = vec![certificate];
    for _ in 0..CHAIN_DEPTH {
        let mut next = Vec::new();
        for (_, candidate) in all.iter().filter(|(_, candidate)| candidate != certificate) {
            let signs = |below: &&Certificate| !below.is_self_issued() && is_issued_by(below, candidate);
            if !found.contains(&candidate) && level.iter().any(signs) {
                found.push(candidate);
                next.push(candidate);
            }
        }
        level = next;
    }
    found
}

fn subjects(certificates: &[Certificate]) -> String {
    let all: Vec<String> = certificates.iter().take(5).map(|certificate| certificate.subject(NameForm::Row)).collect();
    all.join("; ")
}
