//! Who floods a node with what goes wrong gets few lines in its log, and a count.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use crate::support::node::Served;

/// Requests of each kind.
const FLOOD: usize = 60;

fn request(name: &str) -> Vec<u8> {
    [b"\0\x01", name.as_bytes(), b"\0octet\0"].concat()
}

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    socket
}

/// The code of the error that answers a request.
fn refused(port: u16, name: &str) -> u8 {
    let socket = socket();
    socket.send_to(&request(name), ("127.0.0.1", port)).unwrap();
    let mut room = [0; 600];
    socket.recv_from(&mut room).unwrap();
    assert_eq!(room[..2], [0, 5], "{name}");
    room[3]
}

/// Begins a transfer of several blocks, acknowledges one of them, and is gone when the next comes.
fn break_off(port: u16) {
    let socket = socket();
    socket.send_to(&request("large.xml"), ("127.0.0.1", port)).unwrap();
    let mut room = [0; 600];
    let (length, from) = socket.recv_from(&mut room).unwrap();
    assert_eq!((length, &room[..4]), (516, [0, 3, 0, 1].as_slice()));
    let local = socket.local_addr().unwrap();
    // The next block has come before the port is closed; it is acknowledged from a new socket on the same port, so that the node finds
    // nobody there with the block after it.
    socket.send_to(&[0, 4, 0, 1], from).unwrap();
    socket.recv_from(&mut room).unwrap();
    drop(socket);
    let again = UdpSocket::bind(local).unwrap();
    again.send_to(&[0, 4, 0, 2], from).unwrap();
    drop(again);
}

fn status(port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).unwrap().to_owned()
}

#[test]
fn a_flood_of_what_goes_wrong_is_a_line_and_a_count() {
    let folder = tempfile::tempdir().unwrap();
    let boot = folder.path().join("boot");
    std::fs::create_dir(&boot).unwrap();
    std::fs::write(boot.join("broken.bin.sgn"), b"not signed at all").unwrap();
    std::fs::write(boot.join("large.xml"), [b' '; 100_000]).unwrap();
    let mut node = Served::start_heard(&folder.path().join("data"), &["--tftpboot", boot.to_str().unwrap()]);
    let errors = BufReader::new(node.errors());
    for _ in 0..FLOOD {
        assert_eq!(refused(node.tftp, "../etc/passwd"), 2);
        assert_eq!(refused(node.tftp, "broken.bin"), 0);
        assert_eq!(status(node.http, "/%2e%2e/etc/passwd"), "403");
        assert_eq!(status(node.http, "/broken.bin"), "500");
        break_off(node.tftp);
    }
    // The other end waits for nobody who has begun to read late.
    node.signal(nix::sys::signal::Signal::SIGTERM);
    let lines: Vec<String> = errors.lines().map(Result::unwrap).collect();
    assert_eq!(node.wait().code(), Some(0));
    let count = |words: &[&str]| lines.iter().filter(|line| words.iter().all(|word| line.contains(word))).count();
    for (level, target, text) in [
        (" WARN ", "tftp: ", "no file has such a name"),
        ("ERROR ", "tftp: ", "refused "),
        (" WARN ", "http: ", "no file has such a name"),
        ("ERROR ", "http: ", "refused "),
    ] {
        assert_eq!(count(&[level, target, text]), 1, "{level}{target}{text}: {lines:#?}");
    }
    let failed = count(&[" WARN ", "tftp: failed"]);
    assert!((1..=2).contains(&failed), "{lines:#?}");
    let left_out = format!("and {} more, which were left out of the log", FLOOD - 1);
    for kind in ["no file has such a name", "refused by our fault"] {
        assert_eq!(count(&[kind, &left_out]), 2, "by TFTP and by HTTP: {lines:#?}");
    }
    let broken_off = lines.iter().find(|line| line.contains("a transfer failed: and ")).expect("it is counted");
    let number = broken_off.split(": and ").nth(1).unwrap().split(' ').next().unwrap();
    assert!(number.parse::<usize>().unwrap() > FLOOD / 2, "{lines:#?}");
    assert!(lines.len() < 30, "{lines:#?}");
}
