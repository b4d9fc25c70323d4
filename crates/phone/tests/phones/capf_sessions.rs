//! Sessions with CAPF over TLS. The server says what one of another make said when the vectors were recorded; so each
//! session is held against foreign bytes in both directions.

use std::time::{Duration, Instant};

use crate::node::replay::{Heard, Recorded, Replay, recorded};
use crate::node::{owner, vectors};
use phone::capf::{CapfConnection, Done, LscStore, Outcome, Party, SessionReport, Shows, session};
use phone::console::Console;
use phone::tls::PhoneTls;
use phone::{Credential, DeviceCertificates, Keep, KeySource, Misbehaviour, Waits};
use pki::Certificate;
use pki::capf::holds;
use wire::capf::{
    AuthResponse, ClientEnded, Curve, DeviceName, Header, KeySpec, Message, PhoneMessage, Reason, RsaSize, Tolerated,
    tag,
};
use wire::digest::DigestId;

fn credential(path: &str) -> Credential {
    Credential::from_pem(&std::fs::read(vectors().join(path)).unwrap()).unwrap()
}

/// The credential whose certificate was shown in a recording.
fn of_certificate(der: &[u8]) -> Credential {
    let names = ["lsc-1024", "lsc-2048", "lsc-4096", "lsc-p256", "lsc-foreign", "mic-2048"];
    let all = names.iter().map(|name| credential(&format!("certs/{name}.bundle.pem")));
    all.into_iter().find(|one| one.certificate().der() == der).expect("a certificate of the vectors")
}

fn decode(bytes: &[u8]) -> PhoneMessage {
    let header = Header::decode(*bytes.first_chunk().unwrap()).unwrap();
    PhoneMessage::decode(header, &bytes[8..], &mut Tolerated::NONE.clone()).unwrap()
}

/// The phone of a recording: what it shows, has and makes.
struct Device {
    auth: AuthResponse,
    shows: Shows,
    store: DeviceCertificates,
    keys: KeySource,
}

fn device(recorded: &Recorded) -> Device {
    let said = recorded.phone();
    let PhoneMessage::Auth(auth) = decode(&said[0]) else { panic!("AUTH_RESPONSE comes first") };
    let mut store = DeviceCertificates::load(&Keep::InMemory).unwrap();
    let shown = auth.certificate.as_deref().map(of_certificate);
    let mic = auth.sudi_data.as_ref().map(|sudi| of_certificate(&sudi.certificate));
    let shows = match (&shown, auth.password.clone().unwrap()) {
        (Some(_), _) => Shows::Certificate { shown: shown.clone(), mic },
        (None, password) if password.is_empty() => Shows::NullString,
        (None, password) => Shows::String(password),
    };
    for message in said.iter().skip(1) {
        if let PhoneMessage::Fetched(Ok(der)) = decode(message) {
            store.set_lsc(of_certificate(&der)).unwrap();
        }
    }
    if recorded.name == "delete" {
        store.set_lsc(credential("certs/lsc-2048.bundle.pem")).unwrap();
    }
    let keys = match recorded.value["device_key_and_certificate"].as_str() {
        Some(path) => KeySource::prepared(vec![(asked(recorded).unwrap(), credential(path).key().clone())]),
        None => KeySource::default(),
    };
    Device { auth: *auth, shows, store, keys }
}

/// The key that the recorded server asked for.
fn asked(recorded: &Recorded) -> Option<KeySpec> {
    let bytes = recorded.messages.iter().find(|(server, bytes)| *server && bytes[1] == 3).map(|(_, bytes)| bytes)?;
    let message = Message::decode(bytes).unwrap();
    let value = |wanted| message.elements.iter().find(|(tag, _)| *tag == wanted).map(|(_, value)| value.clone());
    Some(match (value(tag::KEY_SIZE), value(tag::CURVE)) {
        (Some(size), _) => KeySpec::Rsa(RsaSize::from_bits(u16::from_be_bytes([size[0], size[1]])).unwrap()),
        (None, curve) => KeySpec::Ec(Curve::from_byte(curve.unwrap()[0]).unwrap()),
    })
}

fn waits() -> Waits {
    Waits { capf: Duration::from_secs(5), ..Waits::default() }
}

/// One session of the phone with a server that replays.
async fn talk(recorded: &Recorded, device: &mut Device, misbehave: Option<Misbehaviour>) -> (SessionReport, Heard) {
    talk_for(recorded, device, misbehave, waits().capf).await
}

async fn talk_for(
    recorded: &Recorded,
    device: &mut Device,
    misbehave: Option<Misbehaviour>,
    wait: Duration,
) -> (SessionReport, Heard) {
    let server = Replay::start(&owner("capf-2048"), std::slice::from_ref(recorded)).await;
    let connection = CapfConnection::open(&PhoneTls::new(false).unwrap(), server.address, &waits()).await.unwrap();
    assert_eq!(connection.certificate(), owner("capf-2048").certificate.der());
    let party = Party {
        name: DeviceName::new(device.auth.device_name.as_str()).unwrap(),
        shows: device.shows.clone(),
        keys: &device.keys,
        store: &mut device.store,
        wait,
        misbehave,
    };
    let mut console = Console::new(jiff::tz::TimeZone::UTC);
    let report = session::run(connection, party, &mut console).await;
    let heard = server.heard(1).await.remove(0);
    assert!(heard.over);
    (report, heard)
}

/// All recordings of a whole client.
fn recordings() -> Vec<Recorded> {
    let mut names: Vec<String> = std::fs::read_dir(vectors().join("capf"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names.retain(|name| {
        let text = std::fs::read(vectors().join(format!("capf/{name}.json"))).unwrap();
        let value: serde_json::Value = serde_json::from_slice(&text).unwrap();
        value["made_by"].as_str().unwrap().contains("capfc")
    });
    names.iter().map(|name| recorded(name)).collect()
}

#[tokio::test]
async fn every_recorded_session_is_the_same_to_the_byte() {
    let recordings = recordings();
    assert_eq!(recordings.len(), 26);
    for recorded in &recordings {
        let name = &recorded.name;
        let mut device = device(recorded);
        let (report, heard) = talk(recorded, &mut device, None).await;
        let ended = recorded.value["expect"]["end_reason"].as_u64().unwrap();
        assert_eq!(report.ended, ClientEnded::Reason(Reason(u8::try_from(ended).unwrap())), "{name}");
        if name == "update-with-ec-lsc" {
            // ECDSA is different each time
            ec_proofs(&heard, report.session_id.unwrap());
        } else {
            assert_eq!(heard.messages(), recorded.phone(), "{name}");
        }
        // one message, one TLS record, as old phones and servers want it
        assert_eq!(heard.records.len(), recorded.phone().len(), "{name}");
        match recorded.value["device_key_and_certificate"].as_str() {
            Some(path) => {
                let theirs = credential(path);
                assert_eq!(report.done, Done::Installed(theirs.certificate().clone()), "{name}");
                let lsc = device.store.lsc().unwrap();
                assert_eq!(lsc.certificate(), theirs.certificate(), "{name}");
                assert_eq!(lsc.key().key_id(), theirs.key().key_id(), "{name}");
            }
            None => {
                let done = match name.as_str() {
                    "delete" => Done::Deleted,
                    "delete-nothing-there" => Done::NotDeleted("no LSC is installed".to_owned()),
                    "fetch-nothing-there" => Done::NotShown("no LSC is installed".to_owned()),
                    "fetch" | "fetch-with-password" => Done::Shown(device.store.lsc().unwrap().certificate().clone()),
                    _ => Done::Nothing,
                };
                assert_eq!(report.done, done, "{name}");
            }
        }
        assert!(name != "delete" || device.store.lsc().is_none());
    }
}

/// SIGNED_DATA and SHA2_SIGNED_DATA of an EC key, checked with the certificate that stands beside them.
fn ec_proofs(heard: &Heard, session_id: u32) {
    let PhoneMessage::Auth(auth) = decode(&heard.messages()[0]) else { panic!("AUTH_RESPONSE comes first") };
    let der = auth.certificate.as_deref().unwrap();
    let certificate = Certificate::from_der(der).unwrap();
    let parts = [auth.device_name.as_sent(), der];
    assert!(holds(&certificate, DigestId::SHA1, &parts, auth.signed_data.as_deref().unwrap()));
    let sha2 = auth.sha2_signed_data.unwrap();
    assert!(holds(&certificate, sha2.hash, &parts, &sha2.proof));
    let sudi = auth.sudi_data.unwrap();
    let mic = Certificate::from_der(&sudi.certificate).unwrap();
    let id = session_id.to_le_bytes();
    assert!(holds(&mic, DigestId::SHA512, &[id.as_slice(), &sudi.certificate], &sudi.sha512.unwrap()));
}

#[tokio::test]
async fn a_key_is_made_when_it_is_asked_for() {
    // the recorded certificate is for another key, so it is not stored
    let recorded = recorded("install-ec-secp256r1");
    let mut device = device(&recorded);
    device.keys = KeySource::default();
    let (report, heard) = talk(&recorded, &mut device, None).await;
    assert_eq!(report.wanted, Some(KeySpec::Ec(Curve::Secp256r1)));
    assert_eq!(report.done, Done::NotInstalled("the server sent a certificate for another key".to_owned()));
    assert!(device.store.lsc().is_none());
    let messages = heard.messages();
    let PhoneMessage::KeyGenerated(Ok(spki)) = decode(&messages[2]) else { panic!("{messages:?}") };
    pki::capf::check_public_key(&spki, KeySpec::Ec(Curve::Secp256r1)).unwrap();
    assert_eq!(decode(&messages[3]), PhoneMessage::Stored(Reason::FAILURE));
}

/// A store that cannot keep anything.
struct Full;

impl LscStore for Full {
    fn install(&mut self, _: Credential) -> Result<(), String> {
        Err("no space left".to_owned())
    }

    fn show(&mut self) -> Result<Option<Certificate>, String> {
        Err("the file cannot be read".to_owned())
    }

    fn delete(&mut self) -> Result<bool, String> {
        Err("the file cannot be removed".to_owned())
    }
}

#[tokio::test]
async fn what_cannot_be_kept_is_said() {
    let wanted = [
        ("install-null-string-rsa2048", Done::NotInstalled("no space left".to_owned())),
        ("fetch", Done::NotShown("the file cannot be read".to_owned())),
        ("delete", Done::NotDeleted("the file cannot be removed".to_owned())),
    ];
    for (name, done) in wanted {
        let recorded = recorded(name);
        let device = device(&recorded);
        let server = Replay::start(&owner("capf-2048"), std::slice::from_ref(&recorded)).await;
        let connection = CapfConnection::open(&PhoneTls::new(false).unwrap(), server.address, &waits()).await.unwrap();
        let party = Party {
            name: device.auth.device_name.clone(),
            shows: device.shows,
            keys: &device.keys,
            store: &mut Full,
            wait: waits().capf,
            misbehave: None,
        };
        let report = session::run(connection, party, &mut Console::new(jiff::tz::TimeZone::UTC)).await;
        assert_eq!(report.done, done);
        let heard = server.heard(1).await.remove(0);
        let last = decode(heard.messages().last().unwrap());
        let failed = [
            PhoneMessage::Stored(Reason::FAILURE),
            PhoneMessage::Fetched(Err(Reason::FAILURE)),
            PhoneMessage::Deleted(Reason::FAILURE),
        ];
        assert!(failed.contains(&last), "{last:?}");
    }
}

#[tokio::test]
async fn a_small_key_makes_the_sha1_proof_only() {
    let recorded = recorded("update-with-lsc-and-mic");
    let mut device = device(&recorded);
    let name = phone::PhoneName::parse("SEPB000B4BA0AEE").unwrap();
    let ca = phone::ManufacturingCa::new().unwrap();
    let spec = phone::factory::MicSpec::of(trust::Model::find("8861").unwrap(), &name);
    let small = ca.issue(&spec, phone::keys::generate(KeySpec::Rsa(RsaSize::Bits512)).unwrap()).unwrap();
    device.shows = Shows::Certificate { shown: Some(small.clone()), mic: Some(small.clone()) };
    let (_, heard) = talk(&recorded, &mut device, None).await;
    let PhoneMessage::Auth(auth) = decode(&heard.messages()[0]) else { panic!("AUTH_RESPONSE comes first") };
    assert!(auth.sha2_signed_data.is_none() && auth.sudi_data.is_none());
    let parts = [auth.device_name.as_sent(), small.certificate().der()];
    assert!(holds(small.certificate(), DigestId::SHA1, &parts, &auth.signed_data.unwrap()));
}

#[tokio::test]
async fn misbehaviour_on_the_wire() {
    let install = recorded("install-null-string-rsa1024");
    let update = recorded("update-with-lsc-and-mic");
    let said = install.phone();
    let (auth, in_progress, key, stored) = (&said[0], &said[1], &said[2], &said[3]);
    let mut seen = Vec::new();
    for how in Misbehaviour::ALL {
        let recorded = if how == Misbehaviour::WrongProof { &update } else { &install };
        let mut device = device(recorded);
        if how == Misbehaviour::OtherKey {
            device.keys = KeySource::default();
        }
        let how =
            if matches!(how, Misbehaviour::Late(_)) { Misbehaviour::Late(Duration::from_millis(60)) } else { how };
        let started = Instant::now();
        // the server waits for what does not come, so the phone waits too, shortly
        let stalls = matches!(how, Misbehaviour::Stall | Misbehaviour::StallKey | Misbehaviour::StallStore);
        let wait = if stalls { Duration::from_millis(300) } else { waits().capf };
        let (report, heard) = talk_for(recorded, &mut device, Some(how), wait).await;
        let (messages, bytes) = (heard.messages(), heard.bytes());
        let installed = device.store.lsc().is_some();
        match how {
            Misbehaviour::Stall => assert!(bytes.is_empty() && report.ended == ClientEnded::TimedOut),
            Misbehaviour::StallKey => assert_eq!(messages, [auth.clone(), in_progress.clone()]),
            Misbehaviour::StallStore => {
                assert_eq!(messages, [auth.clone(), in_progress.clone(), key.clone()]);
                assert!(installed && report.ended == ClientEnded::TimedOut);
            }
            Misbehaviour::Late(_) => {
                assert_eq!(messages, said);
                assert!(installed && started.elapsed() >= Duration::from_millis(240), "four messages");
            }
            Misbehaviour::WrongSession => {
                assert_eq!(messages[0][5], auth[5] ^ 1);
                assert_eq!((&messages[0][..5], &messages[0][6..]), (&auth[..5], &auth[6..]));
            }
            Misbehaviour::DuplicateElements => {
                let elements = Message::decode(&messages[0]).unwrap().elements;
                let names = elements.iter().filter(|(tag, _)| *tag == tag::DEVICE_NAME).count();
                assert_eq!((names, elements.len()), (2, Message::decode(auth).unwrap().elements.len() + 1));
            }
            Misbehaviour::Oversize => assert_eq!((messages[0].len(), &messages[0][..2]), (8 + 65_535, &auth[..2])),
            Misbehaviour::Truncated => {
                assert_eq!(bytes, auth[..auth.len() / 2]);
                assert_eq!(report.ended, ClientEnded::Closed);
            }
            Misbehaviour::Flood => assert!(bytes.len() > wire::capf::MAX_BUFFERED, "{}", bytes.len()),
            Misbehaviour::Dribble => {
                assert_eq!(messages, said);
                assert!(installed && heard.records.iter().all(|record| record.len() == 1));
            }
            Misbehaviour::TwoRecords => {
                assert_eq!(messages, said);
                let lengths: Vec<usize> = heard.records.iter().map(Vec::len).collect();
                assert_eq!(lengths, [8, auth.len() - 8, 8, 8, key.len() - 8, 8, stored.len() - 8]);
                assert!(installed);
            }
            Misbehaviour::OutOfOrder => assert_eq!(messages[0], *stored),
            Misbehaviour::InProgressFlood => {
                let count = messages.iter().filter(|message| *message == in_progress).count();
                assert!(count > 1000 && !messages.contains(key), "{count}");
            }
            Misbehaviour::WrongProof => {
                let PhoneMessage::Auth(shown) = decode(&messages[0]) else { panic!("AUTH_RESPONSE comes first") };
                let der = shown.certificate.as_deref().unwrap();
                let certificate = Certificate::from_der(der).unwrap();
                let parts = [shown.device_name.as_sent(), der];
                assert!(!holds(&certificate, DigestId::SHA1, &parts, &shown.signed_data.unwrap()));
                assert!(holds(&certificate, DigestId::SHA512, &parts, &shown.sha2_signed_data.unwrap().proof));
            }
            Misbehaviour::OtherKey | Misbehaviour::WeakKey | Misbehaviour::GarbageKey => {
                let PhoneMessage::KeyGenerated(Ok(spki)) = decode(&messages[2]) else { panic!("{messages:?}") };
                let bad = pki::capf::check_public_key(&spki, KeySpec::Rsa(RsaSize::Bits1024)).unwrap_err().to_string();
                let wanted = match how {
                    Misbehaviour::OtherKey => "made RSA 2048",
                    Misbehaviour::WeakKey => "an RSA exponent of 1",
                    _ => "not a public key",
                };
                assert!(bad.contains(wanted), "{bad}");
            }
            Misbehaviour::CloseAfterKey => {
                assert_eq!(messages, [auth.clone(), in_progress.clone(), key.clone()]);
                assert!(!installed && report.left && report.ended == ClientEnded::Closed);
                let outcome = Outcome::of(&report);
                assert_eq!(outcome, Outcome::Broken("the phone closed the connection, on purpose".to_owned()));
            }
            Misbehaviour::RefuseStore => {
                assert_eq!(decode(&messages[3]), PhoneMessage::Stored(Reason::FAILURE));
                assert!(!installed);
            }
            Misbehaviour::CloseBeforeStore | Misbehaviour::CloseAfterStore => {
                assert_eq!(messages, [auth.clone(), in_progress.clone(), key.clone()]);
                assert_eq!(report.ended, ClientEnded::Closed);
                assert_eq!(installed, how == Misbehaviour::CloseAfterStore);
            }
        }
        seen.push(how);
    }
    assert_eq!(seen.len(), Misbehaviour::ALL.len());
}

#[tokio::test]
async fn servers_that_misbehave() {
    // another session id in the second message of the server; a wrong first byte; an answer that never comes
    let whole = recorded("install-null-string-rsa1024");
    let mut other_session = whole.clone();
    other_session.messages[2].1[5] ^= 1;
    let mut no_capf = whole.clone();
    no_capf.messages[0].1 = b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec();
    let mut cut = whole.clone();
    cut.messages.truncate(2);
    for (recorded, wanted) in [(other_session, "session id"), (no_capf, "not CAPF"), (cut, "without END_SESSION")] {
        let mut device = device(&whole);
        let (report, _) = talk(&recorded, &mut device, None).await;
        assert!(report.ended.to_string().contains(wanted), "{}", report.ended);
        assert_eq!(report.done, Done::Nothing);
    }
}
