//! Bytes of a stream, until a message is whole; and the order of messages.

use crate::error::{Malformed, Reason};
use crate::inbox::{FIRST_ROOM, Inbox};

use super::message::{Reply, Request};
use super::{HEAD, MAX_LOGIN, MAX_REPLY, MAX_REQUEST, PROTOCOL_ID, VERSION};

const _: () = assert!(HEAD + MAX_LOGIN <= FIRST_ROOM);

/// Why a stream is not read any further.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// Bytes that follow no format.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The first message was no Login.
    #[error("something else came before the log-in")]
    NotLoggedIn,
    /// More bytes than one message while the answer is awaited.
    #[error("bytes came before the answer to the last message")]
    Early,
}

/// The next frame. `limit` gives the largest body for a kind.
fn take<T>(
    inbox: &mut Inbox,
    limit: impl FnOnce(u8) -> Result<usize, StreamError>,
    decode: impl FnOnce(u8, &[u8]) -> Result<T, Malformed>,
) -> Result<Option<T>, StreamError> {
    let must = [("protocol", PROTOCOL_ID), ("version", VERSION)];
    for ((index, (field, wanted)), found) in must.into_iter().enumerate().zip(inbox.bytes()) {
        if *found != wanted {
            let (found, wanted) = (usize::from(*found), usize::from(wanted));
            let reason = Reason::OutOfRange { found, least: wanted, most: wanted };
            return Err(Malformed::new(index, field, reason).into());
        }
    }
    let Some((&[_, _, kind, zero, a, b, c, d], rest)) = inbox.bytes().split_first_chunk::<HEAD>() else {
        return Ok(None);
    };
    if zero != 0 {
        let reason = Reason::OutOfRange { found: zero.into(), least: 0, most: 0 };
        return Err(Malformed::new(3, "head", reason).into());
    }
    let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
    let limit = limit(kind)?;
    if length > limit {
        return Err(Malformed::new(4, "length", Reason::TooLarge { found: length, limit }).into());
    }
    if rest.len() > length {
        return Err(StreamError::Early);
    }
    let Some(body) = rest.get(..length) else { return Ok(None) };
    let decoded = decode(kind, body);
    inbox.taken(HEAD + length);
    Ok(Some(decoded?))
}

/// What a provider reads.
#[derive(Debug, Default)]
pub struct ServerStream {
    inbox: Inbox,
    admitted: bool,
}

impl ServerStream {
    /// From now on requests are read; before it only a Login is.
    pub fn admit(&mut self) {
        self.admitted = true;
    }

    /// Takes bytes; the request when they make it whole. Give some kilobytes at a time: what is too long is seen by its head.
    ///
    /// # Errors
    /// [`StreamError`]; the connection is of no use then.
    pub fn receive(&mut self, more: &[u8]) -> Result<Option<Request>, StreamError> {
        self.inbox.push(more);
        let admitted = self.admitted;
        let limit = |kind| match (admitted, Request::is_login(kind)) {
            (_, true) => Ok(MAX_LOGIN),
            (true, false) => Ok(MAX_REQUEST),
            (false, false) => Err(StreamError::NotLoggedIn),
        };
        take(&mut self.inbox, limit, Request::decode)
    }
}

/// What a client reads.
#[derive(Debug, Default)]
pub struct ClientStream {
    inbox: Inbox,
}

impl ClientStream {
    /// Takes bytes; the answer when they make it whole.
    ///
    /// # Errors
    /// [`StreamError`]; the connection is of no use then.
    pub fn receive(&mut self, more: &[u8]) -> Result<Option<Reply>, StreamError> {
        self.inbox.push(more);
        take(&mut self.inbox, |_| Ok(MAX_REPLY), Reply::decode)
    }
}
