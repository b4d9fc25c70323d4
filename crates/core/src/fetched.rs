//! Which phone has fetched which trust list: the evidence that a renewal waits for ([`crate::guard`]).
//!
//! A phone is known by the name of the file (`ITLSEP….tlv`). One that asks for `ITLFile.tlv` is known by its address, when it fetches
//! its config from there too; an address that two phones use tells nothing. All this is the word of the phone: whoever reaches
//! the port can ask for any name.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use pki::listing::ListKind;
use store::rows::{FetchedListRow, NodeRow};

use crate::CoreError;
use crate::cluster::Cluster;

/// Addresses remembered at most: those of a large cluster. Further ones tell nothing.
const ADDRESSES: usize = 50_000;

/// Lists that wait for the name of their phone at most: it fetches its config seconds later.
const UNNAMED: usize = 1_000;

/// How long an address belongs to the phone that was last seen there, milliseconds: leases are longer as a rule.
const LEASE: i64 = 24 * 60 * 60 * 1000;

/// How long a list waits for the name of its phone, milliseconds.
const BOOT: i64 = 10 * 60 * 1000;

/// A list that went out.
#[derive(Clone)]
struct Sent {
    bytes: Bytes,
    address: IpAddr,
    at: i64,
}

/// Who was last seen at an address; no name when there were two.
struct Tenant {
    device: Option<String>,
    at: i64,
}

/// What was fetched since the last look.
#[derive(Default)]
pub struct FetchedLists(Mutex<State>);

#[derive(Default)]
struct State {
    lists: HashMap<(String, &'static str), Sent>,
    tenants: HashMap<IpAddr, Tenant>,
    unnamed: HashMap<(IpAddr, &'static str), Sent>,
}

impl FetchedLists {
    /// A list went out to its end, to the phone that its name says, if it says one. `now` in milliseconds since 1970 UTC.
    pub fn list(&self, device: Option<String>, kind: ListKind, address: IpAddr, bytes: &Bytes, now: i64) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = Sent { bytes: bytes.clone(), address, at: now };
        let tenant = state.tenants.get(&address).filter(|tenant| now - tenant.at < LEASE);
        match device.or_else(|| tenant.and_then(|tenant| tenant.device.clone())) {
            Some(device) => {
                state.lists.insert((device, kind.word()), sent);
            }
            None => {
                if state.unnamed.len() >= UNNAMED {
                    state.unnamed.retain(|_, sent| now - sent.at < BOOT);
                }
                if state.unnamed.len() < UNNAMED {
                    state.unnamed.insert((address, kind.word()), sent);
                }
            }
        }
    }

    /// A config went out to its end: its phone is at this address.
    pub fn config(&self, device: &str, address: IpAddr, now: i64) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.tenants.len() >= ADDRESSES && !state.tenants.contains_key(&address) {
            return;
        }
        let before = state.tenants.remove(&address).filter(|tenant| now - tenant.at < LEASE);
        let alone = before.is_none_or(|tenant| tenant.device.as_deref() == Some(device));
        state.tenants.insert(address, Tenant { device: alone.then(|| device.to_owned()), at: now });
        for kind in [ListKind::Ctl, ListKind::Itl] {
            let waiting = state.unnamed.remove(&(address, kind.word()));
            if let Some(sent) = waiting.filter(|sent| alone && now - sent.at < BOOT) {
                state.lists.insert((device.to_owned(), kind.word()), sent);
            }
        }
    }

    /// What was fetched from a node since the last call, for [`Cluster::note_fetched_lists`].
    pub fn take(&self, node: &NodeRow) -> Vec<FetchedListRow> {
        let lists = std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).lists);
        let row = |((device, kind), sent): ((String, &str), Sent)| FetchedListRow {
            device,
            kind: kind.to_owned(),
            digest: pki::hash::hex(&pki::hash::sha256(&sent.bytes)),
            server_name: node.name.clone(),
            address: sent.address.to_string(),
            fetched_at: sent.at,
        };
        lists.into_iter().map(row).collect()
    }
}

impl Cluster {
    /// Writes down what phones have fetched, in one transaction; phones that are not known are left out.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn note_fetched_lists(&self, fetched: &[FetchedListRow]) -> Result<(), CoreError> {
        let mut transaction = self.store().begin().await?;
        for row in fetched {
            transaction.note_fetched_list(row).await?;
        }
        Ok(transaction.commit().await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node() -> NodeRow {
        let text = String::new;
        NodeRow { pkid: text(), name: "pub".into(), domain: text(), address: text(), number: 1, publisher: true }
    }

    fn names(fetched: &FetchedLists) -> Vec<(String, String)> {
        let mut all: Vec<_> = fetched.take(&node()).into_iter().map(|row| (row.device, row.kind)).collect();
        all.sort();
        all
    }

    #[test]
    fn by_name_by_address_and_not_at_all() {
        let fetched = FetchedLists::default();
        let (list, here, shared): (Bytes, IpAddr, IpAddr) =
            (Bytes::from_static(b"list"), [10, 0, 0, 1].into(), [10, 0, 0, 9].into());
        fetched.list(Some("SEP1".into()), ListKind::Itl, here, &list, 1);
        assert_eq!(names(&fetched), [("SEP1".to_owned(), "ITL".to_owned())]);
        // the list first, the config after it
        fetched.list(None, ListKind::Itl, here, &list, 2);
        fetched.list(None, ListKind::Ctl, here, &list, 2);
        assert!(names(&fetched).is_empty());
        fetched.config("SEP1", here, 3);
        assert_eq!(names(&fetched), [("SEP1".to_owned(), "CTL".to_owned()), ("SEP1".to_owned(), "ITL".to_owned())]);
        fetched.list(None, ListKind::Itl, here, &list, 4);
        assert_eq!(names(&fetched), [("SEP1".to_owned(), "ITL".to_owned())]);
        // an address that two phones use tells nothing
        fetched.config("SEP2", shared, 5);
        fetched.config("SEP3", shared, 6);
        fetched.list(None, ListKind::Itl, shared, &list, 7);
        fetched.config("SEP3", shared, 8);
        assert!(names(&fetched).is_empty());
        // and a config long after the list is that of another boot
        fetched.list(None, ListKind::Itl, [10, 0, 0, 2].into(), &list, 10);
        fetched.config("SEP4", [10, 0, 0, 2].into(), 10 + BOOT);
        assert!(names(&fetched).is_empty());
    }
}
