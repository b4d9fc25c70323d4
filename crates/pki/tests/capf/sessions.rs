//! The golden sessions with certificates, decided by the proofs themselves.

use std::time::Instant;

use pki::Certificate;
use pki::capf::{Sha2Proof, check, check_public_key};
use serde_json::Value;
use wire::capf::{Curve, Failure, KeySpec, Operation, Question, Refusal, RsaSize, ServerSession, ServerStep, Timeouts};

use crate::{json, now, read};

fn recorded(vector: &Value, side: &str) -> Vec<Vec<u8>> {
    let messages = vector["messages"].as_array().unwrap().iter();
    messages
        .filter(|message| message["from"] == side)
        .filter_map(|message| Some(hex::decode(message.get("hex")?.as_str().unwrap()).unwrap()))
        .collect()
}

/// Plays the recorded phone against a server that checks everything; gives the commands that it sent, its last byte, and
/// why a certificate was refused.
fn play(vector: &Value, sha2: Sha2Proof) -> (Vec<u8>, Option<u8>, Option<&'static str>) {
    #[allow(clippy::disallowed_methods)] // nothing waits; the stages just need an origin
    let origin = Instant::now();
    let mut issuers: Vec<Certificate> = vec![Certificate::from_pem(&read(vector["issuer"].as_str().unwrap())).unwrap()];
    for file in vector["verify_certificates"].as_array().into_iter().flatten() {
        issuers.push(Certificate::from_pem(&read(file.as_str().unwrap())).unwrap());
    }
    let server = recorded(vector, "server");
    let session_id = u32::from_be_bytes(server[0][2..6].try_into().unwrap());
    let wanted = match vector["name"].as_str().unwrap() {
        "update-with-ec-lsc" => KeySpec::Ec(Curve::Secp256r1),
        _ => KeySpec::Rsa(RsaSize::Bits2048),
    };
    let mut session = ServerSession::new(session_id, Timeouts::default());
    let (mut sent, mut refused) = (Vec::new(), None);
    let mut client = recorded(vector, "client").into_iter();
    loop {
        match session.step(origin) {
            ServerStep::Send(bytes) => sent.push(bytes),
            ServerStep::Receive { .. } => match client.next() {
                Some(bytes) => session.receive(&bytes, origin),
                None => session.closed(),
            },
            ServerStep::Ask(Question::Authenticate(auth)) => {
                if !vector["schedule"].as_str().unwrap().contains("--certificate") {
                    session.operation(Operation::Install(wanted));
                    continue;
                }
                match check(&auth, session.session_id(), &issuers, now(), sha2) {
                    Ok(_) => session.operation(Operation::Install(wanted)),
                    Err(error) => {
                        refused = Some(error.label());
                        session.refuse(Refusal::Failed(Failure::InvalidLsc));
                    }
                }
            }
            ServerStep::Ask(Question::Issue { public_key, wanted }) => match check_public_key(&public_key, wanted) {
                Ok(()) => {
                    let store = server.iter().find(|message| message[1] == 9).unwrap();
                    // the DER behind header, CERTIFICATE_TYPE, tag, length and the five bytes in front
                    session.issued(&store[8 + 4 + 3 + 5..]);
                }
                Err(_) => session.refuse(Refusal::Failed(Failure::KeyGeneration)),
            },
            ServerStep::Ask(Question::Record(_)) => session.recorded(),
            ServerStep::End(ended) => {
                let commands = sent.iter().map(|message| message[1]).collect();
                return (commands, ended.reason.map(|reason| reason.0), refused);
            }
        }
    }
}

#[test]
fn every_session_with_a_certificate_is_decided_as_the_index_wants() {
    let decided = [
        ("update-with-lsc-and-mic", None),
        ("update-with-lsc-only", None),
        ("update-with-mic-only", None),
        ("update-with-ec-lsc", None),
        ("lsc-auth-ok-own", None),
        ("lsc-auth-no-sudi", None),
        ("update-foreign-lsc", Some("unknown-issuer")),
        ("update-no-certificate", Some("missing")),
        ("lsc-auth-no-sha2", Some("missing")),
        ("lsc-auth-sudi-big-endian", Some("proof")),
        ("lsc-auth-sudi-other-session", Some("proof")),
        ("lsc-auth-flipped-sha1", Some("proof")),
        ("lsc-auth-flipped-sha512", Some("proof")),
        ("lsc-auth-sha256-id", Some("hash")),
        ("lsc-auth-other-device-name", Some("proof")),
        ("lsc-auth-digestinfo", Some("proof")),
    ];
    let index = json("index.json");
    let mut seen = 0;
    for file in index["files"].as_array().unwrap() {
        let name = file["file"].as_str().unwrap();
        let Some(name) = name.strip_prefix("capf/").filter(|_| file["kind"] == "capf-session") else { continue };
        let vector = json(&format!("capf/{name}"));
        if !vector["schedule"].as_str().unwrap().contains("--certificate") {
            continue;
        }
        let name = name.strip_suffix(".json").unwrap();
        let refused = decided.iter().find(|(decided, _)| *decided == name).unwrap_or_else(|| panic!("{name}")).1;
        let (commands, reason, why) = play(&vector, Sha2Proof::Required);
        assert_eq!(why, refused, "{name}");
        match (refused, name.starts_with("update-")) {
            (Some(_), _) => assert_eq!((commands.as_slice(), reason), ([1, 15].as_slice(), Some(7)), "{name}"),
            (None, true) => assert_eq!((commands.as_slice(), reason), ([1, 3, 9, 15].as_slice(), Some(1)), "{name}"),
            // the recorded phone leaves after the question for a key
            (None, false) => assert_eq!((commands.as_slice(), reason), ([1, 3].as_slice(), None), "{name}"),
        }
        seen += 1;
    }
    assert_eq!(seen, decided.len());
}

#[test]
fn an_older_phone_is_let_in_by_tolerance() {
    let (commands, _, refused) = play(&json("capf/lsc-auth-no-sha2.json"), Sha2Proof::Optional);
    assert_eq!((commands.as_slice(), refused), ([1, 3].as_slice(), None));
}

#[test]
fn a_garbage_key_gets_reason_seven_and_no_certificate() {
    let (commands, reason, _) = play(&json("capf/keygen-garbage-key.json"), Sha2Proof::Required);
    assert_eq!((commands.as_slice(), reason), ([1, 3, 15].as_slice(), Some(7)));
}
