//! A cluster: its nodes, its release, where it lasts. Making it and opening it.

use cluster::devices::GROUP_LIMIT;
use cluster::parameters::RELEASE;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cluster::rows::{CertificateRow, GroupRow, NodeRow, ServiceRow, Unreadable};
use jiff::tz::TimeZone;
use pki::{Certificate, SoftKey};
use store::directory::{DataDirectory, NodeDirectory};
use store::{Store, Transaction};

use crate::certificates::{self, MadeCertificate};
use crate::revocation::{Ask, NoNetwork};
use crate::surroundings::Surroundings;
use crate::{CoreError, unreadable};
use cluster::parameters::{self, Parameters};
use cluster::readable::{KeepsCertificate, readable};
use cluster::releases::{KeyProfile, RELEASES, Recovery, Release, release};
use cluster::services;
use cluster::trust_lists::NodeCertificates;
use cluster::units::Unit;

/// The release that the cluster came from at its first start; not there after a fresh installation.
pub const UPGRADED_FROM: &str = "RingfenceUpgradedFrom";
/// The parts of the subjects that a cluster was made with: country, organization, unit, state, locality.
pub const SUBJECT: [&str; 5] =
    ["RingfenceCountry", "RingfenceOrganization", "RingfenceUnit", "RingfenceState", "RingfenceLocality"];

/// Name of the group of nodes that every cluster starts with, as the original calls it.
pub const DEFAULT_GROUP: &str = "Default";

/// A cluster, open.
#[derive(Debug, Clone)]
pub struct Cluster {
    store: Store,
    data: DataDirectory,
    release: CurrentRelease,
    zone: TimeZone,
    asks: Arc<dyn Ask>,
}

/// The release of an open cluster: its place in [`RELEASES`]. All copies of a [`Cluster`] share it, and each look at the
/// parameters brings it up to date, because another process may have changed it.
#[derive(Debug, Clone)]
struct CurrentRelease(Arc<AtomicUsize>);

impl CurrentRelease {
    fn new(release: &Release) -> Self {
        let current = Self(Arc::default());
        current.set(release);
        current
    }

    fn get(&self) -> &'static Release {
        let [oldest, ..] = &RELEASES;
        RELEASES.get(self.0.load(Ordering::Acquire)).unwrap_or(oldest)
    }

    fn set(&self, release: &Release) {
        let place = RELEASES.iter().position(|row| row.name == release.name);
        self.0.store(place.unwrap_or_default(), Ordering::Release);
    }
}

/// A cluster to be made.
#[derive(Debug, Clone)]
pub struct NewCluster {
    /// Its release.
    pub release: &'static Release,
    /// The release that it came from: its certificates are as that one made them. `None`: it is a fresh installation.
    pub upgraded_from: Option<&'static Release>,
    /// Its nodes, the publisher first.
    pub nodes: Vec<NewNode>,
    /// The parts of its certificates' subjects.
    pub subject: SubjectParts,
}

/// A node to be made.
#[derive(Debug, Clone)]
pub struct NewNode {
    /// Host name without domain.
    pub name: String,
    /// Domain; empty when there is none.
    pub domain: String,
    /// Address.
    pub address: Ipv4Addr,
}

/// What all subjects of a cluster share [`set web-security`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectParts {
    /// C, two letters.
    pub country: String,
    /// O.
    pub organization: String,
    /// OU.
    pub unit: String,
    /// ST.
    pub state: String,
    /// L.
    pub locality: String,
}

impl Cluster {
    /// Makes a cluster in a data directory: nodes, keys, certificates, trust-store copies, parameters, ITLs.
    ///
    /// Nothing counts before the last step, one transaction: when anything fails the next start begins again.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn create(
        directory: &Path,
        new: &NewCluster,
        zone: TimeZone,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Self, CoreError> {
        new.check()?;
        let data = DataDirectory::new(directory);
        data.create()?;
        // Another first start on this directory waits here, and then finds what this one made.
        let lock = tokio::task::spawn_blocking({
            let data = data.clone();
            move || data.lock_creation()
        });
        let _lock = lock.await.map_err(CoreError::internal)??;
        if let Some(made) = Self::open(directory, zone.clone()).await? {
            return Ok(made);
        }
        let store = Store::open(&data.database(), true).await?;
        let release = CurrentRelease::new(new.release);
        let cluster = Self { store, data, release, zone, asks: Arc::new(NoNetwork) };
        let mut made = Vec::new();
        for (index, node) in new.nodes.iter().enumerate() {
            cluster.data.node(&node.name, index == 0).create()?;
            let first = new.release.units(index == 0).map(|unit| (unit, new.profile(unit, index == 0)));
            for (unit, profile) in first {
                let subject = new.subject.subject(unit, node, surroundings)?;
                let request = certificates::make::request(profile.certificate, subject, node, unit, surroundings)?;
                let keys = surroundings.rsa_keys();
                made.push((index, unit, certificates::make::make(unit, profile, request, keys).await?));
            }
        }
        for (index, unit, certificate) in &made {
            let holders = if *unit == Unit::ItlRecovery && new.release.recovery == Recovery::Shared {
                0..new.nodes.len()
            } else {
                *index..*index + 1
            };
            for (number, node) in new.nodes.iter().enumerate().filter(|(number, _)| holders.contains(number)) {
                certificate.save(&cluster.data.node(&node.name, number == 0).keys())?;
            }
        }
        let now = surroundings.now();
        let mut transaction = cluster.store.begin().await?;
        cluster.insert_all(&mut transaction, new, &made, now).await?;
        transaction.commit().await?;
        cluster.settle(surroundings).await?;
        Ok(cluster)
    }

    async fn insert_all(
        &self,
        transaction: &mut Transaction,
        new: &NewCluster,
        made: &[(usize, Unit, MadeCertificate)],
        now: i64,
    ) -> Result<(), CoreError> {
        transaction.insert_enterprise_wide_data().await?;
        let mut rows = Vec::new();
        for (number, node) in (1_i64..).zip(&new.nodes) {
            let address = node.address.to_string();
            let pkid = transaction.insert_node(&node.name, &node.domain, &address, number).await?;
            for service in services::of_node(self.release(), number == 1) {
                let row = ServiceRow {
                    node: pkid.clone(),
                    name: service.name.to_owned(),
                    started: service.activated_at_first(),
                    activated: service.activated_at_first(),
                    started_at: now,
                };
                transaction.set_service(&row).await?;
            }
            rows.push(NodeRow {
                pkid,
                name: node.name.clone(),
                domain: node.domain.clone(),
                address,
                number,
                publisher: number == 1,
                directory: node.name.clone(),
            });
        }
        for (name, value) in parameters::defaults() {
            transaction.set_parameter(name, value).await?;
        }
        transaction.set_parameter(RELEASE, new.release.name).await?;
        if let Some(from) = new.upgraded_from {
            transaction.set_parameter(UPGRADED_FROM, from.name).await?;
        }
        for (name, value) in SUBJECT.iter().zip(new.subject.values()) {
            transaction.set_parameter(name, value).await?;
        }
        let nodes = new.nodes.iter().take(GROUP_LIMIT).map(|node| node.name.clone()).collect();
        transaction.put_group(&GroupRow { name: DEFAULT_GROUP.to_owned(), nodes }).await?;
        for (index, unit, certificate) in made {
            if let Some(node) = rows.get(*index) {
                certificates::insert_own(transaction, node, *unit, certificate.certificate(), None).await?;
            }
        }
        transaction.note_change(now, "cluster", "created").await?;
        transaction.note_audit(now, "system", "first start", "cluster created").await?;
        Ok(())
    }

    /// Opens the cluster of a data directory; `None` when none was made there yet.
    ///
    /// # Errors
    /// [`CoreError`]: damaged, of a release that this program does not know.
    pub async fn open(directory: &Path, zone: TimeZone) -> Result<Option<Self>, CoreError> {
        let data = DataDirectory::new(directory);
        data.check_owner()?;
        let size = store::aside::length(&data.database())?;
        if size.unwrap_or_default() == 0 {
            return nothing_or_lost(&data).map(|()| None);
        }
        let store = Store::open(&data.database(), false).await?;
        if store.nodes().await?.is_empty() {
            store.close().await;
            return nothing_or_lost(&data).map(|()| None);
        }
        let release = CurrentRelease::new(release_of(&Parameters::new(store.parameters().await?))?);
        let cluster = Self { store, data, release, zone, asks: Arc::new(NoNetwork) };
        cluster.name_entries().await?;
        Ok(Some(cluster))
    }

    /// Entries of trust stores have names since migration 7; those before it get theirs here.
    async fn name_entries(&self) -> Result<(), CoreError> {
        let rows = self.store.certificates().await?;
        if readable(&rows).all(|(row, _)| certificates::rows::nameless(row).next().is_none()) {
            return Ok(());
        }
        let mut transaction = self.store.begin().await?;
        certificates::rows::name_entries(&mut transaction).await?;
        Ok(transaction.commit().await?)
    }

    /// Writes the settings of a node, unless they are there: whoever wrote them knows better. Whether they were written.
    ///
    /// # Errors
    /// [`CoreError`].
    pub fn write_settings(&self, node: &NodeRow, text: &str) -> Result<bool, CoreError> {
        let path = self.directory(node).settings();
        let missing = !path.exists();
        if missing {
            store::aside::write(&path, text.as_bytes(), 0o600)?;
        }
        Ok(missing)
    }

    /// Writes what a node was started with.
    ///
    /// # Errors
    /// [`CoreError`].
    pub fn write_started_with(&self, node: &NodeRow, text: &str) -> Result<(), CoreError> {
        Ok(store::aside::write(&self.directory(node).started_with(), text.as_bytes(), 0o600)?)
    }

    /// Notes that the first start has come as far as listening: no later one chooses the ports that phones know.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn note_ports_chosen(&self, now: i64) -> Result<(), CoreError> {
        let mut transaction = self.store().begin().await?;
        transaction.note_ports_chosen(now).await?;
        Ok(transaction.commit().await?)
    }

    /// The rows.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The same with somebody who asks CAs whether they have revoked a certificate.
    #[must_use]
    pub fn asking(mut self, asks: Arc<dyn Ask>) -> Self {
        self.asks = asks;
        self
    }

    pub(crate) fn asks(&self) -> &dyn Ask {
        &*self.asks
    }

    /// The data directory.
    pub fn data(&self) -> &DataDirectory {
        &self.data
    }

    /// The release, as of the last look at the parameters.
    pub fn release(&self) -> &'static Release {
        self.release.get()
    }

    /// The time zone that texts are printed in.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The node with a name, or the publisher when no name is given.
    ///
    /// # Errors
    /// [`CoreError::BadInput`] when there is none.
    pub async fn node(&self, name: Option<&str>) -> Result<NodeRow, CoreError> {
        let nodes = self.store.nodes().await?;
        let names: Vec<String> = nodes.iter().map(|node| node.name.clone()).collect();
        let found = nodes.into_iter().find(|node| match name {
            Some(name) => node.name.eq_ignore_ascii_case(name),
            None => node.publisher,
        });
        if let Some(found) = found {
            return Ok(found);
        }
        let wanted = name.unwrap_or("publisher");
        let renamed = self.node_formerly(wanted).await?;
        let renamed = renamed.map_or_else(String::new, |node| format!(" ({wanted} is called {} now)", node.name));
        Err(CoreError::BadInput(format!("no node {wanted}; the nodes are {}{renamed}", names.join(", "))))
    }

    /// The node that had a name until a command changed it; `None` when none had, or when one has it now.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn node_formerly(&self, name: &str) -> Result<Option<NodeRow>, CoreError> {
        let nodes = self.store.nodes().await?;
        if nodes.iter().any(|node| node.name.eq_ignore_ascii_case(name)) {
            return Ok(None);
        }
        let former = self.store.former_settings().await?;
        let had = |node: &NodeRow| {
            former
                .iter()
                .any(|row| row.setting == "hostname" && row.node == node.pkid && row.value.eq_ignore_ascii_case(name))
        };
        Ok(nodes.into_iter().find(had))
    }

    /// The directory of a node.
    pub fn directory(&self, node: &NodeRow) -> NodeDirectory {
        self.data.node(&node.directory, node.publisher)
    }

    /// The parameters. The release among them counts from here on.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn parameters(&self) -> Result<Parameters, CoreError> {
        let parameters = Parameters::new(self.store.parameters().await?);
        self.release.set(release_of(&parameters)?);
        Ok(parameters)
    }

    /// The nodes with their own certificates, the publisher first.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn node_certificates(&self) -> Result<Vec<NodeCertificates>, CoreError> {
        let rows = self.store.certificates().await?;
        let nodes = self.store.nodes().await?;
        let lost = self.unreadable_own().await?;
        nodes.iter().map(|node| node_certificates(node, &rows, &lost)).collect()
    }

    /// The private key of the own certificate of a unit, from the key store of a node.
    ///
    /// # Errors
    /// [`CoreError::Unreadable`] with the way out: this node does not hold it, or it does not parse.
    pub fn key(&self, node: &NodeDirectory, unit: Unit, certificate: &Certificate) -> Result<SoftKey, CoreError> {
        let next =
            format!("Put it back from a backup, or `set cert regen {}` makes certificate and key anew", unit.name());
        self.key_or(node, certificate, &next)
    }

    /// The same for a certificate of another kind; `next` is what there is to do without its key.
    ///
    /// # Errors
    /// As [`Self::key`].
    pub(crate) fn key_or(
        &self,
        node: &NodeDirectory,
        certificate: &Certificate,
        next: &str,
    ) -> Result<SoftKey, CoreError> {
        let pem = node.keys().load(&certificate.key_id())?;
        let key = match &pem {
            Some(pem) => SoftKey::from_pem(pem).map_err(|error| error.to_string()),
            None => Err(unreadable::NOT_THERE.to_owned()),
        };
        key.map_err(|reason| {
            let path = node.keys().folder().join(format!("{}.pem", pki::hash::hex(&certificate.key_id())));
            let file = unreadable::of_file(unreadable::KEYS, &path, &reason);
            CoreError::Unreadable(Unreadable { way_out: Some(next.to_owned()), ..file })
        })
    }

    /// The subject parts of a node: what `set web-security` has set, or those of the cluster.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn subject_parts(&self, node: &NodeRow) -> Result<SubjectParts, CoreError> {
        if let Some(row) = self.store.web_security(&node.pkid).await? {
            return Ok(SubjectParts {
                country: row.country,
                organization: row.org_name,
                unit: row.org_unit,
                state: row.state,
                locality: row.locality,
            });
        }
        self.first_subject_parts().await
    }

    /// The subject parts that the cluster was made with.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn first_subject_parts(&self) -> Result<SubjectParts, CoreError> {
        let parameters = self.parameters().await?;
        let [country, organization, unit, state, locality] = SUBJECT.map(|name| parameters.get(name).to_owned());
        Ok(SubjectParts { country, organization, unit, state, locality })
    }
}

fn release_of(parameters: &Parameters) -> Result<&'static Release, CoreError> {
    let name = parameters.get(RELEASE);
    if name.is_empty() {
        // Its row cannot be read: nothing is built and nothing renewed until it is set right, so any release shows what is there.
        let [.., newest] = &RELEASES;
        return Ok(newest);
    }
    release(name).ok_or_else(|| {
        CoreError::Internal(format!("the cluster follows release {name}, which this program does not know"))
    })
}

/// `lost` are the rows that say which certificate a unit has and that name none.
fn node_certificates(
    node: &NodeRow,
    rows: &[CertificateRow],
    lost: &[Unreadable],
) -> Result<NodeCertificates, CoreError> {
    let (mut own, mut unreadable) = (Vec::new(), Vec::new());
    for unit in Unit::ALL {
        let key = unreadable::own_key(&node.pkid, unit);
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
    let address = node.address.parse().map_err(|_| {
        CoreError::Internal(format!("node {} has the address `{}`, which is not IPv4", node.name, node.address))
    })?;
    Ok(NodeCertificates { name: node.name.clone(), address, publisher: node.publisher, own, unreadable })
}

/// A directory without rows is a new one, unless lists were published there: then its database was lost, and a new cluster
/// in its place would strand every phone that holds those lists.
fn nothing_or_lost(data: &DataDirectory) -> Result<(), CoreError> {
    let list = data.node("", true).published().join(wire::header::ITL_FILE_NAME);
    if store::aside::length(&list)?.is_none() {
        return Ok(());
    }
    let text = format!(
        "{} is missing or empty, but {} shows that a cluster was here: restore the database, or name another directory",
        data.database().display(),
        list.display()
    );
    Err(CoreError::Internal(text))
}

/// Letters in a part of a subject at most (RFC 5280 appendix A, ub-common-name and its sisters).
const SUBJECT_LIMIT: usize = 64;

impl NewCluster {
    /// What the first key and certificate of a unit are. An upgrade keeps what there was and makes what is new as a renewal does.
    fn profile(&self, unit: Unit, publisher: bool) -> KeyProfile {
        let (fresh, renewed) = (self.release.certificates)(unit);
        match self.upgraded_from {
            None => fresh,
            Some(from) if from.units(publisher).any(|had| had == unit) => (from.certificates)(unit).0,
            Some(_) => renewed,
        }
    }

    /// What must hold before anything is made: names go into file paths, certificates, records and configs.
    ///
    /// # Errors
    /// [`CoreError::BadInput`].
    pub fn check(&self) -> Result<(), CoreError> {
        if self.nodes.is_empty() {
            return Err(CoreError::BadInput("a cluster needs at least one node".to_owned()));
        }
        let place = |release: &Release| RELEASES.iter().position(|row| row.name == release.name);
        if let Some(from) = self.upgraded_from.filter(|from| place(from) >= place(self.release)) {
            let text = format!("{} is no release before {}: nothing is upgraded from it", from.name, self.release.name);
            return Err(CoreError::BadInput(text));
        }
        for (index, node) in self.nodes.iter().enumerate() {
            node.check()?;
            let address = node.address;
            let twice = self
                .nodes
                .iter()
                .take(index)
                .any(|other| other.name.eq_ignore_ascii_case(&node.name) || other.address == address);
            if twice {
                return Err(CoreError::BadInput(format!("{} ({address}): name or address stands twice", node.name)));
            }
        }
        self.subject.check()
    }
}

/// Letters, digits, `-`, 63 at most (RFC 1123 2.1).
pub(crate) fn check_host_name(name: &str) -> Result<(), CoreError> {
    let fits = !name.is_empty()
        && name.len() <= 63
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-')
        && !name.starts_with('-')
        && !name.ends_with('-');
    if fits {
        return Ok(());
    }
    Err(CoreError::BadInput(format!(
        "`{}` is not a host name: letters, digits and `-` inside, 63 at most",
        name.escape_debug()
    )))
}

/// Two capital letters (X.520).
///
/// # Errors
/// [`CoreError::BadInput`].
pub fn check_country(country: &str) -> Result<(), CoreError> {
    if country.len() == 2 && country.bytes().all(|letter| letter.is_ascii_uppercase()) {
        return Ok(());
    }
    let upper = country.to_ascii_uppercase();
    let meant = if upper.len() == 2 && upper.bytes().all(|letter| letter.is_ascii_uppercase()) {
        format!(": {upper} is meant")
    } else {
        String::new()
    };
    Err(CoreError::BadInput(format!("country `{}` is not two capital letters{meant}", country.escape_debug())))
}

impl SubjectParts {
    /// What must hold before a certificate carries them.
    pub(crate) fn check(&self) -> Result<(), CoreError> {
        check_country(&self.country)?;
        for part in self.values() {
            if part.len() > SUBJECT_LIMIT || part.chars().any(|letter| letter.is_control() || letter == ';') {
                let reason = "has a `;`, a control character or more than 64 bytes";
                return Err(CoreError::BadInput(format!("`{}` {reason}", part.escape_debug())));
            }
        }
        Ok(())
    }

    fn values(&self) -> [&str; 5] {
        [&self.country, &self.organization, &self.unit, &self.state, &self.locality]
    }

    /// The subject of a unit's certificate on a node: CN is the name of the node with its domain, but
    /// `CAPF-xxxxxxxx` for CAPF and `ITLRECOVERY_<name>` for ITLRecovery.
    ///
    /// # Errors
    /// [`CoreError`] when there are no random bytes for the digits of CAPF.
    pub fn subject(
        &self,
        unit: Unit,
        node: &NewNode,
        surroundings: &mut dyn Surroundings,
    ) -> Result<pki::name::Subject, CoreError> {
        let common_name = match node.common_name(unit) {
            Some(name) => name,
            None => format!("CAPF-{}", surroundings.capf_suffix()?),
        };
        Ok(pki::name::Subject {
            country: self.country.clone(),
            organization: self.organization.clone(),
            unit: self.unit.clone(),
            common_name,
            state: self.state.clone(),
            locality: self.locality.clone(),
        })
    }
}

impl NewNode {
    /// What must hold before a node has these: they go into file paths, certificates, records and configs.
    pub(crate) fn check(&self) -> Result<(), CoreError> {
        check_host_name(&self.name)?;
        self.domain.split('.').filter(|_| !self.domain.is_empty()).try_for_each(check_host_name)?;
        let address = self.address;
        if address.is_unspecified() || address.is_broadcast() || address.is_multicast() {
            return Err(CoreError::BadInput(format!("{address} is not an address that phones can reach")));
        }
        if self.full_name().len() + "ITLRECOVERY_".len() > SUBJECT_LIMIT {
            return Err(CoreError::BadInput(format!("{} is too long for a certificate", self.full_name())));
        }
        Ok(())
    }

    /// CN of a unit's certificate; `None` for CAPF, whose name is a number.
    pub(crate) fn common_name(&self, unit: Unit) -> Option<String> {
        match unit {
            Unit::Capf => None,
            Unit::ItlRecovery => Some(format!("ITLRECOVERY_{}", self.full_name())),
            // Told apart from the RSA certificate of the same node [sources/certificates#self-signed-profile].
            unit if unit.is_ec() => Some(Self { name: format!("{}-EC", self.name), ..self.clone() }.full_name()),
            _ => Some(self.full_name()),
        }
    }

    /// Host name and domain.
    pub fn full_name(&self) -> String {
        if self.domain.is_empty() { self.name.clone() } else { format!("{}.{}", self.name, self.domain) }
    }
}

impl TryFrom<&NodeRow> for NewNode {
    type Error = CoreError;

    fn try_from(row: &NodeRow) -> Result<Self, CoreError> {
        let address = row.address.parse().map_err(|_| CoreError::Internal(format!("bad address `{}`", row.address)))?;
        Ok(Self { name: row.name.clone(), domain: row.domain.clone(), address })
    }
}
