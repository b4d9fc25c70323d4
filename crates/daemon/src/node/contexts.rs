//! The TLS contexts of a node's services, and CAPF, which has one.

use std::sync::Arc;

use arc_swap::ArcSwap;
use cluster::rows::NodeRow;
use cluster::units::Unit;
use openssl::ssl::SslContext;
use openssl::x509::X509;
use pki::Certificate;
use pki::capf::Sha2Proof;
use ringfence_core::enrolment::{Authority, Desk, Policy};
use ringfence_core::files::NodeFiles;
use ringfence_core::{Cluster, CoreError};

use super::options::{PublisherOptions, StartError, log};
use crate::capf::{CapfCounters, CapfLog, CapfServer, NodeDesk};
use crate::tls::{SwappableTls, closed_context, phone_context};

/// The TLS context of the node's certificate of a unit, and what the certificate is known by.
pub(crate) async fn service_context(
    cluster: &Cluster,
    node: &NodeRow,
    unit: Unit,
    legacy: bool,
) -> Result<([u8; 32], SslContext), StartError> {
    let all = cluster.node_certificates().await?;
    let certificate = all.iter().find(|own| own.name == node.name).map_or(Ok(None), |own| own.get(unit));
    let certificate = certificate.map_err(|unreadable| CoreError::Unreadable(unreadable.clone()))?;
    let certificate = certificate.ok_or_else(|| {
        let (node, unit) = (&node.name, unit.name());
        CoreError::Internal(format!("{node} has no {unit} certificate; `set cert regen {unit}` makes one"))
    })?;
    let key = cluster.key(&cluster.directory(node), unit, certificate)?;
    let x509 = X509::from_der(certificate.der()).map_err(|error| CoreError::Internal(error.to_string()))?;
    let context = phone_context(&x509, &[], key.openssl(), legacy);
    let context = context.map_err(|error| match unit {
        Unit::Tvs => StartError::Tls(error),
        _ => StartError::CtlProvider(error),
    })?;
    Ok((certificate.sha256(), context))
}

/// The TLS context of a service; of one without a certificate and key that can be used a context that ends every handshake, until that is
/// mended. One damaged row or file must not keep a node from giving out lists and configs.
pub(crate) fn or_closed(
    found: Result<([u8; 32], SslContext), StartError>,
    unit: Unit,
) -> Result<([u8; 32], SslContext), StartError> {
    match found {
        Err(error) => {
            tracing::error!(unit = unit.name(), %error, "this service accepts no connections until that is mended");
            Ok(([0; 32], closed_context().map_err(StartError::Tls)?))
        }
        found => found,
    }
}

/// CAPF on the publisher.
pub(crate) struct CapfPart {
    pub(crate) desk: Arc<NodeDesk>,
    pub(crate) tls: SwappableTls,
    pub(crate) log: CapfLog,
}

/// CAPF, and what the certificates that it sends are known by.
pub(crate) async fn capf_part(
    cluster: &Cluster,
    node: &NodeRow,
    files: &Arc<NodeFiles>,
    legacy: bool,
    sha2: Sha2Proof,
) -> Result<([u8; 32], CapfPart), StartError> {
    let desk = Desk::open(cluster.clone(), Policy { sha2 }).await?;
    let (known, context) = capf_context(&desk.authority(), legacy)?;
    let part = CapfPart {
        desk: Arc::new(NodeDesk::new(desk, cluster.clone(), Arc::clone(files))),
        tls: Arc::new(ArcSwap::from_pointee(context)),
        log: log(cluster, node, "capf.log")?,
    };
    Ok((known, part))
}

impl CapfPart {
    pub(crate) fn server(&self, options: &PublisherOptions, counters: &Arc<CapfCounters>) -> CapfServer<NodeDesk> {
        CapfServer {
            tls: Arc::clone(&self.tls),
            desk: Arc::clone(&self.desk),
            log: self.log.clone(),
            limits: options.capf_limits.clone(),
            counters: Arc::clone(counters),
        }
    }
}

pub(crate) fn capf_context(authority: &Authority, legacy: bool) -> Result<([u8; 32], SslContext), StartError> {
    let read = |certificate: &Certificate| X509::from_der(certificate.der());
    let certificate = read(authority.certificate()).map_err(|error| CoreError::Internal(error.to_string()))?;
    let chain = authority.chain();
    let above = chain.iter().copied().map(read).collect::<Result<Vec<X509>, _>>();
    let above = above.map_err(|error| CoreError::Internal(error.to_string()))?;
    let context = phone_context(&certificate, &above, authority.key().openssl(), legacy).map_err(StartError::Capf)?;
    let sent: Vec<u8> = [authority.certificate()].into_iter().chain(chain).flat_map(Certificate::sha256).collect();
    Ok((pki::hash::sha256(&sent), context))
}
