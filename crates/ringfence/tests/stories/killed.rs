//! A process that is killed in the middle of a change leaves a cluster that opens, whose lists verify, whose keys are there.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::node::{Served, run};
use pki::Certificate;
use pki::verify::check_against_itself;
use wire::trust_list::TrustList;

/// Runs a shell command on the cluster and kills it after a while. Whether it ended by itself before.
fn killed_after(data: &Path, command: &str, after: Duration) -> bool {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ringfence"))
        .args(["admin", "--data", data.to_str().unwrap(), "-c", command, "--yes"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let started = Instant::now();
    while started.elapsed() < after {
        if child.try_wait().unwrap().is_some() {
            return true;
        }
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    false
}

/// What must hold whenever: the database is whole, every own certificate has its key, every published list verifies and no
/// file is half written.
fn check(data: &Path) {
    let database = data.join("ringfence.db");
    let integrity = run("sqlite3", "sqlite3", &[database.to_str().unwrap(), "PRAGMA integrity_check"]);
    assert_eq!(integrity.stdout, b"ok\n", "{integrity:?}");
    let sql = "select certificate from certificate join certificateservicecertificatemap on fkcertificate = certificate.pkid \
               join typecertificateservice on enum = tkcertificateservice where usestruststore = 'f'";
    let pems = String::from_utf8(run("sqlite3", "sqlite3", &[database.to_str().unwrap(), sql]).stdout).unwrap();
    let own: Vec<&str> =
        pems.split_inclusive("-----END CERTIFICATE-----").filter(|pem| pem.contains("BEGIN")).collect();
    assert_eq!(own.len(), 6, "one own certificate for each unit");
    for pem in own {
        let certificate = Certificate::from_pem(pem.as_bytes()).unwrap();
        let key = data.join("keys").join(format!("{}.pem", hex::encode(certificate.key_id())));
        assert!(key.exists(), "the key of {certificate:?} is there");
    }
    for name in ["ITLFile.tlv", "CTLFile.tlv"] {
        if let Ok(bytes) = std::fs::read(data.join("published").join(name)) {
            let list = TrustList::decode(bytes).unwrap();
            assert!(check_against_itself(&list).verdict.is_valid(), "{name}");
        }
    }
}

#[test]
fn at_any_moment_of_a_change() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    // Release 10.5 renews with 2048 bits and begins with 1024: each list changes its size.
    assert_eq!(Served::start(&data, &["--release", "10.5"]).stop().code(), Some(0));
    check(&data);
    let commands = [
        "utils ctl set-cluster mixed-mode",
        "set cert regen CallManager",
        "utils ctl update CTLFile",
        "utils ctl set-cluster non-secure-mode",
    ];
    for command in commands {
        // From before the first write to after the last one, in steps that are shorter than each of them.
        let mut after = Duration::from_millis(4);
        let mut kills = 0;
        while !killed_after(&data, command, after) {
            check(&data);
            kills += 1;
            after += after / 6 + Duration::from_millis(1);
        }
        assert!(kills > 3, "{command} ended before it could be killed");
        check(&data);
    }
    // And the cluster still serves.
    let node = Served::start(&data, &[]);
    let itl = run("curl", "curl", &["-sf", &format!("http://127.0.0.1:{}/ITLFile.tlv", node.http)]).stdout;
    assert!(check_against_itself(&TrustList::decode(itl).unwrap()).verdict.is_valid());
    assert_eq!(node.stop().code(), Some(0));
}

#[test]
fn at_any_moment_of_the_first_start() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut after = Duration::from_millis(2);
    loop {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ringfence"))
            .args(["serve", "--release", "10.5", "--listen", "127.0.0.1", "--tftp-port", "0", "--http-port", "0"])
            .args(["--name", "node1", "--address", "127.0.0.1"])
            .args(["--tvs-port", &crate::support::node::free_port().to_string(), "--data", data.to_str().unwrap()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let started = Instant::now();
        while started.elapsed() < after {
            assert!(child.try_wait().unwrap().is_none(), "serve never ends by itself, whatever was left behind");
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        if data.join("published/ITLFile.tlv").exists() {
            break;
        }
        after += after / 3 + Duration::from_millis(1);
    }
    let node = Served::start(&data, &[]);
    check(&data);
    assert_eq!(node.stop().code(), Some(0));
}
