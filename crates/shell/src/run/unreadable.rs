//! `utils unreadable list|delete`: ours.

use cluster::Surroundings;
use cluster::rows::Unreadable;
use ringfence_core::CoreError;

use crate::run::capf::counted;
use crate::session::{Reply, Session, behind, one_line};

/// A line for each.
pub(crate) fn lines(all: &[Unreadable]) -> String {
    all.iter().map(|unreadable| one_line(&unreadable.to_string()) + "\n").collect()
}

impl Session {
    pub(crate) async fn list_unreadable(&self) -> Result<Reply, CoreError> {
        let all = self.cluster.unreadable().await?;
        if all.is_empty() {
            return Ok(Reply::done("Everything can be read.\n"));
        }
        Ok(Reply::done(format!("{}{}\n", lines(&all), counted(all.len(), "unreadable row or file"))))
    }

    pub(crate) async fn delete_unreadable(
        &self,
        place: (&str, &str),
        force: Option<&str>,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let behind = behind(self.cluster.delete_unreadable(&self.actor, place, force, surroundings).await.map(drop))?;
        let text = format!("Successfully deleted {} {}.\n", one_line(place.0), one_line(place.1));
        Ok(Reply::changed(text, behind.as_ref()))
    }
}
