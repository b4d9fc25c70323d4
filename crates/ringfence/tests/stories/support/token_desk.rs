//! Security Tokens (SoftHSM2) and a cluster for the tests of the CTL client.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::support::node::Served;

/// The PKCS#11 module of the tokens.
pub const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
/// Where the publisher serves.
pub const ADDRESS: &str = "127.0.47.155";

/// The place of an administrator: tokens, password files, and the data of a cluster of two nodes.
pub struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    /// With three tokens that one CA made; the third belongs to nobody.
    pub fn new() -> Self {
        let desk = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::create_dir(desk.path("tokens")).unwrap();
        let tokens = desk.path("tokens");
        let settings = format!("directories.tokendir = {}\nobjectstore.backend = file\n", tokens.display());
        write(&desk.path("softhsm2.conf"), &settings);
        write(&desk.path("pin"), "Cisco123\n");
        write(&desk.path("password"), "Secret12\n");
        desk.self_signed("ca", &["-sha1", "-subj", "/O=Cisco Systems/CN=Cisco Manufacturing CA"]);
        desk.token("ADN008580ef", "31af455500000008e983");
        desk.token("ADN0054f509", "45daa2af00000027f93c");
        desk.token("ADN00stolen", "45daa2af00000027f93d");
        desk
    }

    /// A certificate and its key made by OpenSSL: `NAME.pem`, `NAME.key`.
    pub fn self_signed(&self, name: &str, options: &[&str]) {
        let (key, certificate) = (format!("{name}.key"), format!("{name}.pem"));
        let request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "7300"];
        let files = ["-keyout", &key, "-out", &certificate];
        let made = self.run("openssl", &[&request[..], &files, options].concat(), "");
        assert!(made.status.success(), "{made:?}");
    }

    /// The publisher with an account and the provider activated, and the port of that.
    pub fn serve(&self) -> (Served, String) {
        let data = self.path("data");
        std::fs::create_dir(&data).unwrap();
        write(
            &data.join("ringfence.toml"),
            "[cluster]\nrelease = \"10.5\"\nupgraded_from = \"9.1\"\nname = \"cucm-1051-a-pub\"\naddress = \"127.0.47.155\"\ncountry = \"PL\"\n\
             organization = \"Cisco\"\nunit = \"TAC\"\nstate = \"Malopolska\"\nlocality = \"Krakow\"\n\
             [[cluster.subscriber]]\nname = \"cucm-1051-a-sub1\"\naddress = \"127.0.47.156\"\n",
        );
        let first = Served::start_at(ADDRESS, &data, &[], "0");
        assert!(!first.said.contains("  CTL "), "off until it is activated: {}", first.said);
        let said = self.admin("set account name ccmadmin", "1\nSecret12\nSecret12\n");
        assert!(said.contains("Account successfully created") && !said.contains("Secret12"), "{said}");
        self.admin("utils service activate Cisco CTL Provider", "");
        assert_eq!(first.stop().code(), Some(0));
        let node = Served::start_at(ADDRESS, &data, &[], "0");
        let line = node.said.lines().find(|line| line.trim_start().starts_with("CTL")).expect("it listens");
        let port = line.rsplit_once(':').unwrap().1.trim().to_owned();
        (node, port)
    }

    /// The program with arguments, for a terminal.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringfence"));
        command.args(arguments).current_dir(self.folder.path()).env("SOFTHSM2_CONF", self.path("softhsm2.conf"));
        command
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn run(&self, program: &str, arguments: &[&str], input: &str) -> Output {
        let mut child = Command::new(program)
            .args(arguments)
            .current_dir(self.folder.path())
            .env("SOFTHSM2_CONF", self.path("softhsm2.conf"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    pub fn ringfence(&self, arguments: &[&str], input: &str) -> (Option<i32>, String) {
        let output = self.run(env!("CARGO_BIN_EXE_ringfence"), arguments, input);
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&text).into_owned())
    }

    pub fn token(&self, label: &str, serial: &str) {
        let done = self.run(
            "softhsm2-util",
            &["--init-token", "--free", "--label", label, "--so-pin", "87654321", "--pin", "Cisco123"],
            "",
        );
        assert!(done.status.success(), "{done:?}");
        let name = format!("SAST-{label}");
        let what = ["token", "prepare", "--module", MODULE, "--token", label, "--pin-file", "pin", "--name", &name];
        let (code, said) = self.ringfence(
            &[&what[..], &["--serial", serial, "--size", "902", "--ca", "ca.pem", "--ca-key", "ca.key"]].concat(),
            "",
        );
        assert_eq!(code, Some(0), "{said}");
    }

    pub fn admin(&self, command: &str, input: &str) -> String {
        let (code, said) = self.ringfence(&["admin", "--data", "data", "-c", command], input);
        assert_eq!(code, Some(0), "{command}: {said}");
        said
    }

    pub fn client(&self, port: &str, fingerprint: &str, more: &[&str]) -> (Option<i32>, String) {
        let who = ["ctl-client", "--yes", "--server", ADDRESS, "--port", port, "--user", "ccmadmin"];
        let with =
            ["--password-file", "password", "--fingerprint", fingerprint, "--module", MODULE, "--pin-file", "pin"];
        self.ringfence(&[&who[..], &with, more].concat(), "")
    }

    pub fn ctl(&self, path: &str) -> Vec<u8> {
        std::fs::read(self.path(path)).unwrap()
    }
}

pub fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
}
