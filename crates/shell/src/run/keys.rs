//! `utils key list|collect`: ours, because the original leaves old keys where they are.

use cluster::Surroundings;
use ringfence_core::CoreError;
use ringfence_core::unused_keys::UnusedKey;

use crate::question::Question;
use crate::run::capf::{counted, table};
use crate::session::{Reply, Session};

/// What there is to say when there is nothing.
const NOTHING: &str = "No unused keys found.\n";

impl Session {
    fn key_table(&self, keys: &[UnusedKey]) -> String {
        let row = |key: &UnusedKey| {
            let young = if key.young { "stays: less than an hour old" } else { "" };
            [key.node.clone(), key.file.clone(), key.reason(), young.to_owned()].map(Some).to_vec()
        };
        self.table(&table(&["node", "file", "wasfor", "note"], keys.iter().map(row).collect()))
    }

    pub(crate) async fn list_unused_keys(&self, now: i64) -> Result<Reply, CoreError> {
        let keys = self.cluster.unused_keys(&self.actor, now).await?;
        if keys.is_empty() {
            return Ok(Reply::done(NOTHING));
        }
        Ok(Reply::done(format!("{}{}\n", self.key_table(&keys), counted(keys.len(), "unused key"))))
    }

    pub(crate) async fn ask_to_collect_keys(&mut self, now: i64) -> Result<Reply, CoreError> {
        let keys = self.cluster.unused_keys(&self.actor, now).await?;
        let old = keys.iter().filter(|key| !key.young).count();
        if old == 0 {
            return Ok(Reply::done(NOTHING));
        }
        Ok(self.ask(Question::CollectKeys(old)))
    }

    pub(crate) async fn collect_keys(&self, surroundings: &mut dyn Surroundings) -> Result<Reply, CoreError> {
        let removed = self.cluster.collect_unused_keys(&self.actor, surroundings).await?;
        Ok(Reply::done(format!("{} removed.\n", counted(removed.len(), "unused key"))))
    }
}
