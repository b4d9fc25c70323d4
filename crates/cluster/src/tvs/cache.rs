//! Certificates, found by their bytes or by names and serial number.

use std::collections::HashMap;
use std::sync::Arc;

use wire::tvs::Trust;

/// What must fit besides serial number and issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// Nothing: serial number and issuer name one certificate.
    Issuer,
    /// The subject too.
    Subject,
}

/// A certificate in a cache.
#[derive(Debug)]
pub struct Entry {
    der: Arc<[u8]>,
    key: String,
    roles: Vec<u8>,
    ttl_seconds: u32,
    trust: Option<Trust>,
}

impl Entry {
    /// Adds roles, and takes the longer time. Roles are kept in rising order, as the log and the answers of the
    /// original have them.
    pub fn learn(&mut self, roles: &[u8], ttl_seconds: u32) {
        self.roles.extend_from_slice(roles);
        self.roles.sort_unstable();
        self.roles.dedup();
        self.ttl_seconds = self.ttl_seconds.max(ttl_seconds);
        // no roles means no trust; the time is in its range and 256 different bytes are not too many
        self.trust = Trust::new(self.roles.clone(), self.ttl_seconds).ok();
    }

    pub fn der(&self) -> Arc<[u8]> {
        Arc::clone(&self.der)
    }

    /// The unique map id, ready for the log.
    pub fn key(&self) -> &str {
        &self.key
    }

    pub fn roles(&self) -> &[u8] {
        &self.roles
    }

    /// `None` without roles.
    pub const fn trust(&self) -> Option<&Trust> {
        self.trust.as_ref()
    }
}

/// One way to name an entry.
#[derive(Debug, PartialEq, Eq)]
struct Alias {
    entry: usize,
    subject: Vec<u8>,
    fit: Fit,
}

/// One half of what TVS knows.
#[derive(Debug, Default)]
pub struct Cache {
    entries: Vec<Entry>,
    by_der: HashMap<Arc<[u8]>, usize>,
    by_names: HashMap<Vec<u8>, Vec<Alias>>,
}

impl Cache {
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// The entry of a certificate, new when it was not there.
    pub fn add(&mut self, der: Arc<[u8]>, key: impl FnOnce() -> String) -> &mut Entry {
        let next = self.entries.len();
        let place = *self.by_der.entry(Arc::clone(&der)).or_insert(next);
        if place == next {
            self.entries.push(Entry { der, key: key(), roles: Vec::new(), ttl_seconds: 0, trust: None });
        }
        #[allow(clippy::indexing_slicing)]
        // places come from `entries.len()` above, and entries are never taken out
        &mut self.entries[place]
    }

    /// Names a certificate that was added.
    pub fn index(&mut self, der: &[u8], serial: &[u8], subject: &[u8], issuer: &[u8], fit: Fit) {
        let Some(entry) = self.by_der.get(der).copied() else {
            return;
        };
        let alias = Alias { entry, subject: subject.to_vec(), fit };
        let aliases = self.by_names.entry(name_key(serial, issuer)).or_default();
        if !aliases.contains(&alias) {
            aliases.push(alias);
        }
    }

    pub fn by_der(&self, der: &[u8]) -> Option<&Entry> {
        self.by_der.get(der).and_then(|place| self.entries.get(*place))
    }

    /// The entry with these names: one whose subject fits, else (when `fit` allows it) one of the right serial number
    /// and issuer. `strict` takes in the aliases that need their subject.
    pub fn by_names(&self, subject: &[u8], issuer: &[u8], serial: &[u8], fit: Fit, strict: bool) -> Option<&Entry> {
        let aliases = self.by_names.get(&name_key(serial, issuer))?;
        let mut usable = aliases.iter().filter(|alias| strict || alias.fit == Fit::Issuer);
        let exact = usable.clone().find(|alias| alias.subject == subject);
        let alias = match fit {
            Fit::Subject => exact,
            Fit::Issuer => exact.or_else(|| usable.find(|alias| alias.fit == Fit::Issuer)),
        }?;
        self.entries.get(alias.entry)
    }
}

/// Serial number and issuer as one key. The length keeps them apart.
fn name_key(serial: &[u8], issuer: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(8 + serial.len() + issuer.len());
    key.extend_from_slice(&(serial.len() as u64).to_be_bytes());
    key.extend_from_slice(serial);
    key.extend_from_slice(issuer);
    key
}
