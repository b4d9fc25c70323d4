//! What holds for all bytes.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn any_message() -> impl Strategy<Value = Message> {
    let element = (any::<u8>(), vec(any::<u8>(), 0..300));
    (0u8..=1, any::<u8>(), any::<u8>(), any::<u32>(), vec(element, 0..12)).prop_map(
        |(version, command, reserved, session_id, elements)| Message {
            version,
            command,
            reserved,
            session_id,
            elements,
        },
    )
}

fn any_ask() -> impl Strategy<Value = Ask> {
    let some = || vec(any::<u8>(), 0..200);
    prop_oneof![
        some().prop_map(|certificate| Ask::Verify { certificate }),
        (some(), some(), vec(any::<u8>(), 0..24))
            .prop_map(|(subject, issuer, serial)| { Ask::Query { subject, issuer, serial } }),
    ]
}

fn any_request() -> impl Strategy<Value = Request> {
    (any::<u32>(), proptest::option::of(vec(any::<u8>(), 0..40)), any_ask())
        .prop_map(|(session_id, name, ask)| Request { session_id, device_name: name.map(DeviceName::new), ask })
}

fn any_answer() -> impl Strategy<Value = (Ask, Answer)> {
    let trust =
        (vec(any::<u8>(), 1..=MAX_ROLES), 1..=MAX_TTL_SECONDS).prop_map(|(roles, ttl)| Trust::new(roles, ttl).unwrap());
    (any_ask(), trust, vec(any::<u8>(), 1..2000), any::<bool>()).prop_map(|(ask, trust, der, known)| {
        let answer = match (&ask, known) {
            (_, false) => Answer::NotValid,
            (Ask::Verify { .. }, true) => Answer::Verified(trust),
            (Ask::Query { .. }, true) => Answer::Found(Found { certificate: der.into(), trust }),
        };
        (ask, answer)
    })
}

/// Cuts `bytes` at the places that `cuts` names.
fn pieces<'a>(bytes: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

/// All requests of a stream that comes in these pieces, and the error at its end.
fn stream(pieces: &[&[u8]]) -> (Vec<Received>, Option<Error>) {
    let mut session = ServerSession::new();
    let mut all = Vec::new();
    for piece in pieces {
        if let Err(error) = session.receive(piece) {
            return (all, Some(error));
        }
        loop {
            match session.next_request() {
                Ok(Some(received)) => all.push(received),
                Ok(None) => break,
                Err(error) => return (all, Some(error)),
            }
        }
    }
    (all, None)
}

proptest! {
    #[test]
    fn messages_come_back_to_the_byte(message in any_message()) {
        let bytes = message.encode().unwrap();
        let decoded = Message::decode(&bytes).unwrap();
        prop_assert_eq!(&decoded, &message);
        prop_assert_eq!(decoded.encode().unwrap(), bytes);
    }

    #[test]
    fn requests_come_back(request in any_request()) {
        let bytes = request.encode().unwrap();
        let (received, error) = stream(&[&bytes]);
        prop_assert_eq!(error, None);
        prop_assert_eq!(received.len(), 1);
        prop_assert_eq!(&received[0].request, &request);
    }

    #[test]
    fn answers_come_back((ask, answer) in any_answer(), cuts in vec(any::<prop::sample::Index>(), 0..6)) {
        let mut client = ClientSession::default();
        client.request(None, ask.clone()).unwrap();
        let bytes = answer.encode(&ask, FIRST_SESSION_ID).unwrap();
        let mut got = None;
        for piece in pieces(&bytes, &cuts) {
            prop_assert!(got.is_none() || piece.is_empty());
            if let Some(answer) = client.receive(piece).unwrap() {
                got = Some(answer);
            }
        }
        prop_assert_eq!(got, Some(answer));
    }

    #[test]
    fn the_pieces_of_a_stream_do_not_matter(
        requests in vec(any_request(), 0..4),
        tail in vec(any::<u8>(), 0..30),
        cuts in vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let mut bytes: Vec<u8> = requests.iter().flat_map(|request| request.encode().unwrap()).collect();
        bytes.extend(tail);
        prop_assert_eq!(stream(&pieces(&bytes, &cuts)), stream(&[&bytes]));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..400), cuts in vec(any::<prop::sample::Index>(), 0..5)) {
        let mut framed = vec![PROTOCOL_ID, VERSION, bytes.first().copied().unwrap_or(1) % 5, 0, 0, 0, 3, 0xE9];
        framed.extend_from_slice(&u16::try_from(bytes.len()).unwrap().to_be_bytes());
        framed.extend_from_slice(&bytes);
        for bytes in [&bytes, &framed] {
            let (received, _) = stream(&pieces(bytes, &cuts));
            prop_assert!(received.len() <= bytes.len() / 10);
            if let Ok(message) = Message::decode(bytes) {
                prop_assert_eq!(&message.encode().unwrap(), bytes);
            }
            for ask in [Ask::Verify { certificate: vec![1] }, Ask::Query { subject: vec![], issuer: vec![], serial: vec![] }] {
                let mut client = ClientSession::default();
                client.request(None, ask.clone()).unwrap();
                if let Ok(Some(answer)) = client.receive(bytes) {
                    prop_assert!(answer.encode(&ask, FIRST_SESSION_ID).is_ok());
                }
            }
        }
    }
}
