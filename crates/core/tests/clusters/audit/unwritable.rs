//! When the audit entry cannot be written, nothing is changed and nothing signed.

use crate::audit::operations::{Place, files, steps};
use crate::audit::sqlite3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_operation_stops_before_it_does_anything() {
    let folder = tempfile::tempdir().unwrap();
    let mut place = Place::new(folder.path()).await;
    for step in steps() {
        sqlite3(
            folder.path(),
            "CREATE TRIGGER deaf BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'the audit log takes nothing'); END",
        );
        let (rows, before) = (sqlite3(folder.path(), ".dump"), files(folder.path()));
        let error = place.run(&step).await.expect_err(&format!("{step:?}"));
        assert!(error.to_string().contains("the audit log takes nothing"), "{step:?}: {error}");
        assert_eq!(sqlite3(folder.path(), ".dump"), rows, "{step:?}");
        assert_eq!(files(folder.path()), before, "{step:?}");
        sqlite3(folder.path(), "DROP TRIGGER deaf");
        place.run(&step).await.unwrap_or_else(|error| panic!("{step:?}: {error}"));
    }
    let verdict = place.cluster.store().verify_audit().await.unwrap();
    assert!(verdict.faults.is_empty(), "{:?}", verdict.faults);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_of_hashes_that_cannot_be_opened_stops_them_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut place = Place::new(folder.path()).await;
    let log = folder.path().join("log/audit.log");
    std::fs::remove_file(&log).unwrap();
    std::fs::create_dir(&log).unwrap();
    for step in steps().into_iter().take(8) {
        let (rows, before) = (sqlite3(folder.path(), ".dump"), files(folder.path()));
        let error = place.run(&step).await.expect_err(&format!("{step:?}"));
        assert!(error.to_string().contains("audit.log"), "{step:?}: {error}");
        assert_eq!(sqlite3(folder.path(), ".dump"), rows, "{step:?}");
        assert_eq!(files(folder.path()), before, "{step:?}");
    }
}
