//! Lines of logs that lose nothing: `alarms.log` and what is told of certificates. A line is a row that is written with the change it tells
//! of; whoever changes something, a phone's session among them, waits for no log. The node that runs writes the rows into the logs, in their
//! order; where none runs the command that made the change does.
//!
//! Each line is written once. Before lines are forgotten the log is synced, and how long it is then stands on record: what is behind
//! that length was written by a process that was killed before it could forget, and is not written again. An administrator may set logs aside at
//! any time.
//!
//! Each log is written under a lock of its own, so that one whose disk does not answer holds up no other.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Error, ErrorKind, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

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

/// How long a log that took nothing is left alone by who tries again and again.
const PAUSE: Duration = Duration::from_secs(30);

/// How long such a one waits for an append. Its lines are written all the same when the disk answers at last.
const PATIENCE: Duration = Duration::from_secs(1);

/// The logs that have lines, one step in the index for each, however many lines wait.
const LOGS: &str = "WITH RECURSIVE logs (path) AS (SELECT MIN(path) FROM logline UNION ALL \
                    SELECT (SELECT MIN(path) FROM logline WHERE logline.path > logs.path) FROM logs WHERE logs.path IS NOT NULL) \
                    SELECT path FROM logs WHERE path IS NOT NULL";

/// The first lines of a log. Those that were written are forgotten, and when all are the numbers begin again.
const FIRST: &str = "SELECT seq, text FROM logline WHERE path = $1 ORDER BY seq LIMIT $2";

/// Lines that do not stand in their log yet.
struct Waiting {
    seq: i64,
    text: String,
}

/// Logs that took nothing, of who tries again and again.
#[derive(Debug, Default)]
pub(crate) struct Pauses(Mutex<BTreeMap<String, Paused>>);

#[derive(Debug)]
struct Paused {
    until: Instant,
    why: String,
}

impl Pauses {
    fn logs(&self) -> MutexGuard<'_, BTreeMap<String, Paused>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why a log waits.
    fn why(&self, log: &str) -> Result<(), StoreError> {
        self.logs().get(log).map_or(Ok(()), |paused| Err(StoreError::LogWaits(paused.why.clone())))
    }

    /// Why a log is left alone now.
    fn paused(&self, log: &str, now: Instant) -> Result<(), StoreError> {
        let logs = self.logs();
        let paused = logs.get(log).filter(|paused| now < paused.until);
        paused.map_or(Ok(()), |paused| Err(StoreError::LogWaits(paused.why.clone())))
    }

    fn note(&self, log: &str, written: &Result<(), StoreError>, now: Instant) {
        let Err(error) = written else {
            self.logs().remove(log);
            return;
        };
        // One that is still being written is held by its lock, and goes on as soon as that is free.
        let slow = matches!(error, StoreError::File { source, .. } if source.kind() == ErrorKind::TimedOut);
        let until = if slow { now } else { now + PAUSE };
        self.logs().insert(log.to_owned(), Paused { until, why: error.to_string() });
    }
}

/// One that tries again and again.
#[derive(Clone, Copy)]
struct Again {
    now: Instant,
    patience: Duration,
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

    /// Writes the lines that wait into their logs. A log is passed over while another process or task writes it: that one writes all there are.
    ///
    /// # Errors
    /// [`StoreError`]: a log that cannot be written. Its lines wait on; those of other logs are written all the same.
    pub async fn write_log_lines(&self) -> Result<(), StoreError> {
        self.write_logs(None).await
    }

    /// The same for who does it again and again: a log that took nothing is left alone for a while, and none is waited for without limit.
    ///
    /// # Errors
    /// [`StoreError`]: also why a log is left alone now.
    pub async fn write_log_lines_again(&self, now: Instant) -> Result<(), StoreError> {
        self.write_logs(Some(Again { now, patience: PATIENCE })).await
    }

    async fn write_logs(&self, again: Option<Again>) -> Result<(), StoreError> {
        let pauses = self.log_pauses();
        if self.is_read_only() || !self.has_log_lines().await? {
            pauses.logs().clear();
            return Ok(());
        }
        let logs = self.logs_with_lines().await?;
        pauses.logs().retain(|log, _| logs.contains(log));
        let mut first = Ok(());
        for log in logs {
            let written = self.write_in_turn(&log, again).await;
            first = first.and(written);
        }
        first
    }

    /// Writes a log that is not left alone now and that nobody else writes.
    async fn write_in_turn(&self, log: &str, again: Option<Again>) -> Result<(), StoreError> {
        let pauses = self.log_pauses();
        if let Some(again) = again {
            pauses.paused(log, again.now)?;
        }
        loop {
            let written = match self.lock_of(log) {
                Ok(Some(lock)) => self.write_log(log, &lock, again.map(|again| again.patience)).await,
                // An append of ours may have it that nobody waits for any more.
                Ok(None) => return pauses.why(log),
                Err(error) => Err(error),
            };
            if let Some(again) = again {
                pauses.note(log, &written, again.now);
            }
            written?;
            // Whoever left lines while it was held has passed it over.
            if self.first_lines(log).await?.is_empty() {
                return Ok(());
            }
        }
    }

    /// Takes the lock of a log, if nobody has it. It lies beside the database, because the disk of the logs may be one that does not answer.
    fn lock_of(&self, log: &str) -> Result<Option<Arc<File>>, StoreError> {
        let path = self.lock_path(log)?;
        let lock = lock::open(&path)?;
        let free = lock::at_once(&lock, Kind::Exclusive).map_err(StoreError::file(&path, "cannot be locked"))?;
        Ok(free.then(|| Arc::new(lock)))
    }

    /// `log.alarms.log.lock`; of a subscriber `nodes.NAME.log.alarms.log.lock`.
    fn lock_path(&self, log: &str) -> Result<PathBuf, StoreError> {
        self.log_path(log)?;
        Ok(self.file().with_file_name(format!("{}.lock", log.replace('/', "."))))
    }

    /// Writes all lines of one log, up to the first that it does not take: what comes behind stands behind it.
    async fn write_log(&self, log: &str, lock: &Arc<File>, patience: Option<Duration>) -> Result<(), StoreError> {
        loop {
            let lines = self.first_lines(log).await?;
            if lines.is_empty() {
                return Ok(());
            }
            self.write_lines(log, &lines, lock, patience).await?;
        }
    }

    async fn logs_with_lines(&self) -> Result<Vec<String>, StoreError> {
        self.read(sqlx::query(LOGS), |row| columns(row).map(|(path,)| path)).await
    }

    async fn first_lines(&self, log: &str) -> Result<Vec<Waiting>, StoreError> {
        let query = sqlx::query(FIRST);
        let read = |row: &sqlx::any::AnyRow| columns(row).map(|(seq, text)| Waiting { seq, text });
        self.read(query.bind(log).bind(BATCH), read).await
    }

    /// Writes lines of one log and forgets them. An append that nobody waits for any more goes on, and keeps the lock until it is done.
    async fn write_lines(
        &self,
        name: &str,
        lines: &[Waiting],
        lock: &Arc<File>,
        patience: Option<Duration>,
    ) -> Result<(), StoreError> {
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
        let (held, log) = (Arc::clone(lock), path.clone());
        let append = tokio::task::spawn_blocking(move || {
            let length = append_missing(&log, known, &text);
            drop(held);
            length
        });
        let done = match patience {
            None => append.await,
            Some(patience) => tokio::time::timeout(patience, append).await.map_err(|_| {
                let next = "its disk does not answer; the lines wait until it does: see what holds it up";
                StoreError::file(&path, "is still being written")(Error::new(ErrorKind::TimedOut, next))
            })?,
        };
        let length = done.map_err(|error| StoreError::file(&path, "lines were not written")(Error::other(error)))??;
        self.forget(name, lines, length).await?;
        fault::point("after log lines were forgotten");
        Ok(())
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
    // A log that is shorter than it was has been set aside or put away, and another begun.
    let from = if known <= length { known } else { 0 };
    let written = standing(&file, from, length, text).map_err(StoreError::file(path, "cannot be read"))?;
    let mut rest = text.as_bytes().get(written..).unwrap_or_default().to_vec();
    if written == 0 && !append::ends_with_a_line(&file).map_err(StoreError::file(path, "cannot be read"))? {
        rest.insert(0, b'\n');
    }
    let (half, other) = rest.split_at(rest.len() / 2);
    file.write_all(half).map_err(failed())?;
    fault::point("when half of log lines is written");
    file.write_all(other).and_then(|()| file.sync_data()).map_err(failed())?;
    if from == 0 {
        // A new one: its name has to last as well before its lines are forgotten.
        aside::sync_directory(path)?;
    }
    fault::point("after log lines were written");
    if written == 0 {
        return Ok(file.metadata().map_err(failed())?.len());
    }
    // What stands behind these lines already is compared with the next ones.
    Ok(from.saturating_add(u64::try_from(text.len()).unwrap_or(u64::MAX)))
}

/// How many bytes of the text stand in the log already, behind the length that it had. Who was killed may have written more than this text.
fn standing(file: &File, from: u64, length: u64, text: &str) -> std::io::Result<usize> {
    let there = usize::try_from(length.saturating_sub(from)).unwrap_or(usize::MAX).min(text.len());
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

    fn numbered(numbers: std::ops::Range<u32>) -> String {
        numbers.map(|number| format!("line {number}\n")).collect()
    }

    /// More changes than are written at once, each with a line.
    async fn many(place: &Place) {
        let mut transaction = place.store.begin().await.unwrap();
        for number in 0..250 {
            transaction.put_log_lines(&place.node, "alarms.log", &[format!("line {number}")]).await.unwrap();
        }
        transaction.finish().await.unwrap();
    }

    /// Written, but not forgotten: nothing of the same log is written before that is mended, and other logs are.
    #[tokio::test]
    async fn what_stands_behind_a_line_that_failed_waits_for_it() {
        let place = Place::new().await;
        many(&place).await;
        place.put("messages", &["heard"]).await;
        let mut transaction = place.store.begin().await.unwrap();
        let never =
            "CREATE TRIGGER never BEFORE DELETE ON logline WHEN OLD.seq = 1 BEGIN SELECT RAISE(ABORT, 'no'); END";
        sqlx::query(never).execute(transaction.connection()).await.unwrap();
        transaction.finish().await.unwrap();
        for _ in 0..3 {
            place.store.write_log_lines().await.unwrap_err();
            assert_eq!((place.text("alarms.log"), place.text("messages").as_str()), (numbered(0..100), "heard\n"));
        }
        let mut transaction = place.store.begin().await.unwrap();
        sqlx::query("DROP TRIGGER never").execute(transaction.connection()).await.unwrap();
        transaction.finish().await.unwrap();
        place.store.write_log_lines().await.unwrap();
        assert_eq!(place.text("alarms.log"), numbered(0..250));
    }

    #[tokio::test]
    async fn who_was_killed_may_have_written_more_than_is_written_at_once() {
        let place = Place::new().await;
        many(&place).await;
        std::fs::write(place.log("alarms.log"), "earlier\n").unwrap();
        place.store.forget("log/alarms.log", &[], 8).await.unwrap();
        std::fs::write(place.log("alarms.log"), format!("earlier\n{}line 1", numbered(0..120))).unwrap();
        // It had come to the next line: `line 120`.
        place.store.write_log_lines().await.unwrap();
        assert_eq!(place.text("alarms.log"), format!("earlier\n{}", numbered(0..250)));
    }

    #[tokio::test]
    #[allow(clippy::disallowed_methods)] // any time will do
    async fn a_log_that_takes_nothing_is_left_alone_for_a_while() {
        let place = Place::new().await;
        let start = Instant::now();
        let again = async |now| place.store.write_log_lines_again(now).await.map_err(|error| error.to_string());
        std::fs::create_dir(place.log("messages")).unwrap();
        place.put("messages", &["heard"]).await;
        let why = again(start).await.unwrap_err();
        std::fs::remove_dir(place.log("messages")).unwrap();
        place.put("alarms.log", &["one"]).await;
        assert_eq!(again(start + PAUSE / 2).await.unwrap_err(), why);
        assert_eq!((place.text("messages").as_str(), place.text("alarms.log").as_str()), ("", "one\n"));
        again(start + PAUSE).await.unwrap();
        assert_eq!(place.text("messages"), "heard\n");
        again(start + PAUSE).await.unwrap();
        // Whoever stops tries it once more.
        std::fs::remove_file(place.log("messages")).unwrap();
        std::fs::create_dir(place.log("messages")).unwrap();
        place.put("messages", &["again"]).await;
        again(start).await.unwrap_err();
        std::fs::remove_dir(place.log("messages")).unwrap();
        place.store.write_log_lines().await.unwrap();
        assert_eq!(place.text("messages"), "again\n");
    }

    /// One log is being written by who does not come to an end; all others are written.
    #[tokio::test]
    #[allow(clippy::disallowed_methods)] // any time will do
    async fn a_log_that_hangs_holds_up_no_other() {
        let place = Place::new().await;
        place.put("alarms.log", &["one"]).await;
        place.put("messages", &["heard"]).await;
        let hangs = place.store.lock_of("log/alarms.log").unwrap().unwrap();
        place.store.write_log_lines_again(Instant::now()).await.unwrap();
        assert_eq!((place.text("alarms.log").as_str(), place.text("messages").as_str()), ("", "heard\n"));
        drop(hangs);
        // What is no lock holds up its own log only, and is named.
        std::fs::remove_file(place.folder.path().join("log.messages.lock")).unwrap();
        std::fs::create_dir(place.folder.path().join("log.messages.lock")).unwrap();
        place.put("messages", &["again"]).await;
        let error = place.store.write_log_lines().await.unwrap_err().to_string();
        assert!(error.contains("log.messages.lock: cannot be opened"), "{error}");
        assert_eq!((place.text("alarms.log").as_str(), place.text("messages").as_str()), ("one\n", "heard\n"));
    }

    /// The number of a line is that of one that was just forgotten, when that was the last.
    #[tokio::test]
    async fn a_line_that_comes_while_its_log_is_written_is_written_too() {
        let place = Place::new().await;
        place.put("alarms.log", &["one"]).await;
        let mut transaction = place.store.begin().await.unwrap();
        let another = "CREATE TRIGGER another AFTER DELETE ON logline WHEN OLD.text = 'one' \
                       BEGIN INSERT INTO logline (seq, path, text) VALUES (1, 'log/alarms.log', 'two'); END";
        sqlx::query(another).execute(transaction.connection()).await.unwrap();
        transaction.finish().await.unwrap();
        place.store.write_log_lines().await.unwrap();
        assert_eq!(place.text("alarms.log"), "one\ntwo\n");
    }

    #[tokio::test]
    async fn a_look_reads_no_lines_but_those_it_writes() {
        let place = Place::new().await;
        for (query, binds) in [(LOGS, 0), (FIRST, 2)] {
            let plan = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {query}"));
            let plan = (0..binds).fold(sqlx::query(plan), |plan, _| plan.bind(1_i64));
            let rows = plan.fetch_all(place.store.pool()).await.unwrap();
            let plan: Vec<String> = rows.iter().map(|row| sqlx::Row::try_get(row, "detail").unwrap()).collect();
            let of_lines: Vec<&String> = plan.iter().filter(|step| step.contains(" logline")).collect();
            assert!(!of_lines.is_empty() && of_lines.iter().all(|step| step.starts_with("SEARCH ")), "{plan:?}");
            assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE")), "{plan:?}");
        }
    }

    /// A disk that does not answer: here the only thread that could write.
    #[test]
    #[allow(clippy::disallowed_methods)] // any time will do
    fn nobody_waits_without_limit_and_nobody_else_writes_meanwhile() {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(1).build().unwrap();
        runtime.block_on(async {
            let place = Place::new().await;
            place.put("alarms.log", &["one"]).await;
            let (answer, answers) = std::sync::mpsc::channel::<()>();
            let disk = tokio::task::spawn_blocking(move || answers.recv().is_ok());
            let now = Instant::now();
            let again = Again { now, patience: Duration::from_millis(1) };
            let error = place.store.write_logs(Some(again)).await.unwrap_err().to_string();
            assert!(error.contains("alarms.log: is still being written"), "{error}");
            assert!(place.store.lock_of("log/alarms.log").unwrap().is_none(), "the append still has it");
            assert_eq!(place.store.write_logs(Some(again)).await.unwrap_err().to_string(), error);
            assert_eq!(place.text("alarms.log"), "");
            drop(answer);
            assert!(!disk.await.unwrap());
            // Behind the append.
            tokio::task::spawn_blocking(|| ()).await.unwrap();
            place.store.write_log_lines_again(now).await.unwrap();
            assert_eq!(place.text("alarms.log"), "one\n");
            assert!(!place.store.has_log_lines().await.unwrap());
        });
    }
}
