//! `utils system` [sources/shell#system].

use cluster::Surroundings;
use cluster::releases::release;
use cluster::releases::switch::{CarriedRecovery, SwitchRelease};
use ringfence_core::CoreError;

use crate::question::Question;
use crate::session::{Reply, Session, one_line};

impl Session {
    pub(crate) async fn ask_to_switch_version(
        &mut self,
        name: &str,
        renew: bool,
        now: i64,
    ) -> Result<Reply, CoreError> {
        let recovery = if renew { CarriedRecovery::Renewed } else { CarriedRecovery::Kept };
        let wanted = SwitchRelease { name: name.to_owned(), recovery };
        self.cluster.check(&self.actor, &self.node, &wanted, now).await?;
        let lost = match release(name) {
            Some(to) => self.cluster.anchors_lost_by(to).await?,
            None => None,
        };
        let warning = lost.map(|text| format!("WARNING: in release {name} {}.\n", one_line(&text)));
        let question = Question::SwitchVersion { release: name.to_owned(), recovery };
        Ok(self.ask(question).above(&warning.unwrap_or_default()))
    }

    pub(crate) async fn switch_version(
        &self,
        to: &str,
        recovery: CarriedRecovery,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let from = self
            .cluster
            .perform(&self.actor, &self.node, &SwitchRelease { name: to.to_owned(), recovery }, surroundings)
            .await?;
        let warnings = self.anchor_warnings().await?;
        Ok(Reply::done(format!("Switched from release {} to release {to}.\n{warnings}", from.name)))
    }
}
