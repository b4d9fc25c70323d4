//! The phone's half of a connection.

use std::time::{Duration, Instant};

use super::Error;
use super::command::Command;
use super::message::{Capf, Header, MAX_BUFFERED};
use super::outcome::Stage;
use super::phone_message::{AuthResponse, PhoneMessage};
use super::server_message::ServerMessage;
use super::timeouts::LONGEST;
use super::tolerance::Tolerated;
use super::values::{AuthType, CertificateType, KeySpec, Reason};
use crate::elements::Gathered;

/// What the server wants of the phone. Each question is asked once; until it is answered, nothing is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientQuestion {
    /// Who are you? Answer with [`ClientSession::authenticate`].
    Authenticate {
        /// The id of the session: SUDI_DATA is a proof over it.
        session_id: u32,
        /// The server's version, usually 3.
        version: u8,
        /// 0, or how the server wants it.
        auth_type: AuthType,
    },
    /// Make a key pair. Answer with [`ClientSession::generated`]; meanwhile [`ClientSession::in_progress`].
    GenerateKey(KeySpec),
    /// Store this certificate. Answer with [`ClientSession::stored`].
    Store {
        /// What the certificate is.
        certificate_type: CertificateType,
        /// DER, not checked in any way: whether it belongs to the new key is the phone's check.
        certificate: Vec<u8>,
    },
    /// Show your certificate. Answer with [`ClientSession::fetched`].
    Fetch,
    /// Delete your certificate. Answer with [`ClientSession::deleted`].
    Delete,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum ClientStep {
    /// Write this in one call. If it cannot be written, say [`ClientSession::closed`].
    Send(Vec<u8>),
    /// Read, and give what came to [`ClientSession::receive`]; at the end of the stream say [`ClientSession::closed`].
    /// When `until` comes first, just step on.
    Receive {
        /// End of the waiting.
        until: Instant,
    },
    /// Do, and answer.
    Ask(ClientQuestion),
    /// It is over: close. Further steps say the same.
    End(ClientEnded),
}

/// How a session ended for the phone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientEnded {
    /// END_SESSION. What the reason means depends on what was done before; see [`Reason`].
    #[error("{}", .0.sentence())]
    Reason(Reason),
    /// The server said nothing for too long.
    #[error("the server did not answer in time")]
    TimedOut,
    /// The connection ended without END_SESSION.
    #[error("the server closed the connection without END_SESSION")]
    Closed,
    /// The server sent what it may not send.
    #[error(transparent)]
    Protocol(#[from] Error),
    /// An answer to another question, or none; or one that cannot be sent. A fault in the program.
    #[error("fault in the program: {0}")]
    Misused(&'static str),
}

/// Goes through one operation as a phone does. It has no END_SESSION of its own: when something is wrong it closes.
#[derive(Debug)]
pub struct ClientSession {
    session_id: Option<u32>,
    wait: Duration,
    due: Due,
    state: State,
    outgoing: Option<Vec<u8>>,
    inbox: Gathered<Capf>,
    tolerated: Tolerated,
}

/// What the server may send besides END_SESSION.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    Greeting,
    Operation,
    Certificate,
    End,
}

#[derive(Debug)]
enum State {
    /// A message of the server is due; the time starts with the first step or with the phone's own message.
    Waiting(Option<Instant>),
    Asking(ClientQuestion),
    Asked(Asked),
    Over(ClientEnded),
}

/// The open question, by the stage of the server that waits for its answer.
type Asked = Stage;

impl ClientSession {
    /// A session right behind the TLS handshake. `wait` is the longest silence of the server.
    #[must_use]
    pub const fn new(wait: Duration) -> Self {
        Self {
            session_id: None,
            wait,
            due: Due::Greeting,
            state: State::Waiting(None),
            outgoing: None,
            inbox: Gathered::new(),
            tolerated: Tolerated::NONE,
        }
    }

    /// The id of the session, as soon as the server has named it.
    #[must_use]
    pub const fn session_id(&self) -> Option<u32> {
        self.session_id
    }

    /// In what the server deviated until now.
    #[must_use]
    pub const fn tolerated(&self) -> Tolerated {
        self.tolerated
    }

    /// What to do next. `now` must not go back from call to call.
    pub fn step(&mut self, now: Instant) -> ClientStep {
        loop {
            if let Some(bytes) = self.outgoing.take() {
                if let State::Waiting(until) = &mut self.state {
                    *until = Some(now + self.wait.min(LONGEST));
                }
                return ClientStep::Send(bytes);
            }
            match &mut self.state {
                State::Over(ended) => return ClientStep::End(ended.clone()),
                State::Asked(_) => self.over(ClientEnded::Misused("a step before the question was answered")),
                State::Asking(question) => {
                    let asked = match question {
                        ClientQuestion::Authenticate { .. } => Stage::Authentication,
                        ClientQuestion::GenerateKey(_) => Stage::KeyGeneration,
                        ClientQuestion::Store { .. } => Stage::Store,
                        ClientQuestion::Fetch => Stage::Fetch,
                        ClientQuestion::Delete => Stage::Delete,
                    };
                    if let State::Asking(question) = std::mem::replace(&mut self.state, State::Asked(asked)) {
                        return ClientStep::Ask(question);
                    }
                }
                State::Waiting(until) => {
                    let until = *until.get_or_insert_with(|| now + self.wait.min(LONGEST));
                    match self.take() {
                        Ok(Some(message)) => self.heard(message),
                        Ok(None) if now >= until => self.over(ClientEnded::TimedOut),
                        Ok(None) => return ClientStep::Receive { until },
                        Err(error) => self.over(ClientEnded::Protocol(error)),
                    }
                }
            }
        }
    }

    /// Takes bytes from the stream, in pieces of any size.
    pub fn receive(&mut self, bytes: &[u8], now: Instant) {
        match self.state {
            State::Over(_) => {}
            State::Waiting(Some(until)) if now >= until => self.over(ClientEnded::TimedOut),
            _ => {
                if !self.inbox.push(bytes, MAX_BUFFERED) {
                    let error = Error::Overrun { limit: MAX_BUFFERED };
                    self.over(ClientEnded::Protocol(error));
                }
            }
        }
    }

    /// The stream has ended, or a message could not be written. A session that was over stays as it ended.
    pub fn closed(&mut self) {
        if !matches!(self.state, State::Over(_)) {
            self.over(ClientEnded::Closed);
        }
    }

    /// Answer to [`ClientQuestion::Authenticate`].
    pub fn authenticate(&mut self, auth: AuthResponse) {
        self.answer(Stage::Authentication, Due::Operation, &PhoneMessage::Auth(Box::new(auth)));
    }

    /// The bytes that say "still at it" while [`ClientQuestion::GenerateKey`] is open, to be written in one call; `None`
    /// at any other time. Known clients send them once, before they start.
    #[must_use]
    pub fn in_progress(&self) -> Option<Vec<u8>> {
        match (&self.state, self.session_id) {
            (State::Asked(Stage::KeyGeneration), Some(session_id)) => {
                Some(Header { command: Command::RequestInProgress as u8, session_id, length: 0 }.encode().to_vec())
            }
            _ => None,
        }
    }

    /// Answer to [`ClientQuestion::GenerateKey`]: the SubjectPublicKeyInfo in DER, or why there is none.
    pub fn generated(&mut self, public_key: Result<Vec<u8>, Reason>) {
        let due = if public_key.is_ok() { Due::Certificate } else { Due::End };
        self.answer(Stage::KeyGeneration, due, &PhoneMessage::KeyGenerated(public_key));
    }

    /// Answer to [`ClientQuestion::Store`]: 1 when the certificate is stored, 7 when not.
    pub fn stored(&mut self, reason: Reason) {
        self.answer(Stage::Store, Due::End, &PhoneMessage::Stored(reason));
    }

    /// Answer to [`ClientQuestion::Fetch`]: the certificate in DER, or 7 when there is none.
    pub fn fetched(&mut self, certificate: Result<Vec<u8>, Reason>) {
        self.answer(Stage::Fetch, Due::End, &PhoneMessage::Fetched(certificate));
    }

    /// Answer to [`ClientQuestion::Delete`]: 1 when it is gone, 7 when there was none.
    pub fn deleted(&mut self, reason: Reason) {
        self.answer(Stage::Delete, Due::End, &PhoneMessage::Deleted(reason));
    }

    fn answer(&mut self, question: Asked, due: Due, message: &PhoneMessage) {
        match (&self.state, self.session_id) {
            (State::Over(_), _) => {}
            (State::Asked(asked), Some(session_id)) if *asked == question => match message.encode(session_id) {
                Ok(bytes) => {
                    self.due = due;
                    self.state = State::Waiting(None);
                    self.outgoing = Some(bytes);
                }
                Err(error) => self.over(ClientEnded::Protocol(error)),
            },
            _ => self.over(ClientEnded::Misused("an answer to another question")),
        }
    }

    fn take(&mut self) -> Result<Option<(u32, ServerMessage)>, Error> {
        let (due, session_id, tolerated) = (self.due, self.session_id, &mut self.tolerated);
        self.inbox.take(
            |header| check(due, session_id, header),
            |header, body| Ok((header.session_id, ServerMessage::decode(header, body, tolerated)?)),
        )
    }

    fn heard(&mut self, (session_id, message): (u32, ServerMessage)) {
        self.session_id = Some(session_id);
        let question = match message {
            ServerMessage::Auth { version, auth_type } => {
                ClientQuestion::Authenticate { session_id, version, auth_type }
            }
            ServerMessage::KeyGenerate(spec) => ClientQuestion::GenerateKey(spec),
            ServerMessage::StoreCertificate { certificate_type, certificate } => {
                ClientQuestion::Store { certificate_type, certificate }
            }
            ServerMessage::FetchCertificate => ClientQuestion::Fetch,
            ServerMessage::DeleteCertificate => ClientQuestion::Delete,
            ServerMessage::EndSession(reason) => return self.over(ClientEnded::Reason(reason)),
        };
        self.state = State::Asking(question);
    }

    fn over(&mut self, ended: ClientEnded) {
        self.state = State::Over(ended);
        self.outgoing = None;
        self.inbox.clear();
    }
}

/// Looks at a header before its body has come: command of the moment, session id.
fn check(due: Due, session_id: Option<u32>, header: Header) -> Result<(), Error> {
    let command = Command::from_byte(header.command);
    let (fits, wanted) = match due {
        Due::Greeting => (command == Some(Command::AuthRequest), "AUTH_REQUEST (1) or END_SESSION (15)"),
        Due::Operation => (
            matches!(
                command,
                Some(
                    Command::KeyGenerateRequest
                        | Command::StoreCertificateRequest
                        | Command::FetchCertificateRequest
                        | Command::DeleteCertificateRequest
                )
            ),
            "KEY_GENERATE_REQUEST (3), STORE_CERTIFICATE_REQUEST (9), FETCH_CERTIFICATE_REQUEST (11), \
             DELETE_CERTIFICATE_REQUEST (13) or END_SESSION (15)",
        ),
        Due::Certificate => {
            (command == Some(Command::StoreCertificateRequest), "STORE_CERTIFICATE_REQUEST (9) or END_SESSION (15)")
        }
        Due::End => (false, "END_SESSION (15)"),
    };
    if !fits && command != Some(Command::EndSession) {
        return Err(Error::Command { found: header.command, wanted });
    }
    match session_id {
        Some(wanted) if wanted != header.session_id => Err(Error::SessionId { found: header.session_id, wanted }),
        _ => Ok(()),
    }
}
