//! What a cluster is when somebody wants to change it. Devices and what was issued to them are many: they come as a selection that
//! an operation [asks](Asks) for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use jiff::tz::TimeZone;
use pki::listing::ListKind;
use wire::trust_list::TrustList;

use crate::Refusal;
use crate::held::is_waited_for;
use crate::nodes::{NewNode, SubjectParts};
use crate::parameters::{self, Parameters};
use crate::readable::KeepsCertificate;
use crate::releases::Release;
use crate::rows::{
    CertificateRow, DeletedCertificateRow, FormerKeyRow, HeldListRow, Kept, NodeRow, RenewalRow, RequestRow,
    RestartRow, ServiceRow, Unreadable, WebSecurityRow,
};
use crate::trust_lists::NodeCertificates;
use crate::units::Unit;
use crate::units::own_key;

/// What an operation has to know beside what a cluster always is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Asks {
    /// [`State::evidence`].
    pub evidence: bool,
    /// [`State::waited_for`].
    pub held: bool,
    /// [`State::lists`].
    pub lists: AskedLists,
    /// [`State::phones`].
    pub phones: bool,
    /// [`State::lscs`].
    pub lscs: bool,
    /// [`State::has_key`].
    pub keys: bool,
    /// [`State::is_served`].
    pub served: bool,
}

/// Which published lists are read: one that cannot be read stops whoever asks for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum AskedLists {
    /// None.
    #[default]
    None,
    /// The CTLs.
    Ctl,
    /// The CTLs and the ITLs.
    All,
}

/// A published list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Name of the node.
    pub node: String,
    /// Which list.
    pub kind: ListKind,
    /// The list.
    pub list: TrustList,
}

/// What phones may rely on and cannot be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Rows that cannot be read and say what phones hold, who may sign, or what was renewed.
    pub rows: Vec<Unreadable>,
    /// Keys that phones check changes with and that cannot be read, each with the units whose certificates have it.
    pub keys: Vec<(Vec<Unit>, Unreadable)>,
}

/// A cluster.
#[derive(Debug, Clone)]
pub struct State {
    /// The release that it follows.
    pub release: &'static Release,
    /// Its parameters.
    pub parameters: Parameters,
    /// Its nodes, the publisher first.
    pub nodes: Vec<NodeRow>,
    /// All certificates.
    pub certificates: Vec<CertificateRow>,
    /// Rows that say which certificate a unit of a node has, and that name none.
    pub lost: Vec<Unreadable>,
    /// What was deleted from trust stores.
    pub deleted: Vec<DeletedCertificateRow>,
    /// Keys that certificates of the nodes had before.
    pub former_keys: Vec<FormerKeyRow>,
    /// Requests for certificates.
    pub requests: Vec<RequestRow>,
    /// The services of the nodes that have a row.
    pub services: Vec<ServiceRow>,
    /// The last renewal of each unit.
    pub renewals: Vec<RenewalRow>,
    /// Subject parts that were set for nodes.
    pub web_security: Vec<WebSecurityRow>,
    /// The last change of each kind on each node that wants restarts.
    pub restart_causes: Vec<RestartRow>,
    /// When each step was last done on each node.
    pub restarts_done: Vec<RestartRow>,
    /// Default CAs that are switched off, each with its SHA-256.
    pub default_cas_off: Vec<(Kept, String)>,
    /// The data directory.
    pub place: PathBuf,
    /// When something was last noted in the audit log, milliseconds since 1970 UTC.
    pub last_change: Option<i64>,
    /// The time zone that texts are printed in.
    pub zone: TimeZone,
    /// What was asked for.
    pub asked: Asked,
}

/// What was asked for.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// [`Asks::evidence`].
    pub evidence: Option<Evidence>,
    /// [`Asks::held`]: the phones with the ITL that each holds. There too when a rollback was ended.
    pub held_itl: Option<Vec<HeldListRow>>,
    /// The same with the CTL, in mixed mode.
    pub held_ctl: Option<Vec<HeldListRow>>,
    /// Which are in [`Self::lists`].
    pub which: AskedLists,
    /// [`Asks::lists`].
    pub lists: Vec<Published>,
    /// [`Asks::phones`]: name and model.
    pub phones: Option<Vec<(String, String)>>,
    /// [`Asks::lscs`]: the devices that may hold an LSC of a CA, by the SHA-256 of its certificate.
    pub lscs: Option<BTreeMap<String, Vec<String>>>,
    /// [`Asks::keys`]: key of the node and name of the key, lower-case hexadecimal.
    pub keys: Option<BTreeSet<(String, String)>>,
    /// [`Asks::served`]: keys of the nodes that a process serves.
    pub served: Option<BTreeSet<String>>,
}

impl State {
    /// A cluster of these nodes that has nothing yet.
    pub fn of_nodes(release: &'static Release, nodes: Vec<NodeRow>, place: PathBuf, zone: TimeZone) -> Self {
        Self {
            release,
            parameters: Parameters::new(Vec::new()),
            nodes,
            certificates: Vec::new(),
            lost: Vec::new(),
            deleted: Vec::new(),
            former_keys: Vec::new(),
            requests: Vec::new(),
            services: Vec::new(),
            renewals: Vec::new(),
            web_security: Vec::new(),
            restart_causes: Vec::new(),
            restarts_done: Vec::new(),
            default_cas_off: Vec::new(),
            place,
            last_change: None,
            zone,
            asked: Asked::default(),
        }
    }

    /// With what was asked for.
    #[must_use]
    pub fn with(self, asked: Asked) -> Self {
        Self { asked, ..self }
    }

    /// What phones may rely on and cannot be read.
    ///
    /// # Errors
    /// [`Refusal::Internal`]: the operation did not ask for it. Nothing is decided as if there were no phones.
    pub fn evidence(&self) -> Result<&Evidence, Refusal> {
        self.asked.evidence.as_ref().ok_or_else(|| not_asked("evidence"))
    }

    /// The lists that the nodes give out.
    ///
    /// # Errors
    /// As [`Self::evidence`].
    pub fn lists(&self) -> Result<&[Published], Refusal> {
        match self.asked.which {
            AskedLists::All => Ok(&self.asked.lists),
            AskedLists::None | AskedLists::Ctl => Err(not_asked("lists")),
        }
    }

    /// The devices, each with its model.
    ///
    /// # Errors
    /// As [`Self::evidence`].
    pub fn phones(&self) -> Result<&[(String, String)], Refusal> {
        self.asked.phones.as_deref().ok_or_else(|| not_asked("phones"))
    }

    /// The devices that may hold an LSC of a CA, by the SHA-256 of its certificate.
    ///
    /// # Errors
    /// As [`Self::evidence`].
    pub fn lscs(&self, fingerprint: &str) -> Result<&[String], Refusal> {
        let all = self.asked.lscs.as_ref().ok_or_else(|| not_asked("LSCs"))?;
        Ok(all.get(fingerprint).map_or(&[], Vec::as_slice))
    }

    /// Whether a node has a key, by its name.
    ///
    /// # Errors
    /// As [`Self::evidence`].
    pub fn has_key(&self, node: &NodeRow, key_id: &str) -> Result<bool, Refusal> {
        let all = self.asked.keys.as_ref().ok_or_else(|| not_asked("keys"))?;
        Ok(all.contains(&(node.pkid.clone(), key_id.to_owned())))
    }

    /// Whether a process serves a node.
    ///
    /// # Errors
    /// As [`Self::evidence`].
    pub fn is_served(&self, node: &NodeRow) -> Result<bool, Refusal> {
        let all = self.asked.served.as_ref().ok_or_else(|| not_asked("processes"))?;
        Ok(all.contains(&node.pkid))
    }

    /// The publisher.
    ///
    /// # Errors
    /// [`Refusal::Internal`]: there is none.
    pub fn publisher(&self) -> Result<&NodeRow, Refusal> {
        let publisher = self.nodes.iter().find(|node| node.publisher);
        publisher.ok_or_else(|| Refusal::Internal("the cluster has no publisher".to_owned()))
    }

    /// A node as it is now, by the key of its row.
    ///
    /// # Errors
    /// [`Refusal::BadInput`]: it is gone.
    pub fn node(&self, node: &NodeRow) -> Result<&NodeRow, Refusal> {
        let found = self.nodes.iter().find(|row| row.pkid == node.pkid);
        found.ok_or_else(|| Refusal::BadInput(format!("{} is no longer a node of this cluster", node.name)))
    }

    /// The nodes with their own certificates, the publisher first.
    ///
    /// # Errors
    /// [`Refusal::Internal`]: the address of a node is none.
    pub fn own(&self) -> Result<Vec<NodeCertificates>, Refusal> {
        self.nodes.iter().map(|node| own_of(node, &self.certificates, &self.lost)).collect()
    }

    /// The row of the own certificate of a unit of a node.
    pub fn own_row(&self, node: &NodeRow, unit: Unit) -> Option<&CertificateRow> {
        self.certificates.iter().find(|row| row.is_own(&node.pkid, unit.service()))
    }

    /// The last renewal of a unit on any node.
    pub fn last_renewal(&self, unit: Unit) -> Option<&RenewalRow> {
        self.renewals.iter().find(|row| row.service == unit.service())
    }

    /// The phones that a renewal waits for, with the list of a kind that each holds.
    ///
    /// # Errors
    /// As [`Self::evidence`].
    pub fn waited_for(&self, kind: ListKind, now: i64) -> Result<Vec<HeldListRow>, Refusal> {
        let held = match kind {
            ListKind::Ctl => &self.asked.held_ctl,
            ListKind::Itl => &self.asked.held_itl,
        };
        let held = held.as_ref().ok_or_else(|| not_asked("phones with their lists"))?;
        Ok(held.iter().filter(|held| is_waited_for(held, now)).cloned().collect())
    }

    /// The list of a kind that a node gives out.
    ///
    /// # Errors
    /// As [`Self::lists`].
    pub fn list(&self, node: &NodeRow, kind: ListKind) -> Result<Option<&TrustList>, Refusal> {
        let enough = if kind == ListKind::Ctl { AskedLists::Ctl } else { AskedLists::All };
        if self.asked.which < enough {
            return Err(not_asked("lists"));
        }
        let mut lists = self.asked.lists.iter().filter(|published| published.node == node.name);
        Ok(lists.find(|published| published.kind == kind).map(|published| &published.list))
    }

    /// The subject parts of a node: what `set web-security` has set, or those that the cluster was made with.
    pub fn subject_parts(&self, node: &NodeRow) -> SubjectParts {
        if let Some(row) = self.web_security.iter().find(|row| row.node == node.pkid) {
            return SubjectParts {
                country: row.country.clone(),
                organization: row.org_name.clone(),
                unit: row.org_unit.clone(),
                state: row.state.clone(),
                locality: row.locality.clone(),
            };
        }
        let [country, organization, unit, state, locality] =
            parameters::SUBJECT.map(|name| self.parameters.get(name).to_owned());
        SubjectParts { country, organization, unit, state, locality }
    }

    /// The other name, or address, of a node for its subjectAltNames; `None` when none was set.
    pub fn alternate_host_name(&self, node: &NodeRow) -> Option<&str> {
        let row = self.web_security.iter().find(|row| row.node == node.pkid)?;
        Some(row.alternate_host_name.as_str()).filter(|name| !name.is_empty())
    }

    /// Whether a node has a unit.
    ///
    /// # Errors
    /// [`Refusal::Refused`] `unit-not-on-node`.
    pub fn check_unit(&self, node: &NodeRow, unit: Unit) -> Result<(), Refusal> {
        if self.release.units(node.publisher).any(|own| own == unit) {
            return Ok(());
        }
        let text = format!("{} has no {} certificate of its own; run this on the publisher", node.name, unit.name());
        Err(Refusal::refused("unit-not-on-node", text))
    }

    pub(crate) fn set_parameter(&mut self, name: &str, value: &str) {
        self.parameters.set(name, value);
        if name == parameters::RELEASE
            && let Some(release) = crate::releases::release(value)
        {
            self.release = release;
        }
    }
}

fn not_asked(what: &str) -> Refusal {
    Refusal::Internal(format!("this operation did not ask for the {what} that it needs"))
}

/// A node with its own certificates. `lost` are the rows that say which certificate a unit has and that name none.
///
/// # Errors
/// [`Refusal::Internal`]: its address is none.
pub fn own_of(node: &NodeRow, rows: &[CertificateRow], lost: &[Unreadable]) -> Result<NodeCertificates, Refusal> {
    let (mut own, mut unreadable) = (Vec::new(), Vec::new());
    for unit in Unit::ALL {
        let key = own_key(&node.pkid, unit);
        unreadable.extend(lost.iter().find(|row| row.key == key).map(|row| (unit, row.clone())));
    }
    for row in rows {
        let units = Unit::ALL.into_iter().filter(|unit| row.is_own(&node.pkid, unit.service()));
        match row.certificate() {
            Ok(certificate) => own.extend(units.map(|unit| (unit, certificate.clone()))),
            Err(reason) => unreadable.extend(units.map(|unit| (unit, reason.clone()))),
        }
    }
    own.sort_by_key(|(unit, _)| *unit);
    let NewNode { address, .. } = NewNode::try_from(node).map_err(|_| {
        Refusal::Internal(format!("node {} has the address `{}`, which is not IPv4", node.name, node.address))
    })?;
    Ok(NodeCertificates { name: node.name.clone(), address, publisher: node.publisher, own, unreadable })
}
