//! The file of an upload: PEM with one certificate, DER, or a chain as PKCS#7 in DER [sources/certificates#upload].

use pki::Certificate;
use pki::bundle::{FileError, PKCS7_IN_PEM, certificates};
use pki::file_kind::FileKind;

use crate::Refusal;
use crate::units::Unit;

/// The certificates of a file for a unit, as they stand in it.
///
/// # Errors
/// [`Refusal::Refused`]: `pem-pkcs7`, `one-per-file`, `private-key`, `unreadable`.
pub fn read(unit: Unit, file: &[u8]) -> Result<Vec<Certificate>, Refusal> {
    // The page of the original calls every file by the unit.
    let failed = |label, reason: String| {
        let name = unit.name();
        let text = format!("The file /usr/local/platform/upload/certs//{name}.der could not be uploaded. {reason}");
        Refusal::refused(label, text)
    };
    let holds = |words: &str| file.windows(words.len()).any(|window| window == words.as_bytes());
    if holds("PRIVATE KEY-----") {
        let reason = "It holds a private key; give that in a file of its own";
        return Err(failed("private-key", reason.to_owned()));
    }
    let unreadable = |error: FileError| match &error {
        FileError::Kind(FileKind::Pem(label)) if label == "PKCS7" || label == "CMS" => {
            Refusal::refused("pem-pkcs7", PKCS7_IN_PEM)
        }
        _ => failed("unreadable", format!("It {error}")),
    };
    if FileKind::of(file) == FileKind::Pkcs7 {
        return pki::pkcs7::certificates(file).map_err(unreadable);
    }
    let all = certificates(file).map_err(unreadable)?;
    if all.len() > 1 {
        let reason = format!(
            "Only one PEM certificate in a file is taken, and it holds {}: put the CAs into the trust store of {} first",
            all.len(),
            unit.name()
        );
        return Err(failed("one-per-file", reason));
    }
    Ok(all)
}
