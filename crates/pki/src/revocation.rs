//! Whether a CA has revoked a certificate: what its list (CRL, RFC 5280 5) and its responder (OCSP, RFC 6960) say.
//!
//! * [`crl`], [`ocsp`]: the two kinds of an answer; both come in as bytes and are believed only with the right signature
//!
//! Nothing is fetched here, and the time is a parameter.

pub mod crl;
pub mod ocsp;

use der::asn1::ObjectIdentifier;
use der::{Decode, Encode};
use openssl::hash::MessageDigest;
use openssl::sign::Verifier;
use x509_cert::ext::pkix::crl::CrlReason;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};
use x509_cert::ext::pkix::{AuthorityInfoAccessSyntax, CrlDistributionPoints};

use crate::certificate::{Certificate, answered_yes};
use crate::lsc::authority::is_issued_by;

/// How far a clock of a CA may be ahead of ours, seconds.
const SKEW: u64 = 300;

/// Addresses of each kind that are taken from a certificate at most: the page of the original has five for lists
/// [sources/monitor#revocation].
pub const ADDRESS_LIMIT: usize = 5;

/// Letters of an address at most.
pub const ADDRESS_LENGTH: usize = 1024;

/// authorityInfoAccess and cRLDistributionPoints (RFC 5280 4.2.2.1, 4.2.1.13).
const AUTHORITY_INFO_ACCESS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1.1");
const CRL_DISTRIBUTION_POINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.31");

/// id-ad-ocsp (RFC 6960 4.2.2.2).
const OCSP_METHOD: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1");

/// What a CA says of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RevocationStatus {
    /// It is not revoked.
    Good,
    /// It was revoked.
    Revoked {
        /// Since when, seconds since 1970 UTC.
        since: u64,
        /// Why, by the name of RFC 5280 5.3.1; `None` when the CA gives no reason.
        reason: Option<&'static str>,
    },
    /// The answer says nothing that can be believed; why not, for a person.
    Unknown(String),
}

/// Where a certificate says that its CA can be asked: `http://` addresses only, at most [`ADDRESS_LIMIT`] of each kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Addresses {
    /// OCSP responders.
    pub responders: Vec<String>,
    /// Lists.
    pub lists: Vec<String>,
}

impl Addresses {
    /// Those of a certificate. An extension that does not parse names none.
    #[must_use]
    pub fn of(certificate: &Certificate) -> Self {
        let mut found = Self::default();
        if let Some(access) = extension::<AuthorityInfoAccessSyntax>(certificate, AUTHORITY_INFO_ACCESS) {
            let responders = access.0.iter().filter(|one| one.access_method == OCSP_METHOD);
            found.responders = taken(responders.filter_map(|one| web_address(&one.access_location)));
        }
        found.lists = taken(distribution_points(certificate).iter().filter_map(web_address));
        found
    }
}

fn taken<'a>(all: impl Iterator<Item = &'a str>) -> Vec<String> {
    all.take(ADDRESS_LIMIT).map(str::to_owned).collect()
}

/// The names of the lists that a certificate stands in when it is revoked. Lists of another issuer (cRLIssuer) are left out.
fn distribution_points(certificate: &Certificate) -> Vec<GeneralName> {
    let points = extension::<CrlDistributionPoints>(certificate, CRL_DISTRIBUTION_POINTS);
    let points = points.map(|points| points.0).unwrap_or_default();
    let names = points.into_iter().filter(|point| point.crl_issuer.is_none()).filter_map(|point| {
        match point.distribution_point? {
            DistributionPointName::FullName(names) => Some(names),
            DistributionPointName::NameRelativeToCRLIssuer(_) => None,
        }
    });
    names.flatten().collect()
}

fn extension<T: for<'a> Decode<'a>>(certificate: &Certificate, oid: ObjectIdentifier) -> Option<T> {
    // What does not parse names nothing.
    T::from_der(certificate.extension(oid)?).ok()
}

/// The address of a name when it can be asked: RFC 5280 4.2.1.13 and RFC 6960 A.1 use `http`; asking by TLS would need the answer
/// first.
fn web_address(name: &GeneralName) -> Option<&str> {
    let GeneralName::UniformResourceIdentifier(address) = name else { return None };
    is_web_address(address.as_str()).then_some(address.as_str())
}

/// Whether a text is an `http://` address with a host, of printable ASCII letters, [`ADDRESS_LENGTH`] at most.
#[must_use]
pub fn is_web_address(text: &str) -> bool {
    let rest = text.get(..7).filter(|start| start.eq_ignore_ascii_case("http://")).and_then(|_| text.get(7..));
    let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next());
    text.len() <= ADDRESS_LENGTH
        && text.bytes().all(|letter| letter.is_ascii_graphic())
        && host.is_some_and(|host| !host.is_empty() && !host.contains('@'))
}

/// An answer counts for certificates of the CA that gave it only: serial numbers of others may be the same.
fn check_issuer(certificate: &Certificate, issuer: &Certificate) -> Result<(), String> {
    if is_issued_by(certificate, issuer) {
        return Ok(());
    }
    Err("the certificate was not issued by the CA that is asked".to_owned())
}

/// Whether a certificate holds at a time, seconds since 1970 UTC.
fn holds_at(certificate: &Certificate, now: u64) -> bool {
    let (first, last) = certificate.validity();
    (first..=last).contains(&now)
}

/// Why an answer with these dates says nothing now: it is of the future, or a newer one is due. `longest` is how long it counts
/// when it does not say until when.
fn out_of_date(what: &str, this_update: u64, next_update: Option<u64>, longest: u64, now: u64) -> Option<String> {
    let day = |at: u64| crate::date::date(at, &jiff::tz::TimeZone::UTC);
    if this_update > now.saturating_add(SKEW) {
        return Some(format!("{what} is from {}, which is in the future; look at the clock", day(this_update)));
    }
    let until = next_update.unwrap_or_else(|| this_update.saturating_add(longest));
    (until.saturating_add(SKEW) < now).then(|| format!("{what} is out of date: a newer one was due on {}", day(until)))
}

/// Whether the key of a certificate made a signature, by the OID of its algorithm (RFC 4055, RFC 5758).
///
/// # Errors
/// An algorithm that is not known here.
fn is_signed(by: &Certificate, algorithm: ObjectIdentifier, message: &[u8], signature: &[u8]) -> Result<bool, String> {
    let digest = match algorithm.to_string().as_str() {
        "1.2.840.113549.1.1.5" | "1.2.840.10045.4.1" => MessageDigest::sha1(),
        "1.2.840.113549.1.1.11" | "1.2.840.10045.4.3.2" => MessageDigest::sha256(),
        "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" => MessageDigest::sha384(),
        "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" => MessageDigest::sha512(),
        other => return Err(format!("it is signed with the algorithm {other}, which is not known here")),
    };
    let Ok(key) = by.openssl_key() else { return Ok(false) };
    let answer = Verifier::new(digest, key).and_then(|mut verifier| verifier.verify_oneshot(signature, message));
    Ok(answered_yes(&answer))
}

/// The name of RFC 5280 5.3.1.
const fn reason_name(reason: CrlReason) -> &'static str {
    match reason {
        CrlReason::Unspecified => "unspecified",
        CrlReason::KeyCompromise => "keyCompromise",
        CrlReason::CaCompromise => "cACompromise",
        CrlReason::AffiliationChanged => "affiliationChanged",
        CrlReason::Superseded => "superseded",
        CrlReason::CessationOfOperation => "cessationOfOperation",
        CrlReason::CertificateHold => "certificateHold",
        CrlReason::RemoveFromCRL => "removeFromCRL",
        CrlReason::PrivilegeWithdrawn => "privilegeWithdrawn",
        CrlReason::AaCompromise => "aACompromise",
    }
}

/// DER of what was read before; what does not fit into memory twice is no answer.
fn encoded(part: &impl Encode) -> Result<Vec<u8>, String> {
    part.to_der().map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_can_be_asked() {
        for good in ["http://ca.example.com/a.crl", "HTTP://127.0.0.1:8080", "http://[::1]/x?y"] {
            assert!(is_web_address(good), "{good}");
        }
        let long = format!("http://a/{}", "b".repeat(ADDRESS_LENGTH));
        for bad in [
            "",
            "http://",
            "http:///x",
            "https://a/b",
            "ldap:///CN=x",
            "http://u:p@a/",
            "http://a b/",
            "http://a/ü",
            &long,
        ] {
            assert!(!is_web_address(bad), "{bad}");
        }
    }

    #[test]
    fn dates() {
        assert_eq!(out_of_date("it", 1000, Some(2000), 0, 1500), None);
        assert_eq!(out_of_date("it", 1000, Some(2000), 0, 2000 + SKEW), None);
        assert!(out_of_date("it", 1000, Some(2000), 0, 2001 + SKEW).unwrap().contains("out of date"));
        assert!(out_of_date("it", 1000, None, 10, 1011 + SKEW).is_some());
        assert_eq!(out_of_date("it", 1000 + SKEW, None, 10, 1000), None);
        assert!(out_of_date("it", 1001 + SKEW, None, 10, 1000).unwrap().contains("future"));
    }
}
