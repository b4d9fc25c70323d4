//! Everything that is on record: each certificate of a node or a trust store, each LSC, each certificate that a phone has shown;
//! who presents it, who trusts it, what hangs on it, when it ends. Page by page, so that a million LSCs cost the memory of one page.

use cluster::rows::{CertificateRow, LscFilter, LscLine, LscState, NodeRow};
use pki::{Certificate, NameForm};
use trust::is_about;

use crate::CoreError;
use crate::cluster::Cluster;
use cluster::actor::{Actor, Level};
use cluster::parameters::{CAPF_PORT, Parameters, TVS_PORT};
use cluster::readable::{certificate, readable};
use cluster::units::{Unit, service};

/// Ports of the original at which the certificate of a unit is seen that Ringfence does not serve [sources/phones#ports].
const PORTS: [(Unit, &[u16]); 2] =
    [(Unit::CallManager, &[2443, 2444, 5061, 5090]), (Unit::Tomcat, &[443, 6971, 6972, 8443])];

/// The same of a unit that it serves: where configs send the phones.
fn served_port(unit: Unit, parameters: &Parameters) -> Option<u16> {
    let (name, usual) = match unit {
        Unit::Tvs => (TVS_PORT, wire::tvs::PORT),
        Unit::Capf => (CAPF_PORT, wire::capf::PORT),
        _ => return None,
    };
    Some(u16::try_from(parameters.number(name, u32::from(usual))).unwrap_or(usual))
}

/// What is asked for. Empty texts and `None` mean all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// Name of a device: its LSCs and what it has shown; no certificates of nodes then.
    pub device: String,
    /// A part of the subject; the case of ASCII letters does not matter.
    pub subject: String,
    /// A part of the issuer.
    pub issuer: String,
    /// Ends by this time, milliseconds since 1970 UTC.
    pub expires_by: Option<i64>,
    /// Of this status.
    pub status: Option<Status>,
}

/// What a certificate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The own certificate of a node, or an entry of trust stores.
    Certificate,
    /// Issued by CAPF.
    Lsc,
    /// From the factory, with a proof of its key.
    Mic,
    /// Shown by a phone without a proof.
    Shown,
}

/// Whether it can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// In use and within its time.
    Valid,
    /// Its time is over.
    Expired,
    /// Its time has not come.
    NotYet,
    /// An LSC that was never handed out.
    Intended,
    /// An LSC whose place a later one took.
    Superseded,
    /// An LSC that was deleted.
    Deleted,
}

/// A node that presents a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presented {
    /// Name of the node.
    pub node: String,
    /// The unit.
    pub unit: &'static str,
    /// The ports where the unit's certificate is seen: TVS and CAPF where they listen, the others where they do in the original.
    pub ports: Vec<u16>,
}

/// One certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// Subject, in the form of a row.
    pub subject: String,
    /// Issuer, in the form of a row.
    pub issuer: String,
    /// Serial number, lower-case hexadecimal.
    pub serial: String,
    /// SHA-256 of the DER, lower-case hexadecimal; `None` for an LSC that was not signed yet.
    pub sha256: Option<String>,
    /// First second of validity since 1970 UTC.
    pub not_before: i64,
    /// Last second of validity since 1970 UTC.
    pub not_after: i64,
    /// Whether it can be used now.
    pub status: Status,
    /// The device that holds it.
    pub device: Option<String>,
    /// Nodes that present it.
    pub presented: Vec<Presented>,
    /// Trust stores it stands in, and published lists that name it: `CTL of NODE`. Of an LSC the stores of its issuer.
    pub trusted: Vec<String>,
    /// Published lists that it signed.
    pub signed: Vec<String>,
    /// LSCs that phones may hold and that hang on it.
    pub lscs: i64,
}

/// Where the next page begins.
#[derive(Debug, Clone)]
enum Place {
    Certificates,
    Lscs { device: String, key: String },
    Shown { device: String, kind: String },
    End,
}

/// An inventory that is being read.
#[derive(Debug)]
pub struct Inventory {
    cluster: Cluster,
    query: Query,
    now: i64,
    place: Place,
    /// SHA-256 of CAPF certificates with the trust stores they stand in.
    issuers: Vec<(String, Vec<String>)>,
    lscs: i64,
}

impl Cluster {
    /// Begins an inventory; `now` in milliseconds since 1970 UTC decides what is expired.
    ///
    /// # Errors
    /// [`CoreError`]: the level, unreadable.
    pub async fn inventory(&self, actor: &Actor, query: Query, now: i64) -> Result<Inventory, CoreError> {
        actor.require(Level::Read)?;
        let mut issuers = Vec::new();
        for row in self.store().certificates().await? {
            issuers.push((row.fingerprint.clone(), stores(&row)));
        }
        let lscs = self.store().lsc_count().await?;
        Ok(Inventory { cluster: self.clone(), query, now, place: Place::Certificates, issuers, lscs })
    }
}

/// Names of the trust stores of a row.
fn stores(row: &CertificateRow) -> Vec<String> {
    let known = row.services.iter().filter_map(|number| service(*number));
    known.filter(|service| service.trust).map(|service| service.name.to_owned()).collect()
}

impl Inventory {
    /// LSCs on record, of all states, when the inventory began: for a bar that shows how far it is.
    #[must_use]
    pub fn lscs(&self) -> i64 {
        self.lscs
    }

    /// The next page; `None` at the end. A page may be empty when nothing on it fits.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn next(&mut self) -> Result<Option<Vec<Entry>>, CoreError> {
        let mut page = match self.place.clone() {
            Place::Certificates => {
                self.place = Place::Lscs { device: String::new(), key: String::new() };
                if self.query.device.is_empty() { self.certificates().await? } else { Vec::new() }
            }
            Place::Lscs { device, key } => self.lsc_page(&device, &key).await?,
            Place::Shown { device, kind } => self.shown_page(&device, &kind).await?,
            Place::End => return Ok(None),
        };
        page.retain(|entry| self.fits(entry));
        Ok(Some(page))
    }

    fn fits(&self, entry: &Entry) -> bool {
        let has = |text: &str, part: &str| text.to_ascii_lowercase().contains(&part.to_ascii_lowercase());
        has(&entry.subject, &self.query.subject)
            && has(&entry.issuer, &self.query.issuer)
            && self.query.expires_by.is_none_or(|by| entry.not_after <= by / 1000)
            && self.query.status.is_none_or(|status| status == entry.status)
            && (self.query.device.is_empty() || entry.device.as_ref() == Some(&self.query.device))
    }

    fn within(&self, not_before: i64, not_after: i64) -> Status {
        let now = self.now / 1000;
        if now > not_after {
            Status::Expired
        } else if now < not_before {
            Status::NotYet
        } else {
            Status::Valid
        }
    }

    async fn certificates(&self) -> Result<Vec<Entry>, CoreError> {
        let nodes = self.cluster.store().nodes().await?;
        let parameters = self.cluster.parameters().await?;
        let hanging = self.cluster.store().lscs_by_issuer().await?;
        let lists = self.cluster.served_lists().await?;
        let mut all = Vec::new();
        for (row, certificate) in readable(&self.cluster.store().certificates().await?) {
            let mut entry = self.entry(Kind::Certificate, &certificate);
            entry.presented = presented(row, &nodes, &parameters);
            entry.trusted = stores(row);
            for (name, list) in &lists {
                if list.records().any(|record| is_about(&record, &certificate)) {
                    entry.trusted.push(name.clone());
                }
                if list.signer_record().is_some_and(|(_, record)| is_about(&record, &certificate)) {
                    entry.signed.push(name.clone());
                }
            }
            entry.lscs = hanging.iter().find(|(issuer, _)| *issuer == row.fingerprint).map_or(0, |(_, count)| *count);
            all.push(entry);
        }
        Ok(all)
    }

    fn entry(&self, kind: Kind, certificate: &Certificate) -> Entry {
        let (not_before, not_after) = certificate.dates();
        Entry {
            kind,
            subject: certificate.subject(NameForm::Row),
            issuer: certificate.issuer(NameForm::Row),
            serial: certificate.serial_hex(),
            sha256: Some(pki::hash::hex(&certificate.sha256())),
            not_before,
            not_after,
            status: self.within(not_before, not_after),
            device: None,
            presented: Vec::new(),
            trusted: Vec::new(),
            signed: Vec::new(),
            lscs: 0,
        }
    }

    async fn lsc_page(&mut self, device: &str, key: &str) -> Result<Vec<Entry>, CoreError> {
        let filter = LscFilter {
            device: self.query.device.clone(),
            subject: self.query.subject.clone(),
            issuer: self.query.issuer.clone(),
            expires_by: self.query.expires_by.map(|by| by / 1000),
            held: self.query.status == Some(Status::Valid),
        };
        let rows = self.cluster.store().lscs_page(&filter, (device, key)).await?;
        self.place = match rows.last() {
            Some(last) => Place::Lscs { device: last.device.clone(), key: last.pkid.clone() },
            None => Place::Shown { device: String::new(), kind: String::new() },
        };
        Ok(rows.into_iter().map(|row| self.lsc(row)).collect())
    }

    fn lsc(&self, row: LscLine) -> Entry {
        let status = match row.state {
            LscState::Intended => Status::Intended,
            LscState::Superseded => Status::Superseded,
            LscState::Deleted => Status::Deleted,
            LscState::Signed | LscState::Confirmed => self.within(row.not_before, row.not_after),
        };
        let stores = self.issuers.iter().find(|(issuer, _)| *issuer == row.issuer_fingerprint);
        Entry {
            kind: Kind::Lsc,
            subject: row.subject,
            issuer: row.issuer,
            serial: row.serial,
            sha256: row.fingerprint,
            not_before: row.not_before,
            not_after: row.not_after,
            status,
            device: Some(row.device),
            presented: Vec::new(),
            trusted: stores.map(|(_, stores)| stores.clone()).unwrap_or_default(),
            signed: Vec::new(),
            lscs: 0,
        }
    }

    async fn shown_page(&mut self, device: &str, kind: &str) -> Result<Vec<Entry>, CoreError> {
        let rows = self.cluster.store().shown_page((device, kind)).await?;
        self.place = match rows.last() {
            Some((device, kind, _)) => Place::Shown { device: device.clone(), kind: kind.clone() },
            None => Place::End,
        };
        let mut page = Vec::with_capacity(rows.len());
        for (device, kind, pem) in rows {
            let kind = if kind == "MIC" { Kind::Mic } else { Kind::Shown };
            let Ok(certificate) = certificate(&pem) else { continue };
            let mut entry = self.entry(kind, &certificate);
            entry.device = Some(device);
            page.push(entry);
        }
        Ok(page)
    }
}

fn presented(row: &CertificateRow, nodes: &[NodeRow], parameters: &Parameters) -> Vec<Presented> {
    let mut all = Vec::new();
    for node in nodes {
        for unit in Unit::ALL.into_iter().filter(|unit| row.is_own(&node.pkid, unit.service())) {
            let fixed = PORTS.iter().find(|(known, _)| *known == unit).map_or(&[][..], |(_, ports)| ports);
            let ports = served_port(unit, parameters).map_or_else(|| fixed.to_vec(), |port| vec![port]);
            all.push(Presented { node: node.name.clone(), unit: unit.name(), ports });
        }
    }
    all
}
