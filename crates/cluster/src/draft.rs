//! A change while it is decided: what the cluster is with what was written until here.

use crate::State;
use crate::write::Write;

/// A state, and the writes that led to it.
#[derive(Debug, Clone)]
pub struct Draft {
    state: State,
    writes: Vec<Write>,
}

impl Draft {
    /// Nothing is written yet.
    pub fn new(state: State) -> Self {
        Self { state, writes: Vec::new() }
    }

    /// What the cluster is now.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The writes, in order.
    pub fn writes(&self) -> &[Write] {
        &self.writes
    }

    /// One more.
    pub fn write(&mut self, write: Write) {
        self.state.apply(&write);
        self.writes.push(write);
    }

    /// Whoever listens hears of a change.
    pub fn tell(&mut self, kind: &'static str, subject: impl Into<String>) {
        self.write(Write::Change { kind, subject: subject.into() });
    }

    /// Sets a parameter.
    pub fn set_parameter(&mut self, name: &str, value: &str) {
        self.write(Write::Parameter { name: name.to_owned(), value: value.to_owned() });
    }
}
