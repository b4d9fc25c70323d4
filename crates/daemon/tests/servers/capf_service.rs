//! The CAPF service among phones that behave and phones that do not: limits, versions of TLS, wrong strings, hostile bytes; and on a
//! node, beside its files.

use cluster::certificates::regenerate::Regenerate;
use cluster::service_control::Act;
use cluster::service_control::ControlService;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::PoisonError;
use std::time::Duration;

use cluster::enrolment::{AuthenticationMode, Operation};
use cluster::units::Unit;
use cluster::{Actor, Level, services};
use daemon::capf::CapfLimits;
use daemon::node::{Listen, Node, NodeOptions, at};
use daemon::surroundings::System;
use openssl::ssl::SslVersion;
use pki::SoftKey;
use pki::signer::Signer;
use ringfence_core::enrolment::{Schedule, Selection, StringChoice};
use wire::capf::{AuthResponse, DeviceName, Failure, Password, PhoneMessage, Timeouts};

use crate::capf_node::{CapfNode, CapfPhone, DEVICE, STANDS, move_clock};
use crate::tvs_node::{Offer, Phone, tcp};

const OTHER: &str = "SEP001122334455";

fn key() -> Vec<u8> {
    SoftKey::generate_rsa(2048).unwrap().spki().to_vec()
}

fn auth(device: &str, string: &str) -> PhoneMessage {
    let name = DeviceName::new(device).unwrap();
    PhoneMessage::Auth(Box::new(AuthResponse::with_password(name, Password::new(string.as_bytes()).unwrap())))
}

#[test]
fn every_version_of_tls_that_phones_speak() {
    let node = CapfNode::start(true, CapfLimits::default(), &[DEVICE]);
    let key = key();
    for version in [SslVersion::TLS1, SslVersion::TLS1_1, SslVersion::TLS1_2, SslVersion::TLS1_3] {
        node.schedule(DEVICE, Operation::Install, AuthenticationMode::NullString, None);
        let mut phone = CapfPhone::offer(node.address, Offer::version(version)).unwrap();
        let lsc = phone.install(DEVICE, "", &key).unwrap();
        assert_eq!(node.enrolment(DEVICE).lsc.unwrap().serial, pki::hash::hex(lsc.serial()), "{version:?}");
    }
    // RSA key exchange, as the 7900 series has it
    let offer = Offer { version: Some(SslVersion::TLS1), ciphers: Some("AES128-SHA:@SECLEVEL=0"), from: None };
    node.schedule(DEVICE, Operation::Install, AuthenticationMode::NullString, None);
    CapfPhone::offer(node.address, offer).unwrap().install(DEVICE, "", &key).unwrap();
    let strict = CapfNode::start(false, CapfLimits::default(), &[DEVICE]);
    assert!(CapfPhone::offer(strict.address, Offer::version(SslVersion::TLS1)).is_err());
    CapfPhone::offer(strict.address, Offer::version(SslVersion::TLS1_2)).unwrap();
}

#[test]
fn wrong_strings_shut_a_device_out_and_no_other() {
    let _moves = STANDS.write().unwrap_or_else(PoisonError::into_inner);
    let node = CapfNode::start(false, CapfLimits::default(), &[DEVICE, OTHER]);
    let key = key();
    for device in [DEVICE, OTHER] {
        node.schedule(device, Operation::Install, AuthenticationMode::AuthenticationString, Some("482913"));
    }
    for number in 1..=10 {
        let outcome = CapfPhone::connect(node.address).install(DEVICE, "482914", &key);
        assert_eq!(outcome.unwrap_err(), 7);
        let lines = node.wait_for_lines(number);
        assert!(lines[number - 1].contains(&format!("wrong authentication string, {number} of 10")), "{lines:?}");
    }
    assert_eq!((node.status(), node.counters.failed(Failure::InvalidAuthenticationString)), (10, 10));
    let (written, issued) = (node.audit_count(), node.lsc_count());
    for number in 11..=15 {
        assert_eq!(CapfPhone::connect(node.address).install(DEVICE, "482913", &key).unwrap_err(), 7);
        let lines = node.wait_for_lines(number);
        assert!(lines[number - 1].contains("ten wrong authentication strings"), "{lines:?}");
    }
    assert_eq!((node.audit_count(), node.lsc_count(), node.counters.limited()), (written, issued, 5));
    CapfPhone::connect(node.address).install(OTHER, "482913", &key).unwrap();
    move_clock(10 * 60 * 1000);
    CapfPhone::connect(node.address).install(DEVICE, "482913", &key).unwrap();
    assert!(!node.log_text().contains("48291"), "neither the right nor the wrong one is logged");
}

#[test]
fn wrong_strings_at_the_same_time_count_as_one_after_the_other() {
    let _stands = STANDS.read().unwrap_or_else(PoisonError::into_inner);
    let node = CapfNode::start(false, CapfLimits::default(), &[DEVICE]);
    let key = key();
    node.schedule(DEVICE, Operation::Install, AuthenticationMode::AuthenticationString, Some("482913"));
    let mut sessions = 0;
    for burst in 0..3 {
        std::thread::scope(|threads| {
            for guess in 0..60 {
                let (key, address) = (&key, node.address);
                threads.spawn(move || {
                    let string = format!("{burst}{guess:05}");
                    assert_eq!(CapfPhone::connect(address).install(DEVICE, &string, key).unwrap_err(), 7);
                });
            }
        });
        sessions += 60;
        node.wait_for_lines(sessions);
    }
    let tried = |lines: &[String]| lines.iter().filter(|line| line.contains("wrong authentication string, ")).count();
    let lines = node.wait_for_lines(sessions);
    assert!(tried(&lines) <= 10, "{} strings were tried", tried(&lines));
    // what the crowd has left of the ten
    for _ in 0..10 {
        assert_eq!(CapfPhone::connect(node.address).install(DEVICE, "000000", &key).unwrap_err(), 7);
        sessions += 1;
    }
    let lines = node.wait_for_lines(sessions);
    assert_eq!(tried(&lines), 10);
    assert_eq!(lines.iter().filter(|line| line.contains(", 10 of 10")).count(), 1);
    assert_eq!(CapfPhone::connect(node.address).install(DEVICE, "482913", &key).unwrap_err(), 7, "nor the right one");
    let locked = node.enrolment(DEVICE).locked_addresses;
    assert!(
        locked.iter().any(|(from, until)| from == "127.0.0.1" && *until > crate::capf_node::clock()),
        "on record: {locked:?}"
    );
}

#[test]
fn what_may_not_come_ends_one_session_and_harms_no_other() {
    let half = Duration::from_millis(500);
    let stages = Timeouts { authentication: half, key_generation: half, answer: half };
    let node = CapfNode::start(false, CapfLimits { stages, ..CapfLimits::default() }, &[DEVICE, OTHER]);
    let key = key();
    node.schedule(DEVICE, Operation::Install, AuthenticationMode::NullString, None);
    let before = node.audit_count();
    let too_long = {
        let mut bytes = auth(DEVICE, "").encode(0).unwrap();
        bytes[6..8].copy_from_slice(&[0xFF, 0xFF]);
        bytes.resize(8 + 0xFFFF, 0x63);
        bytes
    };
    let repeated = {
        let mut bytes = auth(DEVICE, "").encode(0).unwrap();
        let element = bytes[8..12].to_vec();
        bytes.extend_from_slice(&element);
        let length = u16::try_from(bytes.len() - 8).unwrap();
        bytes[6..8].copy_from_slice(&length.to_be_bytes());
        bytes
    };
    let hostile: [(&str, Vec<u8>); 4] = [
        ("HTTP", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()),
        ("a command of servers", vec![85, 15, 0, 0, 0, 0, 0, 4, 1, 0, 1, 7]),
        ("full to the brim", too_long),
        ("an element twice", repeated),
    ];
    for (number, (name, mut bytes)) in (1..).zip(hostile) {
        let mut phone = CapfPhone::connect(node.address);
        if bytes[0] == 85 {
            bytes[2..6].copy_from_slice(&phone.session_id.to_be_bytes());
        }
        phone.send_bytes(&bytes);
        assert_eq!(phone.end(), 7, "{name}");
        assert_eq!(node.wait_for_lines(number).len(), number, "{name}");
    }
    assert_eq!(node.counters.malformed(), 4);
    assert_eq!((node.status(), node.audit_count()), (2, before), "nobody has said who he is");
    // one that stalls and one that dribbles, while another one is served
    let mut stalled = CapfPhone::connect(node.address);
    stalled.send(&auth(DEVICE, ""));
    assert_eq!(stalled.receive().unwrap()[1], 3);
    node.schedule(OTHER, Operation::Install, AuthenticationMode::NullString, None);
    CapfPhone::connect(node.address).install(OTHER, "", &key).unwrap();
    assert_eq!(stalled.receive(), None, "too late, so it is closed without a word");
    node.wait_for_lines(6);
    assert_eq!(node.status(), 14);
    node.schedule(DEVICE, Operation::Install, AuthenticationMode::NullString, None);
    let mut dribbling = CapfPhone::connect(node.address);
    for byte in auth(DEVICE, "").encode(dribbling.session_id).unwrap() {
        dribbling.send_bytes(&[byte]);
    }
    assert_eq!(dribbling.receive().unwrap()[1], 3);
    dribbling.send(&PhoneMessage::KeyGenerated(Ok(b"nonsense".to_vec())));
    assert_eq!(dribbling.end(), 7);
    node.wait_for_lines(7);
    assert_eq!(node.lsc_count(), 1, "one was issued, to the phone that did nothing wrong");
    CapfPhone::connect(node.address).install(DEVICE, "", &key).unwrap();
}

#[test]
fn a_phone_that_says_too_much_hears_the_end_all_the_same() {
    let node = CapfNode::start(false, CapfLimits::default(), &[DEVICE]);
    node.schedule(DEVICE, Operation::Install, AuthenticationMode::NullString, None);
    for session in 1..=10 {
        let mut phone = CapfPhone::connect(node.address);
        let first = auth(DEVICE, "").encode(phone.session_id).unwrap();
        // more than a server can be waiting for, in messages of the largest size
        let mut flood = first.clone();
        for _ in 0..3 {
            let mut long = first.clone();
            long[6..8].copy_from_slice(&[0xFF, 0xFF]);
            long.resize(8 + 0xFFFF, 0x63);
            flood.extend_from_slice(&long);
        }
        phone.phone.tls.write_all(&flood).unwrap();
        let mut heard = None;
        while let Some(message) = phone.receive() {
            heard = (message[1] == 15).then(|| message[11]).or(heard);
        }
        assert_eq!(heard, Some(7), "session {session}: {:?}", node.wait_for_lines(session));
    }
}

#[test]
fn places_are_bounded_per_address_and_in_all() {
    let limits = CapfLimits { connections: 5, per_address: 2, silence: Duration::MAX, ..CapfLimits::default() };
    let node = CapfNode::start(false, limits, &[DEVICE]);
    let from = |last: u8| Offer { from: Some(Ipv4Addr::new(127, 0, 0, last)), ..Offer::default() };
    let mut open: Vec<CapfPhone> =
        [2, 2, 3, 3, 4].map(|last| CapfPhone::offer(node.address, from(last)).unwrap()).into();
    // no word, not even of TLS
    for last in [2, 5] {
        let mut refused = tcp(node.address, Some(Ipv4Addr::new(127, 0, 0, last)));
        assert!(matches!(refused.read(&mut [0]), Ok(0) | Err(_)));
    }
    let lines = node.wait_for_lines(2);
    assert_eq!(node.counters.refused(), 2);
    assert!(lines[0].contains("127.0.0.2: 1 turned away: this address has 2 open connections ([capf] per"));
    assert!(lines[1].contains("127.0.0.5: 1 turned away: 5 connections are open ([capf] connections)"));
    // a place that is given back is taken again
    let mut one = open.remove(0);
    one.send(&auth("SEPFFFFFFFFFFFF", ""));
    assert_eq!(one.end(), 9);
    assert!(one.receive().is_none());
    node.wait_for_lines(3);
    assert_eq!(node.counters.unknown_device(), 1);
    let again = (0..1000).find_map(|_| CapfPhone::offer(node.address, from(2)).ok());
    assert!(again.is_some());
}

#[test]
fn silent_connections_leave_room_and_sessions_keep_theirs() {
    let limits = CapfLimits { connections: 6, per_address: 4, silence: Duration::ZERO, ..CapfLimits::default() };
    let node = CapfNode::start(false, limits, &[DEVICE]);
    node.schedule(DEVICE, Operation::Install, AuthenticationMode::NullString, None);
    let mut making = CapfPhone::connect(node.address);
    making.send(&auth(DEVICE, ""));
    making.receive().unwrap();
    let mut attack = Vec::new();
    for round in 0..6 {
        for last in [2, 2, 2, 3, 3] {
            attack.push(tcp(node.address, Some(Ipv4Addr::new(127, 0, 0, last))));
        }
        let from = Offer { from: Some(Ipv4Addr::new(127, 0, 0, 4)), ..Offer::default() };
        let mut phone = CapfPhone::offer(node.address, from).unwrap();
        phone.send(&auth("SEPFFFFFFFFFFFF", ""));
        assert_eq!(phone.end(), 9, "round {round}");
    }
    assert_eq!(node.counters.refused(), 0);
    assert!(node.counters.made_room() > 20, "{}", node.counters.made_room());
    // a phone takes minutes to make its key
    making.send(&PhoneMessage::KeyGenerated(Ok(key())));
    assert_eq!(making.receive().unwrap()[1], 9);
}

#[test]
fn a_crowd_that_waits_for_the_session_of_a_device_leaves_room() {
    let limits = CapfLimits { connections: 24, per_address: 12, ..CapfLimits::default() };
    let node = CapfNode::start(false, limits, &[DEVICE]);
    node.schedule(DEVICE, Operation::Install, AuthenticationMode::AuthenticationString, Some("482913"));
    let from = |last: u8| Offer { from: Some(Ipv4Addr::new(127, 0, 0, last)), ..Offer::default() };
    let mut making = CapfPhone::offer(node.address, from(9)).unwrap();
    making.send(&auth(DEVICE, "482913"));
    assert_eq!(making.receive().unwrap()[1], 3);
    // Its name is no secret: whoever says it from another address waits for its end.
    let mut crowd = Vec::new();
    for number in 0..23 {
        let mut one = CapfPhone::offer(node.address, from(if number < 12 { 2 } else { 3 })).unwrap();
        one.send(&auth(DEVICE, "000000"));
        crowd.push(one);
    }
    for round in 0..5 {
        let mut phone = CapfPhone::offer(node.address, from(4)).unwrap();
        phone.send(&auth("SEPFFFFFFFFFFFF", ""));
        assert_eq!(phone.end(), 9, "round {round}");
    }
    assert_eq!(node.counters.refused(), 0);
    making.send(&PhoneMessage::KeyGenerated(Ok(key())));
    assert_eq!(making.receive().unwrap()[1], 9);
}

/// Who may start sessions of one device as often as he likes has one of them, not all places.
#[test]
fn a_later_session_of_a_device_ends_the_earlier_one() {
    let limits = CapfLimits { connections: 6, per_address: 4, silence: Duration::ZERO, ..CapfLimits::default() };
    let node = CapfNode::start(false, limits, &[DEVICE]);
    node.schedule(DEVICE, Operation::Install, AuthenticationMode::NullString, None);
    let key = key();
    let mut earlier: Option<CapfPhone> = None;
    for round in 0..20 {
        let mut phone = CapfPhone::connect(node.address);
        phone.send(&auth(DEVICE, ""));
        assert_eq!(phone.receive().unwrap()[1], 3, "round {round}");
        // one that waits for a key, and one that waits for the phone to store what it got
        if round % 2 == 1 {
            phone.send(&PhoneMessage::KeyGenerated(Ok(key.clone())));
            assert_eq!(phone.receive().unwrap()[1], 9, "round {round}");
        }
        if let Some(mut earlier) = earlier.replace(phone) {
            assert_eq!(earlier.end(), 7, "round {round}");
        }
    }
    assert_eq!(node.counters.refused(), 0);
    let mut last = earlier.unwrap();
    last.send(&PhoneMessage::Stored(wire::capf::Reason::SUCCESS));
    assert_eq!(last.end(), 1);
    let lines = node.wait_for_lines(20);
    let told = lines.iter().filter(|line| line.contains("a later session of this device has taken its place"));
    assert_eq!(told.count(), 19, "{lines:?}");
    assert_eq!(node.status(), 3);
}

#[test]
fn a_stop_waits_for_no_key_but_for_a_certificate_that_is_being_stored() {
    let mut node = CapfNode::start(false, CapfLimits::default(), &[DEVICE, OTHER]);
    let key = key();
    for device in [DEVICE, OTHER] {
        node.schedule(device, Operation::Install, AuthenticationMode::NullString, None);
    }
    let mut making = CapfPhone::connect(node.address);
    making.send(&auth(DEVICE, ""));
    making.receive().unwrap();
    let mut storing = CapfPhone::connect(node.address);
    storing.send(&auth(OTHER, ""));
    storing.receive().unwrap();
    storing.send(&PhoneMessage::KeyGenerated(Ok(key)));
    assert_eq!(storing.receive().unwrap()[1], 9);
    node.ask_to_stop();
    assert_eq!(making.receive(), None);
    storing.send(&PhoneMessage::Stored(wire::capf::Reason::SUCCESS));
    assert_eq!(storing.end(), 1);
    drop(storing);
    node.wait_until_stopped();
    assert_eq!(node.enrolment(OTHER).status.number(), 3);
    assert_eq!(node.status(), 2, "it was us, not the phone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_node_config_and_certificate_change_with_the_rows() {
    let folder = tempfile::tempdir().unwrap();
    let settings = daemon::settings::Settings::default();
    let mut new = settings.cluster.new_cluster().unwrap();
    new.nodes[0].address = Ipv4Addr::LOCALHOST;
    let zone = jiff::tz::TimeZone::UTC;
    let mut system = System::default();
    let cluster = ringfence_core::Cluster::create(folder.path(), &new, zone, &mut system).await.unwrap();
    let actor = Actor::new("admin", Level::Install);
    cluster.put_devices(&actor, &[testbed::phone(DEVICE)], &mut system).await.unwrap();
    let row = cluster.node(None).await.unwrap();
    let any = at(Ipv4Addr::LOCALHOST.into(), 0);
    let listen = Listen { tftp: any, http: any, tvs: any };
    let options = NodeOptions { listen, legacy_tls: false, folder: None, held: ringfence_core::files::HELD };
    let node = Node::start(cluster.clone(), row.clone(), options).await.unwrap();
    let (capf, http) = (node.capf().unwrap(), node.listen().http);
    assert_ne!(capf.port(), 0);

    let schedule = Schedule {
        operation: Operation::Install,
        mode: AuthenticationMode::NullString,
        string: StringChoice::Keep,
        completes_by: None,
    };
    cluster.schedule(&actor, &Selection::All, &schedule, &mut system).await.unwrap();
    node.refresh().await.unwrap();
    assert!(config(http).contains("<capfAuthMode>2<"));
    let key = key();
    let enrol = move || {
        let mut phone = CapfPhone::connect(capf);
        let server = phone.phone.server_certificate();
        (phone.install(DEVICE, "", &key), server)
    };
    let (lsc, server) = tokio::task::spawn_blocking(enrol.clone()).await.unwrap();
    // no look at the rows lies between the success and this
    assert!(config(http).contains("<capfAuthMode>0<"), "{}", config(http));
    let own = cluster.find_certificate(&row, false, "CAPF").await.unwrap();
    assert_eq!(own.der(), server);
    assert!(lsc.unwrap().issuer(pki::NameForm::Cucm).contains(&own.common_name().unwrap()));

    cluster.perform(&actor, &row, &Regenerate::unit(Unit::Capf), &mut system).await.unwrap();
    node.refresh().await.unwrap();
    cluster.schedule(&actor, &Selection::All, &schedule, &mut system).await.unwrap();
    let (lsc, server) = tokio::task::spawn_blocking(enrol).await.unwrap();
    let renewed = cluster.find_certificate(&row, false, "CAPF").await.unwrap();
    assert!(renewed != own && renewed.der() == server);
    assert!(lsc.unwrap().issuer(pki::NameForm::Cucm).contains(&renewed.common_name().unwrap()));
    assert_eq!(node.capf_counters().unwrap().installed(), 2);

    cluster.perform(&actor, &row, &ControlService::new(services::CAPF, Act::Stop), &mut system).await.unwrap();
    node.refresh().await.unwrap();
    assert!(TcpStream::connect(capf).is_err(), "nobody listens");
    assert!(!config(http).contains("<phonePort>"));
    cluster.perform(&actor, &row, &ControlService::new(services::CAPF, Act::Start), &mut system).await.unwrap();
    node.refresh().await.unwrap();
    tokio::task::spawn_blocking(move || Phone::connect(capf)).await.unwrap();
    assert!(config(http).contains("<phonePort>3804<"));
    node.stop().await;
    let log = std::fs::read_to_string(folder.path().join("log/capf.log")).unwrap();
    assert_eq!(log.matches("certificate installed").count(), 2, "{log}");
}

/// The plain config of the device, over HTTP.
fn config(http: SocketAddr) -> String {
    let mut stream = tcp(http, None);
    let request = format!("GET /{DEVICE}.cnf.xml HTTP/1.1\r\nHost: {http}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer
}
