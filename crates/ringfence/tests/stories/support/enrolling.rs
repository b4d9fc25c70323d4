//! A cluster on disk, a node that serves it and one phone, each a process of its own: for the stories of enrolment.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use pki::Certificate;

use crate::support::node::{Served, run};

/// The phone.
pub const PHONE: &str = "SEP020000000001";

/// A cluster, a phone and their files.
pub struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    /// A folder for both.
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn data(&self) -> PathBuf {
        self.file("data")
    }

    pub fn ringfence(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringfence"));
        command.env("RINGFENCE_DATA", self.data()).args(arguments).output().unwrap()
    }

    /// What a command of the shell says when it is done.
    pub fn admin(&self, command: &str) -> String {
        let output = self.ringfence(&["admin", "--yes", "-c", command]);
        assert!(output.status.success(), "{command}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What a command of the shell says when it is refused.
    pub fn refused(&self, command: &str) -> String {
        let output = self.ringfence(&["admin", "--yes", "-c", command]);
        assert_eq!(output.status.code(), Some(1), "{command}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Makes the phone known.
    pub fn add_phone(&self) {
        let added = self.ringfence(&["device", "add", PHONE, "--model", "8861"]);
        assert!(added.status.success(), "{added:?}");
    }

    /// One boot of the phone. Whether it ended trusted.
    pub fn boot(&self, node: &Served) -> bool {
        self.boot_with(node, &[])
    }

    /// The same with more options.
    pub fn boot_with(&self, node: &Served, more: &[&str]) -> bool {
        let (http, tftp, state) = (node.http.to_string(), node.tftp.to_string(), self.file("phone"));
        let options = [
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
        ];
        let output = self.ringfence(&[&options[..], more].concat());
        output.status.code() == Some(0)
    }

    pub fn rows(&self, sql: &str) -> String {
        let database = self.data().join("ringfence.db");
        let output = run("sqlite3", "sqlite3", &[database.to_str().unwrap(), sql]);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What the phone holds, if anything.
    pub fn held(&self) -> Option<Certificate> {
        let found = self.found("lsc.pem")?;
        Some(Certificate::from_pem(&std::fs::read(found).unwrap()).unwrap())
    }

    /// A file of the phone.
    pub fn found(&self, name: &str) -> Option<PathBuf> {
        find(&self.file("phone"), name)
    }

    /// SHA-256 of the LSCs that are current.
    pub fn current(&self) -> Vec<String> {
        let rows = self.rows("SELECT fingerprint FROM lsc WHERE tklscstate = 3");
        rows.lines().map(str::to_owned).collect()
    }

    /// Until the config that is served says that something is scheduled.
    pub fn wait_for_config(&self, node: &Served) {
        self.wait_until_config(node, "something is scheduled", |config| {
            config.contains("<capfAuthMode>") && !config.contains("<capfAuthMode>0<")
        });
    }

    /// Until the signed config, or the stub of an encrypted one, is as wanted.
    pub fn wait_until_config(&self, node: &Served, wanted: &str, fits: impl Fn(&str) -> bool) {
        let url = format!("http://127.0.0.1:{}/{PHONE}.cnf.xml.sgn", node.http);
        let patience = std::time::Instant::now() + std::time::Duration::from_secs(20);
        loop {
            let config = String::from_utf8_lossy(&run("curl", "curl", &["-s", &url]).stdout).into_owned();
            if fits(&config) {
                return;
            }
            assert!(std::time::Instant::now() < patience, "{wanted}: not within 20 s: {config}");
        }
    }
}

fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    std::fs::read_dir(folder).ok()?.find_map(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() { find(&path, name) } else { path.ends_with(name).then_some(path) }
    })
}
