//! What a phone hears of a proof that does not hold.

use pki::Certificate;
use pki::capf::Unproven;
use wire::capf::Failure;

use super::Authority;

/// The cause that the status gets when a proof does not hold. `shown`: CERTIFICATE, DER.
pub(super) fn cause(unproven: &Unproven, shown: Option<&[u8]>, authority: &Authority) -> Failure {
    let what = match unproven {
        Unproven::Missing(_) | Unproven::Hash(_) | Unproven::Proof("SIGNED_DATA" | "SHA2_SIGNED_DATA") => {
            return Failure::InvalidCredentials;
        }
        Unproven::Proof(what)
        | Unproven::Unreadable { what, .. }
        | Unproven::Key { what, .. }
        | Unproven::OtherDevice { what, .. }
        | Unproven::UnknownIssuer { what, .. }
        | Unproven::Constraints { what, .. }
        | Unproven::Dates { what, .. } => *what,
    };
    if what != "CERTIFICATE" {
        return Failure::InvalidMic;
    }
    match shown.map(Certificate::from_der) {
        Some(Ok(shown)) => {
            let issuer = shown.issuer(pki::NameForm::Cucm);
            let own = authority.certificate.subject(pki::NameForm::Cucm) == issuer;
            if own || issuer.contains("CN=CAPF-") { Failure::InvalidLsc } else { Failure::InvalidMic }
        }
        _ => Failure::InvalidCredentials,
    }
}
