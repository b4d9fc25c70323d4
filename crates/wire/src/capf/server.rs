//! The server's half of a connection.

use std::time::Instant;

use super::Error;
use super::command::Command;
use super::message::{Capf, Header, MAX_BUFFERED};
use super::outcome::{Cause, Ended, Refusal, Stage};
use super::phone_message::{AuthResponse, PhoneMessage};
use super::server_message::ServerMessage;
use super::timeouts::Timeouts;
use super::tolerance::Tolerated;
use super::values::{CertificateType, KeySpec, Reason};
use crate::elements::Gathered;

/// Most REQUEST_IN_PROGRESS of one session: one in 0.6 seconds for the ten minutes that a key may take. Real phones
/// send one or a few.
pub const MAX_IN_PROGRESS: u16 = 1000;

/// What is scheduled for a device that has been let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// Nothing: END_SESSION reason 0.
    None,
    /// *Install/Upgrade*: a new key of this kind and a certificate for it.
    Install(KeySpec),
    /// *Install/Upgrade*, after an offline CA has signed: the certificate (DER, 1 to 16384 bytes) for a key that the phone made
    /// in an earlier session. It comes without KEY_GENERATE_REQUEST [inferred: no capture of such a session is known].
    Store(Vec<u8>),
    /// *Troubleshoot*: the certificate that the phone has.
    Fetch,
    /// *Delete*.
    Delete,
}

/// What a session has to know before it goes on. Each question is asked once and has its own answers; until one of them
/// is given, nothing is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// Is this device known, is it what it says it is, and what is scheduled for it? Answer with
    /// [`ServerSession::operation`] or [`ServerSession::refuse`].
    Authenticate(Box<AuthResponse>),
    /// The phone has made a key. Is it the one that was asked for, and what is the certificate for it? Answer with
    /// [`ServerSession::issued`] or [`ServerSession::refuse`]. Everything that must outlive a broken connection has to be
    /// on record before the answer: the certificate goes out with the next step.
    Issue {
        /// SubjectPublicKeyInfo as the phone sent it, 1 to 2048 bytes, not checked in any way.
        public_key: Vec<u8>,
        /// What was asked for.
        wanted: KeySpec,
    },
    /// The phone has done it. Put that on record, then answer with [`ServerSession::recorded`] (the phone is told the
    /// success) or [`ServerSession::refuse`] (it is told reason 7).
    Record(Done),
}

/// What a phone has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// The certificate of [`ServerSession::issued`] is stored: this is the moment at which it becomes the LSC.
    Stored,
    /// This is the phone's certificate, DER, not checked in any way.
    Fetched(Vec<u8>),
    /// It has no certificate any more.
    Deleted,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum ServerStep {
    /// Write this in one call: phones stall when a message comes in two TLS records. If it cannot be written, say
    /// [`ServerSession::closed`].
    Send(Vec<u8>),
    /// Read, and give what came to [`ServerSession::receive`]; at the end of the stream say [`ServerSession::closed`].
    /// When `until` comes first, just step on.
    Receive {
        /// End of the time for this stage.
        until: Instant,
    },
    /// Decide, and answer.
    Ask(Question),
    /// It is over: close. Further steps say the same.
    End(Ended),
}

/// Leads one phone through one operation; see the [module](super) for the loop around it.
///
/// Nothing that a phone sends makes it panic, and whatever it sends the session comes to an end in the time of its stages.
/// Messages that come before their turn wait for it.
#[derive(Debug)]
pub struct ServerSession {
    session_id: u32,
    timeouts: Timeouts,
    stage: Stage,
    state: State,
    outgoing: Option<Vec<u8>>,
    inbox: Gathered<Capf>,
    tolerated: Tolerated,
    in_progress: u16,
    wanted: Option<KeySpec>,
}

#[derive(Debug)]
enum State {
    /// A message of the phone is due; the time starts when the request has been handed out.
    Waiting(Option<Instant>),
    /// A question is to be asked.
    Asking(Question),
    /// A question has been asked.
    Asked(Asked),
    /// Over as soon as what is to be sent has been handed out.
    Over(Ended),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Authenticate,
    Issue,
    Record,
}

impl ServerSession {
    /// A session right behind the TLS handshake. `session_id` must be another one for every connection: SUDI_DATA is a
    /// proof over it, so one that comes again lets an old proof be shown again.
    #[must_use]
    pub fn new(session_id: u32, timeouts: Timeouts) -> Self {
        let mut session = Self {
            session_id,
            timeouts,
            stage: Stage::Authentication,
            state: State::Waiting(None),
            outgoing: None,
            inbox: Gathered::new(),
            tolerated: Tolerated::NONE,
            in_progress: 0,
            wanted: None,
        };
        session.send(&ServerMessage::first());
        session
    }

    /// The id of this session, for the check of SUDI_DATA.
    #[must_use]
    pub const fn session_id(&self) -> u32 {
        self.session_id
    }

    /// Where the session stands.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        self.stage
    }

    /// In what the phone deviated until now.
    #[must_use]
    pub const fn tolerated(&self) -> Tolerated {
        self.tolerated
    }

    /// What to do next. `now` must not go back from call to call.
    pub fn step(&mut self, now: Instant) -> ServerStep {
        loop {
            if let Some(bytes) = self.outgoing.take() {
                if let State::Waiting(until) = &mut self.state {
                    *until = Some(self.stage.ends(&self.timeouts, now));
                }
                return ServerStep::Send(bytes);
            }
            match &mut self.state {
                State::Over(ended) => return ServerStep::End(ended.clone()),
                State::Asked(_) => self.misused("a step before the question was answered"),
                State::Asking(question) => {
                    let asked = match question {
                        Question::Authenticate(_) => Asked::Authenticate,
                        Question::Issue { .. } => Asked::Issue,
                        Question::Record(_) => Asked::Record,
                    };
                    if let State::Asking(question) = std::mem::replace(&mut self.state, State::Asked(asked)) {
                        return ServerStep::Ask(question);
                    }
                }
                State::Waiting(until) => {
                    let until = *until.get_or_insert_with(|| self.stage.ends(&self.timeouts, now));
                    match self.take() {
                        Ok(Some(message)) => self.heard(message),
                        Ok(None) if now >= until => self.close(Cause::TimedOut),
                        Ok(None) => return ServerStep::Receive { until },
                        Err(error) => self.end(Cause::Protocol(error), Reason::FAILURE),
                    }
                }
            }
        }
    }

    /// Takes bytes from the stream, in pieces of any size. What comes after the time of the stage is not looked at.
    pub fn receive(&mut self, bytes: &[u8], now: Instant) {
        match self.state {
            State::Over(_) => {}
            State::Waiting(Some(until)) if now >= until => self.close(Cause::TimedOut),
            _ => {
                if !self.inbox.push(bytes, MAX_BUFFERED) {
                    let error = Error::Overrun { limit: MAX_BUFFERED };
                    self.end(Cause::Protocol(error), Reason::FAILURE);
                }
            }
        }
    }

    /// The stream has ended, or a message could not be written. A session that was over stays as it ended.
    pub fn closed(&mut self) {
        if !matches!(self.state, State::Over(_)) {
            self.close(Cause::Closed);
        }
        self.outgoing = None;
    }

    /// Answer to [`Question::Authenticate`]: the device is let in.
    pub fn operation(&mut self, operation: Operation) {
        if !self.answers(Asked::Authenticate) {
            return;
        }
        let (stage, message) = match operation {
            Operation::None => return self.end(Cause::NothingPending, Reason::NO_ACTION),
            Operation::Install(spec) => {
                self.wanted = Some(spec);
                (Stage::KeyGeneration, ServerMessage::KeyGenerate(spec))
            }
            Operation::Store(certificate) => return self.store(&certificate),
            Operation::Fetch => (Stage::Fetch, ServerMessage::FetchCertificate),
            Operation::Delete => (Stage::Delete, ServerMessage::DeleteCertificate),
        };
        self.wait(stage, &message);
    }

    /// Answer to [`Question::Issue`]: the certificate in DER, 1 to 16384 bytes.
    pub fn issued(&mut self, certificate: &[u8]) {
        if self.answers(Asked::Issue) {
            self.store(certificate);
        }
    }

    fn store(&mut self, certificate: &[u8]) {
        let message = ServerMessage::StoreCertificate {
            certificate_type: CertificateType::Lsc,
            certificate: certificate.to_vec(),
        };
        self.wait(Stage::Store, &message);
    }

    /// Answer to [`Question::Record`]: it is on record.
    pub fn recorded(&mut self) {
        if self.answers(Asked::Record) {
            match self.stage {
                Stage::Fetch => self.end(Cause::Fetched, Reason::NO_ACTION),
                Stage::Delete => self.end(Cause::Deleted, Reason::SUCCESS),
                Stage::Store | Stage::Authentication | Stage::KeyGeneration => {
                    self.end(Cause::Installed, Reason::SUCCESS);
                }
            }
        }
    }

    /// Answer to any question: no.
    pub fn refuse(&mut self, refusal: Refusal) {
        match self.state {
            State::Over(_) => {}
            State::Asked(_) => self.end(Cause::Refused(refusal), refusal.reason()),
            State::Waiting(_) | State::Asking(_) => self.misused("a refusal although nothing was asked"),
        }
    }

    /// Ends the session whatever its phone is doing, because somebody else decided so.
    pub fn end_at_once(&mut self, refusal: Refusal) {
        if !matches!(self.state, State::Over(_)) {
            self.end(Cause::Refused(refusal), refusal.reason());
        }
    }

    /// Is this the question that is open? An answer that comes after the end is late and nothing else.
    fn answers(&mut self, wanted: Asked) -> bool {
        match self.state {
            State::Asked(asked) if asked == wanted => true,
            State::Over(_) => false,
            _ => {
                self.misused("an answer to another question");
                false
            }
        }
    }

    fn take(&mut self) -> Result<Option<PhoneMessage>, Error> {
        let (stage, session_id, tolerated) = (self.stage, self.session_id, &mut self.tolerated);
        self.inbox.take(
            |header| check(stage, session_id, header),
            |header, body| PhoneMessage::decode(header, body, tolerated),
        )
    }

    fn heard(&mut self, message: PhoneMessage) {
        self.state = State::Asking(match message {
            PhoneMessage::Auth(auth) => Question::Authenticate(auth),
            PhoneMessage::InProgress => {
                self.in_progress += 1;
                if self.in_progress > MAX_IN_PROGRESS {
                    self.end(Cause::Protocol(Error::InProgress { limit: MAX_IN_PROGRESS }), Reason::FAILURE);
                }
                return;
            }
            PhoneMessage::KeyGenerated(Ok(public_key)) => match self.wanted {
                Some(wanted) => Question::Issue { public_key, wanted },
                None => return self.misused("a key that was not asked for"),
            },
            PhoneMessage::Stored(Reason::SUCCESS) => Question::Record(Done::Stored),
            PhoneMessage::Fetched(Ok(certificate)) => Question::Record(Done::Fetched(certificate)),
            PhoneMessage::Deleted(Reason::SUCCESS) => Question::Record(Done::Deleted),
            PhoneMessage::KeyGenerated(Err(reason)) | PhoneMessage::Stored(reason) => {
                return self.end(Cause::PhoneFailed(reason), Reason::FAILURE);
            }
            // a phone without a certificate has been asked in vain: the session itself went well
            // [sources/capf#sequence]
            PhoneMessage::Fetched(Err(reason)) => return self.end(Cause::PhoneFailed(reason), Reason::NO_ACTION),
            PhoneMessage::Deleted(reason) => return self.end(Cause::PhoneFailed(reason), Reason::SUCCESS),
        });
    }

    fn wait(&mut self, stage: Stage, message: &ServerMessage) {
        self.stage = stage;
        self.state = State::Waiting(None);
        self.send(message);
    }

    fn send(&mut self, message: &ServerMessage) {
        match message.encode(self.session_id) {
            Ok(bytes) => self.outgoing = Some(bytes),
            Err(_) => self.misused("a certificate that does not fit a message"),
        }
    }

    /// END_SESSION, then the end.
    fn end(&mut self, cause: Cause, reason: Reason) {
        self.over(cause, Some(reason));
        match ServerMessage::EndSession(reason).encode(self.session_id) {
            Ok(bytes) => self.outgoing = Some(bytes),
            Err(_) => self.outgoing = None,
        }
    }

    /// The end without END_SESSION.
    fn close(&mut self, cause: Cause) {
        self.over(cause, None);
        self.outgoing = None;
    }

    fn over(&mut self, cause: Cause, reason: Option<Reason>) {
        self.state = State::Over(Ended { stage: self.stage, cause, reason });
        self.inbox.clear();
    }

    fn misused(&mut self, what: &'static str) {
        self.end(Cause::Misused(what), Reason::FAILURE);
    }
}

/// Looks at a header before its body has come: command of the stage, session id.
fn check(stage: Stage, session_id: u32, header: Header) -> Result<(), Error> {
    let (due, wanted) = match stage {
        Stage::Authentication => (Command::AuthResponse, "AUTH_RESPONSE (2)"),
        Stage::KeyGeneration => (Command::KeyGenerateResponse, "KEY_GENERATE_RESPONSE (4) or REQUEST_IN_PROGRESS (17)"),
        Stage::Store => (Command::StoreCertificateResponse, "STORE_CERTIFICATE_RESPONSE (10)"),
        Stage::Fetch => (Command::FetchCertificateResponse, "FETCH_CERTIFICATE_RESPONSE (12)"),
        Stage::Delete => (Command::DeleteCertificateResponse, "DELETE_CERTIFICATE_RESPONSE (14)"),
    };
    let in_progress = stage == Stage::KeyGeneration && header.command == Command::RequestInProgress as u8;
    if header.command != due as u8 && !in_progress {
        return Err(Error::Command { found: header.command, wanted });
    }
    if header.session_id != session_id {
        return Err(Error::SessionId { found: header.session_id, wanted: session_id });
    }
    Ok(())
}
