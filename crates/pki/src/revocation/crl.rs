//! Certificate revocation lists (RFC 5280 5): complete ones of the issuer itself. Deltas and lists that speak for other CAs are not
//! believed. Entries about others may be what they are (a serial number above 20 bytes, a date before 1970): only the one that is looked for
//! is read to its end.

use der::Decode;
use der::asn1::ObjectIdentifier;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::crl::CrlReason;
use x509_cert::ext::pkix::crl::dp::IssuingDistributionPoint;
use x509_cert::ext::pkix::name::DistributionPointName;

use super::{RevocationStatus, check_issuer, distribution_points, is_signed, out_of_date, reason_name};
use crate::certificate::Certificate;
use crate::name::DistinguishedName;
use crate::pem;
use crate::tlv::{INTEGER, Oid, Reader, SEQUENCE, Value, Wrong};
use crate::x509::{self, is_time};

/// Bytes of a list at most: some 400 000 entries.
pub const LIST_LIMIT: usize = 16 << 20;

/// How long a list counts that does not say when the next one comes, seconds: RFC 5280 5.1.2.5 wants it to say so.
const LONGEST: u64 = 7 * 86_400;

/// cRLNumber, authorityKeyIdentifier, issuingDistributionPoint and reasonCode (RFC 5280 5.2, 5.3).
const CRL_NUMBER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.20");
const AUTHORITY_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.35");
const ISSUING_POINT: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.28");
const REASON_CODE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.21");

/// [0] of TBSCertList.
const EXTENSIONS: u8 = 0xa0;

/// CertificateList, and TBSCertList in it. The version is missing in those of version 1, which `openssl ca -gencrl` makes by default.
struct List<'a> {
    signed: &'a [u8],
    algorithm: Oid,
    /// Whether the signed part names the same algorithm.
    agrees: bool,
    signature: &'a [u8],
    issuer: DistinguishedName,
    this_update: u64,
    next_update: Option<u64>,
    /// The entries, one behind the other.
    revoked: &'a [u8],
    extensions: Vec<Extension>,
}

impl<'a> List<'a> {
    fn read(der: &'a [u8]) -> Result<Self, Wrong> {
        let mut all = Reader(der);
        let mut outer = Reader(all.take(SEQUENCE, "the list")?.inside);
        all.end("the list")?;
        let signed = outer.take(SEQUENCE, "its signed part")?;
        let named = outer;
        let algorithm = outer.algorithm("its signature algorithm")?;
        let outside = consumed(named, outer);
        let signature = outer.bits("its signature")?;
        outer.end("its signature")?;

        let mut parts = Reader(signed.inside);
        if parts.peek() == Some(INTEGER) {
            parts.integer("its version")?;
        }
        let named = parts;
        parts.algorithm("its signature algorithm")?;
        let agrees = outside == consumed(named, parts);
        let issuer = DistinguishedName::read(parts.take(SEQUENCE, "its issuer")?, "its issuer")?;
        let this_update = seconds(parts.any("its thisUpdate")?, "its thisUpdate")?;
        let next_update = match parts.peek() {
            Some(tag) if is_time(tag) => Some(seconds(parts.any("its nextUpdate")?, "its nextUpdate")?),
            _ => None,
        };
        let revoked = parts.optional(SEQUENCE, "its entries")?.map_or(&[][..], |entries| entries.inside);
        let extensions = match parts.optional(EXTENSIONS, "its extensions")? {
            Some(found) => extensions(found.inside)?,
            None => Vec::new(),
        };
        parts.end("its extensions")?;
        Ok(Self {
            signed: signed.whole,
            algorithm,
            agrees,
            signature,
            issuer,
            this_update,
            next_update,
            revoked,
            extensions,
        })
    }

    /// When and why it revokes a serial number; `None` when it does not.
    fn entry(&self, serial: &[u8]) -> Result<Option<(u64, Option<CrlReason>)>, Wrong> {
        let mut entries = Reader(self.revoked);
        while entries.peek().is_some() {
            let mut entry = Reader(entries.take(SEQUENCE, "an entry")?.inside);
            if entry.take(INTEGER, "the serial number of an entry")?.inside != serial {
                continue;
            }
            let date = entry.any("the date of its entry")?;
            // It is revoked, whatever else stands there.
            let since = seconds(date, "the date of its entry").unwrap_or(self.this_update);
            let all = extensions(entry.0).unwrap_or_default();
            let mut reasons = all.iter().filter(|one| one.extn_id == REASON_CODE);
            let reason = reasons.find_map(|one| CrlReason::from_der(one.extn_value.as_bytes()).ok());
            return Ok(Some((since, reason)));
        }
        Ok(None)
    }
}

/// What a reader has passed over.
fn consumed<'a>(before: Reader<'a>, after: Reader<'a>) -> &'a [u8] {
    before.0.get(..before.0.len().saturating_sub(after.0.len())).unwrap_or_default()
}

/// Extensions, if there are any.
fn extensions(bytes: &[u8]) -> Result<Vec<Extension>, Wrong> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    Vec::from_der(bytes).map_err(|error| format!("its extensions do not parse ({error})"))
}

/// Seconds since 1970 UTC; 0 for what lies before.
fn seconds(value: Value<'_>, what: &str) -> Result<u64, Wrong> {
    Ok(u64::try_from(x509::time(value, what)?).unwrap_or_default())
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
    let from_pem;
    let list = if list.first() == Some(&SEQUENCE) {
        list
    } else {
        from_pem = decoded(list)?;
        &from_pem
    };
    let list = List::read(list).map_err(unreadable)?;
    if !list.issuer.means(&issuer.parts().subject) {
        return Err("the list is of another CA".to_owned());
    }
    if issuer.extensions().usages.is_some_and(|usages| !usages.contains("cRLSign")) {
        return Err("the CA may not sign lists (its key usage lacks cRLSign)".to_owned());
    }
    let known = list.algorithm.to_der().filter(|_| list.agrees);
    if !known.map_or(Ok(false), |algorithm| is_signed(issuer, algorithm, list.signed, list.signature))? {
        return Err("the signature of the list is not by the CA of the certificate".to_owned());
    }
    let covered = covers(&list.extensions, certificate)?;
    if let Some((since, reason)) = list.entry(certificate.serial_integer()).map_err(unreadable)? {
        return Ok(RevocationStatus::Revoked { since, reason: reason.map(reason_name) });
    }
    covered?;
    match out_of_date("the list", list.this_update, list.next_update, LONGEST, now) {
        Some(reason) => Err(reason),
        None => Ok(RevocationStatus::Good),
    }
}

fn unreadable(reason: impl std::fmt::Display) -> String {
    format!("what came is not a certificate revocation list ({reason})")
}

/// The first list of a PEM text.
fn decoded(text: &[u8]) -> Result<Vec<u8>, String> {
    for block in pem::blocks(text) {
        let block = block.map_err(unreadable)?;
        if block.label == "X509 CRL" {
            return block.decode().map_err(unreadable);
        }
    }
    Err(unreadable("neither DER nor PEM with -----BEGIN X509 CRL-----"))
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
