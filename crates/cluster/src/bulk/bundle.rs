//! The file that clusters exchange: PEM certificates with a manifest in the text around them, so that no file comes without its
//! manifest and `openssl` reads it too. How the original names and packs its PKCS#12 files is not known; this is ours.
//!
//! ```text
//! Ringfence bulk certificates 1
//! Unit: tomcat
//! Made: 2015-03-06T21:04:39Z
//! Certificates: 1
//!
//! Cluster: cucm-1051-a-pub 10.48.47.153
//! Node: cucm-1051-a-pub
//! SHA-256: 64 hexadecimal digits
//! -----BEGIN CERTIFICATE-----
//! ...
//! -----END CERTIFICATE-----
//! ```
//!
//! It holds certificates and nothing else: [`Bundle`] has no place for a key, and a file with one is refused.

use jiff::Timestamp;
use pki::Certificate;
use wire::printable::is_one_line;

use super::units::BulkUnit;

/// Bytes of a file at most: [`CERTIFICATE_LIMIT`] certificates of 4 kB.
pub const BUNDLE_BYTES: u64 = 4 << 20;

/// Certificates in a file at most: 40 clusters of 25 nodes.
pub const CERTIFICATE_LIMIT: usize = 1000;

const TITLE: &str = "Ringfence bulk certificates 1";
const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// Letters of a name at most: a host name with its domain and an address.
const NAME_LIMIT: usize = 300;

/// A file of the exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// Name of the unit.
    pub unit: String,
    /// When it was made, milliseconds since 1970 UTC; the file keeps seconds.
    pub made: i64,
    /// What is in it.
    pub entries: Vec<BundleEntry>,
}

/// A certificate of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleEntry {
    /// The cluster: name and address of its publisher.
    pub cluster: String,
    /// Name of the node.
    pub node: String,
    /// The certificate.
    pub certificate: Certificate,
}

/// Why a file is not one of these.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct BundleError {
    /// Line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub reason: String,
}

impl Bundle {
    /// The file.
    pub fn to_text(&self) -> String {
        let made = Timestamp::from_second(self.made / 1000).map(|made| made.to_string()).unwrap_or_default();
        let mut text = format!("{TITLE}\nUnit: {}\nMade: {made}\nCertificates: {}\n", self.unit, self.entries.len());
        for entry in &self.entries {
            text.push_str(&format!(
                "\nCluster: {}\nNode: {}\nSHA-256: {}\n{}",
                entry.cluster,
                entry.node,
                pki::hash::hex(&entry.certificate.sha256()),
                entry.certificate.to_pem()
            ));
            if !text.ends_with('\n') {
                text.push('\n');
            }
        }
        text
    }

    /// Reads a file; every line has its place, every certificate the hash that stands above it.
    ///
    /// # Errors
    /// [`BundleError`].
    pub fn read(bytes: &[u8], unit: &BulkUnit) -> Result<Self, BundleError> {
        if bytes.len() as u64 > BUNDLE_BYTES {
            return Err(BundleError { line: 1, reason: format!("more than {BUNDLE_BYTES} bytes") });
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|_| BundleError { line: 1, reason: "the file is no UTF-8 text".to_owned() })?;
        let mut lines = Lines { rest: text.lines(), number: 0 };
        let title = lines.next()?;
        if title != TITLE {
            return Err(lines.wrong(format!("`{TITLE}` is missing: no file of a bulk export, or of another version")));
        }
        let named = lines.field("Unit")?;
        if named != unit.name() {
            return Err(lines.wrong(format!("holds {}, not {}", named.escape_debug(), unit.name())));
        }
        let made =
            lines.field("Made")?.parse::<Timestamp>().map_err(|_| lines.wrong("no time in the form of RFC 3339"))?;
        let count: usize = lines.field("Certificates")?.parse().map_err(|_| lines.wrong("no number"))?;
        if count > CERTIFICATE_LIMIT {
            return Err(lines.wrong(format!("more than {CERTIFICATE_LIMIT} certificates")));
        }
        let mut entries = Vec::new();
        for _ in 0..count {
            entries.push(lines.entry()?);
        }
        match lines.rest.next() {
            None => Ok(Self { unit: named.to_owned(), made: made.as_millisecond(), entries }),
            Some(_) => {
                lines.number += 1;
                Err(lines.wrong("text behind the last certificate"))
            }
        }
    }
}

/// The lines of a file, with their numbers.
struct Lines<'a> {
    rest: std::str::Lines<'a>,
    number: usize,
}

impl<'a> Lines<'a> {
    fn wrong(&self, reason: impl Into<String>) -> BundleError {
        BundleError { line: self.number, reason: reason.into() }
    }

    fn next(&mut self) -> Result<&'a str, BundleError> {
        self.number += 1;
        self.rest.next().ok_or_else(|| self.wrong("the file ends too early"))
    }

    fn field(&mut self, name: &str) -> Result<&'a str, BundleError> {
        let line = self.next()?;
        let value = line.strip_prefix(name).and_then(|rest| rest.strip_prefix(": "));
        let value = value.ok_or_else(|| self.wrong(format!("`{name}: ` is missing")))?;
        let fits = !value.is_empty() && value.len() <= NAME_LIMIT && is_one_line(value);
        if fits { Ok(value) } else { Err(self.wrong(format!("`{name}` is empty, too long or not printable"))) }
    }

    fn entry(&mut self) -> Result<BundleEntry, BundleError> {
        if !self.next()?.is_empty() {
            return Err(self.wrong("an empty line is missing"));
        }
        let cluster = self.field("Cluster")?.to_owned();
        let node = self.field("Node")?.to_owned();
        let fingerprint = self.field("SHA-256")?;
        let begin = self.next()?;
        if begin != BEGIN {
            return Err(self.wrong(format!("`{BEGIN}` is missing; nothing but certificates is exchanged")));
        }
        let at = self.number;
        let mut pem = format!("{BEGIN}\n");
        loop {
            let line = self.next()?;
            pem.push_str(line);
            pem.push('\n');
            if line == END {
                break;
            }
            if line.starts_with("-----") {
                return Err(self.wrong("a certificate without its end"));
            }
        }
        let wrong = |reason| BundleError { line: at, reason };
        let certificate = Certificate::from_pem(pem.as_bytes()).map_err(|error| wrong(error.to_string()))?;
        if pki::hash::hex(&certificate.sha256()) != fingerprint {
            return Err(wrong("the certificate is not the one whose SHA-256 stands above it".to_owned()));
        }
        Ok(BundleEntry { cluster, node, certificate })
    }
}
