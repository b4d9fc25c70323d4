//! One datagram: what is read is written again and reads the same, and neither end of a transfer stops on it.

#![no_main]

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use wire::tftp::options::{BLOCK_SIZES, TIMEOUTS, WINDOWS};
use wire::tftp::packet::{MAX_ERROR_TEXT, MAX_REQUEST};
use wire::tftp::{Burst, Caps, DATA_HEADER, Download, Mode, Options, Pace, Packet, Transfer, Wish};

const FILE: &[u8] = &[b'x'; 5000];

fuzz_target!(|datagram: &[u8]| {
    if let Ok(packet) = Packet::decode(datagram) {
        match &packet {
            Packet::Read(request) | Packet::Write(request) => {
                assert!(datagram.len() <= MAX_REQUEST);
                assert!(!request.file.contains(&0));
                in_range(&request.options);
            }
            Packet::OptionAck(options) => in_range(options),
            Packet::Error { text, .. } => {
                // a replaced byte takes three
                assert!(text.len() <= 3 * MAX_ERROR_TEXT);
                assert!(!text.chars().any(char::is_control));
            }
            Packet::Data { data, .. } => assert_eq!(data.len() + DATA_HEADER, datagram.len()),
            Packet::Ack { .. } => {}
        }
        let again = packet.to_bytes();
        match (Packet::decode(&again), &packet) {
            // a text that was cut in the middle of a character is cut once more
            (Ok(Packet::Error { code, .. }), Packet::Error { code: first, .. }) => {
                assert_eq!(code, *first)
            }
            (read, _) => assert_eq!(read, Ok(packet)),
        }
    }
    server(datagram);
    client(datagram);
});

fn in_range(options: &Options) {
    assert!(options.block_size.is_none_or(|size| BLOCK_SIZES.contains(&size)));
    assert!(options.timeout.is_none_or(|seconds| TIMEOUTS.contains(&seconds)));
    assert!(options.window.is_none_or(|blocks| WINDOWS.contains(&blocks)));
}

/// A client that sends this in the middle of a transfer gets no more than a window.
fn server(datagram: &[u8]) {
    let now = Instant::now();
    let options = Options { block_size: Some(100), window: Some(3), ..Options::default() };
    let mut transfer = Transfer::new(FILE, Mode::Octet, &options, &Caps::default(), Pace::default(), now);
    let mut burst = Burst::new();
    transfer.start(&mut burst);
    for datagram in [datagram, &[0, 4, 0, 0], datagram, datagram] {
        let step = transfer.datagram(now, datagram, &mut burst);
        assert!(burst.bytes().len() <= 3 * (DATA_HEADER + 100), "{step:?}");
        assert!(burst.datagrams().all(|sent| Packet::decode(sent).is_ok()));
    }
}

/// A server that answers this is taken or refused, never believed beyond the limit.
fn client(datagram: &[u8]) {
    let now = Instant::now();
    let server = SocketAddr::from((Ipv4Addr::LOCALHOST, 69));
    let port = SocketAddr::from((Ipv4Addr::LOCALHOST, 1069));
    let wish = Wish {
        file: "CTLFile.tlv".to_owned(),
        mode: Mode::Octet,
        options: Options { block_size: Some(1428), transfer_size: Some(0), ..Options::default() },
        max_size: 1000,
        wait: Duration::from_secs(1),
        retries: 3,
    };
    let (mut download, _) = Download::new(wish, server, now);
    let mut out = Vec::new();
    for _ in 0..3 {
        if download.datagram(now, port, datagram, &mut out).is_err() {
            break;
        }
    }
    assert!(out.len() <= 3);
    assert!(download.into_bytes().len() <= 1000);
}
