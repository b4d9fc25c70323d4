//! What the phone's half takes for an answer, and the limits of both halves.

use std::sync::Arc;

use super::*;

/// Tags and values.
type Raw<'a> = &'a [(u8, &'a [u8])];

const VERIFY: &[(u8, &[u8])] = &[(7, &[0]), (8, &[0, 2]), (9, &[0, 1, 0x51, 0x80])];

fn message(command: u8, session_id: u32, elements: &[(u8, &[u8])]) -> Vec<u8> {
    let elements = elements.iter().map(|(tag, value)| (*tag, value.to_vec())).collect();
    Message { version: 1, command, reserved: 0xF5, session_id, elements }.encode().unwrap()
}

/// The answer to a VERIFY (command 2) or QUERY (command 4) with session id 1001.
fn ask(command: u8, bytes: &[u8]) -> Result<Option<Answer>, Error> {
    let mut client = ClientSession::default();
    let ask = match command {
        2 => Ask::Verify { certificate: b"der".to_vec() },
        _ => Ask::Query { subject: b"CN=a".to_vec(), issuer: b"CN=b".to_vec(), serial: vec![1] },
    };
    client.request(None, ask).unwrap();
    let answer = client.receive(bytes);
    if answer.is_err() {
        assert_eq!(client.receive(bytes), Err(Error::Ended), "an error is the end");
        assert_eq!(client.request(None, Ask::Verify { certificate: Vec::new() }), Err(Error::Ended));
    }
    answer
}

#[test]
fn good_answers_are_taken() {
    let trust = Trust::new([0, 2], 86_400).unwrap();
    assert_eq!(ask(2, &message(2, 1001, VERIFY)), Ok(Some(Answer::Verified(trust.clone()))));
    // another order, and something new
    let other: &[(u8, &[u8])] = &[(9, &[0, 1, 0x51, 0x80]), (77, b"new"), (8, &[0, 2]), (7, &[0])];
    assert_eq!(ask(2, &message(2, 1001, other)), Ok(Some(Answer::Verified(trust.clone()))));
    assert_eq!(ask(2, &message(2, 1001, &[(7, &[1])])), Ok(Some(Answer::NotValid)));
    let query: &[(u8, &[u8])] = &[(7, &[0]), (2, b"der"), (8, &[0, 2]), (9, &[0, 1, 0x51, 0x80])];
    let found = Found { certificate: Arc::from(*b"der"), trust };
    assert_eq!(ask(4, &message(4, 1001, query)), Ok(Some(Answer::Found(found))));
}

#[test]
fn other_answers_are_refused() {
    let label = |command, bytes: &[u8]| ask(command, bytes).unwrap_err().label();
    assert_eq!(label(2, &message(4, 1001, VERIFY)), "command");
    assert_eq!(label(2, &message(1, 1001, VERIFY)), "command");
    assert_eq!(label(2, &message(2, 1002, VERIFY)), "session-id");
    assert_eq!(label(2, b"HTTP/1.1 400 Bad Request"), "protocol-id");
    assert_eq!(label(2, &message(2, 1001, &[])), "empty-body");
    let mut version = message(2, 1001, VERIFY);
    version[1] = 0;
    assert_eq!(label(2, &version), "version");
    version[1] = 2;
    assert_eq!(label(2, &version), "version");
    let mut long = message(2, 1001, VERIFY);
    long.push(0);
    assert_eq!(label(2, &long), "unasked");
    let missing: [Raw<'_>; 3] =
        [&[(8, &[0, 2]), (9, &[0, 0, 0, 1])], &[(7, &[0]), (9, &[0, 0, 0, 1])], &[(7, &[0]), (8, &[0])]];
    for elements in missing {
        assert_eq!(label(2, &message(2, 1001, elements)), "missing", "{elements:?}");
    }
    assert_eq!(label(4, &message(4, 1001, VERIFY)), "missing", "no certificate");
    let wrong: [Raw<'_>; 8] = [
        &[(7, &[2])],
        &[(7, &[0, 0])],
        &[(7, &[])],
        &[(7, &[0]), (8, &[]), (9, &[0, 0, 0, 1])],
        &[(7, &[0]), (8, &[7; 257]), (9, &[0, 0, 0, 1])],
        &[(7, &[0]), (8, &[7]), (9, &[0, 0, 0, 0])],
        &[(7, &[0]), (8, &[7]), (9, &[0, 0x27, 0x8D, 1])],
        &[(7, &[0]), (8, &[7]), (9, &[0, 0, 1])],
    ];
    for elements in wrong {
        assert_eq!(label(2, &message(2, 1001, elements)), "value", "{elements:?}");
    }
    assert_eq!(label(2, &message(2, 1001, &[(7, &[1]), (7, &[0])])), "repeated");
    let empty: &[(u8, &[u8])] = &[(7, &[0]), (2, b""), (8, &[0]), (9, &[0, 0, 0, 1])];
    assert_eq!(label(4, &message(4, 1001, empty)), "value");
}

#[test]
fn the_longest_times_are_taken() {
    for ttl in [1, MAX_TTL_SECONDS] {
        let elements: &[(u8, &[u8])] = &[(7, &[0]), (8, &[7]), (9, &ttl.to_be_bytes())];
        let trust = Trust::new([7], ttl).unwrap();
        assert_eq!(ask(2, &message(2, 1001, elements)), Ok(Some(Answer::Verified(trust))));
    }
    assert_eq!(Trust::new([7], 0), Err(InvalidTrust::Ttl(0)));
    assert_eq!(Trust::new([7], MAX_TTL_SECONDS + 1), Err(InvalidTrust::Ttl(MAX_TTL_SECONDS + 1)));
    assert_eq!(Trust::new([], 1), Err(InvalidTrust::NoRole));
    assert_eq!(Trust::new(vec![0; 257], 1), Err(InvalidTrust::TooManyRoles(257)));
}

#[test]
fn questions_and_answers_go_in_turn() {
    let mut client = ClientSession::default();
    assert_eq!(client.receive(b""), Ok(None));
    let ask = Ask::Verify { certificate: b"der".to_vec() };
    client.request(None, ask.clone()).unwrap();
    assert!(client.is_waiting());
    assert_eq!(client.request(None, ask.clone()), Err(Error::StillOpen));
    for byte in message(2, 1001, &[(7, &[1])]) {
        if let Some(answer) = client.receive(&[byte]).unwrap() {
            assert_eq!(answer, Answer::NotValid);
        }
    }
    assert!(!client.is_waiting());
    let second = client.request(None, ask).unwrap();
    assert_eq!(Message::decode(&second).unwrap().session_id, 1002);
    assert!(client.receive(&message(2, 1002, &[(7, &[1])])).unwrap().is_some());
    assert_eq!(client.receive(b"x"), Err(Error::Unasked { count: 1 }));
}

#[test]
fn what_does_not_fit_is_not_written() {
    let mut client = ClientSession::default();
    let too_long = Ask::Verify { certificate: vec![0; MAX_BODY + 1] };
    assert_eq!(client.request(None, too_long).unwrap_err().label(), "too-long");
    let with_name = Some(DeviceName::new(vec![b'x'; 100]));
    let both = client.request(with_name, Ask::Verify { certificate: vec![0; MAX_BODY - 50] });
    let error = both.unwrap_err();
    assert_eq!((error.label(), error.fault()), ("too-long", Fault::Ours));
    // none of them is open, and the id is not used up
    let most = client.request(None, Ask::Verify { certificate: vec![0; MAX_BODY - 3] }).unwrap();
    assert_eq!(most.len(), MAX_MESSAGE);
    assert_eq!(Message::decode(&most).unwrap().session_id, FIRST_SESSION_ID);
    let mut server = ServerSession::new();
    assert_eq!(requests(&mut server, &most).unwrap().len(), 1);
}

#[test]
fn an_answer_to_the_other_question_is_our_own_fault() {
    let trust = Trust::new([0], 1).unwrap();
    let (verify, query) =
        (Ask::Verify { certificate: vec![] }, Ask::Query { subject: vec![], issuer: vec![], serial: vec![] });
    let found = Answer::Found(Found { certificate: Arc::from(*b"der"), trust: trust.clone() });
    for error in [found.encode(&verify, 1).unwrap_err(), Answer::Verified(trust).encode(&query, 1).unwrap_err()] {
        assert_eq!((error.label(), error.fault()), ("mismatch", Fault::Ours));
    }
}

#[test]
fn a_server_takes_no_more_than_two_messages() {
    let mut session = ServerSession::new();
    let most = verify(1, &vec![0; 60_000]).encode().unwrap();
    session.receive(&most).unwrap();
    session.receive(&most).unwrap();
    let error = session.receive(&most).unwrap_err();
    assert_eq!(error, Error::Overrun { limit: MAX_BUFFERED });
    assert_eq!(session.next_request(), Err(Error::Ended));
    assert_eq!(session.receive(b""), Err(Error::Ended));
}

#[test]
fn a_wrong_first_byte_is_refused_at_once() {
    let mut session = ServerSession::new();
    assert_eq!(requests(&mut session, b"G"), Err(Error::ProtocolId { found: b'G' }));
}

#[test]
fn device_names_are_shown_on_one_line() {
    let name = DeviceName::new(*b"CP\n23:00:22.052 | debug forged\xff");
    assert_eq!(name.to_string(), r"CP\n23:00:22.052 | debug forged\xff");
    assert!(DeviceName::new(vec![b'a'; 70]).to_string().ends_with("aaa..."));
    for good in ["CP-8861-SEPB000B4BA0AEE", "CP-8832NR-SEPB000B4BA0AEE", "CP-7821-SEPb000b4ba0aee"] {
        assert!(DeviceName::new(good).has_phone_form(), "{good}");
    }
    for odd in
        ["", "CP-", "CP-8861", "CP--SEPB000B4BA0AEE", "CP-8861-SEPB000B4BA0AE", "CP-8861-SEPB000B4BA0AEG", "ATA190"]
    {
        assert!(!DeviceName::new(odd).has_phone_form(), "{odd}");
    }
}

#[test]
fn every_tolerance_has_its_own_number_and_name() {
    let mut all = Tolerated::NONE;
    for tolerance in Tolerance::ALL {
        assert!(!all.contains(tolerance));
        all.add(tolerance);
    }
    assert_eq!(all.iter().collect::<Vec<_>>(), Tolerance::ALL);
    let names: std::collections::HashSet<_> = Tolerance::ALL.iter().map(|tolerance| tolerance.label()).collect();
    assert_eq!(names.len(), Tolerance::ALL.len());
}

#[test]
fn elements_of_answers_and_of_the_other_command_are_skipped_by_name() {
    let elements: &[(u8, &[u8])] = &[(1, b"CP-8861-SEPB000B4BA0AEE"), (2, b"der"), (3, b"CN=a"), (7, &[0]), (6, b"")];
    let received = requests(&mut ServerSession::new(), &message(1, 5, elements)).unwrap();
    let [Received { request, tolerated }] = received.as_slice() else { panic!("{received:?}") };
    assert_eq!(request.ask, Ask::Verify { certificate: b"der".to_vec() });
    for tolerance in
        [Tolerance::ReservedByte, Tolerance::DeviceNameLead, Tolerance::UnexpectedElement, Tolerance::UnknownElement]
    {
        assert!(tolerated.contains(tolerance), "{tolerance:?}");
    }
    let names: &[(u8, &[u8])] = &[(3, b"CN=a"), (4, b"CN=b\0")];
    let received = requests(&mut ServerSession::new(), &message(3, 5, names)).unwrap();
    let [Received { request, tolerated }] = received.as_slice() else { panic!("{received:?}") };
    let ask = Ask::Query { subject: b"CN=a".to_vec(), issuer: b"CN=b".to_vec(), serial: Vec::new() };
    assert_eq!(request.ask, ask);
    for tolerance in [Tolerance::NameMissing, Tolerance::NameWithoutNul, Tolerance::DeviceNameMissing] {
        assert!(tolerated.contains(tolerance), "{tolerance:?}");
    }
}
