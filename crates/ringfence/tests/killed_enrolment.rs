//! A node is killed at each of its writes while a phone enrols; the next boot of the phone ends well, and no certificate is
//! unknown.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // tests may stop at the first surprise

#[path = "support/node.rs"]
mod node;

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use node::{Served, run};
use pki::Certificate;

const PHONE: &str = "SEP020000000001";

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn data(&self) -> PathBuf {
        self.file("data")
    }

    fn ringfence(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringfence"));
        command.env("RINGFENCE_DATA", self.data()).args(arguments).output().unwrap()
    }

    fn admin(&self, command: &str) {
        let output = self.ringfence(&["admin", "--yes", "-c", command]);
        assert!(output.status.success(), "{command}: {output:?}");
    }

    /// From now on points are counted, and the one with this number kills; 0 kills nobody.
    fn arm(&self, last: usize) {
        std::fs::write(self.file("fault"), last.to_string()).unwrap();
    }

    /// The points that were passed since then.
    fn disarm(&self) -> Vec<String> {
        std::fs::remove_file(self.file("fault")).unwrap();
        let passed = self.file("fault.passed");
        let names = std::fs::read_to_string(&passed).unwrap_or_default().lines().map(str::to_owned).collect();
        drop(std::fs::remove_file(passed));
        names
    }

    /// One boot of the phone. Whether it ended trusted.
    fn boot(&self, node: &Served) -> bool {
        let (http, tftp, state) = (node.http.to_string(), node.tftp.to_string(), self.file("phone"));
        let output = self.ringfence(&[
            "phone",
            "--server",
            "127.0.0.1",
            "--http-port",
            &http,
            "--tftp-port",
            &tftp,
            "--host",
            "node1=127.0.0.1",
            "--mac",
            &PHONE[3..],
            "--state",
            state.to_str().unwrap(),
        ]);
        output.status.code() == Some(0)
    }

    fn rows(&self, sql: &str) -> String {
        let database = self.data().join("ringfence.db");
        let output = run("sqlite3", "sqlite3", &[database.to_str().unwrap(), sql]);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What the phone holds, if anything.
    fn held(&self) -> Option<Certificate> {
        let found = find(&self.file("phone"), "lsc.pem")?;
        Some(Certificate::from_pem(&std::fs::read(found).unwrap()).unwrap())
    }

    /// What must hold whenever: the database is whole, and what the phone holds is on record.
    fn check(&self) {
        assert_eq!(self.rows("PRAGMA integrity_check"), "ok\n");
        if let Some(held) = self.held() {
            let sql = format!("SELECT count(*) FROM lsc WHERE fingerprint = '{}'", hex::encode(held.sha256()));
            assert_eq!(self.rows(&sql), "1\n", "what the phone holds is on record");
        }
    }
}

fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    std::fs::read_dir(folder).ok()?.find_map(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() { find(&path, name) } else { path.ends_with(name).then_some(path) }
    })
}

/// Enrols a phone once for each write of an enrolment, and kills the node at that write.
fn killed_at_each_write(schedule: &str, least: usize) {
    let place = Place { folder: tempfile::tempdir().unwrap() };
    let fault = place.file("fault");
    let node = Served::start_armed(&place.data(), &fault);
    let added = place.ringfence(&["device", "add", PHONE, "--model", "8861"]);
    assert!(added.status.success(), "{added:?}");
    // The phone has its lists, its config and a first LSC, so that the rest is the enrolment alone.
    place.admin(&format!("utils capf device schedule {PHONE} install null"));
    place.wait_for_config(&node);
    place.boot(&node);
    assert!(place.boot(&node) && place.held().is_some());
    let mut node = Some(node);

    let mut last = 0;
    let mut writes = usize::MAX;
    while last <= writes {
        let served = node.take().unwrap_or_else(|| Served::start_armed(&place.data(), &fault));
        place.admin(&format!("utils capf device schedule {PHONE} {schedule}"));
        place.wait_for_config(&served);
        place.arm(last);
        let ended_well = place.boot(&served);
        if last == 0 {
            let passed = place.disarm();
            let log = std::fs::read_to_string(place.data().join("log/capf.log")).unwrap();
            assert!(ended_well, "without a kill the phone enrols: {log}");
            writes = passed.len();
            assert!(writes >= least, "{passed:?}");
            place.check();
            node = Some(served);
        } else {
            let status = served.wait();
            assert_eq!(status.signal(), Some(9), "write {last} of {writes}: {status:?}");
            let passed = place.disarm();
            place.check();
            let served = Served::start_armed(&place.data(), &fault);
            place.boot(&served);
            assert!(place.boot(&served), "killed {}", passed.last().unwrap());
            place.check();
            assert_eq!(served.stop().code(), Some(0));
        }
        let current = place.rows("SELECT fingerprint FROM lsc WHERE tklscstate = 3");
        assert_eq!(current.lines().collect::<Vec<_>>(), [hex::encode(place.held().unwrap().sha256())]);
        assert_eq!(place.rows("SELECT tkcertificateoperation, tkcertificatestatus FROM device"), "1|3\n");
        last += 1;
    }
}

impl Place {
    /// Until the config that is served says that something is scheduled.
    fn wait_for_config(&self, node: &Served) {
        let url = format!("http://127.0.0.1:{}/{PHONE}.cnf.xml", node.http);
        let patience = std::time::Instant::now() + std::time::Duration::from_secs(20);
        loop {
            let config = String::from_utf8(run("curl", "curl", &["-s", &url]).stdout).unwrap();
            if config.contains("<capfAuthMode>") && !config.contains("<capfAuthMode>0<") {
                return;
            }
            assert!(std::time::Instant::now() < patience, "not within 20 s: {config}");
        }
    }
}

#[test]
fn by_null_string() {
    killed_at_each_write("install null", 6);
}

#[test]
fn by_the_lsc_it_has() {
    killed_at_each_write("install lsc", 6);
}
