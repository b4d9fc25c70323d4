//! `utils audit`.

use cluster::moment;
use ringfence_core::CoreError;
use ringfence_core::audit::LIST_DEFAULT;

use crate::session::{Outcome, Reply, Session, UNSUCCESSFUL, one_line};

impl Session {
    pub(crate) async fn list_audit(&self, count: &str) -> Result<Reply, CoreError> {
        let count =
            match count {
                "" => LIST_DEFAULT,
                typed => typed.parse().ok().filter(|count| *count > 0).ok_or_else(|| {
                    CoreError::BadInput(format!("`{}` is not a number of entries", typed.escape_debug()))
                })?,
            };
        let mut text = String::new();
        for row in self.cluster.last_audit(&self.actor, count).await? {
            let time = moment(row.at, self.cluster.zone());
            let line = format!("{} {time} {}: {} -> {}", row.seq, row.actor, row.command, row.result);
            text.push_str(&one_line(&line));
            text.push('\n');
        }
        Ok(Reply::done(text))
    }

    pub(crate) async fn verify_audit(&self) -> Result<Reply, CoreError> {
        let verdict = self.cluster.verify_audit(&self.actor).await?;
        let mut text = format!("Entries: {}\nLast hash: {}\n", verdict.entries, verdict.head);
        if verdict.half_lines > 0 {
            text.push_str(&format!(
                "Half lines of log/audit.log, which are no alteration: {}. A disk was full, or the machine or the program ended\n\
                 while one was written. log/audit.log.half has those that were set aside.\n",
                verdict.half_lines
            ));
        }
        if verdict.faults.is_empty() {
            text.push_str("The audit log is whole.\n");
            return Ok(Reply::done(text));
        }
        for fault in &verdict.faults {
            text.push_str(&format!("{fault}\n"));
        }
        text.push_str("The audit log was altered. Compare it with a copy of log/audit.log from another machine.\n");
        text.push_str(UNSUCCESSFUL);
        Ok(Reply { outcome: Outcome::Refused, ..Reply::done(text) })
    }
}
