//! *Add TFTP* and *Add Firewall*: records of servers that are no nodes of the cluster, from a certificate in a file. How the original gets
//! the certificate is not known.

use std::net::{IpAddr, Ipv4Addr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use pki::Certificate;
use wire::ctl_provider::{Entry, MAX_NAME};
use wire::role::Role;

use crate::exit::Failure;
use crate::files::input;
use crate::terminal;

/// A server and the file with its certificate: `HOST=FILE`.
#[derive(Debug, Clone)]
pub struct Outside {
    host: String,
    file: PathBuf,
}

impl FromStr for Outside {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (host, file) = text.split_once('=').ok_or("it is HOST=FILE, such as 10.48.47.160=tftp.pem")?;
        Ok(Self { host: host.to_owned(), file: file.into() })
    }
}

impl Outside {
    pub fn new(host: String, file: String) -> Self {
        Self { host, file: file.into() }
    }

    /// The record that the CTL gets, and its certificate.
    pub fn entry(&self, role: Role) -> Result<(Entry, Certificate), Failure> {
        let address = address(&self.host)?;
        let certificate = input::certificate(&self.file)?;
        if certificate.rsa_bits().is_none() {
            let reason = "the key of this certificate is not RSA; phones check nothing else by a CTL";
            return Err(Failure::at(Path::new(&self.file), reason));
        }
        let entry = Entry { role, host: self.host.clone(), address, certificate: certificate.der().to_vec() };
        Ok((entry, certificate))
    }
}

/// The address that stands in the record beside the host name.
fn address(host: &str) -> Result<Ipv4Addr, Failure> {
    let shown = terminal::one_line(host);
    let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_');
    if host.is_empty() || host.len() > MAX_NAME || !host.chars().all(fits) {
        return Err(Failure::of(&shown, "no host name and no IPv4 address"));
    }
    if let Ok(address) = host.parse() {
        return Ok(address);
    }
    let found = (host, 0).to_socket_addrs().map_err(|error| Failure::of(&shown, error))?;
    let first = found.map(|socket| socket.ip()).find_map(|address| match address {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    });
    first.ok_or_else(|| Failure::of(&shown, "it has no IPv4 address, which the record needs"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_files() {
        let outside: Outside = "10.48.47.160=a=b.pem".parse().unwrap();
        assert_eq!((outside.host.as_str(), outside.file.to_str()), ("10.48.47.160", Some("a=b.pem")));
        assert!("tftp.pem".parse::<Outside>().is_err());
        assert_eq!(address("10.48.47.160").unwrap(), Ipv4Addr::new(10, 48, 47, 160));
        assert_eq!(address("localhost").unwrap(), Ipv4Addr::LOCALHOST);
        for bad in ["", "::1", "a b", "x\u{1b}[2J", &"a".repeat(256)] {
            let said = address(bad).unwrap_err().to_string();
            assert!(said.ends_with("no host name and no IPv4 address") && !said.contains('\u{1b}'), "{said}");
        }
    }
}
