//! What a node gives out at one moment, read from the rows.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use cluster::rows::{DeviceRow, EnrolmentRow, NodeRow, ShownKind, Unreadable};
use pki::listing::ListKind;
use pki::sign::SigningIdentity;
use pki::{Certificate, SoftKey};
use store::aside;
use trust::Party;
use wire::digest::DigestId;
use wire::trust_list::{RecordView, TrustList};

use crate::CoreError;
use crate::cluster::Cluster;
use cluster::config::EnrolmentPart;
use cluster::config::{ClusterPart, DevicePart, DeviceSecurityMode, Endpoint, Protocol};
use cluster::parameters;
use cluster::readable::{self, KeepsCertificate};
use cluster::units::Unit;

/// Everything the file servers of a node answer from; never changed, only exchanged.
pub struct Snapshot {
    pub(super) ctl: Option<Bytes>,
    pub(super) itl: Option<Bytes>,
    /// Who signs configs; or why nobody does.
    signer: Result<(Certificate, SoftKey), String>,
    pub(super) digest: DigestId,
    pub(super) devices: HashMap<String, ArcSwap<DeviceEntry>>,
    groups: HashMap<String, Arc<ClusterPart>>,
    pub(super) default_part: ClusterPart,
    /// Those whom our lists name.
    signers: Vec<Party>,
}

/// A device in a snapshot. It alone may be exchanged between two snapshots, because each enrolment changes one.
pub struct DeviceEntry {
    pub(super) part: DevicePart,
    pub(super) enrolment: EnrolmentPart,
    group: String,
}

impl Cluster {
    /// Reads what a node gives out now.
    ///
    /// # Errors
    /// [`CoreError`]; also when the directory of its published files is gone.
    pub async fn snapshot(&self, node: &NodeRow) -> Result<Snapshot, CoreError> {
        let parameters = self.parameters().await?;
        let all = self.node_certificates().await?;
        let own = all.iter().find(|own| own.name == node.name);
        let signer = own.map_or(Ok(None), |own| own.get(Unit::CallManager));
        let signer = match signer.map_err(|unreadable| unreadable.to_string()) {
            Ok(Some(signer)) => match self.key(&self.directory(node), Unit::CallManager, signer) {
                Ok(key) => Ok((signer.clone(), key)),
                // Lists that are published and files that are signed already are given out all the same.
                Err(CoreError::Unreadable(unreadable)) => Err(unreadable.to_string()),
                Err(error) => return Err(error),
            },
            Ok(None) => {
                Err(format!("{} has no CallManager certificate; `set cert regen CallManager` makes one", node.name))
            }
            Err(reason) => Err(reason),
        };
        if let Err(reason) = &signer {
            tracing::error!(reason, "no config is signed");
        }
        let nodes = self.store().nodes().await?;
        let address = |name: &String| nodes.iter().find(|node| node.name == *name).map(|node| node.address.clone());
        let tvs_port = port(&parameters, parameters::TVS_PORT, 2445);
        let capf_runs = self.capf_runs().await?;
        let capf = nodes
            .iter()
            .filter(|node| node.publisher && capf_runs)
            .map(|node| Endpoint { host: node.address.clone(), port: port(&parameters, parameters::CAPF_PORT, 3804) });
        let capf: Vec<Endpoint> = capf.collect();
        let part = |names: &[String]| {
            let hosts: Vec<String> = names.iter().filter_map(address).collect();
            ClusterPart {
                mode: parameters.security_mode(),
                tvs: hosts.iter().map(|host| Endpoint { host: host.clone(), port: tvs_port }).collect(),
                call_managers: hosts,
                capf: capf.clone(),
            }
        };
        let rows = self.store().groups().await?;
        let groups: HashMap<String, Arc<ClusterPart>> =
            rows.iter().map(|group| (group.name.clone(), Arc::new(part(&group.nodes)))).collect();
        let everyone: Vec<String> =
            nodes.iter().take(cluster::devices::GROUP_LIMIT).map(|node| node.name.clone()).collect();
        let default_part =
            groups.get(crate::cluster::DEFAULT_GROUP).map_or_else(|| part(&everyone), |part| (**part).clone());
        let mut enrolments: HashMap<String, EnrolmentRow> =
            self.store().enrolments().await?.into_iter().map(|row| (row.device.clone(), row)).collect();
        let mut certificates = self.config_certificates(&enrolments).await?;
        let mut devices = HashMap::new();
        for device in self.store().devices().await? {
            let enrolment = enrolments.remove(&device.name);
            let certificate = certificates.remove(&device.name);
            devices.insert(device.name.clone(), ArcSwap::from_pointee(entry(device, enrolment, certificate)));
        }
        let list = |kind| -> Result<Option<Bytes>, CoreError> {
            Ok(self.served_list(node, kind)?.map(|published| Bytes::from(published.list.into_bytes())))
        };
        let (ctl, itl) = (list(ListKind::Ctl)?, list(ListKind::Itl)?);
        // No list is one thing, no place for lists another: a directory that was taken away takes no list from phones.
        if ctl.is_none() || itl.is_none() {
            aside::files(&self.directory(node).published())?;
        }
        let mut signers: Vec<Party> =
            signer.as_ref().ok().map(|(signer, _)| Party::owner(signer)).into_iter().collect();
        for list in [&ctl, &itl].into_iter().flatten() {
            let list = TrustList::decode(list.to_vec()).map_err(CoreError::internal)?;
            let party = |record: RecordView<'_>| {
                let (subject, issuer) = (record.subject()?.to_vec(), record.issuer()?.to_vec());
                Some(Party { subject, issuer, serial: record.serial()?.to_vec() })
            };
            signers.extend(list.records().filter_map(party));
        }
        Ok(Snapshot { ctl, itl, signers, signer, digest: parameters.digest(), devices, groups, default_part })
    }

    /// A device as it stands in the rows now; `None` when it is not known.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn device_entry(&self, name: &str) -> Result<Option<DeviceEntry>, CoreError> {
        let Some((device, row)) = self.store().enrolled_device(name).await? else { return Ok(None) };
        let certificate = if row.encrypted { self.enrolment(name).await?.config_certificate()? } else { None };
        Ok(Some(entry(device, Some(row), certificate)))
    }

    /// The certificates of the devices whose config is encrypted: the LSC, else the MIC.
    async fn config_certificates(
        &self,
        enrolments: &HashMap<String, EnrolmentRow>,
    ) -> Result<HashMap<String, Certificate>, CoreError> {
        let wanted = |name: &str| enrolments.get(name).is_some_and(|row| row.encrypted);
        let mut certificates = HashMap::new();
        if !enrolments.values().any(|row| row.encrypted) {
            return Ok(certificates);
        }
        for shown in self.store().device_certificates().await? {
            if shown.kind == ShownKind::Mic && wanted(&shown.device) {
                take(&mut certificates, &shown.device, shown.certificate().map(Some));
            }
        }
        for lsc in self.store().current_lscs().await? {
            if wanted(&lsc.device) {
                take(&mut certificates, &lsc.device, readable::lsc(&lsc));
            }
        }
        Ok(certificates)
    }
}

/// Notes the certificate that a config is encrypted for. With one that cannot be read the phone gets no config: what it was encrypted
/// for before may be gone.
fn take(known: &mut HashMap<String, Certificate>, device: &str, found: Result<Option<Certificate>, Unreadable>) {
    match found {
        Ok(None) => {}
        Ok(Some(certificate)) => {
            known.insert(device.to_owned(), certificate);
        }
        Err(unreadable) => {
            tracing::warn!(device, %unreadable, "the phone gets no config");
            known.remove(device);
        }
    }
}

fn entry(device: DeviceRow, enrolment: Option<EnrolmentRow>, certificate: Option<Certificate>) -> DeviceEntry {
    DeviceEntry {
        part: DevicePart {
            protocol: Protocol::from_number(device.protocol),
            security: DeviceSecurityMode::from_number(device.security_mode),
            version_stamp: device.version_stamp,
        },
        enrolment: enrolment.map(|row| EnrolmentPart::new(&row, certificate)).unwrap_or_default(),
        group: device.group,
    }
}

fn port(parameters: &parameters::Parameters, name: &str, fallback: u16) -> u16 {
    u16::try_from(parameters.number(name, u32::from(fallback))).unwrap_or(fallback)
}

impl Snapshot {
    /// What the cluster says in the config of a device, or in that of one that is not known.
    pub(super) fn cluster_part(&self, device: Option<&DeviceEntry>) -> &ClusterPart {
        let group = device.and_then(|device| self.groups.get(&device.group));
        group.map_or(&self.default_part, |part| part)
    }

    /// Who signs configs.
    ///
    /// # Errors
    /// Why nobody does.
    pub(super) fn identity(&self) -> Result<SigningIdentity<'_>, String> {
        let (signer, key) = self.signer.as_ref().map_err(Clone::clone)?;
        SigningIdentity::new(signer, key).map_err(|error| error.to_string())
    }

    /// A device, by its name in capitals.
    pub(super) fn device(&self, name: &str) -> Option<Arc<DeviceEntry>> {
        self.devices.get(name).map(ArcSwap::load_full)
    }

    /// A trust list; `None` when there is none.
    pub(super) fn list(&self, kind: ListKind) -> Option<Bytes> {
        match kind {
            ListKind::Ctl => self.ctl.clone(),
            ListKind::Itl => self.itl.clone(),
        }
    }

    /// A device, by its name in capitals, when its config is encrypted.
    pub(super) fn encrypted_device(&self, device: &str) -> Option<Arc<DeviceEntry>> {
        self.device(device).filter(|entry| entry.enrolment.encrypted)
    }

    /// Whether one of our lists names this signer, or it signs our configs.
    pub(super) fn names_signer(&self, signer: &Party) -> bool {
        self.signers.contains(signer)
    }
}
