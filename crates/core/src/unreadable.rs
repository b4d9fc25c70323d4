//! Rows and files that cannot be read: named, watched, deleted. Nothing stops for one of them, and nothing is decided as if it were not
//! there:
//!
//! * a list is not rebuilt while a row that it may need cannot be read: the published one stays ([`crate::publish`])
//! * no certificate is renewed while a row that says what phones hold, or who signs, cannot be read ([`crate::guard`])
//! * a row that phones may rely on is deleted by force only
//!
//! What is damaged stands as an alarm until it is mended or deleted.

use std::path::Path;

use pki::SoftKey;
use pki::listing::ListKind;
use store::Transaction;
use store::aside;
use store::rows::{CertificateRow, NodeRow};
use store::unreadable::{DELETE, Unreadable};
use zeroize::Zeroizing;

use crate::CoreError;
use crate::actor::{Actor, Level};
use crate::alarms::ROW_UNREADABLE;
use crate::certificates::refresh_roles;
use crate::cluster::Cluster;
use crate::enrolment::strings::StringKey;
use crate::guard::check_reason;
use crate::readable::{self, KeepsCertificate};
use crate::surroundings::Surroundings;
use crate::trust_stores::{PHONE_CA_STORES, hanging_lscs, listed};
use crate::units::{Unit, service};

/// The folder of keys, in the place of a table.
pub const KEYS: &str = "keys";
/// The folder of published files, in the place of a table.
pub const PUBLISHED: &str = "published";

/// The rows that say what stands in a list, beside the certificates themselves.
const LISTS: [&str; 4] = ["nodedirectory", "owncertificate", "processconfig", "processnode"];

/// The rows that say what phones hold, who may sign, and what was renewed.
const EVIDENCE: [&str; 7] =
    ["ctlfile", "device", "fetchedlist", "formerkey", "publishedlist", "renewal", "strangerlist"];

/// The rows of certificates and what they stand in.
const CERTIFICATES: [&str; 5] = [
    "certificate",
    "certificateprocessnodemap",
    "certificateservicecertificatemap",
    "certificatetrustrolemap",
    "owncertificate",
];

/// The rows of requests.
const REQUESTS: [&str; 1] = ["certificaterequest"];

/// A file that cannot be read. The key is what is behind the data directory of its node.
pub(crate) fn of_file(folder: &str, path: &Path, reason: &str) -> Unreadable {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    // A subscriber's folders stand in `nodes/NAME/`.
    let node = path.parent().and_then(Path::parent);
    let below = node.and_then(Path::parent).is_some_and(|parent| parent.ends_with("nodes"));
    let node = node.and_then(Path::file_name).filter(|_| below).map(|node| format!("{}/", node.to_string_lossy()));
    Unreadable {
        table: folder.to_owned(),
        key: format!("{}{name}", node.unwrap_or_default()),
        reason: reason.to_owned(),
    }
}

impl Cluster {
    /// Everything that cannot be read: rows of all tables, keys, published lists.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn unreadable(&self) -> Result<Vec<Unreadable>, CoreError> {
        let mut all = self.unreadable_rows(&[]).await?;
        for node in self.store().nodes().await? {
            all.extend(self.unreadable_files(&node)?.into_iter().map(|(_, unreadable)| unreadable));
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

    async fn unreadable_rows(&self, some: &[&str]) -> Result<Vec<Unreadable>, CoreError> {
        Ok(self.store().unreadable(some, &readable::check).await?)
    }

    /// A row that every list of the cluster may depend on and that cannot be read.
    pub(crate) async fn unreadable_for_lists(&self) -> Result<Option<Unreadable>, CoreError> {
        Ok(self.unreadable_rows(&LISTS).await?.into_iter().next())
    }

    /// The files of a node that cannot be read, each with its name.
    fn unreadable_files(&self, node: &NodeRow) -> Result<Vec<(String, Unreadable)>, CoreError> {
        let directory = self.directory(node);
        let mut all = Vec::new();
        for (file, _) in directory.keys().files()? {
            let path = directory.keys().folder().join(&file);
            let Some(bytes) = aside::read(&path)?.map(Zeroizing::new) else { continue };
            let wrong = wrong_key(&file, &bytes);
            all.extend(wrong.map(|reason| (file, of_file(KEYS, &path, &reason))));
        }
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
        let more = self.unreadable_rows(&tables).await?;
        let all: Vec<String> = others.chain(more).map(|row| row.to_string()).collect();
        if all.is_empty() {
            return Ok(());
        }
        let text = format!("Phones may rely on what cannot be read now. {}", listed(&all));
        Err(CoreError::refused("rows-unreadable", text))
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
        let forced = reason.map(|reason| format!("; forced: {reason}")).unwrap_or_default();
        if [KEYS, PUBLISHED].contains(&table) {
            return self.delete_unreadable_file(actor, (table, key), &command, &forced, surroundings).await;
        }
        let mut transaction = self.store().begin().await?;
        let rows = transaction.certificates().await?;
        let row = rows.iter().find(|row| row.pem.unreadable("").place() == format!("{table} {key}"));
        let needed = match row {
            _ if table == "audit" => {
                let text = "Entries of the audit log stay as they are; `utils audit verify` says which were altered";
                return Err(CoreError::refused("audit-stays", text));
            }
            Some(row) => self.needed(&mut transaction, row).await?,
            None if table == "ctlfile" || LISTS.contains(&table) => Some((
                "lists-need-it",
                "It says what stands in the lists that phones hold: set it right instead, from a backup of the database".to_owned(),
            )),
            None => None,
        };
        if let (Some((label, text)), None) = (needed, reason) {
            return Err(CoreError::refused(
                label,
                format!("{text}. `{DELETE} force {table} {key} REASON` does it all the same"),
            ));
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

    async fn delete_unreadable_file(
        &self,
        actor: &Actor,
        (folder, key): (&str, &str),
        command: &str,
        forced: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Unreadable, CoreError> {
        let now = surroundings.now();
        for node in self.store().nodes().await? {
            for (file, unreadable) in self.unreadable_files(&node)? {
                if unreadable.table != folder || unreadable.key != key {
                    continue;
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
