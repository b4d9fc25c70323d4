//! `log/cli.log` of a node: every command that somebody typed, in the form of the original [sources/shell#conventions].

use cluster::rows::NodeRow;
use jiff::Timestamp;
use store::append;

use crate::CoreError;
use crate::cluster::Cluster;

/// Name of the file in the log directory of a node.
pub const FILE: &str = "cli.log";

impl Cluster {
    /// Appends the line of a command, `now` in milliseconds since 1970 UTC.
    ///
    /// # Errors
    /// [`CoreError::Store`] when the file cannot be written.
    pub fn log_command(&self, node: &NodeRow, command: &str, now: i64) -> Result<(), CoreError> {
        if self.store().is_read_only() {
            // Nobody changes anything there, and who looks knows that the disk is read-only.
            return Ok(());
        }
        let time = Timestamp::from_millisecond(now).map_err(CoreError::internal)?.to_zoned(self.zone().clone());
        let millisecond = now.rem_euclid(1000);
        let text = format!(
            "{},{millisecond:03} INFO [main] sdMain.main - running command -> [{command}]",
            time.strftime("%Y-%m-%d %H:%M:%S")
        );
        Ok(append::line(&self.directory(node).log().join(FILE), &text)?)
    }
}
