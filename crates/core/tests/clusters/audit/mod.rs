//! The audit log: its chain, what altering it leaves behind, and that nothing is changed or signed when it cannot be written.

mod chain;
mod full_disk;
mod operations;
mod unwritable;

use std::path::Path;
use std::process::Command;

/// What the `sqlite3` of Debian says to a statement about the database of a folder.
pub fn sqlite3(folder: &Path, statement: &str) -> String {
    let done = Command::new("sqlite3").arg(folder.join("ringfence.db")).arg(statement).output().unwrap();
    assert!(done.status.success(), "{statement}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}
