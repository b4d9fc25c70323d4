//! The phone's half of a connection.

use super::answer::{Answer, check_header};
use super::message::{Command, HEADER_LENGTH, Header, Tvs};
use super::request::{Ask, DeviceName, Request};
use super::{Error, FIRST_SESSION_ID};
use crate::elements::Gathered;

/// Asks and takes the answers, strictly in turn. After an error the connection has to be closed; every later call
/// gives [`Error::Ended`].
///
/// The answer is checked as far as bytes can be: protocol id, version, command, session id, lengths, status, roles,
/// time to live. Whether the certificate of a [`Answer::Found`] is the one that was asked for is the caller's check:
/// it knows the signature.
#[derive(Debug)]
pub struct ClientSession {
    next_session_id: u32,
    open: Option<Open>,
    inbox: Gathered<Tvs>,
    ended: bool,
}

#[derive(Debug, Clone, Copy)]
struct Open {
    session_id: u32,
    response: Command,
}

impl Default for ClientSession {
    fn default() -> Self {
        Self::new(FIRST_SESSION_ID)
    }
}

impl ClientSession {
    /// `first_session_id` is the id of the first question, 1001 for phones; each further one has one more.
    #[must_use]
    pub const fn new(first_session_id: u32) -> Self {
        Self { next_session_id: first_session_id, open: None, inbox: Gathered::new(), ended: false }
    }

    /// The bytes of a question, to be sent as they are.
    ///
    /// # Errors
    /// [`Error::StillOpen`] before the last answer has come, [`Error::TooLong`] when it does not fit a message; the
    /// session goes on after both. [`Error::Ended`] after an error of [`Self::receive`].
    pub fn request(&mut self, device_name: Option<DeviceName>, ask: Ask) -> Result<Vec<u8>, Error> {
        if self.ended {
            return Err(Error::Ended);
        }
        if self.open.is_some() {
            return Err(Error::StillOpen);
        }
        let session_id = self.next_session_id;
        let response = ask.response();
        let bytes = Request { session_id, device_name, ask }.encode()?;
        self.open = Some(Open { session_id, response });
        self.next_session_id = session_id.wrapping_add(1);
        Ok(bytes)
    }

    /// Takes bytes from the stream; gives the answer as soon as it is whole.
    ///
    /// # Errors
    /// Every deviation from what was asked, bytes behind the answer among them.
    pub fn receive(&mut self, bytes: &[u8]) -> Result<Option<Answer>, Error> {
        if self.ended {
            return Err(Error::Ended);
        }
        match self.take(bytes) {
            Err(error) => {
                self.ended = true;
                self.inbox.clear();
                Err(error)
            }
            taken => taken,
        }
    }

    /// True while an answer is awaited.
    #[must_use]
    pub const fn is_waiting(&self) -> bool {
        self.open.is_some()
    }

    fn take(&mut self, bytes: &[u8]) -> Result<Option<Answer>, Error> {
        if bytes.is_empty() {
            return Ok(None);
        }
        let Some(open) = self.open else {
            return Err(Error::Unasked { count: bytes.len() });
        };
        self.inbox.push(bytes, usize::MAX);
        let came = self.inbox.len();
        let check = |header: Header| {
            check_header(header, open.response, open.session_id)?;
            match came.checked_sub(HEADER_LENGTH + usize::from(header.length)) {
                None | Some(0) => Ok(()),
                Some(count) => Err(Error::Unasked { count }),
            }
        };
        let answer = self.inbox.take(check, |_, body| Answer::decode(open.response, body))?;
        if answer.is_some() {
            self.open = None;
        }
        Ok(answer)
    }
}
