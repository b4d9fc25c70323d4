//! The log of a running node. The node writes it beside its work, so that a line comes a moment after what it tells: tests wait for it.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// What a node has said in its log so far.
#[derive(Clone, Default)]
pub struct Log {
    lines: Arc<(Mutex<Vec<String>>, Condvar)>,
}

impl Log {
    /// Reads the log until the node ends, and keeps the lines that are `wanted`.
    pub fn follow(&self, from: impl Read + Send + 'static, wanted: fn(&str) -> bool) {
        let lines = Arc::clone(&self.lines);
        std::thread::spawn(move || {
            for line in BufReader::new(from).lines().map_while(Result::ok).filter(|line| wanted(line)) {
                lines.0.lock().unwrap().push(line);
                lines.1.notify_all();
            }
        });
    }

    /// The lines so far.
    pub fn lines(&self) -> Vec<String> {
        self.lines.0.lock().unwrap().clone()
    }

    /// The lines, as soon as they are as expected; when that takes too long, as they are.
    pub fn when(&self, expected: impl Fn(&[String]) -> bool) -> Vec<String> {
        let lines = self.lines.0.lock().unwrap();
        let waited = self.lines.1.wait_timeout_while(lines, Duration::from_secs(20), |lines| !expected(lines));
        waited.unwrap().0.clone()
    }

    /// Waits for a line that holds each of `words`.
    #[track_caller]
    pub fn tells(&self, words: &[&str]) {
        let is = |line: &String| words.iter().all(|word| line.contains(word));
        let lines = self.when(|lines| lines.iter().any(is));
        assert!(lines.iter().any(is), "no line with {words:?}: {lines:#?}");
    }
}
