//! Whole CAPF sessions. The input is what a phone sends to a server: the same is said, asked and decided however TLS cuts
//! the stream, every session ends, and what was asked goes through the checks of keys and proofs. Then the input is what a
//! server sends to a phone, and at last both halves talk while one message of the phone is exchanged for the input.

#![no_main]

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use pki::capf::{Sha2Proof, check, check_public_key};
use wire::capf::{
    AuthResponse, Cause, ClientEnded, ClientQuestion, ClientSession, ClientStep, Curve, DeviceName, Ended, Failure,
    KeySpec, MAX_MESSAGE, Message, Operation, Password, PhoneMessage, Question, Reason, Refusal, RsaSize,
    ServerSession, ServerStep, Timeouts, Tolerated,
};

static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// What came out of a server session.
#[derive(Debug, PartialEq)]
struct Served {
    sent: Vec<Vec<u8>>,
    asked: Vec<Question>,
    tolerated: Tolerated,
    ended: Ended,
}

/// Answers a question by rule: `choice` says what is scheduled.
fn answer(session: &mut ServerSession, question: &Question, choice: u8) {
    match question {
        Question::Authenticate(_) => match choice % 8 {
            0 => session.operation(Operation::Fetch),
            2 => session.operation(Operation::Delete),
            3 => session.operation(Operation::None),
            4 => session.refuse(Refusal::UnknownDevice),
            5 => session.operation(Operation::Install(KeySpec::Ec(Curve::Secp256r1))),
            6 => session.operation(Operation::Store(b"certificate".to_vec())),
            // the recorded installs end with a 1
            _ => session.operation(Operation::Install(KeySpec::Rsa(RsaSize::Bits2048))),
        },
        Question::Issue { public_key, wanted } => match check_public_key(public_key, *wanted) {
            Err(_) if choice & 0x80 == 0 => session.refuse(Refusal::Failed(Failure::KeyGeneration)),
            _ => session.issued(b"certificate"),
        },
        Question::Record(_) => session.recorded(),
    }
}

fn serve<'a>(session_id: u32, choice: u8, pieces: impl Iterator<Item = &'a [u8]>) -> Served {
    let now = *ORIGIN;
    let mut session = ServerSession::new(session_id, Timeouts::default());
    let (mut sent, mut asked) = (Vec::new(), Vec::new());
    // as the server reads: never more than a message at once
    let mut pieces = pieces.flat_map(|piece| piece.chunks(MAX_MESSAGE));
    loop {
        match session.step(now) {
            ServerStep::Send(bytes) => {
                Message::decode(&bytes).expect("what a server sends is one message");
                sent.push(bytes);
            }
            ServerStep::Receive { .. } => match pieces.next() {
                Some(piece) => session.receive(piece, now),
                None => session.closed(),
            },
            ServerStep::Ask(question) => {
                answer(&mut session, &question, choice);
                asked.push(question);
            }
            ServerStep::End(ended) => {
                assert_eq!(session.step(now), ServerStep::End(ended.clone()), "the end is the end");
                return Served { sent, asked, tolerated: session.tolerated(), ended };
            }
        }
    }
}

/// A phone that answers everything, and how it ended.
fn call(mut read: impl FnMut(&mut Vec<Vec<u8>>) -> Option<Vec<u8>>) -> (Vec<ClientQuestion>, ClientEnded) {
    let now = *ORIGIN;
    let mut phone = ClientSession::new(Duration::from_secs(10));
    let (mut asked, mut spoken) = (Vec::new(), Vec::new());
    loop {
        match phone.step(now) {
            ClientStep::Send(bytes) => spoken.push(bytes),
            ClientStep::Receive { .. } => match read(&mut spoken) {
                Some(piece) => phone.receive(&piece, now),
                None => phone.closed(),
            },
            ClientStep::Ask(question) => {
                match &question {
                    ClientQuestion::Authenticate { .. } => phone.authenticate(AuthResponse::with_password(
                        DeviceName::new("SEPB000B4BA0AEE").expect("a usual name"),
                        Password::new(b"482913").expect("a usual password"),
                    )),
                    ClientQuestion::GenerateKey(_) => {
                        spoken.extend(phone.in_progress());
                        phone.generated(Ok(b"key".to_vec()));
                    }
                    ClientQuestion::Store { .. } => phone.stored(Reason::SUCCESS),
                    ClientQuestion::Fetch => phone.fetched(Ok(b"certificate".to_vec())),
                    ClientQuestion::Delete => phone.deleted(Reason::SUCCESS),
                }
                asked.push(question);
            }
            ClientStep::End(ended) => return (asked, ended),
        }
    }
}

/// Both halves; the phone's message with this number is replaced.
fn talk(choice: u8, number: usize, instead: &[u8]) -> (ClientEnded, Ended) {
    let now = *ORIGIN;
    let mut server = ServerSession::new(7, Timeouts::default());
    let (mut said, mut ended) = (0, None);
    let (_, phone) = call(|spoken| {
        for bytes in spoken.drain(..) {
            let bytes = if said == number { instead } else { &bytes };
            bytes.chunks(MAX_MESSAGE).for_each(|piece| server.receive(piece, now));
            said += 1;
        }
        loop {
            match server.step(now) {
                ServerStep::Send(bytes) => return Some(bytes),
                // what replaced a message was not enough: the phone waits for ever, so it is cut off
                ServerStep::Receive { .. } => server.closed(),
                ServerStep::Ask(question) => answer(&mut server, &question, choice),
                ServerStep::End(end) => {
                    ended = Some(end);
                    return None;
                }
            }
        }
    });
    // the phone may be gone before the server says that it is over
    let ended = ended.unwrap_or_else(|| {
        loop {
            match server.step(now) {
                ServerStep::Send(_) => {}
                ServerStep::Receive { .. } => server.closed(),
                ServerStep::Ask(question) => answer(&mut server, &question, choice),
                ServerStep::End(end) => break end,
            }
        }
    });
    (phone, ended)
}

fuzz_target!(|input: &[u8]| {
    // the recorded sessions hold their session id; the last byte says what is scheduled, and how the stream is cut
    let session_id = match input {
        [_, _, a, b, c, d, ..] => u32::from_be_bytes([*a, *b, *c, *d]),
        _ => 0,
    };
    let choice = input.last().copied().unwrap_or_default();
    let size = usize::from(choice).max(1);
    let whole = serve(session_id, choice, std::iter::once(input));
    assert_eq!(whole, serve(session_id, choice, input.chunks(size)), "pieces of {size} bytes");
    assert_eq!(whole, serve(session_id, choice, input.chunks(1)), "single bytes");
    assert!(!matches!(whole.ended.cause, Cause::Misused(_) | Cause::TimedOut), "{:?}", whole.ended);
    let end = whole.sent.last().filter(|message| message.get(1) == Some(&15));
    assert_eq!(end.and_then(|message| message.last().copied()), whole.ended.reason.map(|reason| reason.0));
    for question in &whole.asked {
        match question {
            Question::Authenticate(auth) => {
                // nobody vouches for anything, so nothing is let in
                assert!(check(auth, session_id, &[], 1_800_000_000, Sha2Proof::Optional).is_err());
                // what was read can be written, and reads as the same
                let bytes = PhoneMessage::Auth(auth.clone()).encode(session_id).expect("what came in fits");
                let again = serve(session_id, choice, std::iter::once(bytes.as_slice()));
                assert_eq!(again.asked.first(), Some(question));
            }
            Question::Issue { public_key, .. } => {
                for curve in Curve::ALL {
                    if check_public_key(public_key, KeySpec::Ec(curve)).is_ok() {
                        assert!(public_key.len() <= 158);
                    }
                }
            }
            Question::Record(_) => {}
        }
    }

    // the same bytes as a server's
    let mut pieces = input.chunks(MAX_MESSAGE);
    let at_once = call(|_| pieces.next().map(<[u8]>::to_vec));
    let mut pieces = input.chunks(size);
    assert_eq!(call(|_| pieces.next().map(<[u8]>::to_vec)), at_once);

    // in the place of one message of a good session
    let (phone, server) = talk(choice, usize::from(choice >> 3 & 3), input);
    assert!(!matches!(server.cause, Cause::Misused(_)) && !matches!(phone, ClientEnded::Misused(_)));
    if let ClientEnded::Reason(reason) = phone {
        assert_eq!(Some(reason), server.reason, "the phone hears what the server says");
    }

    if let Ok(message) = Message::decode(input) {
        assert_eq!(message.encode().as_deref(), Ok(input));
    }
});
