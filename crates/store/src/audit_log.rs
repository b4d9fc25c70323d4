//! `log/audit.log`: the number and hash of the last audit entry of each commit, a line each. It stands outside the database, so
//! that one who alters rows is seen; a copy of it on another machine (as logs have) shows even who alters both.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File};
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::rows::{hex, unhex};
use crate::{Store, StoreError, append, aside};

/// Faults that are told at most: who finds a hundred need not read on.
pub const FAULT_LIMIT: usize = 100;

/// Where the log of a database stands.
pub(crate) fn path(database: &Path) -> PathBuf {
    database.with_file_name("log").join("audit.log")
}

/// Opens the log before anything is committed: when it cannot be written the change must fail.
pub(crate) fn open(path: &Path) -> Result<File, StoreError> {
    if let Some(parent) = path.parent() {
        let made = DirBuilder::new().recursive(true).mode(0o750).create(parent);
        made.map_err(StoreError::file(parent, "cannot be made"))?;
    }
    append::open(path)
}

/// Adds a line. It is not synced: after a power cut the log may lag behind the rows, which is no fault.
pub(crate) fn write(mut file: &File, path: &Path, seq: i64, hash: &str) -> Result<(), StoreError> {
    file.write_all(format!("{seq} {hash}\n").as_bytes()).map_err(StoreError::file(path, "cannot be written"))
}

/// Numbers and hashes of the log and of the part that was set aside. What is no line of ours counts as a line with a hash that fits
/// nothing, except an unfinished one at the end.
pub(crate) fn lines(path: &Path) -> Result<BTreeMap<i64, String>, StoreError> {
    let mut all = BTreeMap::new();
    for path in [append::set_aside_name(path), path.to_owned()] {
        let Some(bytes) = aside::read(&path)? else { continue };
        let text = String::from_utf8_lossy(&bytes);
        let whole = text.rfind('\n').map_or("", |end| text.get(..end).unwrap_or_default());
        for line in whole.lines() {
            let (seq, hash) = line.split_once(' ').unwrap_or((line, ""));
            let known = seq.parse().ok().filter(|seq| *seq > 0);
            // Two lines of one number with two hashes: the second one is kept where it differs.
            all.entry(known.unwrap_or(i64::MAX))
                .and_modify(|other: &mut String| {
                    if other != hash {
                        *other = String::new();
                    }
                })
                .or_insert_with(|| hash.to_owned());
        }
    }
    Ok(all)
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
        let mut lines = lines(self.audit_log())?;
        let count = lines.len();
        let bad = lines.remove(&i64::MAX).is_some();
        let mut verdict = AuditVerdict { entries: 0, head: String::new(), lines: count, faults: Vec::new() };
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
                let expected = row.expected(&previous);
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
        if count == 0 && verdict.entries > 0 {
            tell(AuditFault::NoLog);
        }
        Ok(verdict)
    }
}
