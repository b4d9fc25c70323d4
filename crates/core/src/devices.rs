//! Devices: adding, showing, removing, reading a list of them; the phones that nobody knows.

use std::collections::{HashMap, HashSet};

use pki::Certificate;
use pki::lsc::public_key_pem;
use store::rows::{CompletedRow, DeviceRow, GroupRow, UnknownDeviceRow};
use wire::file_name::FileName;

use crate::CoreError;
use crate::actor::{Actor, Level};
use crate::cluster::{Cluster, DEFAULT_GROUP, GROUP_LIMIT};
use crate::config::{DeviceSecurityMode, Protocol};
use crate::enrolment::Status;
use crate::surroundings::Surroundings;

/// Letters in a description at most.
const DESCRIPTION_LIMIT: usize = 128;

/// Lines of a list of devices at most.
const IMPORT_LIMIT: usize = 200_000;

/// A device, as an administrator gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// `SEP` and the twelve digits of its MAC address.
    pub name: String,
    /// Text for people.
    pub description: String,
    /// Model, such as `8861`.
    pub model: String,
    /// Protocol.
    pub protocol: Protocol,
    /// Device security mode.
    pub security: DeviceSecurityMode,
    /// Its nodes in order, three at most; all nodes of the default group when empty.
    pub nodes: Vec<String>,
}

/// The name of a device as it is written everywhere: upper case.
///
/// # Errors
/// [`CoreError::BadInput`]: letters that cannot stand in a file name, or too long.
pub fn device_name(name: &str) -> Result<String, CoreError> {
    let name = name.trim().to_ascii_uppercase();
    let bare = name.replace([':', '-', '.'], "");
    // A bare MAC address is what stands on the label of the phone.
    if bare.len() == 12 && bare.chars().all(|digit| digit.is_ascii_hexdigit()) {
        return Ok(format!("SEP{bare}"));
    }
    let fits = !name.is_empty() && name.len() <= 64 && name.chars().all(|letter| letter.is_ascii_alphanumeric());
    if fits {
        Ok(name)
    } else {
        Err(CoreError::BadInput(format!("`{name}` is not a device name; write SEP and the MAC address")))
    }
}

/// The device that a file belongs to: `SEP<MAC>` of `SEP<MAC>.cnf.xml.sgn`, `CTLSEP<MAC>.tlv`, `ITLSEP<MAC>.tlv`; the same
/// with the names of adapters and soft phones.
pub fn device_of(file: &FileName) -> Option<String> {
    let lower = file.folded();
    let stem = match lower.split_once('.')? {
        (stem, "cnf.xml" | "cnf.xml.sgn" | "cnf.xml.enc.sgn") => stem,
        (stem, "tlv") => stem.strip_prefix("ctl").or_else(|| stem.strip_prefix("itl"))?,
        _ => return None,
    };
    let fits = !matches!(stem, "" | "file" | "xmldefault") && stem.chars().all(|letter| letter.is_ascii_alphanumeric());
    fits.then(|| stem.to_ascii_uppercase())
}

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
                name: device_name(&device.name)?,
                description: device.description.chars().take(DESCRIPTION_LIMIT).collect(),
                model: device.model.trim().to_owned(),
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
        let result = format!("{} devices: {}", devices.len(), names.join(", "));
        transaction.note_audit(now, actor.name(), "device add", &result).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The LSCs that count of devices that were removed, by device.
    async fn lscs_of_removed_devices(&self) -> Result<HashMap<String, Certificate>, CoreError> {
        let here: HashSet<String> = self.store().devices().await?.into_iter().map(|device| device.name).collect();
        let mut lscs = HashMap::new();
        for lsc in self.store().current_lscs().await?.into_iter().filter(|lsc| !here.contains(&lsc.device)) {
            if let Some(pem) = lsc.pem {
                lscs.insert(lsc.device, Certificate::from_pem(pem.as_bytes())?);
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

/// The group of a list of nodes; `None` for the default group. Groups are named by their nodes.
fn group_of(nodes: &[String], known: &[String]) -> Result<Option<GroupRow>, CoreError> {
    if nodes.is_empty() {
        return Ok(None);
    }
    if nodes.len() > GROUP_LIMIT {
        return Err(CoreError::BadInput(format!("{} nodes; a phone takes {GROUP_LIMIT} at most", nodes.len())));
    }
    let mut spelled: Vec<String> = Vec::with_capacity(nodes.len());
    for name in nodes {
        let node = known
            .iter()
            .find(|node| node.eq_ignore_ascii_case(name))
            .ok_or_else(|| CoreError::BadInput(format!("no node {name}; the nodes are {}", known.join(", "))))?;
        if spelled.contains(node) {
            return Err(CoreError::BadInput(format!("node {node} stands twice in the group")));
        }
        spelled.push(node.clone());
    }
    Ok(Some(GroupRow { name: spelled.join("+"), nodes: spelled }))
}

/// A device of a list, and the line that it stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedDevice {
    /// The line, from 1.
    pub line: usize,
    /// The device.
    pub device: Device,
}

/// Reads a list of devices: one a line, `name,model,protocol,security,nodes,description`, where everything behind the name
/// may be missing and nodes are separated by `+`. A first line that begins with `name` is a title; `#` begins a comment.
///
/// # Errors
/// [`CoreError::BadInput`] with the number of the line: what cannot be read, a node that is none of `nodes`, a device that
/// stands on two lines.
pub fn parse_list(text: &str, nodes: &[String]) -> Result<Vec<ListedDevice>, CoreError> {
    let mut devices = Vec::new();
    let mut lines = HashMap::new();
    for (line, content) in (1..).zip(text.lines()) {
        let content = content.trim_start_matches('\u{feff}').trim();
        let is_title = line == 1 && content.to_ascii_lowercase().starts_with("name");
        if content.is_empty() || content.starts_with('#') || is_title {
            continue;
        }
        let at = |error: String| CoreError::BadInput(format!("line {line}: {error}"));
        let device = parse_line(content).map_err(at)?;
        group_of(&device.nodes, nodes).map_err(|error| at(error.to_string()))?;
        if let Some(first) = lines.insert(device.name.clone(), line) {
            return Err(at(format!("{} stands on line {first} already", device.name)));
        }
        devices.push(ListedDevice { line, device });
        if devices.len() > IMPORT_LIMIT {
            return Err(CoreError::BadInput(format!("more than {IMPORT_LIMIT} devices in one list")));
        }
    }
    Ok(devices)
}

fn parse_line(line: &str) -> Result<Device, String> {
    let mut parts = line.splitn(6, ',').map(str::trim);
    let mut next = || parts.next().filter(|part| !part.is_empty());
    let name = next().ok_or("no name")?;
    let name = device_name(name).map_err(|error| error.to_string())?;
    let model = next().unwrap_or("8861").to_owned();
    let protocol = next().unwrap_or("SIP").parse()?;
    let security = next().unwrap_or("non-secure").parse()?;
    let nodes = next().map(|nodes| nodes.split('+').map(|node| node.trim().to_owned()).collect()).unwrap_or_default();
    let description = next().unwrap_or_default().trim_matches('"').to_owned();
    Ok(Device { name, description, model, protocol, security, nodes })
}
