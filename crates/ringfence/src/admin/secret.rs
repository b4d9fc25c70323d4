//! A password typed on a terminal: a star for each letter, no history.

use std::borrow::Cow;

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::history::MemHistory;
use rustyline::validate::Validator;
use rustyline::{Config, Editor, Helper};

use crate::exit::Failure;

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
