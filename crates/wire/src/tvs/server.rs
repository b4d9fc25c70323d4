//! The server's half of a connection: AWAIT_REQ of the original, without the socket.

use super::message::{Command, HEADER_LENGTH, Header, MAX_MESSAGE};
use super::request::Request;
use super::tolerance::Tolerated;
use super::{Error, PROTOCOL_ID};

/// Most bytes that wait in a session: the message being gathered and one that came too early. Phones wait for each
/// answer, so more than that is not a phone.
pub const MAX_BUFFERED: usize = 2 * MAX_MESSAGE;

pub(super) const WANTED: &str = "VERIFY_REQUEST (1) or QUERY_REQUEST (3)";

/// A request that is to be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The request.
    pub request: Request,
    /// In what it deviates from the usual form.
    pub tolerated: Tolerated,
}

/// Bytes in, whole requests out. After an error the connection has to be closed; every later call gives
/// [`Error::Ended`].
#[derive(Debug, Default)]
pub struct ServerSession {
    buffer: Vec<u8>,
    ended: bool,
}

impl ServerSession {
    /// At the start of a connection, after the TLS handshake.
    #[must_use]
    pub const fn new() -> Self {
        Self { buffer: Vec::new(), ended: false }
    }

    /// Takes bytes from the stream. Call [`Self::next_request`] until it gives `None` before reading more.
    ///
    /// # Errors
    /// [`Error::Overrun`] above [`MAX_BUFFERED`].
    pub fn receive(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if self.ended {
            return Err(Error::Ended);
        }
        if self.buffer.len().saturating_add(bytes.len()) > MAX_BUFFERED {
            return Err(self.end(Error::Overrun { limit: MAX_BUFFERED }));
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// The next request, or `None` while bytes are missing. A header that cannot be answered is refused before its
    /// body has come.
    ///
    /// # Errors
    /// Everything that [`Error::fault`] lays on the bytes or the peer.
    pub fn next_request(&mut self) -> Result<Option<Received>, Error> {
        if self.ended {
            return Err(Error::Ended);
        }
        match self.take() {
            Err(error) => Err(self.end(error)),
            taken => taken,
        }
    }

    /// True when nothing of a further request has come: the moment at which a connection may be closed by either side.
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        self.buffer.is_empty()
    }

    fn take(&mut self) -> Result<Option<Received>, Error> {
        let Some((head, rest)) = self.buffer.split_first_chunk::<HEADER_LENGTH>() else {
            return match self.buffer.first() {
                Some(found) if *found != PROTOCOL_ID => Err(Error::ProtocolId { found: *found }),
                _ => Ok(None),
            };
        };
        let header = Header::decode(*head)?;
        if !matches!(Command::from_byte(header.command), Some(Command::VerifyRequest | Command::QueryRequest)) {
            return Err(Error::Command { found: header.command, wanted: WANTED });
        }
        if header.length == 0 {
            return Err(Error::EmptyBody);
        }
        let length = usize::from(header.length);
        let Some(body) = rest.get(..length) else {
            return Ok(None);
        };
        let (request, tolerated) = Request::decode(header, body)?;
        self.buffer.drain(..HEADER_LENGTH + length);
        Ok(Some(Received { request, tolerated }))
    }

    fn end(&mut self, error: Error) -> Error {
        self.ended = true;
        self.buffer = Vec::new();
        error
    }
}
