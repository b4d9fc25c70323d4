//! What TVS knows: the certificates of the data base, then those of the node's own CTL [sources/tvs#look-up].
//!
//! [`TvsCache`] is immutable; a change makes a new one that shares the other half, and the server's pointer is swapped.
//! A look-up touches no disk and waits for nobody.
//!
//! A certificate is known by its *unique map id*: the serial number in upper-case hexadecimal, directly followed by
//! the issuer name in the form of CUCM. VERIFY then wants the stored certificate to be equal byte for byte. QUERY
//! compares strings in every form in which we write names, in this order:
//!
//! 1. data base, serial number and issuer of the certificate (`;` form of CUCM, `,` form of the peer);
//! 2. CTL, serial number and names as they stand in the record;
//! 3. data base, serial number in the other byte order or names as the CTL client writes them; the subject must fit too.
//!
//! A USB token (its serial number is byte-reversed, its names are in odd quotes) must fit with its subject everywhere.
//! Step 3 comes last because the original does not have it: in [sources/tvs#log] a token that is in the data base is
//! found in the CTL.
//!
//! A certificate that is found but has no role is not valid.

mod cache;
mod lines;

use std::sync::Arc;

use pki::{Certificate, NameForm};
use wire::trust_list::TrustList;
use wire::tvs::{Answer, DEFAULT_TTL_SECONDS, Found, MAX_TTL_SECONDS};

use cache::{Cache, Entry, Fit};
use lines::{Lines, Place};

/// Takes the lines of the log, the text behind the time stamp.
pub type Log<'a> = &'a mut dyn FnMut(&str);

/// Issuer of Cisco's USB tokens as the CTL client writes it [sources/trust-lists#names].
const TOKEN_ISSUER: &[u8] = br#"cn=Cisco Manufacturing CA;o=Cisco Systems"#;

/// Start of the subject of Cisco's USB tokens as the CTL client writes it [sources/trust-lists#names].
const TOKEN_SUBJECT: &[u8] = br#"cn="SAST-"#;

/// A certificate of the data base and what it may be used for.
#[derive(Debug, Clone)]
pub struct TvsEntry {
    /// The certificate.
    pub certificate: Certificate,
    /// Roles of the stores it is in (values of trust lists, in any order). None: it is found but not valid.
    pub roles: Vec<u8>,
    /// Seconds that a phone may keep the answer; brought into 1..=2592000.
    pub ttl_seconds: u32,
}

impl TvsEntry {
    /// With the usual 24 hours.
    #[must_use]
    pub const fn new(certificate: Certificate, roles: Vec<u8>) -> Self {
        Self { certificate, roles, ttl_seconds: DEFAULT_TTL_SECONDS }
    }
}

/// The time of a certificate that has none of its own, seconds: what every row says that no import wrote.
pub const OF_THE_CLUSTER: i64 = DEFAULT_TTL_SECONDS as i64;

/// All that TVS knows at one moment.
#[derive(Debug, Clone, Default)]
pub struct TvsCache {
    database: Arc<Cache>,
    ctl: Arc<Cache>,
}

impl TvsCache {
    /// Knows nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same CTL with another data base. A certificate that stands there more than once (in several stores) has the
    /// roles of all of them, and the longest time.
    #[must_use]
    pub fn with_database(&self, entries: impl IntoIterator<Item = TvsEntry>) -> Self {
        let mut cache = Cache::default();
        for TvsEntry { certificate, roles, ttl_seconds } in entries {
            let entry = cache.add(certificate.der_shared(), || {
                lines::map_id(certificate.serial(), certificate.issuer(NameForm::Cucm).as_bytes())
            });
            entry.learn(&roles, ttl(ttl_seconds));
            index_certificate(&mut cache, &certificate);
        }
        Self { database: Arc::new(cache), ctl: Arc::clone(&self.ctl) }
    }

    /// The same data base with another CTL: that of the node, or none when the file is gone. Records that hold a hash
    /// or nothing instead of a certificate are passed over. Logs what the original logs when the file has changed.
    #[must_use]
    pub fn with_ctl(&self, ctl: Option<&TrustList>, ttl_seconds: u32, log: Log<'_>) -> Self {
        log(
            "debug CertificateCache::localCTLCacheMonitor - CTLFile.tlv has been modified. Recaching CTL Certificate Cache",
        );
        log("debug updateLocalCTLCache : Refreshing the local CTL certificate cache");
        let mut cache = Cache::default();
        for record in ctl.into_iter().flat_map(TrustList::records) {
            let (Some(der), Some(serial)) = (record.certificate(), record.serial()) else {
                continue;
            };
            let (subject, issuer) = (record.subject().unwrap_or_default(), record.issuer().unwrap_or_default());
            let key = lines::map_id(serial, issuer);
            log(&format!(
                "debug tvs_sql_get_all_CTL_certificate - Unique Key used for Caching :: {key}, length : {}",
                key.len()
            ));
            let der: Arc<[u8]> = der.into();
            let role = record.role().and_then(|role| u8::try_from(role.0).ok());
            let entry = cache.add(Arc::clone(&der), || key);
            entry.learn(role.as_slice(), ttl(ttl_seconds));
            cache.index(&der, serial, subject, issuer, Fit::Issuer);
            if let Ok(certificate) = Certificate::from_der(&der) {
                index_certificate(&mut cache, &certificate);
            }
        }
        Self { database: Arc::clone(&self.database), ctl: Arc::new(cache) }
    }

    /// How many certificates the data base half holds.
    #[must_use]
    pub fn database_len(&self) -> usize {
        self.database.len()
    }

    /// How many certificates the CTL half holds.
    #[must_use]
    pub fn ctl_len(&self) -> usize {
        self.ctl.len()
    }

    /// VERIFY: is this certificate known, and for what? `der` may be anything.
    pub fn verify(&self, der: &[u8], log: Log<'_>) -> Answer {
        log("debug tvsHandleCertVerificationReq");
        let (in_database, in_ctl) = (self.database.by_der(der), self.ctl.by_der(der));
        let key = match in_database.or(in_ctl) {
            Some(entry) => entry.key().to_owned(),
            None => match Certificate::from_der(der) {
                Ok(unknown) => lines::map_id(unknown.serial(), unknown.issuer(NameForm::Cucm).as_bytes()),
                Err(error) => {
                    let reason = lines::printable(error.to_string().as_bytes());
                    log(&format!("debug ERROR:tvsHandleCertVerificationReq - {reason}"));
                    return Answer::NotValid;
                }
            },
        };
        let mut lines = Lines::new(log);
        let found = lines.lookup(Place::Database, &key, in_database).or_else(|| lines.lookup(Place::Ctl, &key, in_ctl));
        if found.is_none() {
            lines.certificate_not_found();
        }
        match found.and_then(Entry::trust) {
            Some(trust) => Answer::Verified(trust.clone()),
            None => {
                lines.no_roles();
                Answer::NotValid
            }
        }
    }

    /// QUERY: whose certificate has these names? Names without NUL; the serial number as it stands in trust lists.
    pub fn query(&self, subject: &[u8], issuer: &[u8], serial: &[u8], log: Log<'_>) -> Answer {
        let shown_issuer = lines::printable(issuer);
        log("debug tvsHandleQueryCertReq");
        log(&format!("debug tvsHandleQueryCertReq : Subject Name is: {}", lines::printable(subject)));
        log(&format!("debug tvsHandleQueryCertReq : Issuer Name is: {shown_issuer}"));
        let token = issuer == TOKEN_ISSUER && subject.starts_with(TOKEN_SUBJECT);
        if token {
            log("debug tvsHandleQueryCertReq :subjectName and issuerName matches for eToken certificate");
            log(&format!("debug tvsHandleQueryCertReq : SAST Issuer Name is: {shown_issuer}"));
            log("debug tvsHandleQueryCertReq : This is SAST eToken cert");
        }
        log(&format!("debug tvsHandleQueryCertReq : Serial Number is: {}", lines::serial(serial)));
        let key = lines::map_id(serial, issuer);
        let fit = if token { Fit::Subject } else { Fit::Issuer };
        let mut lines = Lines::new(log);
        let found = lines
            .lookup(Place::Database, &key, self.database.by_names(subject, issuer, serial, fit, false))
            .or_else(|| lines.lookup(Place::Ctl, &key, self.ctl.by_names(subject, issuer, serial, fit, true)))
            .or_else(|| {
                let entry = self.database.by_names(subject, issuer, serial, Fit::Subject, true)?;
                lines.lookup(Place::Database, entry.key(), Some(entry))
            });
        match found.and_then(|entry| entry.trust().map(|trust| (entry, trust))) {
            Some((entry, trust)) => Answer::Found(Found { certificate: entry.der(), trust: trust.clone() }),
            None => {
                lines.no_roles();
                Answer::NotValid
            }
        }
    }
}

/// Enters a certificate under every form in which we write its names.
fn index_certificate(cache: &mut Cache, certificate: &Certificate) {
    let der = certificate.der_shared();
    let (serial, reversed) = (certificate.serial(), certificate.serial_reversed());
    let forms = [
        (NameForm::Cucm, serial, reversed.as_slice()),
        (NameForm::Peer, serial, reversed.as_slice()),
        (NameForm::CtlClient, reversed.as_slice(), serial),
    ];
    for (form, as_written, other_order) in forms {
        let (subject, issuer) = (certificate.subject(form), certificate.issuer(form));
        // the odd form of tokens is never enough without the subject
        let fit = if form == NameForm::CtlClient { Fit::Subject } else { Fit::Issuer };
        cache.index(&der, as_written, subject.as_bytes(), issuer.as_bytes(), fit);
        cache.index(&der, other_order, subject.as_bytes(), issuer.as_bytes(), Fit::Subject);
    }
}

fn ttl(seconds: u32) -> u32 {
    seconds.clamp(1, MAX_TTL_SECONDS)
}

#[cfg(test)]
mod tests;
