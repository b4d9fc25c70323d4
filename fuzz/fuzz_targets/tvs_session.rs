//! A phone's half of a TVS connection: the requests are the same however TLS cuts the stream, what is read is written
//! again, and the other half never stops on it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::tvs::{Answer, Ask, ClientSession, Error, MAX_MESSAGE, Message, Received, ServerSession, Trust};

/// Everything that comes out of a session when the stream comes in these pieces, and how it ended.
fn requests<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Received>, Option<Error>) {
    let mut session = ServerSession::new();
    let mut requests = Vec::new();
    for piece in pieces {
        // as the server reads: never more than a message at once
        for piece in piece.chunks(MAX_MESSAGE) {
            if let Err(error) = session.receive(piece) {
                return (requests, Some(error));
            }
            loop {
                match session.next_request() {
                    Ok(Some(received)) => requests.push(received),
                    Ok(None) => break,
                    Err(error) => {
                        assert_eq!(session.next_request(), Err(Error::Ended));
                        assert_eq!(session.receive(b"W"), Err(Error::Ended));
                        return (requests, Some(error));
                    }
                }
            }
        }
    }
    (requests, None)
}

fuzz_target!(|input: &[u8]| {
    // the first byte says how the stream is cut; the vectors start with 87, which cuts pieces of 87 bytes
    let stream = input;
    let size = usize::from(input.first().copied().unwrap_or_default()).max(1);
    let whole = requests(std::iter::once(stream));
    assert_eq!(whole, requests(stream.chunks(size)), "pieces of {size} bytes");
    assert_eq!(whole, requests(stream.chunks(1)), "single bytes");

    for Received { request, .. } in whole.0 {
        // a request that was read can be written, and reads as the same request
        if let Ok(bytes) = request.encode() {
            let (again, error) = requests(std::iter::once(bytes.as_slice()));
            assert_eq!(error, None);
            assert_eq!(again.into_iter().map(|received| received.request).collect::<Vec<_>>(), [request.clone()]);
        }
        // its answer is taken by the phone that asked
        let answer = match &request.ask {
            Ask::Verify { .. } => Answer::Verified(Trust::new([0, 21], 86_400).expect("roles and time are in range")),
            Ask::Query { .. } => Answer::NotValid,
        };
        let bytes = answer.encode(&request.ask, request.session_id).expect("a short answer fits");
        let mut phone = ClientSession::new(request.session_id);
        if phone.request(request.device_name, request.ask).is_ok() {
            assert_eq!(phone.receive(&bytes), Ok(Some(answer)));
        }
    }

    // the same bytes as an answer: taken or refused, in pieces as in one
    let mut one = ClientSession::new(1001);
    let mut other = ClientSession::new(1001);
    for session in [&mut one, &mut other] {
        session
            .request(None, Ask::Query { subject: vec![], issuer: vec![], serial: vec![1] })
            .expect("a short question fits");
    }
    let at_once = one.receive(stream);
    if let Ok(Some(answer)) = at_once {
        let mut taken = None;
        for piece in stream.chunks(size) {
            taken = taken.or(other.receive(piece).expect("what is right in one piece is right in two"));
        }
        assert_eq!(taken, Some(answer));
    }

    if let Ok(message) = Message::decode(stream) {
        assert_eq!(message.encode().as_deref(), Ok(stream));
    }
});
