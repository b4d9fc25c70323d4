//! What is watched.

use crate::rows::{AcknowledgementRow, CertificateRow};
use crate::units::service;

/// What a watched certificate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A node presents it.
    Own,
    /// It stands in a trust store only.
    Trust,
    /// A phone holds it.
    Lsc,
}

impl Kind {
    /// A word for listings.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Trust => "trust",
            Self::Lsc => "lsc",
        }
    }
}

/// What its authority says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revocation {
    /// It is good.
    Good,
    /// It was revoked.
    Revoked,
    /// Nobody knows.
    Unknown,
}

/// A certificate that is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// SHA-256 of the DER, lower-case hexadecimal.
    pub fingerprint: String,
    /// The name of the file, as the original has it: `tomcat.der`.
    pub file: String,
    /// The unit or the first trust store; for an LSC the name of its phone.
    pub unit: String,
    /// What it is.
    pub kind: Kind,
    /// Last second of validity, seconds since 1970 UTC.
    pub not_after: i64,
    /// What depends on it, in words; empty when nothing does.
    pub depends: Vec<String>,
    /// Whether it replaced another one.
    pub regenerated: bool,
    /// Somebody knows.
    pub acknowledged: Option<AcknowledgementRow>,
    /// What its authority said last; `None` when it was not asked.
    pub revocation: Option<Revocation>,
}

/// The unit and the name of the file with the ending of the original.
pub fn place(row: &CertificateRow) -> (String, String) {
    let own = row.own.first().and_then(|(_, unit)| service(*unit));
    let store = row.services.iter().filter_map(|number| service(*number)).find(|service| service.trust);
    let der = |name: &str| format!("{}.der", name.strip_suffix(".pem").unwrap_or(name));
    match (own, store) {
        (Some(unit), _) => (unit.name.to_owned(), der(unit.name)),
        (None, Some(store)) => (store.name.to_owned(), der(row.file(store.number).unwrap_or(store.name))),
        (None, None) => (String::new(), der(&row.fingerprint)),
    }
}
