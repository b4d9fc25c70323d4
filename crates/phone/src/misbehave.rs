//! Phones that misbehave on purpose: what servers have to survive.
//!
//! Most kinds change how a message goes out, and apply to CAPF and, where the table of [`Misbehaviour::tvs`] says so, to
//! TVS. Four concern what a phone hands in and are used by [`crate::capf`] when it answers.
//!
//! * [`load`]: crowds that misbehave together, against every server of a node; [`visit`]: good clients beside them; [`campaign`]: both, measured

pub mod campaign;
pub mod load;
pub mod visit;

use std::str::FromStr;
use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt};
use wire::capf::{Command, MAX_IN_PROGRESS, Reason};

/// How long a phone that answers late takes, unless told otherwise.
pub const LATE: Duration = Duration::from_secs(5);

/// Longest delay that is taken: servers close after minutes.
const LATEST: Duration = Duration::from_secs(3600);

/// Most bytes behind a header, of both protocols.
const MAX_BODY: usize = u16::MAX as usize;

/// What a phone does wrong, each time it can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misbehaviour {
    /// Says nothing after the server's first message, and stays.
    Stall,
    /// Says that the key is being made, then nothing more.
    StallKey,
    /// Stores the certificate and does not say so.
    StallStore,
    /// Waits before each message. Nothing else is wrong.
    Late(Duration),
    /// Writes another session id.
    WrongSession,
    /// Sends the last element of its first message twice.
    DuplicateElements,
    /// Makes its first message as long as a message can be, by its last element.
    Oversize,
    /// Closes in the middle of its first message.
    Truncated,
    /// Sends more than a server can be waiting for.
    Flood,
    /// Sends each byte in a TLS record of its own. Nothing else is wrong.
    Dribble,
    /// Sends header and body in two TLS records. Nothing else is wrong.
    TwoRecords,
    /// Begins with STORE_CERTIFICATE_RESPONSE.
    OutOfOrder,
    /// Says without end that the key is being made.
    InProgressFlood,
    /// Shows its certificate with a proof that does not hold.
    WrongProof,
    /// Hands in a key of another kind than asked for.
    OtherKey,
    /// Hands in an RSA key with exponent 1.
    WeakKey,
    /// Hands in bytes that are no key.
    GarbageKey,
    /// Closes when it has handed in its key.
    CloseAfterKey,
    /// Says that it did not store the certificate, and did not.
    RefuseStore,
    /// Closes when it gets the certificate, without storing it.
    CloseBeforeStore,
    /// Stores the certificate and closes without saying so.
    CloseAfterStore,
}

/// What a text is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadMisbehaviour {
    /// Not a kind.
    #[error("`{0}` is not a way to misbehave; known are {known}", known = Misbehaviour::names())]
    Unknown(String),
    /// `late=` with something that is no number of seconds.
    #[error("`{0}` is not a time; write late=2.5 for two and a half seconds, at most 3600")]
    Time(String),
}

impl Misbehaviour {
    /// All of them; `late` with its usual time.
    pub const ALL: [Self; 21] = [
        Self::Stall,
        Self::StallKey,
        Self::StallStore,
        Self::Late(LATE),
        Self::WrongSession,
        Self::DuplicateElements,
        Self::Oversize,
        Self::Truncated,
        Self::Flood,
        Self::Dribble,
        Self::TwoRecords,
        Self::OutOfOrder,
        Self::InProgressFlood,
        Self::WrongProof,
        Self::OtherKey,
        Self::WeakKey,
        Self::GarbageKey,
        Self::CloseAfterKey,
        Self::RefuseStore,
        Self::CloseBeforeStore,
        Self::CloseAfterStore,
    ];

    /// The name on the command line.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Stall => "stall",
            Self::StallKey => "stall-key",
            Self::StallStore => "stall-store",
            Self::Late(_) => "late",
            Self::WrongSession => "wrong-session",
            Self::DuplicateElements => "duplicate-elements",
            Self::Oversize => "oversize",
            Self::Truncated => "truncated",
            Self::Flood => "flood",
            Self::Dribble => "dribble",
            Self::TwoRecords => "two-records",
            Self::OutOfOrder => "out-of-order",
            Self::InProgressFlood => "in-progress-flood",
            Self::WrongProof => "wrong-proof",
            Self::OtherKey => "other-key",
            Self::WeakKey => "weak-key",
            Self::GarbageKey => "garbage-key",
            Self::CloseAfterKey => "close-after-key",
            Self::RefuseStore => "refuse-store",
            Self::CloseBeforeStore => "close-before-store",
            Self::CloseAfterStore => "close-after-store",
        }
    }

    /// All names, for a message.
    #[must_use]
    pub fn names() -> String {
        Self::ALL.map(Self::label).join(" ")
    }

    /// Whether a phone also does this to TVS servers.
    #[must_use]
    pub const fn tvs(self) -> bool {
        matches!(
            self,
            Self::Stall
                | Self::Late(_)
                | Self::DuplicateElements
                | Self::Oversize
                | Self::Truncated
                | Self::Flood
                | Self::Dribble
                | Self::TwoRecords
        )
    }

    /// How a message goes out.
    fn plan(self, service: Service, message: &[u8]) -> Plan {
        let usual = || Plan { wait: Duration::ZERO, writes: vec![message.to_vec()], close: false };
        let only = |writes| Plan { wait: Duration::ZERO, writes, close: false };
        let header = service.header_length();
        let command = match service {
            Service::Tvs if !self.tvs() => return usual(),
            Service::Tvs => None,
            Service::Capf => message.get(1).copied().and_then(Command::from_byte),
        };
        let first = matches!(command, None | Some(Command::AuthResponse));
        let key = command == Some(Command::KeyGenerateResponse);
        let stored = command == Some(Command::StoreCertificateResponse);
        match self {
            Self::Stall if first => only(Vec::new()),
            Self::StallKey if key => only(Vec::new()),
            Self::StallStore if stored => only(Vec::new()),
            Self::Late(wait) => Plan { wait, ..usual() },
            Self::WrongSession => only(vec![wrong_session(message)]),
            Self::DuplicateElements if first => only(vec![duplicated(message, header)]),
            Self::Oversize if first => only(vec![oversized(message, header)]),
            Self::Truncated if first => {
                let half = message.get(..message.len() / 2).unwrap_or_default().to_vec();
                Plan { wait: Duration::ZERO, writes: vec![half], close: true }
            }
            Self::Flood if first => {
                let long = oversized(message, header);
                only(vec![message.to_vec(), long.clone(), long.clone(), long])
            }
            Self::Dribble => only(message.iter().map(|byte| vec![*byte]).collect()),
            Self::TwoRecords => {
                let (head, body) = message.split_at_checked(header).unwrap_or((message, &[]));
                only([head, body].into_iter().filter(|part| !part.is_empty()).map(<[u8]>::to_vec).collect())
            }
            Self::OutOfOrder if first => only(vec![out_of_order(message)]),
            Self::InProgressFlood if key => {
                let mut one = message.get(..header).unwrap_or_default().to_vec();
                if let Some([_, command, .., high, low]) = one.first_chunk_mut::<8>() {
                    (*command, *high, *low) = (Command::RequestInProgress as u8, 0, 0);
                }
                only(vec![one.repeat(usize::from(MAX_IN_PROGRESS) + 1)])
            }
            Self::CloseAfterKey if key => Plan { close: true, ..usual() },
            Self::CloseBeforeStore | Self::CloseAfterStore if stored => Plan { close: true, ..only(Vec::new()) },
            _ => usual(),
        }
    }
}

impl std::fmt::Display for Misbehaviour {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Late(wait) => write!(out, "late={}", wait.as_secs_f64()),
            other => out.write_str(other.label()),
        }
    }
}

impl FromStr for Misbehaviour {
    type Err = BadMisbehaviour;

    /// A label; `late` may be followed by `=` and seconds.
    fn from_str(text: &str) -> Result<Self, BadMisbehaviour> {
        if let Some(seconds) = text.strip_prefix("late=") {
            let bad = || BadMisbehaviour::Time(seconds.to_owned());
            let wait = Duration::try_from_secs_f64(seconds.parse().map_err(|_| bad())?).map_err(|_| bad())?;
            return if wait <= LATEST { Ok(Self::Late(wait)) } else { Err(bad()) };
        }
        let found = Self::ALL.into_iter().find(|kind| kind.label() == text);
        found.ok_or_else(|| BadMisbehaviour::Unknown(text.to_owned()))
    }
}

/// Whom a message goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Capf,
    Tvs,
}

impl Service {
    /// Bytes of a header; its last two are the length of the elements.
    const fn header_length(self) -> usize {
        match self {
            Self::Capf => wire::capf::HEADER_LENGTH,
            Self::Tvs => wire::tvs::HEADER_LENGTH,
        }
    }
}

/// What is done in place of writing a message.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Plan {
    wait: Duration,
    /// One TLS record each, up to 16 kB.
    writes: Vec<Vec<u8>>,
    close: bool,
}

/// Writes a message as the phone does it. `false`: the phone closes now.
pub(crate) async fn write(
    stream: &mut (impl AsyncWrite + Unpin),
    service: Service,
    message: &[u8],
    how: Option<Misbehaviour>,
) -> std::io::Result<bool> {
    let Some(how) = how else {
        stream.write_all(message).await?;
        return Ok(true);
    };
    let plan = how.plan(service, message);
    if !plan.wait.is_zero() {
        tokio::time::sleep(plan.wait).await;
    }
    for bytes in &plan.writes {
        stream.write_all(bytes).await?;
        stream.flush().await?;
    }
    Ok(!plan.close)
}

fn wrong_session(message: &[u8]) -> Vec<u8> {
    let mut message = message.to_vec();
    if let Some(last) = message.get_mut(5) {
        *last ^= 1;
    }
    message
}

/// The session id of the message in a STORE_CERTIFICATE_RESPONSE that says success.
fn out_of_order(message: &[u8]) -> Vec<u8> {
    let session_id = message.get(2..6).unwrap_or_default();
    let mut out = vec![wire::capf::PROTOCOL_ID, Command::StoreCertificateResponse as u8];
    out.extend_from_slice(session_id);
    out.extend_from_slice(&[0, 4, wire::capf::tag::REASON, 0, 1, Reason::SUCCESS.0]);
    out
}

/// Where the last element of a whole message starts.
fn last_element(message: &[u8], header: usize) -> Option<usize> {
    let mut at = header;
    let mut last = None;
    while let Some([_, high, low]) = message.get(at..).and_then(|rest| rest.first_chunk::<3>()) {
        last = Some(at);
        at += 3 + usize::from(u16::from_be_bytes([*high, *low]));
    }
    last
}

/// Puts the length of what follows behind the header into it.
fn measured(mut message: Vec<u8>, header: usize) -> Vec<u8> {
    let length = u16::try_from(message.len().saturating_sub(header)).unwrap_or(u16::MAX);
    if let Some(place) = message.get_mut(header - 2..header) {
        place.copy_from_slice(&length.to_be_bytes());
    }
    message
}

fn duplicated(message: &[u8], header: usize) -> Vec<u8> {
    let mut out = message.to_vec();
    if let Some(last) = last_element(message, header).and_then(|at| message.get(at..)) {
        out.extend_from_slice(last);
    }
    measured(out, header)
}

fn oversized(message: &[u8], header: usize) -> Vec<u8> {
    let mut out = message.to_vec();
    if let Some(at) = last_element(message, header) {
        out.resize(header + MAX_BODY, b'A');
        let length = u16::try_from(out.len() - at - 3).unwrap_or(u16::MAX);
        if let Some(place) = out.get_mut(at + 1..at + 3) {
            place.copy_from_slice(&length.to_be_bytes());
        }
    }
    measured(out, header)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::capf::{AuthResponse, DeviceName, Elements, Message, Password, PhoneMessage};

    fn auth() -> Vec<u8> {
        let name = DeviceName::new("SEPB000B4BA0AEE").unwrap();
        let auth = AuthResponse::with_password(name, Password::new(b"482913").unwrap());
        PhoneMessage::Auth(Box::new(auth)).encode(0x0102_0304).unwrap()
    }

    fn writes(how: Misbehaviour, message: &[u8]) -> Vec<Vec<u8>> {
        how.plan(Service::Capf, message).writes
    }

    #[test]
    fn names() {
        for kind in Misbehaviour::ALL {
            assert_eq!(kind.label().parse(), Ok(kind));
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
        assert_eq!("late=0.25".parse(), Ok(Misbehaviour::Late(Duration::from_millis(250))));
        for bad in ["late=", "late=-1", "late=NaN", "late=1e99", "late=3601"] {
            assert!(matches!(bad.parse::<Misbehaviour>(), Err(BadMisbehaviour::Time(_))), "{bad}");
        }
        let error = "rude".parse::<Misbehaviour>().unwrap_err().to_string();
        assert!(error.contains("`rude`") && error.contains("close-after-store"), "{error}");
    }

    #[test]
    fn what_goes_out() {
        let message = auth();
        let twice = Message::decode(&writes(Misbehaviour::DuplicateElements, &message)[0]).unwrap();
        assert_eq!(twice.elements.last(), twice.elements.iter().rev().nth(1));
        let long = &writes(Misbehaviour::Oversize, &message)[0];
        assert_eq!(long.len(), 8 + 65_535);
        let last = Elements::new(&long[8..]).last().unwrap().unwrap();
        assert_eq!((last.tag, &last.value[..15]), (wire::capf::tag::DEVICE_NAME, b"SEPB000B4BA0AEE".as_slice()));
        assert_eq!(Message::decode(&writes(Misbehaviour::WrongSession, &message)[0]).unwrap().session_id, 0x0102_0305);
        assert_eq!(writes(Misbehaviour::TwoRecords, &message), [message[..8].to_vec(), message[8..].to_vec()]);
        assert_eq!(writes(Misbehaviour::Dribble, &message).len(), message.len());
        assert!(writes(Misbehaviour::Stall, &message).is_empty());
        assert!(writes(Misbehaviour::Flood, &message).concat().len() > wire::capf::MAX_BUFFERED);
        let early = Message::decode(&writes(Misbehaviour::OutOfOrder, &message)[0]).unwrap();
        assert_eq!((early.command, early.session_id), (10, 0x0102_0304));
        let cut = Misbehaviour::Truncated.plan(Service::Capf, &message);
        assert!(cut.close && cut.writes[0].len() == message.len() / 2);

        let key = PhoneMessage::KeyGenerated(Ok(vec![1; 300])).encode(7).unwrap();
        assert_eq!(writes(Misbehaviour::Stall, &key).concat(), key, "only the first message");
        let flood = &writes(Misbehaviour::InProgressFlood, &key)[0];
        assert_eq!(flood.len(), 8 * 1001);
        assert_eq!(flood[..8], PhoneMessage::InProgress.encode(7).unwrap());
        assert!(Misbehaviour::CloseAfterKey.plan(Service::Capf, &key).close);
        let stored = PhoneMessage::Stored(Reason::SUCCESS).encode(7).unwrap();
        for how in [Misbehaviour::CloseBeforeStore, Misbehaviour::CloseAfterStore] {
            let plan = how.plan(Service::Capf, &stored);
            assert!(plan.close && plan.writes.is_empty());
        }
        // a message without elements is left as it is
        let bare = PhoneMessage::InProgress.encode(7).unwrap();
        assert_eq!(writes(Misbehaviour::TwoRecords, &bare), [bare]);
    }

    #[test]
    fn what_tvs_gets() {
        let mut session = wire::tvs::ClientSession::default();
        let ask = wire::tvs::Ask::Verify { certificate: vec![0x30; 40] };
        let request = session.request(None, ask).unwrap();
        for kind in Misbehaviour::ALL {
            let plan = kind.plan(Service::Tvs, &request);
            assert_eq!(plan.writes == [request.clone()] && plan.wait.is_zero() && !plan.close, !kind.tvs(), "{kind}");
        }
        let long = &Misbehaviour::Oversize.plan(Service::Tvs, &request).writes[0];
        assert_eq!((long.len(), &long[8..10]), (10 + 65_535, [0xFF, 0xFF].as_slice()));
    }
}
