//! The console log, in the style of the phones [sources/phones#console]:
//! `2782: NOT 17:21:51.794615 SECD: setupSocketToTvsProxy: Connected to TVS proxy server`.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Most lines that are kept; the oldest go first, as in the ring buffer of a phone.
const MOST_LINES: usize = 2000;

/// Length of the request to flush between the two parts of a phone [sources/phones#console].
const FLUSH_LENGTH: u32 = 3708;

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// `NOT`: a notice.
    Notice,
    /// `WRN`: a warning.
    Warning,
    /// `ERR`: an error.
    Error,
}

impl Level {
    const fn word(self) -> &'static str {
        match self {
            Self::Notice => "NOT",
            Self::Warning => "WRN",
            Self::Error => "ERR",
        }
    }
}

/// The log of one phone.
#[derive(Debug, Clone)]
pub struct Console {
    next: u32,
    zone: TimeZone,
    lines: Vec<String>,
}

impl Console {
    /// An empty log whose times are in `zone`.
    #[must_use]
    pub fn new(zone: TimeZone) -> Self {
        Self { next: 1, zone, lines: Vec::new() }
    }

    /// The lines, oldest first.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// Gives the lines away.
    pub fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.lines)
    }

    pub(crate) fn notice(&mut self, function: &str, text: &str) {
        self.line(Timestamp::now(), Level::Notice, function, text);
    }

    pub(crate) fn warning(&mut self, function: &str, text: &str) {
        self.line(Timestamp::now(), Level::Warning, function, text);
    }

    pub(crate) fn error(&mut self, function: &str, text: &str) {
        self.line(Timestamp::now(), Level::Error, function, text);
    }

    fn line(&mut self, at: Timestamp, level: Level, function: &str, text: &str) {
        let time = at.to_zoned(self.zone.clone()).strftime("%H:%M:%S%.6f").to_string();
        if self.lines.len() >= MOST_LINES {
            self.lines.remove(0);
        }
        self.lines.push(format!("{}: {} {time} SECD: {function}: {text}", self.next, level.word()));
        self.next = self.next.wrapping_add(1);
    }

    /// The client part of the phone is about to have the signer of a list verified, and asks its TVS proxy to forget what it knows.
    /// The texts are those of the original, the length is that of its own request between the two parts.
    pub(crate) fn flush_requested(&mut self) {
        self.notice("setupSocketToTvsProxy", "Connected to TVS proxy server");
        self.notice("tvsReqFlushTvsCertCache", &format!("Sent Request to TVS proxy, len: {FLUSH_LENGTH}"));
    }

    /// TVS has answered, and its proxy has forgotten.
    pub(crate) fn flushed(&mut self) {
        self.notice("clpTvsInit", "Client message received on TVS proxy socket");
        self.notice("processTvsClntReq", &format!("Success reading the client TVS request, len : {FLUSH_LENGTH}"));
        self.notice("processTvsClntReq", "TVS Certificate cache flush request received");
        self.notice("tvsFlushCertCache", "Completed TVS Certificate cache flush request");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_sources() {
        let mut console = Console::new(TimeZone::UTC);
        console.next = 2782;
        let at: Timestamp = "2015-03-09T17:21:51.794615Z".parse().unwrap();
        console.line(at, Level::Notice, "setupSocketToTvsProxy", "Connected to TVS proxy server");
        assert_eq!(
            console.lines(),
            ["2782: NOT 17:21:51.794615 SECD: setupSocketToTvsProxy: Connected to TVS proxy server"]
        );
    }

    #[test]
    fn the_texts_of_a_flush() {
        let mut console = Console::new(TimeZone::UTC);
        console.flush_requested();
        console.flushed();
        let texts: Vec<&str> = console.lines().iter().map(|line| line.split_once("SECD: ").unwrap().1).collect();
        assert_eq!(
            texts,
            [
                "setupSocketToTvsProxy: Connected to TVS proxy server",
                "tvsReqFlushTvsCertCache: Sent Request to TVS proxy, len: 3708",
                "clpTvsInit: Client message received on TVS proxy socket",
                "processTvsClntReq: Success reading the client TVS request, len : 3708",
                "processTvsClntReq: TVS Certificate cache flush request received",
                "tvsFlushCertCache: Completed TVS Certificate cache flush request",
            ]
        );
    }

    #[test]
    fn it_does_not_grow_without_end() {
        let mut console = Console::new(TimeZone::UTC);
        for _ in 0..3000 {
            console.notice("f", "x");
        }
        assert_eq!(console.lines().len(), 2000);
        assert!(console.lines()[1999].starts_with("3000: "));
    }
}
