//! The server's half of a connection: AWAIT_REQ of the original, without the socket.

use super::Error;
use super::message::{Command, Header, MAX_MESSAGE, Tvs};
use super::request::{Request, WANTED};
use super::tolerance::Tolerated;
use crate::elements::Gathered;

/// Most bytes that wait in a session: the message being gathered and one that came too early. Phones wait for each
/// answer, so more than that is not a phone.
pub const MAX_BUFFERED: usize = 2 * MAX_MESSAGE;

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
#[derive(Debug)]
pub struct ServerSession {
    inbox: Gathered<Tvs>,
    ended: bool,
}

impl Default for ServerSession {
    fn default() -> Self {
        Self::new()
    }
}

impl ServerSession {
    /// At the start of a connection, after the TLS handshake.
    #[must_use]
    pub const fn new() -> Self {
        Self { inbox: Gathered::new(), ended: false }
    }

    /// Takes bytes from the stream. Call [`Self::next_request`] until it gives `None` before reading more.
    ///
    /// # Errors
    /// [`Error::Overrun`] above [`MAX_BUFFERED`].
    pub fn receive(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if self.ended {
            return Err(Error::Ended);
        }
        if self.inbox.push(bytes, MAX_BUFFERED) {
            Ok(())
        } else {
            Err(self.end(Error::Overrun { limit: MAX_BUFFERED }))
        }
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
        let decode = |header, body: &[u8]| {
            Request::decode(header, body).map(|(request, tolerated)| Received { request, tolerated })
        };
        match self.inbox.take(check, decode) {
            Err(error) => Err(self.end(error)),
            taken => taken,
        }
    }

    /// True when nothing of a further request has come: the moment at which a connection may be closed by either side.
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        self.inbox.len() == 0
    }

    fn end(&mut self, error: Error) -> Error {
        self.ended = true;
        self.inbox.clear();
        error
    }
}

/// Looks at a header before its body has come.
const fn check(header: Header) -> Result<(), Error> {
    if !matches!(Command::from_byte(header.command), Some(Command::VerifyRequest | Command::QueryRequest)) {
        return Err(Error::Command { found: header.command, wanted: WANTED });
    }
    if header.length == 0 {
        return Err(Error::EmptyBody);
    }
    Ok(())
}
