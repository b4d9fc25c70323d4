//! `log/audit.log`: the number and hash of the last audit entry of each commit, a line each. It stands outside the database, so
//! that one who alters rows is seen; a copy of it on another machine (as logs have) shows even who alters both.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::chain::{expected, hex, unhex};
use crate::{Store, StoreError, append, aside, directory, regular};

/// Faults that are told at most: who finds a hundred need not read on.
pub const FAULT_LIMIT: usize = 100;

/// Characters of a half line that are kept: more than a whole one has.
const HALF_LIMIT: usize = 200;

/// Where the log of a database stands.
pub(crate) fn path(database: &Path) -> PathBuf {
    database.with_file_name("log").join("audit.log")
}

/// What the log begins with. It names no entry; it is on the disk before the first entry is committed, so that a power cut leaves a log
/// that lags behind and never entries without one.
fn first_line() -> String {
    format!("0 {}\n", "0".repeat(64))
}

/// Where half lines are set aside.
fn half_name(log: &Path) -> PathBuf {
    log.with_file_name("audit.log.half")
}

/// Opens the log before anything is committed: when it cannot be written the change must fail. Who calls this has the turn to change
/// something, so nobody else writes meanwhile.
pub(crate) fn open(path: &Path) -> Result<File, StoreError> {
    let failed = || StoreError::file(path, "cannot be written");
    let folder = path.parent().unwrap_or(path);
    directory::make(folder, directory::LOG_FOLDER)?;
    set_half_line_aside(path)?;
    let mut file = append::open(path)?;
    if file.metadata().map_err(failed())?.len() == 0 {
        let begun = file.write_all(first_line().as_bytes()).and_then(|()| file.sync_all());
        if let Err(error) = begun {
            // Empty again: half a first line would be set aside as one of an entry.
            file.set_len(0).map_err(failed())?;
            return Err(failed()(error));
        }
        aside::sync_directory(path)?;
        aside::sync_directory(folder)?;
    }
    Ok(file)
}

/// Adds a line. It is not synced: after a power cut the log may lag behind the rows, which is no fault.
pub(crate) fn write(mut file: &File, path: &Path, seq: i64, hash: &str) -> Result<(), StoreError> {
    let failed = || StoreError::file(path, "cannot be written");
    let before = file.metadata().map_err(failed())?.len();
    let written = file.write_all(format!("{seq} {hash}\n").as_bytes());
    if written.is_err() {
        // What a full disk took of the line.
        file.set_len(before).map_err(failed())?;
    }
    written.map_err(failed())
}

/// A process that was killed or a machine without power leaves half a line at the end. It speaks for no entry; the next line would be
/// written behind it and be none.
fn set_half_line_aside(path: &Path) -> Result<(), StoreError> {
    let failed = || StoreError::file(path, "cannot be read");
    let log = match regular::open_with(OpenOptions::new().read(true).write(true), path) {
        Ok(log) => log,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed()(error)),
    };
    if append::ends_with_a_line(&log).map_err(failed())? {
        return Ok(());
    }
    let bytes = aside::read(path)?.unwrap_or_default();
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let half = String::from_utf8_lossy(bytes.get(whole..).unwrap_or_default()).into_owned();
    let half: String = half.chars().filter(|letter| *letter != '\0').take(HALF_LIMIT).collect();
    append::line(&half_name(path), &half)?;
    tracing::warn!(half, "log/audit.log ended with half a line, which is in log/audit.log.half now");
    let length = u64::try_from(whole).unwrap_or(u64::MAX);
    log.set_len(length).and_then(|()| log.sync_all()).map_err(StoreError::file(path, "cannot be written"))
}

/// What the log says.
pub(crate) struct Log {
    /// Numbers and hashes. What is no line of ours stands under the highest number, with a hash that fits nothing.
    pub lines: BTreeMap<i64, String>,
    /// There is a log, though it may name nothing yet.
    pub there: bool,
    /// Half lines: those that were set aside, and one that stands at the end.
    pub half: usize,
}

/// Reads the log and the part that was set aside.
pub(crate) fn read(path: &Path) -> Result<Log, StoreError> {
    let half = aside::read(&half_name(path))?.unwrap_or_default();
    let half = half.iter().filter(|byte| **byte == b'\n').count();
    let mut log = Log { lines: BTreeMap::new(), there: false, half };
    for path in [append::set_aside_name(path), path.to_owned()] {
        let Some(bytes) = aside::read(&path)? else { continue };
        let text = String::from_utf8_lossy(&bytes);
        let end = text.rfind('\n').map_or(0, |end| end + 1);
        log.half += usize::from(end < text.len());
        for line in text.get(..end).unwrap_or_default().split_inclusive('\n') {
            log.there = true;
            if line == first_line() {
                continue;
            }
            let line = line.trim_end_matches('\n');
            let (seq, hash) = line.split_once(' ').unwrap_or((line, ""));
            let known = seq.parse().ok().filter(|seq| *seq > 0);
            // Two lines of one number with two hashes: the second one is kept where it differs.
            log.lines
                .entry(known.unwrap_or(i64::MAX))
                .and_modify(|other: &mut String| {
                    if other != hash {
                        *other = String::new();
                    }
                })
                .or_insert_with(|| hash.to_owned());
        }
    }
    Ok(log)
}

/// What is wrong with the audit log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuditFault {
    /// Fields or hash were altered.
    #[error("entry {0} was altered: its hash does not fit")]
    Altered(i64),
    /// Entries are gone between others.
    #[error("entries {0} to {1} were taken out")]
    Missing(i64, i64),
    /// The end was cut off.
    #[error("the last entries were cut off: log/audit.log names entry {named}, the last one is {last}")]
    CutOff {
        /// The last entry that the log names.
        named: i64,
        /// The last entry that is there.
        last: i64,
    },
    /// The chain is whole, but another one than was written.
    #[error("entry {0} has another hash than log/audit.log names: it or one before it was replaced")]
    Replaced(i64),
    /// The log has a line that this program does not write.
    #[error("log/audit.log holds a line that is none")]
    BadLine,
    /// There are entries and no log.
    #[error("log/audit.log is gone: it cannot be seen whether the last entries were cut off")]
    NoLog,
}

/// What a look at the whole audit log found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditVerdict {
    /// Entries that are there.
    pub entries: i64,
    /// Hash of the last one, lower-case hexadecimal; empty when there is none.
    pub head: String,
    /// Lines of `log/audit.log` that were compared.
    pub lines: usize,
    /// Half lines of it: a disk was full, a process was killed or the power was cut while one was written. They are no fault.
    pub half_lines: usize,
    /// What is wrong, at most [`FAULT_LIMIT`]; none when all is well.
    pub faults: Vec<AuditFault>,
}

impl Store {
    /// Reads the whole audit log and holds it against its chain and against `log/audit.log`. Memory does not grow with it.
    ///
    /// # Errors
    /// [`StoreError`]: unreadable.
    pub async fn verify_audit(&self) -> Result<AuditVerdict, StoreError> {
        // The file first: what is committed while the rows are read may be in them and not in it, never the other way round.
        let Log { mut lines, there, half } = read(self.audit_log())?;
        let bad = lines.remove(&i64::MAX).is_some();
        let mut verdict =
            AuditVerdict { entries: 0, head: String::new(), lines: lines.len(), half_lines: half, faults: Vec::new() };
        let mut tell = |fault| {
            if verdict.faults.len() < FAULT_LIMIT {
                verdict.faults.push(fault);
            }
        };
        if bad {
            tell(AuditFault::BadLine);
        }
        let (mut last, mut previous) = (0_i64, [0_u8; 32]);
        loop {
            let page = self.audit_after(last).await?;
            if page.is_empty() {
                break;
            }
            for row in page {
                if row.seq != last.saturating_add(1) {
                    tell(AuditFault::Missing(last.saturating_add(1), row.seq.saturating_sub(1)));
                }
                let expected = expected(&row, &previous);
                if row.hash != hex(&expected) && row.seq == last.saturating_add(1) {
                    tell(AuditFault::Altered(row.seq));
                }
                if lines.remove(&row.seq).is_some_and(|named| named != row.hash) {
                    tell(AuditFault::Replaced(row.seq));
                }
                last = row.seq;
                // What stands in the row: the next ones are judged by themselves.
                previous = unhex(&row.hash).unwrap_or(expected);
                verdict.entries += 1;
                verdict.head = row.hash;
            }
        }
        if let Some((named, _)) = lines.last_key_value().filter(|(named, _)| **named > last) {
            tell(AuditFault::CutOff { named: *named, last });
        }
        if !there && verdict.entries > 0 {
            tell(AuditFault::NoLog);
        }
        Ok(verdict)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn change(store: &Store, number: i64) {
        let mut transaction = store.begin().await.unwrap();
        transaction.note_audit(number, "admin", "set parameter X", "1").await.unwrap();
        transaction.commit().await.unwrap();
    }

    async fn verdict(store: &Store) -> (Vec<AuditFault>, usize) {
        let verdict = store.verify_audit().await.unwrap();
        (verdict.faults, verdict.half_lines)
    }

    #[tokio::test]
    async fn half_lines_are_set_aside_and_are_no_alteration() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("ringfence.db"), true).await.unwrap();
        for number in 1..=3 {
            change(&store, number).await;
        }
        let path = folder.path().join("log/audit.log");
        let whole = std::fs::read(&path).unwrap();
        // Cut at every byte: what a full disk or a kill leaves, and what a power cut may leave behind it.
        let mut halves = 0;
        let before_last = whole.len() - whole.split_inclusive(|byte| *byte == b'\n').next_back().unwrap().len();
        for length in before_last..whole.len() {
            for garbage in [&b""[..], &[0; 700]] {
                let bytes = [whole.get(..length).unwrap(), garbage].concat();
                let half = usize::from(bytes.last() != Some(&b'\n'));
                std::fs::write(&path, &bytes).unwrap();
                assert_eq!(verdict(&store).await, (Vec::new(), halves + half), "{length} bytes");
                change(&store, 4).await;
                halves += half;
                assert_eq!(verdict(&store).await, (Vec::new(), halves), "{length} bytes, and one more");
            }
        }
        let half = std::fs::read_to_string(folder.path().join("log/audit.log.half")).unwrap();
        assert_eq!(half.lines().count(), halves);
        assert!(half.lines().all(|line| !line.contains('\0')));
        // The proof is none the weaker: another hash, a line that is none, no log at all.
        let text = std::fs::read_to_string(&path).unwrap();
        let last = text.lines().last().unwrap();
        std::fs::write(&path, text.replace(last, &last.replace(|letter: char| letter.is_ascii_alphabetic(), "0")))
            .unwrap();
        assert!(matches!(verdict(&store).await.0.as_slice(), [AuditFault::Replaced(_)]));
        std::fs::write(&path, format!("{text}nonsense\n")).unwrap();
        assert_eq!(verdict(&store).await.0, [AuditFault::BadLine]);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(verdict(&store).await.0, [AuditFault::NoLog]);
    }

    #[tokio::test]
    async fn the_log_is_on_the_disk_before_the_first_entry() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("ringfence.db"), true).await.unwrap();
        let path = folder.path().join("log/audit.log");
        let mut transaction = store.begin().await.unwrap();
        transaction.note_audit(1, "admin", "set parameter X", "1").await.unwrap();
        // Here the power may be cut, or behind the commit: what is synced is the first line.
        assert_eq!(std::fs::read_to_string(&path).unwrap(), first_line());
        transaction.commit().await.unwrap();
        std::fs::write(&path, first_line()).unwrap();
        assert_eq!(verdict(&store).await, (Vec::new(), 0));
        change(&store, 2).await;
        assert_eq!(verdict(&store).await, (Vec::new(), 0));
        assert_eq!(store.verify_audit().await.unwrap().lines, 1);
    }
}
