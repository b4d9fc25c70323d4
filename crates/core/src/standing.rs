//! The alarms that stand.

use cluster::alarms::PHONES_NOT_ADDED;
use cluster::rows::StandingAlarmRow;
use cluster::wording::listed;
use pki::listing::ListKind;

use crate::CoreError;
use crate::cluster::Cluster;

impl Cluster {
    /// The alarms that stand, the oldest first.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn standing_alarms(&self) -> Result<Vec<StandingAlarmRow>, CoreError> {
        let mut alarms = self.store().standing_alarms().await?;
        // how many there are changes while it stands
        if let Some(alarm) = alarms.iter_mut().find(|alarm| alarm.name == PHONES_NOT_ADDED.name) {
            let mut names = Vec::new();
            for kind in [ListKind::Ctl, ListKind::Itl] {
                let held = self.held_lists(kind).await?;
                names.extend(held.into_iter().filter(|held| !held.known).map(|held| held.device));
            }
            names.sort();
            names.dedup();
            let holders = if names.len() == 1 { "phone holds" } else { "phones hold" };
            let said = format!("{} {holders} trust lists: {}", names.len(), listed(&names));
            alarm.text = format!("{said}. {}", PHONES_NOT_ADDED.meaning);
        }
        Ok(alarms)
    }
}
