//! Rows and files that cannot be read: named, watched, deleted. Nothing stops for one of them, and nothing is decided as if it were not
//! there:
//!
//! * a list is not rebuilt while a row that it may need cannot be read: the published one stays ([`crate::publish`])
//! * no certificate is renewed while a row that says what phones hold, or who signs, cannot be read ([`crate::guard`])
//! * a row that phones may rely on is deleted by force only
//!
//! What is damaged stands as an alarm until it is mended or deleted.

use std::path::PathBuf;

use cluster::rows::{CertificateRow, Content, DELETE, NodeRow, RequestRow, RequestState, Unreadable};
use pki::SoftKey;
use pki::listing::ListKind;
use store::Transaction;
use store::aside;
use zeroize::Zeroizing;

use crate::CoreError;
use crate::certificates::refresh_roles;
use crate::cluster::Cluster;
use crate::enrolment::strings::StringKey;
use crate::trust_stores::hanging_lscs;
use cluster::actor::{Actor, Level};
use cluster::alarms::ROW_UNREADABLE;
use cluster::parameters::Parameters;
use cluster::readable::{self, KeepsCertificate};
use cluster::refusal::check_reason;
use cluster::releases::Recovery;
use cluster::rows::unreadable::{KEYS, NOT_THERE, PUBLISHED, of_file, own_key};
use cluster::surroundings::Surroundings;
use cluster::trust_lists::NodeCertificates;
use cluster::units::CHECKED;
use cluster::units::PHONE_CA_STORES;
use cluster::units::{Unit, service};
use cluster::wording::listed;

/// The rows that say which certificate a unit of a node has.
pub(crate) const OWN: &str = "owncertificate";

/// The rows that say what stands in a list, beside the certificates themselves.
const LISTS: [&str; 4] = ["nodedirectory", OWN, "processconfig", "processnode"];

/// The rows that say what phones hold, who may sign, and what was renewed.
const EVIDENCE: [&str; 7] =
    ["ctlfile", "device", "fetchedlist", "formerkey", "publishedlist", "renewal", "strangerlist"];

/// The rows of certificates and what they stand in.
const CERTIFICATES: [&str; 5] =
    ["certificate", "certificateprocessnodemap", "certificateservicecertificatemap", "certificatetrustrolemap", OWN];

/// The rows of requests.
const REQUESTS: [&str; 1] = ["certificaterequest"];

/// A key that a node must have.
struct NeededKey {
    unit: Unit,
    /// The state of the request whose certificate it waits for: nobody uses it until that comes.
    request: Option<RequestState>,
    /// What the command that deletes takes for it.
    place: String,
    /// The node whose own certificate it belongs to.
    node: String,
    /// Its file.
    file: String,
    /// Where else it lies.
    copy: Option<PathBuf>,
}

impl NeededKey {
    /// Whose it is.
    fn owner(&self) -> String {
        let of = match self.request {
            None => "",
            Some(RequestState::Replaced) => "replaced request for the ",
            Some(_) => "request for the ",
        };
        format!("the {of}{} certificate of {}", self.unit.name(), self.node)
    }

    fn way_out(&self) -> String {
        let (unit, node) = (self.unit.name(), &self.node);
        let anew = match self.request {
            None => format!("`set cert regen {unit}` on {node} makes certificate and key anew"),
            Some(RequestState::Replaced) => {
                format!("`{DELETE} {}` gives the request up: no certificate for it can be used", self.place)
            }
            Some(_) => format!(
                "`set csr gen {unit}` on {node} makes request and key anew: no certificate for the old one can be used"
            ),
        };
        match &self.copy {
            Some(copy) => format!("Copy it from {}, or {anew}", copy.display()),
            None => format!("Put it back from a backup, or {anew}"),
        }
    }
}

/// Settings of the cluster whose rows cannot be read.
#[derive(Debug, Clone)]
pub struct LostSettings {
    /// Those that can be read, when some cannot.
    parameters: Option<Parameters>,
    nodes: Vec<String>,
}

impl LostSettings {
    /// Whether the value of a parameter is one of them.
    pub fn parameter(&self, name: &str) -> bool {
        self.parameters.as_ref().is_some_and(|parameters| {
            let stored = parameters.iter().find(|(stored, _)| *stored == name);
            stored.is_none_or(|(name, value)| readable::check(Content::Parameter, value.as_bytes(), name).is_err())
        })
    }

    /// Whether name, domain and address of a node (key of its row) are among them.
    pub fn node(&self, key: &str) -> bool {
        self.nodes.iter().any(|lost| lost == key)
    }
}

impl Cluster {
    /// Everything that cannot be read: rows of all tables, keys, published lists.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn unreadable(&self) -> Result<Vec<Unreadable>, CoreError> {
        let mut all = self.unreadable_rows(&[]).await?;
        let certificates = self.node_certificates().await?;
        let requests = self.store().requests().await?;
        for node in self.store().nodes().await? {
            all.extend(
                self.unreadable_files(&node, &certificates, &requests)?.into_iter().map(|(_, unreadable)| unreadable),
            );
        }
        Ok(all)
    }

    /// The rows of certificates that cannot be read, for who lists certificates.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn unreadable_certificates(&self) -> Result<Vec<Unreadable>, CoreError> {
        self.unreadable_rows(&CERTIFICATES).await
    }

    /// The rows of requests that cannot be read, for who lists requests.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn unreadable_requests(&self) -> Result<Vec<Unreadable>, CoreError> {
        self.unreadable_rows(&REQUESTS).await
    }

    pub(crate) async fn unreadable_rows(&self, some: &[&str]) -> Result<Vec<Unreadable>, CoreError> {
        let mut all = self.store().unreadable(some, &readable::check).await?;
        if !all.iter().any(|row| row.table == OWN || row.table == "device") {
            return Ok(all);
        }
        let nodes = self.store().nodes().await?;
        let unit_of = |key: &str| {
            let all = nodes.iter().flat_map(|node| Unit::ALL.into_iter().map(move |unit| (node, unit)));
            all.into_iter().find(|(node, unit)| own_key(&node.pkid, *unit) == key)
        };
        for row in &mut all {
            row.way_out = match row.table.as_str() {
                OWN => unit_of(&row.key)
                    .map(|(node, unit)| format!("`set cert regen {}` on {} replaces it", unit.name(), node.name)),
                "device" if row.reason.starts_with("there is no model") => Some(format!(
                    "`ringfence device add NAME --model MODEL` sets it right, `{DELETE} device {}` takes it out",
                    row.key
                )),
                _ => None,
            };
        }
        Ok(all)
    }

    /// Whether a row of the settings of the cluster, or of its nodes, cannot be read, by the names of its parameters and the keys of its
    /// nodes: what they said nobody knows.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn lost_settings(&self) -> Result<LostSettings, CoreError> {
        let rows = self.unreadable_rows(&["processconfig", "processnode"]).await?;
        let nodes = rows.iter().filter(|row| row.table == "processnode").map(|row| row.key.clone()).collect();
        let parameters = rows.iter().any(|row| row.table == "processconfig");
        Ok(LostSettings { parameters: parameters.then_some(self.parameters().await?), nodes })
    }

    /// A row that every list of the cluster may depend on and that cannot be read.
    pub(crate) async fn unreadable_for_lists(&self) -> Result<Option<Unreadable>, CoreError> {
        Ok(self.unreadable_rows(&LISTS).await?.into_iter().next())
    }

    /// The keys that a node must have: those of its own certificates, that of ITLRecovery where the nodes share one, and those of requests
    /// that wait for their certificate.
    fn needed_keys(&self, node: &NodeRow, all: &[NodeCertificates], requests: &[RequestRow]) -> Vec<NeededKey> {
        let shared = |own: &NodeCertificates, unit: Unit| {
            own.publisher && unit == Unit::ItlRecovery && self.release().recovery == Recovery::Shared
        };
        let folder = self.directory(node).keys().folder().to_owned();
        let place = |file: &str| of_file(KEYS, &folder.join(file), NOT_THERE).place();
        let mut needed = Vec::new();
        for own in all {
            for (unit, certificate) in &own.own {
                if own.name != node.name && !shared(own, *unit) {
                    continue;
                }
                let file = format!("{}.pem", pki::hash::hex(&certificate.key_id()));
                let publisher = self.data().node("", true).keys().folder().join(&file);
                let copy = (own.name != node.name && publisher.exists()).then_some(publisher);
                let (node, place) = (own.name.clone(), place(&file));
                needed.push(NeededKey { unit: *unit, request: None, place, node, file, copy });
            }
        }
        // One that was replaced too: `set csr restore` makes it wait again.
        let mine = requests.iter().filter(|row| row.node == node.pkid && row.state != RequestState::Used);
        needed.extend(mine.filter_map(|row| {
            let (unit, file) = (Unit::of_service(row.service)?, format!("{}.pem", row.key_id));
            let (node, place) = (node.name.clone(), place(&file));
            Some(NeededKey { unit, request: Some(row.state), place, node, file, copy: None })
        }));
        needed
    }

    /// The keys of a node that cannot be read or are not there, each with the name of its file.
    fn unreadable_keys(
        &self,
        node: &NodeRow,
        certificates: &[NodeCertificates],
        requests: &[RequestRow],
    ) -> Result<Vec<(String, Unreadable)>, CoreError> {
        let directory = self.directory(node);
        let mut all = Vec::new();
        let needed = self.needed_keys(node, certificates, requests);
        let files = directory.keys().files()?;
        let mut missing: Vec<&NeededKey> = Vec::new();
        for key in &needed {
            let there =
                files.iter().any(|(file, _)| *file == key.file) || missing.iter().any(|row| row.file == key.file);
            missing.extend((!there).then_some(key));
        }
        for key in missing {
            let row = of_file(KEYS, &directory.keys().folder().join(&key.file), NOT_THERE);
            all.push((key.file.clone(), Unreadable { way_out: Some(key.way_out()), ..row }));
        }
        for (file, _) in files {
            let path = directory.keys().folder().join(&file);
            let Some(bytes) = aside::read(&path)?.map(Zeroizing::new) else { continue };
            let wrong = wrong_key(&file, &bytes);
            let way_out = needed.iter().find(|key| key.file == file).map(NeededKey::way_out);
            all.extend(wrong.map(|reason| (file, Unreadable { way_out, ..of_file(KEYS, &path, &reason) })));
        }
        Ok(all)
    }

    /// The files of a node that cannot be read, and the keys that are not there, each with its name.
    fn unreadable_files(
        &self,
        node: &NodeRow,
        certificates: &[NodeCertificates],
        requests: &[RequestRow],
    ) -> Result<Vec<(String, Unreadable)>, CoreError> {
        let mut all = self.unreadable_keys(node, certificates, requests)?;
        for kind in [ListKind::Ctl, ListKind::Itl] {
            let path = self.list_path(node, kind);
            let Some(bytes) = aside::read(&path)? else { continue };
            let wrong = wire::trust_list::TrustList::decode(bytes).err();
            let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            all.extend(wrong.map(|error| (file, of_file(PUBLISHED, &path, &error.to_string()))));
        }
        Ok(all)
    }

    /// Lets an alarm stand for everything that cannot be read, and ends those of what is mended or gone. What cannot be read now.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn watch_unreadable(&self, now: i64) -> Result<Vec<Unreadable>, CoreError> {
        let all = self.unreadable().await?;
        let standing = self.store().standing_alarms().await?;
        let standing: Vec<&str> = standing
            .iter()
            .filter(|alarm| alarm.name == ROW_UNREADABLE.name)
            .map(|alarm| alarm.subject.as_str())
            .collect();
        let ended: Vec<&&str> = standing.iter().filter(|place| all.iter().all(|row| row.place() != **place)).collect();
        let new: Vec<&Unreadable> = all.iter().filter(|row| !standing.contains(&row.place().as_str())).collect();
        if ended.is_empty() && new.is_empty() {
            return Ok(all);
        }
        let node = self.node(None).await?;
        let mut transaction = self.store().begin().await?;
        for place in ended {
            transaction.clear_alarm(ROW_UNREADABLE.name, place).await?;
        }
        for row in new {
            self.stand(&mut transaction, &node, &ROW_UNREADABLE, &row.place(), &row.to_string(), now).await?;
        }
        transaction.commit().await?;
        Ok(all)
    }

    /// Whether a unit may be renewed although rows cannot be read: only when none of them says what phones hold or who signs. The
    /// unit whose own row is the damaged one may, because that is the way out.
    pub(crate) async fn check_readable(&self, unit: Unit) -> Result<(), CoreError> {
        let rows = self.store().certificates().await?;
        let own = |row: &CertificateRow| row.own.iter().any(|(_, service)| *service == unit.service());
        let others = rows.iter().filter(|row| !row.own.is_empty() && !own(row));
        let others = others.filter_map(|row| row.certificate().err());
        let tables: Vec<&str> = LISTS.into_iter().chain(EVIDENCE).collect();
        let mut more = self.unreadable_rows(&tables).await?;
        more.retain(|row| row.table != OWN || !row.key.ends_with(&own_key("", unit)));
        more.extend(self.unreadable_keys_but(unit).await?);
        let all: Vec<String> = others.chain(more).map(|row| row.to_string()).collect();
        if all.is_empty() {
            return Ok(());
        }
        let text = format!("Phones may rely on what cannot be read now. {}", listed(&all));
        Err(CoreError::refused("rows-unreadable", text))
    }

    /// The keys of what phones check changes with that are not there or cannot be read, but for those of one unit: it could not sign
    /// or vouch for the next change.
    async fn unreadable_keys_but(&self, unit: Unit) -> Result<Vec<Unreadable>, CoreError> {
        let certificates = self.node_certificates().await?;
        let mut found = Vec::new();
        for node in self.store().nodes().await? {
            // What a request waits with signs and vouches for nothing.
            let needed = self.needed_keys(&node, &certificates, &[]);
            let checked = |file: &String| {
                let mut units = needed.iter().filter(|key| key.file == *file).map(|key| key.unit);
                units.any(|of| CHECKED.contains(&of)) && !needed.iter().any(|key| key.file == *file && key.unit == unit)
            };
            let files = self.unreadable_keys(&node, &certificates, &[])?.into_iter();
            found.extend(files.filter(|(file, _)| checked(file)).map(|(_, row)| row));
        }
        Ok(found)
    }

    /// `utils unreadable delete TABLE KEY`: takes out a row or file that cannot be read. One that phones may rely on only with a
    /// reason.
    ///
    /// # Errors
    /// [`CoreError`]: the level; nothing unreadable has this name; [`CoreError::Refused`] with who may need it.
    pub async fn delete_unreadable(
        &self,
        actor: &Actor,
        (table, key): (&str, &str),
        force: Option<&str>,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Unreadable, CoreError> {
        actor.require(Level::ReadWrite)?;
        let reason = check_reason(force)?;
        let now = surroundings.now();
        let command = format!("{DELETE} {table} {key}");
        if [KEYS, PUBLISHED].contains(&table) {
            return self.delete_unreadable_file(actor, (table, key), &command, reason, surroundings).await;
        }
        let forced = reason.map(|reason| format!("; forced: {reason}")).unwrap_or_default();
        let mut transaction = self.store().begin().await?;
        let rows = transaction.certificates().await?;
        let row = row_named(&rows, table, key);
        let needed = match row {
            _ if table == "audit" => {
                let text = "Entries of the audit log stay as they are; `utils audit verify` says which were altered";
                return Err(CoreError::refused("audit-stays", text));
            }
            Some(row) => self.needed(&mut transaction, row).await?,
            None if table == OWN => {
                let rows = self.unreadable_own().await?;
                let way_out = rows.into_iter().find(|row| row.key == key).and_then(|row| row.way_out);
                let text = "It says which certificate a unit of a node has";
                Some(("lists-need-it", way_out.map_or_else(|| text.to_owned(), |way_out| format!("{text}; {way_out}"))))
            }
            None if table == "ctlfile" || LISTS.contains(&table) => Some((
                "lists-need-it",
                "It says what stands in the lists that phones hold: set it right instead, from a backup of the database".to_owned(),
            )),
            None => None,
        };
        if let (Some(needed), None) = (needed, reason) {
            return Err(is_needed(needed, table, key));
        }
        let found = transaction.delete_unreadable(table, key, &readable::check).await.map_err(|error| {
            CoreError::refused(
                "referred-to",
                format!("{table} {key} cannot be deleted, other rows refer to it: {error}"),
            )
        })?;
        let Some(found) = found else {
            let text = format!("{table} has no row {key} that cannot be read; `utils unreadable list` names them all");
            return Err(CoreError::BadInput(text));
        };
        if row.is_none() && CERTIFICATES.contains(&table) {
            for row in &rows {
                refresh_roles(&mut transaction, &row.pkid).await?;
            }
        }
        transaction.clear_alarm(ROW_UNREADABLE.name, &found.place()).await?;
        transaction.note_change(now, "certificate", &format!("{} deleted", found.place())).await?;
        transaction.note_audit(now, actor.name(), &command, &format!("{}{forced}", found.reason)).await?;
        transaction.commit().await?;
        self.settle_change(surroundings).await?;
        Ok(found)
    }

    /// Whether a row of a certificate that cannot be read can be deleted without force, for whoever asks before.
    pub(crate) async fn check_unreadable_deletion(&self, (table, key): (&str, &str)) -> Result<(), CoreError> {
        let mut transaction = self.store().begin().await?;
        let rows = transaction.certificates().await?;
        let Some(row) = row_named(&rows, table, key) else { return Ok(()) };
        let needed = self.needed(&mut transaction, row).await?;
        needed.map_or(Ok(()), |needed| Err(is_needed(needed, table, key)))
    }

    async fn delete_unreadable_file(
        &self,
        actor: &Actor,
        (folder, key): (&str, &str),
        command: &str,
        reason: Option<&str>,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Unreadable, CoreError> {
        let now = surroundings.now();
        let forced = reason.map(|reason| format!("; forced: {reason}")).unwrap_or_default();
        let certificates = self.node_certificates().await?;
        let requests = self.store().requests().await?;
        for node in self.store().nodes().await? {
            for (file, unreadable) in self.unreadable_files(&node, &certificates, &requests)? {
                if unreadable.table != folder || unreadable.key != key {
                    continue;
                }
                let needed = self.needed_keys(&node, &certificates, &requests);
                let of = needed.iter().find(|key| key.file == file);
                let missing = unreadable.reason == NOT_THERE;
                if missing && of.is_some_and(|key| key.request == Some(RequestState::Replaced)) {
                    let mut transaction = self.store().begin().await?;
                    let key = file.strip_suffix(".pem").unwrap_or(&file);
                    transaction.set_request_state(key, RequestState::Used).await?;
                    transaction.clear_alarm(ROW_UNREADABLE.name, &unreadable.place()).await?;
                    transaction.note_audit(now, actor.name(), command, "the request is given up").await?;
                    transaction.commit().await?;
                    return Ok(unreadable);
                }
                if let Some(way_out) = unreadable.way_out.as_ref().filter(|_| missing) {
                    return Err(CoreError::refused("not-there", format!("There is no such file to delete. {way_out}")));
                }
                if let (Some(way_out), None) = (&unreadable.way_out, reason) {
                    let text = format!(
                        "It is the key of {}. {way_out}. `{DELETE} force {folder} {key} REASON` does it all the same",
                        of.map(NeededKey::owner).unwrap_or_default()
                    );
                    return Err(CoreError::refused("own-certificate", text));
                }
                self.audit(actor.name(), command, &format!("{}{forced}", unreadable.reason), now).await?;
                match folder {
                    KEYS => self.directory(&node).keys().remove(&file)?,
                    _ => aside::remove(&self.directory(&node).published().join(&file))?,
                };
                let mut transaction = self.store().begin().await?;
                transaction.clear_alarm(ROW_UNREADABLE.name, &unreadable.place()).await?;
                transaction.note_change(now, "list", &format!("{} deleted", unreadable.place())).await?;
                transaction.commit().await?;
                self.settle_change(surroundings).await?;
                return Ok(unreadable);
            }
        }
        let text = format!("{folder} has no file {key} that cannot be read; `utils unreadable list` names them all");
        Err(CoreError::BadInput(text))
    }

    /// Who may need a certificate that cannot be read: a label, and a sentence. It counts as an anchor unless nothing says so.
    async fn needed(
        &self,
        transaction: &mut Transaction,
        row: &CertificateRow,
    ) -> Result<Option<(&'static str, String)>, CoreError> {
        let units: Vec<&str> =
            row.own.iter().filter_map(|(_, number)| Unit::of_service(*number)).map(Unit::name).collect();
        if let Some(unit) = units.first() {
            let text =
                format!("It is the {} certificate of a node; `set cert regen {unit}` replaces it", units.join(" and "));
            return Ok(Some(("own-certificate", text)));
        }
        let stores = row.services.iter().filter_map(|number| service(*number));
        if stores.into_iter().any(|store| PHONE_CA_STORES.contains(&store.name)) {
            let title = format!("what SHA-256 {} was", row.fingerprint.escape_debug());
            if let Some(user) = hanging_lscs(transaction, &row.fingerprint, &title).await? {
                return Ok(Some((user.label, user.text)));
            }
        }
        let naming = self.served_lists().await?.into_iter().filter(|(_, list)| {
            let ders = list.records().filter_map(|record| record.certificate().map(pki::hash::sha256));
            ders.into_iter().any(|hash| pki::hash::hex(&hash) == row.fingerprint)
        });
        let naming: Vec<String> = naming.map(|(name, _)| format!("the {name}")).collect();
        Ok((!naming.is_empty())
            .then(|| ("lists-name-it", format!("It stands in {}: phones rely on it", listed(&naming)))))
    }
}

fn row_named<'a>(rows: &'a [CertificateRow], table: &str, key: &str) -> Option<&'a CertificateRow> {
    rows.iter().find(|row| row.pem.unreadable("").place() == format!("{table} {key}"))
}

fn is_needed((label, text): (&'static str, String), table: &str, key: &str) -> CoreError {
    CoreError::refused(label, format!("{text}. `{DELETE} force {table} {key} REASON` does it all the same"))
}

/// Why a file of the key folder cannot be used, if it is one of ours.
fn wrong_key(file: &str, bytes: &[u8]) -> Option<String> {
    if file == StringKey::file() {
        return StringKey::read(bytes).err();
    }
    let name = file.strip_suffix(".pem")?;
    if name.len() != 64 || !name.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    match SoftKey::from_pem(bytes) {
        Err(error) => Some(error.to_string()),
        Ok(key) if pki::hash::hex(&key.key_id()) != name => Some("it is another key than its name says".to_owned()),
        Ok(_) => None,
    }
}
