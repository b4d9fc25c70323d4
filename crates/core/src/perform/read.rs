//! What a cluster is, read from its rows and files.

use std::collections::{BTreeMap, BTreeSet};

use cluster::State;
use cluster::parameters::{ROLLBACK_ENDED, SecurityMode};
use cluster::rows::NodeRow;
use cluster::state::{Asked, AskedLists, Asks, Evidence};
use cluster::units::{CHECKED, PHONE_CA_STORES, Unit, service};
use pki::listing::ListKind;

use crate::CoreError;
use crate::cluster::{Cluster, release_of};

impl Cluster {
    /// The cluster as it is, with what is asked for. Inside of a change, before its first write, nobody else can change it.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn state(&self, asks: Asks) -> Result<State, CoreError> {
        let rows = self.store();
        let parameters = self.parameters().await?;
        let nodes = rows.nodes().await?;
        let mut renewals = Vec::new();
        for unit in Unit::ALL {
            renewals.extend(rows.last_renewal(unit.service()).await?);
        }
        let mut web_security = Vec::new();
        for node in &nodes {
            web_security.extend(rows.web_security(&node.pkid).await?);
        }
        let state = State {
            release: release_of(&parameters)?,
            parameters,
            certificates: rows.certificates().await?,
            lost: self.unreadable_own().await?,
            deleted: rows.deleted_certificates().await?,
            former_keys: rows.former_keys().await?,
            requests: rows.requests().await?,
            services: rows.services().await?,
            renewals,
            web_security,
            restart_causes: rows.restart_causes().await?,
            restarts_done: rows.restarts_done().await?,
            default_cas_off: rows.disabled_default_cas().await?,
            place: self.data().root().to_owned(),
            last_change: rows.audit(1).await?.last().map(|entry| entry.at),
            zone: self.zone().clone(),
            nodes,
            asked: Asked::default(),
        };
        let asked = self.asked(asks, &state).await?;
        Ok(state.with(asked))
    }

    async fn asked(&self, asks: Asks, state: &State) -> Result<Asked, CoreError> {
        let mut asked = Asked::default();
        if asks.evidence {
            asked.evidence = Some(self.evidence(state).await?);
        }
        let ended = state.parameters.iter().any(|(name, _)| name == ROLLBACK_ENDED);
        if asks.held || asks.evidence && ended {
            asked.held_itl = Some(self.store().held_lists(ListKind::Itl.word()).await?);
        }
        if asks.held && state.parameters.security_mode() == SecurityMode::Mixed {
            asked.held_ctl = Some(self.store().held_lists(ListKind::Ctl.word()).await?);
        }
        let kinds = match asks.lists {
            AskedLists::None => &[][..],
            AskedLists::Ctl => &[ListKind::Ctl],
            AskedLists::All => &[ListKind::Ctl, ListKind::Itl],
        };
        asked.which = asks.lists;
        asked.lists = self.published_lists(&state.nodes, kinds)?;
        if asks.phones {
            let devices = self.store().devices().await?.into_iter();
            asked.phones = Some(devices.map(|device| (device.name, device.model)).collect());
        }
        if asks.lscs {
            asked.lscs = Some(self.lscs_by_ca(state).await?);
        }
        if asks.keys {
            asked.keys = Some(self.kept_keys(&state.nodes)?);
        }
        if asks.served {
            let mut served = BTreeSet::new();
            for node in &state.nodes {
                if self.is_served(node)? {
                    served.insert(node.pkid.clone());
                }
            }
            asked.served = Some(served);
        }
        Ok(asked)
    }

    async fn evidence(&self, state: &State) -> Result<Evidence, CoreError> {
        let own = state.own()?;
        let mut keys = Vec::new();
        for node in &state.nodes {
            // What a request waits with signs and vouches for nothing.
            for (units, unreadable) in self.unreadable_keys_by_unit(node, &own)? {
                if units.iter().any(|unit| CHECKED.contains(unit)) {
                    keys.push((units, unreadable));
                }
            }
        }
        Ok(Evidence { rows: self.unreadable_evidence().await?, keys })
    }

    /// The devices that may hold an LSC of a CA, by the SHA-256 of its certificate.
    async fn lscs_by_ca(&self, state: &State) -> Result<BTreeMap<String, Vec<String>>, CoreError> {
        let mut all = BTreeMap::new();
        for row in &state.certificates {
            let mut stores = row.services.iter().filter_map(|number| service(*number));
            if stores.any(|store| PHONE_CA_STORES.contains(&store.name)) {
                all.insert(row.fingerprint.clone(), self.store().devices_with_lscs_of(&row.fingerprint).await?);
            }
        }
        Ok(all)
    }

    fn kept_keys(&self, nodes: &[NodeRow]) -> Result<BTreeSet<(String, String)>, CoreError> {
        let mut all = BTreeSet::new();
        for node in nodes {
            for (file, _) in self.directory(node).keys().files()? {
                if let Some(name) = file.strip_suffix(".pem") {
                    all.insert((node.pkid.clone(), name.to_owned()));
                }
            }
        }
        Ok(all)
    }
}
