//! The words of the TVS log [sources/tvs#log]. Names come from phones, so nothing in them may end a line.

use wire::printable::one_line;

use super::Log;
use super::cache::Entry;

/// Most characters of a phone's name or serial number that are logged; names of certificates have about 70.
const SHOWN: usize = 512;

/// The two caches, by the names that the log gives them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Database,
    Ctl,
}

impl Place {
    const fn name(self) -> &'static str {
        match self {
            Self::Database => "CertificateDBCache",
            Self::Ctl => "CertificateCTLCache",
        }
    }
}

/// The unique map id as the log shows it.
pub fn map_id(serial_number: &[u8], issuer: &[u8]) -> String {
    let mut id = serial(serial_number);
    id.push_str(&printable(issuer));
    id
}

/// A serial number in upper-case hexadecimal.
pub fn serial(bytes: &[u8]) -> String {
    let shown = bytes.get(..SHOWN).unwrap_or(bytes);
    let mut text = String::with_capacity(2 * shown.len() + 3);
    for byte in shown {
        for digit in [byte >> 4, byte & 0xF] {
            text.extend(char::from_digit(digit.into(), 16).map(|digit| digit.to_ascii_uppercase()));
        }
    }
    if shown.len() < bytes.len() {
        text.push_str("...");
    }
    text
}

/// The beginning of a name on one line; bytes that are no UTF-8 as U+FFFD.
pub fn printable(bytes: &[u8]) -> String {
    let shown = bytes.get(..SHOWN).unwrap_or(bytes);
    let mut text = one_line(&String::from_utf8_lossy(shown));
    if shown.len() < bytes.len() {
        text.push_str("...");
    }
    text
}

/// Writes what a look-up does.
pub struct Lines<'a> {
    log: Log<'a>,
}

impl<'a> Lines<'a> {
    pub const fn new(log: Log<'a>) -> Self {
        Self { log }
    }

    /// Tells of a look-up that gave `entry`, and hands it on.
    pub fn lookup<'e>(&mut self, place: Place, key: &str, entry: Option<&'e Entry>) -> Option<&'e Entry> {
        let name = place.name();
        let length = match place {
            Place::Database => String::new(),
            Place::Ctl => format!(", len : {}", key.len()),
        };
        (self.log)(&format!(
            "debug {name}::getCertificateInformation - Looking up the certificate cache using Unique MAP ID : {key}{length}"
        ));
        let Some(entry) = entry else {
            (self.log)(&format!(
                "debug ERROR:{name}::getCertificateInformation - Cannot find the certificate in the cache"
            ));
            return None;
        };
        let count = entry.roles().len();
        (self.log)(&format!("debug {name}::getCertificateInformation - Found entry {{rolecount : {count}}}"));
        for role in entry.roles() {
            (self.log)(&format!("debug {name}::getCertificateInformation - {{role : {role}}}"));
        }
        Some(entry)
    }

    /// After both caches failed on a certificate.
    pub fn certificate_not_found(&mut self) {
        (self.log)("debug getCertificateInformation(cert) : certificate not found");
    }

    /// The last word on a certificate that is not valid.
    pub fn no_roles(&mut self) {
        (self.log)("debug 93:UNKNOWN:No associated roles found for the certificate in cache");
    }
}
