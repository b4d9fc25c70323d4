//! `run sql`: one `select`, typed by an administrator, that can change nothing and shows no secret.
//!
//! * [`gate`]: a parser reads the statement and writes it anew from a list of tables, columns and functions
//! * `wall`: the connection behind it, which cannot write

mod expression;
pub mod gate;
mod tables;
mod wall;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub use gate::Question;

use crate::{Store, StoreError};

/// What one `run sql` may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// From the call to the answer, waiting for others among it.
    pub time: Duration,
    /// Rows of the answer.
    pub rows: usize,
    /// Bytes of the answer in memory.
    pub bytes: usize,
}

impl Default for Limits {
    /// A look at all devices of the largest cluster, and no node or terminal drowns.
    fn default() -> Self {
        Self { time: Duration::from_secs(10), rows: 100_000, bytes: 64 << 20 }
    }
}

/// The answer to a `select`: texts as they are printed, `None` for NULL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Column names.
    pub columns: Vec<String>,
    /// Rows.
    pub rows: Vec<Vec<Option<String>>>,
}

/// Ends the statement when nobody waits for its answer any more.
struct StopWhenDropped(Arc<AtomicBool>);

impl Drop for StopWhenDropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Store {
    /// Runs what passed the gate. One at a time in a process: who types much waits for himself.
    ///
    /// # Errors
    /// [`StoreError::Statement`]: a limit, or what the database says about the statement.
    pub async fn select(&self, question: &Question, limits: Limits) -> Result<Table, StoreError> {
        let (stop, sql) = (StopWhenDropped(Arc::default()), question.sql().to_owned());
        let (file, turn, stopped) = (Arc::clone(self.file()), Arc::clone(self.one_select()), Arc::clone(&stop.0));
        let answer = async move {
            let turn = turn.lock_owned().await;
            let run = move || {
                let _turn = turn;
                wall::run(&file, &sql, limits, &stopped)
            };
            tokio::task::spawn_blocking(run)
                .await
                .map_err(|error| StoreError::Statement(format!("run sql: {error}")))?
        };
        match tokio::time::timeout(limits.time, answer).await {
            Ok(answer) => answer,
            Err(_) => Err(wall::too_much(&format!("{} s", limits.time.as_secs_f32()))),
        }
    }
}

#[cfg(test)]
mod tests;
