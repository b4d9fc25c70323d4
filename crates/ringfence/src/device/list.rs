//! `ringfence device list`.

use cluster::config::{DeviceSecurityMode, Protocol};
use cluster::enrolment::Operation;
use cluster::moment;
use cluster::rows::{DeviceRow, GroupRow, UnknownDeviceRow};
use ringfence_core::enrolment::Enrolment;
use ringfence_core::{Cluster, CoreError, utc};
use serde_json::{Value, json};

use crate::exit::{Answer, Failure};
use crate::opened::{Data, could_not};
use crate::terminal::{self, one_line};

const NO_PHONES: &str = "no phones; `ringfence device add` adds one, `list --unknown` shows who asked\n";

/// List the phones, or those that asked and are not known
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: ringfence device list --unknown --json")]
pub struct List {
    #[command(flatten)]
    data: Data,
    /// Phones that asked for a config and are not known, the last one first
    #[arg(long)]
    unknown: bool,
    /// What CAPF knows of the phones: LSC, what is scheduled, status, encrypted configs
    #[arg(long, conflicts_with = "unknown")]
    lsc: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl List {
    /// Prints the list.
    pub fn run(self) -> Result<Answer, Failure> {
        let opened = self.data.open()?;
        let cluster = &opened.cluster;
        let text = opened.runtime.block_on(async {
            if self.unknown {
                let rows = cluster.store().unknown_devices().await?;
                return Ok(if self.json {
                    pretty(rows.iter().map(unknown_json).collect())
                } else {
                    unknown_table(cluster, &rows)
                });
            }
            let rows = cluster.store().devices().await?;
            let groups = cluster.store().groups().await?;
            if !self.lsc && !self.json {
                return Ok(device_table(&rows, &groups));
            }
            let enrolments = cluster.enrolments().await?;
            Ok(if self.json {
                // Both are read by name; a phone that came between the two readings shows at the next.
                let both = rows.iter().zip(&enrolments).filter(|(row, enrolment)| row.name == enrolment.device);
                pretty(both.map(|(row, enrolment)| device_json(cluster, row, &groups, enrolment)).collect())
            } else {
                lsc_table(cluster, &enrolments)
            })
        });
        terminal::print(&text.map_err(|error: CoreError| could_not(error))?)?;
        Ok(Answer::Yes)
    }
}

/// The nodes of a device in order.
pub fn nodes<'a>(row: &DeviceRow, groups: &'a [GroupRow]) -> &'a [String] {
    groups.iter().find(|group| group.name == row.group).map_or(&[], |group| group.nodes.as_slice())
}

fn device_table(rows: &[DeviceRow], groups: &[GroupRow]) -> String {
    if rows.is_empty() {
        return NO_PHONES.to_owned();
    }
    let row = |row: &DeviceRow| {
        vec![
            one_line(&row.name),
            one_line(&row.model),
            Protocol::from_number(row.protocol).word().to_owned(),
            DeviceSecurityMode::from_number(row.security_mode).word().to_owned(),
            nodes(row, groups).join(", "),
            one_line(&row.description),
        ]
    };
    let rows: Vec<Vec<String>> = rows.iter().map(row).collect();
    terminal::table(&["NAME", "MODEL", "PROTOCOL", "SECURITY", "NODES", "DESCRIPTION"], &rows)
}

/// What CAPF knows of the phones.
fn lsc_table(cluster: &Cluster, enrolments: &[Enrolment]) -> String {
    if enrolments.is_empty() {
        return NO_PHONES.to_owned();
    }
    let row = |it: &Enrolment| {
        let (until, issuer) = lsc(cluster, it).unwrap_or_else(|| ("none".to_owned(), String::new()));
        let encrypted = if it.encrypted { "yes" } else { "no" };
        let operation = match it.operation {
            Operation::None => "none".to_owned(),
            pending => format!("{}, {}", pending.word(), it.mode.word()),
        };
        let status = it.status.name().to_owned();
        vec![one_line(&it.device), until, one_line(&issuer), operation, encrypted.to_owned(), status]
    };
    let rows: Vec<Vec<String>> = enrolments.iter().map(row).collect();
    terminal::table(&["NAME", "LSC UNTIL", "LSC ISSUER", "OPERATION", "ENCRYPTED", "STATUS"], &rows)
}

/// Last second and issuer of the LSC of a phone.
pub fn lsc(cluster: &Cluster, enrolment: &Enrolment) -> Option<(String, String)> {
    let lsc = enrolment.lsc.as_ref()?;
    let name = lsc.issuer.split(',').find_map(|part| part.strip_prefix("CN=")).unwrap_or(&lsc.issuer);
    Some((moment(lsc.not_after.saturating_mul(1000), cluster.zone()), name.to_owned()))
}

/// A phone for machines: the same names in the list and alone.
pub fn device_json(cluster: &Cluster, row: &DeviceRow, groups: &[GroupRow], enrolment: &Enrolment) -> Value {
    let until = enrolment.lsc.as_ref().map(|lsc| utc(lsc.not_after));
    let lsc = lsc(cluster, enrolment).map(|(_, issuer)| json!({ "until": until, "issuer": issuer }));
    json!({
        "name": row.name,
        "model": row.model,
        "protocol": Protocol::from_number(row.protocol).word(),
        "security": DeviceSecurityMode::from_number(row.security_mode).word(),
        "nodes": nodes(row, groups),
        "description": row.description,
        "version_stamp": row.version_stamp,
        "lsc": lsc,
        "certificate_operation": enrolment.operation.word(),
        "authentication_mode": enrolment.mode.word(),
        "certificate_status": enrolment.status.number(),
        "certificate_status_name": enrolment.status.name(),
        "encrypted_config": enrolment.encrypted,
    })
}

fn unknown_table(cluster: &Cluster, rows: &[UnknownDeviceRow]) -> String {
    if rows.is_empty() {
        return "no unknown phone has asked\n".to_owned();
    }
    let row = |row: &UnknownDeviceRow| {
        vec![
            one_line(&row.name),
            one_line(&row.last_address),
            one_line(&row.last_file),
            moment(row.first_seen, cluster.zone()),
            moment(row.last_seen, cluster.zone()),
            row.requests.to_string(),
        ]
    };
    let rows: Vec<Vec<String>> = rows.iter().map(row).collect();
    terminal::table(&["NAME", "ADDRESS", "LAST FILE", "FIRST SEEN", "LAST SEEN", "REQUESTS"], &rows)
}

fn unknown_json(row: &UnknownDeviceRow) -> Value {
    json!({
        "name": row.name,
        "address": row.last_address,
        "last_file": row.last_file,
        "first_seen": utc(row.first_seen.div_euclid(1000)),
        "last_seen": utc(row.last_seen.div_euclid(1000)),
        "requests": row.requests,
    })
}

fn pretty(rows: Vec<Value>) -> String {
    terminal::json(&Value::Array(rows))
}
