//! Rows and files that cannot be read: named, watched, deleted. Nothing stops for one of them, and nothing is decided as if it were not
//! there:
//!
//! * a list is not rebuilt while a row that it may need cannot be read: the published one stays ([`crate::publish`])
//! * no certificate is renewed while a row that says what phones hold, or who signs, cannot be read ([`cluster::guard`])
//! * a row that phones may rely on is deleted by force only
//!
//! What is damaged stands as an alarm until it is mended or deleted.

use std::path::PathBuf;

use cluster::rows::{Content, DELETE, NodeRow, OWN, RequestRow, RequestState, Unreadable};
use pki::SoftKey;
use pki::listing::ListKind;
use store::aside;
use zeroize::Zeroizing;

use crate::CoreError;
use crate::cluster::Cluster;
use crate::enrolment::strings::StringKey;
use cluster::alarms::ROW_UNREADABLE;
use cluster::parameters::Parameters;
use cluster::readable;
use cluster::releases::Recovery;
use cluster::rows::unreadable::{KEYS, NOT_THERE, PUBLISHED, of_file};
use cluster::trust_lists::NodeCertificates;
use cluster::units::Unit;
use cluster::units::own_key;

/// The rows that say what stands in a list, beside the certificates themselves.
pub(crate) const LISTS: [&str; 4] = ["nodedirectory", OWN, "processconfig", "processnode"];

/// The rows that say what phones hold, who may sign, and what was renewed.
const EVIDENCE: [&str; 7] =
    ["ctlfile", "device", "fetchedlist", "formerkey", "publishedlist", "renewal", "strangerlist"];

/// The rows of certificates and what they stand in.
pub(crate) const CERTIFICATES: [&str; 5] =
    ["certificate", "certificateprocessnodemap", "certificateservicecertificatemap", "certificatetrustrolemap", OWN];

/// The rows of requests.
const REQUESTS: [&str; 1] = ["certificaterequest"];

/// A key that a node must have.
pub(crate) struct NeededKey {
    unit: Unit,
    /// The state of the request whose certificate it waits for: nobody uses it until that comes.
    pub(crate) request: Option<RequestState>,
    /// What the command that deletes takes for it.
    place: String,
    /// The node whose own certificate it belongs to.
    node: String,
    /// Its file.
    pub(crate) file: String,
    /// Where else it lies.
    copy: Option<PathBuf>,
}

impl NeededKey {
    /// Whose it is.
    pub(crate) fn owner(&self) -> String {
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
    pub(crate) fn needed_keys(
        &self,
        node: &NodeRow,
        all: &[NodeCertificates],
        requests: &[RequestRow],
    ) -> Vec<NeededKey> {
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
    pub(crate) fn unreadable_files(
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

    /// The rows that say what phones hold, who may sign, and what was renewed, and that cannot be read.
    pub(crate) async fn unreadable_evidence(&self) -> Result<Vec<Unreadable>, CoreError> {
        let tables: Vec<&str> = LISTS.into_iter().chain(EVIDENCE).collect();
        self.unreadable_rows(&tables).await
    }

    /// The keys of a node that are not there or cannot be read, each with the units whose certificates have it.
    pub(crate) fn unreadable_keys_by_unit(
        &self,
        node: &NodeRow,
        certificates: &[NodeCertificates],
    ) -> Result<Vec<(Vec<Unit>, Unreadable)>, CoreError> {
        let needed = self.needed_keys(node, certificates, &[]);
        let units = |file: &str| needed.iter().filter(|key| key.file == file).map(|key| key.unit).collect();
        let files = self.unreadable_keys(node, certificates, &[])?.into_iter();
        Ok(files.map(|(file, row)| (units(&file), row)).collect())
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
