//! Places where a process may die, so that tests can kill it at each of them. A release build has none of this.
//!
//! A test starts the program with [`VARIABLE`] naming a file. While that file does not exist, nothing happens. When it holds a
//! number N, every point that is passed from then on, by whatever process, adds its name as a line to `FILE.passed`, and the
//! Nth is the last thing the process does: SIGKILL, no destructor, no flush. With 0 nobody dies and the test learns how
//! many points there are.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use nix::sys::signal::{Signal, raise};

/// Environment variable with the path of the file that arms the points.
pub const VARIABLE: &str = "RINGFENCE_FAULT";

/// A point is passed: `name` says before or after what.
pub fn point(name: &'static str) {
    if !cfg!(debug_assertions) {
        return;
    }
    if let Some(file) = std::env::var_os(VARIABLE) {
        armed(Path::new(&file), name);
    }
}

fn armed(file: &Path, name: &str) {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(last) = std::fs::read_to_string(file).ok().and_then(|text| text.trim().parse::<usize>().ok()) else {
        return;
    };
    let log = file.with_added_extension("passed");
    let before = std::fs::read_to_string(&log).map_or(0, |text| text.lines().count());
    let opened = OpenOptions::new().append(true).create(true).open(&log);
    let written = opened.and_then(|mut log| writeln!(log, "{name}"));
    // A point that cannot be counted ends the process too: the test sees it.
    if written.is_err() || before + 1 == last {
        raise(Signal::SIGKILL).unwrap_or_else(|_| std::process::abort());
    }
}
