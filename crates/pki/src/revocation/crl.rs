//! Certificate revocation lists (RFC 5280 5): complete ones of the issuer itself. Deltas and lists that speak for other CAs are not
//! believed.

use der::asn1::{Any, BitString, ObjectIdentifier};
use der::{Decode, Sequence};
use x509_cert::crl::RevokedCert;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::crl::CrlReason;
use x509_cert::ext::pkix::crl::dp::IssuingDistributionPoint;
use x509_cert::ext::pkix::name::DistributionPointName;
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_cert::time::Time;

use super::{RevocationStatus, check_issuer, distribution_points, encoded, is_signed, out_of_date, reason_name};
use crate::certificate::Certificate;
use crate::name::DistinguishedName;

/// Bytes of a list at most: some 400 000 entries.
pub const LIST_LIMIT: usize = 16 << 20;

/// How long a list counts that does not say when the next one comes, seconds: RFC 5280 5.1.2.5 wants it to say so.
const LONGEST: u64 = 7 * 86_400;

/// cRLNumber, authorityKeyIdentifier, issuingDistributionPoint and reasonCode (RFC 5280 5.2, 5.3).
const CRL_NUMBER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.20");
const AUTHORITY_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.35");
const ISSUING_POINT: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.28");
const REASON_CODE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.21");

#[derive(Sequence)]
struct CertificateList {
    signed: Any,
    algorithm: AlgorithmIdentifierOwned,
    signature: BitString,
}

/// TBSCertList. The version is missing in those of version 1, which `openssl ca -gencrl` makes by default.
#[derive(Sequence)]
struct SignedList {
    version: Option<u8>,
    algorithm: AlgorithmIdentifierOwned,
    issuer: Any,
    this_update: Time,
    next_update: Option<Time>,
    revoked: Option<Vec<RevokedCert>>,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    extensions: Option<Vec<Extension>>,
}

/// What a list (DER or PEM) says of a certificate of an issuer, at a time in seconds since 1970 UTC.
///
/// One that is listed is revoked, however old the list is; that it is not listed counts only while the list is up to date.
#[must_use]
pub fn status(certificate: &Certificate, issuer: &Certificate, list: &[u8], now: u64) -> RevocationStatus {
    judge(certificate, issuer, list, now).unwrap_or_else(RevocationStatus::Unknown)
}

fn judge(certificate: &Certificate, issuer: &Certificate, list: &[u8], now: u64) -> Result<RevocationStatus, String> {
    check_issuer(certificate, issuer)?;
    if list.len() > LIST_LIMIT {
        return Err(format!("the list has more than {LIST_LIMIT} bytes"));
    }
    let unreadable = |error: der::Error| format!("what came is no certificate revocation list ({error})");
    let from_pem;
    let list = if list.starts_with(b"-----BEGIN") {
        let (_, der) = der::pem::decode_vec(list).map_err(|error| format!("the list is no PEM text ({error})"))?;
        from_pem = der;
        &from_pem
    } else {
        list
    };
    let outer = CertificateList::from_der(list).map_err(unreadable)?;
    let signed = encoded(&outer.signed)?;
    let inner = SignedList::from_der(&signed).map_err(unreadable)?;
    let named = DistinguishedName::from_der(&encoded(&inner.issuer)?, "its issuer")?;
    if !named.means(&issuer.parts().subject) {
        return Err("the list is of another CA".to_owned());
    }
    if issuer.extensions().usages.is_some_and(|usages| !usages.contains("cRLSign")) {
        return Err("the CA may not sign lists (its key usage lacks cRLSign)".to_owned());
    }
    if inner.algorithm != outer.algorithm
        || !is_signed(issuer, outer.algorithm.oid, &signed, outer.signature.raw_bytes())?
    {
        return Err("the signature of the list is not by the CA of the certificate".to_owned());
    }
    let covered = covers(inner.extensions.as_deref().unwrap_or_default(), certificate)?;
    let entry =
        inner.revoked.iter().flatten().find(|entry| entry.serial_number.as_bytes() == certificate.serial_integer());
    if let Some(entry) = entry {
        let reasons = entry.crl_entry_extensions.iter().flatten().filter(|one| one.extn_id == REASON_CODE);
        let reason = reasons.filter_map(|one| CrlReason::from_der(one.extn_value.as_bytes()).ok()).next();
        let since = entry.revocation_date.to_unix_duration().as_secs();
        return Ok(RevocationStatus::Revoked { since, reason: reason.map(reason_name) });
    }
    covered?;
    let next = inner.next_update.map(|time| time.to_unix_duration().as_secs());
    let this = inner.this_update.to_unix_duration().as_secs();
    match out_of_date("the list", this, next, LONGEST, now) {
        Some(reason) => Err(reason),
        None => Ok(RevocationStatus::Good),
    }
}

/// Whether a list that does not name a certificate says by this that it is good (RFC 5280 5.2, 6.3.3): the inner error says why
/// not, the outer one why nothing of the list can be used.
fn covers(extensions: &[Extension], certificate: &Certificate) -> Result<Result<(), String>, String> {
    let mut covered = Ok(());
    for extension in extensions {
        match extension.extn_id {
            CRL_NUMBER | AUTHORITY_KEY => {}
            ISSUING_POINT => {
                let point = IssuingDistributionPoint::from_der(extension.extn_value.as_bytes());
                let point = point.map_err(|error| format!("the scope of the list does not parse ({error})"))?;
                if point.indirect_crl || point.only_contains_attribute_certs {
                    return Err("the list speaks for other CAs or for attributes".to_owned());
                }
                covered = in_scope(&point, certificate);
            }
            other if extension.critical => {
                return Err(format!("the list has the critical extension {other}, which is not known here"));
            }
            _ => {}
        }
    }
    Ok(covered)
}

fn in_scope(point: &IssuingDistributionPoint, certificate: &Certificate) -> Result<(), String> {
    let ca = certificate.extensions().ca == Some(true);
    if (point.only_contains_user_certs && ca) || (point.only_contains_ca_certs && !ca) {
        return Err("the list is of another kind of certificates".to_owned());
    }
    if point.only_some_reasons.is_some() {
        return Err("the list knows some reasons only".to_owned());
    }
    match &point.distribution_point {
        None => Ok(()),
        // A CA that splits its list names the part in both: a good word about another part must not count.
        Some(DistributionPointName::FullName(names)) => {
            let own = distribution_points(certificate);
            if names.iter().any(|name| own.contains(name)) {
                Ok(())
            } else {
                Err("the list is another part of the lists of its CA than the certificate names".to_owned())
            }
        }
        Some(DistributionPointName::NameRelativeToCRLIssuer(_)) => {
            Err("the list names its part in a way that is not known here".to_owned())
        }
    }
}
