//! Devices, as an administrator gives them.
//!
//! * [`list`]: a list of devices as a file

pub mod list;

use wire::file_name::FileName;

use crate::Refusal;
use crate::config::{DeviceSecurityMode, Protocol};
use crate::rows::GroupRow;

/// Nodes in a group at most: phones take three [sources/phones#config-elements].
pub const GROUP_LIMIT: usize = 3;

/// A device, as an administrator gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its name, in the form of its model: `SEP` and the twelve digits of its MAC address, for most.
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

/// The device that a file belongs to: `SEP<MAC>` of `SEP<MAC>.cnf.xml.sgn`, `CTLSEP<MAC>.tlv`, `ITLSEP<MAC>.tlv`; the same
/// with the names of adapters and soft phones.
pub fn device_of(file: &FileName) -> Option<String> {
    file.meaning().device().map(str::to_owned)
}

/// The group of a list of nodes; `None` for the default group. Groups are named by their nodes.
///
/// # Errors
/// [`Refusal::BadInput`]: a node that is not there or comes twice, too many.
pub fn group_of(nodes: &[String], known: &[String]) -> Result<Option<GroupRow>, Refusal> {
    if nodes.is_empty() {
        return Ok(None);
    }
    if nodes.len() > GROUP_LIMIT {
        return Err(Refusal::BadInput(format!("{} nodes; a phone takes {GROUP_LIMIT} at most", nodes.len())));
    }
    let mut spelled: Vec<String> = Vec::with_capacity(nodes.len());
    for name in nodes {
        let node = known
            .iter()
            .find(|node| node.eq_ignore_ascii_case(name))
            .ok_or_else(|| Refusal::BadInput(format!("no node {name}; the nodes are {}", known.join(", "))))?;
        if spelled.contains(node) {
            return Err(Refusal::BadInput(format!("node {node} stands twice in the group")));
        }
        spelled.push(node.clone());
    }
    Ok(Some(GroupRow { name: spelled.join("+"), nodes: spelled }))
}
