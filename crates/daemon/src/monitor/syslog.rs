//! Alarms to a syslog receiver: RFC 5424 over UDP (RFC 5426) or TCP with octet counting (RFC 6587 3.4.1).

use std::time::Duration;

use cluster::rows::UndeliveredRow;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, UdpSocket};

/// How long a receiver may take to accept.
const PATIENCE: Duration = Duration::from_secs(10);

/// Letters of MSGID at most (RFC 5424 6).
const MSGID_LIMIT: usize = 32;

/// `[monitor.syslog]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyslogSettings {
    /// Receiver, `host:port`.
    pub server: String,
    /// How it is reached.
    #[serde(default)]
    pub transport: Transport,
    /// Facility, 0 to 23; the original sends as local7, 23 [sources/monitor#mail].
    #[serde(default = "local7")]
    pub facility: u8,
}

/// How a receiver is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// A datagram for each; nobody hears of one that is lost.
    #[default]
    Udp,
    /// One stream; what is not taken is sent again.
    Tcp,
}

const fn local7() -> u8 {
    23
}

/// A message: the line of the original behind the header of RFC 5424.
pub fn message(settings: &SyslogSettings, host: &str, alarm: &UndeliveredRow) -> String {
    let priority = u32::from(settings.facility.min(23)) * 8 + u32::from(alarm.severity);
    let time = Timestamp::from_millisecond(alarm.at).map_or_else(|_| "-".to_owned(), |time| format!("{time:.3}"));
    let id: String = alarm.alarm.chars().take(MSGID_LIMIT).collect();
    format!("<{priority}>1 {time} {host} ringfence - {id} - {}", alarm.text)
}

/// Sends messages; those that were taken are gone from `messages` then.
///
/// # Errors
/// What the system says of the receiver; the rest of the messages stays.
pub async fn send(settings: &SyslogSettings, messages: &mut Vec<String>) -> std::io::Result<()> {
    let sent = tokio::time::timeout(PATIENCE, async {
        match settings.transport {
            Transport::Udp => over_udp(&settings.server, messages).await,
            Transport::Tcp => over_tcp(&settings.server, messages).await,
        }
    });
    sent.await.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
}

async fn over_udp(server: &str, messages: &mut Vec<String>) -> std::io::Result<()> {
    let address = tokio::net::lookup_host(server).await?.next();
    let address = address.ok_or_else(|| std::io::Error::other("the name has no address"))?;
    let any: std::net::IpAddr = match address {
        std::net::SocketAddr::V4(_) => std::net::Ipv4Addr::UNSPECIFIED.into(),
        std::net::SocketAddr::V6(_) => std::net::Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).await?;
    while let Some(message) = messages.first() {
        socket.send_to(message.as_bytes(), address).await?;
        messages.remove(0);
    }
    Ok(())
}

async fn over_tcp(server: &str, messages: &mut Vec<String>) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(server).await?;
    let mut frames = Vec::new();
    for message in messages.iter() {
        frames.extend_from_slice(format!("{} {message}", message.len()).as_bytes());
    }
    stream.write_all(&frames).await?;
    stream.shutdown().await?;
    messages.clear();
    Ok(())
}
