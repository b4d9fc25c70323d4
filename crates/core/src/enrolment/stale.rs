//! Stale LSCs: those that are not by the issuer in use, are over, or whose device is gone
//! [sources/capf#phone-block], [sources/shell#certificate-commands].

use std::collections::HashMap;

use cluster::rows::{LscRow, LscState};

use crate::CoreError;
use crate::cluster::Cluster;
use cluster::actor::{Actor, Level};
use cluster::surroundings::Surroundings;

use super::Authority;
use super::schedule::{needs_its_lsc, needs_lsc, note_devices};
use super::selection::listed;

/// A stale LSC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaleLsc {
    /// The LSC, *Signed* or *Confirmed*.
    pub lsc: LscRow,
    /// It is not by the issuer in use: CAPF, or with an offline CA the CAs of CAPF-trust.
    pub other_issuer: bool,
    /// It is not valid any more.
    pub expired: bool,
    /// Its device is not known any more.
    pub device_gone: bool,
    /// Its device opens its encrypted config with it and has no MIC that is known: it is not given up.
    pub needed: bool,
}

impl StaleLsc {
    /// Why it is stale, in a few words for a table.
    pub fn reason(&self) -> String {
        let reasons = [
            (self.other_issuer, "not by the issuer in use"),
            (self.expired, "expired"),
            (self.device_gone, "device is gone"),
        ];
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
        let devices: HashMap<String, bool> =
            self.store().enrolments().await?.into_iter().map(|row| (row.device.clone(), needs_lsc(&row))).collect();
        let live = |row: &LscRow| matches!(row.state, LscState::Signed | LscState::Confirmed);
        let mut stale = Vec::new();
        for lsc in self.store().lscs().await?.into_iter().filter(live) {
            let found = StaleLsc {
                other_issuer: !authority.issues(&lsc.issuer_fingerprint),
                expired: lsc.not_after < now,
                device_gone: !devices.contains_key(&lsc.device),
                needed: devices.get(&lsc.device) == Some(&true),
                lsc,
            };
            if found.other_issuer || found.expired || found.device_gone {
                stale.push(found);
            }
        }
        Ok(stale)
    }

    /// `utils capf stale-lsc delete all`: gives up what is stale. The phones keep their certificates until they enrol again,
    /// but nothing hangs on an old CAPF here any more. What is [`StaleLsc::needed`] stays. What was deleted.
    ///
    /// # Errors
    /// [`CoreError`]: the level; all that is stale is needed.
    pub async fn delete_stale_lscs(
        &self,
        actor: &Actor,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Vec<StaleLsc>, CoreError> {
        actor.require(Level::ReadWrite)?;
        let now = surroundings.now();
        // The right to write first: what is read then stays so.
        let mut transaction = self.store().begin().await?;
        let (needed, stale): (Vec<StaleLsc>, Vec<StaleLsc>) =
            self.stale_lscs(now).await?.into_iter().partition(|found| found.needed);
        if let (Some(found), true) = (needed.first(), stale.is_empty()) {
            return Err(needs_its_lsc(&found.lsc.device));
        }
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
        let result = format!("{} of {}", cluster::counted(stale.len(), "LSC"), listed(&names));
        transaction.note_audit(now, actor.name(), "utils capf stale-lsc delete all", &result).await?;
        transaction.commit().await?;
        Ok(stale)
    }
}
