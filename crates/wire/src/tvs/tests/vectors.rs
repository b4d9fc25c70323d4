//! Every session of `testdata/vectors/tvs`, the QUERY pairs and the capture.

use super::super::message::HEADER_LENGTH;
use super::*;

/// What a vector wants of a server that knows the certificates of the vector's data base.
#[derive(Debug, PartialEq)]
enum Wanted {
    /// These answers, byte for byte.
    Answers(Vec<Vec<u8>>),
    /// Nothing but the end of the connection.
    Close,
    /// Nothing yet: more bytes must come.
    Wait,
}

/// Plays a vector's client bytes into a session; the data base is the vector's own.
fn play(vector: &serde_json::Value) -> (Wanted, Tolerated) {
    let mut session = ServerSession::new();
    let mut answers = Vec::new();
    let mut tolerated = Tolerated::NONE;
    for message in vector["messages"].as_array().unwrap() {
        if message["from"] != "client" {
            continue;
        }
        match requests(&mut session, &bytes(&message["hex"])) {
            Ok(received) => {
                for Received { request, tolerated: by_name } in received {
                    by_name.iter().for_each(|tolerance| tolerated.add(tolerance));
                    let answer = known(vector, &request.ask);
                    answers.push(answer.encode(&request.ask, request.session_id).unwrap());
                }
            }
            Err(_) => return (Wanted::Close, tolerated),
        }
    }
    let end = if answers.is_empty() { Wanted::Wait } else { Wanted::Answers(answers) };
    (end, tolerated)
}

/// The peer's look-up: the whole certificate.
fn known(vector: &serde_json::Value, ask: &Ask) -> Answer {
    let Ask::Verify { certificate } = ask else {
        return Answer::NotValid;
    };
    for row in vector["database"].as_array().unwrap() {
        let file = row["certificate"].as_str().unwrap().replace(".pem", ".der");
        if std::fs::read(folder("").join(file)).unwrap() == *certificate {
            let roles: Vec<u8> = row["roles"]
                .as_array()
                .unwrap()
                .iter()
                .map(|role| u8::try_from(role.as_u64().unwrap()).unwrap())
                .collect();
            return Answer::Verified(Trust::new(roles, u32::try_from(row["ttl"].as_u64().unwrap()).unwrap()).unwrap());
        }
    }
    Answer::NotValid
}

/// The answers that the vector holds.
fn recorded(vector: &serde_json::Value) -> Vec<Vec<u8>> {
    let messages = vector["messages"].as_array().unwrap();
    messages.iter().filter(|m| m["from"] == "server" && m.get("hex").is_some()).map(|m| bytes(&m["hex"])).collect()
}

fn answer(session_id: u32, roles: &[u8], ttl: u32) -> Vec<u8> {
    let trust = Trust::new(roles, ttl).unwrap();
    Answer::Verified(trust).encode(&Ask::Verify { certificate: Vec::new() }, session_id).unwrap()
}

fn not_valid(ask: &Ask, session_id: u32) -> Vec<u8> {
    Answer::NotValid.encode(ask, session_id).unwrap()
}

const NO_CERTIFICATE: Ask = Ask::Verify { certificate: Vec::new() };
const NO_NAMES: Ask = Ask::Query { subject: Vec::new(), issuer: Vec::new(), serial: Vec::new() };

/// Where `index.json` wants something else than the peer did, this says what. `None`: what the peer answered.
fn wanted(name: &str) -> Option<(Wanted, Option<Tolerance>)> {
    let one = |bytes: Vec<u8>| Wanted::Answers(vec![bytes]);
    let known = |id| one(answer(id, &[0, 2], 86_400));
    Some(match name {
        "two-requests-one-connection" => {
            (Wanted::Answers(vec![answer(1001, &[0, 2], 86_400), answer(1002, &[0, 2], 86_400)]), None)
        }
        "wrong-protocol-id" | "wrong-version-2" | "command-2-from-client" | "length-0" | "element-past-end" => {
            (Wanted::Close, None)
        }
        "version-0" => (known(1), Some(Tolerance::VersionZero)),
        "query-request" => (one(not_valid(&NO_NAMES, 1001)), None),
        "no-device-name" => (known(1), Some(Tolerance::DeviceNameMissing)),
        "device-name-bad-format" => (known(1), Some(Tolerance::DeviceNameForm)),
        "device-name-8832NR" => (known(1), None),
        "no-certificate" => (one(not_valid(&NO_CERTIFICATE, 1)), Some(Tolerance::CertificateMissing)),
        "certificate-garbage" | "certificate-empty" => (one(not_valid(&NO_CERTIFICATE, 1)), None),
        "unknown-element" => (known(1), Some(Tolerance::UnknownElement)),
        // three bytes of a header: the rest is still to come
        "body-short" | "split-header-3+7" => (Wanted::Wait, None),
        _ => return None,
    })
}

#[test]
fn every_session_gets_what_the_index_wants() {
    let mut seen = 0;
    for entry in std::fs::read_dir(folder("tvs")).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        if file == "query-messages.json" {
            continue;
        }
        let vector = json(&file);
        let name = vector["name"].as_str().unwrap();
        let (got, tolerated) = play(&vector);
        let (want, tolerance) = wanted(name).unwrap_or_else(|| (Wanted::Answers(recorded(&vector)), None));
        assert_eq!(got, want, "{name}");
        if let Some(tolerance) = tolerance {
            assert!(tolerated.contains(tolerance), "{name}: {:?}", tolerated.iter().collect::<Vec<_>>());
        }
        seen += 1;
    }
    assert_eq!(seen, 36, "vectors in the folder");
}

#[test]
fn a_header_in_two_pieces_is_answered() {
    let vector = json("verify-valid-ccm-pub-2048.json");
    let request = bytes(&vector["messages"][0]["hex"]);
    let mut session = ServerSession::new();
    assert_eq!(requests(&mut session, &request[..3]).unwrap(), []);
    let received = requests(&mut session, &request[3..]).unwrap();
    assert_eq!(received.len(), 1);
    assert!(session.is_idle());
}

#[test]
fn the_last_of_two_certificates_counts() {
    let (_, tolerated) = play(&json("certificate-twice.json"));
    assert!(tolerated.contains(Tolerance::RepeatedElement));
    let (_, tolerated) = play(&json("reserved-byte-nonzero.json"));
    assert!(tolerated.contains(Tolerance::ReservedByte));
}

#[test]
fn query_pairs_are_written_and_read_to_the_byte() {
    let vector = json("query-messages.json");
    let pairs = vector["pairs"].as_array().unwrap();
    assert_eq!(pairs.len(), 5);
    for pair in pairs {
        let (request_bytes, response_bytes) = (bytes(&pair["request_hex"]), bytes(&pair["response_hex"]));
        let ask = Ask::Query {
            subject: pair["subject"].as_str().unwrap().into(),
            issuer: pair["issuer"].as_str().unwrap().into(),
            serial: bytes(&pair["serial"]),
        };
        let message = Message::decode(&request_bytes).unwrap();
        let name = Some(DeviceName::new("CP-8861-SEPB000B4BA0AEE"));
        let mut client = ClientSession::new(message.session_id);
        assert_eq!(client.request(name.clone(), ask.clone()).unwrap(), request_bytes);
        let received = requests(&mut ServerSession::new(), &request_bytes).unwrap();
        let request = Request { session_id: message.session_id, device_name: name, ask: ask.clone() };
        assert_eq!(received, [Received { request, tolerated: Tolerated::NONE }]);

        let answer = match pair["certificate"].as_str() {
            None => Answer::NotValid,
            Some(file) => {
                let roles: Vec<u8> = serde_json::from_value(pair["roles"].clone()).unwrap();
                let certificate = std::fs::read(folder("").join(file.replace(".pem", ".der"))).unwrap();
                let trust = Trust::new(roles, serde_json::from_value(pair["ttl"].clone()).unwrap()).unwrap();
                Answer::Found(Found { certificate: certificate.into(), trust })
            }
        };
        assert_eq!(answer.encode(&ask, message.session_id).unwrap(), response_bytes);
        assert_eq!(client.receive(&response_bytes).unwrap(), Some(answer));
        for bytes in [request_bytes, response_bytes] {
            assert_eq!(Message::decode(&bytes).unwrap().encode().unwrap(), bytes);
        }
    }
}

#[test]
fn every_client_message_survives_a_round_trip() {
    let mut whole = 0;
    for entry in std::fs::read_dir(folder("tvs")).unwrap() {
        let vector = json(&entry.unwrap().file_name().into_string().unwrap());
        for message in vector["messages"].as_array().into_iter().flatten() {
            let Some(hex) = message.get("hex") else {
                continue;
            };
            if let Ok(decoded) = Message::decode(&bytes(hex)) {
                assert_eq!(decoded.encode().unwrap(), bytes(hex), "{}", vector["name"]);
                whole += 1;
            }
        }
    }
    assert!(whole > 50, "{whole} messages");
}

#[test]
fn the_captured_request_is_rebuilt_to_the_byte() {
    let captured = std::fs::read(folder("tvs-capture").join("tvs-query-request-213407.bin")).unwrap();
    let received = requests(&mut ServerSession::new(), &captured).unwrap();
    let [Received { request, tolerated }] = received.as_slice() else { panic!("{received:?}") };
    assert!(tolerated.is_empty(), "a real phone has the usual form");
    assert_eq!(request.session_id, FIRST_SESSION_ID);
    assert_eq!(request.device_name.as_ref().unwrap().as_bytes(), b"CP-8861-SEPB000B4BA0AEE");
    let Ask::Query { subject, issuer, serial } = &request.ask else { panic!("a QUERY") };
    assert_eq!(subject, b"CN=ucm11pub.stormin.local;OU=IST;O=Stormin;L=Brisbane;ST=QLD;C=AU");
    assert_eq!(issuer, b"CN=stormin-WIN2012-CA");
    assert_eq!(hex::encode(serial), "24000000179479b8f124ac3f3b000000000017");
    assert_eq!(request.encode().unwrap(), captured);
    assert_eq!(Message::decode(&captured).unwrap().encode().unwrap(), captured);
}

#[test]
fn the_start_of_the_captured_response_is_read() {
    let captured = std::fs::read(folder("tvs-capture").join("tvs-query-response-213407.first50.bin")).unwrap();
    let (head, body) = captured.split_first_chunk::<HEADER_LENGTH>().unwrap();
    let header = Header::decode(*head).unwrap();
    assert_eq!(header, Header { version: 1, command: 4, reserved: 0xF7, session_id: 1001, length: 1470 });
    assert_eq!(header.encode(), *head);
    let mut elements = Elements::new(body);
    assert_eq!(elements.next(), Some(Ok(Element { offset: 10, tag: tag::STATUS, value: &[0] })));
    let cut = Error::ElementPastEnd { offset: 14, tag: tag::CERTIFICATE, length: 1451, left: body.len() - 7 };
    assert_eq!(elements.next(), Some(Err(cut)));
    assert_eq!(elements.next(), None);
    // a client waits for the rest
    let mut client = ClientSession::default();
    let ask = Ask::Query { subject: b"s".to_vec(), issuer: b"i".to_vec(), serial: vec![1] };
    client.request(None, ask).unwrap();
    assert_eq!(client.receive(&captured).unwrap(), None);
}
