//! What stands in a CTL and an ITL, and who signs it: plain functions over the certificates of a cluster
//! [sources/releases#signers].

pub mod check;

use std::net::Ipv4Addr;

use crate::rows::Unreadable;
use pki::sign::{ListSpec, SigningIdentity};
use pki::{Certificate, NameForm, SignError};
use wire::digest::DigestId;
use wire::header::{CTL_FILE_NAME, ITL_FILE_NAME, Layout};
use wire::role::Role;
use wire::trust_list::{RecordSpec, TrustList};

use crate::parameters::{Parameters, SecurityMode};
use crate::releases::{Recovery, Release};
use crate::units::Unit;

/// A node with its certificates.
#[derive(Debug, Clone)]
pub struct NodeCertificates {
    /// Host name: DNSNAME of its records.
    pub name: String,
    /// Address: IPADDRESS of its records.
    pub address: Ipv4Addr,
    /// Whether it is the publisher.
    pub publisher: bool,
    /// Own certificates.
    pub own: Vec<(Unit, Certificate)>,
    /// Own certificates whose rows cannot be read.
    pub unreadable: Vec<(Unit, Unreadable)>,
}

impl NodeCertificates {
    /// The own certificate of a unit; `None` when the node has none.
    ///
    /// # Errors
    /// [`Unreadable`]: it has one, and nobody knows which.
    pub fn get(&self, unit: Unit) -> Result<Option<&Certificate>, &Unreadable> {
        match self.unreadable.iter().find(|(own, _)| *own == unit) {
            Some((_, reason)) => Err(reason),
            None => Ok(self.readable(unit)),
        }
    }

    /// The own certificate of a unit that can be read, for whoever uses it for its key, or shows it. Whoever asks whether there is one
    /// wants [`Self::get`].
    pub fn readable(&self, unit: Unit) -> Option<&Certificate> {
        self.own.iter().find(|(own, _)| *own == unit).map(|(_, certificate)| certificate)
    }
}

/// A list before it is signed.
#[derive(Debug, Clone)]
pub struct ListPlan {
    /// FILENAME.
    pub file_name: &'static str,
    /// Digest of the signature.
    pub digest: DigestId,
    /// The records in order.
    pub records: Vec<RecordSpec>,
    /// Who signs.
    pub signer: Certificate,
}

/// Why a list cannot be planned: a certificate that it needs is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{list} needs the {unit} certificate of {node}, which is not there; make one with `set cert regen {unit}`", unit = unit.name())]
pub struct MissingCertificate {
    /// `CTL` or `ITL`.
    pub list: &'static str,
    /// The unit.
    pub unit: Unit,
    /// The node.
    pub node: String,
}

/// Why a list is not planned. The published one stays.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unplanned {
    /// A certificate that it needs is not there.
    #[error(transparent)]
    Missing(#[from] MissingCertificate),
    /// One is there, and its row cannot be read: a list without its record would take away what phones rely on.
    #[error("{unreadable}, and `set cert regen {unit}` on {node} replaces it. Until then the {list} file stays as it is", unit = unit.name())]
    Unreadable {
        /// `CTL` or `ITL`.
        list: &'static str,
        /// The unit.
        unit: Unit,
        /// The node.
        node: String,
        /// The row.
        unreadable: Box<Unreadable>,
    },
}

/// The own certificate of a node for a list; `None` when it has none.
fn own<'a>(list: &'static str, unit: Unit, node: &'a NodeCertificates) -> Result<Option<&'a Certificate>, Unplanned> {
    node.get(unit).map_err(|unreadable| Unplanned::Unreadable {
        list,
        unit,
        node: node.name.clone(),
        unreadable: Box::new(unreadable.clone()),
    })
}

/// DNSNAME of a TVS record: its length is 2 in [sources/trust-lists#record-variants] and its print is empty, so one
/// blank.
const TVS_DNS_NAME: &str = " ";

/// The node whose ITLRecovery counts for `node`.
fn recovery<'a>(
    release: &Release,
    node: &'a NodeCertificates,
    all: &'a [NodeCertificates],
) -> Result<Option<(&'a NodeCertificates, &'a Certificate)>, Unplanned> {
    let holder = match release.recovery {
        Recovery::None => None,
        Recovery::PerNode => Some(node),
        Recovery::Shared => all.iter().find(|node| node.publisher),
    };
    let Some(holder) = holder else { return Ok(None) };
    Ok(own("ITL", Unit::ItlRecovery, holder)?.map(|certificate| (holder, certificate)))
}

fn full(role: Role, node: &NodeCertificates, certificate: &Certificate) -> RecordSpec {
    certificate.with_fields(NameForm::Cucm, |fields| RecordSpec::cucm(role, fields, &node.name, node.address))
}

/// The ITL of a TFTP node: who may sign lists (ITLRecovery and the CallManager certificate of the node), the CallManager
/// certificate again for configs, CAPF, and the TVS of every node as a hash. While the cluster prepares for a rollback the
/// records of TFTP and TVS are emptied [sources/trust-lists#blank-list].
///
/// # Errors
/// [`Unplanned`].
pub fn itl(
    release: &Release,
    parameters: &Parameters,
    node: &NodeCertificates,
    all: &[NodeCertificates],
) -> Result<ListPlan, Unplanned> {
    let missing = |unit, node: &NodeCertificates| {
        Unplanned::Missing(MissingCertificate { list: "ITL", unit, node: node.name.clone() })
    };
    let call_manager = own("ITL", Unit::CallManager, node)?.ok_or_else(|| missing(Unit::CallManager, node))?;
    let recovery = recovery(release, node, all)?;
    let signs_by_recovery = release.itl_signer == Unit::ItlRecovery;
    if recovery.is_none() && release.recovery != Recovery::None {
        return Err(missing(Unit::ItlRecovery, node));
    }
    // Configs are signed with the CallManager key; in mixed mode the same certificate stands for SIP over TLS too.
    let mixed = parameters.security_mode() == SecurityMode::Mixed;
    let config_role = if mixed { Role::CCM_TFTP } else { Role::TFTP };
    let blank = parameters.rollback();
    let mut records = Vec::with_capacity(4 + all.len());
    let recovery_record = recovery.map(|(holder, certificate)| full(Role::SAST, holder, certificate));
    if signs_by_recovery {
        records.extend(recovery_record.clone());
    }
    records.push(full(Role::SAST, node, call_manager));
    records.push(match blank {
        true => RecordSpec::emptied(config_role, &node.name, node.address),
        false => full(config_role, node, call_manager),
    });
    if !signs_by_recovery {
        records.extend(recovery_record);
    }
    for other in all {
        records.extend(own("ITL", Unit::Capf, other)?.map(|certificate| full(Role::CAPF, other, certificate)));
    }
    for other in all {
        if blank {
            records.push(RecordSpec::emptied(Role::TVS, &other.name, other.address));
            continue;
        }
        let tvs = own("ITL", Unit::Tvs, other)?.ok_or_else(|| missing(Unit::Tvs, other))?;
        let hash = tvs.sha1();
        records.push(tvs.with_fields(NameForm::Cucm, |fields| {
            RecordSpec::hashed(Role::TVS, fields, TVS_DNS_NAME, DigestId::SHA1, &hash)
        }));
    }
    let signer = match recovery {
        Some((_, certificate)) if signs_by_recovery => certificate,
        _ => call_manager,
    };
    Ok(ListPlan { file_name: ITL_FILE_NAME, digest: parameters.digest(), records, signer: signer.clone() })
}

/// Which SAST of a release signs a CTL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CtlSigner {
    /// The first one, as a rule.
    First,
    /// The second one, after `utils ctl reset localkey`.
    Second,
}

impl CtlSigner {
    /// The unit of the publisher that signs; `None` when the release has no such SAST.
    pub fn unit(self, release: &Release) -> Option<Unit> {
        let place = match self {
            Self::First => 0,
            Self::Second => 1,
        };
        release.ctl_sasts.get(place).copied()
    }
}

/// The tokenless CTL of a cluster. In mixed mode the SAST records of the release, the CallManager certificate of every
/// node as CCM+TFTP, CAPF. In non-secure mode the CCM+TFTP records are emptied, as the original leaves them.
///
/// # Errors
/// [`Unplanned`].
pub fn ctl(
    release: &Release,
    mode: SecurityMode,
    digest: DigestId,
    signer: CtlSigner,
    all: &[NodeCertificates],
) -> Result<ListPlan, Unplanned> {
    let missing =
        |unit, node: &str| Unplanned::Missing(MissingCertificate { list: "CTL", unit, node: node.to_owned() });
    let publisher =
        all.iter().find(|node| node.publisher).ok_or_else(|| missing(Unit::CallManager, "the publisher"))?;
    let mut records = Vec::with_capacity(3 + all.len());
    let signing_unit = signer.unit(release);
    let mut signer = None;
    for unit in release.ctl_sasts {
        let certificate = own("CTL", *unit, publisher)?.ok_or_else(|| missing(*unit, &publisher.name))?;
        signer = signer.or_else(|| (Some(*unit) == signing_unit).then_some(certificate));
        records.push(full(Role::SAST, publisher, certificate));
    }
    let node_record = |node: &NodeCertificates| match mode {
        SecurityMode::NonSecure => Ok(RecordSpec::emptied(Role::CCM_TFTP, &node.name, node.address)),
        SecurityMode::Mixed => {
            let certificate =
                own("CTL", Unit::CallManager, node)?.ok_or_else(|| missing(Unit::CallManager, &node.name))?;
            Ok::<_, Unplanned>(full(Role::CCM_TFTP, node, certificate))
        }
    };
    // The order of [sources/trust-lists#record-variants]: the publisher, CAPF, the other nodes.
    records.push(node_record(publisher)?);
    records.extend(own("CTL", Unit::Capf, publisher)?.map(|certificate| full(Role::CAPF, publisher, certificate)));
    for node in all.iter().filter(|node| !node.publisher) {
        // A certificate of several nodes stands there once, as that of the publisher [sources/releases#signers].
        let of = |node| own("CTL", Unit::CallManager, node);
        let shared = mode == SecurityMode::Mixed && of(node)? == of(publisher)?;
        if mode == SecurityMode::NonSecure || !shared {
            records.push(node_record(node)?);
        }
    }
    let signer = signer.ok_or_else(|| missing(Unit::CallManager, &publisher.name))?.clone();
    Ok(ListPlan { file_name: CTL_FILE_NAME, digest, records, signer })
}

impl ListPlan {
    fn spec(&self, timestamp: u32) -> ListSpec<'static> {
        ListSpec {
            layout: Layout::Cucm,
            signer_form: None,
            signer_version: None,
            digest: self.digest,
            file_name: self.file_name,
            timestamp,
        }
    }

    /// Whether a published list says the same: the same records, signer and digest; only the time stamp may differ.
    pub fn is_published_as(&self, published: &TrustList, identity: &SigningIdentity<'_>) -> Result<bool, SignError> {
        let header = published.header();
        let Some(timestamp) = header.timestamp() else {
            return Ok(false);
        };
        let unsigned = pki::sign::lay_out_list(&self.spec(timestamp), &self.records, identity)?;
        let covered = header.covered().unwrap_or_default();
        Ok(unsigned.to_be_signed().concat() == covered.concat())
    }

    /// Signs the list.
    ///
    /// # Errors
    /// [`SignError`].
    pub fn sign(&self, timestamp: u32, identity: &SigningIdentity<'_>) -> Result<Vec<u8>, SignError> {
        pki::sign::sign_list(&self.spec(timestamp), &self.records, identity)
    }
}
