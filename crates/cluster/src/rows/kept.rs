//! What a row or a file keeps for others to read: a certificate, a request, a list.

use super::Unreadable;

/// Bytes that somebody else reads, with the place they come from. They come out only through [`Kept::read`], so that whoever looks
/// at a row has to say what becomes of one that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    table: &'static str,
    key: String,
    /// Or why there are none.
    bytes: Result<Vec<u8>, String>,
}

impl Kept {
    /// Bytes of a row.
    pub fn new(table: &'static str, key: &str, bytes: Result<Vec<u8>, String>) -> Self {
        Self { table, key: key.to_owned(), bytes }
    }

    /// What the bytes are. `read` is the one reader of their kind.
    ///
    /// # Errors
    /// [`Unreadable`] with the place and the reason.
    pub fn read<T, E: std::fmt::Display>(&self, read: impl FnOnce(&[u8]) -> Result<T, E>) -> Result<T, Unreadable> {
        let bytes = self.bytes.as_ref().map_err(|reason| self.unreadable(reason))?;
        read(bytes).map_err(|error| self.unreadable(&error.to_string()))
    }

    /// The place, with a reason.
    pub fn unreadable(&self, reason: &str) -> Unreadable {
        Unreadable { table: self.table.to_owned(), key: self.key.clone(), reason: reason.to_owned(), way_out: None }
    }

    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.bytes.as_ref().map_or(0, Vec::len)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes as text, for the store alone, which writes them.
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(self.stored())
    }

    /// The bytes, for the store alone, which writes them.
    pub fn stored(&self) -> &[u8] {
        self.bytes.as_deref().unwrap_or_default()
    }
}

/// Something new, to be written.
impl From<String> for Kept {
    fn from(text: String) -> Self {
        Self::from(text.into_bytes())
    }
}

impl From<Vec<u8>> for Kept {
    fn from(bytes: Vec<u8>) -> Self {
        Self { table: "", key: String::new(), bytes: Ok(bytes) }
    }
}

impl PartialEq<str> for Kept {
    fn eq(&self, text: &str) -> bool {
        self.bytes.as_deref() == Ok(text.as_bytes())
    }
}

impl PartialEq<String> for Kept {
    fn eq(&self, text: &String) -> bool {
        *self == *text.as_str()
    }
}
