//! Disks that are full, that can only be read, or that were taken away: what can be done on them is done, and the rest is said once.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use crate::support::node::{Served, run};

/// What `unshare` is told for a mount of one's own; the first that works here counts.
const WAYS: &str = include_str!("../../../core/tests/clusters/audit/name_spaces.txt");

/// A shell with mounts of its own.
fn shell(script: &str, arguments: &[&Path]) -> Command {
    let folder = tempfile::tempdir().unwrap();
    let mounts = |way: &Vec<&str>| {
        let mut tried = Command::new("unshare");
        tried.args(way).args(["mount", "-t", "tmpfs", "tmpfs"]).arg(folder.path());
        let works = tried.output().expect("unshare; install the Debian package util-linux").status.success();
        drop(Command::new("umount").arg(folder.path()).output());
        works
    };
    let way = WAYS.lines().map(|way| way.split(' ').collect::<Vec<&str>>()).find(mounts);
    let way =
        way.unwrap_or_else(|| panic!("nothing can be mounted here; `unshare` was told one after the other:\n{WAYS}"));
    let mut command = Command::new("unshare");
    command.args(way).args(["sh", "-ec", script, env!("CARGO_BIN_EXE_ringfence")]).args(arguments);
    command
}

/// A command of the program, for which the data directory can only be read.
fn read_only(data: &Path, arguments: &[&str]) -> Output {
    let script = "mount --bind \"$1\" \"$1\"; mount -o remount,bind,ro \"$1\"; d=\"$1\"; shift; exec \"$0\" \"$@\" --data \"$d\"";
    shell(script, &[data]).args(arguments).output().unwrap()
}

fn printed(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What stands in a folder with all below it, and when each was written.
fn state(folder: &Path) -> Vec<(PathBuf, std::time::SystemTime, u64)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let about = path.symlink_metadata().unwrap();
        if about.is_dir() {
            all.extend(state(&path));
        } else {
            all.push((path, about.modified().unwrap(), about.len()));
        }
    }
    all.sort();
    all
}

#[test]
fn lists_and_the_audit_log_are_read_on_a_disk_that_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let show = |what: &str| {
        Command::new(env!("CARGO_BIN_EXE_ringfence")).args(["admin", "-c", what, "--data"]).arg(&data).output().unwrap()
    };
    let node = Served::start(&data, &[]);
    let mode = ["admin", "--yes", "-c", "utils ctl set-cluster mixed-mode", "--data"];
    let mixed = Command::new(env!("CARGO_BIN_EXE_ringfence")).args(mode).arg(&data).output().unwrap();
    assert!(mixed.status.success(), "{mixed:?}");
    let (itl, ctl) = (printed(&show("show itl")), printed(&show("show ctl")));
    let check = |state_of: &str| {
        for (command, wanted) in [("show itl", &itl), ("show ctl", &ctl)] {
            assert_eq!(&printed(&read_only(&data, &["admin", "-c", command])), wanted, "{state_of}");
        }
        assert!(printed(&read_only(&data, &["audit", "verify"])).starts_with("whole: "), "{state_of}");
        assert!(printed(&read_only(&data, &["admin", "-c", "utils audit verify"])).contains("whole"), "{state_of}");
        // What would change something says why nothing is.
        let refused = read_only(&data, &["admin", "--yes", "-c", "set parameter TVSCacheTimeToLive 4711"]);
        let said = format!("{}{}", String::from_utf8_lossy(&refused.stdout), String::from_utf8_lossy(&refused.stderr));
        assert!(!refused.status.success() && said.contains("mount -o remount,rw"), "{state_of}: {said}");
    };
    check("while a node runs");
    node.signal(nix::sys::signal::Signal::SIGKILL);
    drop(node);
    assert!(data.join("ringfence.db-wal").metadata().unwrap().len() > 0);
    let before = state(&data);
    check("after a kill");
    assert_eq!(state(&data), before);
    assert_eq!(Served::start(&data, &[]).stop().code(), Some(0));
    let before = state(&data);
    check("after an end in order");
    assert_eq!(state(&data), before);
    // A start needs a disk that can be written, and says so.
    let start = read_only(&data, &["serve", "--listen", "127.0.0.1", "--tftp-port", "0", "--http-port", "0"]);
    assert_eq!(start.status.code(), Some(2), "{start:?}");
    let said = String::from_utf8_lossy(&start.stderr).into_owned();
    assert!(said.contains("ead-only file system") || said.contains("mount -o remount,rw"), "{said}");
}

fn fetch(port: u16, name: &str) -> String {
    let url = format!("http://127.0.0.1:{port}/{name}");
    let output = run("curl", "curl", &["-s", "-o", "/dev/null", "-w", "%{http_code}", &url]);
    String::from_utf8(output.stdout).unwrap()
}

/// A request by TFTP in the name of a phone that nobody knows; it is answered.
fn ask(port: u16, number: usize) {
    let socket = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let request = format!("\0\x01SEP0200000{number:05}.cnf.xml\0octet\0");
    socket.send_to(request.as_bytes(), ("127.0.0.1", port)).unwrap();
    socket.recv(&mut [0; 600]).expect("TFTP answers");
}

/// Reads a log up to a line with this text. What came before it.
fn until(log: &mut impl BufRead, text: &str) -> String {
    let mut said = String::new();
    while log.read_line(&mut said).unwrap() > 0 {
        if said.lines().next_back().is_some_and(|line| line.contains(text)) {
            return said;
        }
    }
    panic!("it ended without saying {text:?}: {said}")
}

fn informed() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringfence"));
    command.env("RINGFENCE_LOG", "daemon::troubles=info,warn").stderr(Stdio::piped());
    command
}

#[test]
fn a_data_directory_that_was_taken_away_is_said_once() {
    let folder = tempfile::tempdir().unwrap();
    let (data, away) = (folder.path().join("data"), folder.path().join("away"));
    let mut node = Served::start_command(informed(), &data);
    let mut log = BufReader::new(node.errors());
    std::fs::rename(&data, &away).unwrap();
    let said = until(&mut log, "the data directory is gone; phones are served from what is known");
    assert!(said.contains("Stop the node, put the directory back, start it"), "{said}");
    // Strangers whom it would note, and phones, for many looks at the rows.
    for number in 0..300 {
        ask(node.tftp, number % 50);
        assert_eq!(fetch(node.http, "ITLFile.tlv"), "200");
    }
    std::fs::rename(&away, &data).unwrap();
    let said = until(&mut log, "the data directory is gone; phones are served from what is known: that is over");
    assert!(!said.contains("WARN") && !said.contains("ERROR"), "{said}");
    assert_eq!(node.stop().code(), Some(0));
}

#[test]
fn a_file_that_is_too_large_is_said_once() {
    let folder = tempfile::tempdir().unwrap();
    let (data, boot) = (folder.path().join("data"), folder.path().join("boot"));
    std::fs::create_dir(&boot).unwrap();
    File::create(boot.join("large.loads")).unwrap().set_len((256 << 20) + 1).unwrap();
    let mut command = informed();
    command.env("RINGFENCE_LOG", "warn");
    let boot = boot.to_str().unwrap();
    let more = ["--name", "node1", "--address", "127.0.0.1", "--tftpboot", boot];
    let mut node = Served::start_with(command, "127.0.0.1", &data, &more, "0");
    let mut log = BufReader::new(node.errors());
    for name in ["large.loads", "LARGE.loads", "large.loads.sgn", "large.loads"] {
        assert_eq!(fetch(node.http, name), "404", "{name}");
    }
    assert_eq!(node.stop().code(), Some(0));
    let mut said = String::new();
    log.read_to_string(&mut said).unwrap();
    let warned: Vec<&str> = said.lines().filter(|line| line.contains("WARN") || line.contains("ERROR")).collect();
    assert_eq!(warned.len(), 1, "{said}");
    assert!(warned[0].contains("too large, so phones do not get it") && warned[0].contains("large.loads"), "{said}");
}

#[test]
fn a_full_disk_is_said_once_with_the_next_step() {
    let folder = tempfile::tempdir().unwrap();
    let script = "mount -t tmpfs -o size=12m tmpfs \"$1\"; shift; exec \"$0\" \"$@\"";
    let mut command = shell(script, &[folder.path()]);
    command.env("RINGFENCE_LOG", "daemon::troubles=info,warn").stderr(Stdio::piped());
    let mut node = Served::start_command(command, &folder.path().join("data"));
    let mut log = BufReader::new(node.errors());
    // The disk as the node sees it.
    let seen = PathBuf::from(format!("/proc/{}/root{}", node.id(), folder.path().display()));
    let filler = seen.join("filler");
    let mut file = File::create(&filler).unwrap();
    for size in [65_536, 4096, 512, 1] {
        let block = vec![b'x'; size];
        while file.write_all(&block).is_ok() {}
    }
    drop(file);
    // Not more: what a stranger is told counts, and beyond 64 KiB a minute nothing is.
    (0..500).for_each(|number| ask(node.tftp, number));
    assert_eq!(fetch(node.http, "ITLFile.tlv"), "200", "phones are served");
    let said = until(&mut log, "unknown phones could not be noted");
    assert!(said.contains("make room where the data directory lies"), "{said}");
    std::fs::remove_file(&filler).unwrap();
    let again = std::thread::spawn({
        let port = node.tftp;
        move || (1000..1300).for_each(|number| ask(port, number))
    });
    let rest = until(&mut log, "unknown phones could not be noted: that is over");
    assert!(!rest.contains("WARN daemon::troubles: unknown phones"), "{rest}");
    again.join().unwrap();
    assert_eq!(node.stop().code(), Some(0));
}
