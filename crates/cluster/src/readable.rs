//! The one reader of what rows keep: certificates, requests, lists. A row gives either what it keeps or [`Unreadable`], which is no
//! [`Refusal`] by itself: whoever reads says what becomes of the row that cannot be read.
//!
//! And the one writer: what goes into a row was read back before, by the same code.

use crate::rows::{
    CertificateRow, Content, CtlFileRow, DeletedCertificateRow, DeviceCertificateRow, Kept, LscRow,
    RequestRow as KeptRequest, Unreadable,
};
use pki::Certificate;
use pki::request::CertificateRequest;
use trust::models::Model;
use wire::file_name::is_device_name;
use wire::trust_list::TrustList;

use crate::Refusal;
use crate::parameters;
use crate::parameters::RELEASE;
use crate::releases::release;
use crate::units::Unit;

/// A row that keeps a certificate.
pub trait KeepsCertificate {
    /// The certificate.
    fn certificate(&self) -> Result<Certificate, Unreadable>;
}

macro_rules! keeps_certificate {
    ($($row:ty),+) => {
        $(impl KeepsCertificate for $row {
            fn certificate(&self) -> Result<Certificate, Unreadable> {
                self.pem.read(|pem| certificate_of(pem, &self.fingerprint))
            }
        })+
    };
}

keeps_certificate!(CertificateRow, DeletedCertificateRow, DeviceCertificateRow);

/// The certificate of an LSC; `None` while it is not signed.
pub fn lsc(row: &LscRow) -> Result<Option<Certificate>, Unreadable> {
    row.pem.as_ref().map(certificate).transpose()
}

/// A certificate of a row that does not say its SHA-256.
pub fn certificate(kept: &Kept) -> Result<Certificate, Unreadable> {
    kept.read(Certificate::from_pem)
}

/// The certificates of rows that can be read, each with its row. For whoever asks what a certificate does: sign, be looked up, stand
/// above another. One that cannot be read does none of that; [`crate::rows::unreadable`] is how it is told.
pub fn readable(rows: &[CertificateRow]) -> impl Iterator<Item = (&CertificateRow, Certificate)> {
    rows.iter().filter_map(|row| row.certificate().ok().map(|certificate| (row, certificate)))
}

/// The request of a row.
pub fn request(row: &KeptRequest) -> Result<CertificateRequest, Unreadable> {
    row.pem.read(|pem| request_of(pem, &row.key_id))
}

/// The list of a row.
pub fn list(row: &CtlFileRow) -> Result<TrustList, Unreadable> {
    row.file.read(|file| TrustList::decode(file.to_vec()))
}

/// The text of a certificate for a row, after it was read back.
///
/// # Errors
/// [`Refusal::Refused`] `not-readable`: the reader of rows does not take it.
pub fn pem_of(certificate: &Certificate) -> Result<String, Refusal> {
    let pem = certificate.to_pem();
    let fingerprint = pki::hash::hex(&certificate.sha256());
    certificate_of(pem.as_bytes(), &fingerprint).map_err(|reason| {
        let name = certificate.subject(pki::NameForm::Cucm);
        let text = format!(
            "{} cannot be kept: {reason}. Its CA has to issue it again in a form that OpenSSL reads",
            name.escape_debug()
        );
        Refusal::refused("not-readable", text)
    })?;
    Ok(pem)
}

fn certificate_of(pem: &[u8], fingerprint: &str) -> Result<Certificate, String> {
    let certificate = Certificate::from_pem(pem).map_err(|error| error.to_string())?;
    if pki::hash::hex(&certificate.sha256()) != fingerprint {
        return Err("it is another certificate than its SHA-256 says".to_owned());
    }
    Ok(certificate)
}

fn request_of(pem: &[u8], key_id: &str) -> Result<CertificateRequest, String> {
    let request = CertificateRequest::from_pem(pem).map_err(|error| error.to_string())?;
    is_for(&request, key_id)?;
    Ok(request)
}

fn is_for(request: &CertificateRequest, key_id: &str) -> Result<(), String> {
    let same = pki::hash::hex(&request.key_id()) == key_id;
    if same { Ok(()) } else { Err("it is for another key than its row says".to_owned()) }
}

/// Whether the content of a column can be read.
pub fn check(content: Content, bytes: &[u8], beside: &str) -> Result<(), String> {
    let utf8 = || std::str::from_utf8(bytes).map_err(|error| error.to_string());
    match content {
        Content::Certificate => certificate_of(bytes, beside).map(drop),
        Content::Request => request_of(bytes, beside).map(drop),
        Content::PhoneRequest => {
            let request = CertificateRequest::of_a_phone(bytes).map_err(|error| error.to_string())?;
            is_for(&request, beside)
        }
        Content::PublicKey => {
            let text = utf8()?.trim_end();
            let whole = text.starts_with("-----BEGIN ") && text.ends_with("-----");
            if whole { Ok(()) } else { Err("it is no PEM text".to_owned()) }
        }
        Content::List => TrustList::decode(bytes.to_vec()).map(drop).map_err(|error| error.to_string()),
        Content::Address => {
            let address = utf8()?;
            let wrong = |_| format!("its address `{}` is not IPv4", address.escape_debug());
            address.parse::<std::net::Ipv4Addr>().map(drop).map_err(wrong)
        }
        Content::Parameter if beside == RELEASE => {
            let name = utf8()?;
            let known = release(name).is_some();
            if known { Ok(()) } else { Err(format!("there is no release `{}`", name.escape_debug())) }
        }
        Content::Parameter => parameters::check_stored(beside, utf8()?),
        Content::Unit => {
            let number = utf8()?;
            let known = number.parse().ok().and_then(Unit::of_service).is_some();
            if known { Ok(()) } else { Err(format!("no unit has the number {}", number.escape_debug())) }
        }
        Content::Digest => {
            let text = utf8()?;
            let lower = |digit: u8| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit);
            let whole = text.len() == 64 && text.bytes().all(lower);
            if whole { Ok(()) } else { Err(format!("`{}` is no SHA-256", text.escape_debug())) }
        }
        Content::DeviceName => {
            let name = utf8()?;
            let fits = is_device_name(name);
            if fits { Ok(()) } else { Err(format!("`{}` is no name of a device", name.escape_debug())) }
        }
        Content::Model => {
            let model = utf8()?;
            let known = Model::find(model).is_some();
            if known { Ok(()) } else { Err(format!("there is no model `{}`", model.escape_debug())) }
        }
    }
}
