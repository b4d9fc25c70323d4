//! What a phone may take of the server, and what changes while it runs.
#![allow(clippy::disallowed_methods)] // time-outs are measured with the clock

use std::io::Read;
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::tvs_node::{Node, Offer, Phone, certificate, context, json, private_key, read, tcp, unhex, x509};
use cluster::tvs::{TvsCache, TvsEntry};
use daemon::tls::{TlsError, phone_context};
use daemon::tvs::TvsLimits;
use openssl::ssl::SslVersion;

const LONG: Duration = Duration::from_secs(15);

fn short() -> TvsLimits {
    TvsLimits { handshake: Duration::from_millis(1500), request: Duration::from_millis(1500), ..TvsLimits::default() }
}

fn entries() -> [TvsEntry; 1] {
    [TvsEntry::new(certificate("ccm-pub-2048"), vec![0, 2])]
}

/// VERIFY of `ccm-pub-2048` with session id 1, and its answer.
fn known() -> (Vec<u8>, Vec<u8>) {
    let vector = json("tvs/verify-valid-ccm-pub-2048.json");
    (unhex(&vector["messages"][0]["hex"]), unhex(&vector["messages"][1]["hex"]))
}

/// Waits until the server has closed a connection that never got to TLS.
fn expect_tcp_close(tcp: &mut TcpStream) {
    let mut byte = [0];
    match tcp.read(&mut byte) {
        Ok(count) => assert_eq!(count, 0, "nothing was asked"),
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}"),
    }
}

/// Tries until a new connection is served: the server notices the end of an old one in its own time.
fn connect_at_last(node: &Node, offer: impl Fn() -> Offer) -> Phone {
    let start = Instant::now();
    loop {
        match Phone::offer(node.address, offer()) {
            Ok(phone) => return phone,
            Err(error) => assert!(start.elapsed() < LONG, "never served again: {error}"),
        }
    }
}

/// Twenty without a handshake, twenty without a request.
fn silent_ones(node: &Node) -> (Vec<TcpStream>, Vec<Phone>) {
    ((0..20).map(|_| tcp(node.address, None)).collect(), (0..20).map(|_| Phone::connect(node.address)).collect())
}

#[test]
fn a_phone_waits_for_none_that_is_silent() {
    let node = Node::start(false, TvsLimits::default(), entries());
    let (request, response) = known();
    let _silent = silent_ones(&node);
    assert_eq!(Phone::connect(node.address).ask(&request), response);
    let counters = &node.counters;
    let ended = (counters.handshakes_failed(), counters.timed_out(), counters.made_room(), counters.refused());
    assert_eq!((ended, counters.verify()), ((0, 0, 0, 0), 1), "all of them still have their places");
}

#[test]
fn silent_phones_are_closed() {
    let node = Node::start(false, short(), entries());
    let (request, response) = known();
    let (mut silent, mut mute) = silent_ones(&node);
    let mut phone = Phone::connect(node.address);
    assert_eq!(phone.ask(&request), response);
    silent.iter_mut().for_each(expect_tcp_close);
    mute.iter_mut().for_each(Phone::expect_close);
    phone.expect_close();
    assert_eq!(node.counters.handshakes_failed(), 20);
    assert_eq!(node.counters.timed_out(), 21);
    let log = node.log_text();
    assert!(log.contains("no whole handshake in time"), "{log}");
    assert!(log.contains("no request in time, connection closed"), "{log}");
}

#[test]
fn a_request_that_drips_is_cut_at_the_time_out_of_the_whole() {
    let node = Node::start(false, short(), entries());
    let (request, _) = known();
    let mut phone = Phone::connect(node.address);
    phone.tls.get_ref().set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let start = Instant::now();
    let mut dripped = 0;
    let mut byte = [0];
    loop {
        // the wait for an answer that cannot come yet is the pause between two drops
        match phone.tls.read(&mut byte) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            _ => break,
        }
        assert!(start.elapsed() < LONG, "still open after {dripped} bytes");
        if phone.tls.ssl_write(&request[dripped..=dripped]).is_err() {
            break;
        }
        dripped += 1;
    }
    assert!(dripped > 2, "it was read for a while: {dripped} bytes");
    assert!(dripped < request.len(), "it was cut");
    assert_eq!((node.counters.verify(), node.counters.timed_out()), (0, 1));
}

#[test]
fn many_requests_go_over_one_connection_each_with_its_own_time() {
    let limits = TvsLimits { request: Duration::from_millis(1000), ..TvsLimits::default() };
    let node = Node::start(false, limits, entries());
    let (request, response) = known();
    let mut phone = Phone::connect(node.address);
    let start = Instant::now();
    let mut asked: u64 = 0;
    while start.elapsed() < Duration::from_millis(1300) {
        assert_eq!(phone.ask(&request), response);
        asked += 1;
    }
    assert!(asked > 20, "{asked} requests in 1.3 s");
    // two at once are answered in their order
    phone.send(&[request.as_slice(), &request].concat());
    assert_eq!((phone.receive(), phone.receive()), (response.clone(), response));
    assert_eq!((node.counters.verify(), node.counters.handshakes()), (asked + 2, 1));
}

#[test]
fn an_address_has_its_share_and_no_more() {
    let limits = TvsLimits { per_address: 2, silence: Duration::MAX, ..TvsLimits::default() };
    let node = Node::start(false, limits, entries());
    let (request, response) = known();
    let mut first = Phone::connect(node.address);
    let second = Phone::connect(node.address);
    expect_tcp_close(&mut tcp(node.address, None));
    let elsewhere = || Offer { from: Some(Ipv4Addr::new(127, 0, 0, 2)), ..Offer::default() };
    let mut other = Phone::offer(node.address, elsewhere()).unwrap();
    assert_eq!(other.ask(&request), response);
    drop(second);
    let mut third = connect_at_last(&node, Offer::default);
    assert_eq!(third.ask(&request), response);
    assert_eq!(first.ask(&request), response, "the first was never disturbed");
    assert!(node.counters.refused() >= 1);
}

#[test]
fn the_server_has_a_bounded_number_of_connections() {
    let limits = TvsLimits { connections: 3, silence: Duration::MAX, ..TvsLimits::default() };
    let node = Node::start(false, limits, entries());
    let (request, response) = known();
    let mut open: Vec<Phone> = (0..3).map(|_| Phone::connect(node.address)).collect();
    let elsewhere = || Offer { from: Some(Ipv4Addr::new(127, 0, 0, 3)), ..Offer::default() };
    expect_tcp_close(&mut tcp(node.address, elsewhere().from));
    for phone in &mut open {
        assert_eq!(phone.ask(&request), response);
    }
    open.pop();
    assert_eq!(connect_at_last(&node, elsewhere).ask(&request), response);
}

#[test]
fn silent_connections_leave_room_for_phones() {
    let limits = TvsLimits { connections: 6, per_address: 4, silence: Duration::ZERO, ..TvsLimits::default() };
    let node = Node::start(false, limits, entries());
    let (request, response) = known();
    let mut attack = Vec::new();
    for round in 0..8 {
        for last in [2, 2, 2, 3, 3, 4] {
            attack.push(tcp(node.address, Some(Ipv4Addr::new(127, 0, 0, last))));
        }
        let mut phone = Phone::connect(node.address);
        assert_eq!(phone.ask(&request), response, "round {round}");
    }
    expect_tcp_close(&mut attack[0]);
    assert_eq!((node.counters.refused(), node.counters.verify()), (0, 8));
    assert!(node.counters.made_room() >= 30, "{}", node.counters.made_room());
}

#[test]
fn noise_is_closed_and_counted() {
    let node = Node::start(false, TvsLimits::default(), entries());
    let (request, response) = known();
    for noise in [b"GET / HTTP/1.1\r\n\r\n".as_slice(), b"\x57\x09\x01\0\0\0\0\0\0\x01", &[0xFF; 30_000]] {
        let mut phone = Phone::connect(node.address);
        phone.send(noise);
        phone.expect_close();
    }
    // not even TLS
    let mut plain = tcp(node.address, None);
    std::io::Write::write_all(&mut plain, b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut rest = Vec::new();
    match plain.read_to_end(&mut rest) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
    }
    assert_eq!(Phone::connect(node.address).ask(&request), response);
    assert_eq!((node.counters.malformed(), node.counters.handshakes_failed()), (3, 1));
    let log = node.log_text();
    assert!(log.contains("offset 0: protocol id 71 instead of 87, so this is not TVS, connection closed"), "{log}");
}

#[test]
fn a_renewed_certificate_is_for_new_connections() {
    let node = Node::start(false, TvsLimits::default(), entries());
    let (request, response) = known();
    let mut before = Phone::connect(node.address);
    assert_eq!(before.server_certificate(), read("certs/tvs-2048.crt.der"));
    node.tls.store(Arc::new(context("ccm-pub-2048", false)));
    for version in [SslVersion::TLS1_2, SslVersion::TLS1_3] {
        let mut after = Phone::offer(node.address, Offer::version(version)).unwrap();
        assert_eq!(after.server_certificate(), read("certs/ccm-pub-2048.crt.der"));
        assert_eq!(after.ask(&request), response);
    }
    assert_eq!(before.ask(&request), response, "an open connection goes on");
}

#[test]
fn a_changed_store_is_seen_by_the_next_request() {
    let node = Node::start(false, TvsLimits::default(), []);
    let (request, response) = known();
    let mut phone = Phone::connect(node.address);
    assert_eq!(hex::encode(phone.ask(&request)), "5701020000000001000407000101");
    node.cache.store(Arc::new(TvsCache::new().with_database(entries())));
    assert_eq!(phone.ask(&request), response);
}

#[test]
fn the_end_closes_idle_phones_and_lets_a_request_be_finished() {
    let mut node = Node::start(false, TvsLimits::default(), entries());
    let (request, response) = known();
    let mut idle = Phone::connect(node.address);
    let mut busy = Phone::connect(node.address);
    assert_eq!(busy.ask(&request), response);
    let (half, rest) = request.split_at(500);
    busy.send(half);
    let mut witness = Phone::connect(node.address);
    assert_eq!(witness.ask(&request), response);
    node.ask_to_stop();
    idle.expect_close();
    witness.expect_close();
    busy.send(rest);
    assert_eq!(busy.receive(), response);
    busy.expect_close();
    node.wait_until_stopped();
    assert!(TcpStream::connect(node.address).is_err(), "nobody listens any more");
}

#[test]
fn a_phone_that_never_ends_its_request_does_not_hold_up_the_end() {
    let limits = TvsLimits { drain: Duration::from_millis(200), ..TvsLimits::default() };
    let mut node = Node::start(false, limits, entries());
    let (request, _) = known();
    let mut stuck = Phone::connect(node.address);
    stuck.send(&request[..500]);
    let _silent = tcp(node.address, None);
    let start = Instant::now();
    node.ask_to_stop();
    node.wait_until_stopped();
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[test]
fn contexts_are_refused_with_their_reason() {
    let context = |certificate: &str, key: &str| phone_context(&x509(certificate), &[], &private_key(key), true);
    assert!(matches!(context("ec-p256", "ec-p256"), Err(TlsError::NotRsa { found: "EC" })));
    assert!(matches!(context("tiny-512", "tiny-512"), Err(TlsError::KeyTooSmall { bits: 512 })));
    assert!(matches!(context("tvs-2048", "ccm-pub-2048"), Err(TlsError::NotAPair)));
}
