//! Large files and many who want them: what that takes of memory, and who is still served.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // tests may stop at the first surprise

#[path = "servers/files_fixture/mod.rs"]
mod files_fixture;

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use daemon::node::{Listen, Node, NodeOptions};
use pki::verify;
use ringfence_core::Cluster;
use ringfence_core::files::FolderSettings;
use testbed::{Machine, make_in, new_cluster};
use wire::signed_file::SignedFile;
use wire::tftp::{Mode, Options, Packet, Request};

/// Above the size that is held in memory, not a multiple of any block, and one piece of it differs from every other.
const FIRMWARE: usize = (3 << 20) + 77;

struct Place {
    runtime: tokio::runtime::Runtime,
    cluster: Cluster,
    node: Option<Node>,
    listen: Listen,
    folder: tempfile::TempDir,
}

impl Place {
    fn start(held: usize, tftpboot: impl FnOnce(&Path)) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let files = folder.path().join("tftpboot");
        std::fs::create_dir(&files).unwrap();
        tftpboot(&files);
        let new = new_cluster("15", &[("cucm1", "127.0.0.1")]);
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let (cluster, node) = runtime.block_on(async {
            let data = folder.path().join("data");
            let cluster = make_in(&data, &new, &mut Machine::default()).await;
            let row = cluster.node(None).await.unwrap();
            let options = NodeOptions {
                listen: Listen { tftp: any, http: any, tvs: any },
                legacy_tls: false,
                folder: Some(FolderSettings::open(&files, true).unwrap()),
                held,
            };
            (cluster.clone(), Node::start(cluster, row, options).await.unwrap())
        });
        let listen = node.listen().clone();
        Self { runtime, cluster, node: Some(node), listen, folder }
    }

    fn node(&self) -> &Node {
        self.node.as_ref().unwrap()
    }

    fn http(&self, name: &str, options: &[&str]) -> Vec<u8> {
        let url = format!("http://{}/{name}", self.listen.http);
        let output = Command::new("curl").args(["-sf", "--max-time", "60"]).args(options).arg(&url).output().unwrap();
        assert!(output.status.success(), "{url}: {}", output.status);
        output.stdout
    }

    fn tftp(&self, name: &str, block_size: u16) -> Vec<u8> {
        let url = format!("tftp://{}/{name}", self.listen.tftp);
        let size = block_size.to_string();
        let asked = ["-sf", "--max-time", "60", "--tftp-blksize", &size, &url];
        let output = Command::new("curl").args(asked).output().unwrap();
        assert!(output.status.success(), "{url}: {}", output.status);
        output.stdout
    }

    /// What is behind a signature of this node.
    fn payload(&self, file: Vec<u8>, name: &str) -> Vec<u8> {
        let row = self.runtime.block_on(self.cluster.node(None)).unwrap();
        let signer = self.runtime.block_on(self.cluster.find_certificate(&row, false, "CallManager")).unwrap();
        let file = SignedFile::decode(file).unwrap();
        assert!(verify::check(file.header(), &signer).is_valid(), "{name}");
        assert_eq!(file.header().file_name(), Some(name.as_bytes()));
        file.payload().to_vec()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(node) = self.node.take() {
            self.runtime.block_on(node.stop());
        }
    }
}

#[test]
fn a_large_file_goes_out_whole_in_parts_and_signed() {
    let content = files_fixture::content(FIRMWARE);
    let wrapped = [signed_head("brought.bin.sgn"), content.to_vec()].concat();
    let place = Place::start(1 << 30, |folder| {
        std::fs::write(folder.join("firmware.bin"), &content).unwrap();
        std::fs::write(folder.join("brought.bin.sgn"), &wrapped).unwrap();
    });
    let same = files_fixture::same;
    same(&place.http("firmware.bin", &[]), &content, "HTTP");
    same(&place.http("Firmware.BIN", &["-r", "1000000-2999999"]), &content[1_000_000..3_000_000], "a range");
    same(&place.http("firmware.bin", &["-r", "-5"]), &content[FIRMWARE - 5..], "the end");
    same(&place.tftp("firmware.bin", 1428), &content, "TFTP");
    let signed = place.http("firmware.bin.sgn", &[]);
    same(&place.tftp("FIRMWARE.bin.sgn", 8192), &signed, "the same signed file by TFTP");
    let (head, range) = (signed.len() - FIRMWARE, place.http("firmware.bin.sgn", &["-r", "100-2000100"]));
    same(&range, &signed[100..=2_000_100], "over the end of the header");
    assert!(head < 1000, "the header is in front");
    same(&place.payload(signed, "firmware.bin.sgn"), &content, "signed");
    same(&place.http("brought.bin.sgn", &[]), &wrapped, "a signed file as it lies there");
    same(&place.http("brought.bin", &["-r", "0-99"]), &content[..100], "and what is in it");
    same(&place.http("brought.bin", &[]), &content, "all of it");
    // another state, another signature
    let changed = [content.to_vec(), b"more".to_vec()].concat();
    std::fs::write(place.folder.path().join("tftpboot/firmware.bin"), &changed).unwrap();
    same(&place.payload(place.http("firmware.bin.sgn", &[]), "firmware.bin.sgn"), &changed, "changed");
}

/// The header of a signed file of somebody else: what `sign_file` writes in front of nothing.
fn signed_head(name: &str) -> Vec<u8> {
    use pki::sign::{FileSpec, SigningIdentity, sign_file};
    let read = |name: &str| {
        std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/vectors/certs").join(name)).unwrap()
    };
    let key = pki::SoftKey::from_pem(&read("capf-2048.key.pem")).unwrap();
    let certificate = pki::Certificate::from_der(&read("capf-2048.crt.der")).unwrap();
    let identity = SigningIdentity::new(&certificate, &key).unwrap();
    let digest = wire::digest::DigestId::SHA1;
    let spec = FileSpec { layout: wire::header::Layout::Cucm, digest, file_name: name, timestamp: 1 };
    sign_file(&spec, Vec::new(), &identity).unwrap()
}

#[test]
fn many_who_want_a_large_signed_file_take_no_memory_and_hold_up_nobody() {
    // a file with holes: read like any other
    let length: u64 = 96 << 20;
    let held = 8 << 20;
    let place = Place::start(held, |folder| {
        let file = File::create(folder.join("image.bin")).unwrap();
        file.write_all_at(b"the end", length - 7).unwrap();
        std::fs::write(folder.join("small.xml"), "<small/>").unwrap();
    });
    let quiet = resident();
    let ask = |name: &str| {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let request = Request { file: name.as_bytes(), mode: Mode::Octet, options: Options::default() };
        socket.send_to(&Packet::Read(request).to_bytes(), place.listen.tftp).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        socket
    };
    // many in many spellings, and a phone between them
    let waiting: Vec<UdpSocket> = (0..60)
        .map(|number: u32| {
            let letter =
                |at: usize, lower: char| if number >> at & 1 == 1 { lower.to_ascii_uppercase() } else { lower };
            ask(&"image.bin.sgn".char_indices().map(|(at, lower)| letter(at, lower)).collect::<String>())
        })
        .collect();
    let started = std::time::Instant::now();
    assert_eq!(place.http("small.xml", &[]), b"<small/>");
    let meanwhile = started.elapsed();
    let mut room = [0; 1024];
    for socket in &waiting {
        let (length, _) = socket.recv_from(&mut room).expect("each is served");
        assert!(matches!(Packet::decode(&room[..length]), Ok(Packet::Data { block: 1, data }) if data.len() == 512));
    }
    let more = resident().saturating_sub(quiet);
    assert!(more < 48 << 20, "{} MiB for 60 who want 96 MiB each", more >> 20);
    assert!(place.node().held_files() <= held);
    assert!(meanwhile < started.elapsed().max(Duration::from_secs(1)), "served while the image was hashed");
}

/// Bytes of memory of this process.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = status.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

#[test]
fn no_more_than_the_limit_is_held_and_who_asks_again_is_served() {
    let held = 1 << 20;
    let content = Arc::new(files_fixture::content(700_000));
    let place = Place::start(held, |folder| {
        for number in 0..4 {
            std::fs::write(folder.join(format!("{number}.bin")), &**content).unwrap();
        }
    });
    // Four clients that take a first block and go on no more: the bytes of one file find room.
    let ask = |number: usize| {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let name = format!("{number}.bin");
        let request = Request { file: name.as_bytes(), mode: Mode::Octet, options: Options::default() };
        socket.send_to(&Packet::Read(request).to_bytes(), place.listen.tftp).unwrap();
        socket
    };
    let clients: Vec<UdpSocket> = (0..4).map(ask).collect();
    clients[0].set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut room = [0; 1024];
    let mut served = Vec::new();
    while served.is_empty() {
        for (number, client) in clients.iter().enumerate() {
            client.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
            if let Ok((length, from)) = client.recv_from(&mut room) {
                assert!(length > 4, "no error is sent to who found no room");
                served.push((number, from));
            }
        }
        assert!(place.node().held_files() <= held);
    }
    // The one that is served ends its transfer: there is room again.
    let ended = Packet::Error { code: wire::tftp::ErrorCode::NotDefined, text: "enough".into() }.to_bytes();
    for (number, from) in served {
        clients[number].send_to(&ended, from).unwrap();
    }
    files_fixture::same(&retry(&place, "3.bin"), &content, "who asks again");
    assert!(place.node().held_files() <= held);
}

/// As a client that asks again while it is told that the server is busy.
fn retry(place: &Place, name: &str) -> Vec<u8> {
    place.http(name, &["--retry", "20"])
}
