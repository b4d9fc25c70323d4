//! `ringfence serve` as a user meets it: first start, second start, the end, and everything that can stop it from starting.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // tests may stop at the first surprise

#[path = "support/node.rs"]
mod node;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use node::{Served, run};

fn fetch(port: u16, name: &str) -> Vec<u8> {
    let output = run("curl", "curl", &["-sf", &format!("http://127.0.0.1:{port}/{name}")]);
    assert!(output.status.success(), "{name}: {output:?}");
    output.stdout
}

/// All files below a directory with their bytes, the database and its companions left out: their bytes move.
fn files(root: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().display().to_string();
            if path.is_dir() {
                folders.push(path);
            } else if !name.starts_with("ringfence.db") && !name.starts_with("log/") {
                all.push((name, std::fs::read(&path).unwrap()));
            }
        }
    }
    all.sort();
    all
}

fn refused(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_ringfence")).arg("serve").args(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<&str> = said.lines().filter(|line| !line.starts_with("First start")).collect();
    assert_eq!(lines.len(), 1, "one clear line: {said}");
    lines[0].to_owned()
}

#[test]
fn lives_through_two_starts() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let node = Served::start(&data, &[]);
    assert!(node.said.lines().count() < 24, "under a screen: {}", node.said);
    let itl = fetch(node.http, "ITLFile.tlv");
    assert_eq!(itl, fetch(node.http, "itlSEP001122334455.TLV"), "under the name of each phone, without case");
    let missing = run(
        "curl",
        "curl",
        &["-s", "-o", "/dev/null", "-w", "%{http_code}", &format!("http://127.0.0.1:{}/CTLFile.tlv", node.http)],
    );
    assert_eq!(missing.stdout, b"404");
    // sqlite3 reads the tables while the node runs.
    let database = data.join("ringfence.db");
    let sql = "select name from typecertificateservice where enum = 14";
    let answer = run("sqlite3", "sqlite3", &[database.to_str().unwrap(), sql]);
    assert_eq!(answer.stdout, b"Phone-SAST-trust\n", "{answer:?}");
    let started = Instant::now();
    assert_eq!(node.stop().code(), Some(0));
    assert!(started.elapsed() < Duration::from_secs(5), "drained within five seconds");

    let before = files(&data);
    assert!(before.iter().any(|(name, _)| name == "published/ITLFile.tlv"));
    let keys: Vec<&String> = before.iter().map(|(name, _)| name).filter(|name| name.starts_with("keys/")).collect();
    assert_eq!(keys.len(), 8, "a key for each of the six units, EC keys of CallManager and tomcat (release 15)");
    let node = Served::start(&data, &[]);
    assert_eq!(fetch(node.http, "ITLFile.tlv"), itl);
    assert_eq!(node.stop().code(), Some(0));
    assert_eq!(files(&data), before, "a second start finds everything unchanged");
}

#[test]
fn keys_are_nobody_elses() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let node = Served::start(&data, &[]);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data.join("keys")), 0o700);
    for entry in std::fs::read_dir(data.join("keys")).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
    }
    assert_eq!(node.stop().code(), Some(0));
}

#[test]
fn a_port_in_use_is_one_clear_line() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let first = Served::start(&data, &[]);
    assert_eq!(first.stop().code(), Some(0));
    let before = files(&data);
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let data = data.to_str().unwrap();
    let said = refused(&["--data", data, "--listen", "127.0.0.1", "--tftp-port", "0", "--http-port", &port]);
    assert!(said.contains(&port) && said.contains("in use") && said.contains("configure another port"), "{said}");
    assert_eq!(files(Path::new(data)), before, "nothing altered");
}

#[test]
fn a_damaged_database_is_one_clear_line() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    assert_eq!(Served::start(&data, &[]).stop().code(), Some(0));
    let database = data.join("ringfence.db");
    let mut bytes = std::fs::read(&database).unwrap();
    for byte in &mut bytes[..100] {
        *byte = 0x5A;
    }
    std::fs::write(&database, &bytes).unwrap();
    let said = refused(&["--data", data.to_str().unwrap()]);
    assert!(said.contains("database"), "{said}");
    assert_eq!(std::fs::read(&database).unwrap(), bytes, "nothing altered");
}

#[test]
fn a_directory_that_cannot_be_written_is_one_clear_line() {
    let said = refused(&["--data", "/proc/ringfence"]);
    assert!(said.contains("/proc/ringfence") && said.contains("cannot be made"), "{said}");
    let file = tempfile::NamedTempFile::new().unwrap();
    let below = file.path().join("data");
    let said = refused(&["--data", below.to_str().unwrap()]);
    assert!(said.contains("cannot be"), "{said}");
}

#[test]
fn unknown_settings_refuse_the_start() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ringfence.toml"), "[phones]\nlegacy_tsl = true\n").unwrap();
    let said = refused(&["--data", folder.path().to_str().unwrap()]);
    assert!(said.contains("legacy_tsl") && said.contains("ringfence.toml"), "{said}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing made");
}

#[test]
fn an_unknown_release_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let said = refused(&["--data", data.to_str().unwrap(), "--release", "3.1"]);
    assert!(said.contains("3.1") && said.contains("9.1, 10.5, 11.5, 12.5, 14, 15"), "{said}");
    assert!(!data.exists());
}

#[test]
fn a_lost_database_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    assert_eq!(Served::start(&data, &[]).stop().code(), Some(0));
    let list = std::fs::read(data.join("published/ITLFile.tlv")).unwrap();
    let database = data.join("ringfence.db");
    for lost in [true, false] {
        std::fs::remove_file(&database).unwrap();
        if !lost {
            std::fs::write(&database, b"").unwrap();
        }
        let said = refused(&["--data", data.to_str().unwrap()]);
        assert!(said.contains("ringfence.db is missing or empty") && said.contains("restore the database"), "{said}");
        assert_eq!(std::fs::read(data.join("published/ITLFile.tlv")).unwrap(), list, "phones hold this list");
        std::fs::write(&database, b"").unwrap();
    }
}

#[test]
fn a_first_start_that_cannot_serve_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let base = ["--data", data.to_str().unwrap(), "--listen", "127.0.0.1", "--tftp-port", "0", "--http-port"];
    let said = refused(&[&base[..], &[port.as_str(), "--tvs-port", "0"]].concat());
    assert!(said.contains("in use"), "{said}");
    let said = refused(&[&base[..], &["0", "--tvs-port", "0", "--tftpboot", "/nonexistent"]].concat());
    assert!(said.contains("/nonexistent"), "{said}");
    for (option, value) in [("--address", "0.0.0.0"), ("--domain", "x/../y"), ("--subscriber", "node1=127.0.0.1")] {
        let more = ["0", "--tvs-port", "0", "--name", "node1", "--address", "127.0.0.1"];
        let more = if option == "--address" { &more[..5] } else { &more[..] };
        let said = refused(&[&base[..], more, &[option, value]].concat());
        assert!(!said.is_empty());
    }
    assert!(!data.join("ringfence.db").exists() && !data.join("ringfence.toml").exists(), "nothing made");
}

#[test]
fn a_subscriber_serves_its_own_list() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let node = Served::start(&data, &["--subscriber", "node2=127.0.0.2"]);
    let port = node.tvs.to_string();
    let itl = fetch(node.http, "ITLFile.tlv");
    assert_eq!(node.stop().code(), Some(0));
    let second = Served::start_at("127.0.0.2", &data, &["--node", "NODE2"], &port);
    let output = run("curl", "curl", &["-sf", &format!("http://127.0.0.2:{}/ITLFile.tlv", second.http)]);
    assert!(output.status.success() && output.stdout != itl, "each TFTP node has an ITL of its own");
    assert_eq!(second.stop().code(), Some(0));
    let other = node::free_port().to_string();
    let said = refused(&[
        "--data",
        data.to_str().unwrap(),
        "--node",
        "node2",
        "--tvs-port",
        &other,
        "--http-port",
        "0",
        "--tftp-port",
        "0",
    ]);
    assert!(said.contains(&format!("listens on port {port}")), "{said}");
}
