//! Making a cluster, and opening one.

use std::path::Path;

use cluster::State;
use cluster::certificates::stores;
use cluster::devices::GROUP_LIMIT;
use cluster::draft::Draft;
use cluster::nodes::NewCluster;
use cluster::parameters::{self, Parameters, RELEASE, SUBJECT, UPGRADED_FROM};
use cluster::readable::readable;
use cluster::releases::Recovery;
use cluster::rows::{GroupRow, NodeRow, ServiceRow};
use cluster::services;
use cluster::surroundings::Surroundings;
use cluster::units::Unit;
use jiff::tz::TimeZone;
use store::directory::DataDirectory;
use store::{Store, Transaction};

use crate::CoreError;
use crate::cluster::{Cluster, DEFAULT_GROUP, release_of};
use crate::perform::{self, MadeCertificate, make_certificate, write_all};

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
        let cluster = Self::new(store, data, new.release, zone);
        let mut made = Vec::new();
        for (index, node) in new.nodes.iter().enumerate() {
            cluster.data().node(&node.name, index == 0).create()?;
            let first = new.release.units(index == 0).map(|unit| (unit, new.profile(unit, index == 0)));
            for (unit, profile) in first {
                let subject = new.subject.subject(unit, node, surroundings)?;
                let request = perform::self_signed_of(profile.certificate, subject, node, unit, surroundings)?;
                let keys = surroundings.rsa_keys();
                made.push((index, unit, make_certificate(unit, profile, request, keys).await?));
            }
        }
        for (index, unit, certificate) in &made {
            let holders = if *unit == Unit::ItlRecovery && new.release.recovery == Recovery::Shared {
                0..new.nodes.len()
            } else {
                *index..*index + 1
            };
            for (number, node) in new.nodes.iter().enumerate().filter(|(number, _)| holders.contains(number)) {
                certificate.save(&cluster.data().node(&node.name, number == 0).keys())?;
            }
        }
        let now = surroundings.now();
        let mut transaction = cluster.store().begin().await?;
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
        let place = self.data().root().to_owned();
        let mut draft = Draft::new(State::of_nodes(new.release, rows.clone(), place, self.zone().clone()));
        for (index, unit, certificate) in made {
            if let Some(node) = rows.get(*index) {
                stores::insert_own(&mut draft, node, *unit, certificate.certificate(), None)?;
            }
        }
        write_all(self, transaction, draft.writes(), now).await?;
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
        let release = release_of(&Parameters::new(store.parameters().await?))?;
        let cluster = Self::new(store, data, release, zone);
        cluster.name_entries().await?;
        Ok(Some(cluster))
    }

    /// Entries of trust stores have names since migration 7; those before it get theirs here.
    async fn name_entries(&self) -> Result<(), CoreError> {
        if !self.store().has_nameless_entries().await? {
            return Ok(());
        }
        let rows = self.store().certificates().await?;
        if readable(&rows).all(|(row, _)| stores::nameless(row).next().is_none()) {
            return Ok(());
        }
        let mut transaction = self.store().begin().await?;
        let mut draft = perform::draft(self).await?;
        stores::name_entries(&mut draft);
        write_all(self, &mut transaction, draft.writes(), 0).await?;
        Ok(transaction.commit().await?)
    }
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
