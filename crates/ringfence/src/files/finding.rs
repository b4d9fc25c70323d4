//! What was found out about a file, and the sentences about who signed it.

use pki::hash::spell;
use pki::verify::Verdict;
use pki::{Certificate, NameForm};
use wire::role::Role;

use crate::terminal::{field_text, one_line};

/// What was found, in the words for machines and for people.
pub(super) struct Finding {
    /// `valid`, or the label of the refusal.
    pub(super) label: &'static str,
    /// The field that decided; none of a file that cannot be read, or where more than a field did.
    pub(super) field: Option<&'static str>,
    /// One sentence.
    pub(super) reason: String,
    /// List name, index from 0, role.
    pub(super) record: Option<(String, usize, Option<Role>)>,
    /// What the signature itself is worth, where that is another question.
    pub(super) signature: Option<String>,
}

/// The sentence of a verdict about a signer.
pub(super) fn explain(verdict: &Verdict, signer: &str) -> String {
    match verdict {
        Verdict::Valid => format!("SIGNATURE holds for {signer}"),
        Verdict::BadSignature => {
            format!("SIGNATURE does not hold for {signer}: the file was changed after signing or signed by another key")
        }
        Verdict::KeyKind(kind) => format!(
            "SIGNATURE by {signer} is worth nothing to a phone: its key is {kind}, and phones check RSA with PKCS#1 v1.5 only"
        ),
        Verdict::Untrusted => format!("signer {signer} has no SAST record"),
        Verdict::Malformed(field, reason) => format!("{field} {reason} (signer {signer})"),
        Verdict::Unsupported(digest) => format!(
            "DIGESTALGORITHM {} is not known to any phone (signer {signer}); sign again with sha1 or sha512",
            digest.0
        ),
    }
}

/// Name and serial number of the signer as the header gives them.
pub(super) fn signer_of(header: wire::header::HeaderView<'_>) -> String {
    let name = header.signer_name().map_or_else(|| "without a name".to_owned(), |name| subject(field_text(name)));
    let serial = header.serial().map_or_else(|| "missing".to_owned(), |serial| spell(serial, ":", true));
    format!("{name}, serial {serial}")
}

/// A subject may be empty (RFC 5280 4.1.2.6).
fn subject(name: String) -> String {
    if name.is_empty() { "(without a subject)".to_owned() } else { name }
}

pub(super) fn certificate_text(certificate: &Certificate) -> String {
    let name = subject(one_line(&certificate.subject(NameForm::Cucm)));
    format!("{name}, serial {}", certificate.serial_text(":", true))
}
