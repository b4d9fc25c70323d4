//! A command that has returned is done: whoever asks the node then gets what was changed. Nothing here waits or asks twice.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use crate::support::node::{Served, run};
use nix::sys::signal::Signal;
use wire::trust_list::TrustList;

const PHONE: &str = "SEP020000000001";

/// A cluster of which nothing runs yet.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn ringfence(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringfence"));
        command.env("RINGFENCE_DATA", self.data()).args(arguments).output().unwrap()
    }

    fn done(&self, arguments: &[&str]) -> String {
        let output = self.ringfence(arguments);
        assert!(output.status.success() && output.stderr.is_empty(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn admin(&self, command: &str) -> String {
        self.done(&["admin", "--yes", "-c", command])
    }

    /// A file in the folder, for an option.
    fn file(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

/// What a node answers to a name; `None` when it has nothing under it.
fn fetch(address: &str, port: u16, name: &str) -> Option<Vec<u8>> {
    let output = run("curl", "curl", &["-sf", &format!("http://{address}:{port}/{name}")]);
    output.status.success().then_some(output.stdout)
}

fn config(node: &Served, phone: &str) -> Option<String> {
    let file = fetch("127.0.0.1", node.http, &format!("{phone}.cnf.xml.sgn"))?;
    Some(String::from_utf8_lossy(&file).into_owned())
}

#[test]
fn phones_come_and_go() {
    let place = Place::new();
    let node = Served::start(&place.data(), &[]);
    for _ in 0..5 {
        place.done(&["device", "add", PHONE, "--model", "8861"]);
        assert!(config(&node, PHONE).is_some(), "added");
        place.done(&["device", "remove", PHONE]);
        assert!(config(&node, PHONE).is_none(), "removed");
    }
    let list: String = (0..300).map(|number| format!("SEP0200000{number:05}\n")).collect();
    place.done(&["device", "import", &place.file("phones.csv", list.as_bytes())]);
    for number in [0, 150, 299] {
        assert!(config(&node, &format!("SEP0200000{number:05}")).is_some(), "{number} of an import");
    }
    assert_eq!(node.stop().code(), Some(0));
}

#[test]
fn a_phone_boots_right_behind_its_command() {
    let place = Place::new();
    let node = Served::start(&place.data(), &[]);
    place.done(&["device", "add", PHONE, "--model", "8861"]);
    let (http, tftp) = (node.http.to_string(), node.tftp.to_string());
    let state = place.folder.path().join("phone");
    let boot = ["phone", "--server", "127.0.0.1", "--http-port", &http, "--tftp-port", &tftp, "--host"];
    let more = ["node1=127.0.0.1", "--mac", &PHONE[3..], "--state", state.to_str().unwrap()];
    let phone = place.ringfence(&[&boot[..], &more].concat());
    assert_eq!(phone.status.code(), Some(0), "{phone:?}");
    // And what it did is there for whoever reads it right behind.
    let status = place.admin("show itl status");
    let line = status.lines().find(|line| line.contains(PHONE)).unwrap_or_else(|| panic!("{status}"));
    assert!(line.contains("Match") && !line.contains("MisMatch"), "{line}");
    assert_eq!(node.stop().code(), Some(0));
}

#[test]
fn whoever_asked_in_vain_is_listed() {
    let place = Place::new();
    let node = Served::start(&place.data(), &[]);
    for number in 0..5 {
        let name = format!("SEP02000000010{number}");
        assert!(config(&node, &name).is_none());
        let listed = place.done(&["device", "list", "--unknown"]);
        assert!(listed.contains(&name), "{name}: {listed}");
    }
    assert_eq!(node.stop().code(), Some(0));
}

#[test]
fn schedules_rollback_and_trust() {
    let place = Place::new();
    let node = Served::start(&place.data(), &[]);
    place.done(&["device", "add", PHONE, "--model", "8861"]);
    let scheduled =
        |mode: &str| config(&node, PHONE).unwrap().contains(&format!("<capfAuthMode>{mode}</capfAuthMode>"));
    place.admin(&format!("utils capf device schedule {PHONE} install null"));
    assert!(scheduled("2"), "{:?}", config(&node, PHONE));
    place.admin(&format!("utils capf device cancel {PHONE}"));
    assert!(!scheduled("2"));

    let records = || TrustList::decode(fetch("127.0.0.1", node.http, "ITLFile.tlv").unwrap()).unwrap();
    let full = records();
    place.admin("set rollback enable");
    assert_ne!(records(), full, "a blank one");
    place.admin("set rollback disable");
    let named = |list: &TrustList| list.records().filter_map(|record| record.certificate_hash().map(|_| ())).count();
    assert_eq!(named(&records()), named(&full), "the TVS record is back");

    let key = place.folder.path().join("web.key");
    let pem = place.folder.path().join("web.pem");
    let (key, pem) = (key.to_str().unwrap(), pem.to_str().unwrap());
    let make = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=web", "-keyout", key, "-out", pem];
    assert!(run("openssl", "openssl", &make).status.success());
    let server = format!("127.0.0.1:{}", node.tvs);
    let asked = || place.ringfence(&["tvs", "verify", pem, "--server", &server]).status.code();
    assert_eq!(asked(), Some(1), "nobody has heard of it");
    place.admin(&format!("set cert import trust tomcat-trust {pem}"));
    assert_eq!(asked(), Some(0));
    assert_eq!(node.stop().code(), Some(0));
}

fn two_nodes(data: &Path) -> (Served, Served) {
    let more = ["--subscriber", "node2=127.0.0.2"];
    let first = Served::start(data, &more);
    let second = Served::start_at("127.0.0.2", data, &["--node", "node2"], &first.tvs.to_string());
    (first, second)
}

#[test]
fn every_node_that_runs_is_waited_for() {
    let place = Place::new();
    let (first, second) = two_nodes(&place.data());
    let serves = |number: u8| {
        let name = format!("SEP02000000000{number}.cnf.xml.sgn");
        [("127.0.0.1", first.http), ("127.0.0.2", second.http)].map(|(at, port)| fetch(at, port, &name).is_some())
    };
    for number in 1..6 {
        place.done(&["device", "add", &format!("SEP02000000000{number}")]);
        assert_eq!(serves(number), [true, true]);
    }
    // Who ran once is not waited for.
    assert_eq!(second.stop().code(), Some(0));
    let begun = Instant::now();
    place.done(&["device", "add", "SEP020000000007"]);
    assert!(begun.elapsed() < daemon::following::PATIENCE, "{:?}", begun.elapsed());
    assert_eq!(first.stop().code(), Some(0));
}

#[test]
fn a_node_that_does_not_follow_is_named() {
    let place = Place::new();
    let (first, second) = two_nodes(&place.data());
    second.signal(Signal::SIGSTOP);
    let begun = Instant::now();
    let added = place.ringfence(&["device", "add", PHONE]);
    assert!(begun.elapsed() >= Duration::from_secs(5));
    let said = String::from_utf8(added.stderr).unwrap();
    assert_eq!(added.status.code(), Some(0), "the change is made: {said}");
    assert!(said.contains("node2 did not take it over within 5 seconds") && !said.contains("node1"), "{said}");
    assert!(config(&first, PHONE).is_some());
    second.signal(Signal::SIGCONT);
    place.done(&["device", "add", "SEP020000000002"]);
    assert!(fetch("127.0.0.2", second.http, &format!("{PHONE}.cnf.xml.sgn")).is_some(), "and what it missed");
    assert_eq!((second.stop().code(), first.stop().code()), (Some(0), Some(0)));
}

#[test]
fn one_process_serves_a_node() {
    let place = Place::new();
    let node = Served::start(&place.data(), &[]);
    let second = place.ringfence(&["serve", "--listen", "127.0.0.1", "--tftp-port", "0", "--http-port", "0"]);
    assert_eq!(second.status.code(), Some(2));
    let said = String::from_utf8(second.stderr).unwrap();
    assert!(said.starts_with(&format!("node1 is served by process {} (", node.id())), "{said}");
    // One that was killed leaves nothing that the next has to wait for.
    node.signal(Signal::SIGKILL);
    drop(node);
    place.done(&["device", "add", PHONE]);
    assert_eq!(Served::start(&place.data(), &[]).stop().code(), Some(0));
}
