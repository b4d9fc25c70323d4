//! A node that is away: up to where each node has taken over what changed stands in the rows, so that what it has not taken waits for it.

use std::path::Path;
use std::process::Command;

use crate::receiver::until;
use crate::support::node::Served;

fn rows(data: &Path, statement: &str) -> String {
    let done = Command::new("sqlite3").arg(data.join("ringfence.db")).arg(statement).output().unwrap();
    // The database may be held by a node for a moment.
    if done.status.success() { String::from_utf8(done.stdout).unwrap().trim().to_owned() } else { String::new() }
}

fn admin(data: &Path, command: &str) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_ringfence"));
    let done = program.args(["admin", "--data", data.to_str().unwrap(), "-c", command, "--yes"]).output().unwrap();
    assert!(done.status.success(), "{done:?}");
}

/// Whether a node has taken the last change.
fn has_all(data: &Path, node: &str) -> Option<()> {
    let taken = format!(
        "SELECT seq = (SELECT MAX(seq) FROM change) FROM takenchange JOIN processnode ON pkid = fkprocessnode WHERE name = '{node}'"
    );
    (rows(data, &taken) == "1").then_some(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_it_has_not_taken_waits_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let publisher = Served::start(&data, &["--subscriber", "node2=127.0.0.2"]);
    let start = || Served::start_at("127.0.0.2", &data, &["--node", "node2"], "0");
    let subscriber = start();
    until("both follow", || has_all(&data, "node1").and_then(|()| has_all(&data, "node2"))).await;
    assert_eq!(subscriber.stop().code(), Some(0));

    // While it is away an hour passes and a day: what all have taken goes, what it has not taken stays.
    let before = rows(&data, "SELECT MAX(seq) FROM change");
    admin(&data, "set parameter TVSCacheTimeToLive 600");
    admin(&data, "set parameter TVSCacheTimeToLive 700");
    until("the publisher has taken them", || has_all(&data, "node1")).await;
    assert_eq!(publisher.stop().code(), Some(0));
    rows(&data, "UPDATE change SET at = at - 2 * 86400000");
    let publisher = Served::start(&data, &[]);
    let oldest = || rows(&data, "SELECT MIN(seq) FROM change");
    until("the others are forgotten", || {
        (oldest().parse::<i64>().ok()? == before.parse::<i64>().unwrap() + 1).then_some(())
    })
    .await;
    assert!(has_all(&data, "node2").is_none());

    let subscriber = start();
    until("it follows", || has_all(&data, "node2")).await;
    assert_eq!(subscriber.stop().code(), Some(0));
    assert_eq!(publisher.stop().code(), Some(0));
}
