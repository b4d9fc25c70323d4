//! How a task ends when it does not end well.

use std::fmt;

/// Why a task stopped: one sentence that names the place, the reason and the next step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    sentence: String,
    code: u8,
}

impl Stop {
    /// The work was done and the answer is no: exit code 1.
    pub fn failed(sentence: impl Into<String>) -> Self {
        Self { sentence: sentence.into(), code: 1 }
    }

    /// The work could not be done: exit code 2.
    pub fn unable(sentence: impl Into<String>) -> Self {
        Self { sentence: sentence.into(), code: 2 }
    }

    /// The command line makes no sense: exit code 64.
    pub fn usage(sentence: impl Into<String>) -> Self {
        Self { sentence: sentence.into(), code: 64 }
    }

    /// The exit code, as the README lists them.
    pub fn code(&self) -> u8 {
        self.code
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}
