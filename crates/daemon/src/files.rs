//! What the file servers ask and what they get. TFTP and HTTP share one source, so a name means the same on both.
//!
//! `fetcher`: how files are looked up, made and read off the reactor: few at a time, each by one maker.

mod fetcher;

use std::net::SocketAddr;

pub use fetcher::{Entry, Fetcher};
pub use ringfence_core::files::Content;

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
    /// Too much is asked for at this moment: TFTP is silent, so that the client asks again; HTTP 503.
    #[error("too many files are asked for at a time, or too much of them is in memory")]
    Busy,
    /// Our own fault: TFTP error 0, HTTP 500. The text is for the log, not for the peer.
    #[error("cannot make the file: {0}")]
    Failed(String),
}

/// What a look gave.
pub enum Answer {
    /// The file.
    Content(Content),
    /// How to make it.
    Making(Making),
}

/// A file that has to be made.
pub struct Making {
    /// Names the file and the state in which it is made: who asks for the same waits for the same maker.
    pub key: String,
    /// Whether a large file is read for it from end to end: one at a time, so that it holds up nobody else.
    pub reads_much: bool,
    /// Makes it.
    pub make: Box<dyn FnOnce() -> Result<Content, FetchError> + Send>,
}

/// Where the file servers get their bytes.
pub trait FileSource: Send + Sync + 'static {
    /// The file if it is at hand without waiting (a snapshot, a cache): the fast path of the servers.
    fn ready(&self, request: &FileRequest<'_>) -> Option<Content>;

    /// Whether the name is that of a file of this node, as far as its memory tells: such requests do not wait behind a flood of
    /// others.
    fn is_known(&self, _request: &FileRequest<'_>) -> bool {
        true
    }

    /// Finds the file, or how to make it. May read a disk: called off the reactor.
    ///
    /// # Errors
    /// [`FetchError`], which each server maps to its own code.
    fn look_up(&self, request: &FileRequest<'_>) -> Result<Answer, FetchError>;

    /// The file went out to its end: TFTP calls it after the last acknowledgement, HTTP when it answers with the whole file.
    fn sent(&self, _request: &FileRequest<'_>, _content: &Content) {}
}
