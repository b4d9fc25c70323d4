//! `utils system` [sources/shell#system].

use cluster::Surroundings;
use ringfence_core::CoreError;
use ringfence_core::upgrade::CarriedRecovery;

use crate::question::Question;
use crate::session::{Reply, Session, one_line};

impl Session {
    pub(crate) async fn ask_to_switch_version(&mut self, name: &str, renew: bool) -> Result<Reply, CoreError> {
        let recovery = if renew { CarriedRecovery::Renewed } else { CarriedRecovery::Kept };
        let to = self.cluster.check_switch(&self.actor, &self.node, name, recovery).await?;
        let lost = self.cluster.anchors_lost_by(to).await?;
        let warning = lost.map(|text| format!("WARNING: in release {name} {}.\n", one_line(&text)));
        let question = Question::SwitchVersion { release: name.to_owned(), recovery };
        Ok(self.ask(question).above(&warning.unwrap_or_default()))
    }

    pub(crate) async fn switch_version(
        &self,
        release: &str,
        recovery: CarriedRecovery,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let from = self.cluster.switch_release(&self.actor, &self.node, release, recovery, surroundings).await?;
        let warnings = self.anchor_warnings().await?;
        Ok(Reply::done(format!("Switched from release {} to release {release}.\n{warnings}", from.name)))
    }
}
