//! Which phone has fetched which trust list: the evidence that a renewal waits for ([`cluster::guard`]).
//!
//! A phone is known by the name of the file (`ITLSEP….tlv`). One that asks for `ITLFile.tlv` is known by its address, when it fetches
//! its config from there too; an address that two phones use tells nothing. A phone that nobody added counts when it has
//! fetched a config from the address of its list: its own, or `XMLDefault.cnf.xml`. All this is the word of the phone: whoever reaches
//! the port can ask for any name, so nobody's names may be without end.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use cluster::rows::{FetchedListRow, NodeRow, StrangerListRow};
use pki::listing::ListKind;
use store::Transaction;
use trust::Party;

use crate::CoreError;
use crate::cluster::Cluster;
use cluster::actor::{Actor, Level};
use cluster::alarms::PHONES_NOT_ADDED;
use cluster::names::device_name;
use cluster::surroundings::Surroundings;
use cluster::units::Unit;

/// `ITL`, in the rows.
const ITL: &str = ListKind::Itl.word();

/// The units that sign ITLs.
const SIGN: [Unit; 2] = [Unit::ItlRecovery, Unit::CallManager];

/// Addresses remembered at most: those of a large cluster. Further ones tell nothing.
const ADDRESSES: usize = 50_000;

/// Lists that wait for the name of their phone at most: it fetches its config seconds later.
const UNNAMED: usize = 1_000;

/// How long an address belongs to the phone that was last seen there, milliseconds: leases are longer as a rule.
const LEASE: i64 = 24 * 60 * 60 * 1000;

/// How long a list waits for the name of its phone, milliseconds.
const BOOT: i64 = 10 * 60 * 1000;

/// Phones that nobody added between their list and their config at most, as many as there are rows of them.
const STRANGERS: usize = 10_000;

/// Of those, behind one address at most: a site behind one address has some hundred phones, and who makes up names has his share.
const STRANGERS_OF_ADDRESS: usize = 500;

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
    /// By address and name: phones that nobody added, on their way to a config.
    booting: HashMap<IpAddr, HashMap<String, Stranger>>,
    /// How many there are in `booting`.
    waiting: usize,
    /// Those that have got there, with whether it was a config of their own.
    strangers: HashMap<(String, &'static str), (Sent, bool)>,
}

/// A phone that nobody added.
#[derive(Default)]
struct Stranger {
    lists: HashMap<&'static str, Sent>,
    at: i64,
}

impl State {
    /// The place for a phone that nobody added; `None` when there are too many.
    fn stranger(&mut self, device: &str, address: IpAddr, now: i64) -> Option<&mut Stranger> {
        let known = self.booting.get(&address).is_some_and(|phones| phones.contains_key(device));
        if !known && self.waiting >= STRANGERS {
            self.booting.retain(|_, phones| {
                phones.retain(|_, phone| now - phone.at < BOOT);
                !phones.is_empty()
            });
            self.waiting = self.booting.values().map(HashMap::len).sum();
        }
        let here = self.booting.get(&address).map_or(0, HashMap::len);
        if !known && (self.waiting >= STRANGERS || here >= STRANGERS_OF_ADDRESS) {
            return None;
        }
        self.waiting += usize::from(!known);
        let phones = self.booting.entry(address).or_default();
        Some(phones.entry(device.to_owned()).or_default())
    }
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

    /// A list went out to its end, to a phone that nobody added.
    pub fn stranger_list(&self, device: &str, kind: ListKind, address: IpAddr, bytes: &Bytes, now: i64) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stranger) = state.stranger(device, address, now) {
            stranger.at = now;
            stranger.lists.insert(kind.word(), Sent { bytes: bytes.clone(), address, at: now });
        }
    }

    /// A phone that nobody added has asked for a config of its own, and there is none.
    pub fn stranger_asked(&self, device: &str, address: IpAddr, now: i64) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stranger) = state.stranger(device, address, now) {
            stranger.at = now;
        }
    }

    /// A config went out to its end, to a phone that nobody added: its own, which names `tvs` for it or not, or `None` for
    /// `XMLDefault.cnf.xml`, which goes to all that are on their way at this address. Lists without a name belong to a phone that
    /// is there alone.
    pub fn stranger_config(&self, device: Option<&str>, address: IpAddr, tvs: bool, now: i64) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let State { booting, waiting, strangers, unnamed, tenants, .. } = &mut *state;
        let mut here = booting.remove(&address).unwrap_or_default();
        *waiting = waiting.saturating_sub(here.len());
        here.retain(|_, phone| now - phone.at < BOOT);
        if let Some(device) = device {
            here.entry(device.to_owned()).or_default();
        }
        let tenant = tenants.get(&address).is_some_and(|tenant| now - tenant.at < LEASE);
        if let (1, false) = (here.len(), tenant) {
            for kind in [ListKind::Ctl, ListKind::Itl] {
                let sent = unnamed.remove(&(address, kind.word())).filter(|sent| now - sent.at < BOOT);
                if let (Some(sent), Some(phone)) = (sent, here.values_mut().next()) {
                    phone.lists.entry(kind.word()).or_insert(sent);
                }
            }
        }
        let (come, on_their_way): (HashMap<_, _>, HashMap<_, _>) =
            here.into_iter().partition(|(name, _)| device.is_none_or(|device| device == name));
        *waiting += on_their_way.len();
        if !on_their_way.is_empty() {
            booting.insert(address, on_their_way);
        }
        for (name, phone) in come {
            for (kind, sent) in phone.lists {
                if strangers.len() < 2 * STRANGERS {
                    strangers.insert((name.clone(), kind), (sent, tvs));
                }
            }
        }
    }

    /// What phones that nobody added have fetched since the last call, for [`Cluster::note_stranger_lists`].
    pub fn take_strangers(&self, node: &NodeRow) -> Vec<StrangerListRow> {
        let strangers = std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).strangers);
        let row = |((device, kind), (sent, tvs))| StrangerListRow {
            list: row(device, kind, &sent, node),
            tvs,
            believed: true,
        };
        strangers.into_iter().map(row).collect()
    }

    /// What was fetched from a node since the last call, for [`Cluster::note_fetched_lists`].
    pub fn take(&self, node: &NodeRow) -> Vec<FetchedListRow> {
        let lists = std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).lists);
        lists.into_iter().map(|((device, kind), sent)| row(device, kind, &sent, node)).collect()
    }
}

fn row(device: String, kind: &str, sent: &Sent, node: &NodeRow) -> FetchedListRow {
    FetchedListRow {
        device,
        kind: kind.to_owned(),
        digest: pki::hash::hex(&pki::hash::sha256(&sent.bytes)),
        server_name: node.name.clone(),
        address: sent.address.to_string(),
        fetched_at: sent.at,
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

    /// Writes down what phones have fetched that nobody added, in one transaction. What one without TVS cannot check with the list that
    /// it holds it does not take, so that this one counts further.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn note_stranger_lists(&self, fetched: &[StrangerListRow]) -> Result<(), CoreError> {
        let publisher = self.node(None).await?;
        let signers = self.itl_signers().await?;
        let mut transaction = self.store().begin().await?;
        for row in fetched {
            let mut row = row.clone();
            let signer = signers.iter().find(|(digest, _)| row.list.kind == ITL && *digest == row.list.digest);
            if let Some((_, last)) = signer.filter(|_| !row.tvs) {
                let held = transaction.stranger_holds(&row.list.device, ITL).await?;
                row.believed = held.is_none_or(|held| *last <= held);
            }
            transaction.note_stranger_list(&row).await?;
        }
        transaction.limit_strangers().await?;
        if let Some(first) = fetched.first() {
            let message = format!("{} at {} was given a trust list", first.list.device, first.list.address);
            self.stand(&mut transaction, &publisher, &PHONES_NOT_ADDED, "", &message, first.list.fetched_at).await?;
        }
        Ok(transaction.commit().await?)
    }

    /// The ITLs that nodes give out now: their digest, and the last renewal of the unit that signed them.
    async fn itl_signers(&self) -> Result<Vec<(String, i64)>, CoreError> {
        let mut found = Vec::new();
        let certificates = self.node_certificates().await?;
        for node in self.store().nodes().await? {
            let Some(list) = self.served_list(&node, ListKind::Itl)?.map(|published| published.list) else { continue };
            let signer = Party::signer(list.header());
            let mut own = certificates.iter().flat_map(|own| &own.own);
            let unit = own.find(|(unit, own)| SIGN.contains(unit) && signer.as_ref() == Some(&Party::owner(own)));
            // Of another signer, such as that of another cluster, nothing is known.
            let Some((unit, _)) = unit else { continue };
            let last = self.store().last_renewal(unit.service()).await?.map_or(0, |last| last.seq);
            found.push((pki::hash::hex(&pki::hash::sha256(list.bytes())), last));
        }
        Ok(found)
    }

    /// The alarm about phones that nobody added ends with the last of them.
    pub(crate) async fn end_strangers_alarm(&self, transaction: &mut Transaction) -> Result<(), CoreError> {
        if !transaction.are_strangers_there().await? {
            transaction.clear_alarm(PHONES_NOT_ADDED.name, "").await?;
        }
        Ok(())
    }

    /// Forgets a phone that nobody added, or all of them: no renewal waits for it any more, until it fetches a list again. How
    /// many there were.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn forget_strangers(
        &self,
        actor: &Actor,
        name: Option<&str>,
        surroundings: &mut dyn Surroundings,
    ) -> Result<i64, CoreError> {
        actor.require(Level::ReadWrite)?;
        let name = name.map(device_name).transpose()?;
        let mut transaction = self.store().begin().await?;
        let count = transaction.forget_strangers(name.as_deref()).await?;
        self.end_strangers_alarm(&mut transaction).await?;
        if count > 0 {
            let result = format!("{} ({count})", name.as_deref().unwrap_or("all"));
            transaction.note_audit(surroundings.now(), actor.name(), "device forget", &result).await?;
        }
        transaction.commit().await?;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node() -> NodeRow {
        let text = String::new;
        NodeRow {
            pkid: text(),
            name: "pub".into(),
            domain: text(),
            address: text(),
            number: 1,
            publisher: true,
            directory: text(),
        }
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

    fn strangers(fetched: &FetchedLists) -> Vec<(String, String, bool)> {
        let rows = fetched.take_strangers(&node()).into_iter();
        let mut all: Vec<_> = rows.map(|row| (row.list.device, row.list.kind, row.tvs)).collect();
        all.sort();
        all
    }

    #[test]
    fn strangers_count_with_their_config() {
        let fetched = FetchedLists::default();
        let (list, here, there): (Bytes, IpAddr, IpAddr) =
            (Bytes::from_static(b"list"), [10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        let itl = |name: &str, tvs| (name.to_owned(), "ITL".to_owned(), tvs);
        // a list alone is nothing, and a config from elsewhere says nothing of it
        fetched.stranger_list("SEP1", ListKind::Itl, here, &list, 1);
        fetched.stranger_config(None, there, false, 2);
        assert!(strangers(&fetched).is_empty());
        fetched.stranger_config(None, here, false, 3);
        assert_eq!(strangers(&fetched), [itl("SEP1", false)]);
        fetched.stranger_config(None, here, false, 4);
        assert!(strangers(&fetched).is_empty(), "each boot once");
        // behind one address each has its own name; a config of its own is that of one phone only
        fetched.stranger_list("SEP1", ListKind::Itl, here, &list, 5);
        fetched.stranger_list("SEP2", ListKind::Itl, here, &list, 5);
        fetched.stranger_config(Some("SEP2"), here, true, 6);
        assert_eq!(strangers(&fetched), [itl("SEP2", true)]);
        fetched.stranger_config(None, here, false, 7);
        assert_eq!(strangers(&fetched), [itl("SEP1", false)]);
        // a list without a name belongs to the one that asked for its config there
        fetched.list(None, ListKind::Itl, there, &list, 8);
        fetched.stranger_asked("SEP3", there, 8);
        fetched.stranger_config(None, there, false, 9);
        assert_eq!(strangers(&fetched), [itl("SEP3", false)]);
        fetched.list(None, ListKind::Itl, there, &list, 10);
        fetched.stranger_asked("SEP3", there, 10);
        fetched.stranger_asked("SEP4", there, 10);
        fetched.stranger_config(None, there, false, 11);
        assert!(strangers(&fetched).is_empty(), "of two nobody knows whose it is");
        // and a config long after the list is that of another boot
        fetched.stranger_list("SEP1", ListKind::Itl, here, &list, 20);
        fetched.stranger_config(None, here, false, 20 + BOOT);
        assert!(strangers(&fetched).is_empty());
    }

    /// One address that makes up names leaves room for the phones of the others.
    #[test]
    fn names_of_one_address_have_an_end() {
        let fetched = FetchedLists::default();
        let list = Bytes::from_static(b"list");
        let (loud, quiet): (IpAddr, IpAddr) = ([10, 0, 0, 66].into(), [10, 0, 0, 1].into());
        for name in 0..3 * STRANGERS {
            fetched.stranger_list(&format!("SEP{name:012X}"), ListKind::Itl, loud, &list, 1);
        }
        fetched.stranger_list("SEPAABBCCDDEEFF", ListKind::Itl, quiet, &list, 1);
        fetched.stranger_config(None, quiet, false, 2);
        assert_eq!(strangers(&fetched).len(), 1);
        fetched.stranger_config(None, loud, false, 2);
        assert_eq!(strangers(&fetched).len(), STRANGERS_OF_ADDRESS);
    }
}
