//! Files by HTTP, then TFTP, from one file server after the other [sources/phones#transport].

mod got;
mod http;
mod tftp;

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use tokio::net::UdpSocket;
use wire::file_name::FileName;

use self::got::Got;
pub use self::got::LARGEST;
use crate::report::{FileEvent, FileOutcome, Transport};
use crate::settings::PhoneSettings;
use crate::waits::Waits;

/// One file by TFTP, from a socket that is there.
///
/// # Errors
/// Why there is none, a sentence.
pub(crate) async fn tftp_over(
    socket: &UdpSocket,
    server: SocketAddr,
    name: &FileName,
    waits: &Waits,
) -> Result<Vec<u8>, String> {
    match tftp::over(socket, server, name, LARGEST, waits).await {
        Ok(Got::File(bytes)) => Ok(bytes),
        Ok(Got::NotFound) => Err(format!("{name} is not found")),
        Ok(Got::Failed(why) | Got::Silent(why)) => Err(why),
        Err(error) => Err(error.to_string()),
    }
}

/// Fetches files during one boot. A server that was silent once on a transport is not asked again by it in this boot,
/// so that a dead server costs one time-out and not one per file.
#[derive(Debug, Default)]
pub struct Fetcher {
    silent: HashSet<(IpAddr, &'static str)>,
}

impl Fetcher {
    /// Fetches a file. The bytes are there when the outcome is [`FileOutcome::Fetched`].
    pub async fn fetch(&mut self, settings: &PhoneSettings, name: &FileName) -> (FileEvent, Option<Vec<u8>>) {
        let started = Instant::now();
        let (outcome, bytes) = self.ask_servers(settings, name).await;
        let event = FileEvent { name: name.to_string(), outcome, took: started.elapsed() };
        (event, bytes)
    }

    async fn ask_servers(&mut self, settings: &PhoneSettings, name: &FileName) -> (FileOutcome, Option<Vec<u8>>) {
        let transports: &[Transport] =
            if settings.model.http { &[Transport::Http, Transport::Tftp] } else { &[Transport::Tftp] };
        let mut reasons = Vec::new();
        for server in &settings.servers {
            let mut not_found = false;
            for transport in transports {
                let key = (*server, word(*transport));
                if self.silent.contains(&key) {
                    reasons.push(format!("{transport} {server} was silent before"));
                    continue;
                }
                let got = match transport {
                    Transport::Http => {
                        let address = SocketAddr::new(*server, settings.http_port);
                        http::get(address, name, LARGEST, &settings.waits).await
                    }
                    Transport::Tftp => {
                        let address = SocketAddr::new(*server, settings.tftp_port);
                        tftp::get(address, name, LARGEST, &settings.waits).await
                    }
                };
                match got {
                    Got::File(bytes) => {
                        let outcome =
                            FileOutcome::Fetched { transport: *transport, server: *server, bytes: bytes.len() };
                        return (outcome, Some(bytes));
                    }
                    Got::NotFound => not_found = true,
                    Got::Failed(why) => reasons.push(format!("{transport} {server}: {why}")),
                    Got::Silent(why) => {
                        reasons.push(format!("{transport} {server}: {why}"));
                        self.silent.insert(key);
                    }
                }
            }
            // a server that answered "no" speaks for its cluster
            if not_found {
                return (FileOutcome::NotFound, None);
            }
        }
        if reasons.is_empty() {
            reasons.push("no file server is set; name one".to_owned());
        }
        (FileOutcome::Failed(reasons.join("; ")), None)
    }
}

fn word(transport: Transport) -> &'static str {
    match transport {
        Transport::Http => "HTTP",
        Transport::Tftp => "TFTP",
    }
}
