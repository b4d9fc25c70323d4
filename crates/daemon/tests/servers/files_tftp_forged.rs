//! Requests whose sender is forged: sockets that ask and never acknowledge, beside a client that does.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use crate::files_fixture::Servers;
use daemon::{http, tftp};
use wire::tftp::{Mode, Options, Packet, Request};

/// Long enough for a busy machine; only a failing test waits for it.
const PATIENCE: Duration = Duration::from_secs(10);

/// What holds a place longest.
const LONGEST: Options = Options { timeout: Some(255), block_size: None, transfer_size: None, window: None };

const PLAIN: Options = Options { timeout: None, block_size: None, transfer_size: None, window: None };

fn start(config: tftp::Config) -> (Servers, SocketAddr) {
    let listen = vec![(Ipv4Addr::UNSPECIFIED, 0).into()];
    let servers = Servers::with(tftp::Config { listen, ..config }, http::Config::default());
    let server = (Ipv4Addr::LOCALHOST, servers.tftp.port()).into();
    (servers, server)
}

/// A socket of 127.0.0.`last`.
fn socket(last: u8) -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::new(127, 0, 0, last), 0)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

fn ask(socket: &UdpSocket, server: SocketAddr, file: &str, options: Options) {
    let request = Packet::Read(Request { file: file.as_bytes(), mode: Mode::Octet, options });
    socket.send_to(&request.to_bytes(), server).unwrap();
}

fn next(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut room = [0; 2000];
    let (length, from) = socket.recv_from(&mut room).expect("an answer");
    (room[..length].to_vec(), from)
}

/// A good client: takes the whole file, asked for once. How long it took.
fn fetch(socket: &UdpSocket, server: SocketAddr, size: usize) -> Duration {
    let since = Instant::now();
    ask(socket, server, &format!("size-{size}"), PLAIN);
    let mut got = 0;
    loop {
        let (bytes, from) = next(socket);
        let Packet::Data { block, data } = Packet::decode(&bytes).unwrap() else { panic!("no data") };
        got += data.len();
        socket.send_to(&Packet::Ack { block }.to_bytes(), from).unwrap();
        if data.len() < 512 {
            assert_eq!(got, size);
            return since.elapsed();
        }
    }
}

#[test]
fn forged_addresses_with_the_longest_timeout_take_no_place_from_a_phone() {
    let (_servers, server) = start(tftp::Config { max_transfers: 32, ..tftp::Config::default() });
    let phone = socket(2);
    let forged: Vec<UdpSocket> = (0..80).map(|number| socket(100 + number)).collect();
    for round in 0..5 {
        for one in &forged {
            ask(one, server, "size-4947", LONGEST);
        }
        // All of them were answered or had to make room; the phone does not wait for one of their timers.
        let took = fetch(&phone, server, 10_240);
        assert!(took < Duration::from_secs(5), "round {round}: {took:?}");
    }
}

#[test]
fn requests_in_the_name_of_a_phone_do_not_shut_it_out() {
    let (_servers, server) = start(tftp::Config { max_per_address: 16, ..tftp::Config::default() });
    let forged: Vec<UdpSocket> = (0..64).map(|_| socket(3)).collect();
    let phone = socket(3);
    for _ in 0..5 {
        for one in &forged {
            ask(one, server, "size-513", LONGEST);
        }
        assert!(fetch(&phone, server, 4947) < Duration::from_secs(5));
    }
}

#[test]
fn a_transfer_that_was_heard_is_not_the_one_that_makes_room() {
    let (_servers, server) = start(tftp::Config { max_transfers: 4, ..tftp::Config::default() });
    let phone = socket(2);
    ask(&phone, server, "size-4947", PLAIN);
    let (_, from) = next(&phone);
    phone.send_to(&Packet::Ack { block: 1 }.to_bytes(), from).unwrap();
    assert_eq!(next(&phone).0[..4], *b"\0\x03\0\x02");
    let forged: Vec<UdpSocket> = (0..40).map(|number| socket(100 + number)).collect();
    for one in &forged {
        ask(one, server, "size-513", LONGEST);
    }
    assert!(fetch(&socket(4), server, 513) < Duration::from_secs(5));
    // It goes on where it stood, on its own port.
    for block in 2_u16..=3 {
        phone.send_to(&Packet::Ack { block }.to_bytes(), from).unwrap();
        let (bytes, port) = next(&phone);
        assert_eq!(port, from);
        assert_eq!(bytes[..4], [0, 3, 0, block as u8 + 1]);
    }
}

#[test]
fn forged_requests_from_the_port_of_a_transfer_do_it_no_harm() {
    let (_servers, server) = start(tftp::Config::default());
    let phone = socket(2);
    ask(&phone, server, "size-300000", PLAIN);
    let mut transfer = None;
    for wanted in 1_u16..=40 {
        let (bytes, from) = next(&phone);
        let Packet::Data { block, .. } = Packet::decode(&bytes).unwrap() else { panic!("no data") };
        assert_eq!((block, *transfer.get_or_insert(from)), (wanted, from), "another transfer");
        // The same address and port on it, from wherever it was sent.
        ask(&phone, server, "size-1", PLAIN);
        ask(&phone, server, "nothing", LONGEST);
        phone.send_to(&Packet::Ack { block }.to_bytes(), from).unwrap();
    }
}

#[test]
fn an_address_that_acknowledges_nothing_gets_little() {
    let (_servers, server) = start(tftp::Config { stranger_bytes: 10_000, ..tftp::Config::default() });
    let silent: Vec<UdpSocket> = (0..100).map(|_| socket(5)).collect();
    for one in &silent {
        ask(one, server, "size-4947", PLAIN);
    }
    // Another address is served meanwhile, so all requests before its own were taken.
    fetch(&socket(2), server, 513);
    let mut bytes = 0;
    let mut answered = Vec::new();
    for one in &silent {
        one.set_nonblocking(true).unwrap();
        loop {
            let mut room = [0; 2000];
            match one.recv_from(&mut room) {
                Ok((length, from)) => {
                    bytes += length;
                    answered.push((one, from));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => panic!("{error}"),
            }
        }
    }
    assert!(bytes <= 10_000 && answered.len() == 10_000 / 516, "{bytes} bytes, {} answers", answered.len());
    // One that acknowledges is behind that address: it is known from then on, and the others get what they asked for.
    let (phone, from) = answered[0];
    phone.set_nonblocking(false).unwrap();
    phone.send_to(&Packet::Ack { block: 1 }.to_bytes(), from).unwrap();
    assert_eq!(next(phone).0[..4], *b"\0\x03\0\x02");
    let last = &silent[99];
    last.set_nonblocking(false).unwrap();
    assert_eq!(next(last).0[..4], *b"\0\x03\0\x01");
}
