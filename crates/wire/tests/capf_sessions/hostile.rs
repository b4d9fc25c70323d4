//! A phone that sends what it should not: each field of each message cut, too long, twice, unknown, out of order, with a
//! wrong session, in pieces. The session ends with the reason of [sources/capf#tolerance] or goes on by a tolerance; it
//! never stops.

use std::time::Duration;

use wire::capf::{Done, Message, Operation, Question, Tolerance, tag};

use crate::desk::{Open, Played, RSA_2048, auth, message};

const SESSION: u32 = 0x0102_0304;
const NAME: &[u8] = b"SEPB000B4BA0AEE\0";
const CERTIFICATE: &[u8] = &[1, 0, 5, 0, 1, b'd', b'e', b'r'];
const SUDI: &[u8] = &[0, 0, 1, b'c', 1, 0, 2, b's', b'1', 3, 0, 2, b's', b'2'];

/// A whole AUTH_RESPONSE with every element.
fn full_auth() -> Message {
    let elements: [(u8, &[u8]); 8] = [
        (tag::REASON, &[1]),
        (tag::CERTIFICATE, CERTIFICATE),
        (tag::SIGNED_DATA, b"proof"),
        (tag::VERSION, &[3]),
        (tag::PASSWORD, b"482913\0"),
        (tag::DEVICE_NAME, NAME),
        (tag::SUDI_DATA, SUDI),
        (tag::SHA2_SIGNED_DATA, &[3, 0, 1, b'p']),
    ];
    Message::decode(&message(2, SESSION, &elements)).unwrap()
}

/// A moment in a session: what was given before, and the message that is due.
struct Moment {
    name: &'static str,
    operation: Operation,
    before: Vec<Vec<u8>>,
    due: Message,
}

fn moments() -> Vec<Moment> {
    let install = Operation::Install(RSA_2048);
    let due = |command, elements: &[(u8, &[u8])]| Message::decode(&message(command, SESSION, elements)).unwrap();
    let key = due(4, &[(tag::PUBLIC_KEY, b"a public key")]);
    vec![
        Moment { name: "authentication", operation: install.clone(), before: vec![], due: full_auth() },
        Moment { name: "key", operation: install.clone(), before: vec![auth(SESSION)], due: key.clone() },
        Moment {
            name: "store",
            operation: install,
            before: vec![auth(SESSION), key.encode().unwrap()],
            due: due(10, &[(tag::REASON, &[1])]),
        },
        Moment {
            name: "fetch",
            operation: Operation::Fetch,
            before: vec![auth(SESSION)],
            due: due(12, &[(tag::REASON, &[1]), (tag::CERTIFICATE, CERTIFICATE)]),
        },
        Moment {
            name: "delete",
            operation: Operation::Delete,
            before: vec![auth(SESSION)],
            due: due(14, &[(tag::REASON, &[1])]),
        },
    ]
}

impl Moment {
    /// The session just before the message that is due.
    fn reach(&self) -> (Played, Open) {
        let mut desk = Open::with(self.operation.clone());
        let mut played = Played::start(SESSION);
        for message in &self.before {
            played.give(message, &mut desk);
        }
        assert_eq!(played.end(), ("open", None), "{}", self.name);
        (played, desk)
    }

    /// Gives these bytes, in pieces of every size of interest, and tells how it ended: a label and a reason, or `asked`
    /// when the caller was asked, or `open` when the session waits for more.
    fn give(&self, bytes: &[u8]) -> (&'static str, Option<u8>) {
        let outcome = |size: usize| {
            let (mut played, mut desk) = self.reach();
            let asked = played.asked.len();
            for piece in bytes.chunks(size) {
                played.give(piece, &mut desk);
            }
            match played.asked.get(asked) {
                Some(_) => ("asked", None),
                None => played.end(),
            }
        };
        let at_once = outcome(usize::MAX);
        for size in [1, 3, 8, 9] {
            assert_eq!(outcome(size), at_once, "{} in pieces of {size}", self.name);
        }
        at_once
    }
}

/// The element of a message, by tag.
fn place(message: &Message, tag: u8) -> usize {
    message.elements.iter().position(|(other, _)| *other == tag).unwrap()
}

#[test]
fn what_is_due_is_taken() {
    for moment in moments() {
        assert_eq!(moment.give(&moment.due.encode().unwrap()), ("asked", None), "{}", moment.name);
    }
    let (mut played, mut desk) = moments()[3].reach();
    played.give(&moments()[3].due.encode().unwrap(), &mut desk);
    assert_eq!(played.asked.last(), Some(&Question::Record(Done::Fetched(b"der".to_vec()))));
}

#[test]
fn every_element_a_byte_short() {
    let wanted = [
        ("authentication", tag::REASON, "value"),
        ("authentication", tag::CERTIFICATE, "value"),
        // the proofs and keys are checked by the caller, to the byte
        ("authentication", tag::SIGNED_DATA, "asked"),
        ("authentication", tag::VERSION, "value"),
        // without NUL: tolerated by name
        ("authentication", tag::PASSWORD, "asked"),
        ("authentication", tag::DEVICE_NAME, "asked"),
        ("authentication", tag::SUDI_DATA, "element-past-end"),
        ("authentication", tag::SHA2_SIGNED_DATA, "value"),
        ("key", tag::PUBLIC_KEY, "asked"),
        ("store", tag::REASON, "value"),
        ("fetch", tag::REASON, "value"),
        ("fetch", tag::CERTIFICATE, "value"),
        ("delete", tag::REASON, "value"),
    ];
    let all: usize = moments().iter().map(|moment| moment.due.elements.len()).sum();
    assert_eq!(wanted.len(), all, "every element has a line");
    for (name, tag, label) in wanted {
        let moment = moments().into_iter().find(|moment| moment.name == name).unwrap();
        let mut message = moment.due.clone();
        message.elements[place(&moment.due, tag)].1.pop();
        let (got, reason) = moment.give(&message.encode().unwrap());
        assert_eq!((got, reason), (label, (label != "asked").then_some(7)), "{name} {}", tag::name(tag));
    }
}

#[test]
fn every_element_empty() {
    for moment in moments() {
        for (index, (tag, _)) in moment.due.elements.iter().enumerate() {
            let mut message = moment.due.clone();
            message.elements[index].1.clear();
            let wanted = if *tag == tag::PASSWORD { ("asked", None) } else { ("value", Some(7)) };
            assert_eq!(moment.give(&message.encode().unwrap()), wanted, "{} {}", moment.name, tag::name(*tag));
        }
    }
}

#[test]
fn every_element_too_long() {
    for moment in moments() {
        for (index, (tag, _)) in moment.due.elements.iter().enumerate() {
            for more in [1, 100, 60_000] {
                let mut message = moment.due.clone();
                message.elements[index].1.extend(vec![b'A'; more]);
                let (got, reason) = moment.give(&message.encode().unwrap());
                let name = format!("{} {} and {more}", moment.name, tag::name(*tag));
                match (*tag, more) {
                    // behind the NUL: cut off, tolerated by name
                    (tag::PASSWORD | tag::DEVICE_NAME, 1) => assert_eq!(got, "asked", "{name}"),
                    // within the limit: the caller's check
                    (tag::SIGNED_DATA | tag::PUBLIC_KEY, 1 | 100) => assert_eq!(got, "asked", "{name}"),
                    (tag::SUDI_DATA, 1) => assert_eq!((got, reason), ("element-cut", Some(7)), "{name}"),
                    (tag::SUDI_DATA, _) => assert_eq!((got, reason), ("element-past-end", Some(7)), "{name}"),
                    _ => assert_eq!((got, reason), ("value", Some(7)), "{name}"),
                }
            }
        }
    }
}

#[test]
fn every_element_twice_or_missing() {
    for moment in moments() {
        for (index, (tag, _)) in moment.due.elements.iter().enumerate() {
            let name = format!("{} {}", moment.name, tag::name(*tag));
            let mut message = moment.due.clone();
            message.elements.push(moment.due.elements[index].clone());
            assert_eq!(moment.give(&message.encode().unwrap()), ("repeated", Some(7)), "{name}");
            let mut message = moment.due.clone();
            message.elements.remove(index);
            let wanted = match (moment.name, *tag) {
                ("authentication", tag::VERSION | tag::DEVICE_NAME) => ("missing", Some(7)),
                ("authentication", _) => ("asked", None),
                _ => ("missing", Some(7)),
            };
            assert_eq!(moment.give(&message.encode().unwrap()), wanted, "{name}");
        }
        if moment.name != "authentication" {
            let empty = message(moment.due.command, SESSION, &[]);
            assert_eq!(moment.give(&empty), ("missing", Some(7)), "{}", moment.name);
        }
    }
}

#[test]
fn elements_in_any_order_and_strangers_between() {
    for moment in moments() {
        let mut backwards = moment.due.clone();
        backwards.elements.reverse();
        assert_eq!(moment.give(&backwards.encode().unwrap()), ("asked", None), "{}", moment.name);
        for (stranger, tolerance) in [
            (99, Tolerance::UnknownElement),
            (14, Tolerance::UnknownElement),
            (0, Tolerance::UnknownElement),
            (255, Tolerance::UnknownElement),
            (tag::REASON_INFO, Tolerance::UnexpectedElement),
            (tag::RETRY_DELAY, Tolerance::UnexpectedElement),
        ] {
            let mut message = moment.due.clone();
            message.elements.insert(0, (stranger, b"who is this".to_vec()));
            message.elements.push((stranger, Vec::new()));
            let (mut played, mut desk) = moment.reach();
            let asked = played.asked.len();
            played.give(&message.encode().unwrap(), &mut desk);
            assert_eq!(played.asked.len(), asked + 1, "{} {stranger}", moment.name);
            assert!(played.session.tolerated().contains(tolerance), "{} {stranger}", moment.name);
        }
    }
}

#[test]
fn every_other_command() {
    for moment in moments() {
        for command in 0..=255u8 {
            if command == moment.due.command {
                continue;
            }
            let wanted = match (moment.name, command) {
                ("key", 17) => ("open", None),
                _ => ("command", Some(7)),
            };
            let mut message = moment.due.clone();
            message.command = command;
            assert_eq!(moment.give(&message.encode().unwrap()), wanted, "{} {command}", moment.name);
            // refused by its header: the body need not come
            assert_eq!(moment.give(&[&message.encode().unwrap()[..6], &[0xFF, 0xFF]].concat()), wanted);
        }
    }
}

#[test]
fn another_session_or_another_protocol() {
    for moment in moments() {
        for session_id in [0, SESSION - 1, SESSION + 1, SESSION.swap_bytes(), u32::MAX] {
            let mut message = moment.due.clone();
            message.session_id = session_id;
            assert_eq!(moment.give(&message.encode().unwrap()), ("session-id", Some(7)), "{}", moment.name);
        }
        for first in [0, 0x54, 0x56, 0x57, b'G'] {
            let mut bytes = moment.due.encode().unwrap();
            bytes[0] = first;
            assert_eq!(moment.give(&bytes), ("protocol-id", Some(7)), "{}", moment.name);
            assert_eq!(moment.give(&[first]), ("protocol-id", Some(7)), "{}", moment.name);
        }
    }
}

#[test]
fn every_beginning_of_a_message_waits_and_then_closes() {
    for moment in moments() {
        let bytes = moment.due.encode().unwrap();
        for end in 0..bytes.len() {
            let (mut played, mut desk) = moment.reach();
            let asked = played.asked.len();
            played.give(&bytes[..end], &mut desk);
            assert_eq!(played.end(), ("open", None), "{} {end}", moment.name);
            if end % 2 == 0 {
                played.close(&mut desk);
                assert_eq!(played.end(), ("closed", None));
            } else {
                played.wait(Duration::from_secs(600), &mut desk);
                assert_eq!(played.end(), ("timed-out", None));
            }
            assert_eq!(played.asked.len(), asked, "nothing was decided on half a message");
        }
    }
}

#[test]
fn every_length_that_does_not_fit_its_message() {
    for moment in moments() {
        let bytes = moment.due.encode().unwrap();
        let body = bytes.len() - 8;
        // a shorter length cuts an element or leaves some out, and what is left over is no message
        for length in 0..body {
            let mut cut = bytes.clone();
            cut[6..8].copy_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
            let (mut played, mut desk) = moment.reach();
            played.give(&cut, &mut desk);
            let (label, reason) = played.end();
            let fits = ["element-cut", "element-past-end", "missing", "protocol-id", "value"];
            assert!(fits.contains(&label) && reason == Some(7), "{} {length}: {label}", moment.name);
        }
        let mut long = bytes.clone();
        long[6..8].copy_from_slice(&[0xFF, 0xFF]);
        assert_eq!(moment.give(&long), ("open", None), "{}", moment.name);
    }
}

#[test]
fn every_element_length_past_the_end() {
    for moment in moments() {
        let bytes = moment.due.encode().unwrap();
        let mut at = 8;
        for (tag, value) in &moment.due.elements {
            let mut past = bytes.clone();
            past[at + 1..at + 3].copy_from_slice(&[0xFF, 0xFF]);
            let name = format!("{} {}", moment.name, tag::name(*tag));
            assert_eq!(moment.give(&past), ("element-past-end", Some(7)), "{name}");
            at += 3 + value.len();
        }
    }
}

#[test]
fn values_that_cannot_be() {
    let bad: [(u8, &[u8], &str); 18] = [
        (tag::VERSION, &[4], "version"),
        (tag::VERSION, &[255], "version"),
        (tag::DEVICE_NAME, b"\0", "value"),
        (tag::DEVICE_NAME, b"SEP\nforged\0", "value"),
        (tag::DEVICE_NAME, b"SEP\xff\0", "value"),
        (tag::DEVICE_NAME, &[b'A'; 66], "value"),
        (tag::PASSWORD, &[b'1'; 66], "value"),
        (tag::CERTIFICATE, &[0, 0, 5, 0, 1, 1, 2, 3], "value"),
        (tag::CERTIFICATE, &[2, 0, 5, 0, 1, 1, 2, 3], "value"),
        (tag::CERTIFICATE, &[1, 0, 6, 0, 1, 1, 2, 3], "value"),
        (tag::CERTIFICATE, &[1, 0, 2, 0, 1], "value"),
        (tag::SHA2_SIGNED_DATA, &[3, 0, 2, 1], "value"),
        (tag::SHA2_SIGNED_DATA, &[3, 0, 0], "value"),
        (tag::SUDI_DATA, &[1, 0, 1, b's'], "value"),
        (tag::SUDI_DATA, &[0, 0, 0], "value"),
        (tag::SUDI_DATA, &[0, 0, 1, b'c', 0, 0, 1, b'c'], "repeated"),
        (tag::SUDI_DATA, &[0, 0, 1, b'c', 3, 0, 1, b's', 3, 0, 1, b's'], "repeated"),
        (tag::SUDI_DATA, &[0, 0], "element-cut"),
    ];
    let moment = moments().remove(0);
    for (tag, value, label) in bad {
        let mut message = moment.due.clone();
        message.elements[place(&moment.due, tag)].1 = value.to_vec();
        assert_eq!(moment.give(&message.encode().unwrap()), (label, Some(7)), "{} {value:?}", tag::name(tag));
    }
}

#[test]
fn values_that_are_odd_but_taken() {
    let odd: [(u8, &[u8], Tolerance); 9] = [
        (tag::VERSION, &[0], Tolerance::OlderVersion),
        (tag::VERSION, &[2], Tolerance::OlderVersion),
        (tag::DEVICE_NAME, b"SEPB000B4BA0AEE", Tolerance::TextWithoutNul),
        (tag::DEVICE_NAME, b"SEPB000B4BA0AEE\0\0", Tolerance::TextBehindNul),
        (tag::DEVICE_NAME, b"CSFJDOE\0", Tolerance::DeviceNameForm),
        (tag::PASSWORD, b"", Tolerance::TextWithoutNul),
        (tag::PASSWORD, b"482913\0x", Tolerance::TextBehindNul),
        (tag::CERTIFICATE, &[1, 0, 5, 0, 2, b'd', b'e', b'r'], Tolerance::CertificateEntryType),
        (tag::SUDI_DATA, &[0, 0, 1, b'c', 2, 0, 0], Tolerance::UnknownSudiPart),
    ];
    let moment = moments().remove(0);
    for (tag, value, tolerance) in odd {
        let mut message = moment.due.clone();
        message.elements[place(&moment.due, tag)].1 = value.to_vec();
        let (mut played, mut desk) = moment.reach();
        played.give(&message.encode().unwrap(), &mut desk);
        assert_eq!(played.asked.len(), 1, "{} {value:?}", tag::name(tag));
        let met: Vec<_> = played.session.tolerated().iter().collect();
        assert_eq!(met, [tolerance], "{} {value:?}", tag::name(tag));
    }
    for (missing, tolerance) in [
        (tag::REASON, Tolerance::ReasonMissing),
        (tag::PASSWORD, Tolerance::PasswordMissing),
        (tag::SHA2_SIGNED_DATA, Tolerance::Sha2ProofMissing),
    ] {
        let mut message = moment.due.clone();
        message.elements.remove(place(&moment.due, missing));
        let (mut played, mut desk) = moment.reach();
        played.give(&message.encode().unwrap(), &mut desk);
        assert_eq!(played.session.tolerated().iter().collect::<Vec<_>>(), [tolerance]);
    }
    let Question::Authenticate(auth) = ({
        let (mut played, mut desk) = moment.reach();
        let mut message = moment.due.clone();
        message.elements[place(&moment.due, tag::DEVICE_NAME)].1 = b"SEPB000B4BA0AEE\0behind\0".to_vec();
        played.give(&message.encode().unwrap(), &mut desk);
        played.asked.remove(0)
    }) else {
        panic!("AUTH_RESPONSE")
    };
    assert_eq!(auth.device_name.as_str(), "SEPB000B4BA0AEE");
    assert_eq!(auth.device_name.as_sent(), b"SEPB000B4BA0AEE\0behind\0", "the proof covers what was sent");
    assert!(auth.password.unwrap().matches(b"482913"));
}

#[test]
fn a_key_and_a_reason() {
    let moment = moments().remove(1);
    for (reason, wanted) in [(0, ("asked", None)), (1, ("asked", None)), (5, ("phone-failed", Some(7)))] {
        let both = message(4, SESSION, &[(1, &[reason]), (9, b"key")]);
        assert_eq!(moment.give(&both), wanted, "{reason}");
    }
    for reason in [0, 1, 7, 255] {
        assert_eq!(moment.give(&message(4, SESSION, &[(1, &[reason])])), ("phone-failed", Some(7)), "{reason}");
    }
    let (mut played, mut desk) = moment.reach();
    played.give(&message(4, SESSION, &[(1, &[1]), (9, b"key")]), &mut desk);
    assert!(played.session.tolerated().contains(Tolerance::ReasonWithKey));
}

#[test]
fn only_reason_one_is_success() {
    for reason in 0..=255u8 {
        let end = |index: usize| {
            let moment = moments().remove(index);
            let mut message = moment.due.clone();
            message.elements[0].1 = vec![reason];
            moment.give(&message.encode().unwrap())
        };
        let wanted = |failed: u8| if reason == 1 { ("asked", None) } else { ("phone-failed", Some(failed)) };
        assert_eq!(end(2), wanted(7), "store {reason}");
        assert_eq!(end(3), wanted(0), "fetch {reason}");
        assert_eq!(end(4), wanted(1), "delete {reason}");
    }
}
