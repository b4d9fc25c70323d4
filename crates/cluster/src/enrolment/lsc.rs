//! What stands in an LSC, by release: a table of facts. How it is made is [`pki::lsc`].

use crate::rows::NewLsc;
use pki::lsc::SubjectForm;
use pki::{Certificate, NameForm};
use wire::digest::DigestId;

use crate::releases::Release;

/// What a release writes into the certificates of phones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LscProfile {
    /// Form of the subject.
    pub form: SubjectForm,
    /// Digest of the signature.
    pub digest: DigestId,
}

struct Row {
    release: &'static str,
    profile: LscProfile,
}

const ROWS: [Row; 6] = [
    // As 10.5 [inferred].
    Row { release: "9.1", profile: LscProfile { form: SubjectForm::CommonNameFirst, digest: DigestId::SHA256 } },
    // No LSC of that release was seen; the form of the open CAPF, which phones of its time take [sources/capf#lsc]. The
    // original signed with SHA-1 before 11.5(1)SU1 [sources/capf#lsc]; every phone that speaks CAPF takes SHA-256.
    Row { release: "10.5", profile: LscProfile { form: SubjectForm::CommonNameFirst, digest: DigestId::SHA256 } },
    // SHA-256 since 11.5(1)SU1 [sources/capf#lsc]; the subject as 10.5 in 11.5, as 15 from 12.5 on [inferred].
    Row { release: "11.5", profile: LscProfile { form: SubjectForm::CommonNameFirst, digest: DigestId::SHA256 } },
    Row { release: "12.5", profile: LscProfile { form: SubjectForm::Cucm, digest: DigestId::SHA256 } },
    Row { release: "14", profile: LscProfile { form: SubjectForm::Cucm, digest: DigestId::SHA256 } },
    // [sources/capf#lsc]
    Row { release: "15", profile: LscProfile { form: SubjectForm::Cucm, digest: DigestId::SHA256 } },
];

/// The row of an LSC that was not signed here: only who signed it has the to-be-signed bytes in their form.
pub fn signed_elsewhere(device: &str, lsc: &Certificate, issuer: &Certificate) -> NewLsc {
    let (not_before, not_after) = lsc.dates();
    NewLsc {
        device: device.to_owned(),
        serial: lsc.serial_hex(),
        subject: lsc.subject(NameForm::Row),
        issuer: lsc.issuer(NameForm::Row),
        issuer_fingerprint: pki::hash::hex(&issuer.sha256()),
        not_before,
        not_after,
        to_be_signed: String::new(),
    }
}

/// The profile of a release; that of the newest one for a release without a row.
pub fn profile(release: &Release) -> LscProfile {
    let row = ROWS.iter().find(|row| row.release == release.name);
    row.map_or(LscProfile { form: SubjectForm::Cucm, digest: DigestId::SHA256 }, |row| row.profile)
}
