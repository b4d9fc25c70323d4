//! What goes out under a name: bytes in memory, counted against a limit, or those of an open file.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{Bytes, BytesMut};
use store::folder::OpenFile;

/// The bytes of files in memory, of all who are served and of what is kept for the next: at most so many for a node.
#[derive(Debug)]
pub(super) struct Held {
    limit: usize,
    now: AtomicUsize,
}

/// Room for so many bytes, given back when dropped.
#[derive(Debug)]
pub(super) struct Room {
    held: Arc<Held>,
    bytes: usize,
}

/// Bytes that take room.
#[derive(Debug)]
pub(super) struct Counted {
    bytes: Vec<u8>,
    _room: Room,
}

impl Held {
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, now: AtomicUsize::new(0) })
    }

    /// Room for so many bytes, if there is some.
    pub fn room(self: &Arc<Self>, bytes: usize) -> Option<Room> {
        let more = |now: usize| now.checked_add(bytes).filter(|sum| *sum <= self.limit);
        self.now.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(Room { held: Arc::clone(self), bytes })
    }

    pub fn now(&self) -> usize {
        self.now.load(Ordering::Relaxed)
    }
}

impl Room {
    /// Puts the bytes that the room was taken for into it.
    pub fn hold(self, bytes: Vec<u8>) -> Counted {
        Counted { bytes, _room: self }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.held.now.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// What goes out under a name: some bytes, and behind them an open file from an offset on.
#[derive(Debug, Clone)]
pub struct Content {
    head: Bytes,
    rest: Option<Rest>,
}

#[derive(Debug, Clone)]
struct Rest {
    file: OpenFile,
    from: u64,
    held: Arc<Held>,
}

impl From<Bytes> for Content {
    fn from(head: Bytes) -> Self {
        Self { head, rest: None }
    }
}

impl Content {
    pub(super) fn of(head: Bytes, file: OpenFile, from: u64, held: &Arc<Held>) -> Self {
        Self { head, rest: Some(Rest { file, from, held: Arc::clone(held) }) }
    }

    /// How many bytes there are.
    #[must_use]
    pub fn length(&self) -> u64 {
        let rest = self.rest.as_ref().map_or(0, |rest| rest.file.length().saturating_sub(rest.from));
        rest.saturating_add(self.head.len() as u64)
    }

    /// All of them, when they are in memory.
    #[must_use]
    pub fn whole(&self) -> Option<&Bytes> {
        self.rest.is_none().then_some(&self.head)
    }

    /// So many bytes from an offset on, exactly. May read a disk.
    ///
    /// # Errors
    /// `OutOfMemory` when the node holds as many bytes of files as it may: later there is room. Else what the system says; a file
    /// that was written to since it was opened.
    pub fn piece(&self, from: u64, length: usize) -> io::Result<Bytes> {
        let end = from.checked_add(length as u64).filter(|end| *end <= self.length());
        let end = end.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
        let head = self.head.len() as u64;
        let within = |at: u64| usize::try_from(at.min(head)).unwrap_or(usize::MAX);
        let of_head = self.head.slice(within(from)..within(end));
        let Some(rest) = self.rest.as_ref().filter(|_| of_head.len() < length) else { return Ok(of_head) };
        let room = rest.held.room(length).ok_or_else(|| io::Error::from(io::ErrorKind::OutOfMemory))?;
        let mut bytes = of_head.to_vec();
        let at = rest.from + from.saturating_sub(head);
        bytes.append(&mut rest.file.read_at(at, length - of_head.len())?);
        Ok(Bytes::from_owner(room.hold(bytes)))
    }

    /// All bytes in memory, for those who look at a file and do not serve it.
    ///
    /// # Errors
    /// What the system says.
    pub fn read(&self) -> io::Result<Bytes> {
        let Some(rest) = &self.rest else { return Ok(self.head.clone()) };
        let length = usize::try_from(rest.file.length().saturating_sub(rest.from)).unwrap_or(usize::MAX);
        let mut all = BytesMut::from(&*self.head);
        all.extend_from_slice(&rest.file.read_at(rest.from, length)?);
        Ok(all.freeze())
    }
}
