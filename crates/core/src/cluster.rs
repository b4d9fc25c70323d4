//! A cluster that is open: its nodes, its release, where it lasts.

use cluster::parameters::{RELEASE, SUBJECT};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cluster::nodes::SubjectParts;
use cluster::rows::{NodeRow, Unreadable};
use cluster::{Actor, Level};
use jiff::tz::TimeZone;
use pki::{Certificate, SoftKey};
use store::Store;
use store::directory::{DataDirectory, NodeDirectory};

use crate::CoreError;
use crate::revocation::{Ask, NoNetwork};
use cluster::parameters::Parameters;
use cluster::releases::{RELEASES, Release, release};
use cluster::units::Unit;

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

impl Cluster {
    /// One that is open, and asks no CA.
    pub(crate) fn new(store: Store, data: DataDirectory, release: &Release, zone: TimeZone) -> Self {
        Self { store, data, release: CurrentRelease::new(release), zone, asks: Arc::new(NoNetwork) }
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
            None => Err(cluster::rows::unreadable::NOT_THERE.to_owned()),
        };
        key.map_err(|reason| {
            let path = node.keys().folder().join(format!("{}.pem", pki::hash::hex(&certificate.key_id())));
            let file = cluster::rows::unreadable::of_file(cluster::rows::unreadable::KEYS, &path, &reason);
            CoreError::Unreadable(Unreadable { way_out: Some(next.to_owned()), ..file })
        })
    }

    /// Whether a process serves a node.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub fn is_served(&self, node: &NodeRow) -> Result<bool, CoreError> {
        Ok(self.directory(node).served()?.is_some())
    }

    pub(crate) fn on_publisher(&self, actor: &Actor, node: &NodeRow) -> Result<(), CoreError> {
        actor.require(Level::ReadWrite)?;
        if node.publisher {
            return Ok(());
        }
        Err(CoreError::refused("not-publisher", "This command can only be run on the publisher"))
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

/// The release that the rows say.
pub(crate) fn release_of(parameters: &Parameters) -> Result<&'static Release, CoreError> {
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
