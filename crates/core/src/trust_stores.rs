//! Trust stores by hand: putting certificates in, deleting them for good, taking a deletion back
//! [sources/trust-stores#stores], [sources/trust-stores#deletion].
//!
//! A deletion holds for the whole cluster and leaves a tombstone: what was deleted comes back neither by a copy, nor by a renewal,
//! nor by an import, only when somebody asks for it. The original forgot its deletions: the other nodes put the certificate back
//! (CSCto86463).

use cluster::rows::{CertificateRow, DeletedCertificateRow, NewCertificate, NodeRow, Unreadable};
use cluster::units::{PHONE_CA_STORES, trust_store};
use cluster::wording::listed;
use pki::listing::ListKind;
use pki::lsc::authority::is_issued_by;
use pki::{Certificate, NameForm};
use store::Transaction;
use trust::is_about;
use wire::trust_list::TrustList;

use crate::CoreError;
use crate::certificates::rows::add_trusted;
use crate::certificates::{Entry, entries, put_trusted, refresh_roles};
use crate::cluster::Cluster;
use cluster::actor::{Actor, Level};
use cluster::parameters;
use cluster::readable::{KeepsCertificate, pem_of, readable};
use cluster::surroundings::Surroundings;
use cluster::units::{Service, Unit, service};

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

/// Somebody who needs a certificate: a stable word, and a sentence that names him.
pub(crate) struct User {
    pub(crate) label: &'static str,
    pub(crate) text: String,
}

/// The entry of a trust store with a name.
fn entry<'a>(
    rows: &'a [CertificateRow],
    node: &NodeRow,
    store: &'static Service,
    file: &str,
) -> Result<Entry<'a>, CoreError> {
    let found = entries(rows, node, true);
    let found = found.into_iter().find(|entry| entry.service.number == store.number && entry.file == file);
    found.ok_or_else(|| {
        CoreError::BadInput(format!(
            "no certificate {}/{}; `show cert list trust` names those that are there",
            store.name,
            file.escape_debug()
        ))
    })
}

impl Cluster {
    /// Puts certificates into trust stores, by name of the store. Those that stand there already stay; one that was deleted
    /// comes back, because somebody asks for it.
    ///
    /// # Errors
    /// [`CoreError`]: the level, no such trust store.
    pub async fn put_trusted(
        &self,
        actor: &Actor,
        node: &NodeRow,
        certificates: &[Certificate],
        stores: &[&str],
        surroundings: &mut dyn Surroundings,
    ) -> Result<(), CoreError> {
        self.put_trusted_logged(actor, node, certificates, stores, None, surroundings).await
    }

    /// The same, told in `CertMgmt.log` with a time.
    pub(crate) async fn put_trusted_logged(
        &self,
        actor: &Actor,
        node: &NodeRow,
        certificates: &[Certificate],
        stores: &[&str],
        logged: Option<i64>,
        surroundings: &mut dyn Surroundings,
    ) -> Result<(), CoreError> {
        actor.require(Level::ReadWrite)?;
        let found = stores.iter().map(|name| trust_store(name)).collect::<Result<Vec<&Service>, cluster::Refusal>>()?;
        let stores: Vec<i64> = found.iter().map(|store| store.number).collect();
        let now = surroundings.now();
        let mut transaction = self.store().begin().await?;
        for certificate in certificates {
            put_trusted(&mut transaction, node, certificate, &stores).await?;
        }
        let names: Vec<&str> = found.iter().map(|store| store.name).collect();
        transaction.note_change(now, "certificate", &names.join(", ")).await?;
        let result = format!("{}: {}", cluster::counted(certificates.len(), "certificate"), subjects(certificates));
        transaction
            .note_audit(now, actor.name(), &format!("set cert import trust {}", names.join(" ")), &result)
            .await?;
        if let Some(at) = logged {
            for name in names {
                self.log_trusted(&mut transaction, node, name, at).await?;
            }
        }
        transaction.commit().await?;
        self.settle_change(surroundings).await
    }

    /// Whether a file of a trust store can be deleted, for whoever asks before.
    ///
    /// # Errors
    /// As [`Self::delete_trusted`].
    pub async fn check_deletion(
        &self,
        actor: &Actor,
        node: &NodeRow,
        store: &str,
        file: &str,
    ) -> Result<(), CoreError> {
        actor.require(Level::ReadWrite)?;
        let store = trust_store(store)?;
        let mut transaction = self.store().begin().await?;
        let rows = transaction.certificates().await?;
        let Entry { row, certificate, .. } = entry(&rows, node, store, file)?;
        match certificate {
            Ok(certificate) => self.check_unused(&mut transaction, &rows, store, row, &certificate).await,
            Err(Unreadable { table, key, .. }) => {
                drop(transaction);
                self.check_unreadable_deletion((&table, &key)).await
            }
        }
    }

    /// Whether nobody needs a certificate in a trust store.
    async fn check_unused(
        &self,
        transaction: &mut Transaction,
        rows: &[CertificateRow],
        store: &Service,
        row: &CertificateRow,
        certificate: &Certificate,
    ) -> Result<(), CoreError> {
        let users = self.users(transaction, rows, store, row, certificate).await?;
        let Some(first) = users.first() else { return Ok(()) };
        let texts: Vec<&str> = users.iter().map(|user| user.text.as_str()).collect();
        Err(CoreError::refused(first.label, texts.join(". ")))
    }

    /// `set cert delete UNIT FILE`: takes a certificate out of a trust store of the whole cluster, and keeps it out.
    ///
    /// # Errors
    /// [`CoreError`]: no such entry; [`CoreError::Refused`] with all who need it: `own-certificate` for the copy of a certificate
    /// in use, `lscs-hang-on-it`, `lists-name-it` for a published CTL or ITL, `chains-hang-on-it` for a CA above one of those.
    pub async fn delete_trusted(
        &self,
        actor: &Actor,
        node: &NodeRow,
        store: &str,
        file: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<(), CoreError> {
        actor.require(Level::ReadWrite)?;
        let store = trust_store(store)?;
        let now = surroundings.now();
        let mut transaction = self.store().begin().await?;
        let rows = transaction.certificates().await?;
        let Entry { row, certificate, .. } = entry(&rows, node, store, file)?;
        let certificate = match certificate {
            Ok(certificate) => certificate,
            Err(unreadable) => {
                drop(transaction);
                let Unreadable { table, key, .. } = unreadable;
                return self.delete_unreadable(actor, (&table, &key), None, surroundings).await.map(drop);
            }
        };
        self.check_unused(&mut transaction, &rows, store, row, &certificate).await?;
        transaction.bury_certificate(&row.pkid, store.number, file, now, actor.name()).await?;
        transaction.remove_trusted(&row.pkid, store.number).await?;
        refresh_roles(&mut transaction, &row.pkid).await?;
        transaction.delete_unused_certificates().await?;
        transaction.note_change(now, "certificate", &format!("{}/{file} deleted", store.name)).await?;
        let command = format!("set cert delete {} {file}", store.name);
        transaction.note_audit(now, actor.name(), &command, &certificate.subject(NameForm::Row)).await?;
        let nodes = self.store().nodes().await?;
        self.log_deletion(&mut transaction, &nodes, node, (store.name, file), now).await?;
        transaction.commit().await?;
        self.settle_change(surroundings).await
    }

    /// `show cert deleted`: what was deleted and can still be taken back, the last first. `now` in milliseconds since 1970 UTC.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn deletions(&self, now: i64) -> Result<Vec<Deletion>, CoreError> {
        let keep = self.retention().await?;
        let mut all = Vec::new();
        for row in self.store().deleted_certificates().await? {
            all.extend(deletion(row, keep).filter(|deletion| now < deletion.until));
        }
        Ok(all)
    }

    /// `set cert undelete UNIT FILE`: puts back what was deleted last under this name.
    ///
    /// # Errors
    /// [`CoreError`]: nothing of this name was deleted within the time of `DeletedCertificateRetention`.
    pub async fn undelete_trusted(
        &self,
        actor: &Actor,
        store: &str,
        file: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Certificate, CoreError> {
        actor.require(Level::ReadWrite)?;
        let store = trust_store(store)?;
        let now = surroundings.now();
        let keep = self.retention().await?;
        let mut transaction = self.store().begin().await?;
        let mut found = None;
        for row in transaction.deleted_certificates().await? {
            let fits = |deletion: &Deletion| deletion.row.service == store.number && deletion.row.file == file;
            found = found.or_else(|| deletion(row, keep).filter(fits));
        }
        let Some(Deletion { row, .. }) = found.filter(|deletion| now < deletion.until) else {
            let text = format!(
                "{}/{file} was not deleted within the last {} days; `show cert deleted` lists what can be taken back",
                store.name,
                keep / DAY
            );
            return Err(CoreError::BadInput(text));
        };
        let certificate = row.certificate().map_err(CoreError::Unreadable)?;
        transaction.forget_deletion(&row.fingerprint, row.service).await?;
        let new = NewCertificate {
            server_name: &row.server_name,
            subject: &certificate.subject(NameForm::Row),
            issuer: &certificate.issuer(NameForm::Row),
            serial: &certificate.serial_hex(),
            pem: &pem_of(&certificate)?,
            fingerprint: &row.fingerprint,
            sha1_base64: &pki::hash::base64(&certificate.sha1()),
            address: &row.address,
            description: &row.description,
            regenerated_at: None,
            time_to_live: row.time_to_live,
        };
        let key = transaction.insert_certificate(&new).await?;
        add_trusted(&mut transaction, &key, &certificate, row.service).await?;
        refresh_roles(&mut transaction, &key).await?;
        transaction.note_change(now, "certificate", &format!("{}/{file}", store.name)).await?;
        let command = format!("set cert undelete {} {file}", store.name);
        transaction.note_audit(now, actor.name(), &command, &certificate.subject(NameForm::Row)).await?;
        transaction.commit().await?;
        self.settle_change(surroundings).await?;
        Ok(certificate)
    }

    /// How long a deletion can be taken back, milliseconds.
    async fn retention(&self) -> Result<i64, CoreError> {
        let days = self.parameters().await?.number(parameters::DELETED_RETENTION, parameters::DELETED_RETENTION_DAYS);
        Ok(i64::from(days) * DAY)
    }

    /// All who need a certificate in a trust store.
    async fn users(
        &self,
        transaction: &mut Transaction,
        rows: &[CertificateRow],
        store: &Service,
        row: &CertificateRow,
        certificate: &Certificate,
    ) -> Result<Vec<User>, CoreError> {
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
            users.extend(hanging_lscs(transaction, &row.fingerprint, &name).await?);
        }
        let lists = self.lists_naming(certificate).await?;
        if !lists.is_empty() && (is_copy || units().next().is_none()) {
            let text = format!(
                "{name} stands in {}: phones rely on it. Build the list without it first; `utils ctl update CTLFile` does for a CTL",
                listed(&lists)
            );
            users.push(User { label: "lists-name-it", text });
        }
        let chains = chains(transaction, rows, store, certificate, is_phone_ca).await?;
        if !chains.is_empty() {
            let text = format!("{name} is the CA above {}: without it their chain ends nowhere", listed(&chains));
            users.push(User { label: "chains-hang-on-it", text });
        }
        Ok(users)
    }

    /// The published lists that name a certificate: `the CTL of cucm-pub`.
    async fn lists_naming(&self, certificate: &Certificate) -> Result<Vec<String>, CoreError> {
        let lists = self.served_lists().await?;
        let naming = lists.iter().filter(|(_, list)| list.records().any(|record| is_about(&record, certificate)));
        Ok(naming.map(|(name, _)| format!("the {name}")).collect())
    }

    /// The lists that nodes give out, each with its name: `CTL of cucm-pub`.
    pub(crate) async fn served_lists(&self) -> Result<Vec<(String, TrustList)>, CoreError> {
        let mut lists = Vec::new();
        for node in self.store().nodes().await? {
            for kind in [ListKind::Ctl, ListKind::Itl] {
                if let Some(published) = self.served_list(&node, kind)? {
                    lists.push((format!("{} of {}", kind.word(), node.name), published.list));
                }
            }
        }
        Ok(lists)
    }
}

/// The LSCs that phones may hold from this CA.
pub(crate) async fn hanging_lscs(
    transaction: &mut Transaction,
    fingerprint: &str,
    name: &str,
) -> Result<Option<User>, CoreError> {
    let devices = transaction.devices_with_lscs_of(fingerprint).await?;
    if devices.is_empty() {
        return Ok(None);
    }
    let (verb, noun) = if devices.len() == 1 { ("hangs", "LSC") } else { ("hang", "LSCs") };
    let text = format!(
        "{} {noun} {verb} on {name}: their phones could not authenticate any more ({}). Issue them again first; `utils capf \
         stale-lsc list` names them",
        devices.len(),
        listed(&devices)
    );
    Ok(Some(User { label: "lscs-hang-on-it", text }))
}

/// What hangs on a CA through its chain: own certificates whose unit looks into this trust store, and CAs of LSCs.
async fn chains(
    transaction: &mut Transaction,
    rows: &[CertificateRow],
    store: &Service,
    ca: &Certificate,
    is_phone_ca: bool,
) -> Result<Vec<String>, CoreError> {
    let all: Vec<(&CertificateRow, Certificate)> = readable(rows).collect();
    let mut found = Vec::new();
    for (row, certificate) in all.iter().filter(|(_, certificate)| certificate != ca) {
        let mut units: Vec<Unit> = row.own.iter().filter_map(|(_, service)| Unit::of_service(*service)).collect();
        units.dedup();
        let looking = units.into_iter().filter(|unit| unit.trust_copies().contains(&store.number));
        let looking: Vec<&str> = looking.map(Unit::name).collect();
        let title = || certificate.common_name().unwrap_or_default();
        let title = if !looking.is_empty() {
            format!("the {} certificate {}", looking.join(" and "), title())
        } else if is_phone_ca && !transaction.devices_with_lscs_of(&row.fingerprint).await?.is_empty() {
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
pub(crate) fn above<'a>(certificate: &Certificate, all: &'a [(&CertificateRow, Certificate)]) -> Vec<&'a Certificate> {
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

fn deletion(row: DeletedCertificateRow, keep: i64) -> Option<Deletion> {
    let until = row.deleted_at.saturating_add(keep);
    service(row.service).map(|store| Deletion { store: store.name, row, until })
}

fn subjects(certificates: &[Certificate]) -> String {
    let all: Vec<String> = certificates.iter().take(5).map(|certificate| certificate.subject(NameForm::Row)).collect();
    all.join("; ")
}
