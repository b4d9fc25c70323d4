//! What CAPF signs with and whom it believes: its certificate and key, the CAs of CAPF-trust.

use pki::lsc::authority::chain_above;
use pki::{Certificate, SoftKey};
use store::keys::KeyStore;

use crate::CoreError;
use crate::cluster::Cluster;
use cluster::enrolment::lsc::{LscProfile, profile};
use cluster::readable::readable;
use cluster::units::{Unit, service_named};
use cluster::{parameters, services};

/// CAPF at one moment; exchanged as a whole when its certificate or CAPF-trust changes.
pub struct Authority {
    /// Its own certificate: issues LSCs, and stands for the server in TLS.
    pub(crate) certificate: Certificate,
    /// SHA-256 of it, lower-case hexadecimal.
    pub(crate) fingerprint: String,
    pub(crate) key: SoftKey,
    /// CAPF-trust and the own certificate: who may have issued what a phone shows.
    pub(crate) issuers: Vec<Certificate>,
    /// *Duration Of Certificate Validity*, days.
    pub(crate) days: u64,
    pub(crate) profile: LscProfile,
    /// *Certificate Issuer to Endpoint* is an offline CA.
    pub(crate) offline: bool,
    /// The key store of the publisher.
    pub(crate) keys: KeyStore,
}

impl Authority {
    /// Reads it from the rows and the key store of the publisher.
    ///
    /// # Errors
    /// [`CoreError`]: no CAPF certificate, or its key is not there.
    pub async fn load(cluster: &Cluster) -> Result<Self, CoreError> {
        let publisher = cluster.node(None).await?;
        let directory = cluster.directory(&publisher);
        let all = cluster.node_certificates().await?;
        let certificate = all.iter().find(|node| node.publisher).and_then(|node| node.get(Unit::Capf).transpose());
        let certificate = certificate.transpose().map_err(|unreadable| CoreError::Unreadable(unreadable.clone()))?;
        let certificate = certificate.cloned();
        let certificate = certificate.ok_or_else(|| {
            CoreError::Internal(format!("{} has no CAPF certificate; `set cert regen CAPF` makes one", publisher.name))
        })?;
        let key = cluster.key(&directory, Unit::Capf, &certificate)?;
        let store = service_named("CAPF-trust").map(|service| service.number);
        let mut issuers = vec![certificate.clone()];
        for (row, trusted) in readable(&cluster.store().certificates().await?) {
            if store.is_some_and(|store| row.services.contains(&store)) && !issuers.contains(&trusted) {
                issuers.push(trusted);
            }
        }
        let parameters = cluster.parameters().await?;
        let days = parameters.number(parameters::CAPF_VALIDITY, 1825);
        Ok(Self {
            fingerprint: pki::hash::hex(&certificate.sha256()),
            certificate,
            key,
            issuers,
            days: u64::from(days),
            profile: profile(cluster.release()),
            offline: parameters.get(parameters::CERTIFICATE_ISSUER) == parameters::ISSUER_OFFLINE,
            keys: directory.keys(),
        })
    }

    /// Its certificate, for TLS.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The CAs above its certificate, as far as CAPF-trust knows them; for TLS.
    pub fn chain(&self) -> Vec<&Certificate> {
        chain_above(&self.certificate, &self.issuers)
    }

    /// Its key, for TLS.
    pub fn key(&self) -> &SoftKey {
        &self.key
    }

    /// Whether LSCs of this issuer (SHA-256, lower-case hexadecimal) are as they should be: those of CAPF itself; with an offline
    /// CA those of the CAs of CAPF-trust that are no CAPF.
    pub(crate) fn issues(&self, fingerprint: &str) -> bool {
        if !self.offline {
            return self.fingerprint == fingerprint;
        }
        let mut others = self.issuers.iter().filter(|issuer| !is_named_capf(issuer));
        others.any(|issuer| pki::hash::hex(&issuer.sha256()) == fingerprint)
    }

    /// Validity of a certificate that is issued now, first and last second; never longer than that of CAPF itself. `None`
    /// when CAPF is not valid now.
    pub(crate) fn validity(&self, now: u64) -> Option<(u64, u64)> {
        let (first, last) = self.certificate.validity();
        (first..=last).contains(&now).then(|| (now, last.min(now + self.days * 86_400 - 1)))
    }
}

/// Whether a certificate is that of a CAPF, as far as its name tells: LSCs of other clusters and of earlier CAPFs.
pub(crate) fn is_named_capf(certificate: &Certificate) -> bool {
    certificate.common_name().is_some_and(|name| name.starts_with("CAPF-"))
}

impl Cluster {
    /// Whether CAPF runs: its service on the publisher is started.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn capf_runs(&self) -> Result<bool, CoreError> {
        let publisher = self.node(None).await?;
        let rows = self.services_of(&publisher).await?;
        Ok(rows.iter().any(|row| row.name == services::CAPF && row.started))
    }
}
