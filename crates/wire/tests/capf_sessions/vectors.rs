//! Every session of `testdata/vectors/capf`: the server's half against the recorded phone, the phone's half against the
//! recorded server. The proofs of certificates are checked where there is a cipher, in the tests of `pki`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use wire::capf::{
    AuthResponse, ClientQuestion, ClientSession, ClientStep, Curve, Done, Failure, HEADER_LENGTH, Header, KeySpec,
    Message, Operation, PhoneMessage, Reason, Refusal, RsaSize, Tolerance, Tolerated,
};

use crate::desk::{DEVICE, Desk, Played, RSA_2048, origin};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/vectors")
}

fn json(name: &str) -> Value {
    let path = folder().join(name);
    let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap()
}

/// All recorded sessions.
fn sessions() -> Vec<Value> {
    let index = json("index.json");
    let files = index["files"].as_array().unwrap();
    let all: Vec<Value> = files
        .iter()
        .filter(|file| file["kind"] == "capf-session")
        .map(|file| {
            let mut session = json(file["file"].as_str().unwrap());
            session["expect"] = file["expect"].clone();
            session
        })
        .collect();
    assert_eq!(all.len(), 56, "sessions in the index");
    all
}

/// The recorded messages of one side, in order.
fn recorded(vector: &Value, side: &str) -> Vec<Vec<u8>> {
    let messages = vector["messages"].as_array().unwrap().iter();
    messages
        .filter(|message| message["from"] == side)
        .filter_map(|message| Some(hex::decode(message.get("hex")?.as_str().unwrap()).unwrap()))
        .collect()
}

fn session_id(vector: &Value) -> u32 {
    Message::decode(&recorded(vector, "server")[0]).unwrap().session_id
}

/// What the peer's tool was told to schedule.
struct Scheduled {
    vector: Value,
    words: Vec<String>,
}

impl Scheduled {
    fn new(vector: &Value) -> Self {
        let words = vector["schedule"].as_str().unwrap().split_whitespace().map(str::to_owned).collect();
        Self { vector: vector.clone(), words }
    }

    fn has(&self, word: &str) -> bool {
        self.words.iter().any(|other| other == word)
    }

    fn value(&self, word: &str) -> Option<&str> {
        let place = self.words.iter().position(|other| other == word)?;
        self.words.get(place + 1).map(String::as_str)
    }

    fn operation(&self) -> Operation {
        if self.has("--install") {
            Operation::Install(match (self.value("--bits"), self.value("--curve")) {
                (Some(bits), _) => KeySpec::Rsa(RsaSize::from_bits(bits.parse().unwrap()).unwrap()),
                (_, Some(curve)) => KeySpec::Ec(Curve::ALL.into_iter().find(|known| known.name() == curve).unwrap()),
                _ => RSA_2048,
            })
        } else if self.has("--fetch") {
            Operation::Fetch
        } else if self.has("--delete") {
            Operation::Delete
        } else {
            Operation::None
        }
    }
}

impl Desk for Scheduled {
    fn let_in(&mut self, auth: &AuthResponse) -> Result<Operation, Refusal> {
        if auth.device_name.as_str() != DEVICE {
            return Err(Refusal::UnknownDevice);
        }
        if let Some(password) = self.value("--password")
            && !auth.password.as_ref().is_some_and(|given| given.matches(password.as_bytes()))
        {
            return Err(Refusal::Failed(Failure::InvalidAuthenticationString));
        }
        // the cipher's word, which this crate does not have: those that `pki` lets in
        let proven = ["update-with-", "lsc-auth-ok-own", "lsc-auth-no-sudi"];
        let name = self.vector["name"].as_str().unwrap();
        if self.has("--certificate") && !proven.iter().any(|good| name.starts_with(good)) {
            return Err(Refusal::Failed(Failure::InvalidCredentials));
        }
        Ok(self.operation())
    }

    /// The recorded certificate. Where the peer gave none, because of a fault of its own, any bytes.
    fn issue(&mut self, public_key: &[u8], wanted: KeySpec) -> Result<Vec<u8>, Refusal> {
        assert_eq!(Operation::Install(wanted), self.operation());
        if public_key == b"nonsense" {
            return Err(Refusal::Failed(Failure::KeyGeneration));
        }
        let store = recorded(&self.vector, "server").into_iter().find(|message| message[1] == 9);
        Ok(store.map_or_else(
            || b"certificate".to_vec(),
            |message| Message::decode(&message).unwrap().elements[1].1[5..].to_vec(),
        ))
    }

    fn record(&mut self, done: &Done) -> Result<(), Refusal> {
        let operation = self.operation();
        match done {
            Done::Stored => assert!(matches!(operation, Operation::Install(_))),
            Done::Deleted => assert_eq!(operation, Operation::Delete),
            Done::Fetched(der) => {
                assert_eq!(operation, Operation::Fetch);
                assert_eq!(*der, std::fs::read(folder().join("certs/lsc-2048.crt.der")).unwrap());
            }
        }
        Ok(())
    }
}

/// What the server sends.
#[derive(Debug, PartialEq)]
enum Wanted {
    /// As the peer did, byte for byte.
    Recorded,
    /// These commands; the last END_SESSION with this reason.
    Commands(&'static [u8], Option<u8>),
}

/// Where `index.json` wants something else than the peer did, this says what.
fn wanted(name: &str) -> (Wanted, Option<Tolerance>) {
    match name {
        "auth-version-2" => (Wanted::Commands(&[1, 3], None), Some(Tolerance::OlderVersion)),
        "auth-unknown-element" => (Wanted::Commands(&[1, 3], None), Some(Tolerance::UnknownElement)),
        "auth-device-name-without-nul" => (Wanted::Commands(&[1, 3], None), Some(Tolerance::TextWithoutNul)),
        "auth-body-short" | "client-closes-after-auth-request" => (Wanted::Commands(&[1], None), None),
        "auth-element-past-end" | "lsc-auth-digestinfo" => (Wanted::Commands(&[1, 15], Some(7)), None),
        "keygen-garbage-key" => (Wanted::Commands(&[1, 3, 15], Some(7)), None),
        "keygen-two-in-progress" => (Wanted::Commands(&[1, 3, 9], None), None),
        "store-refused" => (Wanted::Commands(&[1, 3, 9, 15], Some(7)), None),
        "lsc-auth-no-sha2" => (Wanted::Recorded, Some(Tolerance::Sha2ProofMissing)),
        _ => (Wanted::Recorded, None),
    }
}

/// Plays the recorded phone, each message in pieces of this size.
fn play(vector: &Value, size: usize) -> Played {
    let mut desk = Scheduled::new(vector);
    let mut played = Played::start(session_id(vector));
    for message in recorded(vector, "client") {
        for piece in message.chunks(size) {
            played.give(piece, &mut desk);
        }
    }
    played
}

#[test]
fn every_session_ends_as_the_index_wants() {
    for vector in sessions() {
        let name = vector["name"].as_str().unwrap();
        let (wanted, tolerance) = wanted(name);
        for size in [usize::MAX, 8, 1] {
            let played = play(&vector, size);
            let (_, reason) = played.end();
            match &wanted {
                Wanted::Recorded => {
                    assert_eq!(played.sent, recorded(&vector, "server"), "{name}");
                    let expected = vector["expect"]["end_reason"].as_u64();
                    assert_eq!(reason.map(u64::from), expected, "{name}");
                    assert_eq!(played.ended.is_some(), expected.is_some(), "{name}");
                }
                Wanted::Commands(commands, end) => {
                    let sent: Vec<u8> = played.sent.iter().map(|message| message[1]).collect();
                    assert_eq!((sent.as_slice(), reason), (*commands, *end), "{name}");
                }
            }
            match tolerance {
                Some(tolerance) => {
                    assert!(played.session.tolerated().contains(tolerance), "{name}: {tolerance:?}");
                }
                // every other recorded phone has the usual form
                None => assert!(played.session.tolerated().is_empty(), "{name}"),
            }
        }
    }
}

#[test]
fn a_half_message_is_awaited_then_closed_without_a_word() {
    let vector = sessions().into_iter().find(|vector| vector["name"] == "auth-body-short").unwrap();
    let mut played = play(&vector, usize::MAX);
    let mut desk = Scheduled::new(&vector);
    assert_eq!(played.wait(Duration::from_secs(59), &mut desk).end(), ("open", None));
    assert_eq!(played.wait(Duration::from_secs(1), &mut desk).end(), ("timed-out", None));
    assert!(played.asked.is_empty());
}

#[test]
fn what_is_refused_is_refused_for_its_own_cause() {
    let causes = [
        ("auth-wrong-protocol-id", "protocol-id"),
        ("auth-wrong-session-id", "session-id"),
        ("auth-version-4", "version"),
        ("auth-no-version", "missing"),
        ("auth-no-device-name", "missing"),
        ("auth-empty", "missing"),
        ("auth-other-command", "command"),
        ("auth-in-progress-first", "command"),
        ("auth-element-past-end", "element-past-end"),
        ("keygen-failure-reason", "phone-failed"),
        ("keygen-garbage-key", "key-generation"),
        ("store-other-command", "command"),
        ("store-refused", "phone-failed"),
        ("delete-nothing-there", "phone-failed"),
        ("fetch-nothing-there", "phone-failed"),
        ("unknown-device", "unknown-device"),
        ("install-password-wrong", "invalid-authentication-string"),
        ("install-password-missing", "invalid-authentication-string"),
        ("no-pending-operation", "nothing-pending"),
        ("install-password-right", "installed"),
        ("delete", "deleted"),
        ("fetch-with-password", "fetched"),
    ];
    for (name, cause) in causes {
        let vector = sessions().into_iter().find(|vector| vector["name"] == name).unwrap();
        assert_eq!(play(&vector, usize::MAX).end().0, cause, "{name}");
    }
}

#[test]
fn every_whole_message_survives_a_round_trip() {
    let mut whole = 0;
    for vector in sessions() {
        for bytes in recorded(&vector, "client").into_iter().chain(recorded(&vector, "server")) {
            if let Ok(message) = Message::decode(&bytes) {
                assert_eq!(message.encode().unwrap(), bytes, "{}", vector["name"]);
                whole += 1;
            }
        }
    }
    assert!(whole > 200, "{whole} messages");
}

/// What a recorded phone said.
fn said(bytes: &[u8]) -> PhoneMessage {
    let (head, body) = bytes.split_first_chunk::<HEADER_LENGTH>().unwrap();
    PhoneMessage::decode(Header::decode(*head).unwrap(), body, &mut Tolerated::NONE.clone()).unwrap()
}

#[test]
fn the_phones_half_says_what_the_recorded_phone_said() {
    let mut sessions_played = 0;
    for vector in sessions() {
        let name = vector["name"].as_str().unwrap();
        if !vector["made_by"].as_str().unwrap().starts_with("peer capfc") {
            continue;
        }
        let (client, server) = (recorded(&vector, "client"), recorded(&vector, "server"));
        let now = origin();
        let mut phone = ClientSession::new(Duration::from_secs(10));
        let (mut heard, mut spoken, mut questions) = (server.iter(), Vec::new(), 0);
        let ended = loop {
            match phone.step(now) {
                ClientStep::Send(bytes) => spoken.push(bytes),
                ClientStep::Receive { .. } => phone.receive(heard.next().expect(name), now),
                ClientStep::End(ended) => break ended,
                ClientStep::Ask(question) => {
                    questions += 1;
                    if let ClientQuestion::GenerateKey(spec) = &question {
                        assert_eq!(Operation::Install(*spec), Scheduled::new(&vector).operation(), "{name}");
                        spoken.push(phone.in_progress().unwrap());
                    }
                    match (said(&client[spoken.len()]), question) {
                        (PhoneMessage::Auth(auth), ClientQuestion::Authenticate { session_id, .. }) => {
                            assert_eq!(session_id, self::session_id(&vector));
                            phone.authenticate(*auth);
                        }
                        (PhoneMessage::KeyGenerated(key), ClientQuestion::GenerateKey(_)) => phone.generated(key),
                        (PhoneMessage::Stored(reason), ClientQuestion::Store { certificate, .. }) => {
                            let pem = std::fs::read_to_string(
                                folder().join(vector["device_key_and_certificate"].as_str().unwrap()),
                            )
                            .unwrap();
                            assert!(pem.contains("BEGIN CERTIFICATE") && certificate.starts_with(&[0x30, 0x82]));
                            phone.stored(reason);
                        }
                        (PhoneMessage::Fetched(der), ClientQuestion::Fetch) => phone.fetched(der),
                        (PhoneMessage::Deleted(reason), ClientQuestion::Delete) => phone.deleted(reason),
                        (said, asked) => panic!("{name}: {said:?} to {asked:?}"),
                    }
                }
            }
        };
        assert_eq!(spoken, client, "{name}");
        let reason = u8::try_from(vector["expect"]["end_reason"].as_u64().unwrap()).unwrap();
        assert_eq!(ended, wire::capf::ClientEnded::Reason(Reason(reason)), "{name}");
        assert!(questions > 0 && heard.next().is_none() && phone.tolerated().is_empty(), "{name}");
        sessions_played += 1;
    }
    assert!(sessions_played >= 20, "{sessions_played}");
}
