//! What would become older than what phones were given, if a backup took the place of a cluster, and which phones would not believe it.

use std::collections::{BTreeMap, HashMap, HashSet};

use cluster::rows::HeldListRow;
use pki::Certificate;
use pki::listing::ListKind;
use trust::models::MODELS;
use trust::{Belief, Decision, Model, Offer, Party, TvsServer, judge};
use wire::role::Role;
use wire::trust_list::TrustList;

use crate::CoreError;
use crate::cluster::Cluster;
use cluster::readable::readable;
use cluster::units::Unit;
use cluster::wording::listed;
use cluster::wording::{counted, moment};

const KINDS: [ListKind; 2] = [ListKind::Ctl, ListKind::Itl];

/// What a phone holds, as far as its judgement depends on it: SHA-256 of its lists, the node that it fetches from, whether it asks TVS.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Held {
    lists: [Option<String>; 2],
    node: String,
    tvs: bool,
    model: &'static str,
}

/// What a phone would do with the lists of the backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Believed,
    Refused,
    /// It holds a list that nobody has here.
    NotKnown,
}

impl Cluster {
    /// What this cluster, read from a backup, lacks of one that it is to replace. A sentence each.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn older_than(&self, current: &Self) -> Result<Vec<String>, CoreError> {
        let mut older = self.older_certificates(current).await?;
        older.extend(self.older_lists(current).await?);
        older.extend(self.lost_devices(current).await?);
        older.extend(self.phones_left(current).await?);
        Ok(older)
    }

    async fn older_certificates(&self, current: &Self) -> Result<Vec<String>, CoreError> {
        let mine = self.node_certificates().await?;
        let described = |certificate: &Certificate| {
            let (from, until) = certificate.dates();
            let [from, until] = [from, until].map(|seconds| moment(seconds.saturating_mul(1000), self.zone()));
            format!("serial {}, valid from {from} until {until}", certificate.serial_hex())
        };
        let mut older = Vec::new();
        for node in current.node_certificates().await? {
            let own = mine.iter().find(|own| own.name == node.name);
            for (unit, now) in &node.own {
                let then = own.and_then(|own| own.readable(*unit));
                if then.is_some_and(|then| then.sha256() == now.sha256()) {
                    continue;
                }
                let then = then.map_or_else(|| "none".to_owned(), described);
                let (unit, name) = (unit.name(), &node.name);
                older.push(format!("certificate {unit} of {name}: now {}; in the backup {then}", described(now)));
            }
        }
        Ok(older)
    }

    async fn older_lists(&self, current: &Self) -> Result<Vec<String>, CoreError> {
        let (mine, theirs) = (self.all_lists().await?, current.all_lists().await?);
        let described = |list: &TrustList| {
            let signer = Party::signer(list.header());
            let signer = signer.map_or_else(|| "nobody that it names".to_owned(), |signer| signer.to_string());
            let at = list.header().timestamp();
            let at = at.map(|at| format!(" at {}", moment(i64::from(at) * 1000, self.zone())));
            format!("signed by {signer}{}", at.unwrap_or_default())
        };
        let mut older = Vec::new();
        for ((node, kind), now) in &theirs {
            let then = mine.get(&(node.clone(), *kind));
            if then.is_some_and(|then| then.bytes() == now.bytes()) {
                continue;
            }
            let kind = if *kind == 0 { ListKind::Ctl } else { ListKind::Itl }.word();
            let then = then.map_or_else(|| "none".to_owned(), described);
            older.push(format!("{kind} file of {node}: now {}; in the backup {then}", described(now)));
        }
        Ok(older)
    }

    /// Devices and LSCs that the backup does not know.
    async fn lost_devices(&self, current: &Self) -> Result<Vec<String>, CoreError> {
        let mut lost = Vec::new();
        let mine: HashSet<String> = self.store().devices().await?.into_iter().map(|row| row.name).collect();
        let theirs = current.store().devices().await?.into_iter().map(|row| row.name);
        let devices: Vec<String> = theirs.filter(|name| !mine.contains(name)).collect();
        if !devices.is_empty() {
            lost.push(format!("{} not in the backup: {}", counted(devices.len(), "device"), listed(&devices)));
        }
        let mine: HashSet<String> = self.store().lscs().await?.into_iter().map(|row| row.pkid).collect();
        let unknown = current.store().current_lscs().await?.into_iter().filter(|row| !mine.contains(&row.pkid));
        let phones: Vec<String> = unknown.map(|row| row.device).collect();
        if !phones.is_empty() {
            lost.push(format!(
                "{} that the backup does not know, of {}: let them enrol again (`utils capf device schedule`)",
                counted(phones.len(), "LSC"),
                listed(&phones)
            ));
        }
        Ok(lost)
    }

    /// The phones that could not check the lists of the backup with what they hold.
    async fn phones_left(&self, current: &Self) -> Result<Vec<String>, CoreError> {
        let models: HashMap<String, String> =
            current.store().devices().await?.into_iter().map(|row| (row.name, row.model)).collect();
        let mut phones: BTreeMap<String, Held> = BTreeMap::new();
        for (index, kind) in KINDS.into_iter().enumerate() {
            for HeldListRow { device, tvs, fetched, .. } in current.held_lists(kind).await? {
                let Some(fetched) = fetched else { continue };
                let model = models.get(&device).and_then(|name| Model::find(name)).or_else(newest);
                let held = phones.entry(device).or_insert_with(|| Held { tvs: true, ..Held::default() });
                if let Some(list) = held.lists.get_mut(index) {
                    *list = Some(fetched.digest);
                }
                held.node = fetched.server_name;
                held.tvs &= tvs;
                held.model = model.map_or("", |model| model.name);
            }
        }
        let offered = self.all_lists().await?;
        let all = offered.values().cloned().chain(current.all_lists().await?.into_values());
        let known: HashMap<String, TrustList> =
            all.map(|list| (pki::hash::hex(&pki::hash::sha256(list.bytes())), list)).collect();
        let own = self.node_certificates().await?;
        let rows = self.store().certificates().await?;
        let answered: Vec<Party> = readable(&rows).map(|(_, certificate)| Party::owner(&certificate)).collect();
        let mut outcomes: HashMap<Held, Outcome> = HashMap::new();
        let (mut refuse, mut unclear) = (Vec::new(), Vec::new());
        for (device, held) in &phones {
            let outcome = *outcomes.entry(held.clone()).or_insert_with(|| {
                let tvs = own.iter().find(|own| own.name == held.node).and_then(|own| own.readable(Unit::Tvs));
                would(held, &known, &offered, tvs, &answered)
            });
            match outcome {
                Outcome::Believed => {}
                Outcome::Refused => refuse.push(device.clone()),
                Outcome::NotKnown => unclear.push(device.clone()),
            }
        }
        let mut left = Vec::new();
        if !refuse.is_empty() {
            left.push(format!(
                "{} of {} would not believe the lists of the backup until somebody erases theirs by hand: {}",
                refuse.len(),
                counted(phones.len(), "phone"),
                listed(&refuse)
            ));
        }
        if !unclear.is_empty() {
            left.push(format!(
                "of {} it is not known what they would believe, because they hold lists that are neither here nor in the backup: {}",
                counted(unclear.len(), "phone"),
                listed(&unclear)
            ));
        }
        Ok(left)
    }

    /// The published lists of all nodes that can be read, by node and place in [`KINDS`].
    async fn all_lists(&self) -> Result<BTreeMap<(String, usize), TrustList>, CoreError> {
        let mut lists = BTreeMap::new();
        for node in self.store().nodes().await? {
            for (index, kind) in KINDS.into_iter().enumerate() {
                if let Ok(Some(published)) = self.published_list(&node, kind) {
                    lists.insert((node.name.clone(), index), published.list);
                }
            }
        }
        Ok(lists)
    }
}

/// What phones that nobody added are taken for.
fn newest() -> Option<&'static Model> {
    MODELS.iter().find(|model| model.security_by_default)
}

fn would(
    held: &Held,
    known: &HashMap<String, TrustList>,
    offered: &BTreeMap<(String, usize), TrustList>,
    tvs: Option<&Certificate>,
    answered: &[Party],
) -> Outcome {
    let list = |digest: &Option<String>| digest.as_ref().map(|digest| known.get(digest).cloned());
    let [ctl, itl] = [held.lists.first(), held.lists.last()].map(|digest| digest.and_then(list));
    let (Some(model), false) = (Model::find(held.model).or_else(newest), [&ctl, &itl].contains(&&Some(None))) else {
        return Outcome::NotKnown;
    };
    let mut belief = Belief::holding(model, ctl.flatten(), itl.flatten());
    if held.tvs {
        belief.set_tvs_servers(vec![TvsServer { address: held.node.clone(), port: 2445 }]);
    }
    for (index, kind) in KINDS.into_iter().enumerate() {
        let Some(list) = offered.get(&(held.node.clone(), index)) else { continue };
        if kind == ListKind::Itl && !model.security_by_default {
            continue;
        }
        let offer = if kind == ListKind::Ctl { Offer::Ctl(list.bytes()) } else { Offer::Itl(list.bytes()) };
        let believed = match judge(&belief, &offer) {
            Decision::Final(verdict) => verdict.is_accepted(),
            // TVS of the backup answers for whom it knows, if the phone takes it for TVS.
            Decision::AskTvs(question) => {
                let server = tvs.map(|tvs| Offer::TlsServer { role: Role::TVS, certificate: tvs.der() });
                let takes = server.is_some_and(
                    |server| matches!(judge(&belief, &server), Decision::Final(verdict) if verdict.is_accepted()),
                );
                takes && answered.contains(&question.about)
            }
        };
        if !believed {
            return Outcome::Refused;
        }
    }
    Outcome::Believed
}
