//! What goes to stdout and stderr. Colours only on a terminal; nothing from a file can steer the terminal.

use std::io::{ErrorKind, Write};

use anstyle::{AnsiColor, Style};

use crate::exit::Failure;

/// For yes, valid, added.
pub const GOOD: Style = AnsiColor::Green.on_default().bold();
/// For no, invalid, removed.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// For changed, and for warnings.
pub const NOTICE: Style = AnsiColor::Yellow.on_default().bold();

/// A word in a style.
pub fn paint(style: Style, word: &str) -> String {
    format!("{style}{word}{style:#}")
}

/// Writes to stdout. A reader that went away (`| head`) is no error.
///
/// # Errors
/// [`Failure::CouldNotTell`] when stdout takes no more, such as a full disk.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    quiet_pipe(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
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
    stderr(&format!("{} {}\n", paint(NOTICE, "warning:"), one_line(text)));
}

/// The one line of a failure.
pub fn error(text: &str) {
    stderr(&format!("{}\n", one_line(text)));
}

fn stderr(text: &str) {
    let mut out = anstream::stderr().lock();
    // Nobody is left to tell when stderr is closed; the exit code still speaks.
    drop(out.write_all(text.as_bytes()));
}

/// The text with control characters spelled out, so that a file name or a field cannot move the cursor or add a line.
pub fn one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            out.extend(character.escape_default());
        } else {
            out.push(character);
        }
    }
    out
}

/// Bytes of a text field for people: what is not UTF-8 becomes a replacement character.
pub fn field_text(bytes: &[u8]) -> String {
    one_line(&String::from_utf8_lossy(bytes))
}

/// A finished line on stderr, styles included: for an answer when stdout carries the result itself.
pub fn note(line: &str) {
    stderr(&format!("{line}\n"));
}
