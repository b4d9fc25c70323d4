//! What goes to stdout and stderr. Colours only on a terminal; nothing from a file can steer the terminal. Tables have the width of the terminal; in
//! a pipe or a file a row is a line.

use std::io::{ErrorKind, IsTerminal, Write};

use anstyle::{AnsiColor, Style};
pub use cluster::counted;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;
use shell::columns::{Columns, Look, USUAL, wrap_lines};
use wire::printable;
pub use wire::printable::one_line;

use crate::exit::Failure;

/// For yes, valid, added.
pub const GOOD: Style = AnsiColor::Green.on_default().bold();
/// For no, invalid, removed.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// For changed, and for warnings.
pub const NOTICE: Style = AnsiColor::Yellow.on_default().bold();

/// Columns of the terminal that stdout is: its own, or `COLUMNS`, which counts for a pipe too. Without any `None`: lines have no end there.
pub fn columns() -> Option<usize> {
    let set = std::env::var("COLUMNS").ok().and_then(|text| text.parse::<usize>().ok());
    let own = || {
        let size = terminal_size::terminal_size_of(std::io::stdout()).map(|(columns, _)| usize::from(columns.0));
        std::io::stdout().is_terminal().then(|| size.filter(|columns| *columns > 0).unwrap_or(USUAL))
    };
    set.filter(|columns| *columns > 0).or_else(own)
}

/// A text of ours in lines of the screen.
pub fn screen(text: &str) -> String {
    columns().map_or_else(|| text.to_owned(), |columns| wrap_lines(text, columns))
}

/// The columns of a table of ours, by rows that stand in it.
pub fn fit(titles: &[&str], rows: &[Vec<String>]) -> Columns {
    Columns::fit(titles, rows, columns(), Look::Plain)
}

/// The titles of a table, bold on a terminal.
pub fn head(columns: &Columns) -> String {
    columns.head().lines().map(|line| paint(Style::new().bold(), line) + "\n").collect()
}

/// A table of ours.
pub fn table(titles: &[&str], rows: &[Vec<String>]) -> String {
    let columns = fit(titles, rows);
    head(&columns) + &columns.rows(rows)
}

/// How far a long work is, on stderr. It is drawn on a terminal only, and not beside a pipe: whoever reads there (`less`, `head`) has the screen. What
/// was drawn goes with it, however the work ends.
pub struct Progress(ProgressBar);

impl Progress {
    /// A bar for so many steps. The template is that of `indicatif`, with `{rate}` for whole steps in a second.
    pub fn new(total: usize, template: &str) -> Self {
        if in_pipe() {
            return Self::hidden();
        }
        let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::stderr());
        let rate = |state: &indicatif::ProgressState, out: &mut dyn std::fmt::Write| {
            write!(out, "{}/s", rounded(state.per_sec())).unwrap_or_default();
        };
        Self(match ProgressStyle::with_template(template) {
            Ok(style) => bar.with_style(style.with_key("rate", rate)),
            Err(_) => bar,
        })
    }

    /// No bar: the work is short.
    pub fn hidden() -> Self {
        Self(ProgressBar::hidden())
    }

    /// So many steps are done.
    pub fn reached(&self, done: usize) {
        self.0.set_position(done as u64);
    }

    /// So many steps more are done.
    pub fn add(&self, steps: usize) {
        self.0.inc(steps as u64);
    }

    /// Prints something while it is out of the way.
    pub fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        self.0.suspend(print)
    }

    /// A word behind it.
    pub fn say(&self, text: String) {
        self.0.set_message(text);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// A rate for people: whole steps, and tenths below ten.
fn rounded(rate: f64) -> String {
    if rate < 9.95 { format!("{rate:.1}") } else { format!("{rate:.0}") }
}

/// Whether stdout is read by another program.
fn in_pipe() -> bool {
    use std::os::fd::AsFd;
    let about = nix::sys::stat::fstat(std::io::stdout().as_fd());
    about.is_ok_and(|about| {
        let kind = nix::sys::stat::SFlag::from_bits_truncate(about.st_mode) & nix::sys::stat::SFlag::S_IFMT;
        kind == nix::sys::stat::SFlag::S_IFIFO || kind == nix::sys::stat::SFlag::S_IFSOCK
    })
}

/// A word in a style.
pub fn paint(style: Style, word: &str) -> String {
    format!("{style}{word}{style:#}")
}

/// A value for machines, over several lines; what is not printable in its strings is `\u202e`, which they read as the same.
pub fn json(value: &Value) -> String {
    printable::json(&format!("{value:#}\n")).into_owned()
}

/// The same in one line.
pub fn json_line(value: &Value) -> String {
    printable::json(&format!("{value}\n")).into_owned()
}

/// Writes to stdout. A reader that went away (`| head`) is no error.
///
/// # Errors
/// [`Failure::CouldNotTell`] when stdout takes no more, such as a full disk.
pub fn print(text: &str) -> Result<(), Failure> {
    print_on(text).map(drop)
}

/// The same; whether anybody is left to read more.
///
/// # Errors
/// As [`print()`].
pub fn print_on(text: &str) -> Result<bool, Failure> {
    let mut out = anstream::stdout().lock();
    let written = out.write_all(printable::styled(text).as_bytes()).and_then(|()| out.flush());
    let gone = written.as_ref().is_err_and(|error| error.kind() == ErrorKind::BrokenPipe);
    quiet_pipe(written).map(|()| !gone)
}

/// Writes bytes of a file to stdout as they are.
///
/// # Errors
/// As [`print()`].
pub fn print_bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    quiet_pipe(out.write_all(bytes).and_then(|()| out.flush()))
}

fn quiet_pipe(result: std::io::Result<()>) -> Result<(), Failure> {
    match result {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::of("standard output", error)),
        _ => Ok(()),
    }
}

/// One line on stderr that the user should know.
pub fn warn(text: &str) {
    stderr(&format!("{}\n", warning(text)));
}

/// The same without the end of the line.
pub fn warning(text: &str) -> String {
    format!("{} {}", paint(NOTICE, "warning:"), one_line(text))
}

/// The one line of a failure.
pub fn error(text: &str) {
    stderr(&format!("{}\n", one_line(text)));
}

fn stderr(text: &str) {
    let mut out = anstream::stderr().lock();
    // Nobody is left to tell when stderr is closed; the exit code still speaks.
    drop(out.write_all(printable::styled(text).as_bytes()));
}

/// Bytes of a text field for people: what is not UTF-8 becomes a replacement character.
pub fn field_text(bytes: &[u8]) -> String {
    one_line(&String::from_utf8_lossy(bytes))
}

/// Lines of an error on stderr, as a command printed them.
pub fn told(text: &str) {
    stderr(text);
}

/// A finished line on stderr, styles included: for an answer when stdout carries the result itself.
pub fn note(line: &str) {
    stderr(&format!("{line}\n"));
}

#[cfg(test)]
mod tests {
    use super::rounded;

    #[test]
    fn rates_are_rounded() {
        assert_eq!([0.044, 9.94, 9.96, 123.456].map(rounded), ["0.0", "9.9", "10", "123"]);
    }
}
