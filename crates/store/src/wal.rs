//! Whether the log of changes that lies beside a database belongs to it.
//!
//! SQLite puts the pages of `ringfence.db-wal` into whatever `ringfence.db` it finds: the log of a killed node goes into a copy of last
//! week, and damages it. So each change counts one up in the header of the database (`user_version`), and with that its page 1 stands in
//! the log for each change. The log fits when the file has the number before its first change, or one of those in it: pages that were put
//! into the file already are put there again.
//!
//! The format: sqlite.org/fileformat2.html, "The Write-Ahead Log" (4) and "The Database Header" (1.3).

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::{StoreError, regular};

/// Where the header of a database has `user_version`.
const USER_VERSION: usize = 60;

/// Bytes of the log's header, and of that of a frame.
const LOG_HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// The first four bytes of a log, but for the last bit: whether its checksums take words as big-endian.
const MAGIC: u32 = 0x377f_0682;

/// Sizes of a page that there are.
const PAGE_SIZES: std::ops::RangeInclusive<usize> = 512..=65_536;

/// The log beside a database.
pub(crate) fn path(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

/// Looks at both before SQLite does; changes nothing.
///
/// # Errors
/// [`StoreError::BadRow`] when the log belongs to another state of the file, with what to do; [`StoreError::File`].
pub(crate) fn check(database: &Path) -> Result<(), StoreError> {
    let (log, failed) = (path(database), StoreError::file(database, "cannot be read"));
    let has = match regular::open(database).and_then(|file| version(&file)) {
        Ok(has) => has,
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => 0,
        Err(error) => return Err(failed(error)),
    };
    let opened = regular::open(&log).map_err(StoreError::file(&log, "cannot be read"))?;
    let Some(changes) =
        changes(BufReader::with_capacity(1 << 20, opened)).map_err(StoreError::file(&log, "cannot be read"))?
    else {
        return Ok(());
    };
    let before_first = changes.first.wrapping_sub(1);
    // Numbers that go round: how far one is ahead of the other.
    let fits = has.wrapping_sub(before_first) >= 0 && changes.last.wrapping_sub(has) >= 0;
    if fits {
        return Ok(());
    }
    let (file, log) = (database.display(), log.display());
    Err(StoreError::BadRow {
        table: "ringfence.db",
        reason: format!(
            "{log} does not belong to {file}: the file is at change {has}, the log goes on from {before_first} to {}. It was left by \
             a process that was killed, and the file was put there since. Nothing was changed. To go on with the file as it was put \
             there, move the log and {file}-shm to another directory; to go on with what the killed process had, put back the file that \
             was there before; `ringfence restore` puts a backup in place with all that belongs to it",
            changes.last
        ),
    })
}

/// The numbers of the first and the last change in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Changes {
    first: i32,
    last: i32,
}

/// What a log holds for whoever opens the database; `None`: no change with a number.
fn changes(mut log: impl Read) -> std::io::Result<Option<Changes>> {
    let mut header = [0; LOG_HEADER];
    let [magic, _, page_size, _, salt_1, salt_2, sum_1, sum_2] = match log.read_exact(&mut header) {
        Ok(()) => words(&header),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    };
    let (page_size, big) = (usize::try_from(page_size).unwrap_or_default(), magic & 1 == 1);
    let mut sums = (0, 0);
    add(&mut sums, header.get(..FRAME_HEADER).unwrap_or_default(), big);
    // SQLite takes nothing of such a log either.
    if magic & !1 != MAGIC || sums != (sum_1, sum_2) || !PAGE_SIZES.contains(&page_size) || !page_size.is_power_of_two()
    {
        return Ok(None);
    }
    let (mut committed, mut pending): (Option<Changes>, Option<Changes>) = (None, None);
    let mut frame = vec![0; FRAME_HEADER + page_size];
    loop {
        match log.read_exact(&mut frame) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(committed),
            Err(error) => return Err(error),
        }
        let (head, page) = frame.split_at(FRAME_HEADER);
        let [number, length_after, frame_salt_1, frame_salt_2, frame_sum_1, frame_sum_2] = words(head);
        add(&mut sums, head.get(..8).unwrap_or_default(), big);
        add(&mut sums, page, big);
        // From here on the log is older, or was not written to its end.
        if (frame_salt_1, frame_salt_2) != (salt_1, salt_2) || (frame_sum_1, frame_sum_2) != sums {
            return Ok(committed);
        }
        if number == 1 {
            let [at] = words(page.get(USER_VERSION..).unwrap_or_default());
            let now = at.cast_signed();
            pending = Some(Changes { first: pending.map_or(now, |changes| changes.first), last: now });
        }
        if length_after > 0 {
            committed = pending;
        }
    }
}

/// The number in the header of a database file.
fn version(file: &File) -> std::io::Result<i32> {
    let mut bytes = [0; 4];
    file.read_exact_at(&mut bytes, USER_VERSION as u64)?;
    Ok(i32::from_be_bytes(bytes))
}

/// Big-endian words from the front; 0 behind the end.
fn words<const N: usize>(bytes: &[u8]) -> [u32; N] {
    let (words, _) = bytes.as_chunks::<4>();
    std::array::from_fn(|index| words.get(index).copied().map(u32::from_be_bytes).unwrap_or_default())
}

/// The checksum of a log (4.2 there), over pairs of words.
fn add(sums: &mut (u32, u32), bytes: &[u8], big: bool) {
    let word = |bytes: [u8; 4]| if big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) };
    let (pairs, _) = bytes.as_chunks::<8>();
    for &[a, b, c, d, e, f, g, h] in pairs {
        sums.0 = sums.0.wrapping_add(word([a, b, c, d])).wrapping_add(sums.1);
        sums.1 = sums.1.wrapping_add(word([e, f, g, h])).wrapping_add(sums.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;

    /// A database as a killed process leaves it: file and log, copied while it was open.
    fn killed(from: &Path, to: &Path) {
        std::fs::create_dir_all(to).unwrap();
        for name in ["ringfence.db", "ringfence.db-wal"] {
            if let Ok(bytes) = std::fs::read(from.join(name)) {
                std::fs::write(to.join(name), bytes).unwrap();
            }
        }
    }

    async fn change(store: &Store, from: usize, count: usize) {
        for number in from..from + count {
            let mut transaction = store.begin().await.unwrap();
            // Rows that grow and go, so that pages move.
            transaction
                .set_parameter(&format!("Parameter{}", number % 40), &"x".repeat(number * 97 % 3000))
                .await
                .unwrap();
            transaction.commit().await.unwrap();
        }
    }

    async fn parameters(database: &Path) -> Result<usize, String> {
        let store = Store::open(database, false).await.map_err(|error| error.to_string())?;
        store.check().await.map_err(|error| error.to_string())?;
        let count = store.parameters().await.map_err(|error| error.to_string())?.len();
        store.close().await;
        Ok(count)
    }

    #[tokio::test]
    async fn only_the_log_of_this_file_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let (live, database) = (folder.path().join("live"), folder.path().join("live/ringfence.db"));
        std::fs::create_dir(&live).unwrap();
        let store = Store::open(&database, true).await.unwrap();
        // States of the file over time: each with the log in it, as after a clean stop.
        let mut copies = Vec::new();
        for round in 0..8 {
            change(&store, round * 30, 30).await;
            sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(store.pool()).await.unwrap();
            copies.push(std::fs::read(&database).unwrap());
        }
        change(&store, 500, 60).await;
        // A copy of the moment is consistent with the log, and what is in the log already may be in the file.
        let crashed = folder.path().join("crashed");
        killed(&live, &crashed);
        sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").execute(store.pool()).await.unwrap();
        let moved = folder.path().join("moved");
        killed(&live, &moved);
        store.close().await;
        let newest = std::fs::read(&database).unwrap();
        for (round, copy) in copies.iter().enumerate() {
            let place = folder.path().join(format!("copy{round}"));
            killed(&crashed, &place);
            let path = place.join("ringfence.db");
            std::fs::write(&path, copy).unwrap();
            let log = std::fs::read(place.join("ringfence.db-wal")).unwrap();
            let opened = parameters(&path).await;
            if round + 1 == copies.len() {
                opened.unwrap();
                continue;
            }
            let error = opened.unwrap_err();
            assert!(error.contains("ringfence.db-wal does not belong to "), "{round}: {error}");
            // Nothing is lost, and both next steps lead on.
            assert!(
                std::fs::read(&path).unwrap() == *copy && std::fs::read(place.join("ringfence.db-wal")).unwrap() == log
            );
            std::fs::remove_file(place.join("ringfence.db-wal")).unwrap();
            parameters(&path).await.unwrap();
        }
        // An old log beside a newer file.
        let place = folder.path().join("newer");
        killed(&crashed, &place);
        let later = Store::open(&database, false).await.unwrap();
        change(&later, 0, 3).await;
        later.close().await;
        std::fs::copy(&database, place.join("ringfence.db")).unwrap();
        assert!(parameters(&place.join("ringfence.db")).await.unwrap_err().contains("does not belong"));
        // What belongs together is taken, wherever the process was killed.
        std::fs::write(moved.join("ringfence.db"), &newest).unwrap();
        for place in [&crashed, &moved] {
            assert_eq!(parameters(&place.join("ringfence.db")).await.unwrap(), 40, "{place:?}");
        }
    }

    #[test]
    fn a_log_that_says_nothing_is_no_log() {
        for bytes in [&b""[..], b"short", &[0; LOG_HEADER], &[0xff; 4096]] {
            assert_eq!(changes(bytes).unwrap(), None);
        }
    }
}
