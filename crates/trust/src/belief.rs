//! What one phone holds.

use wire::role::Role;
use wire::trust_list::{RecordView, TrustList};

use crate::lists;
use crate::models::Model;
use crate::offer::ListKind;
use crate::verdict::{Accepted, Change};

/// A TVS server as the config names it [sources/phones#config-elements].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TvsServer {
    /// Host name or address.
    pub address: String,
    /// TCP port, 2445 as a rule.
    pub port: u16,
}

impl std::fmt::Display for TvsServer {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}:{}", self.address, self.port)
    }
}

/// What one phone holds. Changed only by [`Self::apply`] and the operations of its user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Belief {
    model: &'static Model,
    ctl: Option<TrustList>,
    itl: Option<TrustList>,
    tvs_servers: Vec<TvsServer>,
    config: Option<Vec<u8>>,
    began_empty: bool,
}

impl Belief {
    /// A phone from the factory.
    #[must_use]
    pub fn new(model: &'static Model) -> Self {
        Self::holding(model, None, None)
    }

    /// A phone that holds these lists. An ITL is dropped when the model has none.
    #[must_use]
    pub fn holding(model: &'static Model, ctl: Option<TrustList>, itl: Option<TrustList>) -> Self {
        let itl = itl.filter(|_| model.security_by_default);
        Self { model, began_empty: ctl.is_none() && itl.is_none(), ctl, itl, tvs_servers: Vec::new(), config: None }
    }

    /// The model.
    #[must_use]
    pub fn model(&self) -> &'static Model {
        self.model
    }

    /// The stored CTL.
    #[must_use]
    pub fn ctl(&self) -> Option<&TrustList> {
        self.ctl.as_ref()
    }

    /// The stored ITL.
    #[must_use]
    pub fn itl(&self) -> Option<&TrustList> {
        self.itl.as_ref()
    }

    /// The stored list of a kind.
    #[must_use]
    pub fn list(&self, kind: ListKind) -> Option<&TrustList> {
        match kind {
            ListKind::Ctl => self.ctl(),
            ListKind::Itl => self.itl(),
        }
    }

    /// Whether the phone holds any list.
    #[must_use]
    pub fn has_lists(&self) -> bool {
        self.ctl.is_some() || self.itl.is_some()
    }

    /// The TVS servers of the last accepted config, in the order they are asked.
    #[must_use]
    pub fn tvs_servers(&self) -> &[TvsServer] {
        &self.tvs_servers
    }

    /// Sets the TVS servers, as an accepted config names them.
    pub fn set_tvs_servers(&mut self, servers: Vec<TvsServer>) {
        self.tvs_servers = servers;
    }

    /// The last accepted config: the XML, without a header.
    #[must_use]
    pub fn config(&self) -> Option<&[u8]> {
        self.config.as_deref()
    }

    /// Sets the last accepted config, as read from where it was kept.
    pub fn set_config(&mut self, config: Option<Vec<u8>>) {
        self.config = config;
    }

    /// Call at the start of each boot: a phone that holds no list now takes the first CTL and the first ITL of this
    /// boot on faith, also the second of the two [sources/trust-lists#acceptance].
    pub fn boot_begins(&mut self) {
        self.began_empty = !self.has_lists();
    }

    /// Whether this boot began without a list.
    #[must_use]
    pub fn began_empty(&self) -> bool {
        self.began_empty
    }

    /// The user erases CTL and ITL in the menu of the phone. The config stays.
    pub fn erase_lists(&mut self) {
        self.ctl = None;
        self.itl = None;
        self.began_empty = true;
    }

    /// Takes over what was accepted.
    pub fn apply(&mut self, accepted: &Accepted) {
        match &accepted.change {
            Change::Nothing => {}
            Change::StoreList(ListKind::Ctl, list) => self.ctl = Some(list.clone()),
            Change::StoreList(ListKind::Itl, list) => self.itl = Some(list.clone()),
            Change::ClearList(ListKind::Ctl) => self.ctl = None,
            Change::ClearList(ListKind::Itl) => self.itl = None,
            Change::StoreConfig(config) => self.config = Some(config.clone()),
        }
    }

    /// Whether the phone asks for `.sgn` names and refuses unsigned configs: a certificate with role TFTP or CCM+TFTP
    /// stands in a list [sources/trust-lists#acceptance]. Emptied records do not count.
    #[must_use]
    pub fn wants_signed_configs(&self) -> bool {
        self.named(Role::signs_configs).next().is_some()
    }

    /// Whether the stored ITL is the one of *Prepare Cluster for Rollback to pre 8.0*: its TFTP and TVS records are
    /// emptied.
    #[must_use]
    pub fn itl_is_blank(&self) -> bool {
        self.itl().is_some_and(lists::is_blank)
    }

    /// Whether any ITL is taken, whoever signed it and whether or not the signature holds: the stored ITL is the blank one, and no
    /// record of the CTL signs configs either [sources/trust-lists#blank-list]. A CTL that was reduced by *non-secure-mode* before the
    /// roll-back is no hindrance, because phones move from a secure to a non-secure cluster that way \[inferred\]. A full CTL is.
    #[must_use]
    pub fn takes_any_itl(&self) -> bool {
        self.itl_is_blank() && !self.wants_signed_configs()
    }

    /// The TVS records of the ITL that name a certificate or its hash.
    pub fn tvs_records(&self) -> impl Iterator<Item = RecordView<'_>> {
        self.named(|role| role == Role::TVS).filter(|(kind, ..)| *kind == ListKind::Itl).map(|(_, _, record)| record)
    }

    /// Records of both lists, CTL first, whose role fits and that name a certificate or its hash. With their list and
    /// their number from 1.
    pub(crate) fn named(&self, fits: impl Fn(Role) -> bool) -> impl Iterator<Item = (ListKind, usize, RecordView<'_>)> {
        let ctl = self.ctl().map(|list| (ListKind::Ctl, list));
        let itl = self.itl().map(|list| (ListKind::Itl, list));
        ctl.into_iter()
            .chain(itl)
            .flat_map(|(kind, list)| list.records().enumerate().map(move |(index, record)| (kind, index + 1, record)))
            .filter(move |(_, _, record)| record.role().is_some_and(&fits) && lists::names_certificate(record))
    }
}
