//! What `ringfence serve` is told about CAPF: how many connections, and which proofs.

use std::io::Read;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::support::enrolling::{PHONE, Place};
use crate::support::node::Served;

/// Until a condition holds.
fn wait_for(what: &str, condition: impl Fn() -> bool) {
    let patience = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < patience, "not within 20 s: {what}");
    }
}

#[test]
fn a_branch_behind_one_address_gets_as_many_places_as_the_settings_say() {
    let place = Place::new();
    let node = Served::start(&place.data(), &["--capf-per-address", "3"]);
    let line = node.said.lines().find(|line| line.trim_start().starts_with("CAPF")).unwrap();
    let port: u16 = line.rsplit_once(':').unwrap().1.trim().parse().unwrap();
    let connect = || {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    };
    let open: Vec<TcpStream> = (0..3).map(|_| connect()).collect();
    for _ in 0..2 {
        assert!(matches!(connect().read(&mut [0]), Ok(0) | Err(_)), "no word, and no waiting");
    }
    let log = place.data().join("log/capf.log");
    let lines = || std::fs::read_to_string(&log).unwrap_or_default();
    let says = "127.0.0.1: 1 turned away: this address has 3 open connections ([capf] per_address)";
    wait_for("the line", || lines().contains(says));
    assert_eq!(lines().matches("turned away").count(), 1, "one line in a minute: {}", lines());
    drop(open);
    assert_eq!(node.stop().code(), Some(0));
    let settings = std::fs::read_to_string(place.data().join("ringfence.toml")).unwrap();
    assert!(settings.contains("[capf]\nconnections = 2048\nper_address = 3\n"), "{settings}");
    std::fs::write(place.data().join("ringfence.toml"), "[capf]\nper_address = 0\n").unwrap();
    let refused = place.ringfence(&["serve", "--http-port", "0"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("per_address"), "{refused:?}");
}

#[test]
fn a_key_without_room_for_sha512_is_warned_of_and_can_be_let_in() {
    let place = Place::new();
    // TLS 1.0 opens nothing else
    let node = Served::start(&place.data(), &["--legacy-tls"]);
    place.add_phone();
    let warned = place.admin(&format!("utils capf device keys {PHONE} rsa-only 512"));
    assert!(warned.contains("RSA 512: the key has no room for the proof with SHA-512"), "{warned}");
    assert!(!place.admin(&format!("utils capf device schedule {PHONE} install null")).contains("no room"));
    place.wait_for_config(&node);
    place.boot(&node);
    assert!(place.boot(&node) && place.held().is_some());
    let schedule = format!("utils capf device schedule {PHONE} install lsc");
    let warned = place.admin(&schedule);
    assert!(warned.contains(&format!("{PHONE} by its LSC: the key has no room")), "{warned}");
    place.wait_for_config(&node);
    let before = place.held();
    place.boot(&node);
    let status = || place.rows("SELECT tkcertificatestatus FROM device");
    wait_for("Invalid Credentials", || status() == "12\n");
    assert!(place.held() == before);
    assert_eq!(node.stop().code(), Some(0));

    let node = Served::start(&place.data(), &["--capf-sha1-proofs"]);
    place.boot(&node);
    wait_for("Upgrade Success", || status() == "3\n");
    assert!(place.held().is_some() && place.held() != before);
    assert_eq!(node.stop().code(), Some(0));
}
