//! Logs that nobody waits for: `log/tvs.log` and `log/capf.log`, lines of the form `HH:MM:SS.mmm | debug ...` in local time
//! [sources/tvs#log], and standard error.
//!
//! Lines are stamped where they arise and written by a thread of their own, so no phone waits for a disk or for who reads
//! standard error. What cannot be taken is dropped, counted and said in the log itself. The pointer line of the original
//! (`convertX509ToDER -x509cert : 0x...`) stands in `tvs.log` without the pointer, which says nothing.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tracing_subscriber::fmt::MakeWriter;
use wire::printable::{one_line, styled};

use crate::once_a_minute::OnceAMinute;
use crate::tvs::RotatingFile;

/// Requests whose lines may wait to be written, some seconds of a busy server.
const WAITING: usize = 4096;

/// Bytes of them at most: a name in a certificate that a peer sends may have 64 kB.
const WAITING_BYTES: usize = 4 << 20;

/// The first line wakes the writer; it then lets lines gather for so long, because waking it for each request would
/// cost the phones more than the line itself.
const GATHER: Duration = Duration::from_millis(50);

/// Number of waiting requests at which the writer does not wait any longer.
const MANY: usize = WAITING / 4;

/// Lines about the log itself come from no address.
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// Lines that belong together, with one time stamp.
#[derive(Debug)]
pub struct LogLines {
    at: Timestamp,
    text: String,
}

impl LogLines {
    /// Begins now.
    #[must_use]
    #[allow(clippy::disallowed_methods)] // the time of a log line is taken where the line arises, and that is here
    pub fn now() -> Self {
        Self { at: Timestamp::now(), text: String::with_capacity(1024) }
    }

    /// Adds a line, the text behind the time stamp.
    pub fn push(&mut self, line: &str) {
        self.text.push_str(&one_line(line));
        self.text.push('\n');
    }

    fn push_styled(&mut self, text: &str) {
        self.text.push_str(&styled(text).replace('\n', "\\n"));
        self.text.push('\n');
    }

    fn count(&self) -> u64 {
        self.text.lines().count() as u64
    }
}

/// What waits, and how far the writer is.
#[derive(Debug, Default)]
struct Queue {
    lines: VecDeque<LogLines>,
    /// Bytes in them.
    bytes: usize,
    /// Requests put in and requests written, since the start.
    put: u64,
    written: u64,
    /// Somebody waits for the writer.
    hurry: bool,
    /// No handle is left.
    closed: bool,
    /// The writer is gone.
    ended: bool,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    /// For the writer: something to do.
    work: Condvar,
    /// For those in [`LineLog::flush`]: something was written.
    done: Condvar,
    dropped: AtomicU64,
    handles: AtomicUsize,
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        // the queue is whole between any two statements, also after a panic
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A handle on the log. Copies of it write to the same place; when the last one is gone, what waits is written.
#[derive(Debug)]
pub struct LineLog(Arc<Shared>);

impl Clone for LineLog {
    fn clone(&self) -> Self {
        self.0.handles.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(&self.0))
    }
}

impl Drop for LineLog {
    fn drop(&mut self) {
        if self.0.handles.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.queue().closed = true;
            self.0.work.notify_one();
        }
    }
}

impl LineLog {
    /// Appends to a file that is turned over at `max_bytes` (see [`RotatingFile`]).
    ///
    /// # Errors
    /// When the file cannot be opened or the thread cannot be started.
    pub fn to_file(path: impl Into<PathBuf>, max_bytes: u64) -> io::Result<Self> {
        Self::to(RotatingFile::open(path, max_bytes)?)
    }

    /// Writes to anything, each write being whole lines.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn to(out: impl Write + Send + 'static) -> io::Result<Self> {
        Self::with(out, Some(TimeZone::system()))
    }

    /// The same for lines that say themselves what time it is.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn plain(out: impl Write + Send + 'static) -> io::Result<Self> {
        Self::with(out, None)
    }

    fn with(out: impl Write + Send + 'static, zone: Option<TimeZone>) -> io::Result<Self> {
        let shared = Arc::new(Shared { handles: AtomicUsize::new(1), ..Shared::default() });
        let (shared_too, told) = (Arc::clone(&shared), OnceAMinute::default());
        let writer = Writer { out, zone, gathered: Vec::new(), shared: shared_too, said: 0, told };
        std::thread::Builder::new().name("log".to_owned()).spawn(move || writer.run())?;
        Ok(Self(shared))
    }

    /// Writes one line.
    pub fn line(&self, text: &str) {
        let mut lines = LogLines::now();
        lines.push(text);
        self.lines(lines);
    }

    /// Writes a message of the program, which may have styles of its own: what a stranger sent was spelled out by who made it.
    pub fn message(&self, text: &str) {
        let mut lines = LogLines::now();
        lines.push_styled(text);
        self.lines(lines);
    }

    /// Writes lines that belong together. Never waits for who takes them.
    pub fn lines(&self, lines: LogLines) {
        if lines.text.is_empty() {
            return;
        }
        let mut queue = self.0.queue();
        let bytes = queue.bytes.saturating_add(lines.text.len());
        if queue.ended || queue.lines.len() >= WAITING || bytes > WAITING_BYTES {
            drop(queue);
            self.0.dropped.fetch_add(lines.count(), Ordering::Relaxed);
            return;
        }
        queue.bytes = bytes;
        queue.lines.push_back(lines);
        queue.put += 1;
        let waiting = queue.lines.len();
        drop(queue);
        if waiting == 1 || waiting == MANY {
            self.0.work.notify_one();
        }
    }

    /// Lines that were lost because who takes them was too slow or refused them.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }

    /// What a metric says of this log under a name. It keeps the log open for nobody.
    #[must_use]
    pub fn drops(&self, name: &'static str) -> Drops {
        Drops { name, shared: Arc::clone(&self.0) }
    }

    /// Waits until everything before this call is written or lost; false when the writer is gone, or does not get on with
    /// it within `limit`. Blocks: not for the reactor.
    pub fn flush(&self, limit: Duration) -> bool {
        let mut queue = self.0.queue();
        let put = queue.put;
        queue.hurry = true;
        self.0.work.notify_one();
        let (queue, _) = self
            .0
            .done
            .wait_timeout_while(queue, limit, |queue| queue.written < put && !queue.ended)
            .unwrap_or_else(PoisonError::into_inner);
        queue.written >= put
    }
}

/// How many lines of a log were lost, for metrics.
#[derive(Debug, Clone)]
pub struct Drops {
    /// The log.
    pub name: &'static str,
    shared: Arc<Shared>,
}

impl Drops {
    /// Since the start.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }
}

struct Writer<W> {
    out: W,
    /// For the time stamp; `None`: the lines have one.
    zone: Option<TimeZone>,
    gathered: Vec<u8>,
    shared: Arc<Shared>,
    said: u64,
    told: OnceAMinute,
}

impl<W> Drop for Writer<W> {
    fn drop(&mut self) {
        self.shared.queue().ended = true;
        self.shared.done.notify_all();
    }
}

impl<W: Write> Writer<W> {
    fn run(mut self) {
        while let Some(batch) = self.next_batch() {
            for lines in &batch {
                self.gather(lines);
            }
            self.gather_lost();
            self.write();
            let mut queue = self.shared.queue();
            queue.written += batch.len() as u64;
            drop(queue);
            self.shared.done.notify_all();
        }
    }

    /// Waits for lines and lets more of them gather. `None`: no handle is left and nothing waits.
    fn next_batch(&self) -> Option<VecDeque<LogLines>> {
        let Shared { work, .. } = &*self.shared;
        let queue = work
            .wait_while(self.shared.queue(), |queue| queue.lines.is_empty() && !queue.closed && !queue.hurry)
            .unwrap_or_else(PoisonError::into_inner);
        let gathering = |queue: &mut Queue| queue.lines.len() < MANY && !queue.closed && !queue.hurry;
        let (mut queue, _) = work.wait_timeout_while(queue, GATHER, gathering).unwrap_or_else(PoisonError::into_inner);
        queue.hurry = false;
        queue.bytes = 0;
        let batch = std::mem::take(&mut queue.lines);
        if batch.is_empty() && queue.closed { None } else { Some(batch) }
    }

    fn stamp(&self, at: Timestamp) -> String {
        self.zone.as_ref().map_or_else(String::new, |zone| {
            let time = zone.to_datetime(at).time();
            format!("{:02}:{:02}:{:02}.{:03} | ", time.hour(), time.minute(), time.second(), time.millisecond())
        })
    }

    fn gather(&mut self, lines: &LogLines) {
        let stamp = self.stamp(lines.at);
        for line in lines.text.lines() {
            self.gathered.extend_from_slice(stamp.as_bytes());
            self.gathered.extend_from_slice(line.as_bytes());
            self.gathered.push(b'\n');
        }
    }

    /// Says what was lost since the last time, if something was. Lines are lost only while others wait, so this is never far off.
    fn gather_lost(&mut self) {
        let lost = self.shared.dropped.load(Ordering::Relaxed);
        let count = lost.saturating_sub(std::mem::replace(&mut self.said, lost));
        if count > 0 {
            let who = if self.zone.is_some() { "debug TvsLog" } else { "warning" };
            let mut said = LogLines::now();
            said.push(&format!("{who} : {count} lines lost, they came faster than they could be written"));
            self.gather(&said);
        }
    }

    fn write(&mut self) {
        if self.gathered.is_empty() {
            return;
        }
        if let Err(error) = self.out.write_all(&self.gathered).and_then(|()| self.out.flush()) {
            let lines = self.gathered.split(|byte| *byte == b'\n').count().saturating_sub(1);
            self.shared.dropped.fetch_add(lines as u64, Ordering::Relaxed);
            // Of standard error nobody could be told.
            if self.zone.is_some()
                && let Some(more) = self.told.count("a log cannot be written", HERE, Instant::now())
            {
                tracing::warn!(%error, lines, "the TVS or CAPF log cannot be written; is the disk full?{more}");
            }
        }
        self.gathered.clear();
    }
}

/// For messages of the program: each is one write, whole when it is dropped.
impl<'a> MakeWriter<'a> for LineLog {
    type Writer = Message<'a>;

    fn make_writer(&'a self) -> Message<'a> {
        Message { log: self, text: Vec::new() }
    }
}

/// A message that is being written.
#[derive(Debug)]
pub struct Message<'a> {
    log: &'a LineLog,
    text: Vec<u8>,
}

impl Write for Message<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Message<'_> {
    fn drop(&mut self) {
        self.log.message(String::from_utf8_lossy(&self.text).trim_end_matches('\n'));
    }
}

/// Texts of OpenSSL may have line ends; what goes into a line has none.
pub(crate) fn on_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::sync::{Condvar, Mutex};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    /// A sink that holds back every write until it is let go.
    #[derive(Clone, Default)]
    struct Gate(Arc<(Mutex<Held>, Condvar)>);

    #[derive(Default)]
    struct Held {
        open: bool,
        text: Vec<u8>,
    }

    impl Gate {
        fn open(&self) {
            self.0.0.lock().unwrap().open = true;
            self.0.1.notify_all();
        }

        fn text(&self) -> String {
            String::from_utf8(self.0.0.lock().unwrap().text.clone()).unwrap()
        }
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut state = self.0.1.wait_while(self.0.0.lock().unwrap(), |state| !state.open).unwrap();
            state.text.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn has_stamp(line: &str) -> bool {
        let stamp: Vec<char> = line.chars().take(15).collect();
        stamp.len() == 15
            && stamp.iter().enumerate().all(|(at, c)| match at {
                2 | 5 => *c == ':',
                8 => *c == '.',
                12 | 14 => *c == ' ',
                13 => *c == '|',
                _ => c.is_ascii_digit(),
            })
    }

    #[test]
    fn lines_have_the_form_of_the_original() {
        let gate = Gate::default();
        gate.open();
        let log = LineLog::to(gate.clone()).unwrap();
        let mut lines = LogLines::now();
        lines.push("debug tvsHandleQueryCertReq");
        lines.push("debug tvsHandleQueryCertReq : Subject Name is: CN=a");
        log.lines(lines);
        assert!(log.flush(PATIENCE));
        let text = gate.text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|line| has_stamp(line)), "{text}");
        assert!(lines[1].ends_with("| debug tvsHandleQueryCertReq : Subject Name is: CN=a"));
    }

    #[test]
    fn a_stuck_disk_costs_lines_but_nobody_waits_and_the_log_says_so() {
        let gate = Gate::default();
        let log = LineLog::to(gate.clone()).unwrap();
        let sent = 4 * WAITING as u64;
        for _ in 0..sent {
            log.line("debug x");
        }
        let lost = log.dropped();
        assert!(lost > 0, "the queue is bounded");
        gate.open();
        assert!(log.flush(PATIENCE));
        log.line("debug after");
        assert!(log.flush(PATIENCE));
        let text = gate.text();
        let said: u64 = text
            .lines()
            .filter_map(|line| line.split_once("debug TvsLog : ")?.1.split(' ').next()?.parse::<u64>().ok())
            .sum();
        assert_eq!(said, lost);
        assert_eq!(text.matches("| debug x\n").count() as u64, sent - lost);
        assert!(text.ends_with("| debug after\n"));
    }

    #[test]
    fn who_stops_reading_standard_error_is_not_waited_for() {
        let gate = Gate::default();
        let log = LineLog::plain(gate.clone()).unwrap();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(log.clone()).finish();
        let long = "x".repeat(1 << 20);
        tracing::subscriber::with_default(subscriber, || {
            // of the first ones the writer may have taken some
            (0..12).for_each(|number| tracing::warn!(number, "{long}"));
        });
        let lost = log.dropped();
        assert!(lost >= 2, "4 MiB wait, and as much is being written: {lost}");
        assert!(!log.flush(Duration::from_millis(10)), "the wait at the end is bounded too");
        gate.open();
        assert!(log.flush(PATIENCE));
        log.line("after");
        assert!(log.flush(PATIENCE));
        let text = gate.text();
        assert_eq!(text.matches(" WARN ").count() as u64, 12 - lost);
        let said = format!("warning : {lost} lines lost, they came faster than they could be written\nafter\n");
        assert!(text.ends_with(&said), "{:?}", text.lines().next_back());
    }
}
