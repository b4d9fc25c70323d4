//! A certificate that one reader takes and another does not, and rows that somebody or a disk has damaged: `ringfence serve` starts and says
//! which they are, everything else goes on, and each can be deleted.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::log::Log;
use crate::support::node::Served;

fn ringfence(data: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringfence"));
    command.env("RINGFENCE_DATA", data).args(arguments).output().unwrap()
}

/// One command of the shell; what it prints.
fn admin(data: &Path, command: &str) -> (bool, String) {
    let done = ringfence(data, &["admin", "--yes", "-c", command]);
    let text = String::from_utf8(done.stdout).unwrap() + &String::from_utf8(done.stderr).unwrap();
    (done.status.success(), text)
}

fn sqlite3(data: &Path, statement: &str) -> String {
    let done = Command::new("sqlite3").arg(data.join("ringfence.db")).arg(statement).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

fn certificates() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/certificates");
    let mut all: Vec<PathBuf> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all
}

/// Whatever becomes of each, the cluster goes on and the node starts again.
#[test]
fn a_certificate_in_der_does_not_end_a_cluster() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let node = Served::start(&data, &[]);
    let files = certificates();
    assert_eq!(files.len(), 6);
    for file in &files {
        let (taken, said) = admin(&data, &format!("set cert import trust CallManager-trust {}", file.display()));
        let (listed, list) = admin(&data, "show cert list trust");
        assert!(listed, "{}: {list}", file.display());
        assert!(!list.contains("cannot be read"), "{}: {said}{list}", file.display());
        if !taken {
            assert!(said.contains("ommand unsuccessful") && said.lines().count() > 1, "a reason: {said}");
        }
    }
    assert!(node.stop().success());
    let node = Served::start(&data, &[]);
    let (renewed, said) = admin(&data, "set cert regen tomcat");
    assert!(renewed, "{said}");
    assert!(ringfence(&data, &["inventory"]).status.success());
    assert!(node.stop().success());
}

/// A node whose log is heard.
fn start(data: &Path) -> (Served, Log) {
    let mut node = Served::start_heard(data, &[]);
    let log = Log::default();
    log.follow(node.errors(), |_| true);
    (node, log)
}

/// The own certificates of TVS, CAPF, tomcat and CallManager, a parameter, a request, and files, all at once.
#[test]
fn serve_starts_and_says_which() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    assert!(Served::start(&data, &[]).stop().success());
    let ca = &certificates()[0];
    admin(&data, "set csr gen tomcat");
    let own = sqlite3(&data, "SELECT tkcertificateservice || ' ' || fkcertificate FROM owncertificate").to_owned();
    let published = std::fs::read(data.join("published/ITLFile.tlv")).unwrap();
    sqlite3(&data, "UPDATE certificate SET certificate = 'cut'; UPDATE certificaterequest SET request = 'cut'");
    sqlite3(&data, "UPDATE processconfig SET paramvalue = x'ff' WHERE paramname = 'TVSCacheTimeToLive'");

    let (node, log) = start(&data);
    for line in own.lines() {
        let key = line.split_once(' ').unwrap().1;
        log.tells(&[&format!("`utils unreadable delete certificate {key}`")]);
    }
    for table in ["processconfig", "certificaterequest"] {
        log.tells(&[&format!("`utils unreadable delete {table} ")]);
    }
    assert_eq!(std::fs::read(data.join("published/ITLFile.tlv")).unwrap(), published, "the published list stays");
    for command in
        ["show cert list own", "show cert list trust", "show csr list own", "show itl", "utils unreadable list"]
    {
        let (done, text) = admin(&data, command);
        assert!(done, "{command}: {text}");
    }
    assert!(admin(&data, "show cert list own").1.contains("TVS/TVS.pem: certificate "));
    let inventory = ringfence(&data, &["inventory"]);
    assert!(inventory.status.success());
    assert!(String::from_utf8_lossy(&inventory.stdout).contains("unreadable: certificate "));
    let monitor = ringfence(&data, &["monitor"]);
    assert_eq!(monitor.status.code(), Some(1), "somebody has to act");
    assert!(String::from_utf8_lossy(&monitor.stdout).contains("unreadable: certificate "));
    let (refused, text) = admin(&data, "set cert regen tomcat");
    assert!(!refused && text.contains("cannot be read"), "{text}");

    // The way out of each, as its message names it.
    for line in admin(&data, "utils unreadable list").1.lines().filter(|line| line.contains("cannot be read")) {
        let [table, key] = line.split_whitespace().take(2).collect::<Vec<_>>()[..] else { panic!("{line}") };
        let (done, text) = admin(&data, &format!("utils unreadable delete force {table} {key} this is a test"));
        assert!(done || text.contains("The change is made"), "{line}: {text}");
    }
    assert_eq!(admin(&data, "utils unreadable list").1.trim(), "Everything can be read.");
    let (done, text) = admin(&data, &format!("set cert import trust tomcat-trust {}", ca.display()));
    assert!(done || text.contains("ommand unsuccessful"), "{text}");
    assert!(node.stop().success());
}

/// The key of CallManager is gone, and rows that say which certificate a unit has lead nowhere.
#[test]
fn serve_starts_without_the_key_that_signs() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    assert!(Served::start(&data, &["--release", "10.5"]).stop().success());
    let published = std::fs::read(data.join("published/ITLFile.tlv")).unwrap();
    let pem = "SELECT certificate FROM certificate JOIN owncertificate ON fkcertificate = certificate.pkid \
               WHERE tkcertificateservice = 3";
    let own = pki::Certificate::from_pem(sqlite3(&data, pem).as_bytes()).unwrap();
    let key = format!("{}.pem", pki::hash::hex(&own.key_id()));
    std::fs::remove_file(data.join("keys").join(&key)).unwrap();
    let way = "`set cert regen CallManager` on node1 makes certificate and key anew";

    let (node, log) = start(&data);
    log.tells(&[&format!("keys {key} cannot be read: it is not there"), way]);
    let (_, listed) = admin(&data, "utils unreadable list");
    assert!(listed.contains(&key) && listed.contains(way), "{listed}");
    assert_eq!(std::fs::read(data.join("published/ITLFile.tlv")).unwrap(), published, "the published list stays");
    let (refused, text) = admin(&data, &format!("utils unreadable delete keys {key}"));
    assert!(!refused && text.contains("`set cert regen CallManager`"), "{text}");
    let (done, text) = admin(&data, "set cert regen CallManager");
    assert!(done, "{text}");
    assert_ne!(std::fs::read(data.join("published/ITLFile.tlv")).unwrap(), published, "the lists follow again");
    assert!(node.stop().success());

    for (column, value) in [("fkcertificate", "'nobody'"), ("tkcertificateservice", "999")] {
        sqlite3(&data, &format!("UPDATE owncertificate SET {column} = {value} WHERE tkcertificateservice = 3"));
        let (node, log) = start(&data);
        let row = admin(&data, "utils unreadable list").1;
        let key = row.split_whitespace().nth(1).unwrap().to_owned();
        assert!(row.starts_with("owncertificate "), "{row}");
        log.tells(&[&format!("owncertificate {key}")]);
        if column == "tkcertificateservice" {
            let delete = format!("utils unreadable delete force owncertificate {key} this is a test");
            let (done, text) = admin(&data, &delete);
            assert!(done || text.contains("The change is made"), "{text}");
        }
        let (done, text) = admin(&data, "set cert regen CallManager");
        assert!(done, "{text}");
        assert_eq!(admin(&data, "utils unreadable list").1.trim(), "Everything can be read.");
        assert!(node.stop().success());
    }
}
