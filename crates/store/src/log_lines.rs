//! Lines of logs that lose nothing: `alarms.log` and what is told of certificates. A line is a row that is written with the change it tells
//! of; whoever changes something, a phone's session among them, waits for no log. The node that runs writes the rows into the logs, in their
//! order; where none runs the command that made the change does.
//!
//! Each line is written once. Before lines are forgotten the log is synced, and how long it is then stands on record: what is behind
//! that length was written by a process that was killed before it could forget, and is not written again. An administrator may set logs aside at
//! any time.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use wire::printable::one_line;

use crate::append::{self, SIZE_LIMIT};
use crate::directory::{DataDirectory, LOG_FOLDER, NodeDirectory};
use crate::lock::{self, Kind};
use crate::unreadable::columns;
use crate::{Store, StoreError, Transaction, aside, fault};

/// Lines of a row: a reset of 100 000 phones is told in as many.
const LINES: usize = 128;

/// Rows that are written at once. All their lines are shorter than a log that is set aside.
const BATCH: i64 = 100;

/// Held by whoever writes lines.
const LOCK: &str = "log.lock";

/// Lines that do not stand in their log yet.
struct Waiting {
    seq: i64,
    path: String,
    text: String,
}

impl Store {
    /// Whether lines wait.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn has_log_lines(&self) -> Result<bool, StoreError> {
        let found: Option<i64> =
            sqlx::query_scalar("SELECT CAST(1 AS BIGINT) FROM logline LIMIT 1").fetch_optional(self.pool()).await?;
        Ok(found.is_some())
    }

    /// Writes the lines that wait into their logs. Nothing happens while another process or task does: it writes all there are.
    ///
    /// # Errors
    /// [`StoreError`]: a log that cannot be written. Its lines wait on; those of other logs are written all the same.
    pub async fn write_log_lines(&self) -> Result<(), StoreError> {
        if self.is_read_only() || !self.has_log_lines().await? {
            return Ok(());
        }
        let path = self.file().with_file_name(LOCK);
        let lock = lock::open(&path)?;
        if !lock::at_once(&lock, Kind::Exclusive).map_err(StoreError::file(&path, "cannot be locked"))? {
            return Ok(());
        }
        let (mut behind, mut first) = (0, Ok(()));
        loop {
            let lines = self.lines_behind(behind).await?;
            let Some(last) = lines.last() else { return first };
            behind = last.seq;
            let mut logs: BTreeMap<String, Vec<Waiting>> = BTreeMap::new();
            for line in lines {
                logs.entry(line.path.clone()).or_default().push(line);
            }
            for (path, lines) in logs {
                let written = self.write_lines(&path, &lines).await;
                first = first.and(written);
            }
        }
    }

    async fn lines_behind(&self, seq: i64) -> Result<Vec<Waiting>, StoreError> {
        let query = sqlx::query("SELECT seq, path, text FROM logline WHERE seq > $1 ORDER BY seq LIMIT $2");
        let read = |row: &sqlx::any::AnyRow| {
            let (seq, path, text) = columns(row)?;
            Ok(Waiting { seq, path, text })
        };
        self.read(query.bind(seq).bind(BATCH), read).await
    }

    /// Writes lines of one log and forgets them.
    async fn write_lines(&self, name: &str, lines: &[Waiting]) -> Result<(), StoreError> {
        let path = self.log_path(name)?;
        let known = match self.known_length(name).await? {
            Some(known) => known,
            None => {
                // On record before the first line: who is killed behind it leaves something to compare with.
                let length = aside::length(&path)?.unwrap_or_default();
                self.forget(name, &[], length).await?;
                length
            }
        };
        let text: String = lines.iter().flat_map(|row| row.text.lines()).map(|line| one_line(line) + "\n").collect();
        let length =
            tokio::task::spawn_blocking(move || append_missing(&path, known, &text)).await.map_err(|error| {
                StoreError::file(self.file(), "lines of logs were not written")(std::io::Error::other(error))
            })??;
        self.forget(name, lines, length).await
    }

    async fn known_length(&self, name: &str) -> Result<Option<u64>, StoreError> {
        let query = sqlx::query("SELECT length FROM logfile WHERE path = $1").bind(name);
        let found = self.read(query, |row| columns(row).map(|(length,): (i64,)| length)).await?;
        Ok(found.first().and_then(|length| u64::try_from(*length).ok()))
    }

    async fn forget(&self, name: &str, lines: &[Waiting], length: u64) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        for line in lines {
            let query = sqlx::query("DELETE FROM logline WHERE seq = $1").bind(line.seq);
            query.execute(transaction.connection()).await?;
        }
        let query = sqlx::query(
            "INSERT INTO logfile (path, length) VALUES ($1, $2) ON CONFLICT (path) DO UPDATE SET length = $2",
        );
        let length = i64::try_from(length).unwrap_or(i64::MAX);
        query.bind(name).bind(length).execute(transaction.connection()).await?;
        transaction.finish_repeatable().await
    }

    /// Where a log lies that a row names. Nobody but us writes such rows, and they lead nowhere else all the same.
    fn log_path(&self, name: &str) -> Result<PathBuf, StoreError> {
        let plain = |part: &&str| !part.is_empty() && !part.starts_with('.') && !part.contains('\0');
        let parts: Vec<&str> = name.split('/').collect();
        let is_log = matches!(parts.as_slice(), ["log", _] | ["nodes", _, "log", _]) && parts.iter().all(plain);
        if is_log {
            return Ok(aside::parent(self.file()).join(name));
        }
        let reason = format!("`{}` is no log of a node", one_line(name));
        Err(StoreError::BadRow { table: "logline", reason })
    }

    /// After a change that left lines: the node that runs writes them; where none runs it is done here, and what cannot be written waits.
    pub(crate) async fn follow_log_lines(&self) {
        let data = DataDirectory::new(aside::parent(self.file()));
        let written = match data.is_served() {
            Ok(true) => Ok(()),
            Ok(false) => self.write_log_lines().await,
            Err(error) => Err(error),
        };
        if let Err(error) = written {
            tracing::warn!(%error, "lines of a log wait until it can be written; the audit log has the change");
        }
    }
}

impl Transaction {
    /// Puts lines into a log of a node, with this change.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_log_lines(&mut self, node: &NodeDirectory, log: &str, lines: &[String]) -> Result<(), StoreError> {
        let path = node.log().join(log);
        let below = path.strip_prefix(aside::parent(self.database())).unwrap_or(&path);
        let name = below.to_string_lossy().into_owned();
        for lines in lines.chunks(LINES) {
            let text: Vec<String> = lines.iter().map(|line| one_line(line)).collect();
            let query = sqlx::query(
                "INSERT INTO logline (seq, path, text) \
                 VALUES ((SELECT COALESCE(MAX(seq), 0) + 1 FROM logline WHERE seq < 9223372036854775807), $1, $2)",
            );
            query.bind(&name).bind(text.join("\n")).execute(self.connection()).await?;
            self.has_log_lines();
        }
        Ok(())
    }
}

/// Appends what is missing of `text` to a log that had the length `known` before. Its length then.
fn append_missing(path: &Path, known: u64, text: &str) -> Result<u64, StoreError> {
    let failed = || StoreError::file(path, "cannot be written");
    crate::directory::make(aside::parent(path), LOG_FOLDER)?;
    let mut file = append::log_file(path)?;
    let mut length = file.metadata().map_err(failed())?.len();
    if length >= SIZE_LIMIT && length == known {
        std::fs::rename(path, append::set_aside_name(path)).map_err(StoreError::file(path, "cannot be set aside"))?;
        (file, length) = (append::log_file(path)?, 0);
    }
    let written = tail(&file, known, length, text).map_err(StoreError::file(path, "cannot be read"))?;
    let mut rest = text.as_bytes().get(written..).unwrap_or_default().to_vec();
    if written == 0 && !append::ends_with_a_line(&file).map_err(StoreError::file(path, "cannot be read"))? {
        rest.insert(0, b'\n');
    }
    let (half, other) = rest.split_at(rest.len() / 2);
    file.write_all(half).map_err(failed())?;
    fault::point("when half of log lines is written");
    file.write_all(other).and_then(|()| file.sync_data()).map_err(failed())?;
    fault::point("after log lines were written");
    Ok(file.metadata().map_err(failed())?.len())
}

/// How many bytes of the text stand at the end of the log already, behind its known length. A log that is shorter was set aside or put away, and
/// another begun.
fn tail(file: &File, known: u64, length: u64, text: &str) -> std::io::Result<usize> {
    let from = if known <= length { known } else { 0 };
    let Some(there) = usize::try_from(length - from).ok().filter(|there| *there <= text.len()) else { return Ok(0) };
    let mut bytes = vec![0; there];
    file.read_exact_at(&mut bytes, from)?;
    Ok(if text.as_bytes().starts_with(&bytes) { there } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Place {
        folder: tempfile::TempDir,
        store: Store,
        node: NodeDirectory,
    }

    impl Place {
        async fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let data = DataDirectory::new(folder.path());
            let node = data.node("", true);
            node.create().unwrap();
            Self { store: Store::open(&data.database(), true).await.unwrap(), node, folder }
        }

        /// A change that leaves lines, as one makes it beside a node that runs.
        async fn put(&self, log: &str, lines: &[&str]) {
            let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
            let mut transaction = self.store.begin().await.unwrap();
            transaction.put_log_lines(&self.node, log, &lines).await.unwrap();
            transaction.finish().await.unwrap();
        }

        fn log(&self, name: &str) -> PathBuf {
            self.folder.path().join("log").join(name)
        }

        fn text(&self, name: &str) -> String {
            std::fs::read_to_string(self.log(name)).unwrap_or_default()
        }
    }

    #[tokio::test]
    async fn lines_stand_in_their_logs_once_and_in_order() {
        let place = Place::new().await;
        place.put("alarms.log", &["one", "two\nwith \u{1b}[2J"]).await;
        place.put("messages", &["heard"]).await;
        let many: Vec<String> = (0..1000).map(|number| format!("line {number}")).collect();
        place.put("alarms.log", &many.iter().map(String::as_str).collect::<Vec<_>>()).await;
        assert!(!place.log("alarms.log").exists(), "who changes something writes no log");
        place.store.write_log_lines().await.unwrap();
        let whole = format!("one\ntwo\\nwith \\u{{1b}}[2J\n{}\n", many.join("\n"));
        assert_eq!((place.text("alarms.log"), place.text("messages").as_str()), (whole.clone(), "heard\n"));
        assert!(!place.store.has_log_lines().await.unwrap());
        // Where no node runs whoever changes something does it.
        let mut transaction = place.store.begin().await.unwrap();
        transaction.put_log_lines(&place.node, "alarms.log", &["last".to_owned()]).await.unwrap();
        transaction.commit().await.unwrap();
        assert_eq!(place.text("alarms.log"), whole + "last\n");
    }

    /// Killed behind each byte that is written, and before the line is forgotten. The same line comes twice, as at a clock that stands.
    #[tokio::test]
    async fn a_kill_at_any_byte_writes_no_line_twice() {
        for killed_behind in 0..=12 {
            let place = Place::new().await;
            place.put("alarms.log", &["same"]).await;
            place.store.write_log_lines().await.unwrap();
            place.put("alarms.log", &["same"]).await;
            let begun = &"same\nother\n".as_bytes()[..killed_behind.min(11)];
            let mut file = append::log_file(&place.log("alarms.log")).unwrap();
            // The process had read two lines when it was killed, or one.
            if killed_behind > 5 {
                place.put("alarms.log", &["other"]).await;
            }
            file.write_all(begun).unwrap();
            place.put("alarms.log", &["new"]).await;
            place.store.write_log_lines().await.unwrap();
            let wanted = if killed_behind > 5 { "same\nsame\nother\nnew\n" } else { "same\nsame\nnew\n" };
            assert_eq!(place.text("alarms.log"), wanted, "killed behind {killed_behind}");
        }
    }

    #[tokio::test]
    async fn logs_may_be_set_aside_cut_and_written_by_others() {
        let place = Place::new().await;
        place.put("alarms.log", &["one", "two"]).await;
        place.store.write_log_lines().await.unwrap();
        std::fs::rename(place.log("alarms.log"), place.log("old")).unwrap();
        place.put("alarms.log", &["three"]).await;
        // Killed with the new one begun.
        std::fs::write(place.log("alarms.log"), "thr").unwrap();
        place.store.write_log_lines().await.unwrap();
        assert_eq!(place.text("alarms.log"), "three\n");
        std::fs::write(place.log("alarms.log"), "three\nhalf of somebody").unwrap();
        place.put("alarms.log", &["four"]).await;
        place.store.write_log_lines().await.unwrap();
        assert_eq!(place.text("alarms.log"), "three\nhalf of somebody\nfour\n");
        // A full one is set aside; so is it when the process is killed between both.
        let full = "x".repeat(usize::try_from(SIZE_LIMIT).unwrap());
        for killed in [false, true] {
            std::fs::write(place.log("alarms.log"), format!("{full}\n")).unwrap();
            place.put("alarms.log", &["five"]).await;
            place.store.write_log_lines().await.unwrap();
            place.put("alarms.log", &["six"]).await;
            if killed {
                std::fs::rename(place.log("alarms.log"), place.log("alarms.log.1")).unwrap();
                std::fs::write(place.log("alarms.log"), "six\n").unwrap();
            }
            place.store.write_log_lines().await.unwrap();
            assert_eq!(place.text("alarms.log"), "six\n", "killed: {killed}");
            assert_eq!(place.text("alarms.log.1"), format!("{full}\nfive\n"));
        }
    }

    /// A log that takes nothing, and rows that somebody has written, keep no other line from its log.
    #[tokio::test]
    async fn what_cannot_be_written_waits() {
        let place = Place::new().await;
        std::fs::create_dir(place.log("messages")).unwrap();
        place.put("messages", &["heard"]).await;
        place.put("alarms.log", &["one"]).await;
        let mut transaction = place.store.begin().await.unwrap();
        let bad =
            "INSERT INTO logline VALUES (100, '../../etc/passwd', 'x'), (101, 'log/../x', 'x'), (102, X'ff', X'ff')";
        sqlx::query(bad).execute(transaction.connection()).await.unwrap();
        transaction.finish().await.unwrap();
        let error = place.store.write_log_lines().await.unwrap_err().to_string();
        assert!(error.contains("is no log of a node") || error.contains("messages: cannot be written"), "{error}");
        assert_eq!(place.text("alarms.log"), "one\n");
        std::fs::remove_dir(place.log("messages")).unwrap();
        place.store.write_log_lines().await.unwrap_err();
        assert_eq!((place.text("messages").as_str(), place.text("alarms.log").as_str()), ("heard\n", "one\n"));
        assert!(!place.folder.path().join("x").exists());
    }
}
