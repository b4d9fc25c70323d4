//! `utils system` [cucm-behaviour.md 1.7].

use ringfence_core::upgrade::CarriedRecovery;
use ringfence_core::{CoreError, Surroundings};

use crate::question::Question;
use crate::session::{Reply, Session};

impl Session {
    pub(crate) fn ask_to_switch_version(&mut self, release: &str, renew: bool) -> Reply {
        let recovery = if renew { CarriedRecovery::Renewed } else { CarriedRecovery::Kept };
        self.ask(Question::SwitchVersion { release: release.to_owned(), recovery })
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
