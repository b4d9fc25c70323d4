//! *Prepare Cluster for Rollback to pre 8.0*: the ITL is blanked (its TFTP and TVS records; CAPF stays, the CTL is not touched), so that
//! phones without a CTL accept unsigned files and any list [sources/trust-lists#blank-list].

use cluster::parameters::REFUSAL;
use cluster::rows::{HeldListRow, NodeRow};
use pki::listing::ListKind;

use crate::CoreError;
use crate::alarms::Receiver;
use crate::cluster::Cluster;
use crate::guard::Behind;
use cluster::actor::{Actor, Level};
use cluster::alarms::{ROLLBACK_DISABLED, ROLLBACK_ENABLED};
use cluster::parameters::ROLLBACK;
use cluster::surroundings::Surroundings;

/// Row of `processconfig` that is ours: when the last rollback was over, milliseconds since 1970 UTC.
const ROLLBACK_ENDED: &str = "RingfenceRollbackEnded";

/// What stands above everything that the shell shows of trust while it is on.
pub const WARNING: &str = "WARNING: Prepare Cluster for Rollback to pre 8.0 is on. The ITL file is blank: phones that fetch it \
                           check neither configs nor lists, and their HTTPS services fail. `set rollback disable` ends it.";

impl Cluster {
    /// Turns the preparation on or off. Whether that changed anything.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn set_rollback(
        &self,
        actor: &Actor,
        node: &NodeRow,
        on: bool,
        surroundings: &mut dyn Surroundings,
    ) -> Result<bool, CoreError> {
        actor.require(Level::ReadWrite)?;
        self.on_publisher(actor, node)?;
        if self.parameters().await?.rollback() == on {
            return Ok(false);
        }
        let now = surroundings.now();
        let (value, word) = if on { ("T", "enable") } else { ("F", "disable") };
        let mut transaction = self.store().begin().await?;
        transaction.set_parameter(ROLLBACK, value).await?;
        if !on {
            transaction.set_parameter(ROLLBACK_ENDED, &now.to_string()).await?;
        }
        transaction.note_change(now, "parameter", ROLLBACK).await?;
        transaction.note_change(now, "reset", "all phones (Prepare Cluster for Rollback to pre 8.0)").await?;
        transaction.note_audit(now, actor.name(), &format!("set rollback {word}"), value).await?;
        let message = format!("{ROLLBACK} set to {value} by {}", actor.name());
        if on {
            self.stand(&mut transaction, node, &ROLLBACK_ENABLED, "", &message, now).await?;
        } else {
            transaction.clear_alarm(ROLLBACK_ENABLED.name, "").await?;
            transaction.forget_told_alarm(ROLLBACK_ENABLED.name, "").await?;
            self.alarm(&mut transaction, node, &ROLLBACK_DISABLED, &message, &Receiver::ALL, now).await?;
        }
        transaction.commit().await?;
        self.settle_change(surroundings).await?;
        if !on {
            // What was fetched until here may still be blank.
            let ended = surroundings.now().to_string();
            let mut transaction = self.store().begin().await?;
            transaction.set_parameter(ROLLBACK_ENDED, &ended).await?;
            transaction.commit().await?;
        }
        Ok(true)
    }

    /// Certificates are not renewed meanwhile: phones that hold a blank ITL believe everybody, the others would miss it.
    ///
    /// # Errors
    /// [`CoreError::Refused`].
    pub(crate) async fn refuse_during_rollback(&self) -> Result<(), CoreError> {
        if !self.parameters().await?.rollback() {
            return Ok(());
        }
        let text = "Prepare Cluster for Rollback to pre 8.0 is on; no certificate is renewed until `set rollback disable` and all \
                    phones have fetched their ITL file again";
        Err(CoreError::refused(REFUSAL, text))
    }

    /// Phones that have not fetched an ITL since the rollback was over hold the blank one, or one from before.
    ///
    /// # Errors
    /// [`CoreError::Refused`], which may be overruled: a phone that is gone fetches nothing.
    pub(crate) async fn check_rollback_over(&self, now: i64) -> Result<(), CoreError> {
        let rows = self.store().parameters().await?;
        let Some(ended) = rows.iter().find(|(name, _)| name == ROLLBACK_ENDED) else { return Ok(()) };
        let ended: i64 = ended.1.parse().map_err(CoreError::internal)?;
        let held = self.waited_for(ListKind::Itl, now).await?;
        let fails = |held: &HeldListRow| held.fetched.as_ref().is_none_or(|fetched| fetched.fetched_at <= ended);
        let Some(Behind { count, names, strangers }) = Behind::of(&held, fails) else { return Ok(()) };
        let text = format!(
            "{count} have not fetched their ITL file since Prepare Cluster for Rollback to pre 8.0 was turned off: {names}. \
             `show itl status` lists them; reset them and wait{strangers}"
        );
        Err(CoreError::refused("phones-hold-blank-list", text))
    }
}
