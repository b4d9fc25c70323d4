//! `set cert bulk`: certificates exchanged with other clusters [sources/bulk#commands]. The questions of `sftp` are in
//! our words, the answers of the others in those of the original.

use cluster::Surroundings;
use cluster::bulk::units::{BULK_UNITS, BulkUnit};
use ringfence_core::CoreError;
use ringfence_core::bulk::exchange::SSH_PORT;
use ringfence_core::bulk::{Place, SftpServer};
use ringfence_core::import::title;

use crate::question::Question;
use crate::session::{Reply, Session, one_line};

/// What is typed instead of a server.
const LOCAL: &str = "local";

impl Session {
    pub(crate) fn bulk_server(&mut self, typed: &str) -> Result<Reply, CoreError> {
        let typed = typed.trim();
        if typed.eq_ignore_ascii_case(LOCAL) {
            return Ok(self.ask(Question::BulkPath(None)));
        }
        let (host, port) = host_and_port(typed)?;
        let server = SftpServer {
            host,
            port,
            user: String::new(),
            password: String::new().into(),
            path: String::new(),
            host_key: None,
        };
        Ok(self.ask(Question::BulkUser(server)))
    }

    pub(crate) fn bulk_user(&mut self, server: SftpServer, typed: &str) -> Result<Reply, CoreError> {
        let user = printable("user", typed)?;
        Ok(self.ask(Question::BulkPassword(SftpServer { user, ..server })))
    }

    pub(crate) fn bulk_password(&mut self, server: SftpServer, typed: &str) -> Result<Reply, CoreError> {
        Ok(self.ask(Question::BulkPath(Some(SftpServer { password: typed.to_owned().into(), ..server }))))
    }

    pub(crate) async fn set_bulk_place(
        &self,
        server: Option<SftpServer>,
        typed: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let path = printable("directory", typed)?;
        let place = match server {
            Some(server) => Place::Sftp(SftpServer { path, ..server }),
            None => Place::Directory(path.into()),
        };
        let exchange = &*self.exchange;
        let key = self.cluster.set_bulk_place(&self.actor, &self.node, &place, exchange, surroundings).await?;
        Ok(Reply::done(match key {
            Some(key) => format!("The server shows the host key {}; it is expected from now on.\n", one_line(&key)),
            None => "The directory is used from now on.\n".to_owned(),
        }))
    }

    pub(crate) async fn bulk_export(
        &self,
        name: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let mut text = String::new();
        for unit in units(name)?.iter().filter(|unit| self.exports(unit, name)) {
            let left = self.cluster.bulk_export(&self.actor, &self.node, unit, &*self.exchange, surroundings).await?;
            text.push_str(&format!("Successfully exported {} certificate(s) to sftp server.\n", unit.name()));
            text.extend(left.iter().map(|left| one_line(left) + "\n"));
        }
        Ok(Reply::done(text))
    }

    pub(crate) async fn bulk_consolidate(
        &self,
        name: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let mut text = String::new();
        for unit in units(name)? {
            let done =
                self.cluster.bulk_consolidate(&self.actor, &self.node, unit, &*self.exchange, surroundings).await;
            match done {
                Ok((clusters, left)) => {
                    text.push_str(&format!(
                        "Successfully consolidated {} certificates.\n{}",
                        unit.name(),
                        // One cluster alone has nobody to exchange with.
                        if clusters.len() == 1 { "Only one cluster has exported so far.\n" } else { "" }
                    ));
                    text.extend(left.iter().map(|left| one_line(left) + "\n"));
                }
                Err(error) => text.push_str(&skipped(name, error, "nothing-exported")?),
            }
        }
        Ok(Reply::done(text))
    }

    pub(crate) async fn bulk_import(
        &self,
        name: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let mut text = String::new();
        for unit in units(name)? {
            let done = self.cluster.bulk_import(&self.actor, &self.node, unit, &*self.exchange, surroundings).await;
            match done {
                Ok(import) => {
                    text.push_str(&format!("Successfully imported {} certificates.\n", unit.name()));
                    for entry in &import.left_out {
                        let what = one_line(&title(&entry.certificate));
                        text.push_str(&format!("Left out: {what} of {} is not valid now.\n", one_line(&entry.node)));
                    }
                    for entry in &import.deleted {
                        let (what, node) = (one_line(&title(&entry.certificate)), one_line(&entry.node));
                        text.push_str(&format!(
                            "Left out: {what} of {node} was deleted here; `set cert undelete` takes that back.\n"
                        ));
                    }
                }
                Err(error) => text.push_str(&skipped(name, error, "nothing-consolidated")?),
            }
        }
        Ok(Reply::done(text))
    }

    /// Whether `all` means this unit on this cluster; a unit that is named is tried.
    fn exports(&self, unit: &BulkUnit, name: &str) -> bool {
        !is_all(name) || self.cluster.release().units(true).any(|has| has == unit.unit)
    }
}

fn is_all(name: &str) -> bool {
    name.eq_ignore_ascii_case("all")
}

/// With `all`, a unit that no cluster has is passed over with a line; a unit that is named is an error.
fn skipped(name: &str, error: CoreError, expected: &str) -> Result<String, CoreError> {
    match error {
        CoreError::Refused { label, text } if is_all(name) && label == expected => Ok(format!("{}\n", one_line(&text))),
        other => Err(other),
    }
}

fn units(name: &str) -> Result<&'static [BulkUnit], CoreError> {
    if is_all(name) {
        return Ok(&BULK_UNITS);
    }
    let found = BulkUnit::named(name).map(std::slice::from_ref);
    found.ok_or_else(|| {
        let names: Vec<&str> = BULK_UNITS.iter().map(BulkUnit::name).collect();
        CoreError::BadInput(format!("no unit {name}; there are {} and all", names.join(", ")))
    })
}

/// `host`, `host:port`, `[IPv6]:port`.
pub(super) fn host_and_port(typed: &str) -> Result<(String, u16), CoreError> {
    let wrong = || CoreError::BadInput(format!("`{}` is no server; write NAME or NAME:PORT", one_line(typed)));
    let (host, port) = match typed.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, port)) => (host, Some(port.strip_prefix(':').ok_or_else(wrong)?)),
        None => match typed.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (typed, None),
        },
    };
    let port = port.map_or(Ok(SSH_PORT), |port| port.parse().map_err(|_| wrong()))?;
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "-._:".contains(letter);
    if host.is_empty() || host.len() > 255 || !host.chars().all(fits) {
        return Err(wrong());
    }
    Ok((host.to_owned(), port))
}

/// A text without control characters, 1 to 255 letters.
pub(super) fn printable(what: &str, typed: &str) -> Result<String, CoreError> {
    let typed = typed.trim();
    if typed.is_empty() || typed.len() > 255 || typed.chars().any(char::is_control) {
        return Err(CoreError::BadInput(format!("that is no {what}: 1 to 255 printable letters")));
    }
    Ok(typed.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_as_people_write_them() {
        for (typed, host, port) in [
            ("sftp.example", "sftp.example", 22),
            ("10.1.2.3:2222", "10.1.2.3", 2222),
            ("[::1]", "::1", 22),
            ("[fe80::1]:2022", "fe80::1", 2022),
        ] {
            assert_eq!(host_and_port(typed).unwrap(), (host.to_owned(), port), "{typed}");
        }
        for typed in ["", ":22", "a:b", "a:70000", "[::1]22", "a b", "a/b"] {
            assert!(host_and_port(typed).is_err(), "{typed}");
        }
    }
}
