//! The file of an upload: PEM with one certificate, DER, or a chain as PKCS#7 in DER [seed 004, cucm-behaviour.md 5.4].

use pki::Certificate;
use pki::bundle::certificates;

use crate::CoreError;
use crate::units::Unit;

/// The certificates of a file for a unit, as they stand in it.
///
/// # Errors
/// [`CoreError::Refused`]: `pem-pkcs7`, `one-per-file`, `private-key`, `unreadable`.
pub(super) fn read(unit: Unit, file: &[u8]) -> Result<Vec<Certificate>, CoreError> {
    // The page of the original calls every file by the unit.
    let failed = |label, reason: String| {
        let name = unit.name();
        let text = format!("The file /usr/local/platform/upload/certs//{name}.der could not be uploaded. {reason}");
        CoreError::refused(label, text)
    };
    let holds = |words: &str| file.windows(words.len()).any(|window| window == words.as_bytes());
    if holds("-----BEGIN PKCS7-----") || holds("-----BEGIN CMS-----") {
        let text = "The system does not support PEM format of PKCS#7 Certificate Chain. Write it as DER, `openssl pkcs7 -outform \
                    DER`, or give the certificate alone as PEM";
        return Err(CoreError::refused("pem-pkcs7", text));
    }
    if holds("PRIVATE KEY-----") {
        let reason = "It holds a private key; give that in a file of its own";
        return Err(failed("private-key", reason.to_owned()));
    }
    let all = if file.first() == Some(&0x30) {
        match Certificate::from_der(file) {
            Ok(one) => vec![one],
            // Not one certificate, so it may be a chain; what is said of it then is the better reason.
            Err(_) => pki::pkcs7::certificates(file).map_err(|error| failed("unreadable", format!("It {error}")))?,
        }
    } else {
        let all = certificates(file).map_err(|error| failed("unreadable", format!("It {error}")))?;
        if all.len() > 1 {
            let reason = format!(
                "Only one PEM certificate in a file is taken, and it holds {}: put the CAs into the trust store of {} first",
                all.len(),
                unit.name()
            );
            return Err(failed("one-per-file", reason));
        }
        all
    };
    Ok(all)
}
