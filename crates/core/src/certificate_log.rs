//! `log/CertMgmt.log` and `log/messages` of a node: what was done to certificates, line by line as the original writes
//! it [sources/trust-stores#certificate-log]. The folders in the lines are those of the original, because that is what
//! people search for.
//!
//! The lines are rows of the change that they tell of until they stand in the log ([`store::log_lines`]): a log that cannot be written stops
//! nothing, and lacks nothing later.

use cluster::rows::NodeRow;
use jiff::Timestamp;
use store::Transaction;

use crate::CoreError;
use crate::cluster::Cluster;
use cluster::units::Unit;

/// Name of the log of what is done to certificates.
pub const CERT_MGMT: &str = "CertMgmt.log";

/// Name of the system log, where the other nodes hear of a deletion.
pub const MESSAGES: &str = "messages";

/// The units whose folder is that of the platform; the others stand with the product [sources/trust-stores#folders].
const PLATFORM: [&str; 2] = ["tomcat", "ipsec"];

/// What was done to an own certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Logged {
    /// `set cert regen` [sources/trust-stores#certificate-log].
    Regenerate,
    /// `set cert import`; the word is that of the page \[inferred\].
    Upload,
    /// `set csr gen`; the word is that of the command \[inferred\].
    Request,
}

impl Logged {
    const fn word(self) -> &'static str {
        match self {
            Self::Regenerate => "regenerate",
            Self::Upload => "upload",
            Self::Request => "csr",
        }
    }
}

/// `/usr/local/cm/.security/CallManager` for `CallManager` and `CallManager-trust`.
fn folder(unit: &str) -> String {
    let unit = unit.strip_suffix("-trust").unwrap_or(unit);
    let part = if PLATFORM.contains(&unit) { "platform" } else { "cm" };
    format!("/usr/local/{part}/.security/{unit}")
}

/// A path as the lines of a renewal spell it: slashes as `%2F`.
fn escaped(path: &str) -> String {
    path.replace('/', "%2F")
}

impl Cluster {
    /// `2016-02-07 14:51:46,339 INFO [main] - TEXT`, `now` in milliseconds since 1970 UTC.
    fn stamped(&self, now: i64, level: &str, text: &str) -> Result<String, CoreError> {
        let time = Timestamp::from_millisecond(now).map_err(CoreError::internal)?.to_zoned(self.zone().clone());
        let millisecond = now.rem_euclid(1000);
        Ok(format!("{},{millisecond:03} {level} [main] - {text}", time.strftime("%Y-%m-%d %H:%M:%S")))
    }

    /// The lines of what was done to the own certificate of a unit.
    pub(crate) async fn log_own(
        &self,
        transaction: &mut Transaction,
        node: &NodeRow,
        unit: Unit,
        what: Logged,
        now: i64,
    ) -> Result<(), CoreError> {
        let lines = self.operation(unit.name(), what, &format!("certs/{}", unit.name()), now)?;
        self.log(transaction, node, CERT_MGMT, &lines).await
    }

    /// The lines of an upload to a trust store.
    pub(crate) async fn log_trusted(
        &self,
        transaction: &mut Transaction,
        node: &NodeRow,
        store: &str,
        now: i64,
    ) -> Result<(), CoreError> {
        let lines = self.operation(store, Logged::Upload, "trust-certs", now)?;
        self.log(transaction, node, CERT_MGMT, &lines).await
    }

    fn operation(&self, name: &str, what: Logged, certificates: &str, now: i64) -> Result<Vec<String>, CoreError> {
        let folder = folder(name);
        let texts = [
            "decode".to_owned(),
            format!("op:{}", what.word()),
            format!("unit:{name}"),
            format!("cert-dir:{}", escaped(&format!("{folder}/{certificates}"))),
            format!("key-dir:{}", escaped(&format!("{folder}/keys"))),
        ];
        texts.iter().map(|text| self.stamped(now, "INFO", text)).collect()
    }

    /// The lines of a deletion from a trust store: on this node what was done, on the others that they heard of it.
    pub(crate) async fn log_deletion(
        &self,
        transaction: &mut Transaction,
        nodes: &[NodeRow],
        node: &NodeRow,
        (store, file): (&str, &str),
        now: i64,
    ) -> Result<(), CoreError> {
        let folder = folder(store);
        let alias = file.strip_suffix(".pem").unwrap_or(file);
        let certificates = format!("{folder}/trust-certs");
        let mut lines = vec![
            "decode: true".to_owned(),
            "op: delete".to_owned(),
            format!("unit: {store}"),
            format!("keystoreUnit:{store}"),
            "logFile: /var/log/active/platform/log/cert-mgmt.log".to_owned(),
            "resultFile: /var/log/active/platform/log/certde-info.xml".to_owned(),
            format!("keyDir: {folder}/keys"),
            format!("certDir: {certificates}/{file}"),
        ];
        for (level, text) in [
            ("INFO", "IN -- CertDBAction.java - deleteCertificateInDB(certInfo) -".to_owned()),
            ("DEBUG", format!("deleteDERandPEM: sCertDir = {certificates} --- sAlias = {alias}")),
        ] {
            lines.push(self.stamped(now, level, &text)?);
        }
        self.log(transaction, node, CERT_MGMT, &lines).await?;
        for other in nodes.iter().filter(|other| other.pkid != node.pkid) {
            let event = "--no-wait platform-event-clusterwide-certificate-delete";
            let time = Timestamp::from_millisecond(now).map_err(CoreError::internal)?.to_zoned(self.zone().clone());
            let (to, from) = (&other.name, &node.name);
            let line = format!(
                "{} {to} ilog_impl: Received request for platform-event ({event} HOSTNAME={from} UNIT={store} \
                 TYPE=trust-certs NAME={alias})",
                time.strftime("%b %e %H:%M:%S")
            );
            self.log(transaction, other, MESSAGES, &[line]).await?;
        }
        Ok(())
    }

    /// Puts lines into a log of a node, with a change.
    pub(crate) async fn log(
        &self,
        transaction: &mut Transaction,
        node: &NodeRow,
        file: &str,
        lines: &[String],
    ) -> Result<(), CoreError> {
        Ok(transaction.put_log_lines(&self.directory(node), file, lines).await?)
    }
}
