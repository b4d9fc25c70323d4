//! `log/CertMgmt.log` and `log/messages` of a node: what was done to certificates, line by line as the original writes
//! it [sources/trust-stores#certificate-log]. The folders in the lines are those of the original, because that is what
//! people search for.
//!
//! The lines are rows of the change that they tell of until they stand in the log: a log that cannot be written stops
//! nothing, and lacks nothing later.

use jiff::Timestamp;

use crate::Refusal;
use crate::draft::Draft;
use crate::rows::NodeRow;
use crate::units::Unit;
use crate::write::Write;

/// Name of the log of what is done to certificates.
pub const CERT_MGMT: &str = "CertMgmt.log";

/// Name of the system log, where the other nodes hear of a deletion.
pub const MESSAGES: &str = "messages";

/// The units whose folder is that of the platform; the others stand with the product [sources/trust-stores#folders].
const PLATFORM: [&str; 2] = ["tomcat", "ipsec"];

/// What was done to an own certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Logged {
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

/// `2016-02-07 14:51:46,339 INFO [main] - TEXT`, `now` in milliseconds since 1970 UTC.
fn stamped(draft: &Draft, now: i64, level: &str, text: &str) -> Result<String, Refusal> {
    let time = Timestamp::from_millisecond(now).map_err(Refusal::internal)?.to_zoned(draft.state().zone.clone());
    let millisecond = now.rem_euclid(1000);
    Ok(format!("{},{millisecond:03} {level} [main] - {text}", time.strftime("%Y-%m-%d %H:%M:%S")))
}

/// The lines of what was done to the own certificate of a unit.
///
/// # Errors
/// [`Refusal::Internal`]: the time is no date.
pub fn log_own(draft: &mut Draft, node: &NodeRow, unit: Unit, what: Logged, now: i64) -> Result<(), Refusal> {
    log_operation(draft, node, unit.name(), what, &format!("certs/{}", unit.name()), now)
}

/// The lines of an upload to a trust store.
///
/// # Errors
/// As [`log_own`].
pub fn log_trusted(draft: &mut Draft, node: &NodeRow, store: &str, now: i64) -> Result<(), Refusal> {
    log_operation(draft, node, store, Logged::Upload, "trust-certs", now)
}

fn log_operation(
    draft: &mut Draft,
    node: &NodeRow,
    name: &str,
    what: Logged,
    certificates: &str,
    now: i64,
) -> Result<(), Refusal> {
    let folder = folder(name);
    let texts = [
        "decode".to_owned(),
        format!("op:{}", what.word()),
        format!("unit:{name}"),
        format!("cert-dir:{}", escaped(&format!("{folder}/{certificates}"))),
        format!("key-dir:{}", escaped(&format!("{folder}/keys"))),
    ];
    let lines = texts.iter().map(|text| stamped(draft, now, "INFO", text)).collect::<Result<_, Refusal>>()?;
    draft.write(Write::Log { node: node.clone(), log: CERT_MGMT, lines });
    Ok(())
}

/// The lines of a deletion from a trust store: on this node what was done, on the others that they heard of it.
///
/// # Errors
/// As [`log_own`].
pub fn log_deletion(draft: &mut Draft, node: &NodeRow, (store, file): (&str, &str), now: i64) -> Result<(), Refusal> {
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
        lines.push(stamped(draft, now, level, &text)?);
    }
    draft.write(Write::Log { node: node.clone(), log: CERT_MGMT, lines });
    let time = Timestamp::from_millisecond(now).map_err(Refusal::internal)?.to_zoned(draft.state().zone.clone());
    let others: Vec<NodeRow> = draft.state().nodes.iter().filter(|other| other.pkid != node.pkid).cloned().collect();
    for other in others {
        let event = "--no-wait platform-event-clusterwide-certificate-delete";
        let (to, from) = (&other.name, &node.name);
        let line = format!(
            "{} {to} ilog_impl: Received request for platform-event ({event} HOSTNAME={from} UNIT={store} \
             TYPE=trust-certs NAME={alias})",
            time.strftime("%b %e %H:%M:%S")
        );
        draft.write(Write::Log { node: other, log: MESSAGES, lines: vec![line] });
    }
    Ok(())
}
