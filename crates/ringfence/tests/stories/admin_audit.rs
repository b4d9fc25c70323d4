//! The audit log from the outside: the shell and `ringfence audit`.

use std::process::Command;

use crate::admin_cluster::Place;
use serde_json::Value;

#[test]
fn it_is_listed_exported_and_checked() {
    let place = Place::new(|_| async {});
    place.run(&["admin", "-c", "set cert regen tomcat", "--yes"], "").success();
    let out = place.run(&["admin", "-c", "utils audit list 2"], "").success();
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines.len(), 2, "{out}");
    assert!(lines[0].ends_with(": set cert regen tomcat on pub -> begun"), "{out}");
    assert!(lines[1].contains(": set cert regen tomcat on pub -> new certificate, serial "), "{out}");
    let out = place.run(&["admin", "-c", "utils audit verify"], "").success();
    assert!(out.ends_with("The audit log is whole.\n"), "{out}");
    let ended = place.run(&["admin", "-c", "utils audit list many"], "");
    assert_eq!(
        (ended.code(), ended.error()),
        (1, "`many` is not a number of entries\nExecuted command unsuccessfully\n")
    );

    let all = place.run(&["audit", "export"], "").success();
    let entries: Vec<Value> = all.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&entries[0]["seq"], &entries[0]["command"]), (&1.into(), &"first start".into()));
    let tail = place.run(&["audit", "export", "--after", "1"], "").success();
    assert_eq!(tail.lines().count(), entries.len() - 1);
    let verdict: Value = serde_json::from_str(&place.run(&["audit", "verify", "--json"], "").success()).unwrap();
    assert_eq!(verdict["whole"], true);
    assert_eq!(verdict["last_hash"], entries.last().unwrap()["hash"]);

    let altered = "UPDATE audit SET actor = 'nobody' WHERE command LIKE 'set cert%'";
    let done = Command::new("sqlite3").arg(place.file("ringfence.db")).arg(altered).status().unwrap();
    assert!(done.success());
    let ended = place.run(&["audit", "verify"], "");
    assert_eq!(ended.code(), 1);
    assert!(
        ended.out().starts_with("altered:\n  entry ") && ended.out().contains("its hash does not fit"),
        "{}",
        ended.out()
    );
    let ended = place.run(&["admin", "-c", "utils audit verify"], "");
    assert_eq!(ended.code(), 1);
    assert!(ended.out().contains("was altered: its hash does not fit\n"), "{}", ended.out());
}
