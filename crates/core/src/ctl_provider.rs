//! The CTL of the cluster, whoever signs it. By tokens: what a CTL client needs to know, and what comes back is checked, taken and
//! put on every node. By the publisher: the same from there on.
//!
//! What was taken or signed stands in the table `ctlfile` before the first node gets it: a node that fails, or a program that
//! is killed in between, leaves behind what `utils ctl distribute` finishes, and an alarm that says so.
//!
//! * `check`: whether a file may be taken; `node_signed`: the one of the publisher; `distribution`: to the nodes

mod distribution;
mod node_signed;

use cluster::rows::CtlFileRow;
use pki::listing::ListKind;
use store::aside;
use wire::ctl_provider::{Choice, ClusterState, Entry, NodeStatus, Upload};
use wire::role::Role;
use wire::trust_list::TrustList;

use crate::CoreError;
use crate::cluster::Cluster;
use cluster::actor::{Actor, Level};
use cluster::parameters::SecurityMode;
use cluster::services;
use cluster::surroundings::Surroundings;
use cluster::trust_lists::NodeCertificates;
use cluster::trust_lists::check::{Facts, check};
use cluster::units::Unit;

pub use cluster::trust_lists::check::TOKEN_NOT_IN_CTL;
pub(crate) use distribution::outcome;

/// What became of a CTL that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Node by node, the publisher first.
    pub nodes: Vec<NodeStatus>,
    /// What the administrator should know.
    pub warnings: Vec<String>,
}

/// Row of `processconfig` that is ours: the port at which the CTL provider listened last.
const LAST_PORT: &str = "RingfenceCtlProviderPort";

impl Cluster {
    /// The port at which the CTL provider listened last; `None` when it never did.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn ctl_provider_port(&self) -> Result<Option<u16>, CoreError> {
        let rows = self.store().parameters().await?;
        let found = rows.iter().find(|(name, _)| name == LAST_PORT);
        Ok(found.and_then(|(_, port)| port.parse().ok()).filter(|port| *port != 0))
    }

    /// Notes where it listens, so that a port which the system chose is named and stays. Writes nothing when it is known.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn note_ctl_provider_port(&self, port: u16) -> Result<(), CoreError> {
        if self.ctl_provider_port().await? == Some(port) {
            return Ok(());
        }
        let mut transaction = self.store().begin().await?;
        transaction.set_parameter(LAST_PORT, &port.to_string()).await?;
        Ok(transaction.commit().await?)
    }

    /// What a CTL client makes a CTL from.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn ctl_client_view(&self, actor: &Actor) -> Result<ClusterState, CoreError> {
        actor.require(Level::ReadWrite)?;
        let parameters = self.parameters().await?;
        let publisher = self.node(None).await?;
        let ctl = aside::read(&self.list_path(&publisher, ListKind::Ctl))?;
        let entries = self.server_entries(&self.node_certificates().await?)?;
        Ok(ClusterState {
            mixed: parameters.security_mode() == SecurityMode::Mixed,
            digest: parameters.digest(),
            ctl,
            entries,
        })
    }

    /// The server records in the order of [sources/published-clusters#two-nodes]: CAPF, the subscribers, the publisher;
    /// then the SAST records of the release. The host name is the text of the address, as the client of the original
    /// writes it.
    fn server_entries(&self, all: &[NodeCertificates]) -> Result<Vec<Entry>, CoreError> {
        let entry = |role, node: &NodeCertificates, unit: Unit| {
            let own = node.get(unit).map_err(|unreadable| CoreError::Unreadable(unreadable.clone()))?;
            let certificate = own.ok_or_else(|| {
                CoreError::Internal(format!(
                    "{} has no {} certificate; `set cert regen` makes one",
                    node.name,
                    unit.name()
                ))
            })?;
            Ok::<_, CoreError>(Entry {
                role,
                host: node.address.to_string(),
                address: node.address,
                certificate: certificate.der().to_vec(),
            })
        };
        let mut entries = Vec::new();
        for node in all.iter().filter(|node| node.get(Unit::Capf) != Ok(None)) {
            entries.push(entry(Role::CAPF, node, Unit::Capf)?);
        }
        let (publisher, others): (Vec<_>, Vec<_>) = all.iter().partition(|node| node.publisher);
        for node in others.into_iter().chain(publisher.iter().copied()) {
            entries.push(entry(Role::CCM_TFTP, node, Unit::CallManager)?);
        }
        for (unit, node) in self.release().token_ctl_sasts.iter().zip(publisher.iter().copied().cycle()) {
            entries.push(entry(Role::SAST, node, *unit)?);
        }
        Ok(entries)
    }

    /// Checks a CTL that a client signed, takes it, sets the mode that goes with it and puts it on every node.
    ///
    /// The same file again is taken again: a client that lost the connection before the answer repeats it.
    ///
    /// # Errors
    /// [`CoreError::Refused`] with the reason, and nothing has changed. A node that fails is no error: it stands in the answer.
    pub async fn take_ctl(
        &self,
        actor: &Actor,
        upload: &Upload,
        from: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Stored, CoreError> {
        actor.require(Level::ReadWrite)?;
        // Read first: the certificates that the file is held against tell of this renewal at least.
        let renewal = self.store().renewals().await?;
        let publisher = self.node(None).await?;
        services::named(self.release(), services::CTL_PROVIDER)?;
        let published = aside::read(&self.list_path(&publisher, ListKind::Ctl))?;
        if published.as_deref() != Some(upload.file.as_slice())
            && published.as_deref().map(pki::hash::sha256) != upload.base
        {
            let text = "The CTL file of the cluster was changed while this one was made. Run the CTL client again";
            return Err(CoreError::refused("ctl-changed", text));
        }
        let parameters = self.parameters().await?;
        let mode = match upload.choice {
            Choice::NonSecure => SecurityMode::NonSecure,
            Choice::Mixed => SecurityMode::Mixed,
            Choice::Update => parameters.security_mode(),
        };
        let facts = Facts {
            forced: upload.forced,
            mixed: parameters.security_mode() == SecurityMode::Mixed,
            becomes_mixed: mode == SecurityMode::Mixed,
            // A published list that does not parse is replaced; no phone has taken it.
            held: published.and_then(|bytes| TrustList::decode(bytes).ok()),
            nodes: self.node_certificates().await?,
            devices: self.store().devices().await?,
            now: u64::try_from(surroundings.now() / 1000).unwrap_or_default(),
        };
        let warnings = check(&upload.file, &facts)?;
        let row = CtlFileRow {
            file: upload.file.clone().into(),
            security_mode: mode.value().to_owned(),
            taken_from: format!("{} at {from}", actor.name()),
            taken_at: surroundings.now(),
            renewal,
            on_all_nodes: false,
        };
        let mut transaction = self.store().begin().await?;
        transaction.put_ctl_file(&row).await?;
        let command = format!("CTL client: {}", words(upload.choice));
        let result = format!("CTL of {} bytes taken from {from}", upload.file.len());
        transaction.note_audit(row.taken_at, actor.name(), &command, &result).await?;
        transaction.commit().await?;
        let nodes = self.place_ctl(actor, row, surroundings).await?;
        Ok(Stored { nodes, warnings })
    }
}

const fn words(choice: Choice) -> &'static str {
    match choice {
        Choice::NonSecure => "set cluster to non-secure mode",
        Choice::Mixed => "set cluster to mixed mode",
        Choice::Update => "update CTL file",
    }
}
