//! What comes of asking one server, and how much it may be.

/// Largest file that is fetched, in bytes: the largest config that is read, with the largest header around it. Trust lists above 64 kB are
/// refused by their verdict, not here; the limit keeps what a stranger's server can cost small.
pub const LARGEST: usize = wire::xml::LARGEST + (1 << 16);

/// What one server gave by one transport.
pub(super) enum Got {
    File(Vec<u8>),
    NotFound,
    /// An answer, but none that can be used.
    Failed(String),
    /// No answer at all.
    Silent(String),
}
