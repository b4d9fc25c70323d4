//! Bytes of a stream, until a message is whole.

use super::Error;
use super::PROTOCOL_ID;
use super::message::{HEADER_LENGTH, Header, MAX_MESSAGE};
use super::texts::wipe;

/// Most bytes that wait in a session: the message being gathered and one that came too early. Both sides wait for each
/// other, so more than that is a peer that does not.
pub const MAX_BUFFERED: usize = 2 * MAX_MESSAGE;

/// Room at the start: an AUTH_RESPONSE without certificates, with a password, is never copied to a larger place.
const FIRST_ROOM: usize = 512;

/// Overwritten when it is emptied: a password may have come.
pub(super) struct Inbox {
    bytes: Vec<u8>,
}

impl Inbox {
    pub(super) const fn new() -> Self {
        Self { bytes: Vec::new() }
    }

    pub(super) fn push(&mut self, more: &[u8]) -> Result<(), Error> {
        let length = self.bytes.len().saturating_add(more.len());
        if length > MAX_BUFFERED {
            return Err(Error::Overrun { limit: MAX_BUFFERED });
        }
        if length > self.bytes.capacity() {
            // by hand, because a vector that grows leaves its old place as it was
            let mut larger = Vec::with_capacity(length.max(2 * self.bytes.capacity()).max(FIRST_ROOM));
            larger.extend_from_slice(&self.bytes);
            wipe(&mut self.bytes);
            self.bytes = larger;
        }
        self.bytes.extend_from_slice(more);
        Ok(())
    }

    /// The next message, or `None` while bytes are missing. `check` looks at the header before the body has come.
    pub(super) fn take<T>(
        &mut self,
        check: impl FnOnce(Header) -> Result<(), Error>,
        decode: impl FnOnce(Header, &[u8]) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        let Some((head, rest)) = self.bytes.split_first_chunk::<HEADER_LENGTH>() else {
            return match self.bytes.first() {
                Some(found) if *found != PROTOCOL_ID => Err(Error::ProtocolId { found: *found }),
                _ => Ok(None),
            };
        };
        let header = Header::decode(*head)?;
        check(header)?;
        let length = usize::from(header.length);
        let Some(body) = rest.get(..length) else {
            return Ok(None);
        };
        let taken = decode(header, body)?;
        let end = HEADER_LENGTH + length;
        if let Some(behind) = self.bytes.len().checked_sub(end) {
            self.bytes.copy_within(end.., 0);
            if let Some(left) = self.bytes.get_mut(behind..) {
                wipe(left);
            }
            self.bytes.truncate(behind);
        }
        Ok(Some(taken))
    }

    pub(super) fn clear(&mut self) {
        wipe(&mut self.bytes);
        self.bytes = Vec::new();
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        wipe(&mut self.bytes);
    }
}

impl std::fmt::Debug for Inbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Inbox({} bytes)", self.bytes.len())
    }
}
