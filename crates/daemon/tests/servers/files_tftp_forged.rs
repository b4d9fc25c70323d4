//! Requests whose sender is forged: sockets that ask and never acknowledge, beside a client that does. And real addresses that
//! acknowledge as slowly as they may.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use crate::files_fixture::Servers;
use daemon::{http, tftp};
use wire::tftp::{ErrorCode, Mode, Options, Packet, Request};

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

/// So many forged requests come between a phone's and its acknowledgement that they fill all places: a phone far away in a quick flood. It
/// was never heard, and asks again when nothing comes.
#[test]
fn a_phone_that_was_never_heard_gets_its_chance_in_a_quick_flood() {
    const PLACES: usize = 16;
    let (_servers, server) = start(tftp::Config { max_transfers: PLACES, ..tftp::Config::default() });
    let strangers: Vec<_> = (0..PLACES).map(|number| socket(100 + u8::try_from(number).unwrap())).collect();
    let served = (0..60).any(|_| {
        let phone = socket(2);
        ask(&phone, server, "size-513", PLAIN);
        let (_, from) = next(&phone);
        for stranger in &strangers {
            // Each from another port: it is never the port of a transfer that runs.
            let stranger = UdpSocket::bind((stranger.local_addr().unwrap().ip(), 0)).unwrap();
            stranger.set_read_timeout(Some(PATIENCE)).unwrap();
            ask(&stranger, server, "size-513", PLAIN);
            next(&stranger);
        }
        phone.send_to(&Packet::Ack { block: 1 }.to_bytes(), from).unwrap();
        phone.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        // The second block, if its place is its own still.
        let mut room = [0; 2000];
        phone.recv_from(&mut room).is_ok_and(|(length, _)| length == 5)
    });
    assert!(served, "in 60 tries");
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
fn errors_and_nonsense_in_the_name_of_a_phone_do_its_transfer_no_harm() {
    let (_servers, server) = start(tftp::Config::default());
    let phone = socket(2);
    ask(&phone, server, "size-10240", PLAIN);
    let mut transfer = None;
    for wanted in 1_u16..=4 {
        // On a busy machine a block comes twice: what was said in its name is asked about.
        let (block, from) = loop {
            let (bytes, from) = next(&phone);
            let Packet::Data { block, .. } = Packet::decode(&bytes).unwrap() else { panic!("no data") };
            assert_eq!(*transfer.get_or_insert(from), from, "another transfer");
            if block >= wanted {
                break (block, from);
            }
        };
        assert_eq!(block, wanted);
        // From its address and port to the right port: somebody has guessed both. Then he asks in its name, too.
        phone.send_to(&Packet::Error { code: ErrorCode::DiskFull, text: "full".into() }.to_bytes(), from).unwrap();
        phone.send_to(b"what?", from).unwrap();
        ask(&phone, server, "size-1", PLAIN);
        phone.send_to(&Packet::Ack { block }.to_bytes(), from).unwrap();
    }
}

#[test]
fn a_client_that_ends_a_transfer_and_asks_anew_from_the_same_port_is_served() {
    let (_servers, server) = start(tftp::Config::default());
    let phone = socket(2);
    for _ in 0..2 {
        ask(&phone, server, "size-10240", PLAIN);
        let (_, from) = next(&phone);
        phone.send_to(&Packet::Error { code: ErrorCode::NotDefined, text: "size".into() }.to_bytes(), from).unwrap();
        // Asked once: it waits until it is sure that the first one is over.
        fetch(&phone, server, 513);
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

/// A transfer that was heard, and stands at block 2. Where it comes from.
fn hold(socket: &UdpSocket, server: SocketAddr) -> SocketAddr {
    ask(socket, server, "size-300000", PLAIN);
    let (_, from) = next(socket);
    go_on(socket, from, 1);
    from
}

/// Acknowledges a block, and gets the next one.
fn go_on(socket: &UdpSocket, from: SocketAddr, block: u16) {
    socket.send_to(&Packet::Ack { block }.to_bytes(), from).unwrap();
    let (bytes, port) = next(socket);
    assert_eq!(port, from);
    assert_eq!(bytes[..4], [0, 3, 0, block as u8 + 1]);
}

#[test]
fn two_real_addresses_that_hold_all_places_leave_room_for_a_phone() {
    let (_servers, server) = start(tftp::Config { max_transfers: 16, max_per_address: 8, ..tftp::Config::default() });
    let slow: Vec<UdpSocket> = (0..16).map(|number| socket(10 + number % 2)).collect();
    for one in &slow {
        hold(one, server);
    }
    for last in [2, 3] {
        let took = fetch(&socket(last), server, 10_240);
        assert!(took < Duration::from_secs(5), "{took:?}");
    }
}

#[test]
fn many_real_addresses_with_a_quarter_of_all_places_each_leave_room_for_a_phone() {
    let (_servers, server) = start(tftp::Config { max_transfers: 32, ..tftp::Config::default() });
    let slow: Vec<UdpSocket> = (0..32).map(|number| socket(10 + number % 4)).collect();
    for one in &slow {
        hold(one, server);
    }
    for last in [2, 3] {
        let took = fetch(&socket(last), server, 10_240);
        assert!(took < Duration::from_secs(5), "{took:?}");
    }
}

#[test]
fn a_phone_that_was_heard_before_keeps_its_place_in_a_quick_flood_of_strangers() {
    let (_servers, server) = start(tftp::Config { max_transfers: 16, ..tftp::Config::default() });
    let phone = socket(2);
    fetch(&phone, server, 513);
    // Its way is long: many ask before its first acknowledgement has come.
    let phone = socket(2);
    ask(&phone, server, "size-4947", PLAIN);
    let (_, from) = next(&phone);
    let forged: Vec<UdpSocket> = (0..100).map(|number| socket(100 + number)).collect();
    for one in &forged {
        ask(one, server, "size-513", LONGEST);
    }
    // All of them were looked at when this one is answered.
    fetch(&socket(3), server, 513);
    go_on(&phone, from, 1);
}

/// When this is answered, all that was asked before has been looked at. The address has to be known: it is told each time.
fn looked_at(known: &UdpSocket, server: SocketAddr) {
    let write = Packet::Write(Request { file: b"size-1", mode: Mode::Octet, options: PLAIN });
    known.send_to(&write.to_bytes(), server).unwrap();
    assert_eq!(next(known).0[..2], *b"\0\x05");
}

#[test]
fn an_error_in_the_name_of_a_phone_does_not_make_its_transfer_the_first_to_end() {
    let (_servers, server) = start(tftp::Config { max_transfers: 4, ..tftp::Config::default() });
    let phone = socket(2);
    let from = hold(&phone, server);
    let forged: Vec<UdpSocket> = (0..6).map(|number| socket(100 + number)).collect();
    let (first, more) = forged.split_at(3);
    for one in first {
        ask(one, server, "size-513", LONGEST);
    }
    looked_at(&socket(2), server);
    phone.send_to(&Packet::Error { code: ErrorCode::DiskFull, text: "full".into() }.to_bytes(), from).unwrap();
    for one in more {
        ask(one, server, "size-513", LONGEST);
    }
    go_on(&phone, from, 2);
}

/// A phone that was sent its file three times and said nothing is gone, rather than one that somebody has ended in its name.
#[test]
fn who_was_asked_three_times_makes_room_before_one_that_was_told_to_end() {
    let (_servers, server) = start(tftp::Config { max_transfers: 2, ..tftp::Config::default() });
    let (phone, gone) = (socket(2), socket(3));
    fetch(&gone, server, 513);
    let from = hold(&phone, server);
    let gone = socket(3);
    ask(&gone, server, "size-513", PLAIN);
    for _ in 0..3 {
        next(&gone);
    }
    phone.send_to(&Packet::Error { code: ErrorCode::DiskFull, text: "full".into() }.to_bytes(), from).unwrap();
    ask(&socket(100), server, "size-513", PLAIN);
    looked_at(&socket(2), server);
    phone.send_to(&Packet::Ack { block: 2 }.to_bytes(), from).unwrap();
    // It was sent the second block again meanwhile.
    while next(&phone).0[..4] != [0, 3, 0, 3] {}
}

#[test]
fn a_client_that_ended_a_transfer_and_asked_for_another_file_hears_no_more_of_the_first() {
    let (_servers, server) = start(tftp::Config::default());
    let phone = socket(2);
    let from = hold(&phone, server);
    phone.send_to(&Packet::Error { code: ErrorCode::NotDefined, text: "enough".into() }.to_bytes(), from).unwrap();
    ask(&phone, server, "size-1", PLAIN);
    let (bytes, port) = next(&phone);
    assert_ne!(port, from, "a block of the first file");
    assert_eq!(bytes.len(), 5);
}

#[test]
fn strangers_end_one_running_transfer_a_second_however_many_phones_come_between_them() {
    let (_servers, server) = start(tftp::Config { max_transfers: 16, ..tftp::Config::default() });
    let known = socket(2);
    fetch(&known, server, 513);
    let branch: Vec<_> = (0..16).map(|_| socket(10)).map(|one| (hold(&one, server), one)).collect();
    let since = Instant::now();
    // A stranger ends one of the branch, whose next phone has the place of the stranger at once.
    let next_ones: Vec<UdpSocket> = (0..5).map(|_| socket(10)).collect();
    let forged: Vec<UdpSocket> = (0..5).map(|number| socket(100 + number)).collect();
    for (one, stranger) in next_ones.iter().zip(&forged) {
        ask(stranger, server, "size-513", LONGEST);
        looked_at(&known, server);
        ask(one, server, "size-300000", PLAIN);
        one.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        if let Ok((_, from)) = one.recv_from(&mut [0; 2000]) {
            one.set_read_timeout(Some(PATIENCE)).unwrap();
            go_on(one, from, 1);
        }
    }
    let allowed = 1 + usize::try_from(since.elapsed().as_secs()).unwrap();
    let goes_on = |(from, one): &&(SocketAddr, UdpSocket)| {
        one.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        one.send_to(&Packet::Ack { block: 2 }.to_bytes(), from).is_ok() && one.recv_from(&mut [0; 2000]).is_ok()
    };
    let ended = 16 - branch.iter().filter(goes_on).count();
    assert!(ended <= allowed, "{ended} ended");
}

#[test]
fn strangers_whose_file_is_not_made_yet_end_no_transfer_that_runs() {
    let (servers, server) = start(tftp::Config { max_transfers: 16, ..tftp::Config::default() });
    fetch(&socket(2), server, 513);
    let branch: Vec<_> = (0..12).map(|_| socket(10)).map(|one| (hold(&one, server), one)).collect();
    let forged: Vec<UdpSocket> = (0..60).map(|number| socket(100 + number)).collect();
    for one in &forged {
        ask(one, server, "slow-513", PLAIN);
    }
    // One that is known gets a place of the branch, the strangers get what is free.
    fetch(&socket(2), server, 513);
    let goes_on = |(from, one): &&(SocketAddr, UdpSocket)| {
        one.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        one.send_to(&Packet::Ack { block: 2 }.to_bytes(), from).is_ok() && one.recv_from(&mut [0; 2000]).is_ok()
    };
    assert_eq!(branch.iter().filter(goes_on).count(), 11);
    servers.memory.release();
}

#[test]
fn the_slowest_transfer_of_the_address_that_has_most_makes_room() {
    let (_servers, server) = start(tftp::Config { max_transfers: 16, ..tftp::Config::default() });
    let others: Vec<_> = (0..4).map(|number| socket(20 + number)).map(|one| (hold(&one, server), one)).collect();
    let slow = socket(10);
    let slow_from = hold(&slow, server);
    let branch: Vec<_> = (0..11).map(|_| socket(10)).map(|one| (hold(&one, server), one)).collect();
    for (from, one) in &branch {
        (2..=9).for_each(|block| go_on(one, *from, block));
    }
    fetch(&socket(2), server, 10_240);
    // All but the one go on, those of the branch too.
    for (from, one) in &branch {
        go_on(one, *from, 10);
    }
    for (from, one) in &others {
        go_on(one, *from, 2);
    }
    // Its port is closed: it may tell so, and sends nothing.
    let sent = slow.send_to(&Packet::Ack { block: 2 }.to_bytes(), slow_from);
    fetch(&socket(3), server, 10_240);
    slow.set_nonblocking(true).unwrap();
    assert!(sent.is_err() || slow.recv_from(&mut [0; 2000]).is_err(), "the slow one goes on");
}

#[test]
fn while_no_address_has_many_places_nobody_is_ended() {
    let (_servers, server) = start(tftp::Config { max_transfers: 8, ..tftp::Config::default() });
    // A quarter of all places each, by four addresses.
    let held: Vec<_> = (0..8).map(|number| socket(10 + number / 2)).map(|one| (hold(&one, server), one)).collect();
    let late = socket(2);
    ask(&late, server, "size-513", PLAIN);
    for (from, one) in &held {
        go_on(one, *from, 2);
    }
    late.set_nonblocking(true).unwrap();
    assert_eq!(late.recv_from(&mut [0; 2000]).unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn refusals_count_as_bytes_to_a_stranger() {
    const LIMIT: usize = 190;
    let (_servers, server) = start(tftp::Config { stranger_bytes: LIMIT as u32, ..tftp::Config::default() });
    let read =
        |file: &str| Packet::Read(Request { file: file.as_bytes(), mode: Mode::Octet, options: PLAIN }).to_bytes();
    let write = Packet::Write(Request { file: b"size-1", mode: Mode::Octet, options: PLAIN }).to_bytes();
    let asked = [read("nothing"), read("denied"), read("failed"), read("../../passwd"), write, b"\0\x09hello".to_vec()];
    for (last, request) in (30..).zip(asked) {
        let silent: Vec<UdpSocket> = (0..40).map(|_| socket(last)).collect();
        let (told, rest) = silent.split_at(5);
        let mut bytes = 0;
        for one in told {
            one.send_to(&request, server).unwrap();
            bytes += next(one).0.len();
        }
        for one in rest {
            one.send_to(&request, server).unwrap();
            // Another one is served meanwhile: what was asked before has been looked at.
            fetch(&socket(2), server, 1);
        }
        fetch(&socket(2), server, 10_240);
        for one in rest {
            one.set_nonblocking(true).unwrap();
            bytes += one.recv_from(&mut [0; 2000]).map_or(0, |(length, _)| length);
        }
        assert!(bytes <= LIMIT, "{bytes} bytes for {}", request.escape_ascii());
    }
    // One that acknowledged something is told each time.
    let phone = socket(3);
    fetch(&phone, server, 1);
    for _ in 0..40 {
        ask(&phone, server, "nothing", PLAIN);
        assert_eq!(next(&phone).0[..4], *b"\0\x05\0\x01");
    }
}
