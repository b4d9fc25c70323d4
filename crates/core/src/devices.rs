//! Devices: adding, showing, removing; the phones that nobody knows.
//!
//! What a device is, how its name is made and how a list of them is read: [`cluster::devices`], [`cluster::names`].

use std::collections::{HashMap, HashSet};

use cluster::devices::{Device, group_of};
use cluster::names::{device_name, device_name_of};
use cluster::rows::{CompletedRow, DeviceRow, UnknownDeviceRow};
use pki::Certificate;
use pki::lsc::public_key_pem;

use crate::CoreError;
use crate::cluster::{Cluster, DEFAULT_GROUP};
use crate::enrolment::OF_A_SCHEDULE;
use cluster::actor::{Actor, Level};
use cluster::enrolment::Status;
use cluster::readable;
use cluster::surroundings::Surroundings;

/// Letters in a description at most.
const DESCRIPTION_LIMIT: usize = 128;

impl Cluster {
    /// Adds devices, or changes those that are there; all or none.
    ///
    /// # Errors
    /// [`CoreError`]: a name or node that cannot be.
    pub async fn put_devices(
        &self,
        actor: &Actor,
        devices: &[Device],
        surroundings: &mut dyn Surroundings,
    ) -> Result<(), CoreError> {
        self.put_devices_telling(actor, devices, surroundings, &mut |_| {}).await
    }

    /// As [`Self::put_devices`]; `tell` hears how many are done, for a progress bar.
    ///
    /// # Errors
    /// As [`Self::put_devices`].
    pub async fn put_devices_telling(
        &self,
        actor: &Actor,
        devices: &[Device],
        surroundings: &mut dyn Surroundings,
        tell: &mut (dyn FnMut(usize) + Send),
    ) -> Result<(), CoreError> {
        actor.require(Level::ReadWrite)?;
        let known: Vec<String> = self.store().nodes().await?.into_iter().map(|node| node.name).collect();
        let now = surroundings.now();
        let mut transaction = self.store().begin().await?;
        let mut kept = self.lscs_of_removed_devices().await?;
        for (done, device) in devices.iter().enumerate() {
            tell(done);
            let group = group_of(&device.nodes, &known)?;
            if let Some(group) = &group {
                transaction.put_group(group).await?;
            }
            let row = DeviceRow {
                name: device_name_of(&device.name, &device.model)?,
                description: device.description.chars().take(DESCRIPTION_LIMIT).collect(),
                model: cluster::names::model(&device.model)?.name.to_owned(),
                protocol: device.protocol.number(),
                security_mode: device.security.number(),
                certificate_status: 1,
                group: group.map_or_else(|| DEFAULT_GROUP.to_owned(), |group| group.name),
                version_stamp: format!("{}-{}", now / 1000, now % 1000),
            };
            transaction.put_device(&row).await?;
            if let Some(lsc) = kept.remove(&row.name) {
                // The LSC that it had counts again, so its row says so again.
                let done = CompletedRow {
                    device: &row.name,
                    status: Status::UPGRADE_SUCCESS.number(),
                    public_key: Some(Some(&public_key_pem(&lsc))),
                    version_stamp: &row.version_stamp,
                };
                transaction.complete_operation(&done, 0).await?;
            }
        }
        transaction.adopt_strangers().await?;
        self.end_strangers_alarm(&mut transaction).await?;
        transaction.note_change(now, "device", &format!("{} put", devices.len())).await?;
        let names: Vec<&str> = devices.iter().take(5).map(|device| device.name.as_str()).collect();
        let result = format!("{}: {}", cluster::counted(devices.len(), "device"), names.join(", "));
        transaction.note_audit(now, actor.name(), "device add", &result).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The LSCs that count of devices that were removed, by device.
    async fn lscs_of_removed_devices(&self) -> Result<HashMap<String, Certificate>, CoreError> {
        let here: HashSet<String> = self.store().devices().await?.into_iter().map(|device| device.name).collect();
        let mut lscs = HashMap::new();
        for lsc in self.store().current_lscs().await?.into_iter().filter(|lsc| !here.contains(&lsc.device)) {
            // One that cannot be read does not count again.
            if let Ok(Some(certificate)) = readable::lsc(&lsc) {
                lscs.insert(lsc.device, certificate);
            }
        }
        Ok(lscs)
    }

    /// Removes a device. Its LSCs stay on record: they count again when it is added again, and until then
    /// `utils capf stale-lsc` names them.
    ///
    /// # Errors
    /// [`CoreError::BadInput`] when there is none with this name.
    pub async fn remove_device(
        &self,
        actor: &Actor,
        name: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<(), CoreError> {
        actor.require(Level::ReadWrite)?;
        let name = device_name(name)?;
        let now = surroundings.now();
        let mut transaction = self.store().begin().await?;
        if !transaction.remove_device(&name).await? {
            return Err(CoreError::BadInput(format!("no device {name}; `ringfence device list` names them")));
        }
        transaction.end_of_schedules(&OF_A_SCHEDULE).await?;
        transaction.note_change(now, "device", &format!("{name} removed")).await?;
        transaction.note_audit(now, actor.name(), "device remove", &name).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Notes phones that asked and are not known.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn note_unknown_devices(&self, seen: &[UnknownDeviceRow]) -> Result<(), CoreError> {
        let mut transaction = self.store().begin().await?;
        for row in seen {
            transaction.note_unknown_device(row).await?;
        }
        transaction.forget_unknown_devices().await?;
        transaction.commit().await?;
        Ok(())
    }
}
