//! SFTP servers through which clusters exchange certificates: `russh` under the trait of `core`.
//!
//! The host key is checked before the password is sent. A call takes at most [`LOGIN_TIME`], an operation on a file the ten seconds of
//! `russh-sftp`, so a server that says nothing holds nobody up.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ringfence_core::aside::is_leftover;
use ringfence_core::bulk::exchange::{
    BUNDLE_BYTES, Exchange, ExchangeError, ExchangeFolder, FILE_LIMIT, OpenedServer, Pending, SftpServer,
};
use russh::client::{self, Handle};
use russh::keys::{HashAlg, PublicKeyOrCertificate};
use russh_sftp::client::fs::File;
use russh_sftp::client::{RawSftpSession, SftpSession, error::Error as SftpError};
use russh_sftp::protocol::{OpenFlags, Packet, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// How long connecting, keys and login may take together.
pub const LOGIN_TIME: Duration = Duration::from_secs(30);

/// Silence after which a connection is given up.
const SILENCE: Duration = Duration::from_secs(60);

/// Renames onto a file that is there, as POSIX does (PROTOCOL of OpenSSH, 3.3).
const POSIX_RENAME: &str = "posix-rename@openssh.com";

/// Opens SFTP servers.
#[derive(Debug, Clone, Copy, Default)]
pub struct SftpExchange;

impl Exchange for SftpExchange {
    fn open<'a>(&'a self, server: &'a SftpServer) -> Pending<'a, OpenedServer> {
        Box::pin(async move {
            match tokio::time::timeout(LOGIN_TIME, open(server)).await {
                Ok(opened) => opened,
                Err(_) => Err(unreachable(server, format!("no answer within {} seconds", LOGIN_TIME.as_secs()))),
            }
        })
    }
}

fn place(server: &SftpServer) -> String {
    if server.host.contains(':') {
        return format!("[{}]:{}", server.host, server.port);
    }
    format!("{}:{}", server.host, server.port)
}

fn unreachable(server: &SftpServer, reason: impl ToString) -> ExchangeError {
    ExchangeError::Unreachable { server: place(server), reason: reason.to_string() }
}

async fn open(server: &SftpServer) -> Result<OpenedServer, ExchangeError> {
    let shown = Arc::new(Mutex::new(None));
    let handler = HostKey { expected: server.host_key.clone(), shown: Arc::clone(&shown) };
    let config = client::Config { inactivity_timeout: Some(SILENCE), nodelay: true, ..client::Config::default() };
    let connected = client::connect(Arc::new(config), (server.host.as_str(), server.port), handler).await;
    let shown = shown.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let mut connection = connected.map_err(|error| match (&error, &shown, &server.host_key) {
        (russh::Error::UnknownKey, Some(shown), Some(expected)) => {
            ExchangeError::HostKey { server: place(server), shown: shown.clone(), expected: expected.clone() }
        }
        _ => unreachable(server, error),
    })?;
    let host_key = shown.ok_or_else(|| unreachable(server, "it showed no host key"))?;
    let login = connection.authenticate_password(&server.user, server.password.as_str()).await;
    if !login.map_err(|error| unreachable(server, error))?.success() {
        return Err(ExchangeError::Login { server: place(server), user: server.user.clone() });
    }
    let lost = |error: russh::Error| unreachable(server, format!("SFTP is not offered ({error})"));
    let channel = connection.channel_open_session().await.map_err(lost)?;
    channel.request_subsystem(true, "sftp").await.map_err(lost)?;
    let session = SftpSession::new(channel.into_stream()).await.map_err(|error| unreachable(server, error))?;
    let posix_rename = posix_rename(&connection).await;
    let folder = Box::new(SftpFolder { session, posix_rename, _connection: connection, path: server.path.clone() });
    Ok(OpenedServer { folder, host_key })
}

/// Checks the host key of a server.
struct HostKey {
    expected: Option<String>,
    shown: Arc<Mutex<Option<String>>>,
}

impl client::Handler for HostKey {
    type Error = russh::Error;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        let PublicKeyOrCertificate::PublicKey { key, .. } = key else { return Ok(false) };
        let shown = key.fingerprint(HashAlg::Sha256).to_string();
        let expected = self.expected.as_ref().is_none_or(|expected| *expected == shown);
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some(shown);
        Ok(expected)
    }
}

/// A directory of a server.
struct SftpFolder {
    session: SftpSession,
    /// Where files can be renamed onto others.
    posix_rename: Option<RawSftpSession>,
    /// The connection lives as long as this.
    _connection: Handle<HostKey>,
    path: String,
}

impl SftpFolder {
    fn at(&self, name: &str) -> String {
        format!("{}/{name}", self.path.trim_end_matches('/'))
    }
}

fn failed(path: &str, error: &SftpError) -> ExchangeError {
    let reason = match error {
        SftpError::Status(status) if status.status_code == StatusCode::NoSuchFile => "is not there".to_owned(),
        SftpError::Status(status) if status.status_code == StatusCode::PermissionDenied => {
            "permission denied".to_owned()
        }
        other => other.to_string(),
    };
    ExchangeError::File { path: path.to_owned(), reason }
}

impl ExchangeFolder for SftpFolder {
    fn names(&mut self) -> Pending<'_, Vec<String>> {
        Box::pin(async move {
            let listed = self.session.read_dir(self.path.as_str()).await.map_err(|error| failed(&self.path, &error))?;
            let files = listed.filter(|entry| entry.file_type().is_file()).map(|entry| entry.file_name());
            let mut names: Vec<String> = files.take(FILE_LIMIT + 1).collect();
            if names.len() > FILE_LIMIT {
                let reason = format!("holds more than {FILE_LIMIT} files");
                return Err(ExchangeError::File { path: self.path.clone(), reason });
            }
            names.sort();
            // A directory that has just changed may be read with a name twice (readdir of POSIX says no more).
            names.dedup();
            Ok(names)
        })
    }

    fn read<'a>(&'a mut self, name: &'a str) -> Pending<'a, Option<Vec<u8>>> {
        Box::pin(async move {
            let path = self.at(name);
            let file = match self.session.open(path.as_str()).await {
                Ok(file) => file,
                Err(SftpError::Status(status)) if status.status_code == StatusCode::NoSuchFile => return Ok(None),
                Err(error) => return Err(failed(&path, &error)),
            };
            let mut bytes = Vec::new();
            let read = file.take(BUNDLE_BYTES + 1).read_to_end(&mut bytes).await;
            read.map_err(|error| ExchangeError::File { path: path.clone(), reason: error.to_string() })?;
            if bytes.len() as u64 > BUNDLE_BYTES {
                return Err(ExchangeError::File {
                    path,
                    reason: format!("it is above the limit of {BUNDLE_BYTES} bytes"),
                });
            }
            Ok(Some(bytes))
        })
    }

    fn write<'a>(&'a mut self, name: &'a str, bytes: &'a [u8]) -> Pending<'a, ()> {
        Box::pin(async move {
            let path = self.at(name);
            let (aside, mut file) = self.begin(name).await?;
            let written = async {
                file.write_all(bytes).await?;
                file.shutdown().await
            };
            let written: std::io::Result<()> = written.await;
            let placed = match written {
                Ok(()) => self.replace(&aside, &path).await.map_err(|error| failed(&path, &error)),
                Err(error) => Err(ExchangeError::File { path: aside.clone(), reason: error.to_string() }),
            };
            if placed.is_err() {
                // It is of no use; that it cannot be removed either adds nothing to the first error.
                drop(self.session.remove_file(aside.as_str()).await);
            }
            placed
        })
    }

    fn leftovers<'a>(&'a mut self, name: &'a str) -> Pending<'a, Vec<String>> {
        Box::pin(async move {
            let names = self.names().await?;
            let left = names.iter().filter(|left| is_leftover(left) && left.starts_with(&format!("{name}.")));
            let next =
                "was left half written, or is being written by another cluster: remove it when none of them exports";
            Ok(left.map(|left| format!("{} {next}", self.at(left))).collect())
        })
    }
}

/// Names that are tried for a file aside.
const NAMES: usize = 16;

impl SftpFolder {
    /// A file that nobody had before (SSH_FXF_EXCL, draft-ietf-secsh-filexfer-02 6.3), under the first name that is free: what others
    /// have put there is not written through.
    async fn begin(&self, name: &str) -> Result<(String, File), ExchangeError> {
        let flags = OpenFlags::CREATE | OpenFlags::EXCLUDE | OpenFlags::WRITE;
        let process = std::process::id();
        for number in 1..=NAMES {
            let more = if number == 1 { String::new() } else { format!("-{number}") };
            let aside = self.at(&format!("{name}.{process}{more}.new"));
            match self.session.open_with_flags(aside.as_str(), flags).await {
                Ok(file) => return Ok((aside, file)),
                // The protocol has no word for a name that is taken.
                Err(_) if self.session.symlink_metadata(aside.as_str()).await.is_ok() => {}
                Err(error) => return Err(failed(&aside, &error)),
            }
        }
        let path = self.at(&format!("{name}.{process}.new"));
        let reason = format!("it and {} names like it are taken: look who made them, and remove them", NAMES - 1);
        Err(ExchangeError::File { path, reason })
    }
}

impl SftpFolder {
    /// Puts a file in the place of another. SFTP renames onto no file that is there (draft-ietf-secsh-filexfer-02 6.5). Where the
    /// server has the extension of OpenSSH, readers see one file or the other; else the old one stands aside until the new one has
    /// its name, so that a connection that breaks off loses neither.
    async fn replace(&self, aside: &str, path: &str) -> Result<(), SftpError> {
        if let Some(raw) = &self.posix_rename {
            let data = [aside, path].map(|name| [&length(name), name.as_bytes()].concat()).concat();
            return match raw.extended(POSIX_RENAME, data).await? {
                Packet::Status(status) if status.status_code == StatusCode::Ok => Ok(()),
                Packet::Status(status) => Err(SftpError::Status(status)),
                _ => Err(SftpError::UnexpectedPacket),
            };
        }
        let old = format!("{aside}.old");
        match self.session.metadata(path).await {
            Err(SftpError::Status(status)) if status.status_code == StatusCode::NoSuchFile => {
                return self.session.rename(aside, path).await;
            }
            Err(error) => return Err(error),
            Ok(found) if !found.is_regular() => {
                return Err(SftpError::UnexpectedBehavior("it is there and no file".to_owned()));
            }
            Ok(_) => self.session.rename(path, old.as_str()).await?,
        }
        if let Err(error) = self.session.rename(aside, path).await {
            self.session.rename(old.as_str(), path).await?;
            return Err(error);
        }
        self.session.remove_file(old.as_str()).await
    }
}

/// The length before a string of SSH (RFC 4251 5).
fn length(text: &str) -> [u8; 4] {
    u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes()
}

/// A channel for what `russh-sftp` has no call for; `None` when the server opens no second one or does not know it.
async fn posix_rename(connection: &Handle<HostKey>) -> Option<RawSftpSession> {
    let channel = connection.channel_open_session().await.ok()?;
    channel.request_subsystem(true, "sftp").await.ok()?;
    let raw = RawSftpSession::new(channel.into_stream());
    let version = raw.init().await.ok()?;
    (version.extensions.get(POSIX_RENAME).map(String::as_str) == Some("1")).then_some(raw)
}
