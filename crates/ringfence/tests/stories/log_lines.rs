//! Logs of what is done to certificates lose nothing, and nobody waits for them.

use std::io::BufRead;
use std::path::Path;
use std::process::Command;

use nix::sys::signal::Signal;

use crate::support::node::Served;

fn admin(data: &Path, command: &str) {
    let output = Command::new(env!("CARGO_BIN_EXE_ringfence"))
        .args(["admin", "--yes", "-c", command, "--data"])
        .arg(data)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{command}: {output:?}");
}

/// The units that `log/CertMgmt.log` tells of, in order.
fn told(log: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    text.lines().filter_map(|line| line.split_once(" - unit:")).map(|(_, unit)| unit.to_owned()).collect()
}

#[test]
fn what_a_log_did_not_take_comes_later_once_and_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let (data, log) = (folder.path().join("data"), folder.path().join("data/log/CertMgmt.log"));
    let mut node = Served::start_heard(&data, &[]);
    admin(&data, "set cert regen tomcat");
    assert_eq!(told(&log), ["tomcat"], "the node has written it when the command is done");

    // It takes no more: the changes are made all the same, the node says so, and is killed.
    let first = folder.path().join("first");
    std::fs::rename(&log, &first).unwrap();
    std::fs::create_dir(&log).unwrap();
    admin(&data, "set cert regen ipsec");
    let mut lines = std::io::BufReader::new(node.errors()).lines();
    assert!(lines.any(|line| line.unwrap().contains("lines of a log wait until it can be written")));
    admin(&data, "set csr gen tomcat");
    node.signal(Signal::SIGKILL);
    node.wait();
    assert_eq!(told(&log), [""; 0]);

    // The next command writes all that waited, and then its own; so does the next start.
    std::fs::remove_dir(&log).unwrap();
    std::fs::rename(&first, &log).unwrap();
    admin(&data, "set cert regen ipsec");
    let all = ["tomcat", "ipsec", "tomcat", "ipsec"];
    assert_eq!(told(&log), all);
    assert_eq!(Served::start(&data, &[]).stop().code(), Some(0));
    assert_eq!(told(&log), all);
}
