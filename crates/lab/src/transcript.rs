//! What a scenario shows while it runs: headings, what the administrator types and sees, what logs and phones say.

use anstyle::{AnsiColor, Style};

use crate::Failure;

const HEADING: Style = Style::new().bold();
const TYPED: Style = AnsiColor::Cyan.on_default();
const QUIET: Style = Style::new().dimmed();

/// Lines of one block of a log at most: the lists are long, and the reader has the files.
const BLOCK_LIMIT: usize = 40;

/// Takes a text with its styles and shows it.
pub type Screen = fn(&str) -> Result<(), Failure>;

/// Writes a transcript to a screen.
pub struct Transcript {
    screen: Screen,
    step: usize,
}

impl Transcript {
    /// Begins the transcript of a scenario.
    pub fn begin(screen: Screen, name: &str, purpose: &str) -> Result<Self, Failure> {
        screen(&format!("\n{}\n{purpose}\n", paint(HEADING, &format!("=== {name}"))))?;
        Ok(Self { screen, step: 0 })
    }

    /// The same transcript for a second cluster of the scenario; the steps are told by the first.
    pub fn shared(&self) -> Self {
        Self { screen: self.screen, step: self.step }
    }

    /// A numbered step in words.
    pub fn step(&mut self, text: &str) -> Result<(), Failure> {
        self.step += 1;
        (self.screen)(&format!("\n{}\n", paint(HEADING, &format!("{}. {text}", self.step))))
    }

    /// What the administrator types behind a prompt.
    pub fn typed(&self, prompt: &str, line: &str) -> Result<(), Failure> {
        (self.screen)(&format!("{prompt}{}\n", paint(TYPED, line)))
    }

    /// What comes back, as it is.
    pub fn output(&self, text: &str) -> Result<(), Failure> {
        let tail = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        (self.screen)(&format!("{text}{tail}"))
    }

    /// Lines of a log or a screen, indented under their title.
    pub fn block(&self, title: &str, lines: &[String]) -> Result<(), Failure> {
        (self.screen)(&format!("{}\n", paint(QUIET, &format!("  -- {title}"))))?;
        for line in lines.iter().take(BLOCK_LIMIT) {
            (self.screen)(&format!("  {line}\n"))?;
        }
        match lines.len().checked_sub(BLOCK_LIMIT) {
            None | Some(0) => Ok(()),
            Some(more) => (self.screen)(&format!("  [... {more} more lines]\n")),
        }
    }
}

/// A text in a style.
fn paint(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}
