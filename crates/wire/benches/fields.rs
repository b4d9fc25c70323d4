//! What reading and writing messages and files of fields costs. `cargo bench -p wire --bench fields`; two states of the code are compared by
//! running it on both, alternately.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // a measurement may stop
#![allow(clippy::disallowed_methods)] // it measures

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use wire::trust_list::TrustList;
use wire::{capf, ctl_provider, tvs};

/// One round of one contender; rounds of all alternate, and the fastest of each counts.
const ROUND: Duration = Duration::from_millis(40);
const ROUNDS: usize = 25;

/// A name and what is measured under it.
type Contender<'a> = (&'static str, Box<dyn FnMut() + 'a>);

/// Seconds of one call, over one round.
fn round(call: &mut dyn FnMut()) -> f64 {
    let start = Instant::now();
    let mut calls = 0_u32;
    while start.elapsed() < ROUND {
        for _ in 0..64 {
            call();
        }
        calls += 64;
    }
    start.elapsed().as_secs_f64() / f64::from(calls)
}

fn main() {
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/vectors/trustlist/cucm-ctl-4947.tlv");
    let list = std::fs::read(list).unwrap();
    let certificate = vec![0x30; 1000];
    let name = tvs::DeviceName::new(*b"CP-8861-SEPB000B4BA0AEE");
    let verify = tvs::Request {
        session_id: 1001,
        device_name: Some(name.clone()),
        ask: tvs::Ask::Verify { certificate: certificate.clone() },
    };
    let query = tvs::Request {
        session_id: 1001,
        device_name: Some(name),
        ask: tvs::Ask::Query { subject: vec![b's'; 80], issuer: vec![b'i'; 80], serial: vec![7; 16] },
    };
    let (verify_bytes, query_bytes) = (verify.encode().unwrap(), query.encode().unwrap());
    let trust = tvs::Trust::new([0, 2], 86_400).unwrap();
    let found = tvs::Answer::Found(tvs::Found { certificate: Arc::from(certificate.as_slice()), trust });
    let found_bytes = found.encode(&query.ask, 1001).unwrap();
    let password = capf::Password::new(b"482913").unwrap();
    let auth = capf::AuthResponse::with_password(capf::DeviceName::new("SEP001122334455").unwrap(), password);
    let auth = capf::PhoneMessage::Auth(Box::new(auth));
    let auth_bytes = auth.encode(1).unwrap();
    let store = ctl_provider::Request::Look.encode().unwrap();
    let mut session = tvs::ServerSession::new();
    let mut stream = ctl_provider::ServerStream::default();
    stream.admit();
    let mut contenders: Vec<Contender<'_>> = vec![
        (
            "decode a trust list of 4947 bytes",
            Box::new(|| drop(black_box(TrustList::decode(black_box(list.as_slice()))))),
        ),
        (
            "take a VERIFY_REQUEST",
            Box::new(|| {
                session.receive(black_box(&verify_bytes)).unwrap();
                black_box(session.next_request().unwrap());
            }),
        ),
        ("encode a QUERY_REQUEST", Box::new(|| drop(black_box(black_box(&query).encode())))),
        ("decode a QUERY_REQUEST", Box::new(|| drop(black_box(tvs::Message::decode(black_box(&query_bytes)))))),
        ("encode a QUERY_RESPONSE", Box::new(|| drop(black_box(found.encode(&query.ask, 1001))))),
        ("decode a QUERY_RESPONSE", Box::new(|| drop(black_box(tvs::Message::decode(black_box(&found_bytes)))))),
        ("encode an AUTH_RESPONSE", Box::new(|| drop(black_box(black_box(&auth).encode(1))))),
        (
            "decode an AUTH_RESPONSE",
            Box::new(|| {
                let (head, body) = black_box(&auth_bytes).split_first_chunk().unwrap();
                let header = capf::Header::decode(*head).unwrap();
                drop(black_box(capf::PhoneMessage::decode(header, body, &mut capf::Tolerated::NONE.clone())));
            }),
        ),
        (
            "take a Look of the CTL provider",
            Box::new(|| {
                black_box(stream.receive(black_box(&store)).unwrap());
            }),
        ),
    ];
    let mut fastest = vec![f64::INFINITY; contenders.len()];
    for _ in 0..ROUNDS {
        for ((_, call), best) in contenders.iter_mut().zip(&mut fastest) {
            *best = best.min(round(call.as_mut()));
        }
    }
    for ((name, _), seconds) in contenders.iter().zip(fastest) {
        println!("{name:<36} {:>8.1} ns", seconds * 1e9);
    }
}
