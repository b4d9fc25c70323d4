//! A caller of the server session that decides by rule, and what it saw.

use std::time::{Duration, Instant};

use wire::capf::{
    AuthResponse, Done, Ended, KeySpec, Operation, Question, Refusal, RsaSize, ServerSession, ServerStep, Timeouts,
};

/// The name of the device in most tests.
pub const DEVICE: &str = "SEPB000B4BA0AEE";

/// The kind of key in most tests.
pub const RSA_2048: KeySpec = KeySpec::Rsa(RsaSize::Bits2048);

/// An origin to count from.
#[allow(clippy::disallowed_methods)] // no test waits; times are counted from here
pub fn origin() -> Instant {
    Instant::now()
}

/// Decides.
pub trait Desk {
    fn let_in(&mut self, auth: &AuthResponse) -> Result<Operation, Refusal>;
    fn issue(&mut self, public_key: &[u8], wanted: KeySpec) -> Result<Vec<u8>, Refusal>;
    fn record(&mut self, done: &Done) -> Result<(), Refusal>;
}

/// Lets everybody in for one operation, and gives everybody the same certificate.
pub struct Open {
    pub operation: Operation,
    pub certificate: Vec<u8>,
}

impl Open {
    pub fn with(operation: Operation) -> Self {
        Self { operation, certificate: b"certificate".to_vec() }
    }
}

impl Desk for Open {
    fn let_in(&mut self, _: &AuthResponse) -> Result<Operation, Refusal> {
        Ok(self.operation.clone())
    }

    fn issue(&mut self, _: &[u8], _: KeySpec) -> Result<Vec<u8>, Refusal> {
        Ok(self.certificate.clone())
    }

    fn record(&mut self, _: &Done) -> Result<(), Refusal> {
        Ok(())
    }
}

/// A session with everything that came out of it.
pub struct Played {
    pub session: ServerSession,
    pub sent: Vec<Vec<u8>>,
    pub asked: Vec<Question>,
    pub ended: Option<Ended>,
    pub now: Instant,
}

impl Played {
    /// A session whose AUTH_REQUEST has gone out.
    pub fn start(session_id: u32) -> Self {
        let mut played = Self {
            session: ServerSession::new(session_id, Timeouts::default()),
            sent: Vec::new(),
            asked: Vec::new(),
            ended: None,
            now: origin(),
        };
        played.run(&mut Open::with(Operation::None));
        played
    }

    /// Gives bytes, then goes on as far as it goes.
    pub fn give(&mut self, bytes: &[u8], desk: &mut dyn Desk) -> &mut Self {
        self.session.receive(bytes, self.now);
        self.run(desk);
        self
    }

    /// The end of the stream.
    pub fn close(&mut self, desk: &mut dyn Desk) -> &mut Self {
        self.session.closed();
        self.run(desk);
        self
    }

    /// Lets time go by.
    pub fn wait(&mut self, time: Duration, desk: &mut dyn Desk) -> &mut Self {
        self.now += time;
        self.run(desk);
        self
    }

    fn run(&mut self, desk: &mut dyn Desk) {
        loop {
            match self.session.step(self.now) {
                ServerStep::Send(bytes) => self.sent.push(bytes),
                ServerStep::Receive { .. } => return,
                ServerStep::Ask(question) => {
                    self.asked.push(question.clone());
                    match question {
                        Question::Authenticate(auth) => match desk.let_in(&auth) {
                            Ok(operation) => self.session.operation(operation),
                            Err(refusal) => self.session.refuse(refusal),
                        },
                        Question::Issue { public_key, wanted } => match desk.issue(&public_key, wanted) {
                            Ok(certificate) => self.session.issued(&certificate),
                            Err(refusal) => self.session.refuse(refusal),
                        },
                        Question::Record(done) => match desk.record(&done) {
                            Ok(()) => self.session.recorded(),
                            Err(refusal) => self.session.refuse(refusal),
                        },
                    }
                }
                ServerStep::End(ended) => {
                    self.ended = Some(ended);
                    return;
                }
            }
        }
    }

    /// Label of the end and reason of END_SESSION, or `("open", None)`; holds what was sent against what was said.
    pub fn end(&self) -> (&'static str, Option<u8>) {
        let Some(ended) = &self.ended else { return ("open", None) };
        let session_id = self.session.session_id().to_be_bytes();
        let last = self.sent.last().unwrap();
        match ended.reason {
            Some(reason) => {
                let mut end = [0x55, 15, 0, 0, 0, 0, 0, 4, 1, 0, 1, reason.0];
                end[2..6].copy_from_slice(&session_id);
                assert_eq!(last, &end, "END_SESSION as announced");
            }
            None => assert_ne!(last[1], 15, "no END_SESSION, as announced"),
        }
        (ended.label(), ended.reason.map(|reason| reason.0))
    }
}

/// A message of a phone.
pub fn message(command: u8, session_id: u32, elements: &[(u8, &[u8])]) -> Vec<u8> {
    let elements = elements.iter().map(|(tag, value)| (*tag, value.to_vec())).collect();
    wire::capf::Message { command, session_id, elements }.encode().unwrap()
}

/// AUTH_RESPONSE as a phone without a certificate sends it.
pub fn auth(session_id: u32) -> Vec<u8> {
    message(2, session_id, &[(1, &[1]), (7, &[3]), (11, &[0]), (13, b"SEPB000B4BA0AEE\0")])
}
