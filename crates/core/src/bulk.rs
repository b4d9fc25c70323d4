//! Certificates exchanged with other clusters, so that phones can move between them: each cluster exports to a place that all
//! reach, one consolidates, all import [sources/bulk#commands].
//!
//! * [`exchange`]: the place; what is exchanged, and the file, are those of [`cluster::bulk`]
//!
//! Whoever may write at that place decides whom the phones of every cluster believe: the password of the place is as good as the key
//! of a signer. It is kept sealed under a key of the publisher's key store, the host key of the server is remembered.

pub mod exchange;

use cluster::bulk::bundle::{self, Bundle, BundleEntry};
use cluster::bulk::units::BulkUnit;
use std::path::PathBuf;

use cluster::rows::{BulkServerRow, NodeRow};
use pki::{Certificate, NameForm};
use zeroize::Zeroizing;

use crate::CoreError;
use crate::cluster::Cluster;
use crate::enrolment::strings::StringKey;
use crate::perform::{draft, write_all};
use cluster::actor::Actor;
use cluster::certificates::stores::bring_trusted;
use cluster::nodes::NewNode;
use cluster::surroundings::Surroundings;
use cluster::units::service;

pub use exchange::{Exchange, ExchangeError, ExchangeFolder, SftpServer};

use exchange::LocalFolder;

/// What the sealed password is bound to.
const PASSWORD_OF: &str = "bulk SFTP server";

/// The place of an exchange.
#[derive(Debug, Clone)]
pub enum Place {
    /// A directory of this machine.
    Directory(PathBuf),
    /// A directory of an SFTP server.
    Sftp(SftpServer),
}

/// What an import of one unit did.
#[derive(Debug, Clone)]
pub struct BulkImport {
    /// The unit.
    pub unit: &'static BulkUnit,
    /// Came in, or stood there already, of other clusters.
    pub trusted: Vec<BundleEntry>,
    /// Left out: expired or not valid yet.
    pub left_out: Vec<BundleEntry>,
    /// Left out of a trust store that it was deleted from by hand.
    pub deleted: Vec<BundleEntry>,
}

impl Cluster {
    /// `set cert bulk sftp`: names the place of exchange, after a look at it. The host key of a server, which is expected from now on.
    ///
    /// # Errors
    /// [`CoreError`]: the level, not the publisher, a place that does not open; then the old one stays.
    pub async fn set_bulk_place(
        &self,
        actor: &Actor,
        node: &NodeRow,
        place: &Place,
        exchange: &dyn Exchange,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Option<String>, CoreError> {
        self.on_publisher(actor, node)?;
        let (mut folder, host_key) = open(place, exchange).await?;
        folder.names().await?;
        let row = match place {
            Place::Directory(path) => BulkServerRow {
                server: String::new(),
                port: 0,
                user: String::new(),
                password: String::new(),
                path: path.display().to_string(),
                host_key: String::new(),
            },
            Place::Sftp(server) => {
                let key = StringKey::load_or_make(&self.directory(node).keys(), surroundings)?;
                BulkServerRow {
                    server: server.host.clone(),
                    port: i64::from(server.port),
                    user: server.user.clone(),
                    password: key.seal_text(PASSWORD_OF, &server.password, surroundings)?,
                    path: server.path.clone(),
                    host_key: host_key.clone().unwrap_or_default(),
                }
            }
        };
        let now = surroundings.now();
        let mut transaction = self.store().begin().await?;
        transaction.set_bulk_server(&row).await?;
        let result = match place {
            Place::Directory(path) => path.display().to_string(),
            Place::Sftp(server) => format!("{server:?}, host key {}", row.host_key),
        };
        transaction.note_audit(now, actor.name(), "set cert bulk sftp", &result).await?;
        transaction.commit().await?;
        Ok(host_key)
    }

    /// `set cert bulk export UNIT`: the certificates of all nodes, written to the place. Sentences about what was left half written
    /// there.
    ///
    /// # Errors
    /// [`CoreError`]: no place named, the place does not open, this cluster has no such certificates.
    pub async fn bulk_export(
        &self,
        actor: &Actor,
        node: &NodeRow,
        unit: &'static BulkUnit,
        exchange: &dyn Exchange,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Vec<String>, CoreError> {
        self.on_publisher(actor, node)?;
        let mut entries = Vec::new();
        let cluster = cluster_name(node)?;
        for own in self.node_certificates().await? {
            if let Some(certificate) = own.readable(unit.unit) {
                let certificate = certificate.clone();
                entries.push(BundleEntry { cluster: cluster.clone(), node: own.name.clone(), certificate });
            }
        }
        if entries.is_empty() {
            let text = format!("release {} has no {} certificates", self.release().name, unit.name());
            return Err(CoreError::refused("nothing-to-export", text));
        }
        let now = surroundings.now();
        let bundle = Bundle { unit: unit.name().to_owned(), made: now, entries };
        let mut folder = self.bulk_folder(node, exchange).await?;
        let file = unit.export_file(&cluster);
        folder.write(&file, bundle.to_text().as_bytes()).await?;
        self.note_bulk(actor, "export", unit, &bundle.entries, now).await?;
        Ok(folder.leftovers(&file).await?)
    }

    /// `set cert bulk consolidate UNIT`: what all clusters have exported, put into one file. The clusters in it, and sentences
    /// about what was left half written there.
    ///
    /// # Errors
    /// [`CoreError`]: nothing was exported; a file that is not right, by its name and line. Nothing is written then.
    pub async fn bulk_consolidate(
        &self,
        actor: &Actor,
        node: &NodeRow,
        unit: &'static BulkUnit,
        exchange: &dyn Exchange,
        surroundings: &mut dyn Surroundings,
    ) -> Result<(Vec<String>, Vec<String>), CoreError> {
        self.on_publisher(actor, node)?;
        let mut folder = self.bulk_folder(node, exchange).await?;
        let mut entries: Vec<BundleEntry> = Vec::new();
        for file in folder.names().await?.into_iter().filter(|file| unit.is_export(file)) {
            let bundle = read(folder.as_mut(), &file, unit).await?;
            for entry in bundle.into_iter().flat_map(|bundle| bundle.entries) {
                if !entries.contains(&entry) {
                    entries.push(entry);
                }
            }
        }
        if entries.is_empty() {
            let text = format!("nobody has exported {name}; `set cert bulk export {name}` first", name = unit.name());
            return Err(CoreError::refused("nothing-exported", text));
        }
        if entries.len() > bundle::CERTIFICATE_LIMIT {
            let text = format!("{} certificates, {} go into one file", entries.len(), bundle::CERTIFICATE_LIMIT);
            return Err(CoreError::refused("too-many-certificates", text));
        }
        let now = surroundings.now();
        let bundle = Bundle { unit: unit.name().to_owned(), made: now, entries };
        folder.write(&unit.consolidated_file(), bundle.to_text().as_bytes()).await?;
        self.note_bulk(actor, "consolidate", unit, &bundle.entries, now).await?;
        let mut clusters: Vec<String> = bundle.entries.into_iter().map(|entry| entry.cluster).collect();
        clusters.dedup();
        Ok((clusters, folder.leftovers(&unit.consolidated_file()).await?))
    }

    /// `set cert bulk import UNIT`: the certificates of the other clusters come into the trust stores. All of a file or none.
    ///
    /// # Errors
    /// [`CoreError`]: nothing was consolidated, a file that is not right, nothing of another cluster in it.
    pub async fn bulk_import(
        &self,
        actor: &Actor,
        node: &NodeRow,
        unit: &'static BulkUnit,
        exchange: &dyn Exchange,
        surroundings: &mut dyn Surroundings,
    ) -> Result<BulkImport, CoreError> {
        self.on_publisher(actor, node)?;
        let mut folder = self.bulk_folder(node, exchange).await?;
        let file = unit.consolidated_file();
        let Some(bundle) = read(folder.as_mut(), &file, unit).await? else {
            let text = format!(
                "there is no {file}; run `set cert bulk consolidate {}` on one cluster after all have exported",
                unit.name()
            );
            return Err(CoreError::refused("nothing-consolidated", text));
        };
        let own = cluster_name(node)?;
        let mut others: Vec<BundleEntry> = bundle.entries.into_iter().filter(|entry| entry.cluster != own).collect();
        if others.is_empty() {
            let text = format!(
                "{file} holds certificates of this cluster only: export on the other one too, and consolidate again"
            );
            return Err(CoreError::refused("only-own-cluster", text));
        }
        let now = surroundings.now();
        let mut left_out = Vec::new();
        others.retain(|entry| {
            let valid = is_valid(&entry.certificate, now);
            if !valid {
                left_out.push(entry.clone());
            }
            valid
        });
        let mut transaction = self.store().begin().await?;
        let mut change = draft(self).await?;
        let mut trusted = Vec::with_capacity(others.len());
        let mut deleted = Vec::new();
        for entry in others {
            let all = bring_trusted(&mut change, node, &entry.certificate, unit.stores)?;
            if all { trusted.push(entry) } else { deleted.push(entry) }
        }
        write_all(self, &mut transaction, change.writes(), now).await?;
        let names: Vec<&str> =
            unit.stores.iter().filter_map(|number| service(*number)).map(|store| store.name).collect();
        transaction.note_change(now, "certificate", &names.join(", ")).await?;
        let command = format!("set cert bulk import {}", unit.name());
        let mut result = told(&trusted);
        if !deleted.is_empty() {
            result.push_str(&format!("; left out, because deleted here: {}", told(&deleted)));
        }
        transaction.note_audit(now, actor.name(), &command, &result).await?;
        transaction.commit().await?;
        self.settle_change(surroundings).await?;
        Ok(BulkImport { unit, trusted, left_out, deleted })
    }

    async fn bulk_folder(&self, node: &NodeRow, exchange: &dyn Exchange) -> Result<Box<dyn ExchangeFolder>, CoreError> {
        let Some(row) = self.store().bulk_server().await? else {
            let text = "no place of exchange is named; `set cert bulk sftp` first";
            return Err(CoreError::refused("no-exchange", text));
        };
        let place = if row.server.is_empty() {
            Place::Directory(PathBuf::from(row.path))
        } else {
            let unreadable = || {
                let text =
                    "the password of the SFTP server cannot be read any more; `set cert bulk sftp` asks for it again";
                CoreError::refused("exchange-password", text)
            };
            let key = StringKey::load(&self.directory(node).keys())?.ok_or_else(unreadable)?;
            let password: Zeroizing<String> = key.open_text(PASSWORD_OF, &row.password).map_err(|_| unreadable())?;
            Place::Sftp(SftpServer {
                host: row.server,
                port: u16::try_from(row.port).unwrap_or(exchange::SSH_PORT),
                user: row.user,
                password,
                path: row.path,
                host_key: Some(row.host_key),
            })
        };
        Ok(open(&place, exchange).await?.0)
    }

    async fn note_bulk(
        &self,
        actor: &Actor,
        what: &str,
        unit: &BulkUnit,
        entries: &[BundleEntry],
        now: i64,
    ) -> Result<(), CoreError> {
        let mut transaction = self.store().begin().await?;
        let command = format!("set cert bulk {what} {}", unit.name());
        transaction.note_audit(now, actor.name(), &command, &told(entries)).await?;
        Ok(transaction.commit().await?)
    }
}

async fn open(
    place: &Place,
    exchange: &dyn Exchange,
) -> Result<(Box<dyn ExchangeFolder>, Option<String>), ExchangeError> {
    match place {
        Place::Directory(path) => Ok((Box::new(LocalFolder::open(path)?), None)),
        Place::Sftp(server) => {
            let opened = exchange.open(server).await?;
            Ok((opened.folder, Some(opened.host_key)))
        }
    }
}

async fn read(
    folder: &mut dyn ExchangeFolder,
    file: &str,
    unit: &'static BulkUnit,
) -> Result<Option<Bundle>, CoreError> {
    let Some(bytes) = folder.read(file).await? else { return Ok(None) };
    let bundle = Bundle::read(&bytes, unit);
    bundle.map(Some).map_err(|error| CoreError::refused("bad-bundle", format!("{file}, {error}; nothing was changed")))
}

/// What tells this cluster from others: name and address of its publisher.
fn cluster_name(publisher: &NodeRow) -> Result<String, CoreError> {
    let node = NewNode::try_from(publisher)?;
    Ok(format!("{} {}", node.full_name(), node.address))
}

fn is_valid(certificate: &Certificate, now: i64) -> bool {
    let (not_before, not_after) = certificate.validity();
    u64::try_from(now / 1000).is_ok_and(|now| (not_before..=not_after).contains(&now))
}

/// The certificates for the audit log: node and the start of the SHA-256, as many as a line holds.
fn told(entries: &[BundleEntry]) -> String {
    let some = entries.iter().take(8).map(|entry| {
        let hash = pki::hash::hex(&entry.certificate.sha256());
        format!("{} {}", entry.certificate.subject(NameForm::Row), hash.get(..16).unwrap_or_default())
    });
    format!("{}: {}", cluster::counted(entries.len(), "certificate"), some.collect::<Vec<_>>().join("; "))
}
