//! What a scenario shows while it runs: headings, what the administrator types and sees, what logs and phones say.

use anstyle::{AnsiColor, Style};

use crate::exit::Failure;
use crate::terminal;

const HEADING: Style = Style::new().bold();
const TYPED: Style = AnsiColor::Cyan.on_default();
const QUIET: Style = Style::new().dimmed();

/// Lines of one block of a log at most: the lists are long, and the reader has the files.
const BLOCK_LIMIT: usize = 40;

/// Writes a transcript to standard output.
pub struct Transcript {
    step: usize,
}

impl Transcript {
    /// Begins the transcript of a scenario.
    pub fn begin(name: &str, purpose: &str) -> Result<Self, Failure> {
        terminal::print(&format!("\n{}\n{purpose}\n", terminal::paint(HEADING, &format!("=== {name}"))))?;
        Ok(Self { step: 0 })
    }

    /// The same transcript for a second cluster of the scenario; the steps are told by the first.
    pub fn shared(&self) -> Self {
        Self { step: self.step }
    }

    /// A numbered step in words.
    pub fn step(&mut self, text: &str) -> Result<(), Failure> {
        self.step += 1;
        terminal::print(&format!("\n{}\n", terminal::paint(HEADING, &format!("{}. {text}", self.step))))
    }

    /// What the administrator types behind a prompt.
    pub fn typed(&self, prompt: &str, line: &str) -> Result<(), Failure> {
        terminal::print(&format!("{prompt}{}\n", terminal::paint(TYPED, line)))
    }

    /// What comes back, as it is.
    pub fn output(&self, text: &str) -> Result<(), Failure> {
        let tail = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        terminal::print(&format!("{text}{tail}"))
    }

    /// Lines of a log or a screen, indented under their title.
    pub fn block(&self, title: &str, lines: &[String]) -> Result<(), Failure> {
        terminal::print(&format!("{}\n", terminal::paint(QUIET, &format!("  -- {title}"))))?;
        for line in lines.iter().take(BLOCK_LIMIT) {
            terminal::print(&format!("  {line}\n"))?;
        }
        match lines.len().checked_sub(BLOCK_LIMIT) {
            None | Some(0) => Ok(()),
            Some(more) => terminal::print(&format!("  [... {more} more lines]\n")),
        }
    }
}
