//! A disk without room for one page more: every operation fails, and nothing of it is there afterwards.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use crate::audit::operations::{Place, files, steps};
use crate::audit::sqlite3;

/// Set in the process that has a small disk of its own.
const INSIDE: &str = "RINGFENCE_TEST_SMALL_DISK";

/// What `unshare` is told for a mount that nobody else sees and that ends with the process, the first that works here counts: as root; as root in a
/// chroot, where `/` is no mount whose propagation could be changed; and in a name space of users, which has a root of its own, for those who are none
/// and for containers whose root may not mount. The set-up of `cargo xtask test` reads the same lines.
const WAYS: &str = include_str!("name_spaces.txt");

/// Whether a mount can be made so.
fn mounts(way: &[&str], disk: &Path) -> bool {
    let mut tried = Command::new("unshare");
    tried.args(way).args(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs"]).arg(disk);
    let works = tried.output().unwrap().status.success();
    take_away(disk);
    works
}

/// A mount that went further than its name space, as it does in a chroot on a shared mount; there is none as a rule.
fn take_away(disk: &Path) {
    drop(Command::new("umount").arg(disk).output().unwrap());
}

#[test]
fn nothing_is_changed_or_signed() {
    if let Some(disk) = std::env::var_os(INSIDE) {
        return on_a_small_disk(Path::new(&disk));
    }
    let disk = tempfile::tempdir().unwrap();
    let mut ways = WAYS.lines().map(|way| way.split(' ').collect::<Vec<&str>>());
    let way = ways.find(|way| mounts(way, disk.path()));
    let way = way.unwrap_or_else(|| {
        panic!("no small disk can be mounted here; `unshare` was told one after the other:\n{WAYS}")
    });
    let mut again = Command::new("unshare");
    again.args(way);
    again.arg(std::env::current_exe().unwrap()).args(["--exact", "audit::full_disk::nothing_is_changed_or_signed"]);
    let done = again.env(INSIDE, disk.path()).output().unwrap();
    take_away(disk.path());
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{said}{}", String::from_utf8_lossy(&done.stderr));
    assert!(said.contains("1 passed"), "{said}");
}

fn on_a_small_disk(disk: &Path) {
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"]).arg(disk).output().unwrap();
    assert!(mounted.status.success(), "{}", String::from_utf8_lossy(&mounted.stderr));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut place = Place::new(disk).await;
        for step in steps() {
            // A long WAL is written over from its beginning, for which there is room: an empty one has to grow.
            sqlite3(disk, "PRAGMA wal_checkpoint(TRUNCATE)");
            let (rows, before) = (sqlite3(disk, ".dump"), files(disk));
            fill(disk);
            let error = place.run(&step).await.expect_err(&format!("{step:?}"));
            std::fs::remove_file(disk.join("filler")).unwrap();
            assert!(error.to_string().contains("disk is full"), "{step:?}: {error}");
            assert!(error.to_string().contains("make room where the data directory lies"), "{step:?}: {error}");
            assert_eq!(sqlite3(disk, ".dump"), rows, "{step:?}");
            assert_eq!(files(disk), before, "{step:?}");
            place.run(&step).await.unwrap_or_else(|error| panic!("{step:?}: {error}"));
        }
        // A file by itself: the same next step, and nothing of it is left.
        let before = files(disk);
        fill(disk);
        let error =
            ringfence_core::aside::write(&disk.join("keys/new.pem"), &[0; 65_536], 0o600).unwrap_err().to_string();
        std::fs::remove_file(disk.join("filler")).unwrap();
        assert!(
            error.contains("keys/new.pem: cannot be written: ") && error.ends_with(". Make room on that disk"),
            "{error}"
        );
        assert_eq!(files(disk), before);
        let verdict = place.cluster.store().verify_audit().await.unwrap();
        assert!(verdict.faults.is_empty(), "{:?}", verdict.faults);
    });
}

/// Takes all the room that is left.
fn fill(disk: &Path) {
    let mut filler = File::create(disk.join("filler")).unwrap();
    for size in [65_536, 4096, 512, 1] {
        let block = vec![b'x'; size];
        while filler.write_all(&block).is_ok() {}
    }
}
