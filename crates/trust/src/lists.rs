//! Looking things up in a trust list.

use pki::Certificate;
use wire::role::Role;
use wire::trust_list::{RecordView, TrustList};

/// Whether a record names a certificate: holds it, or its hash. Emptied records (DNSNAME, FUNCTION, IPADDRESS only) do
/// not [sources/trust-lists#record-variants].
pub(crate) fn names_certificate(record: &RecordView<'_>) -> bool {
    record.certificate().is_some() || record.certificate_hash().is_some()
}

/// Whether a record is about this certificate: by its DER, or by its hash with whatever digest the record names.
#[must_use]
pub fn is_about(record: &RecordView<'_>, certificate: &Certificate) -> bool {
    if let Some(der) = record.certificate() {
        return der == certificate.der();
    }
    record
        .certificate_hash()
        .is_some_and(|(id, hash)| pki::hash::digest(id, &[certificate.der()]).is_some_and(|found| found == hash))
}

/// The list of a roll-back: records of TFTP or TVS are there, and all of them are emptied
/// [sources/trust-lists#blank-list]. A list that never had any is not blank, only smaller.
pub(crate) fn is_blank(list: &TrustList) -> bool {
    let mut emptied = false;
    for record in list.records() {
        let concerned = record.role().is_some_and(|role| role.signs_configs() || role == Role::TVS);
        if concerned && names_certificate(&record) {
            return false;
        }
        emptied |= concerned;
    }
    emptied
}

/// How many SAST records a list has.
pub(crate) fn sast_count(list: &TrustList) -> usize {
    list.records().filter(|record| record.role() == Some(Role::SAST)).count()
}

/// The largest RSA key of a list with its subject. A certificate that does not parse makes only its record useless.
pub(crate) fn largest_rsa(list: &TrustList) -> Option<(usize, Certificate)> {
    list.records()
        .filter_map(|record| Certificate::from_der(record.certificate()?).ok())
        .filter_map(|certificate| Some((certificate.rsa_bits()?, certificate)))
        .max_by_key(|(bits, _)| *bits)
}
