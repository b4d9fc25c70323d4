//! `log/tvs.log`: lines of the form `HH:MM:SS.mmm | debug ...` in local time [seed 000, 004].
//!
//! Lines are stamped where they arise and written by a thread of their own, so no phone waits for the disk. What the
//! disk cannot take is dropped, counted and said in the log itself. The pointer line of the original
//! (`convertX509ToDER -x509cert : 0x...`) stands there without the pointer, which says nothing.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{
    Receiver, Sender, SyncSender, TryRecvError, TrySendError, channel, sync_channel,
};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::rotate::RotatingFile;

/// Requests whose lines may wait to be written. With about 1 kB each that is 4 MB, some seconds of a busy server.
const WAITING: usize = 4096;

/// Bytes gathered before they are written; a disk likes few large pieces.
const GATHERED: usize = 64 * 1024;

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
        Self {
            at: Timestamp::now(),
            text: String::with_capacity(1024),
        }
    }

    /// Adds a line, the text behind the time stamp.
    pub fn push(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn count(&self) -> u64 {
        self.text.lines().count() as u64
    }
}

enum Entry {
    Lines(LogLines),
    Flush(Sender<()>),
}

/// A handle on the log. Copies of it write to the same place; when the last one is gone, what waits is written.
#[derive(Debug, Clone)]
pub struct TvsLog {
    entries: SyncSender<Entry>,
    dropped: Arc<AtomicU64>,
}

impl TvsLog {
    /// Appends to a file that is turned over at `max_bytes` (see [`RotatingFile`]).
    ///
    /// # Errors
    /// When the file cannot be opened or the thread cannot be started.
    pub fn to_file(path: impl Into<PathBuf>, max_bytes: u64) -> io::Result<Self> {
        Self::to(RotatingFile::open(path, max_bytes)?)
    }

    /// Writes to anything, each write being whole lines. `lab` shows the lines that way.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn to(out: impl Write + Send + 'static) -> io::Result<Self> {
        let (entries, receiver) = sync_channel(WAITING);
        let dropped = Arc::new(AtomicU64::new(0));
        let writer = Writer {
            out,
            zone: TimeZone::system(),
            gathered: Vec::new(),
            dropped: Arc::clone(&dropped),
            said: 0,
        };
        std::thread::Builder::new()
            .name("tvs-log".to_owned())
            .spawn(move || writer.run(&receiver))?;
        Ok(Self { entries, dropped })
    }

    /// Writes one line.
    pub fn line(&self, text: &str) {
        let mut lines = LogLines::now();
        lines.push(text);
        self.lines(lines);
    }

    /// Writes lines that belong together. Never waits.
    pub fn lines(&self, lines: LogLines) {
        if lines.text.is_empty() {
            return;
        }
        match self.entries.try_send(Entry::Lines(lines)) {
            Ok(()) => {}
            Err(TrySendError::Full(entry) | TrySendError::Disconnected(entry)) => {
                if let Entry::Lines(lines) = entry {
                    self.dropped.fetch_add(lines.count(), Ordering::Relaxed);
                }
            }
        }
    }

    /// Lines that were lost because the disk was too slow or refused them.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Waits until everything before this call is written or lost; false when the writer is gone. Blocks: not for the
    /// reactor.
    pub fn flush(&self) -> bool {
        let (done, written) = channel();
        self.entries.send(Entry::Flush(done)).is_ok() && written.recv().is_ok()
    }
}

struct Writer<W> {
    out: W,
    zone: TimeZone,
    gathered: Vec<u8>,
    dropped: Arc<AtomicU64>,
    said: u64,
}

impl<W: Write> Writer<W> {
    fn run(mut self, entries: &Receiver<Entry>) {
        loop {
            let entry = match entries.try_recv() {
                Ok(entry) => entry,
                Err(TryRecvError::Disconnected) => break,
                Err(TryRecvError::Empty) => {
                    self.write();
                    match entries.recv() {
                        Ok(entry) => entry,
                        Err(_) => break,
                    }
                }
            };
            match entry {
                Entry::Lines(lines) => self.gather(&lines),
                Entry::Flush(done) => {
                    self.write();
                    if done.send(()).is_err() {
                        tracing::debug!("whoever waited for the TVS log is gone");
                    }
                }
            }
            if self.gathered.len() >= GATHERED {
                self.write();
            }
        }
        self.write();
    }

    fn gather(&mut self, lines: &LogLines) {
        let time = self.zone.to_datetime(lines.at).time();
        let stamp = format!(
            "{:02}:{:02}:{:02}.{:03} | ",
            time.hour(),
            time.minute(),
            time.second(),
            time.millisecond()
        );
        let lost = self.dropped.load(Ordering::Relaxed);
        if lost > self.said {
            self.gathered.extend_from_slice(stamp.as_bytes());
            let text = format!(
                "debug TvsLog : {} lines lost, they came faster than they could be written\n",
                lost - self.said
            );
            self.gathered.extend_from_slice(text.as_bytes());
            self.said = lost;
        }
        for line in lines.text.lines() {
            self.gathered.extend_from_slice(stamp.as_bytes());
            self.gathered.extend_from_slice(line.as_bytes());
            self.gathered.push(b'\n');
        }
    }

    fn write(&mut self) {
        if self.gathered.is_empty() {
            return;
        }
        if let Err(error) = self
            .out
            .write_all(&self.gathered)
            .and_then(|()| self.out.flush())
        {
            let lines = self
                .gathered
                .split(|byte| *byte == b'\n')
                .count()
                .saturating_sub(1);
            self.dropped.fetch_add(lines as u64, Ordering::Relaxed);
            tracing::warn!(%error, lines, "the TVS log cannot be written; is the disk full?");
        }
        self.gathered.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Condvar, Mutex};

    use super::*;

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
            let mut state = self
                .0
                .1
                .wait_while(self.0.0.lock().unwrap(), |state| !state.open)
                .unwrap();
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
        let log = TvsLog::to(gate.clone()).unwrap();
        let mut lines = LogLines::now();
        lines.push("debug tvsHandleQueryCertReq");
        lines.push("debug tvsHandleQueryCertReq : Subject Name is: CN=a");
        log.lines(lines);
        assert!(log.flush());
        let text = gate.text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|line| has_stamp(line)), "{text}");
        assert!(lines[1].ends_with("| debug tvsHandleQueryCertReq : Subject Name is: CN=a"));
    }

    #[test]
    fn a_stuck_disk_costs_lines_but_nobody_waits_and_the_log_says_so() {
        let gate = Gate::default();
        let log = TvsLog::to(gate.clone()).unwrap();
        let sent = (WAITING + GATHERED) as u64;
        for _ in 0..sent {
            log.line("debug x");
        }
        let lost = log.dropped();
        assert!(lost > 0, "the queue is bounded");
        gate.open();
        assert!(log.flush());
        log.line("debug after");
        assert!(log.flush());
        let text = gate.text();
        let said: u64 = text
            .lines()
            .filter_map(|line| {
                line.split_once("debug TvsLog : ")?
                    .1
                    .split(' ')
                    .next()?
                    .parse::<u64>()
                    .ok()
            })
            .sum();
        assert_eq!(said, lost);
        assert_eq!(text.matches("| debug x\n").count() as u64, sent - lost);
        assert!(text.ends_with("| debug after\n"));
    }
}
