//! Logs of what is done to certificates lose nothing, and nobody waits for them.

use std::io::BufRead;
use std::os::unix::process::ExitStatusExt;
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

/// A node that runs is killed at each write that follows a command, those of its logs among them.
#[test]
fn a_node_that_is_killed_at_its_logs_loses_no_line_and_writes_none_twice() {
    let folder = tempfile::tempdir().unwrap();
    let (data, fault) = (folder.path().join("data"), folder.path().join("fault"));
    let (logs, passed) = (["CertMgmt.log", "alarms.log"], folder.path().join("fault.passed"));
    let mut node = Served::start_armed(&data, &fault);
    let mut at = Vec::new();
    let mut wanted = Vec::new();
    let points =
        ["when half of log lines is written", "after log lines were written", "after log lines were forgotten"];
    let missing = |at: &[String]| points.iter().any(|point| !at.iter().any(|killed| killed == point));
    // How many other writes come before differs from time to time.
    for last in (1..=6).cycle().take(24) {
        std::fs::write(&fault, last.to_string()).unwrap();
        // The node writes what the command has left for the logs, or the next start does.
        admin(&data, "set cert regen ipsec");
        wanted.push("ipsec");
        let names = std::fs::read_to_string(&passed).unwrap_or_default();
        let killed = names.lines().count() == last;
        let point = names.lines().last().unwrap_or_default().to_owned();
        std::fs::remove_file(&fault).unwrap();
        if killed {
            assert_eq!(node.wait().signal(), Some(9), "killed {point}");
            at.push(point.clone());
            node = Served::start_armed(&data, &fault);
        }
        drop(std::fs::remove_file(&passed));
        assert_eq!(told(&data.join("log").join(logs[0])), wanted, "killed {point}");
        let alarms = std::fs::read_to_string(data.join("log").join(logs[1])).unwrap();
        let numbers = alarms.lines().map(|line| line.split_once(": ").unwrap().0.parse::<usize>().unwrap());
        assert_eq!(numbers.collect::<Vec<_>>(), (1..=alarms.lines().count()).collect::<Vec<_>>(), "killed {point}");
        if last == 6 && !missing(&at) {
            break;
        }
    }
    assert_eq!(node.stop().code(), Some(0));
    assert!(!missing(&at), "killed at {at:?}");
}
