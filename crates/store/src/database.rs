//! Opening the database, migrations, transactions.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::any::AnyPoolOptions;
use sqlx::{AnyConnection, AnyPool, AssertSqlSafe, Connection, Executor};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::log_lines::Pauses;
use crate::{StoreError, aside, audit_log, fault, lock, regular, wal};

/// The rows of a cluster.
#[derive(Debug, Clone)]
pub struct Store {
    pool: AnyPool,
    file: Arc<Path>,
    audit_log: Arc<Path>,
    /// Whose turn it is to run a `run sql`.
    one_select: Arc<Mutex<()>>,
    /// Logs that took nothing.
    log_pauses: Arc<Pauses>,
    /// Locked by whoever changes something, and whose turn it is in this process.
    turns: (Arc<File>, Arc<Mutex<()>>),
    /// On a disk that can only be read nothing is changed.
    read_only: bool,
    /// Held while the file is open here, so that the next one to open it knows whether others have it open.
    _open: Arc<File>,
}

/// A change to the rows: everything in it lasts, or nothing.
pub struct Transaction {
    inner: sqlx::Transaction<'static, sqlx::Any>,
    store: Store,
    turn: Turn,
    /// This change has put lines of logs.
    log_lines: bool,
    /// The audit log, open, and the last entry of this change.
    audited: Option<(File, i64, String)>,
}

/// The right to change something: those of this process come in turn, those of other processes wait for `write.lock`. SQLite alone
/// lets the quickest in, and who was late too often gives up; and those who wait must not hold the connections that the one at
/// work reads with.
struct Turn {
    file: Arc<File>,
    _mine: OwnedMutexGuard<()>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Err(error) = self.file.unlock() {
            tracing::warn!(%error, "write.lock cannot be unlocked");
        }
    }
}

/// Connections to a SQLite file. Readers do not wait for the writer (WAL), so a few are enough.
const CONNECTIONS: u32 = 4;

/// WAL with a sync at each commit: a certificate that was handed out is never forgotten. Its pages go into the file when it has
/// 32 MB, and each connection keeps 8 MB in memory: with the 4 and 2 of SQLite a thousand phones at once have many pages written
/// and read twice.
const SETTINGS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 10000; \
                        PRAGMA foreign_keys = ON; PRAGMA wal_autocheckpoint = 8192; PRAGMA cache_size = -8192;";

/// What is asked of a file that nothing is written to.
const SETTINGS_READ_ONLY: &str = "PRAGMA query_only = ON; PRAGMA busy_timeout = 10000; PRAGMA cache_size = -8192;";

/// How the schema comes to be.
pub(crate) static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

impl Store {
    /// Opens a SQLite file and brings its schema up to date; makes it when `create` says so. What a process that was killed
    /// left behind is checked for damage before.
    ///
    /// # Errors
    /// [`StoreError`]: no such file, no right, damaged, or written by a newer program.
    pub async fn open(path: &Path, create: bool) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        if !create && !path.exists() {
            return Err(StoreError::file(path, "cannot be opened")(std::io::ErrorKind::NotFound.into()));
        }
        if create {
            // By us, because SQLite would ask the umask who may read it. Its companions get the rights and the owner of this file.
            drop(lock::open(path)?);
        }
        // SQLite opens all three by name, follows links and waits for pipes.
        for name in [path.to_owned(), wal::path(path), path.with_file_name(shared_memory(path))] {
            regular::check(&name).map_err(StoreError::file(&name, "cannot be opened"))?;
        }
        let url = url(path, "rw");
        let held = path.to_owned();
        let held = tokio::task::spawn_blocking(move || hold(&held))
            .await
            .map_err(|error| StoreError::file(path, "cannot be opened")(std::io::Error::other(error)))?;
        let (open, unclean) = match held {
            Err(error) if error.is_read_only() => return Self::open_read_only(path).await,
            held => held?,
        };
        let settled = Arc::new(AtomicBool::new(false));
        let pool = writing_pool(&url, &settled)?;
        let open = match prepare(&pool, path, (open, unclean)).await {
            Ok(open) => open,
            Err(error) => {
                pool.close().await;
                return Err(error);
            }
        };
        settled.store(true, Ordering::Release);
        let turns = lock::open(&path.with_file_name("write.lock"))?;
        let store = Self {
            pool,
            file: path.into(),
            one_select: Arc::default(),
            log_pauses: Arc::default(),
            audit_log: audit_log::path(path).into(),
            turns: (Arc::new(turns), Arc::default()),
            read_only: false,
            _open: Arc::new(open),
        };
        store.chain_old_entries().await?;
        Ok(store)
    }

    /// Opens a file on a disk that can only be read. Nobody locks there, so what a node on another mount of the disk writes meanwhile is
    /// seen only where it has its companions open.
    async fn open_read_only(path: &Path) -> Result<Self, StoreError> {
        let log = wal::path(path);
        let mut url = format!("sqlite://{}?mode=ro", encode_path(path));
        if aside::length(&log)?.unwrap_or_default() == 0 {
            // Without a log SQLite would make one.
            url.push_str("&immutable=1");
        } else if !log.with_file_name(shared_memory(path)).exists() {
            let next = "copy ringfence.db and ringfence.db-wal to a disk that can be written, and read them there";
            let reason = format!("on a disk that can only be read its changes cannot be put together: {next}");
            return Err(StoreError::file(&log, "cannot be used")(std::io::Error::other(reason)));
        }
        let alone = regular::open(&path.with_file_name("open.lock")).is_ok_and(|lock| lock.try_lock().is_ok());
        if alone && aside::length(&log)?.is_some_and(|length| length > 0) {
            wal::check(path)?;
        }
        let mut first = AnyConnection::connect(&url).await.map_err(|error| unopened(path, error))?;
        first.execute(SETTINGS_READ_ONLY).await.map_err(|error| unopened(path, error))?;
        check_version(path, &mut first).await?;
        first.close().await?;
        let options = AnyPoolOptions::new().max_connections(CONNECTIONS).test_before_acquire(false).after_connect(
            |connection, _| Box::pin(async move { connection.execute(SETTINGS_READ_ONLY).await.map(|_| ()) }),
        );
        let pool = options.connect(&url).await?;
        let file = Arc::new(regular::open(path).map_err(StoreError::file(path, "cannot be read"))?);
        Ok(Self {
            pool,
            file: path.into(),
            one_select: Arc::default(),
            log_pauses: Arc::default(),
            audit_log: audit_log::path(path).into(),
            turns: (Arc::clone(&file), Arc::default()),
            read_only: true,
            _open: file,
        })
    }

    /// Whether the disk can only be read.
    pub const fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// Reads the whole file for damage: seconds when it has gigabytes, so a node does it once, when it starts.
    ///
    /// # Errors
    /// [`StoreError`]: damaged, unreadable.
    pub async fn check(&self) -> Result<(), StoreError> {
        check(&mut *self.pool.acquire().await?).await
    }

    /// Starts a change. Only one runs at a time, others wait for their turn: a minute for another process, for one that another
    /// program makes ten seconds.
    ///
    /// # Errors
    /// [`StoreError`]: the turn did not come, with who has it; the database.
    pub async fn begin(&self) -> Result<Transaction, StoreError> {
        self.begin_within(lock::PATIENCE).await
    }

    async fn begin_within(&self, patience: Duration) -> Result<Transaction, StoreError> {
        if self.read_only {
            let next = "it can only be read. Mount it so that it can be written (mount -o remount,rw), then give the command again";
            return Err(StoreError::file(&self.file, "nothing was changed on this disk")(std::io::Error::other(next)));
        }
        let (file, mine) = (Arc::clone(&self.turns.0), Arc::clone(&self.turns.1).lock_owned().await);
        let path = || self.file.with_file_name("write.lock");
        let file = match file.try_lock() {
            Ok(()) => file,
            // By a handle of its own: one that gives up leaves no lock behind on this one.
            Err(TryLockError::WouldBlock) => {
                let waits = lock::open(&path())?;
                Arc::new(lock::take_elsewhere(waits, path(), lock::Kind::Exclusive, patience).await?)
            }
            Err(TryLockError::Error(error)) => return Err(StoreError::file(&path(), "cannot be locked")(error)),
        };
        let turn = Turn { file, _mine: mine };
        let mut inner = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        count_one_up(&mut inner).await?;
        Ok(Transaction { inner, store: self.clone(), turn, log_lines: false, audited: None })
    }

    /// A number that changes when another connection changed the rows: the cheap look before a real one.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn last_change(&self) -> Result<i64, StoreError> {
        Ok(sqlx::query_scalar(
            "SELECT CAST(COALESCE(MAX(seq), 0) AS BIGINT) FROM change WHERE seq < 9223372036854775807",
        )
        .fetch_one(&self.pool)
        .await?)
    }

    /// Closes all connections, so that the file is whole on its own. Those that wrote come last: the last one syncs the log of changes
    /// once more, and its directory too when it never wrote to it.
    pub async fn close(&self) {
        let mut wrote = Vec::new();
        while let Some(mut connection) = self.pool.try_acquire() {
            let changes = sqlx::query_scalar("SELECT total_changes()").fetch_one(&mut *connection).await;
            if changes.is_ok_and(|changes: i64| changes == 0) {
                // Whatever it says, it only read.
                let _closed = connection.close().await;
            } else {
                wrote.push(connection);
            }
        }
        drop(wrote);
        self.pool.close().await;
    }

    /// Where the hashes of the audit log stand, outside the database.
    pub(crate) fn audit_log(&self) -> &Path {
        &self.audit_log
    }

    /// Where the database lies.
    pub(crate) const fn file(&self) -> &Arc<Path> {
        &self.file
    }

    pub(crate) fn log_pauses(&self) -> &Pauses {
        &self.log_pauses
    }

    pub(crate) const fn one_select(&self) -> &Arc<Mutex<()>> {
        &self.one_select
    }

    pub(crate) fn pool(&self) -> &AnyPool {
        &self.pool
    }
}

impl Transaction {
    /// Makes the change last.
    ///
    /// # Errors
    /// [`StoreError::Database`]; nothing lasted then.
    pub async fn commit(self) -> Result<(), StoreError> {
        let log_lines = self.log_lines;
        let store = self.finish().await?;
        if log_lines {
            store.follow_log_lines().await;
        }
        Ok(())
    }

    /// The same, and leaves lines of logs to others.
    pub(crate) async fn finish(self) -> Result<Store, StoreError> {
        fault::point("before a commit");
        self.inner.commit().await?;
        fault::point("after a commit");
        if let Some((file, seq, hash)) = self.audited
            && let Err(error) = audit_log::write(&file, &self.store.audit_log, seq, &hash)
        {
            // The change lasts and its entry is in the chain; the line of the next change speaks for this one too.
            tracing::warn!(%error, "the audit log lags behind");
        }
        drop(self.turn);
        Ok(self.store)
    }

    /// For a change that no audit entry tells of and that a kill changes nothing about: the next process makes it.
    pub(crate) async fn finish_repeatable(self) -> Result<(), StoreError> {
        self.inner.commit().await?;
        drop(self.turn);
        Ok(())
    }

    /// This change has put a line of a log.
    pub(crate) const fn has_log_lines(&mut self) {
        self.log_lines = true;
    }

    /// Where the database lies.
    pub(crate) fn database(&self) -> &Path {
        &self.store.file
    }

    /// Remembers the last entry of this change for the audit log, which has to be writable now.
    pub(crate) fn audited(&mut self, seq: i64, hash: String) -> Result<(), StoreError> {
        let file = audit_log::open(&self.store.audit_log)?;
        self.audited = Some((file, seq, hash));
        Ok(())
    }

    pub(crate) fn connection(&mut self) -> &mut AnyConnection {
        &mut self.inner
    }
}

/// Connections that change rows. Each makes its settings itself once the first one, which [`prepare`] has, has made them: a pool would
/// try again and again to open what cannot be opened.
fn writing_pool(url: &str, settled: &Arc<AtomicBool>) -> Result<AnyPool, StoreError> {
    let settled = Arc::clone(settled);
    let options = AnyPoolOptions::new()
        .max_connections(CONNECTIONS)
        // A file does not hang up, as a server would.
        .test_before_acquire(false)
        // On a full disk SQLite ends a change by itself, and the connection still counts it: it would begin none any more.
        .before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
        .after_connect(move |connection, _| {
            let settled = settled.load(Ordering::Acquire);
            Box::pin(async move { if settled { connection.execute(SETTINGS).await.map(|_| ()) } else { Ok(()) } })
        });
    Ok(options.connect_lazy(url)?)
}

/// Everything that stands before the first use, on one connection: no other is opened for it.
async fn prepare(pool: &AnyPool, path: &Path, (open, unclean): (File, bool)) -> Result<File, StoreError> {
    let mut first = pool.acquire().await.map_err(|error| unopened(path, error))?;
    first.execute(SETTINGS).await.map_err(|error| unopened(path, error))?;
    if unclean {
        check(&mut first).await?;
    }
    // From the lock for himself to one that is shared nobody waits (flock(2)), unless somebody comes in between.
    let open = lock::take_elsewhere(open, path.with_file_name("open.lock"), lock::Kind::Shared, lock::PATIENCE).await?;
    bring_up_to_date(path, &mut first).await?;
    Ok(open)
}

/// An error with the name of the file, and what to look at. What the file holds is at fault only when SQLite says so: a full disk or a missing
/// right is no damage.
fn unopened(path: &Path, error: sqlx::Error) -> StoreError {
    let hint = "may this user read and write it and its directory, is there room, is it a database?";
    let code = error.as_database_error().and_then(|error| error.code()?.parse::<u32>().ok());
    // the first byte is the kind, what stands above it the occasion [sqlite.org/rescode.html]
    let kind = match code.map(|code| code & 0xff) {
        // SQLITE_CORRUPT, SQLITE_NOTADB
        Some(11 | 26) => {
            let reason = format!("{} cannot be opened: {error}; {hint}", path.display());
            return StoreError::BadRow { table: "ringfence.db", reason };
        }
        // SQLITE_FULL
        Some(13) => ErrorKind::StorageFull,
        _ => ErrorKind::Other,
    };
    StoreError::file(path, "cannot be opened")(std::io::Error::new(kind, format!("{error}; {hint}")))
}

/// Locks `open.lock` beside the database; whether the last process that had it open was killed: nobody has it open, and its log
/// of changes is still there. Who is alone holds the lock for himself, so that others wait until he has looked.
fn hold(database: &Path) -> Result<(File, bool), StoreError> {
    let path = database.with_file_name("open.lock");
    let failed = |error| StoreError::file(&path, "cannot be locked")(error);
    let file = lock::open(&path)?;
    match file.try_lock() {
        Ok(()) => {
            let unclean = aside::length(&wal::path(database))?.is_some_and(|length| length > 0);
            if unclean {
                wal::check(database)?;
            }
            Ok((file, unclean))
        }
        Err(TryLockError::WouldBlock) => {
            lock::take(file, &path, lock::Kind::Shared, lock::PATIENCE).map(|file| (file, false))
        }
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// The name of the memory that those who have a database open share.
fn shared_memory(database: &Path) -> std::ffi::OsString {
    let mut name = database.file_name().unwrap_or_default().to_owned();
    name.push("-shm");
    name
}

/// Runs the migrations that are missing: one process alone, because of two that find them missing the second would run them again. Who finds
/// exactly those of this program there waits for nobody.
async fn bring_up_to_date(path: &Path, connection: &mut AnyConnection) -> Result<(), StoreError> {
    let query = "SELECT version, checksum, CAST(success AS BIGINT) FROM _sqlx_migrations ORDER BY version";
    let has: Result<Vec<(i64, Vec<u8>, i64)>, _> = sqlx::query_as(query).fetch_all(&mut *connection).await;
    let wants = MIGRATIONS.iter().map(|step| (step.version, step.checksum.to_vec(), 1));
    if has.is_ok_and(|has| has.into_iter().eq(wants)) {
        return Ok(());
    }
    let path = path.with_file_name("write.lock");
    let file = lock::open(&path)?;
    let _alone = lock::take_elsewhere(file, path, lock::Kind::Exclusive, lock::PATIENCE).await?;
    Ok(MIGRATIONS.run(connection).await?)
}

/// A schema that this program knows; it cannot be brought up to date on a disk that is not written.
async fn check_version(path: &Path, connection: &mut AnyConnection) -> Result<(), StoreError> {
    let has: i64 = sqlx::query_scalar("SELECT CAST(COALESCE(MAX(version), 0) AS BIGINT) FROM _sqlx_migrations")
        .fetch_one(connection)
        .await?;
    let wants = MIGRATIONS.iter().map(|step| step.version).max().unwrap_or_default();
    if has == wants {
        return Ok(());
    }
    let reason = format!(
        "{} has the schema {has}, this program wants {wants}, and the disk can only be read: use the program that wrote it, or a copy on \
         a disk that can be written",
        path.display()
    );
    Err(StoreError::BadRow { table: "ringfence.db", reason })
}

/// Each change has a number, in the header of the file and in that of its log: `wal` knows by them what belongs together.
async fn count_one_up(connection: &mut AnyConnection) -> Result<(), StoreError> {
    let number: i32 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *connection).await?;
    connection.execute(AssertSqlSafe(format!("PRAGMA user_version = {}", number.wrapping_add(1)))).await?;
    Ok(())
}

/// Finds damage before anything is built on it.
async fn check(connection: &mut AnyConnection) -> Result<(), StoreError> {
    judged(sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(connection).await?)
}

/// The same with each index held against its table.
pub(crate) async fn check_wholly(connection: &mut AnyConnection) -> Result<(), StoreError> {
    judged(sqlx::query_scalar("PRAGMA integrity_check(1)").fetch_one(connection).await?)
}

fn judged(verdict: String) -> Result<(), StoreError> {
    if verdict == "ok" {
        return Ok(());
    }
    Err(StoreError::BadRow { table: "ringfence.db", reason: format!("the file is damaged: {verdict}") })
}

/// A database file in the way that sqlx names it.
pub(crate) fn url(path: &Path, mode: &str) -> String {
    format!("sqlite://{}?mode={mode}", encode_path(path))
}

/// The characters that mean something in a URL, spelled as such a URL wants them.
fn encode_path(path: &Path) -> String {
    path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lock::tests::Stranger;

    /// A database with rows, and then a page in its middle that says nothing.
    async fn damaged(path: &Path) {
        let store = Store::open(path, true).await.unwrap();
        let mut transaction = store.begin().await.unwrap();
        for number in 0..500 {
            transaction.set_parameter(&format!("Parameter{number}"), &"x".repeat(200)).await.unwrap();
        }
        transaction.commit().await.unwrap();
        store.close().await;
        let mut bytes = std::fs::read(path).unwrap();
        let page = bytes.len() / 2 / 4096 * 4096;
        bytes[page..page + 4096].fill(0xff);
        std::fs::write(path, bytes).unwrap();
    }

    /// What cannot be opened is a matter of the file system; only what is no database is a matter of its rows.
    #[tokio::test]
    async fn a_database_that_cannot_be_opened_is_no_bad_row() {
        let folder = tempfile::tempdir().unwrap();
        sqlx::any::install_default_drivers();
        let refused = |path: std::path::PathBuf| async move {
            let url = format!("sqlite://{}", encode_path(&path));
            match AnyConnection::connect(&url).await {
                Err(error) => unopened(&path, error),
                Ok(mut first) => unopened(&path, first.execute(SETTINGS).await.unwrap_err()),
            }
        };
        let error = refused(folder.path().join("gone/ringfence.db")).await;
        assert!(matches!(error, StoreError::File { action: "cannot be opened", .. }), "{error:?}");
        assert!(error.to_string().contains("may this user read and write it"), "{error}");
        let path = folder.path().join("ringfence.db");
        std::fs::write(&path, "no database, whatever it is called, and long enough to be asked for its head".repeat(9))
            .unwrap();
        let error = refused(path).await;
        assert!(matches!(error, StoreError::BadRow { table: "ringfence.db", .. }), "{error:?}");
    }

    #[tokio::test]
    async fn damage_is_seen_by_a_check_and_after_a_kill() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ringfence.db");
        damaged(&path).await;
        let store = Store::open(&path, false).await.unwrap();
        let error = store.check().await.unwrap_err().to_string();
        assert!(error.starts_with("database: ringfence.db: the file is damaged: "), "{error}");
        // Somebody has it open: its log of changes says nothing about a kill.
        let beside = Store::open(&path, false).await.unwrap();
        beside.close().await;
        store.close().await;
        drop((store, beside));
        Store::open(&path, false).await.unwrap().close().await;
        std::fs::write(folder.path().join("ringfence.db-wal"), [0; 32]).unwrap();
        let error = Store::open(&path, false).await.unwrap_err().to_string();
        assert!(error.starts_with("database: ringfence.db: the file is damaged: "), "{error}");
    }

    #[tokio::test]
    async fn a_change_waits_for_a_stranger_with_a_limit_and_names_him() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("ringfence.db"), true).await.unwrap();
        let stranger = Stranger::locks(&folder.path().join("write.lock"));
        let error = store.begin_within(Duration::from_millis(20)).await.err().unwrap().to_string();
        let holder = format!("process {} (bash, user ", stranger.0.id());
        assert!(error.contains("write.lock: cannot be locked") && error.contains(&holder), "{error}");
        // Who gave up holds nothing, and who waits goes on when the stranger is gone.
        let (begun, ()) = tokio::join!(store.begin_within(lock::PATIENCE), async { drop(stranger) });
        begun.unwrap().commit().await.unwrap();
        store.begin().await.unwrap().commit().await.unwrap();
    }

    /// Who has to bring nothing up to date waits for nobody.
    #[tokio::test]
    async fn a_database_is_opened_beside_a_change() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ringfence.db");
        Store::open(&path, true).await.unwrap().close().await;
        let _stranger = Stranger::locks(&folder.path().join("write.lock"));
        Store::open(&path, false).await.unwrap().close().await;
    }

    /// Readers close first, so that the last one neither makes nor syncs anything anew: nothing is left beside the file.
    #[tokio::test]
    async fn nothing_is_left_beside_a_closed_database() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ringfence.db");
        let store = Store::open(&path, true).await.unwrap();
        let mut transaction = store.begin().await.unwrap();
        // Three connections: the one that writes, and two that read meanwhile.
        let (first, second) = tokio::join!(store.parameters(), store.last_change());
        assert!(first.is_ok() && second.is_ok());
        transaction.set_parameter("Parameter", "x").await.unwrap();
        transaction.commit().await.unwrap();
        store.parameters().await.unwrap();
        store.close().await;
        for beside in ["ringfence.db-wal", "ringfence.db-shm"] {
            assert!(!folder.path().join(beside).exists(), "{beside}");
        }
    }

    /// A command beside the first start, or two first commands of a newer program.
    #[test]
    fn several_bring_the_schema_up_to_date_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ringfence.db");
        let open = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async { Store::open(&path, true).await.map(drop) })
        };
        std::thread::scope(|scope| {
            let opened: Vec<_> = (0..6).map(|_| scope.spawn(open)).collect();
            for one in opened {
                one.join().unwrap().unwrap();
            }
        });
    }
}
