//! HTTP files: curl fetches every size, ranges and heads; hostile requests over plain TCP.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use crate::files_fixture::{SIZES, Servers, content, run, same};
use daemon::{http, tftp};

fn curl(servers: &Servers, options: &[&str], path: &str) -> (Vec<u8>, String) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("http://{}{path}", servers.http);
    let mut arguments = vec!["--silent", "--show-error", "--path-as-is", "--noproxy", "*", "--max-time", "60"];
    arguments.extend(["--dump-header", "head", "--output", "body"]);
    arguments.extend(options);
    arguments.push(&url);
    let output = run("curl", "curl", folder.path(), &arguments);
    assert!(output.status.success(), "curl {options:?} {path}: {output:?}");
    let body = std::fs::read(folder.path().join("body")).unwrap_or_default();
    (body, std::fs::read_to_string(folder.path().join("head")).unwrap().to_ascii_lowercase())
}

#[track_caller]
fn status(head: &str, wanted: u16) {
    assert!(head.starts_with(&format!("http/1.1 {wanted} ")), "{wanted} wanted: {head}");
}

/// Sends bytes, closes the sending side, and reads all that comes back. A server that answers early may have closed the
/// connection before everything was sent.
fn raw(servers: &Servers, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(servers.http).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    unless_closed(stream.write_all(bytes));
    unless_closed(stream.shutdown(Shutdown::Write));
    rest(&mut stream)
}

/// Any failure but that the server has closed the connection.
#[track_caller]
fn unless_closed(result: std::io::Result<()>) {
    use std::io::ErrorKind::{BrokenPipe, ConnectionReset, NotConnected};
    if let Err(error) = result {
        assert!(matches!(error.kind(), BrokenPipe | ConnectionReset | NotConnected), "{error}");
    }
}

fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    unless_closed(stream.read_to_end(&mut answer).map(|_| ()));
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn every_size() {
    let servers = Servers::start();
    for size in SIZES {
        for kind in ["size", "made"] {
            let path = format!("/{kind}-{size}");
            let (body, head) = curl(&servers, &[], &path);
            status(&head, 200);
            same(&body, &content(size), &path);
            assert!(head.contains(&format!("content-length: {size}\r\n")), "{head}");
            let (body, head) = curl(&servers, &["--head"], &path);
            status(&head, 200);
            assert!(body.is_empty() || body.starts_with(b"HTTP/1.1"), "HEAD has a body");
            assert!(head.contains(&format!("content-length: {size}\r\n")), "{head}");
            assert!(head.contains("accept-ranges: bytes"), "{head}");
        }
    }
}

#[test]
fn ranges() {
    let servers = Servers::start();
    let all = content(4947);
    for (range, part) in
        [("0-0", 0..1), ("100-199", 100..200), ("4900-", 4900..4947), ("-47", 4900..4947), ("0-99999", 0..4947)]
    {
        let (body, head) = curl(&servers, &["--range", range], "/size-4947");
        status(&head, 206);
        same(&body, &all[part.clone()], range);
        let wanted = format!("content-range: bytes {}-{}/4947\r\n", part.start, part.end - 1);
        assert!(head.contains(&wanted), "{head}");
    }
    let (_, head) = curl(&servers, &["--range", "4947-"], "/size-4947");
    status(&head, 416);
    assert!(head.contains("content-range: bytes */4947"), "{head}");
    for whole in ["0-1,5-6", "9-3"] {
        let (body, head) = curl(&servers, &["--range", whole], "/size-4947");
        status(&head, 200);
        same(&body, &all, whole);
    }
    let (_, head) = curl(&servers, &["--range", "0-1", "--header", "If-Range: \"x\""], "/size-4947");
    status(&head, 200);
    let (_, head) = curl(&servers, &["--range", "0-1", "--head"], "/size-4947");
    status(&head, 200);
}

#[test]
fn one_connection_for_many_files() {
    let servers = Servers::start();
    let folder = tempfile::tempdir().unwrap();
    let urls: Vec<_> =
        [1, 512, 4947, 300_000].iter().map(|size| format!("http://{}/size-{size}", servers.http)).collect();
    let mut arguments = vec!["--silent", "--noproxy", "*", "--remote-name-all", "--write-out", "%{num_connects}\n"];
    arguments.extend(urls.iter().map(String::as_str));
    let output = run("curl", "curl", folder.path(), &arguments);
    // connections made for each file: the first only
    assert_eq!(String::from_utf8_lossy(&output.stdout), "1\n0\n0\n0\n");
    same(&std::fs::read(folder.path().join("size-4947")).unwrap(), &content(4947), "kept alive");
}

#[test]
fn refusals() {
    let servers = Servers::start();
    let long = format!("/{}", "x".repeat(256));
    let longer = format!("/{}", "x".repeat(5000));
    for (path, wanted) in [
        ("/nothing", 404),
        ("/", 404),
        ("/New_Zealand/", 404),
        ("/New_Zealand", 404),
        ("/denied", 403),
        ("/../etc/passwd", 403),
        ("/%2e%2e/etc/passwd", 403),
        ("/%2fetc/passwd", 404),
        ("/a%00b", 400),
        ("/a%5cb", 404),
        ("/%zz", 400),
        (&long, 414),
        (&longer, 414),
        ("/failed", 500),
        ("/panics", 500),
    ] {
        let (body, head) = curl(&servers, &[], path);
        status(&head, wanted);
        assert!(!String::from_utf8_lossy(&body).contains("secret"));
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let (_, head) = curl(&servers, &["--request", method], "/size-1");
        status(&head, 405);
        assert!(head.contains("allow: get, head"), "{head}");
    }
    let (_, head) = curl(&servers, &["--upload-file", "/dev/null"], "/size-1");
    status(&head, 405);
    let (_, head) = curl(&servers, &["--request", "GET", "--data", "body"], "/size-1");
    status(&head, 413);
    assert!(head.contains("connection: close"), "{head}");
    let (body, head) = curl(&servers, &[], "/new_zealand/G3-tones.xml%2esgn");
    status(&head, 200);
    same(&body, &content(700), "without case");
}

#[test]
fn garbage() {
    let servers = Servers::start();
    for (bytes, wanted) in [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".as_slice(), "HTTP/1.1 400 "),
        (b"hello\r\n\r\n", "HTTP/1.1 400 "),
        (b"GET /size-1 HTTP/9.9\r\n\r\n", "HTTP/1.1 400 "),
        (b"GET * HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 400 "),
    ] {
        let answer = raw(&servers, bytes);
        assert!(answer.starts_with(wanted), "{:?}: {answer}", String::from_utf8_lossy(bytes));
    }
    let header = format!("GET /size-1 HTTP/1.1\r\nHost: x\r\nA: {}\r\n\r\n", "a".repeat(http::MAX_HEAD));
    assert!(raw(&servers, header.as_bytes()).starts_with("HTTP/1.1 431 "));
    let headers = format!("GET /size-1 HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(http::MAX_HEADERS + 1));
    assert!(raw(&servers, headers.as_bytes()).starts_with("HTTP/1.1 431 "));
    assert!(raw(&servers, b"GET /size-1 HTTP/1.0\r\n\r\n").starts_with("HTTP/1.0 200 "));
}

#[test]
fn a_head_that_never_ends_is_cut() {
    let config = http::Config { head_timeout: Duration::from_millis(300), ..http::Config::default() };
    let servers = Servers::with(tftp::Config::default(), config);
    for start in [b"".as_slice(), b"GET /size-1 HTTP/1.1\r\nHost:", b"GET /size-1 HTTP/1.1\r\nHost: x\r\n\r\n"] {
        let mut stream = TcpStream::connect(servers.http).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let since = Instant::now();
        stream.write_all(start).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        assert!(since.elapsed() >= Duration::from_millis(250), "cut too early: {:?}", since.elapsed());
    }
}

/// A connection from an address, with what it sends first.
fn connect(servers: &Servers, last: u8, bytes: &[u8]) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&std::net::SocketAddr::from(([127, 0, 0, last], 0)).into()).unwrap();
    socket.connect(&servers.http.into()).unwrap();
    let mut stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(bytes).unwrap();
    stream
}

/// Waits until the server has cut a connection, without reading what it has sent.
fn expect_cut(stream: &TcpStream) {
    use nix::poll::{PollFd, PollFlags, poll};
    use std::os::fd::AsFd;
    let mut fd = [PollFd::new(stream.as_fd(), PollFlags::empty())];
    assert_eq!(poll(&mut fd, 10_000_u16).unwrap(), 1, "not cut");
}

#[test]
fn who_does_not_read_leaves_room_for_others() {
    // made before anybody asks: who waits for us is not closed for others
    crate::files_fixture::roll_over();
    let silence = Duration::ZERO;
    let config = http::Config { max_connections: 6, max_per_address: 4, silence, ..http::Config::default() };
    let servers = Servers::with(tftp::Config::default(), config);
    // one whose answer takes its time here is not at fault
    let mut waits = connect(&servers, 4, b"GET /slow-4947 HTTP/1.0\r\n\r\n");
    servers.memory.wait_for_requests(1);
    let mut attack = Vec::new();
    for round in 0..8 {
        for last in [2, 2, 2, 3, 3] {
            attack.push(connect(&servers, last, b"GET /roll-over HTTP/1.1\r\nHost: x\r\n\r\n"));
        }
        let mut good = connect(&servers, 5, b"GET /size-1 HTTP/1.0\r\n\r\n");
        assert!(rest(&mut good).starts_with("HTTP/1.0 200 "), "round {round}");
    }
    // what they did not read is thrown away at once
    expect_cut(&attack[0]);
    servers.memory.release();
    assert!(rest(&mut waits).starts_with("HTTP/1.0 200 "));
}

#[test]
fn two_addresses_that_are_never_silent_keep_nobody_out() {
    let config =
        http::Config { max_connections: 16, max_per_address: 8, silence: Duration::MAX, ..http::Config::default() };
    let servers = Servers::with(tftp::Config::default(), config);
    // nobody is ever silent for long enough: each has had an answer, and has begun its next request
    let drips: Vec<_> = (0..16)
        .map(|number| {
            let mut stream = connect(&servers, 2 + number / 8, b"GET /size-1 HTTP/1.1\r\nHost: x\r\n\r\n");
            let mut answer = Vec::new();
            while !answer.ends_with(&content(1)) || !answer.windows(4).any(|end| end == b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                answer.extend(byte);
            }
            stream.write_all(b"G").unwrap();
            stream
        })
        .collect();
    let mut others: Vec<_> = (5..9).map(|last| connect(&servers, last, b"GET /size-1 HTTP/1.0\r\n\r\n")).collect();
    for (number, other) in others.iter_mut().enumerate() {
        assert!(rest(other).starts_with("HTTP/1.0 200 "), "other address {number}");
    }
    expect_cut(&drips[0]);
}

#[test]
fn who_neither_reads_nor_writes_is_cut() {
    let config = http::Config { longest_silence: Duration::from_millis(200), ..http::Config::default() };
    let servers = Servers::with(tftp::Config::default(), config);
    for start in [b"GET /roll-over HTTP/1.1\r\nHost: x\r\n\r\n".as_slice(), b"", b"GET /si"] {
        expect_cut(&connect(&servers, 1, start));
    }
    let mut slow = connect(&servers, 1, b"GET /slow-4947 HTTP/1.0\r\n\r\n");
    servers.memory.wait_for_requests(1);
    expect_cut(&connect(&servers, 1, b""));
    servers.memory.release();
    assert!(rest(&mut slow).starts_with("HTTP/1.0 200 "), "the time that an answer takes here is not the peer's");
}

#[test]
fn connections_are_bounded() {
    let config = http::Config { max_connections: 2, silence: Duration::MAX, ..http::Config::default() };
    let servers = Servers::with(tftp::Config::default(), config);
    let idle: Vec<_> = (0..2).map(|_| connect(&servers, 1, b"")).collect();
    let mut third = connect(&servers, 2, b"");
    assert!(
        matches!(third.read(&mut [0; 1]), Ok(0) | Err(_)),
        "there is no place, and nobody has been silent for so long"
    );
    drop(idle);
    // the server sees in its own time that they are gone
    assert!((0..1000).any(|_| raw(&servers, b"GET /size-1 HTTP/1.0\r\n\r\n").starts_with("HTTP/1.0 200 ")));
}

#[test]
fn one_address_has_its_share() {
    let config = http::Config { max_per_address: 1, silence: Duration::MAX, ..http::Config::default() };
    let servers = Servers::with(tftp::Config::default(), config);
    let mut first = TcpStream::connect(servers.http).unwrap();
    let mut second = TcpStream::connect(servers.http).unwrap();
    second.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    assert!(matches!(second.read(&mut [0; 1]), Ok(0) | Err(_)), "the second was served");
    first.write_all(b"GET /size-1 HTTP/1.0\r\n\r\n").unwrap();
    assert!(rest(&mut first).starts_with("HTTP/1.0 200 "));
}

#[test]
fn shutdown_finishes_answers_and_closes_the_idle() {
    let servers = Servers::start();
    let mut busy = TcpStream::connect(servers.http).unwrap();
    busy.write_all(b"GET /slow-4947 HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut idle = TcpStream::connect(servers.http).unwrap();
    idle.write_all(b"GET /size-1 HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut some = [0; 10];
    idle.read_exact(&mut some).unwrap();
    servers.memory.wait_for_requests(1);
    servers.stop();
    for stream in [&idle, &busy] {
        stream.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
    }
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).unwrap();
    servers.memory.release();
    let mut answer = Vec::new();
    busy.read_to_end(&mut answer).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200 ") && answer.ends_with(&content(4947)), "cut at shutdown");
    servers.wait(Duration::from_secs(3));
}
