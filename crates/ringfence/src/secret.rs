//! Passwords: typed on a terminal (a star for each letter, no history), from a pipe, or from a file. Never an argument: those
//! stand in the list of processes.

use std::borrow::Cow;
use std::io::{BufRead, IsTerminal, Read};
use std::path::Path;

use pki::age::LEAST_PASSPHRASE;
use ringfence_core::named;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::history::MemHistory;
use rustyline::validate::Validator;
use rustyline::{Config, Editor, Helper};
use zeroize::Zeroizing;

use crate::exit::Failure;
use crate::terminal;

/// Bytes of a password at most: none is that long.
const LIMIT: u64 = 1024;

/// Asks for a password, on the terminal or in a line of a pipe. `None`: nothing came, or Ctrl-C.
pub fn ask(prompt: &str) -> Result<Option<Zeroizing<String>>, Failure> {
    if std::io::stdin().is_terminal() {
        return Ok(read(prompt)?.map(Zeroizing::new));
    }
    terminal::print(&format!("{prompt}\n"))?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(256));
    let read = std::io::stdin().lock().take(LIMIT).read_until(b'\n', &mut bytes);
    read.map_err(|error| Failure::of("standard input", error))?;
    if bytes.is_empty() {
        return Ok(None);
    }
    line(&bytes).map(Some).ok_or_else(|| Failure::of("standard input", "a password is not UTF-8"))
}

/// The passphrase of a backup: from a file, else asked for; a new one twice on a terminal, and not too short.
pub fn passphrase(file: Option<&Path>, new: bool) -> Result<Zeroizing<String>, Failure> {
    let again = || Failure::Refused("no passphrase, so nothing was done".to_owned());
    let given = match file {
        Some(path) => from_file(path)?,
        None => ask("Passphrase of the backup: ")?.filter(|text| !text.is_empty()).ok_or_else(again)?,
    };
    if new && given.chars().count() < LEAST_PASSPHRASE {
        let text = format!(
            "a passphrase of a backup has {LEAST_PASSPHRASE} characters at least: who finds it may try for years"
        );
        return Err(Failure::Refused(text));
    }
    if new && file.is_none() && std::io::stdin().is_terminal() && ask("The same again: ")?.as_ref() != Some(&given) {
        return Err(Failure::Refused("these are two passphrases, so nothing was done".to_owned()));
    }
    Ok(given)
}

/// The first line of a file.
pub fn from_file(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let file = named::open(path).map_err(|error| Failure::at(path, error))?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(256));
    let mut file = std::io::BufReader::new(file).take(LIMIT);
    file.read_until(b'\n', &mut bytes).map_err(|error| Failure::at(path, error))?;
    let text = line(&bytes).filter(|text| !text.is_empty());
    text.ok_or_else(|| Failure::at(path, "its first line is no password"))
}

fn line(bytes: &[u8]) -> Option<Zeroizing<String>> {
    let text = std::str::from_utf8(bytes).ok()?;
    Some(Zeroizing::new(text.trim_end_matches(['\n', '\r']).to_owned()))
}

/// Reads a password behind a prompt; `None` at Ctrl-C or Ctrl-D.
pub fn read(prompt: &str) -> Result<Option<String>, Failure> {
    let config = Config::builder().auto_add_history(false).build();
    let history = MemHistory::with_config(&config);
    let lost = |error: ReadlineError| Failure::of("terminal", error);
    let mut editor = Editor::with_history(config, history).map_err(lost)?;
    editor.set_helper(Some(Stars));
    match editor.readline(prompt) {
        Ok(line) => Ok(Some(line)),
        Err(ReadlineError::Interrupted | ReadlineError::Eof) => Ok(None),
        Err(error) => Err(lost(error)),
    }
}

/// Shows a star for each letter.
struct Stars;

impl Highlighter for Stars {
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        Cow::Owned("*".repeat(line.chars().count()))
    }

    fn highlight_char(&self, _: &str, _: usize, _: CmdKind) -> bool {
        true
    }
}

impl Completer for Stars {
    type Candidate = String;
}
impl Hinter for Stars {
    type Hint = String;
}
impl Validator for Stars {}
impl Helper for Stars {}
