//! What altering the audit log leaves behind.

use sha2::{Digest, Sha256};

use crate::audit::operations::{Place, Step, steps};
use crate::audit::sqlite3;

async fn place() -> (tempfile::TempDir, Place) {
    let folder = tempfile::tempdir().unwrap();
    let mut place = Place::new(folder.path()).await;
    for step in steps().into_iter().filter(|step| !matches!(step, Step::Regenerate(_))).take(8) {
        place.run(&step).await.unwrap_or_else(|error| panic!("{step:?}: {error}"));
    }
    (folder, place)
}

async fn faults(place: &Place) -> Vec<String> {
    let verdict = place.cluster.store().verify_audit().await.unwrap();
    verdict.faults.iter().map(ToString::to_string).collect()
}

/// The hash as the documents describe it, computed here once more.
fn hash(previous: &[u8], seq: i64, at: i64, texts: [&str; 3]) -> Vec<u8> {
    let mut bytes = b"ringfence audit 1".to_vec();
    bytes.extend(previous);
    bytes.extend(seq.to_be_bytes());
    bytes.extend(at.to_be_bytes());
    for text in texts {
        bytes.extend((text.len() as u64).to_be_bytes());
        bytes.extend(text.as_bytes());
    }
    Sha256::digest(&bytes).to_vec()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_chain_is_well_and_is_what_its_description_says() {
    let (folder, place) = place().await;
    let verdict = place.cluster.store().verify_audit().await.unwrap();
    assert_eq!(verdict.faults, []);
    let rows = place.cluster.store().audit(i64::MAX).await.unwrap();
    assert_eq!(verdict.entries, rows.len() as i64);
    let mut previous = vec![0; 32];
    for row in &rows {
        previous = hash(&previous, row.seq, row.at, [&row.actor, &row.command, &row.result]);
        assert_eq!(row.hash, hex::encode(&previous));
    }
    let log = std::fs::read_to_string(folder.path().join("log/audit.log")).unwrap();
    assert_eq!(log.lines().last().unwrap(), format!("{} {}", rows.len(), hex::encode(&previous)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_way_of_altering_it_is_seen() {
    let (folder, place) = place().await;
    let last = place.cluster.store().audit(1).await.unwrap()[0].seq;
    let dump = sqlite3(folder.path(), "SELECT quote(result), hash FROM audit WHERE seq = 3");
    let (result, hash3) = dump.trim_end().split_once('|').unwrap();
    for column in ["at = at + 1", "actor = 'nobody'", "command = command || ' '", "result = 'denied'"] {
        sqlite3(folder.path(), "CREATE TABLE kept AS SELECT * FROM audit");
        sqlite3(folder.path(), &format!("UPDATE audit SET {column} WHERE seq = 3"));
        assert_eq!(faults(&place).await, ["entry 3 was altered: its hash does not fit"], "{column}");
        sqlite3(folder.path(), "DELETE FROM audit; INSERT INTO audit SELECT * FROM kept; DROP TABLE kept");
        assert_eq!(faults(&place).await, [""; 0]);
    }
    assert_eq!(
        sqlite3(folder.path(), "SELECT quote(result) || '|' || hash FROM audit WHERE seq = 3"),
        format!("{result}|{hash3}\n")
    );

    sqlite3(folder.path(), "CREATE TABLE kept AS SELECT * FROM audit; DELETE FROM audit WHERE seq IN (4, 5)");
    assert_eq!(faults(&place).await, ["entries 4 to 5 were taken out"]);
    sqlite3(folder.path(), &format!("DELETE FROM audit; INSERT INTO audit SELECT * FROM kept WHERE seq <= {last} - 2"));
    let cut = format!("the last entries were cut off: log/audit.log names entry {last}, the last one is {}", last - 2);
    assert_eq!(faults(&place).await, [cut]);
    // All of it.
    sqlite3(folder.path(), "DELETE FROM audit");
    assert_eq!(faults(&place).await.len(), 1);
    sqlite3(folder.path(), "INSERT INTO audit SELECT * FROM kept");
    assert_eq!(faults(&place).await, [""; 0]);

    // One who computes the chain anew leaves a whole chain, but another one than the log names.
    let mut previous = vec![0; 32];
    for mut row in place.cluster.store().audit(i64::MAX).await.unwrap() {
        if row.seq == last - 1 {
            row.actor = "nobody".to_owned();
        }
        previous = hash(&previous, row.seq, row.at, [&row.actor, &row.command, &row.result]);
        let text = hex::encode(&previous);
        sqlite3(
            folder.path(),
            &format!("UPDATE audit SET actor = '{}', hash = '{text}' WHERE seq = {}", row.actor, row.seq),
        );
    }
    let found = faults(&place).await;
    assert!(
        found.contains(&format!(
            "entry {last} has another hash than log/audit.log names: it or one before it was replaced"
        )),
        "{found:?}"
    );
    std::fs::remove_file(folder.path().join("log/audit.log")).unwrap();
    assert_eq!(
        faults(&place).await,
        ["log/audit.log is gone: it cannot be seen whether the last entries were cut off"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_last_entry_without_its_hash_stops_changes() {
    let (folder, mut place) = place().await;
    sqlite3(folder.path(), "UPDATE audit SET hash = '' WHERE seq = (SELECT MAX(seq) FROM audit)");
    let error = place.run(&steps()[0]).await.unwrap_err();
    assert!(error.to_string().contains("has no hash"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_from_before_the_chain_are_chained_when_the_database_is_opened() {
    let (folder, place) = place().await;
    place.cluster.store().close().await;
    sqlite3(folder.path(), "UPDATE audit SET hash = ''");
    std::fs::remove_file(folder.path().join("log/audit.log")).unwrap();
    let cluster = ringfence_core::Cluster::open(folder.path(), jiff::tz::TimeZone::UTC).await.unwrap().unwrap();
    let verdict = cluster.store().verify_audit().await.unwrap();
    assert_eq!((verdict.faults, verdict.lines), (Vec::new(), 1));
    // Not a second time: whoever empties the hashes of a chained log is seen.
    cluster.store().close().await;
    sqlite3(folder.path(), "UPDATE audit SET hash = ''");
    let cluster = ringfence_core::Cluster::open(folder.path(), jiff::tz::TimeZone::UTC).await.unwrap().unwrap();
    assert!(!cluster.store().verify_audit().await.unwrap().faults.is_empty());
}
