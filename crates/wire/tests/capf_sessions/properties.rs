//! What holds for all bytes.

use proptest::collection::vec;
use proptest::prelude::*;
use std::time::Duration;

use wire::capf::{
    AuthResponse, CertificateType, ClientEnded, ClientQuestion, ClientSession, ClientStep, Curve, DeviceName, Ended,
    HEADER_LENGTH, Header, KeySpec, Message, Operation, Password, PhoneMessage, Question, Reason, RsaSize,
    ServerMessage, Sha2SignedData, SudiData, Tolerated,
};
use wire::digest::DigestId;

use crate::desk::{Open, Played, RSA_2048, origin};

fn any_message() -> impl Strategy<Value = Message> {
    let element = (any::<u8>(), vec(any::<u8>(), 0..300));
    (any::<u8>(), any::<u32>(), vec(element, 0..12)).prop_map(|(command, session_id, elements)| Message {
        command,
        session_id,
        elements,
    })
}

fn any_name() -> impl Strategy<Value = DeviceName> {
    "[!-~]{1,64}".prop_map(|name| DeviceName::new(&name).unwrap())
}

fn any_auth() -> impl Strategy<Value = AuthResponse> {
    let some = || proptest::option::of(vec(any::<u8>(), 1..300));
    let sudi = (vec(any::<u8>(), 1..300), some(), some()).prop_map(|(certificate, sha1, sha512)| SudiData {
        certificate,
        sha1,
        sha512,
    });
    let sha2 = (any::<u8>(), vec(any::<u8>(), 1..300))
        .prop_map(|(hash, proof)| Sha2SignedData { hash: DigestId(hash), proof });
    let password = vec(1..=255u8, 0..=64).prop_map(|bytes| Password::new(&bytes).unwrap());
    (
        (proptest::option::of(any::<u8>()), 0..=3u8, any_name(), proptest::option::of(password)),
        (some(), some(), proptest::option::of(sha2), proptest::option::of(sudi)),
    )
        .prop_map(|((reason, version, device_name, password), (certificate, signed_data, sha2, sudi_data))| {
            AuthResponse {
                reason: reason.map(Reason),
                version,
                device_name,
                password,
                certificate,
                signed_data,
                sha2_signed_data: sha2,
                sudi_data,
            }
        })
}

fn any_phone_message() -> impl Strategy<Value = PhoneMessage> {
    let reason = || any::<u8>().prop_map(Reason);
    // reason 1 beside a fetch says that there is a certificate
    let failed = || (2..=255u8).prop_map(Reason);
    prop_oneof![
        any_auth().prop_map(|auth| PhoneMessage::Auth(Box::new(auth))),
        Just(PhoneMessage::InProgress),
        vec(any::<u8>(), 1..=2048).prop_map(|key| PhoneMessage::KeyGenerated(Ok(key))),
        reason().prop_map(|reason| PhoneMessage::KeyGenerated(Err(reason))),
        reason().prop_map(PhoneMessage::Stored),
        reason().prop_map(PhoneMessage::Deleted),
        vec(any::<u8>(), 1..=16_384).prop_map(|der| PhoneMessage::Fetched(Ok(der))),
        failed().prop_map(|reason| PhoneMessage::Fetched(Err(reason))),
    ]
}

fn any_server_message() -> impl Strategy<Value = ServerMessage> {
    prop_oneof![
        (any::<u8>(), any::<u8>())
            .prop_map(|(version, auth)| ServerMessage::Auth { version, auth_type: wire::capf::AuthType(auth) }),
        prop::sample::select(RsaSize::ALL.to_vec()).prop_map(|size| ServerMessage::KeyGenerate(KeySpec::Rsa(size))),
        prop::sample::select(Curve::ALL.to_vec()).prop_map(|curve| ServerMessage::KeyGenerate(KeySpec::Ec(curve))),
        (any::<bool>(), vec(any::<u8>(), 1..3000)).prop_map(|(mic, certificate)| ServerMessage::StoreCertificate {
            certificate_type: if mic { CertificateType::Mic } else { CertificateType::Lsc },
            certificate,
        }),
        Just(ServerMessage::FetchCertificate),
        Just(ServerMessage::DeleteCertificate),
        any::<u8>().prop_map(|reason| ServerMessage::EndSession(Reason(reason))),
    ]
}

/// Cuts `bytes` at the places that `cuts` names.
fn pieces<'a>(bytes: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

fn any_operation() -> impl Strategy<Value = Operation> {
    prop::sample::select(vec![
        Operation::None,
        Operation::Install(RSA_2048),
        Operation::Install(KeySpec::Ec(Curve::Secp256r1)),
        Operation::Store(vec![0x30, 0x00]),
        Operation::Fetch,
        Operation::Delete,
    ])
}

/// Everything a server session says and asks when the stream comes in these pieces.
fn serve(session_id: u32, operation: Operation, pieces: &[&[u8]]) -> (Vec<Vec<u8>>, Vec<Question>, Option<Ended>) {
    let mut desk = Open::with(operation);
    let mut played = Played::start(session_id);
    for piece in pieces {
        played.give(piece, &mut desk);
    }
    played.close(&mut desk);
    (played.sent, played.asked, played.ended)
}

/// How a phone ends and what it was asked when a server's stream comes in these pieces.
fn call(pieces: &[&[u8]]) -> (Vec<ClientQuestion>, ClientEnded) {
    let now = origin();
    let mut phone = ClientSession::new(Duration::from_secs(9));
    let (mut asked, mut pieces) = (Vec::new(), pieces.iter());
    loop {
        match phone.step(now) {
            ClientStep::Send(_) => {}
            ClientStep::Receive { .. } => match pieces.next() {
                Some(piece) => phone.receive(piece, now),
                None => phone.closed(),
            },
            ClientStep::End(ended) => return (asked, ended),
            ClientStep::Ask(question) => {
                match &question {
                    ClientQuestion::Authenticate { .. } => phone.authenticate(AuthResponse::with_password(
                        DeviceName::new("SEPB000B4BA0AEE").unwrap(),
                        Password::new(b"1").unwrap(),
                    )),
                    ClientQuestion::GenerateKey(_) => phone.generated(Ok(vec![1])),
                    ClientQuestion::Store { .. } => phone.stored(Reason::SUCCESS),
                    ClientQuestion::Fetch => phone.fetched(Err(Reason::FAILURE)),
                    ClientQuestion::Delete => phone.deleted(Reason::SUCCESS),
                }
                asked.push(question);
            }
        }
    }
}

fn split(bytes: &[u8]) -> (Header, &[u8]) {
    let (head, body) = bytes.split_first_chunk::<HEADER_LENGTH>().unwrap();
    (Header::decode(*head).unwrap(), body)
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
    fn what_a_phone_says_comes_back(message in any_phone_message(), session_id: u32) {
        let bytes = message.encode(session_id).unwrap();
        let (header, body) = split(&bytes);
        prop_assert_eq!(header.session_id, session_id);
        prop_assert_eq!(PhoneMessage::decode(header, body, &mut Tolerated::default()).unwrap(), message);
    }

    #[test]
    fn what_a_server_says_comes_back(message in any_server_message(), session_id: u32) {
        let bytes = message.encode(session_id).unwrap();
        let (header, body) = split(&bytes);
        prop_assert_eq!(ServerMessage::decode(header, body, &mut Tolerated::default()).unwrap(), message);
    }

    #[test]
    fn the_pieces_of_a_phones_stream_do_not_matter(
        session_id: u32,
        operation in any_operation(),
        auth in any_auth(),
        then in vec(any_phone_message(), 0..4),
        tail in vec(any::<u8>(), 0..30),
        cuts in vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let mut bytes = PhoneMessage::Auth(Box::new(auth)).encode(session_id).unwrap();
        bytes.extend(then.iter().flat_map(|message| message.encode(session_id).unwrap()));
        bytes.extend(tail);
        let whole = serve(session_id, operation.clone(), &[&bytes]);
        prop_assert!(whole.2.is_some(), "every session ends");
        prop_assert_eq!(serve(session_id, operation, &pieces(&bytes, &cuts)), whole);
    }

    #[test]
    fn the_pieces_of_a_servers_stream_do_not_matter(
        session_id: u32,
        then in vec(any_server_message(), 0..5),
        tail in vec(any::<u8>(), 0..30),
        cuts in vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let first = ServerMessage::Auth { version: 3, auth_type: wire::capf::AuthType::NONE };
        let mut bytes = first.encode(session_id).unwrap();
        bytes.extend(then.iter().flat_map(|message| message.encode(session_id).unwrap()));
        bytes.extend(tail);
        prop_assert_eq!(call(&pieces(&bytes, &cuts)), call(&[&bytes]));
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        operation in any_operation(),
        command in 0..25u8,
        bytes in vec(any::<u8>(), 0..400),
        cuts in vec(any::<prop::sample::Index>(), 0..5),
    ) {
        let mut framed = vec![0x55, command, 0, 0, 0, 9];
        framed.extend_from_slice(&u16::try_from(bytes.len()).unwrap().to_be_bytes());
        framed.extend_from_slice(&bytes);
        let auth = crate::desk::auth(9);
        let greeting = ServerMessage::Auth { version: 3, auth_type: wire::capf::AuthType::NONE }.encode(9).unwrap();
        for bytes in [&bytes, &framed] {
            let (sent, _, ended) = serve(9, operation.clone(), &pieces(bytes, &cuts));
            prop_assert!(ended.is_some() && sent.len() <= 2);
            serve(9, operation.clone(), &pieces(&[auth.as_slice(), bytes].concat(), &cuts));
            call(&pieces(bytes, &cuts));
            call(&pieces(&[greeting.as_slice(), bytes].concat(), &cuts));
            if let Ok(message) = Message::decode(bytes) {
                prop_assert_eq!(&message.encode().unwrap(), bytes);
            }
        }
    }
}
