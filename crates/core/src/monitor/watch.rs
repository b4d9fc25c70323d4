//! What is watched: own certificates, entries of trust stores, LSCs; and what depends on each.

use cluster::monitor::watched::place;
use std::collections::{BTreeSet, HashMap};

use cluster::rows::{AcknowledgementRow, CertificateRow, NodeRow, RevocationRow, WatchedLscRow};
use pki::Certificate;
use trust::is_about;
use wire::trust_list::TrustList;

use crate::CoreError;
use crate::cluster::Cluster;
use cluster::certificates::trusted::above;
use cluster::monitor::decide::Said;
use cluster::monitor::watched::{Kind, Revocation, Watched};
use cluster::readable::readable;
use cluster::revocation::Policy;
use cluster::units::service;
use cluster::wording::listed;

impl Cluster {
    /// What is watched of nodes and trust stores; phones: [`Self::watched_lscs`].
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn watched(&self) -> Result<Vec<Watched>, CoreError> {
        let rows = self.store().certificates().await?;
        let known: HashMap<String, AcknowledgementRow> =
            self.store().acknowledgements().await?.into_iter().map(|row| (row.fingerprint.clone(), row)).collect();
        // What was found before the checks were switched off is no news.
        let checked = Policy::of(&self.parameters().await?).is_on();
        let found = if checked { self.store().revocations().await? } else { Vec::new() };
        let revocations: HashMap<String, RevocationRow> =
            found.into_iter().map(|row| (row.fingerprint.clone(), row)).collect();
        let parsed: Vec<(&CertificateRow, Certificate)> = readable(&rows).collect();
        let around = Around::of(self, &parsed).await?;
        let mut all = Vec::new();
        for (row, certificate) in &parsed {
            let (unit, file) = place(row);
            all.push(Watched {
                fingerprint: row.fingerprint.clone(),
                file,
                unit,
                kind: if row.nodes.is_empty() { Kind::Trust } else { Kind::Own },
                not_after: certificate.dates().1,
                depends: around.dependents(row, certificate),
                regenerated: row.regenerated_at.is_some(),
                acknowledged: known.get(&row.fingerprint).cloned(),
                revocation: revocations.get(&row.fingerprint).map(|row| match row.state.as_str() {
                    "good" => Revocation::Good,
                    "revoked" => Revocation::Revoked,
                    _ => Revocation::Unknown,
                }),
            });
        }
        Ok(all)
    }

    /// The LSCs of phones that end by `until` (seconds since 1970 UTC), those that end first at the front.
    pub fn watched_lscs(&self, until: i64) -> LscPages {
        LscPages { cluster: self.clone(), until, behind: Some((i64::MIN, String::new())) }
    }

    /// How many LSCs of phones end by `until`, seconds since 1970 UTC.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn count_watched_lscs(&self, until: i64) -> Result<i64, CoreError> {
        Ok(self.store().count_watched_lscs(until).await?)
    }
}

/// LSCs that are being gone through, page by page: a million of them cost the memory of one page.
#[derive(Debug)]
pub struct LscPages {
    cluster: Cluster,
    until: i64,
    /// End and key of the last one; `None` at the end.
    behind: Option<(i64, String)>,
}

/// A page of LSCs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LscPage {
    /// The LSCs.
    pub lscs: Vec<Watched>,
    /// What was said last about them, by their SHA-256.
    pub said: HashMap<String, Said>,
}

impl LscPages {
    /// The next page; `None` at the end.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn next(&mut self) -> Result<Option<LscPage>, CoreError> {
        let Some((end, key)) = self.behind.take() else { return Ok(None) };
        let rows = self.cluster.store().watched_lscs(self.until, (end, &key)).await?;
        let Some(last) = rows.last() else { return Ok(None) };
        self.behind = Some((last.not_after, last.pkid.clone()));
        let mut page = LscPage::default();
        for mut row in rows {
            if let Some(row) = row.said.take() {
                page.said.insert(row.fingerprint, Said { alarm: row.alarm, at: row.said_at });
            }
            page.lscs.push(lsc(row));
        }
        Ok(Some(page))
    }
}

pub(super) fn lsc(row: WatchedLscRow) -> Watched {
    Watched {
        fingerprint: row.fingerprint,
        file: format!("{}.der", row.device),
        kind: Kind::Lsc,
        not_after: row.not_after,
        depends: vec![format!("{} proves itself by it", row.device)],
        unit: row.device,
        regenerated: false,
        acknowledged: row.acknowledged,
        revocation: None,
    }
}

/// What is looked at to say what depends on a certificate.
struct Around {
    nodes: Vec<NodeRow>,
    /// CAPF certificates by SHA-256, with how many LSCs phones may hold of each.
    issuers: HashMap<String, i64>,
    /// Published lists by name.
    lists: Vec<(String, TrustList)>,
    /// Below each CA by its SHA-256: what depends on it through a chain, in words.
    below: HashMap<[u8; 32], BTreeSet<String>>,
}

impl Around {
    async fn of(cluster: &Cluster, all: &[(&CertificateRow, Certificate)]) -> Result<Self, CoreError> {
        let issuers: HashMap<String, i64> = cluster.store().lscs_by_issuer().await?.into_iter().collect();
        let mut below: HashMap<[u8; 32], BTreeSet<String>> = HashMap::new();
        for (row, certificate) in all {
            let mut words: Vec<&str> = row.own.iter().filter_map(|(_, unit)| Some(service(*unit)?.name)).collect();
            if issuers.contains_key(&row.fingerprint) {
                words.push("LSCs");
            }
            if words.is_empty() {
                continue;
            }
            for ca in above(certificate, all) {
                let known = below.entry(ca.sha256()).or_default();
                known.extend(words.iter().map(|word| format!("CA above {word}")));
            }
        }
        let (nodes, lists) = (cluster.store().nodes().await?, cluster.served_lists().await?);
        Ok(Self { nodes, issuers, lists, below })
    }

    fn dependents(&self, row: &CertificateRow, certificate: &Certificate) -> Vec<String> {
        let presenting = self.nodes.iter().filter(|node| row.nodes.contains(&node.pkid));
        let mut words: Vec<String> = presenting.map(|node| format!("{} presents it", node.name)).collect();
        if let Some(hanging) = self.issuers.get(&row.fingerprint) {
            words.push(format!("{hanging} LSC{} issued by it", if *hanging == 1 { "" } else { "s" }));
        }
        words.extend(self.below.get(&certificate.sha256()).into_iter().flatten().cloned());
        let naming = self.lists.iter().filter(|(_, list)| list.records().any(|record| is_about(&record, certificate)));
        let naming: Vec<String> = naming.map(|(name, _)| name.clone()).collect();
        if !naming.is_empty() {
            words.push(format!("named by {}", listed(&naming)));
        }
        words
    }
}
