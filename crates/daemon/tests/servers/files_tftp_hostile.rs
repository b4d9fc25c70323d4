//! What a TFTP client may do wrong, byte by byte over plain sockets.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use crate::files_fixture::{Servers, content, same};
use daemon::{http, tftp};
use wire::tftp::{Caps, ErrorCode, Mode, Options, Pace, Packet, Request};

/// Long enough for a busy machine; only a failing test waits for it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Long enough that an answer would have come; tests that expect silence wait for it.
const SILENCE: Duration = Duration::from_millis(300);

struct Client {
    socket: UdpSocket,
    server: SocketAddr,
}

impl Client {
    fn new(servers: &Servers) -> Self {
        Self::of(servers.tftp)
    }

    fn of(server: SocketAddr) -> Self {
        let any: SocketAddr =
            if server.is_ipv4() { (Ipv4Addr::LOCALHOST, 0).into() } else { (Ipv6Addr::LOCALHOST, 0).into() };
        Self { socket: UdpSocket::bind(any).unwrap(), server }
    }

    fn send(&self, bytes: &[u8]) {
        self.socket.send_to(bytes, self.server).unwrap();
    }

    fn ask(&self, file: &str, options: Options) {
        self.send(&Packet::Read(Request { file: file.as_bytes(), mode: Mode::Octet, options }).to_bytes());
    }

    /// The next datagram and the port it came from.
    fn next(&self) -> (Vec<u8>, SocketAddr) {
        self.within(PATIENCE).expect("no answer")
    }

    fn within(&self, time: Duration) -> Option<(Vec<u8>, SocketAddr)> {
        self.socket.set_read_timeout(Some(time)).unwrap();
        let mut room = vec![0; 70_000];
        match self.socket.recv_from(&mut room) {
            Ok((length, from)) => {
                room.truncate(length);
                Some((room, from))
            }
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => None,
            Err(e) => panic!("{e}"),
        }
    }

    fn block(&self) -> (u16, usize, SocketAddr) {
        let (bytes, from) = self.next();
        match Packet::decode(&bytes).unwrap() {
            Packet::Data { block, data } => (block, data.len(), from),
            other => panic!("no data: {other:?}"),
        }
    }

    #[track_caller]
    fn error(&self, wanted: ErrorCode) {
        let (bytes, _) = self.next();
        match Packet::decode(&bytes).unwrap() {
            Packet::Error { code, .. } => assert_eq!(code, wanted),
            other => panic!("no error: {other:?}"),
        }
    }

    fn ack(&self, block: u16, to: SocketAddr) {
        self.socket.send_to(&Packet::Ack { block }.to_bytes(), to).unwrap();
    }

    #[track_caller]
    fn silence(&self) {
        assert_eq!(self.within(SILENCE), None);
    }

    /// Asks as a phone does, until data come from another port than `old`: that port.
    fn ask_until_new(&self, file: &str, old: SocketAddr) -> SocketAddr {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            self.ask(file, Options::default());
            while let Some((_, from)) = self.within(SILENCE) {
                if from != old {
                    return from;
                }
            }
        }
        panic!("never answered");
    }

    /// Reads the rest of a transfer of plain blocks from block `from` on.
    fn finish(&self, mut block: u16, to: SocketAddr) -> usize {
        let mut sum = 0;
        self.ack(block, to);
        loop {
            let (number, length, from) = self.block();
            if (number, from) == (block, to) {
                // Sent again while the ACK was on its way: it is not acknowledged twice (RFC 1123 4.2.3.1).
                continue;
            }
            assert_eq!((number, from), (block.wrapping_add(1), to));
            block = number;
            sum += length;
            self.ack(block, to);
            if length < 512 {
                return sum;
            }
        }
    }
}

/// Retransmissions come at once, so that nothing here waits long.
fn quick() -> tftp::Config {
    let pace = Pace {
        first: Duration::from_millis(60),
        longest: Duration::from_millis(120),
        retries: 3,
        unheard: Duration::from_millis(600),
        unheard_sends: 3,
    };
    tftp::Config { pace, ..tftp::Config::default() }
}

fn start(config: tftp::Config) -> Servers {
    Servers::with(config, http::Config::default())
}

#[test]
fn garbage_writes_and_bad_names() {
    let servers = Servers::start();
    let client = Client::new(&servers);
    let long = [b"\0\x01".as_slice(), &[b'a'; 2000], b"\0octet\0"].concat();
    let nested = b"\0\x01a/b/c/d/e\0octet\0".as_slice();
    for (bytes, wanted) in [
        (b"GET / HTTP/1.0\r\n\r\n".as_slice(), ErrorCode::IllegalOperation),
        (b"\0", ErrorCode::IllegalOperation),
        (b"\0\x09x", ErrorCode::IllegalOperation),
        (b"\0\x01name", ErrorCode::IllegalOperation),
        (b"\0\x01name\0mail\0", ErrorCode::IllegalOperation),
        (b"\0\x01name\0octet\0blksize\x00512", ErrorCode::IllegalOperation),
        (&long, ErrorCode::IllegalOperation),
        (b"\0\x03\0\x01data", ErrorCode::IllegalOperation),
        (b"\0\x04\0\x01", ErrorCode::IllegalOperation),
        (b"\0\x02size-1\0octet\0", ErrorCode::AccessViolation),
        (b"\0\x01../../etc/passwd\0octet\0", ErrorCode::AccessViolation),
        (b"\0\x01/etc/passwd\0octet\0", ErrorCode::FileNotFound),
        (b"\0\x01c:\\boot.ini\0octet\0", ErrorCode::AccessViolation),
        (b"\0\x01\xff\xfe\0octet\0", ErrorCode::AccessViolation),
        (b"\0\x01\0octet\0", ErrorCode::AccessViolation),
        (nested, ErrorCode::AccessViolation),
        (b"\0\x01nothing\0octet\0", ErrorCode::FileNotFound),
        (b"\0\x01denied\0octet\0", ErrorCode::AccessViolation),
        (b"\0\x01failed\0octet\0", ErrorCode::NotDefined),
    ] {
        client.send(bytes);
        client.error(wanted);
    }
    // errors get no answer: two servers must not talk to each other
    client.send(b"\0\x05\0\x01no\0");
    client.send(b"\0\x05");
    client.silence();
    client.ask("size-1", Options::default());
    assert_eq!(client.block().1, 1);
}

#[test]
fn our_own_faults_are_not_told() {
    let servers = Servers::start();
    let client = Client::new(&servers);
    client.ask("failed", Options::default());
    let (bytes, _) = client.next();
    assert!(!String::from_utf8_lossy(&bytes).contains("secret"));
}

#[test]
fn bad_options_are_not_acknowledged() {
    let servers = Servers::start();
    let client = Client::new(&servers);
    client.send(b"\0\x01size-513\0octet\0blksize\x007\0windowsize\x000\0timeout\x00999\0multicast\0\0");
    let (block, length, from) = client.block();
    assert_eq!((block, length), (1, 512));
    assert_eq!(client.finish(1, from), 1);

    client.send(b"\0\x01size-513\0octet\0BLKSIZE\x00600\0windowsize\x000\0");
    let (bytes, from) = client.next();
    let granted = Options { block_size: Some(600), ..Options::default() };
    assert_eq!(Packet::decode(&bytes).unwrap(), Packet::OptionAck(granted));
    client.ack(0, from);
    assert_eq!(client.block().1, 513);
}

#[test]
fn caps_of_the_configuration() {
    let caps = Caps { block_size: 1000, window: 4, window_bytes: 2500 };
    let servers = start(tftp::Config { caps, ..quick() });
    let client = Client::new(&servers);
    let asked = Options { block_size: Some(8192), window: Some(64), transfer_size: Some(0), timeout: Some(9) };
    client.ask("size-4947", asked);
    let (bytes, from) = client.next();
    let granted = Options { block_size: Some(1000), window: Some(2), transfer_size: Some(4947), timeout: Some(9) };
    assert_eq!(Packet::decode(&bytes).unwrap(), Packet::OptionAck(granted));
    client.ack(0, from);
    assert_eq!(client.block().0, 1);
    assert_eq!(client.block().0, 2);
    client.silence();
}

#[test]
fn lost_packets_are_sent_again_until_it_gives_up() {
    let servers = start(quick());
    let client = Client::new(&servers);
    // nothing was ever acknowledged: three times, and nobody is told of the end
    client.ask("size-513", Options::default());
    let (_, _, from) = client.block();
    for _ in 0..2 {
        assert_eq!(client.block(), (1, 512, from));
    }
    client.silence();

    // a loss in the middle costs one wait; the acknowledgement that comes twice costs nothing
    let client = Client::new(&servers);
    client.ask("size-1429", Options::default());
    let (_, _, from) = client.block();
    client.ack(1, from);
    assert_eq!(client.block().0, 2);
    assert_eq!(client.block().0, 2);
    assert_eq!(client.finish(2, from), 1429 - 1024);

    let client = Client::new(&servers);
    client.ask("size-1429", Options::default());
    let (_, _, from) = client.block();
    client.ack(1, from);
    let since = Instant::now();
    for _ in 0..4 {
        assert_eq!(client.block(), (2, 512, from));
    }
    client.error(ErrorCode::NotDefined);
    // 60, 120, 120, 120 ms
    assert!(since.elapsed() >= Duration::from_millis(400), "{:?}", since.elapsed());
}

#[test]
fn a_repeated_acknowledgement_doubles_nothing() {
    // a wait that does not end within the test
    let servers = Servers::start();
    let client = Client::new(&servers);
    client.ask("size-10240", Options::default());
    let (_, _, from) = client.block();
    client.ack(1, from);
    client.ack(1, from);
    client.ack(1, from);
    assert_eq!(client.block().0, 2);
    client.silence();
}

#[test]
fn a_window_with_a_hole() {
    let servers = Servers::start();
    let client = Client::new(&servers);
    client.ask("size-10240", Options { window: Some(4), ..Options::default() });
    let (_, from) = client.next();
    client.ack(0, from);
    let numbers = |count: usize| (0..count).map(|_| client.block().0).collect::<Vec<_>>();
    assert_eq!(numbers(4), [1, 2, 3, 4]);
    client.ack(2, from); // block 3 was lost
    assert_eq!(numbers(4), [3, 4, 5, 6]);
    client.ack(2, from); // and again: no waiting for the clock
    assert_eq!(numbers(4), [3, 4, 5, 6]);
    client.ack(6, from);
    assert_eq!(numbers(4), [7, 8, 9, 10]);
    client.ack(6, from); // the first of a window
    assert_eq!(numbers(4), [7, 8, 9, 10]);
}

#[test]
fn an_error_in_the_middle_ends_it() {
    let servers = start(quick());
    let client = Client::new(&servers);
    client.ask("size-10240", Options::default());
    let (_, _, from) = client.block();
    let full = Packet::Error { code: ErrorCode::DiskFull, text: "full".into() }.to_bytes();
    client.socket.send_to(&full, from).unwrap();
    client.silence();
    // nonsense on the port of a transfer gets an error and ends it, too
    client.ask("size-10240", Options::default());
    let (_, _, from) = client.block();
    client.socket.send_to(b"what?", from).unwrap();
    client.error(ErrorCode::IllegalOperation);
    client.silence();
}

#[test]
fn requests_that_come_twice() {
    let servers = Servers::start();
    let client = Client::new(&servers);
    // the same bytes while it runs: one transfer
    client.ask("size-513", Options::default());
    client.ask("size-513", Options::default());
    let (_, _, first) = client.block();
    client.silence();
    // Other bytes: this may be somebody else who writes the address of the client on it, and the transfer goes on.
    client.ask("size-1", Options::default());
    client.silence();
    assert_eq!(client.finish(1, first), 1);
    // The last acknowledgement is read before the next request, whichever the server sees first.
    for _ in 0..50 {
        client.ask("size-1", Options::default());
        let (block, length, from) = client.block();
        assert_eq!((block, length), (1, 1));
        client.ack(1, from);
    }
    // The client has booted: it uses the same port, and asks until it is answered.
    client.ask("size-513", Options::default());
    let (_, _, first) = client.block();
    let second = client.ask_until_new("size-1", first);
    client.ack(1, second);
    // The acknowledgement of the last block was lost.
    client.ask("size-1", Options::default());
    let (_, _, first) = client.block();
    client.ask_until_new("size-513", first);
}

#[test]
fn strangers_do_not_disturb() {
    let servers = Servers::start();
    let client = Client::new(&servers);
    client.ask("size-513", Options::default());
    let (_, _, from) = client.block();
    let stranger = Client::new(&servers);
    for packet in [Packet::Ack { block: 1 }, Packet::Error { code: ErrorCode::NotDefined, text: "die".into() }] {
        // an answer or the news that nobody listens for this peer: either is good
        stranger.socket.send_to(&packet.to_bytes(), from).unwrap();
    }
    assert_eq!(client.finish(1, from), 1);
}

#[test]
fn a_file_that_takes_time_delays_nobody() {
    let servers = Servers::start();
    let slow = Client::new(&servers);
    slow.ask("slow-513", Options::default());
    slow.ask("slow-513", Options::default());
    let client = Client::new(&servers);
    for name in ["size-513", "made-513"] {
        client.ask(name, Options::default());
        let (_, _, from) = client.block();
        assert_eq!(client.finish(1, from), 1);
    }
    servers.memory.release();
    let (_, _, from) = slow.block();
    assert_eq!(slow.finish(1, from), 1);
    slow.silence();
}

#[test]
fn a_client_that_turns_to_another_file_before_the_first_is_made() {
    let servers = Servers::start();
    let client = Client::new(&servers);
    client.ask("slow-513", Options::default());
    let from = client.ask_until_new("size-1", servers.tftp);
    servers.memory.release();
    client.ack(1, from);
    client.silence();
}

#[test]
fn many_at_the_limit() {
    let servers = start(tftp::Config { max_transfers: 3, ..quick() });
    let busy: Vec<_> = (0..3).map(|_| Client::new(&servers)).collect();
    for client in &busy {
        client.ask("slow-513", Options::default());
    }
    let late = Client::new(&servers);
    late.ask("size-1", Options::default());
    late.silence();
    servers.memory.release();
    for client in &busy {
        let (_, _, from) = client.block();
        assert_eq!(client.finish(1, from), 1);
    }
    // asked again, as clients do, it is its turn
    late.ask("size-1", Options::default());
    assert_eq!(late.block().1, 1);
}

#[test]
fn one_address_cannot_take_all() {
    let listen = vec![(Ipv4Addr::UNSPECIFIED, 0).into()];
    let servers = start(tftp::Config { max_per_address: 2, listen, ..quick() });
    let server = SocketAddr::from((Ipv4Addr::LOCALHOST, servers.tftp.port()));
    let greedy: Vec<_> = (0..3).map(|_| Client::of(server)).collect();
    for client in &greedy {
        client.ask("slow-513", Options::default());
    }
    let other = Client { socket: UdpSocket::bind((Ipv4Addr::new(127, 0, 0, 9), 0)).unwrap(), server };
    other.ask("size-1", Options::default());
    assert_eq!(other.block().1, 1);
    servers.memory.release();
    assert_eq!(greedy[0].block().0, 1);
    assert_eq!(greedy[1].block().0, 1);
    greedy[2].silence();
}

#[test]
fn hundreds_at_once() {
    // One after the other, as slowly as the machine is: the last one is heard long after it asked.
    let pace = Pace { unheard: Duration::from_secs(3600), ..Pace::default() };
    let servers = start(tftp::Config { pace, ..tftp::Config::default() });
    let clients: Vec<_> = (0..200).map(|_| Client::new(&servers)).collect();
    for client in &clients {
        client.ask("made-1429", Options::default());
    }
    for client in &clients {
        let (_, length, from) = client.block();
        assert_eq!(length + client.finish(1, from), 1429);
    }
}

#[test]
fn answers_come_from_the_address_that_was_asked() {
    for listen in [SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)), SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0))] {
        let servers = start(tftp::Config { listen: vec![listen], ..quick() });
        let asked = Ipv4Addr::new(127, 0, 0, 2);
        let client = Client::of((asked, servers.tftp.port()).into());
        client.ask("size-513", Options::default());
        let (_, _, from) = client.block();
        assert_eq!(from.ip(), asked, "listening on {listen}");
        assert_ne!(from.port(), servers.tftp.port());
        assert_eq!(client.finish(1, from), 1);
        for wrong in ["nothing", "../x"] {
            client.ask(wrong, Options::default());
            let (bytes, from) = client.next();
            assert!(matches!(Packet::decode(&bytes), Ok(Packet::Error { .. })));
            assert_eq!(from.ip(), asked, "listening on {listen}");
        }
    }
}

#[test]
fn over_ipv6() {
    let servers = start(tftp::Config { listen: vec![(Ipv6Addr::LOCALHOST, 0).into()], ..quick() });
    let client = Client::new(&servers);
    let asked = Options { block_size: Some(1428), window: Some(8), ..Options::default() };
    client.ask("size-10240", asked);
    let (_, from) = client.next();
    client.ack(0, from);
    let mut got = Vec::new();
    while got.len() < 10_240 {
        let (bytes, _) = client.next();
        let Packet::Data { data, .. } = Packet::decode(&bytes).unwrap() else { panic!("no data") };
        got.extend_from_slice(data);
    }
    same(&got, &content(10_240), "IPv6");
}

#[test]
fn shutdown_lets_a_transfer_finish() {
    let servers = Servers::start();
    let client = Client::new(&servers);
    client.ask("size-1429", Options::default());
    let (_, _, from) = client.block();
    servers.stop();
    assert_eq!(client.finish(1, from), 1429 - 512);
    servers.wait(Duration::from_secs(3));
}

#[test]
fn shutdown_does_not_wait_for_ever() {
    let servers = start(tftp::Config { drain: Duration::from_millis(200), ..tftp::Config::default() });
    let client = Client::new(&servers);
    client.ask("size-1429", Options::default());
    client.block();
    servers.stop();
    servers.wait(Duration::from_secs(3));
    // nobody is there
    client.ask("size-1429", Options::default());
    client.silence();
}

#[test]
fn a_port_in_use_is_one_clear_line() {
    let taken = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let addr = taken.local_addr().unwrap();
    let config = tftp::Config { listen: vec![addr], ..tftp::Config::default() };
    let source = daemon::files::Fetcher::new(std::sync::Arc::new(crate::files_fixture::Memory::default()));
    let error = tftp::Server::bind(config, source).err().expect("bound twice").to_string();
    assert_eq!(error, format!("UDP {addr} is in use: stop the program that listens there, or configure another port"));
}
