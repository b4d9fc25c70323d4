//! The messages of the CTL provider: there and back, in pieces, and what is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // tests may stop at the first surprise

use std::net::Ipv4Addr;

use proptest::prelude::*;
use wire::ctl_provider::{
    Choice, ClientStream, ClusterState, Entry, HEAD, Login, MAX_CTL, NodeStatus, Password, Reply, Request,
    ServerStream, StreamError, Upload,
};
use wire::digest::DigestId;
use wire::role::Role;

fn login() -> Request {
    Request::Login(Login { user: "admin".to_owned(), password: Password::new(b"secret".to_vec()) })
}

fn requests() -> Vec<Request> {
    let store = |choice, forced, base| Request::Store(Upload { choice, forced, file: vec![7; 65_535], base });
    vec![
        login(),
        Request::Look,
        store(Choice::Mixed, false, None),
        store(Choice::NonSecure, true, Some([9; 32])),
        store(Choice::Update, true, None),
    ]
}

fn replies() -> Vec<Reply> {
    let entry = Entry {
        role: Role::CCM_TFTP,
        host: "cucm-1051-a-pub".to_owned(),
        address: Ipv4Addr::new(10, 48, 47, 155),
        certificate: vec![0x30; 696],
    };
    let node = |failure: Option<&str>| NodeStatus {
        host: "10.48.47.155".to_owned(),
        location: "/usr/local/cm/tftp/CTLFile.tlv".to_owned(),
        failure: failure.map(str::to_owned),
    };
    vec![
        Reply::Welcome { release: "10.5".to_owned() },
        Reply::Cluster(ClusterState { mixed: true, digest: DigestId::SHA1, ctl: None, entries: Vec::new() }),
        Reply::Cluster(ClusterState {
            mixed: false,
            digest: DigestId::SHA512,
            ctl: Some(vec![1; 4947]),
            entries: vec![entry.clone(), entry],
        }),
        Reply::Stored { nodes: vec![node(None), node(Some("no space"))], warnings: vec!["loud".to_owned()] },
        Reply::Refused { label: "two-tokens".to_owned(), text: "one line\nand another".to_owned() },
    ]
}

#[test]
fn every_message_comes_back_however_it_is_cut() {
    for size in [1, 5, 8, 4096, usize::MAX] {
        for wanted in requests() {
            let mut stream = ServerStream::default();
            stream.admit();
            let bytes = wanted.encode().unwrap();
            let mut found = bytes.chunks(size.min(bytes.len())).map(|part| stream.receive(part).unwrap());
            let last = found.by_ref().find(Option::is_some).flatten();
            assert_eq!(last, Some(wanted));
            assert_eq!(found.next(), None);
        }
        for wanted in replies() {
            let mut stream = ClientStream::default();
            let bytes = wanted.encode().unwrap();
            let found = bytes.chunks(size.min(bytes.len())).find_map(|part| stream.receive(part).unwrap());
            assert_eq!(found, Some(wanted));
        }
    }
}

#[test]
fn a_stranger_is_read_a_log_in_and_nothing_else() {
    for request in requests().into_iter().skip(1) {
        let refused = ServerStream::default().receive(&request.encode().unwrap());
        assert_eq!(refused, Err(StreamError::NotLoggedIn));
    }
    let mut long = login().encode().unwrap();
    long[4..8].copy_from_slice(&1025_u32.to_be_bytes());
    // Seen by its head, before its bytes are there.
    assert!(matches!(ServerStream::default().receive(&long[..HEAD]), Err(StreamError::Malformed(_))));
    let long = Login { user: "u".repeat(256), password: Password::new(Vec::new()) };
    assert!(ServerStream::default().receive(&Request::Login(long).encode().unwrap()).is_err());
}

#[test]
fn heads_and_fields_that_are_wrong() {
    let good = Request::Look.encode().unwrap();
    for (place, byte) in [(0, 0x57), (1, 2), (2, 4), (2, 129), (3, 1), (5, 255)] {
        let mut bad = good.clone();
        bad[place] = byte;
        let mut stream = ServerStream::default();
        stream.admit();
        assert!(stream.receive(&bad).is_err(), "{place}");
    }
    let mut early = good.clone();
    early.extend(&good);
    let mut stream = ServerStream::default();
    stream.admit();
    assert_eq!(stream.receive(&early), Err(StreamError::Early));
    // A field that is not in the table.
    let mut more = good;
    more.extend([4, 0, 1, 1]);
    more[7] = 4;
    let mut stream = ServerStream::default();
    stream.admit();
    assert!(matches!(stream.receive(&more), Err(StreamError::Malformed(_))));
}

#[test]
fn a_ctl_that_phones_cannot_load_is_sent_so_that_the_provider_can_say_so() {
    let store =
        |length| Request::Store(Upload { choice: Choice::Update, forced: true, file: vec![7; length], base: None });
    for length in [65_536, 131_069, MAX_CTL] {
        let bytes = store(length).encode().unwrap();
        let mut stream = ServerStream::default();
        stream.admit();
        let found = bytes.chunks(4096).find_map(|part| stream.receive(part).unwrap());
        assert_eq!(found, Some(store(length)));
    }
    assert!(store(MAX_CTL + 1).encode().is_err());
    // An empty piece would say nothing, and could be added any number of times.
    let mut padded = store(65_535).encode().unwrap();
    padded.extend([5, 0, 0]);
    let length = u32::try_from(padded.len() - HEAD).unwrap();
    padded[4..8].copy_from_slice(&length.to_be_bytes());
    let mut stream = ServerStream::default();
    stream.admit();
    assert!(matches!(stream.receive(&padded), Err(StreamError::Malformed(_))));
    let state = ClusterState { mixed: true, digest: DigestId::SHA1, ctl: Some(vec![1; 70_000]), entries: Vec::new() };
    let reply = Reply::Cluster(state);
    assert_eq!(ClientStream::default().receive(&reply.encode().unwrap()), Ok(Some(reply)));
}

#[test]
fn a_password_is_not_shown() {
    assert!(!format!("{:?}", login()).contains("secret"));
}

proptest! {
    #[test]
    fn no_bytes_stop_a_stream(bytes in proptest::collection::vec(any::<u8>(), 0..300), kind in any::<u8>()) {
        let mut frame = vec![0x43, 1, kind, 0, 0, 0];
        frame.extend(u16::try_from(bytes.len()).unwrap().to_be_bytes());
        frame.extend(&bytes);
        let mut server = ServerStream::default();
        server.admit();
        if let Ok(Some(request)) = server.receive(&frame) {
            prop_assert_eq!(request.encode().unwrap().len(), frame.len());
        }
        if let Ok(Some(reply)) = ClientStream::default().receive(&frame) {
            prop_assert!(reply.encode().is_ok());
        }
    }
}
