//! The CTL client with real Security Tokens (SoftHSM2) against a node that runs: the list of the seed, and its refusals.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // tests may stop at the first surprise

#[path = "support/node.rs"]
mod node;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use node::Served;

const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
const ADDRESS: &str = "127.0.47.155";

struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, program: &str, arguments: &[&str], input: &str) -> Output {
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

    fn ringfence(&self, arguments: &[&str], input: &str) -> (Option<i32>, String) {
        let output = self.run(env!("CARGO_BIN_EXE_ringfence"), arguments, input);
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&text).into_owned())
    }

    fn token(&self, label: &str, serial: &str) {
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

    fn admin(&self, command: &str, input: &str) -> String {
        let (code, said) = self.ringfence(&["admin", "--data", "data", "-c", command], input);
        assert_eq!(code, Some(0), "{command}: {said}");
        said
    }

    fn client(&self, port: &str, fingerprint: &str, more: &[&str]) -> (Option<i32>, String) {
        let who = ["ctl-client", "--yes", "--server", ADDRESS, "--port", port, "--user", "ccmadmin"];
        let with =
            ["--password-file", "password", "--fingerprint", fingerprint, "--module", MODULE, "--pin-file", "pin"];
        self.ringfence(&[&who[..], &with, more].concat(), "")
    }

    fn ctl(&self, path: &str) -> Vec<u8> {
        std::fs::read(self.path(path)).unwrap()
    }
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
}

#[test]
fn tokens_sign_the_list_of_the_seed_and_the_nodes_keep_it_until_they_are_told_to_sign() {
    let desk = Desk { folder: tempfile::tempdir().unwrap() };
    std::fs::create_dir(desk.path("tokens")).unwrap();
    let tokens = desk.path("tokens");
    write(
        &desk.path("softhsm2.conf"),
        &format!("directories.tokendir = {}\nobjectstore.backend = file\n", tokens.display()),
    );
    write(&desk.path("pin"), "Cisco123\n");
    write(&desk.path("password"), "Secret12\n");
    let ca = desk.run(
        "openssl",
        &[
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-sha1",
            "-days",
            "7300",
            "-keyout",
            "ca.key",
            "-out",
            "ca.pem",
            "-subj",
            "/O=Cisco Systems/CN=Cisco Manufacturing CA",
        ],
        "",
    );
    assert!(ca.status.success(), "{ca:?}");
    desk.token("ADN008580ef", "31af455500000008e983");
    desk.token("ADN0054f509", "45daa2af00000027f93c");
    desk.token("ADN00stolen", "45daa2af00000027f93d");

    let data = desk.path("data");
    std::fs::create_dir(&data).unwrap();
    write(
        &data.join("ringfence.toml"),
        "[cluster]\nrelease = \"10.5\"\nname = \"cucm-1051-a-pub\"\naddress = \"127.0.47.155\"\ncountry = \"PL\"\n\
         organization = \"Cisco\"\nunit = \"TAC\"\nstate = \"Malopolska\"\nlocality = \"Krakow\"\n\
         [[cluster.subscriber]]\nname = \"cucm-1051-a-sub1\"\naddress = \"127.0.47.156\"\n",
    );
    let first = Served::start_at(ADDRESS, &data, &[], "0");
    assert!(!first.said.contains("  CTL "), "off until it is activated: {}", first.said);
    let said = desk.admin("set account name ccmadmin", "1\nSecret12\nSecret12\n");
    assert!(said.contains("Account successfully created") && !said.contains("Secret12"), "{said}");
    desk.admin("utils service activate Cisco CTL Provider", "");
    assert_eq!(first.stop().code(), Some(0));
    let node = Served::start_at(ADDRESS, &data, &[], "0");
    let line = node.said.lines().find(|line| line.trim_start().starts_with("CTL")).expect("it listens");
    let port = line.rsplit_once(':').unwrap().1.trim().to_owned();

    // A certificate that nobody expected hears no password.
    let (code, said) = desk.client(&port, &"00".repeat(32), &["--set", "mixed", "--token", "ADN008580ef"]);
    assert_eq!(code, Some(2), "{said}");
    let fingerprint = said.split("SHA-256 is ").nth(1).unwrap().split('.').next().unwrap().to_owned();

    let (code, said) = desk.client(&port, &fingerprint, &["--set", "mixed", "--token", "ADN008580ef"]);
    assert!(code == Some(1) && said.contains("at least 2 Security Tokens"), "{said}");
    let both = ["--set", "mixed", "--token", "ADN008580ef", "--token", "ADN0054f509"];
    let (code, said) = desk.client(&port, &fingerprint, &both);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(said.matches("Passed").count(), 2, "{said}");
    let ctl = desk.ctl("data/published/CTLFile.tlv");
    assert_eq!(ctl.len(), 5728, "the size of the seed");
    assert_eq!(ctl, desk.ctl("data/nodes/cucm-1051-a-sub1/published/CTLFile.tlv"));
    let (code, said) = desk.ringfence(&["verify", "data/published/CTLFile.tlv"], "");
    assert_eq!(code, Some(0), "{said}");
    let shown = desk.admin("show ctl", "");
    assert!(
        shown.contains("83:E9:08:00:00:00:55:45:AF:31\n") && shown.contains("3C:F9:27:00:00:00:AF:A2:DA:45\n"),
        "{shown}"
    );

    let refusal = "The Security Token you have inserted does not exist in the CTL File\n\
                   Please remove any Security Tokens already inserted and insert another\n\
                   Security Token. Click Ok when done.\n";
    let (code, said) = desk.client(&port, &fingerprint, &["--set", "update", "--token", "ADN00stolen"]);
    assert_eq!((code, said.as_str()), (Some(1), refusal));

    // Back to a CTL without tokens; from there no token may sign until the file is deleted.
    let (code, said) = desk.ringfence(&["admin", "--data", "data", "--yes", "-c", "utils ctl update CTLFile"], "");
    assert!(code == Some(0) && said.contains("CTL file Updated"), "{said}");
    assert_ne!(desk.ctl("data/published/CTLFile.tlv"), ctl);
    let (code, said) = desk.client(&port, &fingerprint, &["--set", "update", "--token", "ADN008580ef"]);
    assert_eq!((code, said.as_str()), (Some(1), refusal));
    desk.admin("file delete tftp CTLFile.tlv noconfirm", "");
    let (code, said) =
        desk.client(&port, &fingerprint, &["--set", "update", "--token", "ADN008580ef", "--token", "ADN0054f509"]);
    assert_eq!(code, Some(0), "{said}");
    let secure = "No CTL File exists on the server but the Call Manager Cluster Security Mode is in Secure Mode. \
                  For the system to function, you must create the CTL File and set Call Manager Cluster the Secure Mode.";
    assert!(said.contains(secure), "{said}");
    assert_eq!(desk.ctl("data/published/CTLFile.tlv").len(), 5728);
    assert_eq!(node.stop().code(), Some(0));
}
