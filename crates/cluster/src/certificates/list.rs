//! What is there, under which names: `show cert list`, `show cert own|trust` [sources/shell#certificate-commands].

use std::collections::HashMap;

use pki::Certificate;

use crate::Refusal;
use crate::readable::KeepsCertificate;
use crate::rows::{CertificateRow, NodeRow, Unreadable};
use crate::units::{SERVICES, Service, Unit, service};

/// A certificate in a unit of a node, or in a trust store.
#[derive(Debug, Clone)]
pub struct Entry<'a> {
    /// The unit or trust store.
    pub service: &'static Service,
    /// The row.
    pub row: &'a CertificateRow,
    /// The certificate.
    pub certificate: Result<Certificate, Unreadable>,
    /// The name of the file: that of the unit, or the one that the trust store gave.
    pub file: String,
}

/// The stores that the list of [sources/shell#certificate-commands] begins with; the others follow by number.
const FIRST_STORES: [i64; 5] = [6, 8, 4, 10, 12];

/// The own certificates of a node in the order of the shell, or the entries of all trust stores.
pub fn entries<'a>(rows: &'a [CertificateRow], node: &NodeRow, trust: bool) -> Vec<Entry<'a>> {
    let mut all = Vec::new();
    let order: Vec<&Service> = if trust {
        let first = FIRST_STORES.iter().filter_map(|number| service(*number));
        first.chain(SERVICES.iter().filter(|store| store.trust && !FIRST_STORES.contains(&store.number))).collect()
    } else {
        Unit::ALL.iter().filter_map(|unit| service(unit.service())).collect()
    };
    for service in order {
        let inside = |row: &&CertificateRow| match trust {
            true => row.services.contains(&service.number),
            false => row.is_own(&node.pkid, service.number),
        };
        for row in rows.iter().filter(inside) {
            let certificate = row.certificate();
            let file = match row.file(service.number) {
                Some(file) => file.to_owned(),
                None => format!("{}.pem", service.name),
            };
            all.push(Entry { service, row, certificate, file });
        }
    }
    all
}

/// `show cert list own|trust`: lines of `<unit>/<file>.pem: <description>`. `given` are the descriptions of administrators, by the
/// SHA-256 of the certificate and the number of the unit or store.
pub fn lines(
    rows: &[CertificateRow],
    given: &HashMap<(String, i64), String>,
    node: &NodeRow,
    trust: bool,
) -> Vec<String> {
    let mut lines = Vec::new();
    for entry in entries(rows, node, trust) {
        if !trust && is_reused(entry.row, node, entry.service.number) {
            continue;
        }
        let key = (entry.row.fingerprint.clone(), entry.service.number);
        let description = match &entry.certificate {
            Err(unreadable) => unreadable.to_string(),
            Ok(certificate) => match given.get(&key) {
                Some(text) => text.clone(),
                None if !trust => entry.row.description.clone(),
                None if entry.service.name == "CAPF-trust" => String::new(),
                None if certificate.is_self_issued() => "Trust Certificate".to_owned(),
                None => "Signed Certificate".to_owned(),
            },
        };
        lines.push(format!("{}/{}: {description}", entry.service.name, entry.file).trim_end().to_owned());
    }
    lines
}

/// The certificate that `show cert own|trust NAME` means: `UNIT` or `UNIT/FILE.pem`.
///
/// # Errors
/// [`Refusal::BadInput`] when there is none; [`Refusal::Unreadable`].
pub fn find(rows: &[CertificateRow], node: &NodeRow, trust: bool, name: &str) -> Result<Certificate, Refusal> {
    let (store, file) = match name.split_once('/') {
        Some((store, file)) => (store, Some(file)),
        None => (name, None),
    };
    let found = entries(rows, node, trust).into_iter().find(|entry| {
        entry.service.name.eq_ignore_ascii_case(store)
            && (file == Some(entry.file.as_str()) || (file.is_none() && !trust))
    });
    let kind = if trust { "trust" } else { "own" };
    let found = found.map(|entry| entry.certificate).ok_or_else(|| {
        Refusal::BadInput(format!("no certificate {name}; `show cert list {kind}` names those that are there"))
    })?;
    found.map_err(Refusal::Unreadable)
}

/// What is reused, and for what.
pub(crate) const PAIRS: [(Unit, Unit); 2] =
    [(Unit::Tomcat, Unit::CallManager), (Unit::TomcatEcdsa, Unit::CallManagerEcdsa)];

/// Whether an own certificate of a node is that of tomcat, reused: the list of the original hides it then.
pub(crate) fn is_reused(row: &CertificateRow, node: &NodeRow, service: i64) -> bool {
    PAIRS.iter().any(|(from, to)| to.service() == service && row.is_own(&node.pkid, from.service()))
}
