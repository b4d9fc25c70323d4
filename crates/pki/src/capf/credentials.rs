//! A phone that shows its certificate: who issued it, whose it is, and whether the phone has its key.

use der::Decode;
use wire::capf::{AuthResponse, DeviceName, Sha2SignedData, SudiData};
use wire::digest::DigestId;
use x509_cert::ext::pkix::BasicConstraints;

use crate::capf::proof::holds;
use crate::certificate::{Certificate, CertificateError, KeyKind};
use crate::lsc::authority::{chain_above, is_issued_by};
use crate::lsc::constraints::check_constraints;
use crate::name::NameForm;

const BASIC_CONSTRAINTS: der::asn1::ObjectIdentifier = der::asn1::ObjectIdentifier::new_unwrap("2.5.29.19");

/// Largest RSA key of a phone, bits [sources/capf#elements].
const MAX_RSA_BITS: usize = 4096;

/// Smallest RSA key that has room for the proof with SHA-512, bits: 64 bytes of hash and eleven of padding.
pub const SHA512_BITS: usize = 600;

/// Whether a phone may leave out its proofs with SHA-512. Older phones know SHA-1 only, and an RSA key below 600 bits has
/// no room for the hash; both need the tolerance
/// [`Sha2ProofMissing`](wire::capf::Tolerance::Sha2ProofMissing). A proof that is there is checked in either case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sha2Proof {
    /// No.
    Required,
    /// Yes.
    Optional,
}

/// A phone that has the key of its certificate.
#[derive(Debug, Clone)]
pub struct Proven<'a> {
    /// The certificate: an LSC or a MIC, as its issuer tells.
    pub certificate: Certificate,
    /// Which of the trusted certificates signed it.
    pub issuer: &'a Certificate,
    /// The MIC, when the phone has proven its key too. `None` when it sent no SUDI_DATA, or one with a key that is not
    /// RSA: how such a proof is made is not known, so it proves nothing.
    pub sudi: Option<Sudi<'a>>,
}

/// A MIC with a proven key.
#[derive(Debug, Clone)]
pub struct Sudi<'a> {
    /// The MIC.
    pub certificate: Certificate,
    /// Which of the trusted certificates signed it.
    pub issuer: &'a Certificate,
}

/// Why a phone is not let in by its certificate. `what` is the element: CERTIFICATE or SUDI_DATA.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    /// An element that the proof needs is not there.
    #[error("no {0}; the phone has no certificate, or is too old for the proof with SHA-512")]
    Missing(&'static str),
    /// SHA2_SIGNED_DATA with another hash than SHA-512.
    #[error("SHA2_SIGNED_DATA is made with hash {0}, only sha512 is taken")]
    Hash(DigestId),
    /// Not a certificate.
    #[error("{what}: {error}")]
    Unreadable {
        /// The element.
        what: &'static str,
        /// What is wrong.
        error: CertificateError,
    },
    /// Not a key that phones have.
    #[error("{what}: a certificate with a {kind} key; phones have RSA to 4096 bits, or EC")]
    Key {
        /// The element.
        what: &'static str,
        /// Kind and size.
        kind: KeyKind,
    },
    /// The certificate of another device.
    #[error("{what}: the certificate is for `{common_name}`, the phone says it is {device_name}")]
    OtherDevice {
        /// The element.
        what: &'static str,
        /// CN of the subject; empty when it has none.
        common_name: String,
        /// What the phone says.
        device_name: DeviceName,
    },
    /// No trusted certificate signed it.
    #[error("{what}: no certificate of CAPF-trust signed it (issuer {issuer}); upload the CA to CAPF-trust")]
    UnknownIssuer {
        /// The element.
        what: &'static str,
        /// Issuer name.
        issuer: String,
    },
    /// A CA above it may not vouch for it.
    #[error("{what}: {reason}")]
    Constraints {
        /// The element.
        what: &'static str,
        /// Which CA, and why.
        reason: String,
    },
    /// Not valid now, or its issuer is not.
    #[error("{what}: {subject} is valid from {not_before} to {not_after}, not at {now} (seconds since 1970)")]
    Dates {
        /// The element.
        what: &'static str,
        /// Whose dates: subject of the certificate or of its issuer.
        subject: String,
        /// First second.
        not_before: u64,
        /// Last second.
        not_after: u64,
        /// The time it was held against.
        now: u64,
    },
    /// The proof does not hold: the phone has not the key, or signed something else.
    #[error("the proof in {0} does not hold")]
    Proof(&'static str),
}

impl Unproven {
    /// A short name that stays the same, for logs and counters.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Missing(_) => "missing",
            Self::Hash(_) => "hash",
            Self::Unreadable { .. } => "unreadable",
            Self::Key { .. } => "key",
            Self::OtherDevice { .. } => "other-device",
            Self::UnknownIssuer { .. } => "unknown-issuer",
            Self::Constraints { .. } => "constraints",
            Self::Dates { .. } => "dates",
            Self::Proof(_) => "proof",
        }
    }
}

/// Checks the certificate of an AUTH_RESPONSE and the proofs of its key, and those of the MIC when there are any.
///
/// `issuers` are the certificates of CAPF-trust and CAPF's own one, `now` is in seconds since 1970 UTC. What is cheap is
/// checked first: a phone that no trusted CA vouches for costs no RSA operation with its own key.
///
/// # Errors
/// [`Unproven`].
pub fn check<'a>(
    auth: &AuthResponse,
    session_id: u32,
    issuers: &'a [Certificate],
    now: u64,
    sha2: Sha2Proof,
) -> Result<Proven<'a>, Unproven> {
    let der = auth.certificate.as_deref().ok_or(Unproven::Missing("CERTIFICATE"))?;
    let signed = auth.signed_data.as_deref().ok_or(Unproven::Missing("SIGNED_DATA"))?;
    match (&auth.sha2_signed_data, sha2) {
        (None, Sha2Proof::Required) => return Err(Unproven::Missing("SHA2_SIGNED_DATA")),
        (Some(Sha2SignedData { hash, .. }), _) if *hash != DigestId::SHA512 => return Err(Unproven::Hash(*hash)),
        _ => {}
    }
    let (certificate, issuer) = read("CERTIFICATE", der, &auth.device_name, issuers, now)?;
    let parts = [auth.device_name.as_sent(), der];
    if !holds(&certificate, DigestId::SHA1, &parts, signed) {
        return Err(Unproven::Proof("SIGNED_DATA"));
    }
    if let Some(Sha2SignedData { hash, proof }) = &auth.sha2_signed_data
        && !holds(&certificate, *hash, &parts, proof)
    {
        return Err(Unproven::Proof("SHA2_SIGNED_DATA"));
    }
    let sudi = match &auth.sudi_data {
        Some(sudi) => check_sudi(sudi, &auth.device_name, session_id, issuers, now, sha2)?,
        None => None,
    };
    Ok(Proven { certificate, issuer, sudi })
}

/// Checks a certificate that a phone shows without a proof of its key: it is for this device, a trusted CA issued it, and both are
/// valid now. That the phone has the key it does not tell.
///
/// # Errors
/// [`Unproven`], with CERTIFICATE as the element.
pub fn check_shown(
    der: &[u8],
    device_name: &DeviceName,
    issuers: &[Certificate],
    now: u64,
) -> Result<Certificate, Unproven> {
    read("CERTIFICATE", der, device_name, issuers, now).map(|(certificate, _)| certificate)
}

/// Checks SUDI_DATA of a phone that shows no other certificate: that its proofs hold for the session, whoever issued the MIC. With a
/// key that is not RSA it proves nothing and is passed over; the proof with SHA-512 may be missing.
///
/// # Errors
/// [`Unproven`], with SUDI_DATA as the element.
pub fn check_session_proof(sudi: &SudiData, session_id: u32) -> Result<(), Unproven> {
    let what = "SUDI_DATA";
    let certificate = Certificate::from_der(&sudi.certificate).map_err(|error| Unproven::Unreadable { what, error })?;
    match certificate.rsa_bits() {
        None => Ok(()),
        Some(bits) if bits > MAX_RSA_BITS => Err(Unproven::Key { what, kind: certificate.key_kind().clone() }),
        Some(_) => sudi_holds(&certificate, sudi, session_id, Sha2Proof::Optional),
    }
}

fn check_sudi<'a>(
    sudi: &SudiData,
    device_name: &DeviceName,
    session_id: u32,
    issuers: &'a [Certificate],
    now: u64,
    sha2: Sha2Proof,
) -> Result<Option<Sudi<'a>>, Unproven> {
    let (certificate, issuer) = read("SUDI_DATA", &sudi.certificate, device_name, issuers, now)?;
    if certificate.rsa_bits().is_none() {
        return Ok(None);
    }
    sudi_holds(&certificate, sudi, session_id, sha2)?;
    Ok(Some(Sudi { certificate, issuer }))
}

fn sudi_holds(certificate: &Certificate, sudi: &SudiData, session_id: u32, sha2: Sha2Proof) -> Result<(), Unproven> {
    let session_id = session_id.to_le_bytes();
    let parts = [session_id.as_slice(), &sudi.certificate];
    let sha1 = sudi.sha1.as_deref().ok_or(Unproven::Missing("SHA-1 proof in SUDI_DATA"))?;
    if !holds(certificate, DigestId::SHA1, &parts, sha1) {
        return Err(Unproven::Proof("SUDI_DATA"));
    }
    match (&sudi.sha512, sha2) {
        (None, Sha2Proof::Required) => Err(Unproven::Missing("SHA-512 proof in SUDI_DATA")),
        (Some(proof), _) if !holds(certificate, DigestId::SHA512, &parts, proof) => Err(Unproven::Proof("SUDI_DATA")),
        _ => Ok(()),
    }
}

/// Whether a certificate is for a device: its CN is the device name, or ends in `-` and the device name as in
/// `CP-8861-SEPB000B4BA0AEE`. Upper and lower case are the same.
#[must_use]
pub fn names_device(certificate: &Certificate, device_name: &str) -> bool {
    let Some(common_name) = certificate.common_name() else { return false };
    let Some(start) = common_name.len().checked_sub(device_name.len()) else { return false };
    let (Some(before), Some(name)) = (common_name.get(..start), common_name.get(start..)) else { return false };
    !device_name.is_empty() && name.eq_ignore_ascii_case(device_name) && (before.is_empty() || before.ends_with('-'))
}

/// A certificate of this device that one of the issuers signed, all of them valid now.
fn read<'a>(
    what: &'static str,
    der: &[u8],
    device_name: &DeviceName,
    issuers: &'a [Certificate],
    now: u64,
) -> Result<(Certificate, &'a Certificate), Unproven> {
    let certificate = Certificate::from_der(der).map_err(|error| Unproven::Unreadable { what, error })?;
    match certificate.key_kind() {
        KeyKind::Rsa(bits) if *bits <= MAX_RSA_BITS => {}
        KeyKind::Ec(_) => {}
        kind => return Err(Unproven::Key { what, kind: kind.clone() }),
    }
    if !names_device(&certificate, device_name.as_str()) {
        return Err(Unproven::OtherDevice {
            what,
            common_name: certificate.common_name().unwrap_or_default(),
            device_name: device_name.clone(),
        });
    }
    let mut refused = Unproven::UnknownIssuer { what, issuer: certificate.issuer(NameForm::Cucm) };
    let mut found = None;
    // Of several of one name and key, one that may vouch for it.
    for issuer in issuers.iter().filter(|issuer| issued_by(&certificate, issuer)) {
        let chain: Vec<&Certificate> = std::iter::once(issuer).chain(chain_above(issuer, issuers)).collect();
        match check_constraints(&certificate, &chain) {
            Ok(()) => {
                found = Some(issuer);
                break;
            }
            Err(reason) => refused = Unproven::Constraints { what, reason },
        }
    }
    let issuer = found.ok_or(refused)?;
    for dated in [&certificate, issuer] {
        let (not_before, not_after) = dated.validity();
        if !(not_before..=not_after).contains(&now) {
            let subject = dated.subject(NameForm::Cucm);
            return Err(Unproven::Dates { what, subject, not_before, not_after, now });
        }
    }
    Ok((certificate, issuer))
}

/// Issuer name equal to the subject of a CA, and its signature valid. One level: intermediate CAs stand in CAPF-trust.
fn issued_by(certificate: &Certificate, issuer: &Certificate) -> bool {
    may_issue(issuer) && is_issued_by(certificate, issuer)
}

/// CA:TRUE, or nothing said: the CAPF certificates of older releases have no BasicConstraints.
fn may_issue(issuer: &Certificate) -> bool {
    match issuer.extension(BASIC_CONSTRAINTS).map(BasicConstraints::from_der) {
        None => true,
        Some(Ok(constraints)) => constraints.ca,
        Some(Err(_)) => false,
    }
}
