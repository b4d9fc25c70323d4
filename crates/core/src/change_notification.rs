//! Certificate change notification: which phones a change resets, once each however many certificates changed, and
//! `log/certCN.log` [sources/releases#rebuilds], [sources/trust-stores#change-notification].
//!
//! A replaced certificate leaves a row that says so. The publisher waits until it is quiet, takes all rows together and resets
//! every phone that one of them concerns, once. The original took each copy of a multi-server certificate for a change of its own and
//! reset the same phones every seven minutes (CSCup28852); here a certificate that is brought again is no change at all.

use std::collections::{HashMap, HashSet};

use cluster::rows::{CertificateRow, DeviceRow, NodeRow, PendingResetRow};
use jiff::Timestamp;
use pki::NameForm;

use crate::CoreError;
use crate::cluster::Cluster;
use cluster::readable::KeepsCertificate;
use cluster::services::{CAPF, CHANGE_NOTIFICATION, TFTP};
use cluster::units::{Unit, service};

/// Name of the log of change notification.
pub const CERT_CN: &str = "certCN.log";

/// It is quiet when nothing changed for this long, milliseconds: a command that renews on every node takes less between two
/// nodes.
pub const QUIET: i64 = 10_000;

/// However busy it is, the first change waits no longer than this, milliseconds: phones need their lists.
pub const LONGEST: i64 = 120_000;

/// Resets whose phones are remembered by name: whoever carries them out looks within days.
const RESETS_KEPT: i64 = 8;

/// What a replaced certificate does to phones.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Scope {
    /// Resets nobody.
    Nobody,
    /// All phones.
    All,
    /// The phones whose group has this node.
    Node(String),
}

/// Resets that were asked for together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resets {
    /// The phones by name, each once.
    pub devices: Vec<String>,
    /// `CallManager of cucm-pub`, in order.
    pub reasons: Vec<String>,
}

impl Cluster {
    /// Resets the phones that changes of certificates concern, when it is quiet: each once. `None` while nothing is owed or
    /// others may still follow. `now` in milliseconds since 1970 UTC.
    ///
    /// A reset is a row of kind `reset` that names the phones by number and reason; their names are rows of the same step, and stand in
    /// `log/certCN.log`. Whoever speaks SIP or SCCP with the phones carries it out. While the service of the publisher is stopped
    /// all changes wait.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn send_resets(&self, now: i64) -> Result<Option<Resets>, CoreError> {
        if !is_due(&self.store().pending_resets().await?, now) {
            return Ok(None);
        }
        let publisher = self.node(None).await?;
        let states = self.services_of(&publisher).await?;
        if states.iter().any(|row| row.name == CHANGE_NOTIFICATION && !row.started) {
            return Ok(None);
        }
        let devices = self.store().devices().await?;
        let nodes = self.store().nodes().await?;
        let groups: HashMap<String, Vec<String>> =
            self.store().groups().await?.into_iter().map(|group| (group.name, group.nodes)).collect();
        let running = self.running_services().await?;
        let mut transaction = self.store().begin().await?;
        let pending = transaction.pending_resets().await?;
        let rows = transaction.certificates().await?;
        let mut names = HashSet::new();
        let mut reasons = Vec::new();
        for change in &pending {
            let scope = self.scope(change, &running);
            let before = names.len();
            names.extend(devices.iter().filter(|device| scope.concerns(device, &groups)).map(|device| &device.name));
            if scope != Scope::Nobody && (names.len() > before || !devices.is_empty()) {
                let unit = service(change.service).map_or("", |service| service.name);
                reasons.push(format!("{unit} of {}", change.server_name));
            }
        }
        let reset: Vec<&DeviceRow> = devices.iter().filter(|device| names.contains(&device.name)).collect();
        transaction.forget_pending_resets().await?;
        if !reset.is_empty() {
            let noun = if reset.len() == 1 { "phone" } else { "phones" };
            let subject = format!("{} {noun} ({})", reset.len(), reasons.join(", "));
            transaction.note_change(now, "reset", &subject).await?;
            let names: Vec<&str> = reset.iter().map(|device| device.name.as_str()).collect();
            transaction.put_device_resets(&names).await?;
            transaction.forget_device_resets(RESETS_KEPT).await?;
        }
        let log = Log { cluster: self, nodes: &nodes, rows: &rows, running: &running, groups: &groups };
        let lines = log.lines(&pending, &reset, now)?;
        transaction.put_log_lines(&self.directory(&publisher), CERT_CN, &lines).await?;
        transaction.commit().await?;
        Ok(Some(Resets { devices: reset.iter().map(|device| device.name.clone()).collect(), reasons }))
    }

    /// The services that run, as (name of the node, name of the service).
    async fn running_services(&self) -> Result<HashSet<(String, String)>, CoreError> {
        let nodes = self.store().nodes().await?;
        let name = |pkid: &str| nodes.iter().find(|node| node.pkid == pkid).map(|node| node.name.clone());
        let rows = self.store().services().await?.into_iter().filter(|row| row.started && row.activated);
        Ok(rows.filter_map(|row| name(&row.node).map(|node| (node, row.name))).collect())
    }

    /// Who is reset [sources/releases#rebuilds]: all phones for CallManager of a node that serves files, all for CAPF
    /// when it runs, the phones of its node for TVS, and all for ITLRecovery where it signs the ITL.
    fn scope(&self, change: &PendingResetRow, running: &HashSet<(String, String)>) -> Scope {
        let runs = |name: &str| running.contains(&(change.server_name.clone(), name.to_owned()));
        match Unit::of_service(change.service) {
            Some(Unit::CallManager) if runs(TFTP) => Scope::All,
            Some(Unit::Capf) if runs(CAPF) => Scope::All,
            Some(Unit::Tvs) => Scope::Node(change.server_name.clone()),
            Some(unit @ Unit::ItlRecovery) if self.release().itl_signer == unit => Scope::All,
            _ => Scope::Nobody,
        }
    }
}

/// Whether it was quiet long enough. A change that lies in the future says that the clock was set back: it waits no longer.
fn is_due(pending: &[PendingResetRow], now: i64) -> bool {
    let (Some(first), Some(last)) = (pending.iter().map(|row| row.at).min(), pending.iter().map(|row| row.at).max())
    else {
        return false;
    };
    now < last || now - last >= QUIET || now - first >= LONGEST
}

impl Scope {
    fn concerns(&self, device: &DeviceRow, groups: &HashMap<String, Vec<String>>) -> bool {
        match self {
            Self::Nobody => false,
            Self::All => true,
            Self::Node(node) => groups.get(&device.group).is_some_and(|nodes| nodes.contains(node)),
        }
    }
}

/// The lines of `certCN.log`: the trace of the original, with its line numbers and spellings. Each stands at the step of ours that it
/// describes: a row that is read (SQL1, SQL2), the next phone (MoveNext), the end of a certificate (finish cnf). Its lines about messages
/// between its processes (SdlSig) and about its buffers (SdlStat) have no such step.
struct Log<'a> {
    cluster: &'a Cluster,
    nodes: &'a [NodeRow],
    rows: &'a [CertificateRow],
    running: &'a HashSet<(String, String)>,
    groups: &'a HashMap<String, Vec<String>>,
}

impl Log<'_> {
    fn lines(&self, pending: &[PendingResetRow], reset: &[&DeviceRow], now: i64) -> Result<Vec<String>, CoreError> {
        let time = Timestamp::from_millisecond(now).map_err(CoreError::internal)?.to_zoned(self.cluster.zone().clone());
        let stamp = format!("{}.{:03}", time.strftime("%H:%M:%S"), now.rem_euclid(1000));
        let mut left = reset.to_vec();
        let mut lines = Vec::new();
        for change in pending {
            let Some(row) = self.rows.iter().find(|row| row.fingerprint == change.fingerprint) else {
                // Replaced again before it was quiet: that change is pending too, and resets the same phones.
                continue;
            };
            let scope = self.cluster.scope(change, self.running);
            // A phone that an earlier certificate has reset is not reset again.
            let (mine, others) = left.into_iter().partition(|device| scope.concerns(device, self.groups));
            left = others;
            let mut texts = Vec::new();
            self.change(change, row, &scope, mine, &mut texts)?;
            texts.push("finish cnf on table certificate".to_owned());
            let seq = change.seq;
            let numbered =
                (1..).zip(&texts).map(|(index, text)| format!("{seq:08}.{index:03} |{stamp} |AppInfo |{text}"));
            lines.extend(numbered);
        }
        Ok(lines)
    }

    /// A replaced certificate: what it is, whose phones it concerns, and that they are reset.
    fn change(
        &self,
        change: &PendingResetRow,
        row: &CertificateRow,
        scope: &Scope,
        reset: Vec<&DeviceRow>,
        texts: &mut Vec<String>,
    ) -> Result<(), CoreError> {
        // Nothing can be told of one that cannot be read; the phones are reset all the same.
        let Ok(certificate) = row.certificate() else { return Ok(()) };
        let node = self.nodes.iter().find(|node| node.name == change.server_name);
        let (key, size) = (&row.pkid, row.pem.len());
        let serials = format!("{}/{}", certificate.serial_hex(), change.old_serial);
        let what = format!("certificate U {key}, size({size}) serialnumber({serials})");
        texts.push("DB: CFastAccess(certificate)".to_owned());
        for step in ["SQL1", "SQL2"] {
            // The bracket in the statement is that of the original [sources/trust-stores#change-notification].
            texts.push(format!("DB: {step}[select * from certificate where pkid = '{key}'];]"));
        }
        texts.push("DB: ~CFastAccess(certificate)".to_owned());
        texts.push(format!("Cnf Received: {what}"));
        let known = if *scope == Scope::Nobody { 'N' } else { 'Y' };
        texts.push(format!("ProcessCnf {known}: {what}"));
        let process = format!("Certificate CNF. ProcessDbChangeNotify - (certificate, action=2) Cert pkid={key}.");
        if *scope == Scope::Nobody {
            texts.push("doGroupReset: checking for group reset on table certificate".to_owned());
            texts.push(format!("{process} (:2320)"));
            return Ok(());
        }
        texts.push(format!("{process} DEBOUNCED (:2320)"));
        texts.push(format!(
            "Certificate CNF. ProcessDbChangeNotify - Cert pkid={key}, serverName={}, IPv4={}, IPv6=, issuerName={}. Process \
             it. (:1318)",
            change.server_name,
            node.map_or("", |node| &node.address),
            certificate.issuer(NameForm::Row)
        ));
        let map = node.map_or_else(String::new, |node| cluster::rows::keys::node_map_key(key, &node.pkid));
        let node_key = node.map_or("", |node| &node.pkid);
        texts.push(format!(
            "Certificate CNF. CertificateProcessNodeMap List has: pkid={map},servername={},fkprocessnode={node_key} (:1373)",
            change.server_name
        ));
        texts.push(format!(
            "Certificate CNF. Processing CertServiceCertMap pkid={}, tkcertificateservice={}/ fkCert={key}. (:1413)",
            cluster::rows::keys::service_map_key(key, change.service),
            change.service
        ));
        match scope {
            Scope::Node(name) => {
                texts.push(format!(
                    "Certificate CNF. isITLRelatedRole=CERTIFICATE_SERVICE_TVS and CertProcessNodeMap pkid={map}. (:1179)"
                ));
                texts.push(format!("Certificate CNF. Leads to CallManager pkid={node_key}. Name=CM_{name}. (:1197)"));
            }
            _ => {
                let role = service(change.service).map_or("", |service| service.name).to_ascii_uppercase();
                texts.push(format!(
                    "Certificate CNF. isITLRelatedRole=SERVICE_{role} leads to an active TFTP node (:1260)"
                ));
            }
        }
        let select = format!("[execute procedure dbSelectAllRelatedDevices('CALLMANAGER', '{node_key}')]");
        texts.push(format!("Cnf group reset: SQL1{select}"));
        texts.push("DB: CFastAccess(Group Reset)".to_owned());
        texts.extend(["SQL1", "SQL2"].map(|step| format!("DB: {step}{select}")));
        let selected = format!("Cnf group reset: SQL2{select}, ccmPkid[{node_key}]");
        let end = [None];
        for (index, device) in reset.into_iter().map(Some).chain(end).enumerate() {
            texts.push("-->DB: MoveNext()".to_owned());
            // What the original prints behind the last one is not known [inferred].
            texts.push(format!("DB: MoveNext(): {}", if device.is_some() { "FALSE" } else { "TRUE" }));
            if index == 0 {
                texts.push(selected.clone());
            }
            texts.extend(device.map(|device| self.reset(device)));
        }
        Ok(())
    }

    fn reset(&self, device: &DeviceRow) -> String {
        let members = self.groups.get(&device.group);
        let member = |index: usize| {
            let name = members.and_then(|members| members.get(index));
            name.and_then(|name| self.nodes.iter().find(|node| node.name == *name)).map_or("", |node| &node.pkid)
        };
        format!(
            "Sending device reset(2) for pkid={}, name={}, tkmodel={} cache=Y fk1=<{}> fk2=<{}>",
            cluster::rows::keys::device_key(&device.name),
            device.name,
            device.model,
            member(0),
            member(1)
        )
    }
}
