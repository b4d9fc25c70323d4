//! The bytes of one transfer: whole in memory, or of a large file a piece at a time.

use std::ops::Range;

use bytes::Bytes;
use wire::tftp::Data;

use crate::files::Content;

/// Bytes of a large file that are read at a time for a client that acknowledges what it gets: some hundred blocks, so that reading
/// costs next to nothing.
const PIECE: u64 = 128 * 1024;

/// The bytes of a transfer.
pub(super) struct Pieces {
    content: Content,
    /// Where the piece in memory begins.
    from: u64,
    piece: Bytes,
}

impl Pieces {
    pub fn new(content: Content) -> Self {
        let piece = content.whole().cloned().unwrap_or_default();
        Self { content, from: 0, piece }
    }

    pub fn content(&self) -> &Content {
        &self.content
    }

    /// What to read when these bytes are needed: no more than that for a client that may not exist.
    pub fn to_read(&self, needed: &Range<u64>, heard: bool) -> Range<u64> {
        let window = needed.end.saturating_sub(needed.start);
        let length = if heard { PIECE.max(2 * window) } else { window };
        needed.start..needed.start.saturating_add(length).min(self.content.length())
    }

    pub fn put(&mut self, from: u64, piece: Bytes) {
        (self.from, self.piece) = (from, piece);
    }
}

impl Data for Pieces {
    fn length(&self) -> u64 {
        self.content.length()
    }

    fn at_hand(&self, from: u64, count: usize) -> Option<&[u8]> {
        let until = from.saturating_add(count as u64).min(self.content.length());
        let start = usize::try_from(from.checked_sub(self.from)?).ok()?;
        let end = usize::try_from(until.max(from) - self.from).ok()?;
        self.piece.get(start..end)
    }

    fn whole(&self) -> Option<&[u8]> {
        self.content.whole().map(|bytes| &**bytes)
    }
}
