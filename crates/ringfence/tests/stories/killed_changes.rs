//! An administrator's command is killed at each of its writes. What is found after a restart is the old state or the new one, keys
//! and certificates in pairs, the lists in step with them, and every file that nothing uses is listed and can be collected.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, SystemTime};

use crate::support::company::Company;
use crate::support::node::{Served, run};
use pki::Certificate;
use pki::request::CertificateRequest;
use pki::verify::check_against_itself;
use wire::trust_list::TrustList;

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

    fn admin(&self, command: &str, armed: bool) -> Output {
        self.admin_on("node1", command, armed)
    }

    fn admin_on(&self, node: &str, command: &str, armed: bool) -> Output {
        let mut program = Command::new(env!("CARGO_BIN_EXE_ringfence"));
        program.args(["admin", "--data", self.data().to_str().unwrap(), "--node", node, "--yes", "-c", command]);
        if armed {
            program.env("RINGFENCE_FAULT", self.file("fault"));
        }
        program.output().unwrap()
    }

    fn said(&self, command: &str) -> String {
        self.said_on("node1", command)
    }

    fn said_on(&self, node: &str, command: &str) -> String {
        let output = self.admin_on(node, command, false);
        assert!(output.status.success(), "{command}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Begins again with a copy of the data directory as it was prepared.
    fn reset(&self) {
        drop(std::fs::remove_dir_all(self.data()));
        drop(std::fs::remove_file(self.file("fault.passed")));
        let copied = run("cp", "cp", &["-a", self.file("prepared").to_str().unwrap(), self.data().to_str().unwrap()]);
        assert!(copied.status.success());
    }

    fn own(&self, unit: &str) -> Certificate {
        Certificate::from_pem(pem(&self.said(&format!("show cert own {unit}"))).as_bytes()).unwrap()
    }

    fn list(&self, name: &str) -> TrustList {
        TrustList::decode(std::fs::read(self.data().join("published").join(name)).unwrap()).unwrap()
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.data().join(folder)).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// What must hold after a restart.
    fn check(&self) {
        let log = Served::start(&self.data(), &[]).stop();
        assert_eq!(log.code(), Some(0));
        let mut keys = Vec::new();
        for unit in ["tomcat", "ipsec", "ITLRecovery", "CallManager", "CAPF", "TVS"] {
            keys.push(format!("{}.pem", hex::encode(self.own(unit).key_id())));
        }
        let waiting = self.said("show csr own CallManager rfc7468");
        if waiting.starts_with("-----BEGIN") {
            let request = CertificateRequest::from_pem(waiting.as_bytes()).unwrap();
            keys.push(format!("{}.pem", hex::encode(request.key_id())));
        }
        let there = self.names("keys");
        assert!(keys.iter().all(|key| there.contains(key)), "each own certificate has its key");
        let (itl, ctl) = (self.list("ITLFile.tlv"), self.list("CTLFile.tlv"));
        for list in [&itl, &ctl] {
            assert!(check_against_itself(list).verdict.is_valid());
        }
        let signer = self.own("CallManager");
        assert!(itl.records().any(|record| record.certificate() == Some(signer.der())), "the ITL is in step");

        // every file that is not a key in use is listed, and with the time it goes
        let listed = self.said("utils key list");
        let strangers: Vec<&String> = there.iter().filter(|file| !keys.contains(file)).collect();
        let listable = |file: &&&String| !listed.contains(file.as_str());
        assert!(
            strangers.iter().filter(listable).all(|file| !is_orphan(&self.data(), file)),
            "{strangers:?}\n{listed}"
        );
        let before = SystemTime::now() - Duration::from_secs(2 * 3600);
        let folders = ["keys", "published", "nodes/sub1/keys", "nodes/sub1/published"];
        for folder in folders.into_iter().filter(|folder| self.data().join(folder).exists()) {
            for file in self.names(folder) {
                let file = std::fs::OpenOptions::new().write(true).open(self.data().join(folder).join(file)).unwrap();
                file.set_modified(before).unwrap();
            }
        }
        self.said("utils key collect");
        assert_eq!(self.said("utils key list"), "No unused keys found.\n");
        let left = self.names("keys");
        assert!(
            keys.iter().all(|key| left.contains(key))
                && left.iter().all(|file| !is_orphan(&self.data(), file) || keys.contains(file))
        );
        assert!(self.names("published").iter().all(|file| !file.ends_with(".new")));
    }
}

/// Whether a file in `keys/` is a private key or a half written file.
fn is_orphan(data: &Path, file: &str) -> bool {
    let bytes = std::fs::read(data.join("keys").join(file)).unwrap();
    file.ends_with(".new") || String::from_utf8_lossy(&bytes).contains("PRIVATE KEY")
}

fn pem(text: &str) -> &str {
    &text[text.find("-----BEGIN").unwrap()..]
}

/// Kills `command` at each write that it makes; `state` tells the two states apart.
fn killed_at_each_write(command: &str, prepare: &[&str], state: impl Fn(&Place) -> bool) {
    killed_after(command, &["--release", "10.5"], prepare, |_| {}, state);
}

/// The same with other settings of the first start; `more` prepares what no command does.
fn killed_after(
    command: &str,
    start: &[&str],
    prepare: &[&str],
    more: impl FnOnce(&Place),
    state: impl Fn(&Place) -> bool,
) {
    let place = Place { folder: tempfile::tempdir().unwrap() };
    assert_eq!(Served::start(&place.data(), start).stop().code(), Some(0));
    place.said("utils ctl set-cluster mixed-mode");
    std::fs::write(place.data().join("ca.pem"), Company::new("Spare CA").pem()).unwrap();
    for line in prepare {
        place.said(line);
    }
    more(&place);
    std::fs::rename(place.data(), place.file("prepared")).unwrap();
    let told_before = told(&place.file("prepared"));
    let (mut last, mut old, mut new, mut logs) = (1, 0, 0, Vec::new());
    loop {
        place.reset();
        std::fs::write(place.file("fault"), last.to_string()).unwrap();
        let output = place.admin(command, true);
        if output.status.signal().is_none() {
            assert!(output.status.success(), "{output:?}");
            assert!(state(&place));
            break;
        }
        let is_new = state(&place);
        if is_new {
            new += 1
        } else {
            old += 1
        }
        place.check();
        logs.push((is_new, told(&place.data())));
        last += 1;
    }
    // What is told of a change stands there once, and nothing of what was not done.
    let told_after = told(&place.data());
    for (number, (is_new, log)) in (1..).zip(logs) {
        assert_eq!(&log, if is_new { &told_after } else { &told_before }, "{command}: killed at {number}");
    }
    assert!(old >= 2 && new >= 1, "{command}: {old} kills before the change, {new} after it");
}

/// The lines of `log/CertMgmt.log` without their times.
fn told(data: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(data.join("log/CertMgmt.log")).unwrap_or_default();
    text.lines().map(|line| line.split_once(" - ").map_or(line, |(_, text)| text).to_owned()).collect()
}

fn has_ca(place: &Place) -> bool {
    place.said("show cert list trust").contains("tomcat-trust/Spare_CA.pem")
}

#[test]
fn a_renewal() {
    killed_at_each_write("set cert regen CallManager", &[], |place| {
        let key = |place: &Place| hex::encode(place.own("CallManager").key_id());
        // The key that was there from the start is the one that the CTL of the prepared cluster names.
        let first = place.list("CTLFile.tlv");
        !first.records().any(|record| {
            record
                .certificate()
                .is_some_and(|der| Certificate::from_der(der).is_ok_and(|old| hex::encode(old.key_id()) == key(place)))
        })
    });
}

#[test]
fn an_upload_to_a_trust_store() {
    killed_at_each_write("set cert import trust tomcat-trust ca.pem", &[], has_ca);
}

#[test]
fn a_deletion() {
    let prepare = ["set cert import trust tomcat-trust ca.pem"];
    killed_at_each_write("set cert delete tomcat-trust Spare_CA.pem", &prepare, |place| !has_ca(place));
}

/// A CA signs the request that waits, and what it signed lies in the data directory.
fn signed(place: &Place, ca: &Company) {
    let request = place.said("show csr own CallManager rfc7468");
    std::fs::write(place.data().join("signed.pem"), ca.sign(&request, 730)).unwrap();
    std::fs::write(place.data().join("company.pem"), ca.pem()).unwrap();
    place.said("set cert import trust CallManager-trust company.pem");
}

/// Whether a node has the certificate that was signed; if not, its request waits still.
fn has_signed(place: &Place, nodes: &[&str]) -> bool {
    let signed = std::fs::read(place.data().join("signed.pem")).unwrap();
    let signed = Certificate::from_pem(&signed).unwrap();
    let own = |node: &&str| place.said_on(node, "show cert own CallManager");
    let taken: Vec<bool> =
        nodes.iter().map(|node| Certificate::from_pem(pem(&own(node)).as_bytes()).unwrap() == signed).collect();
    let waiting = place.said("show csr list own").contains("CallManager/CallManager.csr\n");
    assert!(
        taken.iter().all(|one| *one != waiting),
        "all nodes or none, and its request with them: {taken:?} {waiting}"
    );
    // a key for each of them: without it the next start says so
    for (node, taken) in nodes.iter().zip(&taken) {
        let folder = if *node == "node1" { "keys".to_owned() } else { format!("nodes/{node}/keys") };
        let key = format!("{}.pem", hex::encode(signed.key_id()));
        assert!(!taken || place.names(&folder).contains(&key), "the key of {node}");
    }
    taken.iter().all(|one| *one)
}

#[test]
fn an_upload_of_what_a_ca_has_signed() {
    let ca = Company::new("Company Root");
    let start = ["--release", "10.5"];
    let command = "set cert import own CallManager signed.pem";
    let prepare = ["set csr gen CallManager"];
    killed_after(command, &start, &prepare, |place| signed(place, &ca), |place| has_signed(place, &["node1"]));
}

#[test]
fn an_upload_for_all_nodes() {
    let ca = Company::new("Company Root");
    let start = ["--release", "10.5", "--subscriber", "sub1=127.0.0.2"];
    let command = "set cert import own CallManager signed.pem";
    let prepare = ["set csr gen CallManager multi-server"];
    killed_after(command, &start, &prepare, |place| signed(place, &ca), |place| has_signed(place, &["node1", "sub1"]));
}

/// A file in the place of a folder: no user may write into it, not even root.
fn without(name: &str, place: &Place, then: impl FnOnce()) {
    let (folder, aside) = (place.data().join(name), place.data().join("away"));
    std::fs::rename(&folder, &aside).unwrap();
    std::fs::write(&folder, "").unwrap();
    then();
    std::fs::remove_file(&folder).unwrap();
    std::fs::rename(&aside, &folder).unwrap();
}

#[test]
fn a_key_directory_that_is_read_only() {
    let place = Place { folder: tempfile::tempdir().unwrap() };
    assert_eq!(Served::start(&place.data(), &["--release", "10.5"]).stop().code(), Some(0));
    let all = "set cert regen CallManager";
    let shown =
        || ["show cert own CallManager", "show csr list own", "show cert list trust"].map(|line| place.said(line));
    place.said("set csr gen CallManager");
    signed(&place, &Company::new("Company Root"));
    let before = shown();
    for command in [all, "set csr gen tomcat", "set cert import own CallManager signed.pem"] {
        without("keys", &place, || {
            let output = place.admin(command, false);
            assert_eq!(output.status.code(), Some(2), "{command}: {output:?}");
            let text = String::from_utf8(output.stderr).unwrap();
            assert!(text.contains("/data/keys") && text.contains(": cannot be "), "{command}: {text}");
        });
        assert_eq!(shown(), before, "{command}");
    }
    place.said("set cert import own CallManager signed.pem");
}

#[test]
fn published_lists_that_cannot_be_written() {
    let place = Place { folder: tempfile::tempdir().unwrap() };
    assert_eq!(Served::start(&place.data(), &["--release", "10.5"]).stop().code(), Some(0));
    place.said("set csr gen tomcat");
    let ca = Company::new("Company Root");
    let shown = || ["show cert own CAPF", "show cert own tomcat", "show cert list trust"].map(|line| place.said(line));
    let request = place.said("show csr own tomcat rfc7468");
    std::fs::write(place.data().join("signed.pem"), ca.sign(&request, 365)).unwrap();
    std::fs::write(place.data().join("ca.pem"), ca.pem()).unwrap();
    for (command, first) in [
        ("set cert import trust tomcat ca.pem", ""),
        ("set cert regen CAPF", "Successfully Regenerated Certificate for CAPF.\n"),
        ("set cert import own tomcat signed.pem", "Successfully imported certificate for tomcat.\n"),
    ] {
        let before = shown();
        without("published", &place, || {
            let output = place.admin(command, false);
            assert_eq!(output.status.code(), Some(2), "{command}: {output:?}");
            let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
            let told =
                text.contains("The change is made, do not repeat it.") && text.contains("/published: cannot be ");
            assert!(told && !text.contains("unsuccessfully") && text.contains(first), "{command}: {text}");
        });
        assert_ne!(shown(), before, "{command}: the change lasts");
    }
    // a node that starts finishes it; the command that the answer names too is for one that runs
    let list = || std::fs::read(place.data().join("published/ITLFile.tlv")).unwrap();
    let old = list();
    let refused = place.admin("utils service restart Cisco Tftp", false);
    assert_eq!((refused.status.code(), list() == old), (Some(1), true), "{refused:?}");
    assert_eq!(Served::start(&place.data(), &[]).stop().code(), Some(0));
    let new = list();
    assert_ne!(new, old);
    let capf = Certificate::from_pem(pem(&place.said("show cert own CAPF")).as_bytes()).unwrap();
    let holds = |list: &[u8]| list.windows(capf.der().len()).any(|part| part == capf.der());
    assert!(holds(&new) && !holds(&old));
}
