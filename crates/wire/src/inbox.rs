//! Bytes of a stream, until a message is whole.

/// Room at the start: a message with a password in it, a Login of the CTL provider or an AUTH_RESPONSE without certificates, is never copied
/// to a larger place.
pub(crate) const FIRST_ROOM: usize = 1032;

/// Overwritten when it is emptied or moved: a password may have come.
#[derive(Default)]
pub(crate) struct Inbox {
    bytes: Vec<u8>,
}

impl Inbox {
    pub(crate) const fn new() -> Self {
        Self { bytes: Vec::new() }
    }

    pub(crate) const fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn push(&mut self, more: &[u8]) {
        let length = self.bytes.len().saturating_add(more.len());
        if length > self.bytes.capacity() {
            // by hand, because a vector that grows leaves its old place as it was
            let mut larger = Vec::with_capacity(length.max(2 * self.bytes.capacity()).max(FIRST_ROOM));
            larger.extend_from_slice(&self.bytes);
            wipe(&mut self.bytes);
            self.bytes = larger;
        }
        self.bytes.extend_from_slice(more);
    }

    /// The first bytes, so many of them, were understood.
    pub(crate) fn taken(&mut self, count: usize) {
        if let Some(left) = self.bytes.len().checked_sub(count) {
            self.bytes.copy_within(count.., 0);
            if let Some(behind) = self.bytes.get_mut(left..) {
                wipe(behind);
            }
            self.bytes.truncate(left);
        }
    }

    pub(crate) fn clear(&mut self) {
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

/// Overwrites what may have held a password.
pub(crate) fn wipe(bytes: &mut [u8]) {
    bytes.fill(0);
    // as far as it goes without unsafe code: the zeros count as read
    std::hint::black_box(bytes);
}
