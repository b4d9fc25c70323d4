//! `ringfence backup` and `ringfence restore`: a directory that is lost comes back, and phones go on believing it.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use pki::OpensslRandom;
use pki::age::{Opener, Sealer};

use crate::support::enrolling::Place;
use crate::support::node::Served;

const PASSPHRASE: &str = "correct horse";

impl Place {
    fn with_passphrase() -> Self {
        let place = Self::new();
        std::fs::write(place.file("pw"), format!("{PASSPHRASE}\n")).unwrap();
        place
    }

    fn backup(&self) -> PathBuf {
        let file = self.file("voice.tar.age");
        let made = self.ringfence(&["backup", "--force", "-o", text(&file), "--password-file", text(&self.file("pw"))]);
        assert_eq!(made.status.code(), Some(0), "{made:?}");
        let said = String::from_utf8(made.stdout).unwrap();
        assert!(said.contains(" of node1") && said.ends_with("read back\n"), "{said}");
        file
    }

    fn restore(&self, more: &[&str]) -> Output {
        self.restore_from(&self.file("voice.tar.age"), more)
    }

    fn restore_from(&self, file: &Path, more: &[&str]) -> Output {
        let password = self.file("pw");
        self.ringfence(&[&["restore", text(file), "--password-file", text(&password)], more].concat())
    }

    /// All files here, with what is in them.
    fn everything(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut all = BTreeMap::new();
        let mut folders = vec![self.file("")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    // Who holds a lock writes who it is.
                    let is_lock = path.ends_with("serve.lock");
                    all.insert(path.clone(), if is_lock { Vec::new() } else { std::fs::read(path).unwrap() });
                }
            }
        }
        all
    }

    fn assert_whole(&self) {
        assert_eq!(self.rows("PRAGMA integrity_check"), "ok\n");
        let verified = self.ringfence(&["audit", "verify"]);
        assert_eq!(verified.status.code(), Some(0), "{verified:?}");
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

#[test]
fn a_lost_directory_comes_back_and_the_phone_believes_it() {
    let place = Place::with_passphrase();
    let node = Served::start(&place.data(), &[]);
    place.add_phone();
    place.boot(&node);
    assert!(place.boot(&node));
    let file = place.backup();
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(
        !place.everything().keys().any(|path| path.to_string_lossy().contains(".new")),
        "nothing is left of the copy"
    );
    let plain = std::fs::read(&file).unwrap();
    assert!(!plain.windows(11).any(|bytes| bytes == b"PRIVATE KEY" || bytes == b"ITLFile.tlv"), "nothing is in clear");
    let itl = std::fs::read(place.data().join("published/ITLFile.tlv")).unwrap();

    // It is killed, and its disk goes bad: the log of its last changes stays beside a database that is none. A log of all changes would
    // be a whole database by itself; that of a node that was stopped since is not.
    assert_eq!(node.stop().code(), Some(0));
    let node = Served::start(&place.data(), &[]);
    place.admin("set parameter TVSCacheTimeToLive 3600");
    node.signal(nix::sys::signal::Signal::SIGKILL);
    node.wait();
    std::fs::write(place.data().join("ringfence.db"), "not a database any more").unwrap();
    let log = std::fs::read(place.data().join("ringfence.db-wal")).unwrap_or_default();
    let restored = place.restore(&["--yes"]);
    assert_eq!(restored.status.code(), Some(0), "{restored:?}");
    assert!(said(&restored).contains("what phones were given since cannot be told"), "{restored:?}");
    assert!(!place.data().join("ringfence.db-wal").exists() && !place.data().join("ringfence.db-shm").exists());
    let kept = place.file("data.before-restore-1");
    assert_eq!(std::fs::read(kept.join("ringfence.db-wal")).unwrap_or_default(), log, "what was there is kept");
    place.assert_whole();

    // And now all of it is gone.
    std::fs::remove_dir_all(place.data()).unwrap();
    let restored = place.restore(&["--yes"]);
    assert_eq!(restored.status.code(), Some(0), "{restored:?}");
    let mode = |name: &str| std::fs::metadata(place.data().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!([mode(""), mode("keys"), mode("ringfence.db"), mode("log/audit.log")], [0o700, 0o700, 0o600, 0o640]);
    let node = Served::start(&place.data(), &[]);
    assert_eq!(std::fs::read(place.data().join("published/ITLFile.tlv")).unwrap(), itl);
    assert!(place.boot(&node), "the phone believes it");
    let tvs = place.ringfence(&["cert", "TVS", "-o", text(&place.file("tvs.pem"))]);
    assert!(tvs.status.success(), "{tvs:?}");
    let server = format!("127.0.0.1:{}", node.tvs);
    let asked = place.ringfence(&["tvs", "verify", text(&place.file("tvs.pem")), "--server", &server]);
    assert_eq!(asked.status.code(), Some(0), "TVS answers: {asked:?}");
    place.assert_whole();
    assert_eq!(node.stop().code(), Some(0));
}

#[test]
fn what_is_refused_touches_nothing() {
    let place = Place::with_passphrase();
    let node = Served::start(&place.data(), &[]);
    let file = place.backup();
    let over = place.restore(&["--yes"]);
    assert_eq!(over.status.code(), Some(1), "{over:?}");
    let holder = format!("is served by process {} (", node.id());
    assert!(said(&over).contains(&holder), "{over:?}");
    assert_eq!(node.stop().code(), Some(0));
    std::fs::write(place.file("short"), "1234567\n").unwrap();
    std::fs::write(place.file("wrong"), "wrong horse\n").unwrap();
    let bytes = std::fs::read(&file).unwrap();
    let damaged: Vec<PathBuf> = [bytes.len() / 3, bytes.len() - 1, 0]
        .iter()
        .map(|at| {
            let path = place.file(&format!("damaged{at}"));
            let mut altered = bytes.clone();
            altered[*at] ^= 1;
            std::fs::write(&path, altered).unwrap();
            path
        })
        .collect();
    let cut = place.file("cut");
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();

    let before = place.everything();
    let short =
        place.ringfence(&["backup", "-o", text(&place.file("b")), "--password-file", text(&place.file("short"))]);
    assert_eq!(short.status.code(), Some(1), "{short:?}");
    let there = place.ringfence(&["backup", "-o", text(&file), "--password-file", text(&place.file("pw"))]);
    assert_eq!(there.status.code(), Some(2), "{there:?}");
    let wrong = place.ringfence(&["restore", text(&file), "--password-file", text(&place.file("wrong")), "--yes"]);
    assert_eq!(wrong.status.code(), Some(1), "{wrong:?}");
    assert!(said(&wrong).contains("the passphrase is wrong"), "{wrong:?}");
    for path in damaged.iter().chain([&cut]) {
        let refused = place.restore_from(path, &["--yes"]);
        assert_eq!(refused.status.code(), Some(1), "{}: {refused:?}", path.display());
    }
    let unanswered = place.restore(&[]);
    assert_eq!(unanswered.status.code(), Some(1), "{unanswered:?}");
    assert!(said(&unanswered).ends_with("Nothing was changed.\n"), "{unanswered:?}");
    assert_eq!(place.restore_from(&place.file("nowhere"), &["--yes"]).status.code(), Some(2));
    let names = |all: &BTreeMap<PathBuf, Vec<u8>>| all.keys().cloned().collect::<Vec<_>>();
    let after = place.everything();
    assert_eq!(names(&before), names(&after));
    let database = place.data().join("ringfence.db");
    assert!(before.iter().all(|(path, bytes)| *path == database || after[path] == *bytes));
    place.assert_whole();
}

/// A phone with a list of before, a backup, and then a renewal of these units that the phone has taken over.
fn renewed(units: &[&str]) -> Place {
    let place = Place::with_passphrase();
    let start = || Served::start(&place.data(), &["--release", "10.5"]);
    let node = start();
    place.add_phone();
    place.boot(&node);
    assert!(place.boot(&node));
    place.backup();
    assert_eq!(node.stop().code(), Some(0));
    for unit in units {
        // The five minutes between two of them are over.
        place.rows("UPDATE renewal SET at = at - 600000");
        place.admin(&format!("set cert regen {unit}"));
        let node = start();
        place.boot(&node);
        assert!(place.boot(&node), "{unit}");
        assert_eq!(node.stop().code(), Some(0));
    }
    place
}

#[test]
fn what_becomes_older_is_named_and_phones_that_can_ask_tvs_go_on() {
    let place = renewed(&["CallManager"]);
    let restored = place.restore(&["--yes"]);
    assert_eq!(restored.status.code(), Some(0), "{restored:?}");
    let said = said(&restored);
    for part in ["certificate CallManager of node1: now serial ", "ITL file of node1: now signed by ", "To go back, "] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains("would not believe") && !said.contains("certificate TVS"), "{said}");
    let node = Served::start(&place.data(), &[]);
    assert!(place.boot(&node), "it asks TVS, whose certificate it knows");
    assert_eq!(node.stop().code(), Some(0));
}

#[test]
fn phones_that_would_not_believe_are_named() {
    let place = renewed(&["CallManager", "TVS"]);
    let restored = place.restore(&["--yes"]);
    assert_eq!(restored.status.code(), Some(0), "{restored:?}");
    let told = said(&restored);
    assert!(told.contains("1 of 1 phone would not believe the lists of the backup"), "{told}");
    let node = Served::start(&place.data(), &[]);
    assert!(!place.boot(&node), "and it does not");
    assert_eq!(node.stop().code(), Some(0));
    // Back, as it says.
    let (_, command) = told.split_once("To go back, while no node runs:\n").unwrap();
    let shell = Command::new("sh").args(["-c", command.lines().next().unwrap()]).status().unwrap();
    assert!(shell.success());
    let node = Served::start(&place.data(), &[]);
    assert!(place.boot(&node), "what was there before is whole");
    assert_eq!(node.stop().code(), Some(0));
}

/// A hundred thousand phones and a second node: all of it comes back, also where the directory is gone.
#[test]
fn a_large_cluster_comes_back_with_its_subscribers() {
    let place = Place::with_passphrase();
    let node = Served::start(&place.data(), &["--subscriber", "node2=127.0.0.2"]);
    place.add_phone();
    let second = Served::start_at("127.0.0.2", &place.data(), &["--node", "node2"], "0");
    assert_eq!((second.stop().code(), node.stop().code()), (Some(0), Some(0)));
    let columns = place.rows("SELECT group_concat(name) FROM pragma_table_info('device')");
    let copied = columns.trim().split(',').map(|column| match column {
        "pkid" => "printf('%032x', n)".to_owned(),
        "name" => "printf('SEP%012X', n)".to_owned(),
        other => other.to_owned(),
    });
    place.rows(&format!(
        "WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < 100000) \
         INSERT INTO device SELECT {} FROM (SELECT * FROM device LIMIT 1), counted",
        copied.collect::<Vec<_>>().join(",")
    ));
    let rows = || place.rows("SELECT count(*), min(name), max(name) FROM device; SELECT count(*) FROM certificate");
    let kept = || {
        let folders = ["keys", "published", "nodes/node2/keys", "nodes/node2/published"];
        let files = place.everything().into_iter().filter(|(path, _)| {
            folders.iter().any(|folder| path.parent().is_some_and(|parent| parent == place.data().join(folder)))
        });
        files.collect::<Vec<_>>()
    };
    let (rows_before, kept_before) = (rows(), kept());
    assert!(rows_before.starts_with("100001|") && kept_before.len() > 10, "{rows_before}");
    place.backup();
    std::fs::remove_dir_all(place.data()).unwrap();
    let restored = place.restore(&["--yes"]);
    assert_eq!(restored.status.code(), Some(0), "{restored:?}");
    assert!(said(&restored).contains("node1, node2"), "{restored:?}");
    assert_eq!(rows(), rows_before);
    assert!(kept() == kept_before, "keys and lists of both nodes");
    place.assert_whole();
    // How long a start takes with them is another matter.
    place.rows("DELETE FROM device WHERE pkid LIKE '0000000000000000000000000%'");
    let node = Served::start(&place.data(), &[]);
    let second = Served::start_at("127.0.0.2", &place.data(), &["--node", "node2"], "0");
    assert_eq!((second.stop().code(), node.stop().code()), (Some(0), Some(0)));
}

/// The same backup, whose passphrase takes no time: what comes behind it is the same.
fn with_little_work(file: &Path) {
    let mut plain = Vec::new();
    let bytes = std::fs::read(file).unwrap();
    Opener::begin(&bytes[..], PASSPHRASE).unwrap().read_to_end(&mut plain).unwrap();
    let mut sealer = Sealer::with_work(Vec::new(), PASSPHRASE, &mut OpensslRandom, 1).unwrap();
    sealer.write_all(&plain).unwrap();
    std::fs::write(file, sealer.finish().unwrap()).unwrap();
}

#[test]
fn a_restore_that_is_killed_leaves_the_old_or_the_new_one() {
    let place = Place::with_passphrase();
    assert_eq!(Served::start(&place.data(), &[]).stop().code(), Some(0));
    with_little_work(&place.backup());
    let armed = |last: usize| {
        std::fs::write(place.file("fault"), last.to_string()).unwrap();
        let restored = Command::new(env!("CARGO_BIN_EXE_ringfence"))
            .args(["restore", text(&place.file("voice.tar.age")), "--yes"])
            .args(["--password-file", text(&place.file("pw")), "--data", text(&place.data())])
            .env("RINGFENCE_FAULT", place.file("fault"))
            .stdout(Stdio::null())
            .status()
            .unwrap();
        let passed = std::fs::read_to_string(place.file("fault.passed")).unwrap();
        std::fs::remove_file(place.file("fault.passed")).unwrap();
        (restored, passed.lines().map(str::to_owned).collect::<Vec<String>>())
    };
    let mark = |number: usize| std::fs::write(place.data().join(format!("old{number}")), "").unwrap();
    mark(0);
    let (status, points) = armed(0);
    assert_eq!(status.code(), Some(0), "{points:?}");
    let exchange = points.iter().position(|name| name == "before the directories change places").unwrap() + 1;
    let marked = |number: usize| {
        let name = format!("old{number}");
        let folders = std::fs::read_dir(place.file("")).unwrap().map(|entry| entry.unwrap().path());
        folders.filter(|folder| folder.join(&name).exists()).collect::<Vec<PathBuf>>()
    };
    for (number, last) in
        [2, exchange, exchange + 1, exchange + 2].into_iter().enumerate().map(|(at, last)| (at + 1, last))
    {
        mark(number);
        let (status, passed) = armed(last);
        assert_eq!(status.signal(), Some(9), "{passed:?}");
        place.assert_whole();
        assert_eq!(place.data().join(format!("old{number}")).exists(), last <= exchange, "{passed:?}");
    }
    // Each restore clears up behind the one before.
    let again = place.restore(&["--yes"]);
    assert_eq!(again.status.code(), Some(0), "{again:?}");
    place.assert_whole();
    for number in 0..=4 {
        assert_eq!(marked(number).len(), 1, "the old one is kept, once: {number}");
    }
    assert!(!place.file("data.restoring").exists() && !place.data().join("restore.lock").exists());
}
