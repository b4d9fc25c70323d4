//! Certificates: one row each, known by its SHA-256; services (units and trust stores), nodes and roles refer to it.

use super::Kept;

/// A certificate and what it stands in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateRow {
    /// Key of the row.
    pub pkid: String,
    /// The certificate, PEM. A row of which any other column cannot be read has none either.
    pub pem: Kept,
    /// SHA-256 of the DER, lower-case hexadecimal.
    pub fingerprint: String,
    /// Name of the node it was made on or uploaded to.
    pub server_name: String,
    /// Address of that node.
    pub address: String,
    /// Friendly name.
    pub description: String,
    /// When it replaced another one, milliseconds since 1970 UTC.
    pub regenerated_at: Option<i64>,
    /// How long phones may keep an answer about it, seconds.
    pub time_to_live: i64,
    /// Units and trust stores, numbers of `typecertificateservice`, ascending.
    pub services: Vec<i64>,
    /// Keys of the nodes whose own certificate it is.
    pub nodes: Vec<String>,
    /// Of which unit of which node it is the own certificate: key of the node, number of the unit.
    pub own: Vec<(String, i64)>,
    /// The names under which trust stores list it: number of the store, name of the file.
    pub files: Vec<(i64, String)>,
    /// Roles, ascending.
    pub roles: Vec<i64>,
}

/// A certificate to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCertificate<'a> {
    /// Name of the node it was made on or uploaded to.
    pub server_name: &'a str,
    /// Subject, in the form of the row (`L=..,ST=..`).
    pub subject: &'a str,
    /// Issuer, in the form of the row.
    pub issuer: &'a str,
    /// Serial number, lower-case hexadecimal.
    pub serial: &'a str,
    /// The certificate, PEM.
    pub pem: &'a str,
    /// SHA-256 of the DER, lower-case hexadecimal.
    pub fingerprint: &'a str,
    /// Base64 of the SHA-1 of the DER.
    pub sha1_base64: &'a str,
    /// Address of the node.
    pub address: &'a str,
    /// Friendly name.
    pub description: &'a str,
    /// When it replaced another one, milliseconds since 1970 UTC.
    pub regenerated_at: Option<i64>,
    /// How long phones may keep an answer about it, seconds.
    pub time_to_live: i64,
}

/// The name of an entry in a trust store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileName<'a> {
    /// The name without its ending: the CN with unsafe characters as `_`.
    pub stem: &'a str,
    /// SHA-256 of the certificate, lower-case hexadecimal: tells entries of one CN apart.
    pub fingerprint: &'a str,
}

impl FileName<'_> {
    /// The names that it may get, the wanted one first; the last one is nobody else's.
    pub fn candidates(&self) -> [String; 3] {
        let short: String = self.fingerprint.chars().take(8).collect();
        [
            format!("{}.pem", self.stem),
            format!("{}_{short}.pem", self.stem),
            format!("{}_{}.pem", self.stem, self.fingerprint),
        ]
    }
}

impl CertificateRow {
    /// Whether it is the own certificate of a unit of a node.
    pub fn is_own(&self, node: &str, unit: i64) -> bool {
        self.own.iter().any(|(of, number)| of == node && *number == unit)
    }

    /// The name under which a trust store lists it.
    pub fn file(&self, store: i64) -> Option<&str> {
        self.files.iter().find(|(of, _)| *of == store).map(|(_, file)| file.as_str())
    }
}
