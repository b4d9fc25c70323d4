//! What differs by release: a table of facts, each row with its source, instead of conditions in the code.

use pki::profile::{CertificateProfile, Purpose, Usage};
use wire::digest::DigestId;

use crate::units::{Unit, Where};

/// A release whose behaviour a cluster follows.
#[derive(Debug)]
pub struct Release {
    /// Its name: `10.5`, `15`.
    pub name: &'static str,
    /// Which unit signs the ITL of a node [cucm-behaviour.md 2.1].
    pub itl_signer: Unit,
    /// Whether ITLs and CTLs hold the ITLRecovery certificate, and where it is made.
    pub recovery: Recovery,
    /// The SAST records of a tokenless CTL in order; the first one signs [cucm-behaviour.md 2.1].
    pub ctl_sasts: &'static [Unit],
    /// Whether the units with a key on an elliptic curve are there [cucm-behaviour.md 1.2, 5.1].
    pub ec_units: bool,
    /// Certificates of a new node, then those of a renewal, by unit.
    pub certificates: fn(Unit) -> (KeyProfile, KeyProfile),
    /// What `utils ctl` says at its end, in one line [cucm-behaviour.md 1.5].
    pub ctl_restart: &'static str,
    /// What `utils service restart` says first, with its blanks [printed transcripts of both generations].
    pub restart_warning: &'static str,
}

/// Where the ITLRecovery certificate is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    /// There is none.
    None,
    /// Each node has its own.
    PerNode,
    /// The publisher makes one for all; its key travels to the others.
    Shared,
}

/// Key and certificate of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyProfile {
    /// Size of the RSA key in bits; of a unit on an elliptic curve that of the curve: 256, 384, 521.
    pub bits: u32,
    /// What stands in the certificate.
    pub certificate: CertificateProfile,
}

/// Five years, as the original counts them.
const FIVE_YEARS: u32 = 1825;

/// Key usage of a self-signed certificate, bits 02BC [cucm-behaviour.md 5.2].
const ALL_USAGES: &[Usage] = &[
    Usage::DigitalSignature,
    Usage::KeyEncipherment,
    Usage::DataEncipherment,
    Usage::KeyAgreement,
    Usage::KeyCertSign,
];
const ALL_PURPOSES: &[Purpose] = &[Purpose::ServerAuth, Purpose::ClientAuth, Purpose::IpsecEndSystem];

/// The CAPF certificate signs certificates and serves TLS [cucm-behaviour.md 4.1, 5.3]; without BasicConstraints it
/// has the 680 bytes of [seed 000].
const CAPF_USAGES: &[Usage] = &[Usage::DigitalSignature, Usage::KeyCertSign];
const CAPF_PURPOSES: &[Purpose] = &[Purpose::ServerAuth, Purpose::IpsecEndSystem];

const fn profile(digest: DigestId, alt_names: bool) -> CertificateProfile {
    CertificateProfile {
        digest,
        days: FIVE_YEARS,
        usage: ALL_USAGES,
        purposes: ALL_PURPOSES,
        ca_path_length: None,
        alt_names,
    }
}

const fn capf(digest: DigestId, ca_path_length: Option<u8>) -> CertificateProfile {
    CertificateProfile {
        digest,
        days: FIVE_YEARS,
        usage: CAPF_USAGES,
        purposes: CAPF_PURPOSES,
        ca_path_length,
        alt_names: false,
    }
}

/// 10.5: a cluster that came from an older release has CallManager, CAPF and ipsec of 1024 bits with SHA-1, tomcat and
/// TVS of 2048; a renewal makes 2048 bits with SHA-256 [seed 000, seed 004, cucm-behaviour.md 5.2].
const fn certificates_10_5(unit: Unit) -> (KeyProfile, KeyProfile) {
    let old_bits = match unit {
        Unit::CallManager | Unit::Capf | Unit::Ipsec => 1024,
        _ => 2048,
    };
    let (old, new) = match unit {
        Unit::Capf => (capf(DigestId::SHA1, None), capf(DigestId::SHA256, None)),
        _ => (profile(DigestId::SHA1, false), profile(DigestId::SHA256, false)),
    };
    (KeyProfile { bits: old_bits, certificate: old }, KeyProfile { bits: 2048, certificate: new })
}

/// 15: 2048 bits with SHA-256 everywhere, P-384 with a hash of at least its strength, CN in the SAN, a CAPF that says CA:TRUE
/// with path length 0 [cucm-behaviour.md 4.1, 5.2, 5.4].
const fn certificates_15(unit: Unit) -> (KeyProfile, KeyProfile) {
    let certificate = match unit {
        Unit::Capf => capf(DigestId::SHA256, Some(0)),
        unit if unit.is_ec() => profile(DigestId::SHA512, true),
        _ => profile(DigestId::SHA256, true),
    };
    let bits = if unit.is_ec() { 384 } else { 2048 };
    let both = KeyProfile { bits, certificate };
    (both, both)
}

/// The releases that are filled in.
pub const RELEASES: [Release; 2] = [
    Release {
        name: "10.5",
        itl_signer: Unit::CallManager,
        recovery: Recovery::PerNode,
        ctl_sasts: &[Unit::CallManager],
        ec_units: false,
        certificates: certificates_10_5,
        // [seed 000]
        ctl_restart: "Please Restart the TFTP and Cisco CallManager services on all nodes in the cluster that run these services",
        restart_warning: " Don't press Ctrl-c while the service is getting RESTARTED.If Service has not Restarted Properly, execute the same Command Again",
    },
    Release {
        name: "15",
        itl_signer: Unit::ItlRecovery,
        recovery: Recovery::Shared,
        ctl_sasts: &[Unit::ItlRecovery, Unit::CallManager],
        ec_units: true,
        certificates: certificates_15,
        // [cucm-behaviour.md 1.5, newer releases]
        ctl_restart: "Please Restart the Cisco CallManager and CTIManager services on all nodes in the cluster that run these services",
        restart_warning: "Do not press Ctrl+C while the service is restarting. If the service has not restarted properly, execute the same command again.",
    },
];

/// The release of a new cluster.
pub const DEFAULT_RELEASE: &str = "15";

/// The release with a name.
pub fn release(name: &str) -> Option<&'static Release> {
    RELEASES.iter().find(|release| release.name == name)
}

impl Release {
    /// The units whose certificates a node has that is not one of IM&P.
    pub fn units(&self, publisher: bool) -> impl Iterator<Item = Unit> {
        let (recovery, ec_units) = (self.recovery, self.ec_units);
        Unit::ALL.into_iter().filter(move |unit| match (unit, unit.place()) {
            (unit, _) if unit.is_ec() && !ec_units => false,
            (Unit::ItlRecovery, _) => match recovery {
                Recovery::None => false,
                Recovery::PerNode => true,
                Recovery::Shared => publisher,
            },
            (_, Where::EveryNode | Where::CallManagerNodes) => true,
            (_, Where::Publisher) => publisher,
            (_, Where::Presence) => false,
        })
    }
}
