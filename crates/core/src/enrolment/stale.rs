//! Stale LSCs: those that do not hang on the CAPF in use, are over, or whose device is gone
//! [cucm-behaviour.md 1.2, `utils capf stale-lsc`].

use store::rows::{LscRow, LscState};

use crate::CoreError;
use crate::actor::{Actor, Level};
use crate::cluster::Cluster;
use crate::surroundings::Surroundings;

use super::Authority;
use super::schedule::{listed, note_devices};

/// A stale LSC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaleLsc {
    /// The LSC, *Signed* or *Confirmed*.
    pub lsc: LscRow,
    /// Its CAPF is not the one in use.
    pub old_capf: bool,
    /// It is not valid any more.
    pub expired: bool,
    /// Its device is not known any more.
    pub device_gone: bool,
}

impl StaleLsc {
    /// Why it is stale, in a few words for a table.
    pub fn reason(&self) -> String {
        let reasons =
            [(self.old_capf, "issued by an old CAPF"), (self.expired, "expired"), (self.device_gone, "device is gone")];
        let said: Vec<&str> = reasons.iter().filter(|(says, _)| *says).map(|(_, text)| *text).collect();
        said.join(", ")
    }
}

impl Cluster {
    /// `utils capf stale-lsc list`: by device. `now` in milliseconds since 1970 UTC.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn stale_lscs(&self, now: i64) -> Result<Vec<StaleLsc>, CoreError> {
        let authority = Authority::load(self).await?;
        let now = now / 1000;
        let devices: std::collections::HashSet<String> =
            self.store().devices().await?.into_iter().map(|device| device.name).collect();
        let live = |row: &LscRow| matches!(row.state, LscState::Signed | LscState::Confirmed);
        let mut stale = Vec::new();
        for lsc in self.store().lscs().await?.into_iter().filter(live) {
            let found = StaleLsc {
                old_capf: !authority.issues(&lsc.issuer_fingerprint),
                expired: lsc.not_after < now,
                device_gone: !devices.contains(&lsc.device),
                lsc,
            };
            if found.old_capf || found.expired || found.device_gone {
                stale.push(found);
            }
        }
        Ok(stale)
    }

    /// `utils capf stale-lsc delete all`: gives up what is stale. The phones keep their certificates until they enrol again,
    /// but nothing hangs on an old CAPF here any more. What was deleted.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn delete_stale_lscs(
        &self,
        actor: &Actor,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Vec<StaleLsc>, CoreError> {
        actor.require(Level::ReadWrite)?;
        let now = surroundings.now();
        let stale = self.stale_lscs(now).await?;
        let mut transaction = self.store().begin().await?;
        let mut names = Vec::new();
        for found in &stale {
            transaction.delete_lsc(&found.lsc.pkid, now).await?;
            if found.lsc.state == LscState::Confirmed {
                transaction.forget_public_key(&found.lsc.device).await?;
            }
            names.push(found.lsc.device.clone());
        }
        names.dedup();
        note_devices(&mut transaction, now, &names).await?;
        let result = format!("{} LSCs of {}", stale.len(), listed(&names));
        transaction.note_audit(now, actor.name(), "utils capf stale-lsc delete all", &result).await?;
        transaction.commit().await?;
        Ok(stale)
    }
}
