//! Where clusters meet: a directory of this machine, or of an SFTP server. This crate knows no socket: whoever has one gives an
//! [`Exchange`].

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

use store::StoreError;
use store::aside::{self, OpenDirectory, Rights};
use store::folder::Folder;
use store::peer::read_file;
use zeroize::Zeroizing;

use crate::CoreError;
pub use cluster::bulk::bundle::BUNDLE_BYTES;

/// Port of SSH (RFC 4253 4).
pub const SSH_PORT: u16 = 22;

/// Files in the directory at most: 40 clusters with their four exports, and what others left there.
pub const FILE_LIMIT: usize = 1000;

/// What an SFTP server needs.
#[derive(Clone, PartialEq, Eq)]
pub struct SftpServer {
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// User.
    pub user: String,
    /// Password.
    pub password: Zeroizing<String>,
    /// Directory there.
    pub path: String,
    /// The host key that is expected, as OpenSSH prints it (`SHA256:...`); `None`: the one that is offered is taken.
    pub host_key: Option<String>,
}

impl std::fmt::Debug for SftpServer {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}@{}:{} {}", self.user, self.host, self.port, self.path)
    }
}

/// What will come of a call.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, ExchangeError>> + Send + 'a>>;

/// Opens SFTP servers.
pub trait Exchange: std::fmt::Debug + Send + Sync {
    /// Logs in and opens the directory.
    fn open<'a>(&'a self, server: &'a SftpServer) -> Pending<'a, OpenedServer>;
}

/// A directory of a server, open.
pub struct OpenedServer {
    /// The directory.
    pub folder: Box<dyn ExchangeFolder>,
    /// The host key that the server has shown.
    pub host_key: String,
}

/// A directory that several clusters reach. Names are single components.
pub trait ExchangeFolder: Send {
    /// Names of its files, at most [`FILE_LIMIT`].
    fn names(&mut self) -> Pending<'_, Vec<String>>;

    /// A file of at most [`BUNDLE_BYTES`]; `None` when there is none.
    fn read<'a>(&'a mut self, name: &'a str) -> Pending<'a, Option<Vec<u8>>>;

    /// Writes a file: others see the old bytes or the new ones, never a part.
    fn write<'a>(&'a mut self, name: &'a str, bytes: &'a [u8]) -> Pending<'a, ()>;

    /// Sentences about what was left half written there of a file, by a process that ended.
    fn leftovers<'a>(&'a mut self, name: &'a str) -> Pending<'a, Vec<String>>;
}

/// Why an exchange does not work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeError {
    /// Nobody answers, or no SSH.
    #[error("{server} cannot be reached: {reason}")]
    Unreachable {
        /// Host and port.
        server: String,
        /// Why.
        reason: String,
    },
    /// It is another server than before, or somebody stands in between.
    #[error(
        "{server} shows the host key {shown}, {expected} is expected: somebody may stand in between. If the server has a new key, \
         name it again with `set cert bulk sftp`"
    )]
    HostKey {
        /// Host and port.
        server: String,
        /// What it showed.
        shown: String,
        /// What was seen at the first connection.
        expected: String,
    },
    /// User or password.
    #[error("{server} does not let {user} in; `set cert bulk sftp` asks for user and password again")]
    Login {
        /// Host and port.
        server: String,
        /// User.
        user: String,
    },
    /// A file or directory there.
    #[error("{path}: {reason}")]
    File {
        /// Path.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// This face has no SFTP.
    #[error("SFTP is not available here; use `ringfence admin`")]
    NotHere,
}

impl ExchangeError {
    /// Stable word for machines.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "exchange-unreachable",
            Self::HostKey { .. } => "exchange-host-key",
            Self::Login { .. } => "exchange-login",
            Self::File { .. } => "exchange-file",
            Self::NotHere => "exchange-not-here",
        }
    }
}

impl From<ExchangeError> for CoreError {
    fn from(error: ExchangeError) -> Self {
        Self::refused(error.label(), error.to_string())
    }
}

/// No SFTP: only directories of this machine.
#[derive(Debug, Clone, Copy)]
pub struct NoSftp;

impl Exchange for NoSftp {
    fn open<'a>(&'a self, _: &'a SftpServer) -> Pending<'a, OpenedServer> {
        Box::pin(std::future::ready(Err(ExchangeError::NotHere)))
    }
}

/// A directory of this machine, held open. It is used with the rights of the user of the node, whoever gives the command: its path is a row
/// of the database, and that user may write there what he likes.
pub(super) struct LocalFolder {
    place: Arc<OpenDirectory>,
}

impl LocalFolder {
    pub(super) fn open(path: &Path) -> Result<Self, ExchangeError> {
        let place = OpenDirectory::of_others(path).map_err(|error| file_error(&error))?;
        Ok(Self { place: Arc::new(place) })
    }

    fn blocking<'a, T: Send + 'static>(
        &self,
        work: impl FnOnce(&OpenDirectory) -> Result<T, StoreError> + Send + 'static,
    ) -> Pending<'a, T> {
        let place = Arc::clone(&self.place);
        Box::pin(async move {
            let done = tokio::task::spawn_blocking(move || work(&place)).await;
            let lost = |error: tokio::task::JoinError| ExchangeError::File {
                path: "the directory of the exchange".to_owned(),
                reason: error.to_string(),
            };
            done.map_err(lost)?.map_err(|error| file_error(&error))
        })
    }
}

impl ExchangeFolder for LocalFolder {
    fn names(&mut self) -> Pending<'_, Vec<String>> {
        self.blocking(|place| Folder::open(place.path())?.names(FILE_LIMIT))
    }

    fn read<'a>(&'a mut self, name: &'a str) -> Pending<'a, Option<Vec<u8>>> {
        let name = name.to_owned();
        self.blocking(move |place| {
            let path = place.path().join(name);
            if aside::length(&path)?.is_none() {
                return Ok(None);
            }
            read_file(&path, BUNDLE_BYTES).map(Some)
        })
    }

    fn write<'a>(&'a mut self, name: &'a str, bytes: &'a [u8]) -> Pending<'a, ()> {
        let (name, bytes) = (name.to_owned(), bytes.to_vec());
        // Certificates are no secret, and another cluster may run under another user.
        self.blocking(move |place| place.write(OsStr::new(&name), &bytes, Rights::Exactly(0o644), true))
    }

    fn leftovers<'a>(&'a mut self, name: &'a str) -> Pending<'a, Vec<String>> {
        let name = name.to_owned();
        self.blocking(move |place| {
            let names = place.leftovers(Some(OsStr::new(&name)))?;
            Ok(names.iter().map(|name| aside::left_behind(&place.path().join(name).display().to_string())).collect())
        })
    }
}

fn file_error(error: &StoreError) -> ExchangeError {
    match error {
        StoreError::File { path, action, source } => {
            let next = match source.kind() {
                ErrorKind::PermissionDenied => {
                    "; the user whom the data directory belongs to has to be allowed to read and write there"
                }
                _ => "",
            };
            ExchangeError::File { path: path.clone(), reason: format!("{action}: {source}{next}") }
        }
        other => ExchangeError::File { path: "the directory of the exchange".to_owned(), reason: other.to_string() },
    }
}
