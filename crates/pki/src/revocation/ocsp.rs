//! The Online Certificate Status Protocol (RFC 6960): a request for one certificate, and what a response says of it.

use der::asn1::{Any, BitString, GeneralizedTime, Int, Null, ObjectIdentifier, OctetString};
use der::{Choice, Decode, Encode, Enumerated, Sequence};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::crl::CrlReason;
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::{RevocationStatus, check_issuer, encoded, holds_at, is_signed, out_of_date, reason_name};
use crate::certificate::Certificate;
use crate::hash;
use crate::lsc::authority::is_issued_by;

/// Bytes of a response at most: one answer and the certificates of its signer.
pub const RESPONSE_LIMIT: usize = 65_536;

/// Bytes of a nonce (RFC 9654 2.1: 1 to 128, 32 recommended).
pub const NONCE: usize = 32;

/// Certificates that a response may bring at most.
const SIGNERS: usize = 8;

/// How long a response counts that does not say until when, seconds: newer information is available at any time then (RFC 6960
/// 4.2.2.1), and clocks differ.
const LONGEST: u64 = 86_400;

/// id-sha1, id-pkix-ocsp-basic, id-pkix-ocsp-nonce (RFC 6960 4.2.1, 4.4.1).
const SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
const BASIC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.1");
const NONCE_EXTENSION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.2");

/// id-kp-OCSPSigning (RFC 6960 4.2.2.2), as [`Certificate::extensions`] names it.
const OCSP_SIGNING: &str = "1.3.6.1.5.5.7.3.9";

#[derive(Clone, PartialEq, Eq, Sequence)]
struct CertId {
    hash_algorithm: AlgorithmIdentifierOwned,
    issuer_name_hash: OctetString,
    issuer_key_hash: OctetString,
    serial_number: Int,
}

#[derive(Sequence)]
struct Request {
    certificate: CertId,
}

#[derive(Sequence)]
struct TbsRequest {
    requests: Vec<Request>,
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", optional = "true")]
    extensions: Option<Vec<Extension>>,
}

#[derive(Sequence)]
struct OcspRequest {
    request: TbsRequest,
}

#[derive(Clone, Copy, PartialEq, Eq, Enumerated)]
#[repr(u8)]
enum ResponseStatus {
    Successful = 0,
    MalformedRequest = 1,
    InternalError = 2,
    TryLater = 3,
    SigRequired = 5,
    Unauthorized = 6,
}

impl ResponseStatus {
    const fn name(self) -> &'static str {
        match self {
            Self::Successful => "successful",
            Self::MalformedRequest => "malformedRequest",
            Self::InternalError => "internalError",
            Self::TryLater => "tryLater",
            Self::SigRequired => "sigRequired",
            Self::Unauthorized => "unauthorized",
        }
    }
}

#[derive(Sequence)]
struct OcspResponse {
    status: ResponseStatus,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    bytes: Option<ResponseBytes>,
}

#[derive(Sequence)]
struct ResponseBytes {
    kind: ObjectIdentifier,
    response: OctetString,
}

#[derive(Sequence)]
struct BasicResponse {
    signed: Any,
    algorithm: AlgorithmIdentifierOwned,
    signature: BitString,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    certificates: Option<Vec<Any>>,
}

#[derive(Sequence)]
struct ResponseData {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    version: Option<u8>,
    /// Whoever signed: found by the signature, not by this name.
    responder: Any,
    produced_at: GeneralizedTime,
    responses: Vec<SingleResponse>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    extensions: Option<Vec<Extension>>,
}

#[derive(Sequence)]
struct SingleResponse {
    certificate: CertId,
    status: CertStatus,
    this_update: GeneralizedTime,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    next_update: Option<GeneralizedTime>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    extensions: Option<Vec<Extension>>,
}

#[derive(Choice)]
enum CertStatus {
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT")]
    Good(Null),
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", constructed = "true")]
    Revoked(RevokedInfo),
    #[asn1(context_specific = "2", tag_mode = "IMPLICIT")]
    Unknown(Null),
}

#[derive(Sequence)]
struct RevokedInfo {
    time: GeneralizedTime,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    reason: Option<CrlReason>,
}

/// How a certificate is named to a responder, by the issuer as it stands in the certificate (RFC 6960 4.1.1). SHA-1, which every responder knows (RFC 5019 2.1.1): it names, it proves nothing.
fn cert_id(certificate: &Certificate, issuer: &Certificate) -> der::Result<CertId> {
    Ok(CertId {
        hash_algorithm: AlgorithmIdentifierOwned { oid: SHA1, parameters: Some(Any::null()) },
        issuer_name_hash: OctetString::new(hash::sha1(certificate.parts().issuer.der()))?,
        issuer_key_hash: OctetString::new(hash::sha1(issuer.public_key_bits()))?,
        serial_number: Int::new(certificate.serial_integer())?,
    })
}

/// A request for the status of a certificate of an issuer, DER. The nonce is random bytes, so that an old response does not fit.
///
/// # Errors
/// A sentence: what of the certificate cannot be written.
pub fn request(certificate: &Certificate, issuer: &Certificate, nonce: &[u8; NONCE]) -> Result<Vec<u8>, String> {
    let make = || {
        let value = OctetString::new(nonce.as_slice())?.to_der()?;
        let nonce = Extension { extn_id: NONCE_EXTENSION, critical: false, extn_value: OctetString::new(value)? };
        let requests = vec![Request { certificate: cert_id(certificate, issuer)? }];
        OcspRequest { request: TbsRequest { requests, extensions: Some(vec![nonce]) } }.to_der()
    };
    make().map_err(|error: der::Error| error.to_string())
}

/// What a response (DER) says of a certificate of an issuer, at a time in seconds since 1970 UTC.
///
/// It has to be signed by the issuer, by somebody whom the issuer has named for it (OCSPSigning), or by one of `trusted` with that
/// purpose. A nonce has to be ours; a response without one is taken, because most responders prepare theirs (RFC 5019 4).
#[must_use]
pub fn status(
    certificate: &Certificate,
    issuer: &Certificate,
    trusted: &[Certificate],
    nonce: &[u8; NONCE],
    response: &[u8],
    now: u64,
) -> RevocationStatus {
    judge(certificate, issuer, trusted, nonce, response, now).unwrap_or_else(RevocationStatus::Unknown)
}

fn judge(
    certificate: &Certificate,
    issuer: &Certificate,
    trusted: &[Certificate],
    nonce: &[u8; NONCE],
    response: &[u8],
    now: u64,
) -> Result<RevocationStatus, String> {
    check_issuer(certificate, issuer)?;
    if response.len() > RESPONSE_LIMIT {
        return Err(format!("the response has more than {RESPONSE_LIMIT} bytes"));
    }
    let unreadable = |error: der::Error| format!("what came is no OCSP response ({error})");
    let outer = OcspResponse::from_der(response).map_err(unreadable)?;
    let bytes = match (outer.status, outer.bytes) {
        (ResponseStatus::Successful, Some(bytes)) if bytes.kind == BASIC => bytes,
        (ResponseStatus::Successful, _) => return Err("the response is of a kind that is not known here".to_owned()),
        (other, _) => return Err(format!("the responder says {}", other.name())),
    };
    let basic = BasicResponse::from_der(bytes.response.as_bytes()).map_err(unreadable)?;
    let signed = encoded(&basic.signed)?;
    let data = ResponseData::from_der(&signed).map_err(unreadable)?;
    let signers = signers(&basic, issuer, trusted, now);
    let mut is_right = false;
    for signer in &signers {
        is_right = is_signed(signer, basic.algorithm.oid, &signed, basic.signature.raw_bytes())?;
        if is_right {
            break;
        }
    }
    if !is_right {
        return Err(
            "the response is not signed by the CA of the certificate, nor by a responder that it or tomcat-trust \
                    names for this (OCSPSigning)"
                .to_owned(),
        );
    }
    let wanted = cert_id(certificate, issuer).map_err(unreadable)?;
    let single = data.responses.into_iter().find(|single| is_same(&single.certificate, &wanted));
    let single = single.ok_or("the response is about other certificates")?;
    if let CertStatus::Revoked(info) = single.status {
        // Whoever is revoked stays so: neither age nor nonce matter.
        let since = info.time.to_unix_duration().as_secs();
        return Ok(RevocationStatus::Revoked { since, reason: info.reason.map(reason_name) });
    }
    if let Some(shown) = data.extensions.iter().flatten().find(|one| one.extn_id == NONCE_EXTENSION) {
        let shown = OctetString::from_der(shown.extn_value.as_bytes()).map_err(unreadable)?;
        if shown.as_bytes() != nonce {
            return Err("the response is the answer to another request (its nonce differs)".to_owned());
        }
    }
    let this = single.this_update.to_unix_duration().as_secs();
    let next = single.next_update.map(|time| time.to_unix_duration().as_secs());
    if let Some(reason) = out_of_date("the response", this, next, LONGEST, now) {
        return Err(reason);
    }
    match single.status {
        CertStatus::Good(Null) => Ok(RevocationStatus::Good),
        _ => Err("the responder does not know the certificate".to_owned()),
    }
}

/// Those whose signature counts: the issuer, whom it has named, whom an administrator has named.
fn signers(basic: &BasicResponse, issuer: &Certificate, trusted: &[Certificate], now: u64) -> Vec<Certificate> {
    let may_sign = |one: &Certificate| {
        let purposes = one.extensions().purposes.unwrap_or_default();
        purposes.contains(OCSP_SIGNING) && holds_at(one, now)
    };
    let brought = basic.certificates.iter().flatten().take(SIGNERS);
    let brought = brought.filter_map(|one| Certificate::from_der(&one.to_der().ok()?).ok());
    let mut signers = vec![issuer.clone()];
    signers.extend(brought.filter(|one| may_sign(one) && is_issued_by(one, issuer)));
    signers.extend(trusted.iter().filter(|one| may_sign(one)).cloned());
    signers
}

/// The parameters of the algorithm say nothing: NULL and nothing mean the same.
fn is_same(one: &CertId, other: &CertId) -> bool {
    one.hash_algorithm.oid == other.hash_algorithm.oid
        && one.issuer_name_hash == other.issuer_name_hash
        && one.issuer_key_hash == other.issuer_key_hash
        && one.serial_number == other.serial_number
}
