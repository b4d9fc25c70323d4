//! Alarms by e-mail: one message for each look of the monitor.

use std::path::{Path, PathBuf};
use std::time::Duration;

use cluster::rows::{NodeRow, UndeliveredRow};
use jiff::tz::TimeZone;
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use ringfence_core::{date, regular, wall_clock};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// How long each step of a server may take, and how long all of them together.
const PATIENCE: Duration = Duration::from_secs(10);
const LETTER_TIME: Duration = Duration::from_secs(30);

/// Receivers at most: a list of people, not of customers.
const RECEIVERS: usize = 50;

/// `[monitor.mail]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailSettings {
    /// Name of the SMTP server; its certificate has to name it.
    pub server: String,
    /// Port.
    #[serde(default = "smtp_port")]
    pub port: u16,
    /// Whether the server must speak STARTTLS. Without it everything goes in clear.
    #[serde(default = "yes")]
    pub starttls: bool,
    /// A CA (PEM) that is trusted beside those of the system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// User; nobody logs in without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// File whose first line is the password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    /// Sender.
    pub from: String,
    /// Receivers.
    pub to: Vec<String>,
}

/// Port of mail submission (RFC 6409 3.1).
const fn smtp_port() -> u16 {
    587
}

const fn yes() -> bool {
    true
}

/// Why no mail goes out.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// An address or a number of them.
    #[error("[monitor.mail] {0}")]
    Settings(String),
    /// A file.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A server that takes all the time there is.
    #[error("{0}: no end within 30 seconds")]
    Slow(String),
    /// TLS or the server.
    #[error("{server}: {source}")]
    Server {
        /// Name of the server.
        server: String,
        /// What was said.
        source: lettre::transport::smtp::Error,
    },
}

/// The facility of syslog that an event names when no receiver of syslog is set: local7 [sources/monitor#mail].
pub(super) const FACILITY: u8 = 23;

/// The severities as the original writes them: *Critical* [sources/monitor#mail; the others as RTMT lists them].
const SEVERITIES: [&str; 8] =
    ["Emergency", "Alert", "Critical", "Error", "Warning", "Notice", "Informational", "Debug"];

/// The lines of the original about alarms: *SeverityMatch*, *MatchedEvent* and who said it [sources/monitor#mail];
/// `now` in milliseconds since 1970 UTC. The print breaks off after *ClusterID*.
pub(super) fn events(node: &NodeRow, facility: u8, alarms: &[UndeliveredRow], now: i64, zone: &TimeZone) -> String {
    let mut text = format!(
        "At {} on node {}, the following SyslogSeverityMatchFound events generated:\n",
        date(u64::try_from(now / 1000).unwrap_or_default(), zone),
        node.address
    );
    let facility = facility_name(facility);
    for alarm in alarms {
        let severity = SEVERITIES.get(usize::from(alarm.severity)).copied().unwrap_or_default();
        let at = wall_clock(alarm.at.div_euclid(1000), zone).0.strftime("%b %-d %H:%M:%S").to_string();
        text.push_str(&format!(
            "\nSeverityMatch : {severity}\nMatchedEvent : {at} {} {facility} {} : {}\nAppID : Cisco Syslog Agent\nClusterID : \n\
             NodeID : {}\n",
            node.name, alarm.severity, alarm.text, node.name
        ));
    }
    text
}

/// `local7` for 23, the others as RFC 5424 6.2.1 numbers them.
fn facility_name(number: u8) -> String {
    match number.checked_sub(16) {
        Some(local @ 0..=7) => format!("local{local}"),
        _ => number.to_string(),
    }
}

/// Sends one message.
///
/// # Errors
/// [`MailError`]; it was not taken then.
pub async fn send(settings: &MailSettings, subject: &str, body: String) -> Result<(), MailError> {
    let mailbox = |text: &str| {
        text.parse::<Mailbox>().map_err(|error| MailError::Settings(format!("`{}`: {error}", text.escape_debug())))
    };
    if settings.to.is_empty() || settings.to.len() > RECEIVERS {
        return Err(MailError::Settings(format!("to: name 1 to {RECEIVERS} receivers")));
    }
    let mut message = Message::builder().from(mailbox(&settings.from)?).subject(subject);
    for receiver in &settings.to {
        message = message.to(mailbox(receiver)?);
    }
    let message = message.header(ContentType::TEXT_PLAIN).body(body);
    let message = message.map_err(|error| MailError::Settings(error.to_string()))?;
    let failed = |source| MailError::Server { server: settings.server.clone(), source };
    let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&settings.server)
        .port(settings.port)
        .timeout(Some(PATIENCE))
        .tls(if settings.starttls { Tls::Required(tls(settings)?) } else { Tls::None });
    if let Some(user) = &settings.user {
        let password = settings.password_file.as_deref().map(first_line).transpose()?.unwrap_or_default();
        transport = transport.credentials(Credentials::new(user.clone(), password.to_string()));
    }
    let transport = transport.build::<Tokio1Executor>();
    let sent = tokio::time::timeout(LETTER_TIME, transport.send(message)).await;
    sent.map_err(|_| MailError::Slow(settings.server.clone()))?.map(drop).map_err(failed)
}

fn tls(settings: &MailSettings) -> Result<TlsParameters, MailError> {
    let failed = |source| MailError::Server { server: settings.server.clone(), source };
    let mut tls = TlsParameters::builder(settings.server.clone());
    if let Some(path) = &settings.ca_file {
        let pem = regular::read_through_links(path)
            .map_err(|source| MailError::File { path: path.display().to_string(), source })?;
        tls = tls.add_root_certificate(Certificate::from_pem(&pem).map_err(failed)?);
    }
    tls.build().map_err(failed)
}

fn first_line(path: &Path) -> Result<Zeroizing<String>, MailError> {
    let failed = |source| MailError::File { path: path.display().to_string(), source };
    let bytes = Zeroizing::new(regular::read_through_links(path).map_err(failed)?);
    let text = std::str::from_utf8(&bytes).map_err(|error| failed(std::io::Error::other(error)))?;
    Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The event of [sources/monitor#mail], as its page wraps it.
    const MATCHED_EVENT: &str = include_str!("../../../../testdata/alarms/matched_event.txt");

    #[test]
    fn the_letter_of_the_sources() {
        let node = NodeRow {
            pkid: String::new(),
            name: "CUCM02".to_owned(),
            domain: "localdomain".to_owned(),
            address: "192.168.1.2".to_owned(),
            number: 2,
            publisher: false,
            directory: "CUCM02".to_owned(),
        };
        // The wrapping of the page undone.
        let event = MATCHED_EVENT.trim_end().replace("]\n[", "][").replace('\n', " ");
        let (_, text) = event.split_once(" local7 2 : ").unwrap();
        let alarm = UndeliveredRow {
            seq: 1,
            alarm: "UC_CERT-2-CertValidfor7days".to_owned(),
            severity: 2,
            text: text.to_owned(),
            at: 1_409_875_206_433,
        };
        // Paris has the time of [sources/monitor#mail].
        let zone = TimeZone::get("Europe/Paris").unwrap();
        let said = events(&node, FACILITY, &[alarm], 1_409_875_256_000, &zone);
        assert_eq!(
            said,
            format!(
                "At Fri Sep 05 02:00:56 CEST 2014 on node 192.168.1.2, the following SyslogSeverityMatchFound events generated:\n\n\
                 SeverityMatch : Critical\n{event}\nAppID : Cisco Syslog Agent\nClusterID : \nNodeID : CUCM02\n"
            )
        );
        assert_eq!(SEVERITIES.len(), 8);
    }
}
