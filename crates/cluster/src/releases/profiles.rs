//! Keys and certificates by release [sources/certificates#self-signed-profile], [sources/certificates#requests].

use pki::profile::{CertificateProfile, Purpose, Usage};
use wire::digest::DigestId;

use super::KeyProfile;
use crate::units::Unit;

/// Five years, as the original counts them.
const FIVE_YEARS: u32 = 1825;

/// Key usage of a self-signed certificate, bits 02BC [sources/certificates#self-signed-profile].
const ALL_USAGES: &[Usage] = &[
    Usage::DigitalSignature,
    Usage::KeyEncipherment,
    Usage::DataEncipherment,
    Usage::KeyAgreement,
    Usage::KeyCertSign,
];
const ALL_PURPOSES: &[Purpose] = &[Purpose::ServerAuth, Purpose::ClientAuth, Purpose::IpsecEndSystem];

/// The CAPF certificate signs certificates and serves TLS [sources/capf#service]; without BasicConstraints it
/// has the 680 bytes of [sources/certificates#self-signed-profile].
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

/// Twenty years, the ITLRecovery certificate of 12.5 to 14 [sources/releases#signers].
const TWENTY_YEARS: u32 = 7300;

/// 9.1: CallManager, CAPF and ipsec have 1024 bits, tomcat and TVS 2048, all with SHA-1, and a renewal makes the same
/// [sources/certificates#self-signed-profile].
pub const fn of_9_1(unit: Unit) -> (KeyProfile, KeyProfile) {
    let bits = match unit {
        Unit::CallManager | Unit::Capf | Unit::Ipsec => 1024,
        _ => 2048,
    };
    let certificate = match unit {
        Unit::Capf => capf(DigestId::SHA1, None),
        _ => profile(DigestId::SHA1, false),
    };
    let both = KeyProfile { bits, certificate };
    (both, both)
}

/// 10.5: 2048 bits everywhere [sources/certificates#self-signed-profile], with SHA-256 as its renewals
/// [sources/certificates#self-signed-profile; of an installation inferred]. The cluster of
/// [sources/published-clusters#two-nodes] has 1024 bits with SHA-1, because it came from an older release.
pub const fn of_10_5(unit: Unit) -> (KeyProfile, KeyProfile) {
    let certificate = match unit {
        Unit::Capf => capf(DigestId::SHA256, None),
        _ => profile(DigestId::SHA256, false),
    };
    let both = KeyProfile { bits: 2048, certificate };
    (both, both)
}

/// 11.5: a new cluster has 2048 bits with SHA-256 everywhere, as renewals of 10.5 [inferred from 10.5 and 15].
pub const fn of_11_5(unit: Unit) -> (KeyProfile, KeyProfile) {
    let (_, new) = if unit.is_ec() { of_15(unit) } else { of_10_5(unit) };
    (new, new)
}

/// 12.5 and 14: as 15 \[inferred\], but ITLRecovery lasts twenty years [sources/releases#signers].
pub const fn of_12_5(unit: Unit) -> (KeyProfile, KeyProfile) {
    let (mut both, _) = of_15(unit);
    if matches!(unit, Unit::ItlRecovery) {
        both.certificate.days = TWENTY_YEARS;
    }
    (both, both)
}

/// 15: 2048 bits with SHA-256 everywhere, P-384 with a hash of at least its strength, CN in the SAN, a CAPF that says CA:TRUE
/// with path length 0 [sources/capf#service], [sources/certificates#names-and-keys].
pub const fn of_15(unit: Unit) -> (KeyProfile, KeyProfile) {
    let certificate = match unit {
        Unit::Capf => capf(DigestId::SHA256, Some(0)),
        unit if unit.is_ec() => profile(DigestId::SHA512, true),
        _ => profile(DigestId::SHA256, true),
    };
    let bits = if unit.is_ec() { 384 } else { 2048 };
    let both = KeyProfile { bits, certificate };
    (both, both)
}
