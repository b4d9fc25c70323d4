//! The phone's half: what it takes of a server, and the two halves talking to each other.

use std::time::{Duration, Instant};

use wire::capf::{
    AuthResponse, AuthType, CertificateType, ClientEnded, ClientQuestion, ClientSession, ClientStep, Curve, DeviceName,
    KeySpec, MAX_CERTIFICATE, Operation, Password, Reason, RsaSize,
};

use crate::desk::{DEVICE, Open, Played, message, origin};

const WAIT: Duration = Duration::from_secs(20);

fn credentials() -> AuthResponse {
    AuthResponse::with_password(DeviceName::new(DEVICE).unwrap(), Password::new(b"").unwrap())
}

/// A phone that has said who it is to session 9.
fn authenticated() -> (ClientSession, Instant) {
    let now = origin();
    let mut phone = ClientSession::new(WAIT);
    assert_eq!(phone.session_id(), None);
    assert_eq!(phone.step(now), ClientStep::Receive { until: now + WAIT });
    phone.receive(&message(1, 9, &[(7, &[3]), (8, &[4])]), now);
    let greeting = ClientQuestion::Authenticate { session_id: 9, version: 3, auth_type: AuthType::MIC };
    assert_eq!(phone.step(now), ClientStep::Ask(greeting));
    assert_eq!(phone.session_id(), Some(9));
    phone.authenticate(credentials());
    let ClientStep::Send(sent) = phone.step(now) else { panic!("AUTH_RESPONSE") };
    assert_eq!(sent, crate::desk::auth(9));
    (phone, now)
}

fn ended(phone: &mut ClientSession, now: Instant) -> ClientEnded {
    let ClientStep::End(ended) = phone.step(now) else { panic!("the end") };
    assert_eq!(phone.step(now), ClientStep::End(ended.clone()));
    ended
}

#[test]
fn only_what_is_due_is_taken() {
    for command in 0..=255 {
        let (mut phone, now) = authenticated();
        phone.receive(&message(command, 9, &[(1, &[0]), (10, &[4, 0]), (17, &[0])]), now);
        match command {
            3 => assert_eq!(
                phone.step(now),
                ClientStep::Ask(ClientQuestion::GenerateKey(KeySpec::Rsa(RsaSize::Bits1024)))
            ),
            11 => assert_eq!(phone.step(now), ClientStep::Ask(ClientQuestion::Fetch)),
            13 => assert_eq!(phone.step(now), ClientStep::Ask(ClientQuestion::Delete)),
            15 => assert_eq!(ended(&mut phone, now), ClientEnded::Reason(Reason::NO_ACTION)),
            _ => {
                let ClientEnded::Protocol(error) = ended(&mut phone, now) else { panic!("{command}") };
                // 9 is due too, with a certificate for a key of an earlier session.
                assert_eq!(error.label(), if command == 9 { "missing" } else { "command" }, "{command}");
            }
        }
    }
}

#[test]
fn other_messages_of_a_server_are_refused() {
    let refused: [(&str, Vec<u8>); 10] = [
        ("session-id", message(15, 10, &[(1, &[0])])),
        ("protocol-id", b"HTTP/1.1 400".to_vec()),
        ("missing", message(15, 9, &[])),
        ("value", message(15, 9, &[(1, &[0, 0])])),
        ("repeated", message(15, 9, &[(1, &[0]), (1, &[0])])),
        ("missing", message(3, 9, &[(10, &[4, 0])])),
        ("missing", message(3, 9, &[(17, &[1])])),
        ("value", message(3, 9, &[(10, &[4, 1]), (17, &[0])])),
        ("value", message(3, 9, &[(17, &[1]), (18, &[3])])),
        ("value", message(3, 9, &[(17, &[2])])),
    ];
    for (label, bytes) in refused {
        let (mut phone, now) = authenticated();
        phone.receive(&bytes, now);
        let ClientEnded::Protocol(error) = ended(&mut phone, now) else { panic!("{label}") };
        assert_eq!(error.label(), label);
    }
    for (label, elements) in [
        ("value", [(3, [3].as_slice()), (4, [1, 0, 3, 0, 1, b'x'].as_slice())]),
        ("value", [(3, &[1]), (4, &[2, 0, 3, 0, 1, b'x'])]),
        ("value", [(3, &[1]), (4, &[1, 0, 4, 0, 1, b'x'])]),
        ("value", [(3, &[1]), (4, &[1, 0, 2, 0, 1])]),
        ("value", [(3, &[1]), (4, &[1, 0, 2, 0])]),
        ("missing", [(3, &[1]), (99, &[])]),
    ] {
        let (mut phone, now) = authenticated();
        phone.receive(&message(3, 9, &[(17, &[1]), (18, &[2])]), now);
        assert_eq!(phone.step(now), ClientStep::Ask(ClientQuestion::GenerateKey(KeySpec::Ec(Curve::Secp521r1))));
        phone.generated(Ok(b"key".to_vec()));
        assert!(matches!(phone.step(now), ClientStep::Send(_)));
        phone.receive(&message(9, 9, &elements), now);
        let ClientEnded::Protocol(error) = ended(&mut phone, now) else { panic!("{label}") };
        assert_eq!(error.label(), label);
    }
}

#[test]
fn a_silent_server_is_left() {
    let (mut phone, now) = authenticated();
    assert_eq!(phone.step(now), ClientStep::Receive { until: now + WAIT });
    phone.receive(&[0x55], now + WAIT - Duration::from_secs(1));
    assert!(matches!(phone.step(now + WAIT - Duration::from_secs(1)), ClientStep::Receive { .. }));
    assert_eq!(ended(&mut phone, now + WAIT), ClientEnded::TimedOut);
    let (mut phone, now) = authenticated();
    phone.receive(&message(15, 9, &[(1, &[0])]), now + WAIT);
    assert_eq!(ended(&mut phone, now), ClientEnded::TimedOut, "too late");
    let (mut phone, now) = authenticated();
    phone.closed();
    assert_eq!(ended(&mut phone, now), ClientEnded::Closed);
}

#[test]
fn faults_of_the_caller_end_the_session() {
    let faults: [fn(&mut ClientSession); 6] = [
        |phone| phone.authenticate(credentials()),
        |phone| phone.generated(Err(Reason::FAILURE)),
        |phone| phone.stored(Reason::SUCCESS),
        |phone| phone.deleted(Reason::SUCCESS),
        |phone| phone.fetched(Ok(vec![0; MAX_CERTIFICATE + 1])),
        |_| {},
    ];
    for fault in faults {
        let (mut phone, now) = authenticated();
        phone.receive(&message(11, 9, &[]), now);
        assert_eq!(phone.step(now), ClientStep::Ask(ClientQuestion::Fetch));
        assert_eq!(phone.in_progress(), None, "no key is being made");
        fault(&mut phone);
        assert!(matches!(ended(&mut phone, now), ClientEnded::Misused(_) | ClientEnded::Protocol(_)));
    }
}

/// Lets a phone and a server talk; gives the commands of both in order.
fn talk(operation: Operation, answer: impl Fn(ClientQuestion, &mut ClientSession)) -> (Vec<u8>, ClientEnded, Played) {
    let mut desk = Open::with(operation);
    let mut server = Played::start(77);
    let (mut phone, mut read, mut commands) = (ClientSession::new(WAIT), 0, vec![1]);
    let ended = loop {
        match phone.step(server.now) {
            ClientStep::Send(bytes) => {
                commands.push(bytes[1]);
                server.give(&bytes, &mut desk);
                commands.extend(server.sent[read..].iter().map(|message| message[1]));
            }
            ClientStep::Receive { .. } => {
                let bytes = server.sent.get(read).expect("something to read").clone();
                read += 1;
                phone.receive(&bytes, server.now);
            }
            ClientStep::Ask(question) => answer(question, &mut phone),
            ClientStep::End(ended) => break ended,
        }
    };
    (commands, ended, server)
}

#[test]
fn both_halves_go_through_every_operation() {
    let wanted = KeySpec::Ec(Curve::Secp384r1);
    let key = Operation::Install(wanted);
    let store = Operation::Store(b"certificate".to_vec());
    let good = |question: ClientQuestion, phone: &mut ClientSession| match question {
        ClientQuestion::Authenticate { .. } => phone.authenticate(credentials()),
        ClientQuestion::GenerateKey(spec) => {
            assert_eq!(spec, wanted);
            phone.generated(Ok(b"key".to_vec()));
        }
        ClientQuestion::Store { certificate_type, certificate } => {
            assert_eq!((certificate_type, certificate.as_slice()), (CertificateType::Lsc, b"certificate".as_slice()));
            phone.stored(Reason::SUCCESS);
        }
        ClientQuestion::Fetch => phone.fetched(Ok(b"mine".to_vec())),
        ClientQuestion::Delete => phone.deleted(Reason::SUCCESS),
    };
    let bad = |question: ClientQuestion, phone: &mut ClientSession| match question {
        ClientQuestion::Authenticate { .. } => phone.authenticate(credentials()),
        ClientQuestion::GenerateKey(_) => phone.generated(Err(Reason(5))),
        ClientQuestion::Store { .. } => phone.stored(Reason::FAILURE),
        ClientQuestion::Fetch => phone.fetched(Err(Reason::FAILURE)),
        ClientQuestion::Delete => phone.deleted(Reason::FAILURE),
    };
    for (operation, label, reason) in [
        (key.clone(), "installed", 1),
        (store.clone(), "installed", 1),
        (Operation::Fetch, "fetched", 0),
        (Operation::Delete, "deleted", 1),
        (Operation::None, "nothing-pending", 0),
    ] {
        let (commands, ended, server) = talk(operation, good);
        assert_eq!(ended, ClientEnded::Reason(Reason(reason)), "{commands:?}");
        assert_eq!(server.end(), (label, Some(reason)));
        assert!(server.session.tolerated().is_empty());
    }
    for (operation, reason) in [(key, 7), (store, 7), (Operation::Fetch, 0), (Operation::Delete, 1)] {
        let (commands, ended, server) = talk(operation, bad);
        assert_eq!(ended, ClientEnded::Reason(Reason(reason)), "{commands:?}");
        assert_eq!(server.end(), ("phone-failed", Some(reason)));
    }
}
