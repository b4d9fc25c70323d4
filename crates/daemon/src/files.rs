//! What the file servers ask and what they get. TFTP and HTTP share one source, so a name means the same on both.

use std::net::SocketAddr;

use bytes::Bytes;

/// The way a request came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// TFTP, UDP 69.
    Tftp,
    /// HTTP, TCP 6970.
    Http,
}

/// One request for a file.
#[derive(Debug, Clone, Copy)]
pub struct FileRequest<'a> {
    /// The name, already parsed into a form that stays inside the published files.
    pub name: &'a wire::file_name::FileName,
    /// Who asks.
    pub peer: SocketAddr,
    /// By which protocol.
    pub over: Transport,
}

/// Why there are no bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// Nothing has this name: TFTP error 1, HTTP 404.
    #[error("file not found")]
    NotFound,
    /// The name exists but is not given out in this form: TFTP error 2, HTTP 403.
    #[error("access violation: {0}")]
    Denied(String),
    /// Our own fault: TFTP error 0, HTTP 500. The text is for the log, not for the peer.
    #[error("cannot make the file: {0}")]
    Failed(String),
}

/// Where the file servers get their bytes.
pub trait FileSource: Send + Sync + 'static {
    /// The bytes if they are at hand without waiting (a snapshot, a cache): the fast path of the servers.
    fn ready(&self, request: &FileRequest<'_>) -> Option<Bytes>;

    /// The bytes, made when needed. May read a disk or make a signature (some milliseconds): servers call it off
    /// the reactor.
    ///
    /// # Errors
    /// [`FetchError`], which each server maps to its own code.
    fn fetch(&self, request: &FileRequest<'_>) -> Result<Bytes, FetchError>;

    /// The bytes went out to their end: TFTP calls it after the last acknowledgement, HTTP when it answers with the whole file.
    fn sent(&self, _request: &FileRequest<'_>, _bytes: &Bytes) {}
}
